//! Until when frames may be made, as the hub says and the studio reads without being woken: past that they would only wait
//! on the viewer's path.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use session_core::queue::TRICKLE;

/// See the module documentation. Open at first.
#[derive(Debug)]
pub struct Gate {
    epoch: Instant,
    /// In microseconds since the epoch.
    closes: AtomicU64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            closes: AtomicU64::new(u64::MAX),
        }
    }
}

impl Gate {
    /// It closes then, or never. Returns whether it was closed and is open now: whoever waits must hear of that.
    pub fn set(&self, closes: Option<Instant>, now: Instant) -> bool {
        let now = self.micros(now);
        let closes = closes.map_or(u64::MAX, |at| self.micros(at));
        let before = self.closes.swap(closes, Ordering::Relaxed);
        before <= now && closes > now
    }

    /// When the next frame may be made, after one at `last`.
    pub fn next(&self, last: Option<Instant>, now: Instant) -> Instant {
        let open = self.closes.load(Ordering::Relaxed) > self.micros(now);
        last.filter(|_| !open).map_or(now, |last| last + TRICKLE)
    }

    fn micros(&self, at: Instant) -> u64 {
        let since: Duration = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_trickle_while_it_is_closed() {
        let (gate, now) = (Gate::default(), Instant::now());
        assert_eq!(gate.next(Some(now), now), now);
        assert!(!gate.set(Some(now + TRICKLE), now));
        let later = now + TRICKLE * 2;
        assert_eq!(gate.next(Some(later), later), later + TRICKLE);
        assert_eq!(gate.next(None, later), later);
        assert!(gate.set(None, later));
        assert_eq!(gate.next(Some(later), later), later);
    }
}
