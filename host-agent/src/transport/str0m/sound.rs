//! The sound line of one connection: the desktop's out, the microphone's in.

use std::time::{Duration, Instant};

use str0m::format::Codec;
use str0m::media::{Frequency, MediaTime, Mid, Pt};

use super::peer::Peer;
use crate::transport::EncodedSound;

/// After this long without a packet the connection may rest again.
const REST: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Sound {
    pub(super) line: Option<Mid>,
    /// The payload type that was agreed on; `None` within: none was.
    pt: Option<Option<Pt>>,
    last: Option<Instant>,
}

impl Sound {
    /// Whether packets go out, so that the library's clock must not be slowed.
    pub(super) fn is_awake(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() < REST)
    }
}

impl Peer {
    pub(super) fn send_sound(&mut self, sound: &EncodedSound) {
        let Some(line) = self.sound.line.filter(|_| self.connected) else {
            return;
        };
        let Some(writer) = self.rtc.writer(line) else {
            return;
        };
        let pt = *self.sound.pt.get_or_insert_with(|| {
            writer
                .payload_params()
                .find(|params| params.spec().codec == Codec::Opus)
                .map(|params| params.pt())
        });
        let Some(pt) = pt else { return };
        let now = Instant::now();
        self.sound.last = Some(now);
        let time = MediaTime::new(sound.rtp_time, Frequency::FORTY_EIGHT_KHZ);
        if let Err(error) = writer.write(pt, now, time, sound.data.clone()) {
            tracing::debug!(viewer = self.id.0, %error, "Sound not written");
        }
    }
}
