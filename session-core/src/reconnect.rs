//! How long to wait before the next attempt to reach a router: longer each time, and never all hosts at once.

use std::time::Duration;

/// The most that the first wait may be.
const FIRST: Duration = Duration::from_secs(1);
/// The most that any wait may be.
const LONGEST: Duration = Duration::from_secs(60);
/// A connection that held this long was a good one.
const GOOD: Duration = Duration::from_secs(30);

/// Exponential backoff with full jitter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long a connection held before it broke.
    pub fn connected_for(&mut self, long: Duration) {
        if long >= GOOD {
            self.failures = 0;
        }
    }

    /// The next wait, from a random byte.
    pub fn next(&mut self, random: u8) -> Duration {
        let most = FIRST
            .saturating_mul(2u32.saturating_pow(self.failures))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        most * (u32::from(random) + 1) / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_begin_anew_after_a_good_connection() {
        let mut backoff = Backoff::default();
        let most: Vec<u64> = (0..8).map(|_| backoff.next(255).as_secs()).collect();
        assert_eq!(most, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.connected_for(Duration::from_secs(29));
        assert_eq!(backoff.next(255).as_secs(), 60);
        backoff.connected_for(Duration::from_secs(30));
        assert_eq!(backoff.next(255).as_secs(), 1);
    }

    #[test]
    fn waits_are_spread() {
        assert!(Backoff::default().next(0) < Duration::from_millis(5));
        assert_eq!(Backoff::default().next(127), Duration::from_millis(500));
    }
}
