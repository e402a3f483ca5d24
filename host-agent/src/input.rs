//! Where keys and pointer moves go: one trait, its real back end in `x11/`, and a fake that remembers.
//!
//! A sink obeys; it has no rules. Who may press what, and when it is let go, is `session_core::InputGate`.

use std::time::{Duration, Instant};

use session_core::input_gate::Typed;
use signaling_spec::channel::input::Code;

/// Why an input could not be given to the system.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    #[error("the display that takes input is gone")]
    Gone(#[source] anyhow::Error),
}

/// Something that can be typed on and pointed at. Calls take effect at the latest at `flush`.
pub trait InputSink: Send {
    /// A key: the one in that place, or the one that makes what was typed. A code that this system has no key
    /// for, and that typed nothing, is ignored.
    fn key(&mut self, code: &Code, down: bool, typed: Option<Typed>) -> Result<(), SinkError>;
    /// Text that no key made, sign by sign.
    fn text(&mut self, text: &str) -> Result<(), SinkError>;
    /// 0 left, 1 middle, 2 right, 3 back, 4 forward.
    fn button(&mut self, button: u8, down: bool) -> Result<(), SinkError>;
    /// In 1/120 notch, right and down positive; parts of a notch add up.
    fn wheel(&mut self, dx: i16, dy: i16) -> Result<(), SinkError>;
    /// To that pixel of the screen.
    fn move_to(&mut self, x: u32, y: u32) -> Result<(), SinkError>;
    fn move_by(&mut self, dx: i32, dy: i32) -> Result<(), SinkError>;
    /// Asks where the pointer is after it was moved there; the answer comes later, if at all, by `found`.
    fn look(&mut self, _asked: (u32, u32)) {}
    /// Where the pointer was put, and where it was found then. Never waits.
    fn found(&mut self) -> Option<((u32, u32), (u32, u32))> {
        None
    }
    fn flush(&mut self) -> Result<(), SinkError>;
    /// When `flush` is to be called again though nothing new came: what was typed must wait until then.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// How long this system waits before it repeats a held key; `None` if it does not say. Asked after each `flush`.
    fn repeat_delay(&self) -> Option<Duration> {
        None
    }
    /// Nobody is there any more: leaves the system as it was found.
    fn rest(&mut self) -> Result<(), SinkError>;
}

/// What a [`Recorder`] was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injected {
    Key(String, bool),
    Text(String),
    Button(u8, bool),
    Wheel(i16, i16),
    MoveTo(u32, u32),
    MoveBy(i32, i32),
}

/// A sink that only remembers, for tests and for `--desktop test`.
#[derive(Clone, Debug, Default)]
pub struct Recorder(std::sync::Arc<std::sync::Mutex<Vec<Injected>>>);

impl Recorder {
    /// The most that it keeps; older entries go.
    const KEEP: usize = 10_000;

    pub fn taken(&self) -> Vec<Injected> {
        self.0.lock().map(|list| list.clone()).unwrap_or_default()
    }

    fn push(&self, what: Injected) {
        if let Ok(mut list) = self.0.lock() {
            if list.len() >= Self::KEEP {
                list.drain(..Self::KEEP / 2);
            }
            list.push(what);
        }
    }
}

impl InputSink for Recorder {
    fn key(&mut self, code: &Code, down: bool, _typed: Option<Typed>) -> Result<(), SinkError> {
        self.push(Injected::Key(code.as_str().to_owned(), down));
        Ok(())
    }
    fn text(&mut self, text: &str) -> Result<(), SinkError> {
        self.push(Injected::Text(text.to_owned()));
        Ok(())
    }
    fn rest(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
    fn button(&mut self, button: u8, down: bool) -> Result<(), SinkError> {
        self.push(Injected::Button(button, down));
        Ok(())
    }
    fn wheel(&mut self, dx: i16, dy: i16) -> Result<(), SinkError> {
        self.push(Injected::Wheel(dx, dy));
        Ok(())
    }
    fn move_to(&mut self, x: u32, y: u32) -> Result<(), SinkError> {
        self.push(Injected::MoveTo(x, y));
        Ok(())
    }
    fn move_by(&mut self, dx: i32, dy: i32) -> Result<(), SinkError> {
        self.push(Injected::MoveBy(dx, dy));
        Ok(())
    }
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
