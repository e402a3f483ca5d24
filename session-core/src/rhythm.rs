//! At most so many pictures a second, without making each one late that follows a late one.
//!
//! A limit that counts from the last picture drifts: what was late by a little makes the next one wait, and a screen that
//! is drawn sixty times a second is shown late by up to a whole frame, for good. So a picture may come a little before its
//! time, and the ones after it count from the time that it should have had (the generic cell rate algorithm of ITU-T I.371).

use std::time::{Duration, Instant};

/// A picture may come so much before its time.
pub const EARLY: Duration = Duration::from_millis(6);

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rhythm {
    /// When the next picture should come.
    due: Option<Instant>,
}

impl Rhythm {
    /// A picture is taken, and the next one should come `every` later.
    pub fn handle_picture(&mut self, every: Duration, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + every);
    }

    /// When the next picture may be taken; `None` for at once.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.and_then(|due| due.checked_sub(EARLY))
    }
}
