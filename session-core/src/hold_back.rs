//! Growing, jittered pauses between tries: 0.5 s, doubled each time, at most 15 s.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(15);

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct HoldBack {
    tries: u32,
}

impl HoldBack {
    /// The pause before the next try. `random` is 0…255, from wherever the driver has it.
    pub fn next_pause(&mut self, random: u8) -> Duration {
        let base = FIRST.saturating_mul(1 << self.tries.min(5)).min(MOST);
        self.tries = self.tries.saturating_add(1);
        base.mul_f64(0.5 + f64::from(random) / 510.0)
    }

    pub fn reset(&mut self) {
        self.tries = 0;
    }
}
