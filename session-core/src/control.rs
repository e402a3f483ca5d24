//! Whose keys and pointer reach the host: the control lease.
//!
//! ```text
//!            ┌──── take, ask ────▶ Held(one) ──── release, leave, LAPSE ───▶ the first who asks, or Free
//!   Free ────┤                        │  ▲
//!            └── stop ──▶ Stopped ◀───┘  │ give; take by a manager; an idle holder while somebody asks
//!                            └── take ───┘
//!   any ── the person at the host blocks ──▶ Blocked ── the same person ──▶ Free
//! ```
//! Nobody needs a lease while nobody has one: two who work together do not want to ask at every word. Once somebody
//! has it, nobody else's keys reach the host. Every rule is judged here; the driver enforces it at every message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signaling_spec::channel::control::ControlMode;
use signaling_spec::{Refusal, ViewerId};

/// A holder who does nothing for this long has to give the lease to whoever asks or takes.
pub const IDLE: Duration = Duration::from_secs(20);
/// A holder who does nothing for this long has the lease no longer.
pub const LAPSE: Duration = Duration::from_secs(300);
/// A wish for the lease that nobody answered is forgotten after this.
pub const ASKING: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Free,
    Held(ViewerId),
    Stopped,
    Blocked,
}

/// What everybody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub mode: ControlMode,
    pub holder: Option<ViewerId>,
    /// The first to ask is first.
    pub asking: Vec<ViewerId>,
}

#[derive(Clone, Copy, Debug)]
struct Person {
    controls: bool,
    manages: bool,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Control {
    mode: Mode,
    /// When the holder last did something. INVARIANT: `Some` exactly in `Held`.
    used: Option<Instant>,
    people: BTreeMap<ViewerId, Person>,
    asking: Vec<(ViewerId, Instant)>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            mode: Mode::Free,
            used: None,
            people: BTreeMap::new(),
            asking: Vec::new(),
        }
    }
}

impl Control {
    /// `controls`: has the right to press keys or buttons; `manages`: may take and give the lease whoever holds it.
    pub fn join(&mut self, viewer: ViewerId, controls: bool, manages: bool) {
        self.people.insert(viewer, Person { controls, manages });
    }

    pub fn leave(&mut self, viewer: ViewerId, now: Instant) {
        self.people.remove(&viewer);
        self.asking.retain(|(one, _)| *one != viewer);
        if self.mode == Mode::Held(viewer) {
            self.pass_on(now);
        } else if self.people.is_empty() && self.mode == Mode::Stopped {
            // Whoever comes next has not heard of it.
            self.set(Mode::Free, now);
        }
    }

    /// Whether this viewer's keys and pointer reach the host.
    pub fn may_use(&self, viewer: ViewerId) -> bool {
        match self.mode {
            Mode::Free => true,
            Mode::Held(holder) => holder == viewer,
            Mode::Stopped | Mode::Blocked => false,
        }
    }

    /// This viewer pressed or moved something that reached the host.
    pub fn used(&mut self, viewer: ViewerId, now: Instant) {
        if self.mode == Mode::Held(viewer) {
            self.used = Some(now);
        }
    }

    /// # Errors
    /// `Forbidden` without the right to control; `OutOfTurn` while the person at the host lets nobody.
    pub fn ask(&mut self, viewer: ViewerId, now: Instant) -> Result<(), Refusal> {
        self.controller(viewer)?;
        match self.mode {
            Mode::Blocked => return Err(Refusal::OutOfTurn),
            Mode::Held(holder) if holder == viewer => {}
            Mode::Free | Mode::Stopped => self.set(Mode::Held(viewer), now),
            Mode::Held(_) if self.is_idle(now) => self.set(Mode::Held(viewer), now),
            Mode::Held(_) => {
                if !self.asking.iter().any(|(one, _)| *one == viewer) {
                    self.asking.push((viewer, now));
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// As [`Self::ask`], and `OutOfTurn` while another uses it, unless `viewer` manages.
    pub fn take(&mut self, viewer: ViewerId, now: Instant) -> Result<(), Refusal> {
        let manages = self.controller(viewer)?.manages;
        match self.mode {
            Mode::Blocked => Err(Refusal::OutOfTurn),
            Mode::Held(holder) if holder == viewer => Ok(()),
            Mode::Held(_) if !manages && !self.is_idle(now) => Err(Refusal::OutOfTurn),
            Mode::Free | Mode::Stopped | Mode::Held(_) => {
                self.set(Mode::Held(viewer), now);
                Ok(())
            }
        }
    }

    /// # Errors
    /// `Forbidden` for whoever neither holds it nor manages, and for one who may not control; `NotFound`.
    pub fn give(&mut self, by: ViewerId, to: ViewerId, now: Instant) -> Result<(), Refusal> {
        let giver = self.controller(by)?;
        if self.mode == Mode::Blocked {
            return Err(Refusal::OutOfTurn);
        }
        if self.mode != Mode::Held(by) && !giver.manages {
            return Err(Refusal::Forbidden);
        }
        if !self.people.contains_key(&to) {
            return Err(Refusal::NotFound);
        }
        self.controller(to)?;
        self.set(Mode::Held(to), now);
        Ok(())
    }

    /// # Errors
    /// `Forbidden` for whoever does not hold it; `NotFound` for one who does not ask.
    pub fn decline(&mut self, by: ViewerId, to: ViewerId) -> Result<(), Refusal> {
        if self.mode != Mode::Held(by) {
            return Err(Refusal::Forbidden);
        }
        let before = self.asking.len();
        self.asking.retain(|(one, _)| *one != to);
        if self.asking.len() == before {
            return Err(Refusal::NotFound);
        }
        Ok(())
    }

    /// Gives it back, or asks for it no longer.
    pub fn release(&mut self, viewer: ViewerId, now: Instant) {
        self.asking.retain(|(one, _)| *one != viewer);
        if self.mode == Mode::Held(viewer) {
            self.pass_on(now);
        }
    }

    /// The panic key of a viewer: nobody's keys reach the host until somebody takes the lease.
    ///
    /// # Errors
    /// `Forbidden` without the right to control.
    pub fn stop(&mut self, viewer: ViewerId, now: Instant) -> Result<(), Refusal> {
        self.controller(viewer)?;
        if self.mode != Mode::Blocked {
            self.set(Mode::Stopped, now);
        }
        Ok(())
    }

    /// The panic key of the person at the host: blocks everybody, and lets everybody again.
    pub fn toggle_block(&mut self, now: Instant) {
        let next = if self.mode == Mode::Blocked {
            Mode::Free
        } else {
            Mode::Blocked
        };
        self.asking.clear();
        self.set(next, now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.asking.retain(|(_, since)| *since + ASKING > now);
        let Mode::Held(_) = self.mode else { return };
        if self.rests_since(now, LAPSE) || (self.is_idle(now) && !self.asking.is_empty()) {
            self.pass_on(now);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let forgotten = self.asking.iter().map(|(_, since)| *since + ASKING);
        let wait = if self.asking.is_empty() { LAPSE } else { IDLE };
        let lapses = self.used.map(|used| used + wait);
        forgotten.chain(lapses).min()
    }

    pub fn state(&self) -> State {
        let (mode, holder) = match self.mode {
            Mode::Free => (ControlMode::Free, None),
            Mode::Held(holder) => (ControlMode::Held, Some(holder)),
            Mode::Stopped => (ControlMode::Stopped, None),
            Mode::Blocked => (ControlMode::Blocked, None),
        };
        let asking = self.asking.iter().map(|(viewer, _)| *viewer).collect();
        State { mode, holder, asking }
    }

    fn controller(&self, viewer: ViewerId) -> Result<Person, Refusal> {
        let found = self.people.get(&viewer).copied();
        found.filter(|person| person.controls).ok_or(Refusal::Forbidden)
    }

    fn rests_since(&self, now: Instant, wait: Duration) -> bool {
        self.used.is_some_and(|used| used + wait <= now)
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.rests_since(now, IDLE)
    }

    fn pass_on(&mut self, now: Instant) {
        let next = self.asking.first().map(|(viewer, _)| *viewer);
        self.set(next.map_or(Mode::Free, Mode::Held), now);
    }

    fn set(&mut self, mode: Mode, now: Instant) {
        self.mode = mode;
        self.used = matches!(mode, Mode::Held(_)).then_some(now);
        match mode {
            Mode::Held(holder) => self.asking.retain(|(one, _)| *one != holder),
            // There is nothing to wait for.
            Mode::Free => self.asking.clear(),
            Mode::Stopped | Mode::Blocked => {}
        }
    }
}
