//! How a viewer's key becomes exactly that sign on the host, whatever the host's layout is.
//!
//! A key that makes text is pressed where the host's layout has that text, with the level-picking modifiers
//! (Shift, AltGr) faked for as long as it is held if the viewer's differ; a sign that the layout lacks gets a
//! spare key for the time being. Other keys are pressed in their place. With Ctrl, Alt or Super it is a
//! shortcut: then no held modifier is ever let go. Layout, group and locks are left as they are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use signaling_spec::channel::input::{Code, Modifiers};

mod kinds;
mod spares;

use self::kinds::{ALT_LEFT, HELD, is_shortcut, is_writing, keypad_motion};
use self::spares::Spares;
use crate::input_gate::Typed;
use crate::layout::{LOCK, Layout, Place, SHIFT, Wish};

pub use self::spares::SETTLE;

/// Steps that may wait; what comes beyond is dropped and told.
pub const MAX_WAITING: usize = 16_384;

/// Something to do, in order.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// A press: the viewer's key, the host's key in that place, and what it typed if it is to make a sign.
    Press(Code, Option<u8>, Option<Typed>),
    Release(Code),
    /// A sign with no key of the viewer's behind it.
    Sign(char),
    /// A button of the pointer or its wheel, by the host's number.
    Button(u8, bool),
}

impl std::fmt::Debug for Step {
    /// Keystrokes never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Press(..) => "Press",
            Self::Release(_) => "Release",
            Self::Sign(_) => "Sign",
            Self::Button(..) => "Button",
        })
    }
}

/// What the driver gives to the system, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Key(u8, bool),
    Button(u8, bool),
    /// Gives a spare key this sign and its capital; `None` frees it.
    Bind(u8, Option<(char, char)>),
    /// Locks a group of the layout.
    Group(u8),
}

/// The host's state that others may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// Locked real modifiers.
    pub locked: u8,
    pub group: u8,
}

/// See the module documentation.
#[derive(Default)]
pub struct Typist {
    layout: Layout,
    steps: VecDeque<Step>,
    acts: VecDeque<Act>,
    /// The host's key that each held key of the viewers' stands for; `None` where it stands for none.
    held: BTreeMap<Code, Option<u8>>,
    /// Modifier keys that viewers hold, and those that are down on the host.
    real: BTreeSet<u8>,
    down: BTreeSet<u8>,
    /// The group to come back to, and the one that is locked meanwhile.
    away: Option<(u8, u8)>,
    /// Whose press the faked modifiers and the group are for.
    faker: Option<Code>,
    spares: Spares,
}

impl std::fmt::Debug for Typist {
    /// Keystrokes never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Typist").finish_non_exhaustive()
    }
}

impl Typist {
    /// A layout, new or changed. Spare keys that still hold our signs stay ours; whoever changed the others has
    /// taken them away.
    pub fn set_layout(&mut self, layout: Layout) {
        let kept = self.spares.bound().filter(|(key, (lower, upper))| {
            let now = layout.keys.get(key).and_then(|groups| groups.first());
            now.is_some_and(|group| group.signs.starts_with(&[Some(*lower), Some(*upper)]))
        });
        let kept = kept.collect::<Vec<_>>();
        self.spares.renew(&layout.spare, &kept);
        self.layout = layout;
    }

    pub fn is_spare(&self, keycode: u8) -> bool {
        self.spares.has(keycode)
    }

    /// The spare keys that hold signs.
    pub fn bound(&self) -> impl Iterator<Item = (u8, (char, char))> + '_ {
        self.spares.bound()
    }

    /// # Errors
    /// Too much waits already; the step is dropped.
    pub fn push(&mut self, step: Step) -> Result<(), TooMuch> {
        // Releases always fit: a key must come up.
        let is_release = matches!(step, Step::Release(_) | Step::Button(_, false));
        if self.steps.len() >= MAX_WAITING && !is_release {
            return Err(TooMuch);
        }
        self.steps.push_back(step);
        Ok(())
    }

    pub fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the next steps depend on the host's locks and group.
    pub fn wants_state(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(step, Step::Sign(_))
                || matches!(step, Step::Press(_, _, Some(typed)) if !typed.text.is_empty())
        }) || self.steps.iter().any(
            |step| matches!(step, Step::Press(code, _, Some(_)) if keypad_motion(code.as_str()).is_some()),
        )
    }

    /// Does what can be done now; the time at which to go on, if something must wait.
    pub fn run(&mut self, host: HostState, now: Instant) -> Option<Instant> {
        // What was locked before this machine locked it is what counts.
        let group = self.away.map_or(host.group, |(home, _)| home);
        let host = HostState { group, ..host };
        while let Some(step) = self.steps.front() {
            let wait = match step {
                Step::Press(_, _, Some(typed)) => typed
                    .text
                    .chars()
                    .find_map(|sign| self.waits_for_sign(sign, host, now)),
                Step::Sign(sign) => self.waits_for_sign(*sign, host, now),
                Step::Press(_, _, None) | Step::Release(_) | Step::Button(..) => None,
            };
            if wait.is_some() {
                return wait;
            }
            if let Some(step) = self.steps.pop_front() {
                self.perform(step, host, now);
            }
        }
        None
    }

    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// Nobody types any more: frees the spare keys.
    pub fn rest(&mut self) {
        self.settle();
        for key in self.spares.free() {
            self.layout.bind(key, None);
            self.acts.push_back(Act::Bind(key, None));
        }
    }

    fn perform(&mut self, step: Step, host: HostState, now: Instant) {
        match step {
            // The host repeats a held key by itself; a second press would be one more.
            Step::Press(code, ..) if self.held.contains_key(&code) => {}
            Step::Press(code, physical, None) => {
                self.settle();
                self.press_key(code, physical);
            }
            Step::Press(code, physical, Some(typed)) => self.press(code, physical, &typed, host, now),
            Step::Release(code) => self.release(&code),
            Step::Sign(sign) => {
                match sign {
                    '\n' => self.tap(kinds::ENTER),
                    '\t' => self.tap(kinds::TAB),
                    sign => {
                        if let Some(place) = self.place(sign, None, host, now) {
                            self.reach(place, host);
                            self.tap(place.keycode);
                        }
                    }
                }
                self.settle();
            }
            Step::Button(button, down) => {
                self.settle();
                self.acts.push_back(Act::Button(button, down));
            }
        }
    }

    fn press(&mut self, code: Code, physical: Option<u8>, typed: &Typed, host: HostState, now: Instant) {
        let bits = typed.modifiers.0;
        let name = code.as_str();
        if let Some(modifier) = self.modifier(name, physical, bits) {
            // A modifier that comes while a faked one is in force changes what is true, and then all is true.
            return match modifier {
                Some(key) => {
                    self.settle();
                    self.press_key(code, Some(key));
                }
                None => {
                    self.held.insert(code, None);
                }
            };
        }
        let mut signs = typed.text.chars();
        let (first, more) = (signs.next(), signs.as_str());
        let Some(sign) = first else {
            let key = match keypad_motion(name) {
                _ if is_writing(name) => None,
                Some(motion) if host.locked & self.layout.num_lock != 0 => Some(motion),
                _ => physical,
            };
            if key.is_some() {
                self.reach_modifiers(bits);
            }
            return self.press_key(code, key);
        };
        if is_shortcut(bits) {
            self.reach_modifiers(bits);
            let key = self.shortcut(sign, physical, bits, host);
            return self.press_key(code, key);
        }
        if !more.is_empty() {
            for sign in typed.text.chars() {
                if let Some(place) = self.place(sign, physical, host, now) {
                    self.reach(place, host);
                    self.tap(place.keycode);
                }
            }
            self.settle();
            self.held.insert(code, None);
            return;
        }
        match self.place(sign, physical, host, now) {
            Some(place) => {
                self.reach(place, host);
                self.press_key(code, Some(place.keycode));
            }
            None => {
                self.held.insert(code, None);
            }
        }
    }

    /// Where the host has this modifier: `None` if the code is none, `Some(None)` if it is to be ignored.
    fn modifier(&self, name: &str, physical: Option<u8>, bits: u8) -> Option<Option<u8>> {
        match name {
            // The viewer's locks are in the text already, and the host's are the host's.
            "CapsLock" | "NumLock" => Some(None),
            "AltRight" => {
                let here = physical.map_or(0, |key| self.layout.is_modifier(key));
                let picks_level = self.layout.shifts.iter().any(|(bit, _)| *bit == here);
                Some(if bits & Modifiers::ALT_GRAPH != 0 {
                    physical.filter(|_| picks_level)
                } else if picks_level || here == 0 {
                    Some(ALT_LEFT)
                } else {
                    physical
                })
            }
            "ShiftLeft" | "ShiftRight" | "ControlLeft" | "ControlRight" | "AltLeft" | "MetaLeft"
            | "MetaRight" => Some(physical),
            _ => None,
        }
    }

    /// The key of a shortcut. Modifiers that are down stay down, so that it is the shortcut that was pressed.
    fn shortcut(&mut self, sign: char, physical: Option<u8>, bits: u8, host: HostState) -> Option<u8> {
        if physical.is_some_and(|key| self.layout.carries(key, host.group, sign)) {
            return physical;
        }
        let down = if bits & Modifiers::SHIFT != 0 { SHIFT } else { 0 };
        let wish = Wish {
            may_release: false,
            down,
            ..self.wish(sign, physical, host)
        };
        let found = self
            .layout
            .find(&wish)
            .filter(|place| place.group == host.group && !self.layout.keypad.contains(&place.keycode));
        if let Some(place) = found {
            self.reach_shifts(place.shifts);
            return Some(place.keycode);
        }
        self.layout.carrier(sign, host.group).or(physical)
    }

    fn wish(&self, sign: char, physical: Option<u8>, host: HostState) -> Wish {
        let down = self.down_mods();
        Wish {
            sign,
            physical,
            group: host.group,
            locked: host.locked,
            down,
            may_release: true,
        }
    }

    fn down_mods(&self) -> u8 {
        self.down
            .iter()
            .fold(0, |all, key| all | self.layout.is_modifier(*key))
    }

    /// When a spare key is to be had for a sign that needs one.
    fn waits_for_sign(&self, sign: char, host: HostState, now: Instant) -> Option<Instant> {
        if matches!(sign, '\n' | '\t') || self.layout.find(&self.wish(sign, None, host)).is_some() {
            return None;
        }
        self.spares.wait(&self.busy(), now)
    }

    /// Where this sign is, or is from now on.
    fn place(&mut self, sign: char, physical: Option<u8>, host: HostState, now: Instant) -> Option<Place> {
        let place = self.layout.find(&self.wish(sign, physical, host)).or_else(|| {
            self.spare(sign)?;
            self.layout.find(&self.wish(sign, physical, host))
        })?;
        self.spares.touch(place.keycode, now);
        Some(place)
    }

    fn spare(&mut self, sign: char) -> Option<()> {
        let (key, pair) = self.spares.lend(sign, &self.busy())?;
        self.layout.bind(key, Some(pair));
        self.acts.push_back(Act::Bind(key, Some(pair)));
        Some(())
    }

    fn busy(&self) -> BTreeSet<u8> {
        self.held.values().copied().flatten().collect()
    }

    fn reach(&mut self, place: Place, host: HostState) {
        self.reach_shifts(place.shifts);
        let now = self.away.map_or(host.group, |(_, now)| now);
        if place.group != now {
            self.acts.push_back(Act::Group(place.group));
            self.away = (place.group != host.group).then_some((host.group, place.group));
        }
    }

    /// Exactly these level-picking modifiers down; all others as they truly are.
    fn reach_shifts(&mut self, shifts: u8) {
        let picking = self.layout.shifts.clone();
        for (bit, stand_in) in picking {
            let keys: Vec<u8> = self
                .down
                .iter()
                .copied()
                .filter(|key| self.layout.is_modifier(*key) & bit != 0)
                .collect();
            if shifts & bit == 0 {
                for key in keys {
                    self.set(key, false);
                }
            } else if keys.is_empty() {
                let own = self
                    .real
                    .iter()
                    .copied()
                    .find(|key| self.layout.is_modifier(*key) & bit != 0);
                self.set(own.unwrap_or(stand_in), true);
            }
        }
    }

    /// Modifiers that are truly down though no press told of them: the focus came while they were held.
    fn reach_modifiers(&mut self, bits: u8) {
        self.settle();
        for (bit, keys) in HELD {
            let alt_gr = bit == Modifiers::ALT && bits & Modifiers::ALT_GRAPH != 0;
            if bits & bit != 0 && !alt_gr && !keys.iter().any(|key| self.down.contains(key)) {
                self.set(keys[0], true);
            }
        }
    }

    /// Back to what is true.
    fn settle(&mut self) {
        let faked: Vec<u8> = self.down.difference(&self.real).copied().collect();
        for key in faked {
            self.set(key, false);
        }
        let hidden: Vec<u8> = self.real.difference(&self.down).copied().collect();
        for key in hidden {
            self.set(key, true);
        }
        if let Some((home, _)) = self.away.take() {
            self.acts.push_back(Act::Group(home));
        }
        self.faker = None;
    }

    fn set(&mut self, key: u8, down: bool) {
        let changed = if down {
            self.down.insert(key)
        } else {
            self.down.remove(&key)
        };
        if changed {
            self.acts.push_back(Act::Key(key, down));
        }
    }

    fn press_key(&mut self, code: Code, key: Option<u8>) {
        if let Some(key) = key {
            // Two keys of the viewer's may make a sign that the host has on one.
            if self.held.values().any(|held| *held == Some(key)) {
                self.acts.push_back(Act::Key(key, false));
            }
            if self.layout.is_modifier(key) & !LOCK != 0 {
                self.real.insert(key);
                self.set(key, true);
            } else {
                self.acts.push_back(Act::Key(key, true));
                self.faker = Some(code.clone());
            }
        }
        self.held.insert(code, key);
    }

    fn release(&mut self, code: &Code) {
        let Some(Some(key)) = self.held.remove(code) else {
            return;
        };
        let shared = self.held.values().any(|held| *held == Some(key));
        if !shared && self.real.remove(&key) {
            self.set(key, false);
        } else if !shared {
            self.acts.push_back(Act::Key(key, false));
        }
        // Another key may be held since, and repeat: its modifiers are not to be touched.
        if self.faker.as_ref() == Some(code) {
            self.settle();
        }
    }

    fn tap(&mut self, key: u8) {
        self.acts.push_back(Act::Key(key, true));
        self.acts.push_back(Act::Key(key, false));
    }
}

/// Why a step was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;
