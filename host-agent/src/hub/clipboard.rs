//! Clips: what viewers copy for the host, and what the host has for them. The rules are `session_core::clipboard`'s.

use std::time::{Duration, Instant};

use session_core::clipboard::{Formats, Output};
use session_core::transfer::{Reader, Writer};
use signaling_spec::channel::clip::ClipFormat;
use signaling_spec::channel::control::FromHost;
use signaling_spec::limits::MAX_CLIP_BYTES;
use signaling_spec::{Refusal, Right, ViewerId};

use super::Hub;
use super::bulk::Place;
use crate::clipboard::{Ask, ClipEvent, RequestId};

/// How long either end of a clip may do nothing.
const QUIET: Duration = Duration::from_secs(5);

impl Hub {
    pub(super) fn join_clipboard(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get(&viewer) else {
            return;
        };
        self.clips.join(viewer, &session.rights);
        self.carry_clips();
    }

    pub(super) fn leave_clipboard(&mut self, viewer: ViewerId) {
        self.clips.leave(viewer);
        self.carry_clips();
    }

    pub(super) fn clip_offer(&mut self, viewer: ViewerId, serial: u32, formats: Formats) {
        self.clips.handle_offer(viewer, serial, formats);
        self.carry_clips();
    }

    pub(super) fn clip_get(
        &mut self,
        viewer: ViewerId,
        transfer: u32,
        (serial, format): (u32, ClipFormat),
        max: u32,
    ) -> Result<(), Refusal> {
        self.may_begin(viewer, transfer)?;
        self.clips.handle_get(serial, format)?;
        self.reads = self.reads.wrapping_add(1);
        // Apart from the numbers that the clipboard gives those who paste.
        let request = RequestId(self.reads | READ);
        let writer = Writer::new(0, QUIET, Instant::now());
        self.transmit((viewer, transfer), Place::Clip(request), writer);
        let max = u64::from(max).min(MAX_CLIP_BYTES);
        router::audit!("RMV4003I", viewer = viewer.0, ?format, "Clip read");
        self.clipboard.ask(Ask::Read { request, format, max });
        Ok(())
    }

    pub(super) fn handle_clip(&mut self, event: ClipEvent) {
        match event {
            ClipEvent::Changed { formats, other } => self.clips.handle_changed(formats, other),
            ClipEvent::Owned { formats } => self.clips.handle_owned(&formats),
            ClipEvent::Wanted { request, format } => self.clip_wanted(request, format),
            ClipEvent::Passed { request, len } => self.took(Place::Clip(request), len),
            ClipEvent::Unwanted { request } => {
                self.fail(
                    Place::Clip(request),
                    signaling_spec::channel::bulk::Abort::Cancelled,
                );
            }
            ClipEvent::Data { request, data } => self.pass(Place::Clip(request), data),
            ClipEvent::End { request } => self.pass_end(Place::Clip(request)),
            ClipEvent::Failed { request, code } => self.fail(Place::Clip(request), code),
        }
        self.carry_clips();
    }

    fn clip_wanted(&mut self, request: RequestId, format: ClipFormat) {
        let found = self
            .clips
            .handle_wanted(format)
            .filter(|(viewer, _)| self.has_room(*viewer));
        let Some((viewer, serial)) = found else {
            return self.clipboard.ask(Ask::SupplyFailed { request });
        };
        let transfer = self.transfers.number();
        let reader = Reader::new(0, MAX_CLIP_BYTES, QUIET, Instant::now());
        self.receive((viewer, transfer), Place::Clip(request), reader);
        router::audit!("RMV4002I", viewer = viewer.0, ?format, "Clip pasted");
        self.tell(
            viewer,
            FromHost::ClipWant {
                transfer,
                serial,
                format,
            },
        );
    }

    fn carry_clips(&mut self) {
        while let Some(output) = self.clips.poll_output() {
            match output {
                Output::Own(formats) => self.clipboard.ask(Ask::Own(formats)),
                Output::Tell(viewer, message) => self.tell(viewer, message),
            }
        }
    }

    /// Without the right nothing is answered; that is said, and written down, once for each direction.
    pub(super) fn refuse_clip(&mut self, viewer: ViewerId, right: Right, reference: &str) {
        if self.clips.is_news(viewer, right) {
            self.refuse(viewer, Refusal::Forbidden, reference);
        }
    }
}

/// Marks the numbers of readings.
const READ: u64 = 1 << 63;
