//! The encoder's own process: raw pictures in by shared memory, encoded ones out by its socket.
//!
//! Standard input is the socket to the agent and standard output the shared memory; the end of the one
//! ends the process. The one place where GStreamer runs.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use gstreamer_video::UpstreamForceKeyUnitEvent;

use super::ring::Reader;
use super::rungs::{Layout, Rung};
use super::wire::{FromWorker, ToWorker};

/// Frames that went in and whose pictures have not come out, oldest first.
type Pending = Arc<Mutex<VecDeque<u64>>>;
type Outbox = Arc<Mutex<UnixStream>>;

/// Runs until the agent closes the socket.
///
/// # Errors
/// The encoder cannot be built or fails; the agent was told.
pub fn run(element: &str) -> anyhow::Result<()> {
    // x264 asks for huge pages. The kernel joins small ones to them over an hour, whole where a part is used: 26 MiB more, at no
    // gain in time.
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "Huge pages stay");
    }
    let socket = UnixStream::from(std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?);
    let reader = Reader::open(std::io::stdout())?;
    let outbox: Outbox = Arc::new(Mutex::new(socket.try_clone()?));
    let result = serve(element, socket, &reader, &outbox);
    if let Err(error) = &result {
        say(
            &outbox,
            &FromWorker::Failed {
                why: format!("{error:#}"),
            },
        );
    }
    result
}

fn say(outbox: &Outbox, message: &FromWorker) {
    let socket = outbox.lock().unwrap_or_else(PoisonError::into_inner);
    if message.send(&*socket).is_err() {
        // The agent is gone: nobody needs this process.
        std::process::exit(0);
    }
}

fn serve(element: &str, mut socket: UnixStream, reader: &Reader, outbox: &Outbox) -> anyhow::Result<()> {
    let rung = Rung::find(element).with_context(|| format!("no encoder is called {element}"))?;
    gst::init()?;
    say(outbox, &FromWorker::Ready);
    let mut pipeline: Option<Pipeline> = None;
    loop {
        let Ok(message) = ToWorker::receive(&mut socket) else {
            return Ok(());
        };
        match message {
            ToWorker::Start {
                width,
                height,
                bps,
                half,
                unbound,
            } => {
                drop(pipeline.take());
                let launch = if unbound {
                    rung.launch_unbound(bps)
                } else {
                    rung.launch(bps)
                };
                let outbox = Arc::clone(outbox);
                pipeline = Some(Pipeline::build(rung, &launch, (width, height), half, outbox)?);
            }
            ToWorker::Frame { slot, id, key } => {
                let pipeline = pipeline.as_ref().context("a frame came before the start")?;
                pipeline.push(reader, slot, id, key, outbox)?;
            }
            ToWorker::Bitrate { bps } => {
                if let Some(pipeline) = &pipeline {
                    pipeline.set_bitrate(bps);
                }
            }
        }
    }
}

struct Pipeline {
    rung: Rung,
    layout: Layout,
    pipeline: gst::Pipeline,
    source: AppSrc,
    pending: Pending,
}

impl Pipeline {
    fn build(
        rung: Rung,
        encoder: &str,
        (width, height): (u32, u32),
        half: bool,
        outbox: Outbox,
    ) -> anyhow::Result<Self> {
        let scale = if half {
            let (width, height) = (halved(width), halved(height));
            format!("videoscale add-borders=false ! video/x-raw,width={width},height={height} ! ")
        } else {
            String::new()
        };
        let launch = format!(
            "appsrc name=source is-live=true format=time max-buffers=2 block=false ! {scale}{encoder} ! appsink name=sink sync=false max-buffers=4"
        );
        let pipeline = gst::parse::launch(&launch)?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow!("not a pipeline"))?;
        let named = |name: &str| {
            pipeline
                .by_name(name)
                .with_context(|| format!("pipeline has no {name}"))
        };
        let source = named("source")?
            .downcast::<AppSrc>()
            .map_err(|_| anyhow!("source is no appsrc"))?;
        let sink = named("sink")?
            .downcast::<AppSink>()
            .map_err(|_| anyhow!("sink is no appsink"))?;
        let (format, colorimetry) = rung.raw_caps();
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", format)
            .field("width", i32::try_from(width)?)
            .field("height", i32::try_from(height)?)
            .field("framerate", gst::Fraction::new(60, 1))
            .field("colorimetry", colorimetry)
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build();
        source.set_caps(Some(&caps));
        let pending: Pending = Arc::default();
        let waiting = Arc::clone(&pending);
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            deliver(&sample, &waiting, &outbox);
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        pipeline
            .set_state(gst::State::Playing)
            .with_context(|| format!("{} does not start", rung.element))?;
        Ok(Self {
            rung,
            layout: Layout::new(rung.format, width, height),
            pipeline,
            source,
            pending,
        })
    }

    fn push(&self, reader: &Reader, slot: u8, id: u64, key: bool, outbox: &Outbox) -> anyhow::Result<()> {
        self.check()?;
        let giver = Arc::clone(outbox);
        let lent = reader.lend(usize::from(slot), self.layout.size, move |_| {
            say(&giver, &FromWorker::Free { slot })
        })?;
        let mut buffer = gst::Buffer::from_slice(lent);
        if let Some(buffer) = buffer.get_mut() {
            // One tick a frame: some rate controls divide by the distance. The true time travels beside.
            let tick = 1_000_000_000 / 60;
            buffer.set_pts(gst::ClockTime::from_nseconds(id * tick));
            buffer.set_duration(gst::ClockTime::from_nseconds(tick));
        }
        if key {
            let event = UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
            let encoder = self
                .pipeline
                .by_name("encoder")
                .context("pipeline has no encoder")?;
            encoder.send_event(event);
        }
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(id);
        self.source
            .push_buffer(buffer)
            .map(|_| ())
            .map_err(|flow| anyhow!("{} refuses pictures: {flow:?}", self.rung.element))
    }

    /// Turns an error on the bus into ours.
    fn check(&self) -> anyhow::Result<()> {
        let Some(bus) = self.pipeline.bus() else {
            return Ok(());
        };
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error]) {
            if let gst::MessageView::Error(error) = message.view() {
                return Err(anyhow!("{}: {}", self.rung.element, error.error()));
            }
        }
        Ok(())
    }

    fn set_bitrate(&self, bps: u64) {
        let encoder = self.pipeline.by_name("encoder");
        if let (Some(encoder), Some((name, value))) = (encoder, self.rung.bitrate_property(bps)) {
            encoder.set_property_from_str(name, &value.to_string());
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Half of an even side, which is even again. Pages count on it.
fn halved(side: u32) -> u32 {
    side.div_ceil(4) * 2
}

/// Encoders write presentation times of their own, so pictures are matched by order: none is reordered.
fn deliver(sample: &gst::Sample, pending: &Pending, outbox: &Outbox) {
    let Some(buffer) = sample.buffer() else { return };
    let Some(id) = pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else {
        return;
    };
    let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let Ok(map) = buffer.map_readable() else { return };
    say(
        outbox,
        &FromWorker::Unit {
            id,
            key,
            data: map.to_vec(),
        },
    );
}
