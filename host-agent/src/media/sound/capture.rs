//! What the desktop plays, as packets of Opus of 10 ms; silence as none.
//!
//! The server's clock is the pipeline's, and times are counted in samples: so nothing is dropped or stretched here, and
//! the listener's browser, which has to follow the network's clock anyway, follows this one with it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use session_core::sound::Silence;

use super::{Outbox, build, element};
use crate::sound::wire::FromSound;

/// Samples of one packet, in 1/48000 s.
const FRAME: u64 = 480;
/// Its bytes: two channels of 16 bits.
const FRAME_BYTES: usize = 480 * 4;

const RAW: &str = "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved";
/// CELT only, without look-ahead for speech; each packet stands alone.
const OPUS: &str = "opusenc audio-type=restricted-lowdelay frame-size=10 bitrate=128000 bitrate-type=cbr complexity=5 \
                    inband-fec=false dtx=false";

/// See the module documentation. It ends when dropped.
pub(super) struct Capture {
    source: gst::Pipeline,
    encoder: gst::Pipeline,
}

impl Capture {
    /// `clock`: the number of the newest frame so far, of whichever capture; RTP's times never go back.
    pub(super) fn start(output: &str, outbox: Outbox, clock: Arc<AtomicU64>) -> anyhow::Result<Self> {
        let source = build(
            &format!(
                "pulsesrc name=pulse client-name=REMOVID buffer-time=60000 latency-time=10000 ! {RAW} ! \
                 appsink name=raw sync=false max-buffers=50"
            ),
            &outbox,
        )?;
        // By property: the name is somebody else's.
        let device = if output == "@DEFAULT_SINK@" {
            "@DEFAULT_MONITOR@".to_owned()
        } else {
            format!("{output}.monitor")
        };
        element::<gst::Element>(&source, "pulse")?.set_property("device", device);
        let encoder = build(
            &format!(
                "appsrc name=pcm is-live=true format=time max-bytes=19200 leaky-type=downstream caps={RAW} ! {OPUS} ! \
                 appsink name=opus sync=false max-buffers=50"
            ),
            &outbox,
        )?;
        let pcm: AppSrc = element(&encoder, "pcm")?;
        let times: Arc<Mutex<VecDeque<u64>>> = Arc::default();

        let waiting = Arc::clone(&times);
        let live = outbox.clone();
        // The machine's own clock is one that a process before this one counted by, too.
        let now = gst::SystemClock::obtain().time().mseconds() / 10;
        let first = now.max(clock.load(Ordering::Relaxed) + 1);
        let mut frames = Frames {
            count: first,
            ..Frames::default()
        };
        let raw: AppSink = element(&source, "raw")?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else {
                return Ok(gst::FlowSuccess::Ok);
            };
            if frames.count == first && frames.partial.is_empty() {
                live.say(&FromSound::Live);
            }
            frames.take(&map, |time, frame| {
                let mut buffer = gst::Buffer::from_slice(frame.to_vec());
                if let Some(buffer) = buffer.get_mut() {
                    buffer.set_pts(gst::ClockTime::from_nseconds(time * 1_000_000 / 48));
                    buffer.set_duration(gst::ClockTime::from_mseconds(10));
                }
                waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_back(time);
                // An encoder that failed has said so.
                let _ = pcm.push_buffer(buffer);
            });
            clock.store(frames.count, Ordering::Relaxed);
            Ok(gst::FlowSuccess::Ok)
        });
        raw.set_callbacks(callbacks.build());

        let opus: AppSink = element(&encoder, "opus")?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let time = times.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
            if let (Some(time), Some(map)) = (time, map) {
                let data = map.to_vec();
                outbox.say(&FromSound::Packet { time, data });
            }
            Ok(gst::FlowSuccess::Ok)
        });
        opus.set_callbacks(callbacks.build());

        let capture = Self { source, encoder };
        for pipeline in [&capture.encoder, &capture.source] {
            pipeline
                .set_state(gst::State::Playing)
                .context("the sound server gives no sound")?;
        }
        Ok(capture)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        for pipeline in [&self.source, &self.encoder] {
            let _ = pipeline.set_state(gst::State::Null);
        }
    }
}

/// Cuts what the server gives into frames.
#[derive(Debug, Default)]
struct Frames {
    partial: Vec<u8>,
    count: u64,
    silence: Silence,
}

impl Frames {
    fn take(&mut self, data: &[u8], mut send: impl FnMut(u64, &[u8])) {
        self.partial.extend_from_slice(data);
        let whole = self.partial.len() / FRAME_BYTES * FRAME_BYTES;
        for frame in self.partial[..whole].chunks_exact(FRAME_BYTES) {
            let samples = frame
                .chunks_exact(2)
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs());
            if self.silence.is_sent(samples.max().unwrap_or(0)) {
                send(self.count * FRAME, frame);
            }
            self.count += 1;
        }
        self.partial.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_cut_into_frames_whose_times_go_on_through_silence() {
        let mut frames = Frames::default();
        let mut sent = Vec::new();
        let loud = [1, 1].repeat(FRAME_BYTES / 2);
        frames.take(&loud[..100], |time, _| sent.push(time));
        assert!(sent.is_empty());
        frames.take(&loud[100..], |time, _| sent.push(time));
        frames.take(&vec![0; 100 * FRAME_BYTES], |time, _| sent.push(time));
        frames.take(&loud, |time, frame| {
            assert_eq!(frame.len(), FRAME_BYTES);
            sent.push(time);
        });
        let expected: Vec<u64> = (0..31).chain([101]).map(|frame| frame * 480).collect();
        assert_eq!(sent, expected);
    }
}
