//! When the encoder is asked for a keyframe.
//!
//! Joins, picture losses and refreshes all wish for one; one serves them all. Wishes within
//! [`SPACING`] of the last keyframe wait for its end, so that ten viewers who join cost no storm.

use std::time::{Duration, Instant};

/// The least time between two keyframes.
pub const SPACING: Duration = Duration::from_millis(300);

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyframes {
    wished: bool,
    last: Option<Instant>,
}

impl Keyframes {
    pub fn wish(&mut self) {
        self.wished = true;
    }

    /// A keyframe came out of the encoder, asked for or not.
    pub fn made(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// Whether to ask for one now; asking clears the wish.
    pub fn take(&mut self, now: Instant) -> bool {
        let due = self.wished && self.last.is_none_or(|last| last + SPACING <= now);
        if due {
            self.wished = false;
            self.last = Some(now);
        }
        due
    }

    /// When `take` will say yes, if a wish waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.wished, self.last) {
            (false, _) => None,
            (true, Some(last)) => Some(last + SPACING),
            (true, None) => self.last,
        }
    }

    pub fn is_wished(&self) -> bool {
        self.wished
    }
}
