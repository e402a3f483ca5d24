//! The child's half: names what is installed, and proves that one encoder works.

use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, ensure};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};

use super::{Installed, Trial};
use crate::media::convert::convert;
use crate::media::rungs::{Layout, RUNGS, RawFormat, Rung};
use crate::screen::Picture;
use crate::transport::Codec;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const FRAMES: u64 = 8;
/// A decoded picture that is less alike than this is not the one that went in.
const LIKENESS: f32 = 22.0;
const STEP: Duration = Duration::from_secs(3);

/// # Errors
/// GStreamer does not start.
pub fn list() -> anyhow::Result<Installed> {
    gst::init()?;
    let mut installed = Installed::new();
    for rung in RUNGS {
        let Some(factory) = gst::ElementFactory::find(rung.element) else {
            continue;
        };
        let plugin = factory.plugin();
        let version = plugin
            .as_ref()
            .map_or_else(String::new, |plugin| plugin.version().to_string());
        let file = plugin.and_then(|plugin| plugin.filename());
        let stamp = file.and_then(|path| path.metadata().and_then(|meta| meta.modified()).ok());
        let since = stamp
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_secs());
        installed.insert(rung.name.to_owned(), format!("{version} {since}"));
    }
    Ok(installed)
}

/// Encodes a few moving pictures and decodes them again.
///
/// # Errors
/// Never for a broken encoder: that is a result.
pub fn check(element: &str) -> anyhow::Result<Trial> {
    gst::init()?;
    let rung = Rung::find(element).with_context(|| format!("no encoder is called {element}"))?;
    Ok(attempt(rung).unwrap_or_else(|error| Trial {
        works: false,
        encode_ms: 0.0,
        decoder: None,
        psnr: None,
        why: Some(format!("{error:#}")),
    }))
}

/// A gradient with a moving bar: hard enough to tell a right picture from a wrong one.
fn drawing(n: u64) -> Vec<u8> {
    let mut bgra = vec![0; (WIDTH * HEIGHT * 4) as usize];
    for (i, pixel) in bgra.chunks_exact_mut(4).enumerate() {
        let (x, y) = (i % WIDTH as usize, i / WIDTH as usize);
        let bar = (x + 8 * usize::try_from(n).unwrap_or(0)) % 160 < 40;
        let level = |v: usize| u8::try_from(v % 256).unwrap_or(0);
        pixel.copy_from_slice(&if bar {
            [40, 200, 90, 255]
        } else {
            [level(x / 3), level(y / 2), level((x + y) / 5), 255]
        });
    }
    bgra
}

fn planes(rung: Rung, n: u64) -> anyhow::Result<Vec<u8>> {
    let layout = Layout::new(rung.format, WIDTH, HEIGHT);
    let bgra = drawing(n);
    let picture = Picture {
        bgra: &bgra,
        stride: WIDTH as usize * 4,
        width: WIDTH,
        height: HEIGHT,
        dirty: 0..HEIGHT,
        damaged: Vec::new(),
    };
    let mut to = vec![0; layout.size];
    convert(&picture, 0..HEIGHT, rung.format, rung.matrix(), &layout, &mut to)?;
    Ok(to)
}

struct Line {
    pipeline: gst::Pipeline,
    source: AppSrc,
    sink: AppSink,
}

impl Line {
    fn build(middle: &str, caps: &gst::Caps) -> anyhow::Result<Self> {
        let text = format!("appsrc name=source format=time ! {middle} ! appsink name=sink sync=false");
        let pipeline = gst::parse::launch(&text)?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow!("not a pipeline"))?;
        let source = pipeline
            .by_name("source")
            .and_then(|e| e.downcast::<AppSrc>().ok())
            .context("no source")?;
        let sink = pipeline
            .by_name("sink")
            .and_then(|e| e.downcast::<AppSink>().ok())
            .context("no sink")?;
        source.set_caps(Some(caps));
        pipeline.set_state(gst::State::Playing)?;
        Ok(Self {
            pipeline,
            source,
            sink,
        })
    }

    fn pull(&self) -> anyhow::Result<gst::Sample> {
        let wait = gst::ClockTime::from_mseconds(u64::try_from(STEP.as_millis())?);
        self.sink.try_pull_sample(wait).with_context(|| {
            let error = self
                .pipeline
                .bus()
                .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            match error.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => error.error().to_string(),
                _ => "no picture came out".to_owned(),
            }
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn attempt(rung: Rung) -> anyhow::Result<Trial> {
    let (format, colorimetry) = rung.raw_caps();
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", format)
        .field("width", i32::try_from(WIDTH)?)
        .field("height", i32::try_from(HEIGHT)?)
        .field("framerate", gst::Fraction::new(60, 1))
        .field("colorimetry", colorimetry)
        .build();
    let encoder = Line::build(&rung.launch(4_000_000), &raw)?;
    let mut units = Vec::new();
    let mut times = Vec::new();
    for n in 0..FRAMES {
        let mut buffer = gst::Buffer::from_slice(planes(rung, n)?);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(n * 16_666_666));
            buffer.set_duration(gst::ClockTime::from_nseconds(16_666_666));
        }
        let start = Instant::now();
        encoder
            .source
            .push_buffer(buffer)
            .map_err(|flow| anyhow!("it refuses pictures: {flow:?}"))?;
        units.push(encoder.pull()?);
        times.push(start.elapsed());
    }
    let first = units
        .first()
        .and_then(|unit| unit.buffer())
        .context("no picture came out")?;
    ensure!(
        !first.flags().contains(gst::BufferFlags::DELTA_UNIT),
        "its first picture is no keyframe"
    );
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let (decoder, psnr) = decode(rung, &units)?;
    if let Some(psnr) = psnr {
        ensure!(
            psnr >= LIKENESS,
            "the decoded picture is another one ({psnr:.1} dB)"
        );
    }
    Ok(Trial {
        works: true,
        encode_ms: median.as_secs_f32() * 1000.0,
        decoder,
        psnr,
        why: None,
    })
}

fn decode(rung: Rung, units: &[gst::Sample]) -> anyhow::Result<(Option<String>, Option<f32>)> {
    let candidates: &[&str] = match rung.codec {
        Codec::H264 => &["avdec_h264", "openh264dec", "vah264dec", "nvh264dec"],
        Codec::H264High444 => &["avdec_h264"],
        Codec::Vp9 => &["vp9dec", "avdec_vp9"],
        Codec::Vp8 => &["vp8dec", "avdec_vp8"],
    };
    let Some(name) = candidates
        .iter()
        .copied()
        .find(|name| gst::ElementFactory::find(name).is_some())
    else {
        return Ok((None, None));
    };
    let caps = units
        .first()
        .and_then(|unit| unit.caps_owned())
        .context("encoded pictures have no caps")?;
    let parse = if matches!(rung.codec, Codec::H264 | Codec::H264High444) {
        "h264parse ! "
    } else {
        ""
    };
    let decoder = Line::build(
        &format!("{parse}{name} ! videoconvert ! video/x-raw,format=I420"),
        &caps,
    )?;
    for unit in units {
        let buffer = unit.buffer_owned().context("encoded picture is empty")?;
        decoder
            .source
            .push_buffer(buffer)
            .map_err(|flow| anyhow!("{name} refuses the picture: {flow:?}"))?;
    }
    decoder
        .source
        .end_of_stream()
        .map_err(|flow| anyhow!("{name}: {flow:?}"))?;
    let mut last = None;
    for _ in units {
        last = Some(
            decoder
                .pull()
                .with_context(|| format!("{name} cannot decode it"))?,
        );
    }
    let sample = last.context("nothing was decoded")?;
    let map = sample
        .buffer()
        .context("decoded picture is empty")?
        .map_readable()?;
    let want = planes(rung.in_format(RawFormat::I420), FRAMES - 1)?;
    let luma = (WIDTH * HEIGHT) as usize;
    let (got, want) = (
        map.get(..luma).context("decoded picture is too small")?,
        &want[..luma],
    );
    let error: f64 = got
        .iter()
        .zip(want)
        .map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2))
        .sum::<f64>()
        / f64::from(WIDTH * HEIGHT);
    #[expect(clippy::cast_possible_truncation, reason = "a likeness in dB")]
    let psnr = (10.0 * (255.0 * 255.0 / error.max(1e-9)).log10()) as f32;
    Ok((Some(name.to_owned()), Some(psnr)))
}
