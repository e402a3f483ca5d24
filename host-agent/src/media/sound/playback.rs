//! A viewer's microphone, played into the sink whose monitor is the host's virtual one.
//!
//! Each packet is stamped when it comes and played [`DELAY`] later, so that the network's unevenness is not heard. The
//! sink plays samples one after another and corrects itself only when their stamps have been beyond its tolerance for a
//! while: that is how the browser's clock and the host's are kept together.

use anyhow::Context as _;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::{Outbox, build, element};
use crate::sound::server;

/// In ns.
const DELAY: i64 = 60_000_000;
/// A packet of Opus is never longer (RFC 6716 §3.4, 120 ms of 20-ms frames).
const MAX_PACKET: usize = 8_000;

/// See the module documentation. It ends when dropped.
pub(super) struct Playback {
    pipeline: gst::Pipeline,
    packets: AppSrc,
}

impl Playback {
    pub(super) fn start(outbox: &Outbox) -> anyhow::Result<Self> {
        let pipeline = build(
            &format!(
                "appsrc name=packets is-live=true format=time do-timestamp=true min-latency={DELAY} max-bytes=16000 \
                 leaky-type=downstream caps=audio/x-opus,rate=48000,channels=2,channel-mapping-family=0 ! \
                 opusdec ! audioconvert ! audioresample ! \
                 pulsesink device={} client-name=REMOVID buffer-time=60000 latency-time=10000",
                server::FEED
            ),
            outbox,
        )?;
        let packets = element(&pipeline, "packets")?;
        let playback = Self { pipeline, packets };
        playback
            .pipeline
            .set_state(gst::State::Playing)
            .context("the sound server takes no sound")?;
        Ok(playback)
    }

    pub(super) fn push(&self, data: Vec<u8>) {
        if !data.is_empty() && data.len() <= MAX_PACKET {
            // A pipeline that failed has said so.
            let _ = self.packets.push_buffer(gst::Buffer::from_slice(data));
        }
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
