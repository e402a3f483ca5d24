//! Whether an encode's viewers are so near that its encoder need not hold a bitrate.
//!
//! Holding a bitrate takes a software encoder about as long as encoding: it looks at each picture twice. On a local network
//! a large frame arrives in a few milliseconds anyway, so there each frame gets the bits that its quality needs, as long
//! as these are fewer than the user's limit. The round trip tells a local network, and trouble of any kind ends it at once.

use std::time::{Duration, Instant};

/// A viewer is near whose shortest round trip is no longer.
const NEAR: Duration = Duration::from_millis(4);
/// A limit below this is meant: no frame is larger than it allows.
const LEAST_CEILING_BPS: u64 = 10_000_000;
/// Bits a second that a path must be known to carry, and below which it has no room: little, as nothing is known of a path on
/// which little flows.
const KNOWN_BPS: u64 = 5_000_000;
const NARROW_BPS: u64 = 3_000_000;
/// How long all must be well before, and how long after the first trouble; that doubles with each.
const WELL: Duration = Duration::from_secs(3);
const CAREFUL: Duration = Duration::from_secs(30);
const MOST_DOUBLINGS: u32 = 6;
/// Frames wait for a moment where a page is busy, too.
const MOMENT: Duration = Duration::from_millis(250);

/// What flows to one viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The shortest round trip so far.
    pub shortest: Option<Duration>,
    /// Bits sent in the last second.
    pub sent: u64,
    /// Frames wait on the way.
    pub queued: bool,
}

impl Flow {
    fn is_near(self) -> bool {
        self.shortest.is_some_and(|trip| trip <= NEAR)
    }
}

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    unbound: bool,
    /// Since when all is well.
    since: Option<Instant>,
    /// Since when frames wait.
    queued: Option<Instant>,
    /// How often there was trouble.
    troubles: u32,
}

impl Room {
    /// What flows to the encode's viewers, the bits a second that its encoder would hold, and the user's limit to those.
    /// Returns whether the encoder need not hold them.
    pub fn update(
        &mut self,
        flows: impl IntoIterator<Item = Flow>,
        bps: u64,
        ceiling: u64,
        now: Instant,
    ) -> bool {
        let flows: Vec<Flow> = flows.into_iter().collect();
        let near = !flows.is_empty() && flows.iter().all(|flow| flow.is_near());
        let busiest = flows.iter().map(|flow| flow.sent).max().unwrap_or(0);
        // Whoever came a moment ago is no trouble.
        let queued = flows.iter().any(|flow| flow.queued);
        self.queued = if queued { self.queued.or(Some(now)) } else { None };
        let queued = self.queued.is_some_and(|since| since + MOMENT <= now);
        let narrow = bps < NARROW_BPS || ceiling < LEAST_CEILING_BPS;
        let trouble = queued || narrow || busiest > ceiling;
        if self.unbound {
            if trouble || !near {
                (self.unbound, self.since) = (false, None);
                self.troubles += u32::from(trouble);
            }
            return self.unbound;
        }
        let well = near && !trouble && busiest <= ceiling / 2 && bps >= KNOWN_BPS;
        self.since = if well { self.since.or(Some(now)) } else { None };
        let wait = match self.troubles.checked_sub(1) {
            None => WELL,
            Some(more) => CAREFUL * 2_u32.pow(more.min(MOST_DOUBLINGS)),
        };
        self.unbound = self.since.is_some_and(|since| since + wait <= now);
        self.unbound
    }
}
