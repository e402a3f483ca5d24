//! Typing and pointing through XTEST, on a connection of its own.
//!
//! The server repeats a held key by itself, and goes on when the agent dies; so what this sink pressed it
//! releases when it goes, and what a predecessor left down is released at the start.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use session_core::input_gate::Typed;
use session_core::typist::{Act, HostState, Step, Typist};
use signaling_spec::channel::input::Code;
use x11rb::CURRENT_TIME;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT,
    MOTION_NOTIFY_EVENT, Window,
};
use x11rb::protocol::xtest::{self, ConnectionExt as _};
use x11rb::rust_connection::RustConnection;

use super::{OpenError, Target, keymap, keys, leftover, look};
use crate::input::{InputSink, SinkError};

/// XTEST's `detail` of a motion.
const ABSOLUTE: u8 = 0;
const RELATIVE: u8 = 1;
/// One click of a wheel.
const NOTCH: i32 = 120;
/// The wheel's buttons: against the axis, along it.
const VERTICAL: [u8; 2] = [4, 5];
const HORIZONTAL: [u8; 2] = [6, 7];

/// A keyboard and a pointer on an X display.
#[derive(Debug)]
pub struct XtestSink {
    conn: RustConnection,
    root: Window,
    keys: BTreeSet<u8>,
    buttons: BTreeSet<u8>,
    /// Parts of a notch that add up, per axis.
    rest: [i32; 2],
    typist: Typist,
    ledger: keymap::Ledger,
    /// Whether the server has XKB; without it keys are pressed in their places only.
    xkb: bool,
    /// Whether the layout is to be read again before the next sign.
    stale: bool,
    due: Option<Instant>,
    /// When the spare keys are to be freed: applications may still be reading what was typed last.
    rest_at: Option<Instant>,
    repeat_delay: Option<Duration>,
    looker: Option<look::Looker>,
    /// Whether the display says that we press keys on it.
    marked: bool,
}

/// How long after the last viewer's leaving the spare keys are freed.
const LINGER: Duration = Duration::from_secs(1);

impl XtestSink {
    /// # Errors
    /// The display is not there, does not let us in, or has no XTEST.
    pub fn open(target: &Target) -> Result<Self, SinkError> {
        let (conn, screen) = target.connect()?;
        if conn
            .extension_information(xtest::X11_EXTENSION_NAME)
            .map_err(gone)?
            .is_none()
        {
            let display = target.display.clone();
            let purpose = "type and point";
            return Err(OpenError::Extension {
                display,
                extension: "XTEST",
                purpose,
            }
            .into());
        }
        let empty = BTreeSet::new;
        let mut sink = Self {
            conn,
            root: screen.root,
            keys: empty(),
            buttons: empty(),
            rest: [0; 2],
            typist: Typist::default(),
            ledger: keymap::Ledger::default(),
            xkb: false,
            stale: true,
            due: None,
            rest_at: None,
            repeat_delay: None,
            looker: None,
            marked: false,
        };
        // Without it, it only stays unknown who confines the pointer.
        sink.looker = target
            .connect()
            .ok()
            .and_then(|(conn, _)| look::Looker::start(conn, screen.root).ok());
        sink.xkb = keymap::start(&sink.conn).map_err(lost)?;
        let alone = leftover::succeed(&sink.conn, sink.root).map_err(lost)?;
        if !alone {
            tracing::warn!("Another agent types on this display, too: what it holds is left to it");
        }
        if sink.xkb {
            if alone {
                keymap::free_leftovers(&sink.conn, sink.root).map_err(lost)?;
            }
            sink.repeat_delay = keymap::repeat_delay(&sink.conn).map_err(lost)?;
        } else {
            tracing::warn!("The X server has no XKB: keys are pressed in their places, whatever they make");
        }
        // Others type through the same devices: what is down there is a dead agent's only if one says so.
        sink.marked = leftover::is_marked(&sink.conn, sink.root).map_err(lost)?;
        if alone && (target.ours || sink.marked) {
            match leftover::down(&sink.conn) {
                Ok(left) => (sink.keys, sink.buttons) = (left.keys, left.buttons),
                Err(error) => tracing::debug!(%error, "What is held cannot be known"),
            }
            sink.release_all().map_err(gone)?;
        }
        Ok(sink)
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) -> Result<(), ConnectionError> {
        self.conn
            .xtest_fake_input(kind, detail, CURRENT_TIME, self.root, x, y, 0)
            .map(|cookie| cookie.ignore_error())
    }

    fn release_all(&mut self) -> Result<(), ConnectionError> {
        for key in std::mem::take(&mut self.keys) {
            self.fake(KEY_RELEASE_EVENT, key, 0, 0)?;
        }
        for button in std::mem::take(&mut self.buttons) {
            self.fake(BUTTON_RELEASE_EVENT, button, 0, 0)?;
        }
        // The answer says that the releases before it have been taken.
        let _ = self.conn.get_input_focus()?.reply();
        Ok(())
    }

    /// Nothing of ours is down any more.
    fn unmark(&mut self) {
        if self.marked && self.keys.is_empty() && self.buttons.is_empty() {
            self.marked = leftover::mark(&self.conn, self.root, false).is_err();
        }
    }

    fn turn(&mut self, axis: usize, by: i16, buttons: [u8; 2]) {
        let (by, rest) = (i32::from(by), self.rest[axis]);
        // Turning back starts afresh, or the first notch back would be lost.
        let sum = if by.signum() * rest.signum() < 0 {
            by
        } else {
            rest + by
        };
        self.rest[axis] = sum % NOTCH;
        let button = buttons[usize::from(sum > 0)];
        for _ in 0..(sum / NOTCH).abs() {
            self.step(Step::Button(button, true));
            self.step(Step::Button(button, false));
        }
    }
}

impl XtestSink {
    fn step(&mut self, step: Step) {
        if !self.marked {
            self.marked = leftover::mark(&self.conn, self.root, true).is_ok();
            // A person may have set it otherwise since the last visit.
            if let Some(Ok(delay)) = self.xkb.then(|| keymap::repeat_delay(&self.conn)) {
                self.repeat_delay = delay;
            }
        }
        if self.typist.push(step).is_err() {
            tracing::warn!("Input is dropped: more waits than could ever be typed");
        }
    }

    /// Does what can be done of what waits.
    fn advance(&mut self) -> Result<(), SinkError> {
        while let Some(event) = self.conn.poll_for_event().map_err(gone)? {
            self.stale |= keymap::is_change(&event, |key| self.typist.is_spare(key));
        }
        let mut host = HostState::default();
        // Before the first key already: which keys are modifiers stands there, too.
        if self.xkb && self.stale && !self.typist.is_idle() {
            let layout = keymap::read(&self.conn).map_err(lost)?;
            self.typist.set_layout(layout);
            self.stale = false;
        }
        if self.xkb && self.typist.wants_state() {
            host = keymap::state(&self.conn).map_err(lost)?;
        }
        self.due = self.typist.run(host, Instant::now());
        self.act()
    }

    fn act(&mut self) -> Result<(), SinkError> {
        let acts: Vec<Act> = std::iter::from_fn(|| self.typist.poll_act()).collect();
        let binds = acts.iter().any(|act| matches!(act, Act::Bind(..)));
        if binds {
            let next = acts.iter().filter_map(|act| match act {
                Act::Bind(key, Some(pair)) => Some((*key, *pair)),
                Act::Bind(_, None) | Act::Key(..) | Act::Button(..) | Act::Group(_) => None,
            });
            self.ledger.announce(&self.conn, self.root, next).map_err(lost)?;
        }
        for act in acts {
            match act {
                Act::Key(key, true) => {
                    self.keys.insert(key);
                    self.fake(KEY_PRESS_EVENT, key, 0, 0).map_err(gone)?;
                }
                Act::Key(key, false) => {
                    self.keys.remove(&key);
                    self.fake(KEY_RELEASE_EVENT, key, 0, 0).map_err(gone)?;
                }
                Act::Button(button, down) => {
                    let kind = if down {
                        BUTTON_PRESS_EVENT
                    } else {
                        BUTTON_RELEASE_EVENT
                    };
                    self.fake(kind, button, 0, 0).map_err(gone)?;
                }
                Act::Bind(key, pair) => {
                    keymap::bind(&self.conn, key, pair).map_err(gone)?;
                }
                Act::Group(group) => keymap::lock_group(&self.conn, group).map_err(gone)?,
            }
        }
        if binds {
            self.ledger
                .settle(&self.conn, self.root, self.typist.bound())
                .map_err(lost)?;
        }
        Ok(())
    }
}

impl InputSink for XtestSink {
    fn key(&mut self, code: &Code, down: bool, typed: Option<Typed>) -> Result<(), SinkError> {
        self.rest_at = None;
        self.step(if down {
            let typed = typed.filter(|_| self.xkb);
            Step::Press(code.clone(), keys::keycode(code), typed)
        } else {
            Step::Release(code.clone())
        });
        self.advance()
    }

    fn text(&mut self, text: &str) -> Result<(), SinkError> {
        self.rest_at = None;
        for sign in text.chars().filter(|_| self.xkb).collect::<Vec<_>>() {
            self.step(Step::Sign(sign));
        }
        Ok(())
    }

    fn button(&mut self, button: u8, down: bool) -> Result<(), SinkError> {
        // 4 to 7 are the wheel's, so back and forward are 8 and 9.
        let Some(button) = [1u8, 2, 3, 8, 9].get(usize::from(button)).copied() else {
            return Ok(());
        };
        let changed = if down {
            self.buttons.insert(button)
        } else {
            self.buttons.remove(&button)
        };
        if changed {
            self.step(Step::Button(button, down));
        }
        // At once: the next move is not to overtake it.
        self.advance()
    }

    fn wheel(&mut self, dx: i16, dy: i16) -> Result<(), SinkError> {
        self.turn(0, dx, HORIZONTAL);
        self.turn(1, dy, VERTICAL);
        self.advance()
    }

    fn look(&mut self, asked: (u32, u32)) {
        if let Some(looker) = &self.looker {
            looker.ask(asked);
        }
    }

    fn found(&mut self) -> Option<look::Look> {
        self.looker.as_ref().and_then(look::Looker::found)
    }

    fn move_to(&mut self, x: u32, y: u32) -> Result<(), SinkError> {
        let place = |at: u32| i16::try_from(at).unwrap_or(i16::MAX);
        if let Some(looker) = &self.looker {
            looker.moved((x, y));
        }
        self.fake(MOTION_NOTIFY_EVENT, ABSOLUTE, place(x), place(y))
            .map_err(gone)
    }

    fn move_by(&mut self, dx: i32, dy: i32) -> Result<(), SinkError> {
        let step = |by: i32| i16::try_from(by).unwrap_or(if by < 0 { i16::MIN } else { i16::MAX });
        self.fake(MOTION_NOTIFY_EVENT, RELATIVE, step(dx), step(dy))
            .map_err(gone)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.advance()?;
        if self.rest_at.is_some_and(|at| at <= Instant::now()) {
            self.rest_at = None;
            self.typist.rest();
            self.act()?;
            self.unmark();
        }
        self.conn.flush().map_err(gone)
    }

    fn due(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.rest_at).min()
    }

    fn repeat_delay(&self) -> Option<Duration> {
        self.repeat_delay
    }

    fn rest(&mut self) -> Result<(), SinkError> {
        self.rest_at = Some(Instant::now() + LINGER);
        Ok(())
    }
}

impl Drop for XtestSink {
    fn drop(&mut self) {
        self.typist.rest();
        if let Err(error) = self.act() {
            tracing::debug!(?error, "Could not free keys of a display that is gone");
        }
        if let Err(error) = self.release_all() {
            tracing::debug!(?error, "Could not release keys on a display that is gone");
        }
        self.unmark();
        let _ = self.conn.flush();
    }
}

fn gone(error: ConnectionError) -> SinkError {
    SinkError::Gone(error.into())
}

/// An X error here says that the layout cannot be read: as bad as no display.
fn lost(error: ReplyError) -> SinkError {
    SinkError::Gone(error.into())
}
