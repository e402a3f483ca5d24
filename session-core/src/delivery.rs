//! Which frames go to one viewer, and when it needs a keyframe of its own.
//!
//! A viewer that missed a frame cannot decode the next ones. It is given none until a keyframe comes, and
//! one is asked for as soon as a frame was withheld: at once, or seldom for a viewer whose path is so much
//! slower than the others' that keyframes are all it gets.

use std::time::{Duration, Instant};

/// The least time between two wishes: a keyframe takes its time to come.
const AGAIN: Duration = Duration::from_millis(500);
/// Between the keyframes that a slow viewer gets.
const SELDOM: Duration = Duration::from_secs(3);

/// See the module documentation.
#[derive(Clone, Debug)]
pub struct Delivery {
    needs_key: bool,
    withheld: bool,
    /// When a keyframe last came or was wished for.
    last: Option<Instant>,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            needs_key: true,
            withheld: false,
            last: None,
        }
    }
}

impl Delivery {
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// What comes cannot be decoded until a keyframe does.
    pub fn handle_break(&mut self) {
        self.needs_key = true;
    }

    /// Whether this frame goes out.
    pub fn handle_frame(&mut self, key: bool, slow: bool, now: Instant) -> bool {
        self.needs_key |= slow && !key;
        if self.needs_key && !key {
            self.withheld = true;
            return false;
        }
        (self.needs_key, self.withheld) = (false, false);
        if key {
            self.last = Some(now);
        }
        true
    }

    /// Whether a keyframe is to be asked for now.
    pub fn poll_wish(&mut self, slow: bool, now: Instant) -> bool {
        let pause = if slow { SELDOM } else { AGAIN };
        let due = self.last.is_none_or(|last| last + pause <= now);
        let wish = self.needs_key && self.withheld && due;
        if wish {
            self.last = Some(now);
        }
        wish
    }
}
