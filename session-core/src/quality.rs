//! From the paths' estimates to the encoders' bitrates and picture sizes, and which viewers share which encode.
//!
//! One encode serves all viewers whose paths are alike, and follows the slowest of them. A path that has less than half of
//! the fastest one's rate, and a viewer who saves data, get the slow encode, which follows the slowest of those. A tenth is
//! left for repair and audio. An encode of few bits has half as many pixels a side: they move and are legible, where a whole
//! picture would be neither. A change of encode or size costs a keyframe, so its reason has to last; and small changes of
//! a rate are ignored, since each costs the encoder some quality.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::room::{Flow, Room};

/// Bits a second that a target never leaves.
pub const FLOOR_BPS: u64 = 300_000;
pub const DEFAULT_CEILING_BPS: u64 = 20_000_000;
/// Before the first estimate.
pub const START_BPS: u64 = 8_000_000;
/// What a viewer who saves data gets at most.
pub const SAVER_BPS: u64 = 600_000;
/// Below the first the picture is halved, above the second it is whole again.
const HALF_BPS: (u64, u64) = (700_000, 1_300_000);
/// How long a path has to be slow, or a rate low.
const WORSE: Duration = Duration::from_millis(1_500);
/// How long it has to be better.
const BETTER: Duration = Duration::from_secs(5);

/// What an encode is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub bps: u64,
    /// Half as many pixels a side.
    pub half: bool,
    /// It need not hold the bitrate.
    pub unbound: bool,
}

#[derive(Clone, Copy, Debug)]
struct Route {
    bps: Option<u64>,
    saves: bool,
    slow: bool,
    /// Since when it would be the other encode's.
    since: Option<Instant>,
    flow: Flow,
}

#[derive(Clone, Copy, Debug)]
struct Encode {
    target: Target,
    /// Since when the other size would be right.
    since: Option<Instant>,
}

/// See the module documentation. `P` names a viewer.
#[derive(Clone, Debug)]
pub struct Quality<P: Ord> {
    paths: BTreeMap<P, Route>,
    ceiling: u64,
    /// The usual one and the slow one.
    encodes: [Encode; 2],
    /// Of the usual one.
    room: Room,
    moved: bool,
}

impl<P: Ord> Quality<P> {
    pub fn new(ceiling_bps: u64) -> Self {
        let ceiling = ceiling_bps.max(FLOOR_BPS);
        let target = Target {
            bps: START_BPS.min(ceiling),
            half: false,
            unbound: false,
        };
        Self {
            paths: BTreeMap::new(),
            ceiling,
            encodes: [Encode { target, since: None }; 2],
            room: Room::default(),
            moved: false,
        }
    }

    pub fn handle_estimate(&mut self, viewer: P, bps: u64, now: Instant) {
        self.route(viewer).bps = Some(bps);
        self.part(now);
    }

    /// What flows to that viewer now.
    pub fn handle_flow(&mut self, viewer: P, flow: Flow) {
        self.route(viewer).flow = flow;
    }

    /// That viewer saves data, or no longer.
    pub fn handle_saver(&mut self, viewer: P, saves: bool) {
        let route = self.route(viewer);
        // It was asked for: nobody waits.
        if std::mem::replace(&mut route.saves, saves) != saves {
            (route.slow, route.since) = (saves, None);
            self.moved = true;
        }
    }

    pub fn handle_leave(&mut self, viewer: &P) {
        self.paths.remove(viewer);
    }

    pub fn set_ceiling(&mut self, bps: u64) {
        self.ceiling = bps.max(FLOOR_BPS);
    }

    pub fn ceiling(&self) -> u64 {
        self.ceiling
    }

    /// Whether that viewer gets the slow encode.
    pub fn is_slow(&self, viewer: &P) -> bool {
        self.paths.get(viewer).is_some_and(|route| route.slow)
    }

    pub fn saves(&self, viewer: &P) -> bool {
        self.paths.get(viewer).is_some_and(|route| route.saves)
    }

    /// The usual encode, or the slow one, as it was told last.
    pub fn target(&self, slow: bool) -> Target {
        self.encodes[usize::from(slow)].target
    }

    /// Whether somebody gets another encode than when this was asked last.
    pub fn poll_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// That encode's new target, if it differs in more than a rate that is within a twentieth of the last one.
    pub fn poll_target(&mut self, slow: bool, now: Instant) -> Option<Target> {
        let slowest = self
            .paths
            .values()
            .filter(|route| route.slow == slow)
            .filter_map(Route::rate)
            .min();
        // Nobody sees what the slow one would be.
        if slow && slowest.is_none() {
            return None;
        }
        let bps = slowest
            .map_or(START_BPS, |bps| bps / 10 * 9)
            .clamp(FLOOR_BPS, self.ceiling);
        let flows = self.paths.values().filter(|route| route.slow == slow);
        let unbound = !slow
            && self
                .room
                .update(flows.map(|route| route.flow), bps, self.ceiling, now);
        let encode = &mut self.encodes[usize::from(slow)];
        let old = encode.target;
        let other = if old.half {
            bps > HALF_BPS.1
        } else {
            bps < HALF_BPS.0
        };
        let half = old.half
            != lasts(
                &mut encode.since,
                other,
                if old.half { BETTER } else { WORSE },
                now,
            );
        let differs = half != old.half || unbound != old.unbound || bps.abs_diff(old.bps) * 20 > old.bps;
        differs.then(|| {
            encode.target = Target { bps, half, unbound };
            encode.target
        })
    }

    fn route(&mut self, viewer: P) -> &mut Route {
        self.paths.entry(viewer).or_insert(Route {
            bps: None,
            saves: false,
            slow: false,
            since: None,
            flow: Flow::default(),
        })
    }

    /// Parts the slow from the others.
    fn part(&mut self, now: Instant) {
        let fastest = self.paths.values().filter(|route| !route.saves);
        // What is beyond the ceiling helps nobody.
        let Some(fastest) = fastest
            .filter_map(|route| route.bps)
            .max()
            .map(|most| most.min(self.ceiling / 9 * 10))
        else {
            return;
        };
        for route in self.paths.values_mut().filter(|route| !route.saves) {
            let Some(bps) = route.bps else { continue };
            let other = if route.slow {
                bps >= fastest / 4 * 3
            } else {
                bps < fastest / 2
            };
            let wait = if route.slow { BETTER } else { WORSE };
            if lasts(&mut route.since, other, wait, now) {
                route.slow = !route.slow;
                self.moved = true;
            }
        }
    }
}

impl Route {
    fn rate(&self) -> Option<u64> {
        if self.saves {
            Some(self.bps.unwrap_or(SAVER_BPS).min(SAVER_BPS))
        } else {
            self.bps
        }
    }
}

/// Whether something has been so for that long; notes since when it is.
fn lasts(since: &mut Option<Instant>, is_so: bool, wait: Duration, now: Instant) -> bool {
    let began = if is_so { since.or(Some(now)) } else { None };
    let over = began.is_some_and(|began| began + wait <= now);
    *since = if over { None } else { began };
    over
}
