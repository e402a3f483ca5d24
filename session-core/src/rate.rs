//! A token bucket: so many a second, with a burst of twice as many.

use std::time::{Duration, Instant};

/// See the module documentation. Starts full.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    level: f64,
    at: Option<Instant>,
}

impl Bucket {
    pub fn new(per_second: u32) -> Self {
        Self::with_burst(per_second, per_second.saturating_mul(2))
    }

    pub fn with_burst(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: per_second.into(),
            burst: burst.into(),
            level: burst.into(),
            at: None,
        }
    }

    /// So many in that time, which is not nothing, and so many at once.
    pub fn per(many: u32, time: Duration, burst: u32) -> Self {
        Self {
            per_second: f64::from(many) / time.as_secs_f64(),
            ..Self::with_burst(0, burst)
        }
    }

    /// How long until there is one, if none is taken meanwhile. Without a rate it is as long as can be said.
    pub fn wait(&self, now: Instant) -> Duration {
        let passed = self
            .at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        let missing = (1.0 - self.level - passed * self.per_second).max(0.0);
        // A thousandth more: what is taken then is not missed by rounding.
        Duration::try_from_secs_f64(missing / self.per_second + 0.001).unwrap_or(Duration::MAX)
    }

    /// Takes one if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        if let Some(at) = self.at {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            self.level = (self.level + passed * self.per_second).min(self.burst);
        }
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        if self.level < 1.0 {
            return false;
        }
        self.level -= 1.0;
        true
    }

    /// Whether nothing was taken for so long that the bucket is full: it need not be kept.
    pub fn is_full(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| {
            self.level + now.saturating_duration_since(at).as_secs_f64() * self.per_second >= self.burst
        })
    }
}
