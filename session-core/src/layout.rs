//! A keyboard layout: which sign each key makes in each group under each set of modifiers, and where a sign is.
//!
//! The model is that of the X Keyboard Extension (XKB protocol, chapters 2 and 12): a key has groups, a group
//! has levels, and a mask with a map picks the level from the real modifiers.

use std::collections::BTreeMap;

/// Real modifiers, as bits.
pub const SHIFT: u8 = 1;
pub const LOCK: u8 = 2;
pub const CONTROL: u8 = 4;

/// One group of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Modifiers that this key looks at.
    pub mask: u8,
    /// Sets of modifiers with the level that they pick; any other set picks the first.
    pub map: Vec<(u8, u8)>,
    /// The sign of each level; `None` for dead keys and for keys that make none.
    pub signs: Vec<Option<char>>,
}

impl Group {
    /// The sign under these modifiers, as an application shows it.
    pub fn sign(&self, mods: u8) -> Option<char> {
        let picked = mods & self.mask;
        let level = self
            .map
            .iter()
            .find(|(set, _)| *set == picked)
            .map_or(0, |(_, level)| *level);
        let sign = self.signs.get(usize::from(level)).copied().flatten()?;
        // Applications capitalise by themselves where the key does not look at the lock (Xlib, libxkbcommon).
        Some(if mods & LOCK != 0 && self.mask & LOCK == 0 {
            single(sign.to_uppercase(), sign)
        } else {
            sign
        })
    }

    fn has(&self, sign: char) -> bool {
        self.signs.contains(&Some(sign))
    }
}

/// The other case of a sign, where it is one sign.
pub(crate) fn single(mut all: impl Iterator<Item = char>, sign: char) -> char {
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => sign,
    }
}

/// Where a sign is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub keycode: u8,
    pub group: u8,
    /// Those of [`Layout::shifts`] that are down then.
    pub shifts: u8,
}

/// See the module documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub keys: BTreeMap<u8, Vec<Group>>,
    /// Keys that are modifiers, with their bits.
    pub modifiers: BTreeMap<u8, u8>,
    /// Modifiers that pick a level, each with a key that stands for it: Shift, and AltGr where there is one.
    pub shifts: Vec<(u8, u8)>,
    /// The modifier that `NumLock` locks.
    pub num_lock: u8,
    /// Keys of the keypad.
    pub keypad: Vec<u8>,
    /// Key numbers that no key has.
    pub spare: Vec<u8>,
}

/// What a search goes by.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub sign: char,
    /// The key in the viewer's place.
    pub physical: Option<u8>,
    /// Group in force.
    pub group: u8,
    /// Modifiers that are locked.
    pub locked: u8,
    /// Level-picking modifiers that are down.
    pub down: u8,
    /// Whether those that are down may be let go for a moment.
    pub may_release: bool,
}

impl Layout {
    fn group(&self, keycode: u8, group: u8) -> Option<&Group> {
        let groups = self.keys.get(&keycode)?;
        // XKB's default for a key with fewer groups: it wraps.
        groups.get(usize::from(group) % groups.len().max(1))
    }

    pub fn sign(&self, keycode: u8, group: u8, mods: u8) -> Option<char> {
        self.group(keycode, group)?.sign(mods)
    }

    pub fn is_modifier(&self, keycode: u8) -> u8 {
        self.modifiers.get(&keycode).copied().unwrap_or(0)
    }

    /// The key and the modifiers that make a sign with the least that must be faked; in the group in force
    /// if it can be.
    pub fn find(&self, wish: &Wish) -> Option<Place> {
        self.find_in(wish, wish.group).or_else(|| {
            let most = self.keys.values().map(Vec::len).max().unwrap_or(0);
            (0..u8::try_from(most).unwrap_or(u8::MAX))
                .filter(|group| *group != wish.group)
                .find_map(|group| self.find_in(wish, group))
        })
    }

    fn find_in(&self, wish: &Wish, group: u8) -> Option<Place> {
        let all = self.shifts.iter().fold(0, |all, (bit, _)| all | bit);
        let mut best: Option<(u32, Place)> = None;
        for keycode in self.keys.keys().copied() {
            let Some(own) = self.group(keycode, group) else {
                continue;
            };
            if self.is_modifier(keycode) != 0 {
                continue;
            }
            // Every subset of the level-picking modifiers, by counting down through the mask.
            let mut shifts = all;
            loop {
                if own.sign(wish.locked | shifts) == Some(wish.sign)
                    && (wish.may_release || wish.down & !shifts == 0)
                {
                    let faked = ((wish.down & all) ^ shifts).count_ones() * 4;
                    let elsewhere = u32::from(wish.physical != Some(keycode));
                    let keypad = if self.keypad.contains(&keycode) {
                        elsewhere * 16
                    } else {
                        0
                    };
                    let cost = faked + elsewhere * 2 + keypad;
                    let place = Place {
                        keycode,
                        group,
                        shifts,
                    };
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, place));
                    }
                }
                if shifts == 0 {
                    break;
                }
                shifts = (shifts - 1) & all;
            }
        }
        best.map(|(_, place)| place)
    }

    /// Whether a key carries a sign on any level of a group, in either case.
    pub fn carries(&self, keycode: u8, group: u8, sign: char) -> bool {
        self.group(keycode, group).is_some_and(|own| {
            own.has(sign)
                || own.has(single(sign.to_uppercase(), sign))
                || own.has(single(sign.to_lowercase(), sign))
        })
    }

    /// A key that carries a sign on any level: of the group in force, or else of any.
    pub fn carrier(&self, sign: char, group: u8) -> Option<u8> {
        let plain = || self.keys.keys().copied().filter(|key| !self.keypad.contains(key));
        plain().find(|key| self.carries(*key, group, sign)).or_else(|| {
            plain().find(|key| {
                let groups = self.keys.get(key).map_or(0, Vec::len);
                (0..u8::try_from(groups).unwrap_or(u8::MAX)).any(|other| self.carries(*key, other, sign))
            })
        })
    }

    /// Puts a sign and its capital on a spare key, as the X server does with two key symbols.
    pub fn bind(&mut self, keycode: u8, pair: Option<(char, char)>) {
        let Some((lower, upper)) = pair else {
            self.keys.remove(&keycode);
            return;
        };
        let (mask, map) = if lower == upper {
            (SHIFT, vec![(SHIFT, 1)])
        } else {
            (SHIFT | LOCK, vec![(SHIFT, 1), (LOCK, 1)])
        };
        let signs = vec![Some(lower), Some(upper)];
        self.keys.insert(keycode, vec![Group { mask, map, signs }]);
    }
}
