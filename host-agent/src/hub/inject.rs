//! Keys and pointer: from a viewer's channel through the gate into the system.

use std::time::Instant;

use session_core::input_gate::Inject;
use signaling_spec::channel::control::FromHost;
use signaling_spec::channel::input::{Input, Motion};
use signaling_spec::{Refusal, ViewerId};

use super::Hub;
use crate::input::{InputSink, SinkError};

/// Opens the sink; called again after it was lost.
pub type SinkOpener = Box<dyn FnMut() -> anyhow::Result<Box<dyn InputSink>> + Send>;

impl Hub {
    pub(super) fn input(&mut self, viewer: ViewerId, data: &[u8]) {
        let mut pressed = false;
        let done = match Input::decode(data) {
            Ok(input) => {
                pressed = input.presses();
                self.admit_input(viewer, &input)
                    .and_then(|()| self.gate.handle_input(viewer, input, Instant::now()))
            }
            Err(error) => {
                tracing::debug!(viewer = viewer.0, %error, "Refused an input message");
                Err(Refusal::Malformed)
            }
        };
        self.inject();
        if pressed && done.is_ok() {
            self.used(viewer);
            self.used_control(viewer);
        }
        self.refuse_if(viewer, done, "input");
    }

    pub(super) fn motion(&mut self, viewer: ViewerId, data: &[u8]) {
        let done = match Motion::decode(data) {
            // Without the lease it moves nothing, and that is no fault: it was sent before its sender knew.
            Ok(motion) if !self.admit_motion(viewer, &motion) => Ok(()),
            Ok(motion) => self.gate.handle_motion(viewer, motion, Instant::now()),
            Err(error) => {
                tracing::debug!(viewer = viewer.0, %error, "Refused a motion message");
                Err(Refusal::Malformed)
            }
        };
        self.inject();
        self.refuse_if(viewer, done, "motion");
    }

    /// Gives the system what the gate let through.
    pub(super) fn inject(&mut self) {
        let mut any = false;
        let mut moved = None;
        while let Some(inject) = self.gate.poll_output() {
            any = true;
            let (width, height) = self.screen.size();
            let Some(sink) = self.sink() else { continue };
            let done = match inject {
                Inject::Key(code, down) => sink.key(&code, down, None),
                Inject::Type(code, typed) => sink.key(&code, true, Some(typed)),
                Inject::Text(text) => sink.text(&text),
                Inject::Button(button, down) => sink.button(button, down),
                Inject::Wheel(dx, dy) => sink.wheel(dx, dy),
                Inject::MoveTo(at) => {
                    let (x, y) = at.to_pixel(width, height);
                    moved = Some((x, y));
                    sink.move_to(x, y)
                }
                Inject::MoveBy(dx, dy) => {
                    moved = None;
                    sink.move_by(dx, dy)
                }
            };
            self.check_sink(done);
        }
        if any {
            self.flush_sink();
        }
        if let Some(asked) = moved {
            self.look_for_holder(asked);
        }
    }

    /// Whether an application keeps the pointer from where it was put.
    fn look_for_holder(&mut self, asked: (u32, u32)) {
        let now = Instant::now();
        // Between monitors of different heights there is room that no pointer gets into.
        let monitors = self.screen.monitors();
        if !monitors.is_empty() && !monitors.iter().any(|monitor| monitor.contains(asked)) {
            return;
        }
        let Some(sink) = self.sink.as_mut() else { return };
        let held = sink
            .found()
            .is_some_and(|(asked, found)| self.confined.handle_look(asked, found, now));
        if self.confined.wants_look(now) {
            sink.look(asked);
        }
        if held {
            tracing::debug!("An application confines the pointer");
            self.tell_all(&FromHost::PointerHeld {});
        }
    }

    pub(super) fn flush_sink(&mut self) {
        if let Some(sink) = self.sink.as_mut() {
            let done = sink.flush();
            self.gate.set_repeat_delay(sink.repeat_delay());
            self.check_sink(done);
        }
    }

    /// When typing must go on that had to wait.
    pub(super) fn sink_due(&self) -> Option<Instant> {
        self.sink.as_ref().and_then(|sink| sink.due())
    }

    /// The last viewer has gone.
    pub(super) fn rest_sink(&mut self) {
        if let Some(sink) = self.sink.as_mut() {
            let done = sink.rest();
            self.check_sink(done);
        }
    }

    /// Opens it before anybody types: what a predecessor left on the display goes at once.
    pub(super) fn ready_sink(&mut self) {
        self.sink();
    }

    fn sink(&mut self) -> Option<&mut Box<dyn InputSink>> {
        if self.sink.is_none() {
            match (self.open_sink)() {
                Ok(sink) => {
                    self.sink = Some(sink);
                }
                Err(error) => tracing::warn!(error = format!("{error:#}"), "Input goes nowhere"),
            }
        }
        self.sink.as_mut()
    }

    fn check_sink(&mut self, done: Result<(), SinkError>) {
        if let Err(error) = done {
            tracing::warn!(error = %error, "Input is lost; it is opened again with the next event");
            self.sink = None;
        }
    }
}
