//! Who may press what, and when it is let go.
//!
//! Each viewer holds keys and buttons of its own; one is down on the host while any viewer holds it.
//! What a viewer holds ends when it says so, when it loses the right or leaves, when the heartbeats that
//! arrive omit it for [`HELD_ABSENT`], or after [`HELD_SILENCE`] without a word. A key that is neither
//! confirmed for [`REPEAT_GRACE`] nor a modifier is let go earlier: the host repeats held keys by
//! itself, and must not invent letters while the link stutters.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use signaling_spec::channel::input::{Code, Input, Modifiers, Motion, Position};
use signaling_spec::limits::{HELD_ABSENT, HELD_SILENCE, MAX_HELD_KEYS};
use signaling_spec::{Refusal, Rights, ViewerId};

/// How long an unconfirmed key may stay down: shorter than the usual delays before a host repeats.
pub const REPEAT_GRACE: Duration = Duration::from_millis(350);
/// The least of it: heartbeats come every 100 ms, and a little late.
const LEAST_GRACE: Duration = Duration::from_millis(150);

/// What the driver must give to the system, in this order.
#[derive(Clone, PartialEq, Eq)]
pub enum Inject {
    Key(Code, bool),
    /// A press that is to make a sign; its release is a `Key`.
    Type(Code, Typed),
    /// Text that no key made.
    Text(String),
    Button(u8, bool),
    Wheel(i16, i16),
    MoveTo(Position),
    MoveBy(i32, i32),
}

/// What a key made for the viewer: the text, and the modifiers' true state.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    pub modifiers: Modifiers,
}

impl std::fmt::Debug for Typed {
    /// Keystrokes never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(…)")
    }
}

impl std::fmt::Debug for Inject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(code, down) => f.debug_tuple("Key").field(code).field(down).finish(),
            Self::Type(code, _) => f.debug_tuple("Type").field(code).finish(),
            Self::Text(_) => f.write_str("Text"),
            Self::Button(button, down) => f.debug_tuple("Button").field(button).field(down).finish(),
            Self::Wheel(..) => f.write_str("Wheel"),
            Self::MoveTo(_) => f.write_str("MoveTo"),
            Self::MoveBy(..) => f.write_str("MoveBy"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// When the viewer last said that it holds this.
    seen: Instant,
}

impl Hold {
    /// When this is let go unless it is confirmed before.
    fn due(self, beat: Option<Instant>, grace: Option<Duration>) -> Instant {
        let omitted = beat.is_some_and(|beat| beat > self.seen);
        let patience = if omitted { HELD_ABSENT } else { HELD_SILENCE };
        self.seen + grace.map_or(patience, |grace| patience.min(grace))
    }
}

#[derive(Debug)]
struct Holder {
    rights: Rights,
    keys: BTreeMap<Code, Hold>,
    buttons: BTreeMap<u8, Hold>,
    /// When the last heartbeat arrived.
    beat: Option<Instant>,
    move_seq: Option<u16>,
    held_seq: Option<u16>,
    /// Lock number, last `seq`, and the sums already injected.
    relative: Option<(u8, u16, i32, i32)>,
    /// Whether its pointer is locked: its last motion was a relative one.
    locked: bool,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub struct InputGate {
    viewers: BTreeMap<ViewerId, Holder>,
    outputs: VecDeque<Inject>,
    /// How long an unconfirmed key may stay down on this host.
    grace: Grace,
}

#[derive(Debug)]
struct Grace(Duration);

impl Default for Grace {
    fn default() -> Self {
        Self(REPEAT_GRACE)
    }
}

impl Grace {
    /// Modifiers do not repeat, so they may wait out the whole silence.
    fn of(&self, code: &Code) -> Option<Duration> {
        (!is_modifier(code)).then_some(self.0)
    }
}

fn is_modifier(code: &Code) -> bool {
    const NAMES: [&str; 10] = [
        "ShiftLeft",
        "ShiftRight",
        "ControlLeft",
        "ControlRight",
        "AltLeft",
        "AltRight",
        "MetaLeft",
        "MetaRight",
        "OSLeft",
        "OSRight",
    ];
    NAMES.contains(&code.as_str())
}

/// RFC 1982: whether `a` came after `b`.
fn is_newer(a: u16, b: Option<u16>) -> bool {
    b.is_none_or(|b| a != b && a.wrapping_sub(b) < 0x8000)
}

impl InputGate {
    /// How long the host waits before it repeats a held key: an unconfirmed one is let go before that.
    pub fn set_repeat_delay(&mut self, delay: Option<Duration>) {
        let grace = delay.map_or(REPEAT_GRACE, |delay| delay * 4 / 5);
        self.grace = Grace(grace.clamp(LEAST_GRACE, REPEAT_GRACE));
    }

    pub fn join(&mut self, viewer: ViewerId, rights: Rights) {
        self.viewers.insert(
            viewer,
            Holder {
                rights,
                keys: BTreeMap::new(),
                buttons: BTreeMap::new(),
                beat: None,
                move_seq: None,
                held_seq: None,
                relative: None,
                locked: false,
            },
        );
    }

    /// The viewer is gone, or its channel is: everything that it held is let go.
    pub fn leave(&mut self, viewer: ViewerId) {
        self.release(viewer);
        self.viewers.remove(&viewer);
    }

    /// Whether viewers hold one of these keys, or the key that comes now is one.
    pub fn any_holds(&self, names: &[&str], coming: Option<&Code>) -> bool {
        let named = |code: &Code| names.contains(&code.as_str());
        coming.is_some_and(named)
            || self
                .viewers
                .values()
                .flat_map(|holder| holder.keys.keys())
                .any(named)
    }

    /// Whether this viewer's pointer is locked: where it points is not known.
    pub fn is_locked(&self, viewer: ViewerId) -> bool {
        self.viewers.get(&viewer).is_some_and(|holder| holder.locked)
    }

    /// New rights. What they no longer cover is let go.
    pub fn set_rights(&mut self, viewer: ViewerId, rights: Rights) {
        self.release(viewer);
        if let Some(holder) = self.viewers.get_mut(&viewer) {
            holder.rights = rights;
        }
    }

    /// # Errors
    /// `Forbidden` without the right, `TooMany` held keys; nothing is injected then.
    pub fn handle_input(&mut self, viewer: ViewerId, input: Input, now: Instant) -> Result<(), Refusal> {
        let holder = self.viewers.get_mut(&viewer).ok_or(Refusal::OutOfTurn)?;
        if !holder.rights.has(input.needs()) {
            return Err(Refusal::Forbidden);
        }
        match input {
            Input::Key {
                code,
                down: true,
                physical,
                modifiers,
                text,
                ..
            } => {
                if holder.keys.len() >= MAX_HELD_KEYS && !holder.keys.contains_key(&code) {
                    return Err(Refusal::TooMany);
                }
                // A repeat of a key that is down needs nothing: the host repeats by itself.
                if holder.keys.insert(code.clone(), Hold { seen: now }).is_none()
                    && self.key_holders(&code) == 1
                {
                    self.outputs.push_back(if physical {
                        Inject::Key(code, true)
                    } else {
                        Inject::Type(code, Typed { text, modifiers })
                    });
                }
            }
            Input::Text(text) => self.outputs.push_back(Inject::Text(text)),
            Input::Key {
                code, down: false, ..
            } => {
                if holder.keys.remove(&code).is_some() {
                    self.lift_key(code);
                }
            }
            Input::Button {
                button,
                down: true,
                at,
            } => {
                let fresh = holder.buttons.insert(button, Hold { seen: now }).is_none();
                self.move_to(viewer, at);
                if fresh && self.button_holders(button) == 1 {
                    self.outputs.push_back(Inject::Button(button, true));
                }
            }
            Input::Button {
                button,
                down: false,
                at,
            } => {
                if holder.buttons.remove(&button).is_some() {
                    self.move_to(viewer, at);
                    self.lift_button(button);
                }
            }
            Input::Wheel { dx, dy, at } => {
                self.move_to(viewer, at);
                self.outputs.push_back(Inject::Wheel(dx, dy));
            }
            Input::Release => self.release(viewer),
        }
        Ok(())
    }

    /// # Errors
    /// `Forbidden` without the right.
    pub fn handle_motion(&mut self, viewer: ViewerId, motion: Motion, now: Instant) -> Result<(), Refusal> {
        let holder = self.viewers.get_mut(&viewer).ok_or(Refusal::OutOfTurn)?;
        if !motion.needs().iter().any(|right| holder.rights.has(*right)) {
            return Err(Refusal::Forbidden);
        }
        match motion {
            Motion::Move { seq, at } => {
                if is_newer(seq, holder.move_seq) {
                    holder.move_seq = Some(seq);
                    holder.locked = false;
                    self.outputs.push_back(Inject::MoveTo(at));
                }
            }
            Motion::Relative {
                seq,
                lock,
                total_x,
                total_y,
            } => {
                let (from_x, from_y) = match holder.relative {
                    Some((same, last, x, y)) if same == lock => {
                        if !is_newer(seq, Some(last)) {
                            return Ok(());
                        }
                        (x, y)
                    }
                    Some(_) | None => (0, 0),
                };
                holder.relative = Some((lock, seq, total_x, total_y));
                holder.locked = true;
                let (dx, dy) = (total_x.wrapping_sub(from_x), total_y.wrapping_sub(from_y));
                if (dx, dy) != (0, 0) {
                    self.outputs.push_back(Inject::MoveBy(dx, dy));
                }
            }
            Motion::Held {
                seq, buttons, codes, ..
            } => {
                if !is_newer(seq, holder.held_seq) {
                    return Ok(());
                }
                holder.held_seq = Some(seq);
                holder.beat = Some(now);
                for code in &codes {
                    if let Some(hold) = holder.keys.get_mut(code) {
                        hold.seen = now;
                    }
                }
                for (button, hold) in &mut holder.buttons {
                    if buttons >> button & 1 == 1 {
                        hold.seen = now;
                    }
                }
                self.handle_timeout(now);
            }
        }
        Ok(())
    }

    /// Lets go what was not confirmed in time.
    pub fn handle_timeout(&mut self, now: Instant) {
        // Sets: what two viewers let go in the same moment comes up once.
        let (mut keys, mut buttons) = (BTreeSet::new(), BTreeSet::new());
        for holder in self.viewers.values_mut() {
            let beat = holder.beat;
            holder.keys.retain(|code, hold| {
                let gone = hold.due(beat, self.grace.of(code)) <= now;
                if gone {
                    keys.insert(code.clone());
                }
                !gone
            });
            holder.buttons.retain(|button, hold| {
                let gone = hold.due(beat, None) <= now;
                if gone {
                    buttons.insert(*button);
                }
                !gone
            });
        }
        keys.into_iter().for_each(|code| self.lift_key(code));
        buttons.into_iter().for_each(|button| self.lift_button(button));
    }

    /// When [`Self::handle_timeout`] has something to do, if nothing else comes in.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let keys = |holder: &Holder| {
            holder
                .keys
                .iter()
                .map(|(code, hold)| hold.due(holder.beat, self.grace.of(code)))
                .min()
        };
        let buttons = |holder: &Holder| {
            holder
                .buttons
                .values()
                .map(|hold| hold.due(holder.beat, None))
                .min()
        };
        self.viewers
            .values()
            .flat_map(|holder| [keys(holder), buttons(holder)])
            .flatten()
            .min()
    }

    pub fn poll_output(&mut self) -> Option<Inject> {
        self.outputs.pop_front()
    }

    fn release(&mut self, viewer: ViewerId) {
        let Some(holder) = self.viewers.get_mut(&viewer) else {
            return;
        };
        let keys = std::mem::take(&mut holder.keys);
        let buttons = std::mem::take(&mut holder.buttons);
        keys.into_keys().for_each(|code| self.lift_key(code));
        buttons.into_keys().for_each(|button| self.lift_button(button));
    }

    /// A button or wheel brings its position along, which means nothing while the pointer is locked.
    fn move_to(&mut self, viewer: ViewerId, at: Position) {
        if self.viewers.get(&viewer).is_some_and(|holder| !holder.locked) {
            self.outputs.push_back(Inject::MoveTo(at));
        }
    }

    fn key_holders(&self, code: &Code) -> usize {
        self.viewers
            .values()
            .filter(|holder| holder.keys.contains_key(code))
            .count()
    }

    fn button_holders(&self, button: u8) -> usize {
        self.viewers
            .values()
            .filter(|holder| holder.buttons.contains_key(&button))
            .count()
    }

    fn lift_key(&mut self, code: Code) {
        if self.key_holders(&code) == 0 {
            self.outputs.push_back(Inject::Key(code, false));
        }
    }

    fn lift_button(&mut self, button: u8) {
        if self.button_holders(button) == 0 {
            self.outputs.push_back(Inject::Button(button, false));
        }
    }
}
