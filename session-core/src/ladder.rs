//! Which encoder is used, and which one after it fails.
//!
//! Rungs are tried in the order in which they were probed; a rung that fails is out for [`REST`] and
//! then may serve again. Where no other is left, the one that failed first serves again sooner: a picture that may
//! break is better than none. The codec comes first: only rungs that a viewer can decode are asked.

use std::time::{Duration, Instant};

/// How long a rung that failed is left alone.
pub const REST: Duration = Duration::from_secs(60);
/// The same of the last resort.
pub const PAUSE: Duration = Duration::from_secs(2);

/// See the module documentation. `R` is a rung, best first.
#[derive(Clone, Debug)]
pub struct Ladder<R> {
    /// Each with when it failed last.
    rungs: Vec<(R, Option<Instant>)>,
}

impl<R> Ladder<R> {
    pub fn new(rungs: impl IntoIterator<Item = R>) -> Self {
        Self {
            rungs: rungs.into_iter().map(|rung| (rung, None)).collect(),
        }
    }

    /// The best rung that fits and is not resting.
    pub fn pick(&self, now: Instant, fits: impl Fn(&R) -> bool) -> Option<&R> {
        let rested = |failed: &Option<Instant>, long| failed.is_none_or(|at| at + long <= now);
        let fresh = self
            .rungs
            .iter()
            .find(|(rung, failed)| rested(failed, REST) && fits(rung));
        let last = || {
            self.rungs
                .iter()
                .filter(|(rung, failed)| rested(failed, PAUSE) && fits(rung))
                .min_by_key(|(_, failed)| *failed)
        };
        fresh.or_else(last).map(|(rung, _)| rung)
    }

    pub fn handle_failure(&mut self, now: Instant, failed: impl Fn(&R) -> bool) {
        for (rung, at) in &mut self.rungs {
            if failed(rung) {
                *at = Some(now);
            }
        }
    }

    /// When a rung that fits is next worth a try, if none is now.
    pub fn poll_timeout(&self, fits: impl Fn(&R) -> bool) -> Option<Instant> {
        self.rungs
            .iter()
            .filter(|(rung, _)| fits(rung))
            .filter_map(|(_, failed)| *failed)
            .map(|at| at + PAUSE)
            .min()
    }

    pub fn rungs(&self) -> impl Iterator<Item = &R> {
        self.rungs.iter().map(|(rung, _)| rung)
    }
}
