//! From the paths' estimates to the encoder's bitrate.
//!
//! One encode serves all viewers, so it follows the slowest path that is at least half as fast as the
//! fastest; a slower one than that loses frames of its own and harms nobody else. A tenth is left for
//! repair and audio. Small changes are ignored: each costs the encoder some quality.

use std::collections::BTreeMap;

/// Bits a second that a target never leaves.
pub const FLOOR_BPS: u64 = 300_000;
pub const DEFAULT_CEILING_BPS: u64 = 20_000_000;
/// Before the first estimate.
pub const START_BPS: u64 = 8_000_000;

/// See the module documentation. `P` names a viewer.
#[derive(Clone, Debug)]
pub struct Quality<P: Ord> {
    estimates: BTreeMap<P, u64>,
    ceiling: u64,
    target: u64,
}

impl<P: Ord> Quality<P> {
    pub fn new(ceiling_bps: u64) -> Self {
        let ceiling = ceiling_bps.max(FLOOR_BPS);
        Self {
            estimates: BTreeMap::new(),
            ceiling,
            target: START_BPS.min(ceiling),
        }
    }

    pub fn handle_estimate(&mut self, viewer: P, bps: u64) {
        self.estimates.insert(viewer, bps);
    }

    pub fn handle_leave(&mut self, viewer: &P) {
        self.estimates.remove(viewer);
    }

    pub fn set_ceiling(&mut self, bps: u64) {
        self.ceiling = bps.max(FLOOR_BPS);
    }

    pub fn ceiling(&self) -> u64 {
        self.ceiling
    }

    pub fn target(&self) -> u64 {
        self.target
    }

    /// The new target, if it differs from the last one by more than a twentieth.
    pub fn poll_target(&mut self) -> Option<u64> {
        let fastest = self.estimates.values().copied().max();
        let slowest = fastest.and_then(|most| {
            self.estimates
                .values()
                .copied()
                .filter(|bps| *bps >= most / 2)
                .min()
        });
        let wanted = slowest
            .map_or(START_BPS, |bps| bps / 10 * 9)
            .clamp(FLOOR_BPS, self.ceiling);
        let moved = wanted.abs_diff(self.target) * 20 > self.target;
        moved.then(|| {
            self.target = wanted;
            wanted
        })
    }
}
