//! When an application keeps the pointer from where a viewer puts it, as one does that grabs and confines it: then the
//! viewer may rather want relative motion.
//!
//! Asked right after a move, the display tells where the pointer is. A person at the host who moves it meanwhile is elsewhere
//! once; an application that confines it, again and again.

use std::time::{Duration, Instant};

/// The least time between two looks, which cost a round trip each.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks in a row must find it elsewhere.
pub const MISSES: u32 = 5;
/// The least time between two words about it.
pub const QUIET: Duration = Duration::from_secs(30);
const FAR_APART: Duration = Duration::from_secs(2);
/// A pixel more or less is rounding.
const NEAR: u32 = 1;

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confined {
    looked: Option<Instant>,
    misses: u32,
    told: Option<Instant>,
}

impl Confined {
    /// Whether to ask where the pointer is, after a move.
    pub fn wants_look(&self, now: Instant) -> bool {
        self.looked
            .is_none_or(|last| now.saturating_duration_since(last) >= LOOK_EVERY)
    }

    /// The pointer was moved to `asked` and is at `found`; returns whether the viewers are to be told.
    pub fn handle_look(&mut self, asked: (u32, u32), found: (u32, u32), now: Instant) -> bool {
        // Misses that lie far apart are no row.
        if self
            .looked
            .replace(now)
            .is_some_and(|last| now.saturating_duration_since(last) > FAR_APART)
        {
            self.misses = 0;
        }
        let off = asked.0.abs_diff(found.0).max(asked.1.abs_diff(found.1));
        self.misses = if off > NEAR { self.misses + 1 } else { 0 };
        let quiet = self
            .told
            .is_some_and(|told| now.saturating_duration_since(told) < QUIET);
        if self.misses < MISSES || quiet {
            return false;
        }
        self.misses = 0;
        self.told = Some(now);
        true
    }
}
