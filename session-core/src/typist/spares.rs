//! Spare keys: key numbers that the host's layout leaves empty, lent to signs that it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::layout::single;

/// A spare key may get another sign when its last press is that old: applications ask for a key's meaning when
/// they handle its press, not when it happened.
pub const SETTLE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    pair: Option<(char, char)>,
    used: Option<Instant>,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub(super) struct Spares(BTreeMap<u8, Slot>);

impl Spares {
    /// The keys that are free now, and those that hold a sign still.
    pub(super) fn renew(&mut self, free: &[u8], kept: &[(u8, (char, char))]) {
        let old = std::mem::take(&mut self.0);
        let used = |key: &u8| old.get(key).and_then(|slot| slot.used);
        for key in free {
            self.0.insert(
                *key,
                Slot {
                    pair: None,
                    used: used(key),
                },
            );
        }
        for (key, pair) in kept {
            self.0.insert(
                *key,
                Slot {
                    pair: Some(*pair),
                    used: used(key),
                },
            );
        }
    }

    pub(super) fn has(&self, key: u8) -> bool {
        self.0.contains_key(&key)
    }

    /// The keys that hold a sign and its capital.
    pub(super) fn bound(&self) -> impl Iterator<Item = (u8, (char, char))> + '_ {
        self.0
            .iter()
            .filter_map(|(key, slot)| slot.pair.map(|pair| (*key, pair)))
    }

    /// Frees all; which were bound.
    pub(super) fn free(&mut self) -> Vec<u8> {
        let bound = self.bound().map(|(key, _)| key).collect();
        for slot in self.0.values_mut() {
            slot.pair = None;
        }
        bound
    }

    pub(super) fn touch(&mut self, key: u8, now: Instant) {
        if let Some(slot) = self.0.get_mut(&key) {
            slot.used = Some(now);
        }
    }

    /// When one may be lent, if that is later than now. `busy` ones are held down.
    pub(super) fn wait(&self, busy: &BTreeSet<u8>, now: Instant) -> Option<Instant> {
        let free = self.0.iter().filter(|(key, _)| !busy.contains(key));
        let ready = free
            .map(|(_, slot)| slot.used.map_or(now, |used| used + SETTLE))
            .min()?;
        (ready > now).then_some(ready)
    }

    /// Lends the one that has been unused for longest: its number, and the sign with its capital.
    pub(super) fn lend(&mut self, sign: char, busy: &BTreeSet<u8>) -> Option<(u8, (char, char))> {
        let free = self.0.iter_mut().filter(|(key, _)| !busy.contains(key));
        let (key, slot) = free.min_by_key(|(_, slot)| slot.used)?;
        let lower = single(sign.to_lowercase(), sign);
        let upper = single(sign.to_uppercase(), sign);
        // Some signs are nobody's capital though they have one, as the dotless i.
        let pair = if sign == lower || sign == upper {
            (lower, upper)
        } else {
            (sign, sign)
        };
        slot.pair = Some(pair);
        Some((*key, pair))
    }
}
