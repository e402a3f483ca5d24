//! The ladder: every encoder that we know how to drive, best first within each codec.

use crate::transport::Codec;

/// How raw pictures are laid out: 4:2:0, or 4:4:4; eight bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawFormat {
    I420,
    Nv12,
    /// With all colours of the picture.
    I444,
}

/// Which matrix turns RGB into YCbCr; see [`Rung::matrix`]. VP8 has no field to say so, and decoders take BT.601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    Bt601,
    Bt709,
}

/// One encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Its name in logs, flags and statistics: that of its element, for the most part.
    pub name: &'static str,
    /// Its GStreamer element.
    pub element: &'static str,
    pub codec: Codec,
    pub hardware: bool,
    pub format: RawFormat,
    /// Properties that never change.
    properties: &'static str,
    /// The property that takes the bitrate, and how many bits a second its unit is.
    bitrate: (&'static str, u32),
}

const X264: &str = "tune=zerolatency speed-preset=ultrafast sliced-threads=true threads=2 bframes=0 pass=qual quantizer=20 \
    vbv-buf-capacity=80 key-int-max=2147483647 byte-stream=true aud=false";
/// Without a bitrate it looks at each picture once: 3.4 ms of one core for a scrolled page of text instead of 7.
const X264_UNBOUND: &str = "tune=zerolatency speed-preset=ultrafast sliced-threads=true threads=2 bframes=0 pass=quant \
    quantizer=20 ip-factor=1 key-int-max=2147483647 byte-stream=true aud=false";
/// The same encoder with all colours.
const X264_FULL: &str = "x264enc-444";
const OPENH264: &str =
    "complexity=low rate-control=bitrate gop-size=2147483647 multi-thread=2 enable-frame-skip=false";
const VP9: &str = "deadline=1 cpu-used=9 end-usage=cbr lag-in-frames=0 row-mt=true tile-columns=1 threads=2 \
    max-intra-bitrate=300 keyframe-mode=disabled keyframe-max-dist=2147483647 error-resilient=0 dropframe-threshold=0 \
    buffer-size=100 buffer-initial-size=50 buffer-optimal-size=80 min-quantizer=4 max-quantizer=56";
const VP8: &str = "deadline=1 cpu-used=8 end-usage=cbr lag-in-frames=0 threads=2 max-intra-bitrate=300 \
    keyframe-mode=disabled keyframe-max-dist=2147483647 error-resilient=0 dropframe-threshold=0 \
    buffer-size=100 buffer-initial-size=50 buffer-optimal-size=80 min-quantizer=4 max-quantizer=56";
const NVENC: &str = "preset=low-latency-hq zerolatency=true rc-mode=cbr gop-size=-1 bframes=0";
const NVCUDA: &str =
    "preset=p2 tune=ultra-low-latency zero-reorder-delay=true rate-control=cbr gop-size=-1 b-frames=0";
const VA: &str = "rate-control=cbr key-int-max=1024 b-frames=0 ref-frames=1 target-usage=6";
const VAAPI: &str = "rate-control=cbr keyframe-period=0 max-bframes=0 quality-level=6";
const QSV: &str = "low-latency=true rate-control=cbr gop-size=2147483647 b-frames=0";

const fn h264(element: &'static str, properties: &'static str, bitrate: (&'static str, u32)) -> Rung {
    Rung {
        name: element,
        element,
        codec: Codec::H264,
        hardware: true,
        format: RawFormat::Nv12,
        properties,
        bitrate,
    }
}

const fn software(
    element: &'static str,
    codec: Codec,
    properties: &'static str,
    bitrate: (&'static str, u32),
) -> Rung {
    Rung {
        name: element,
        element,
        codec,
        hardware: false,
        format: RawFormat::I420,
        properties,
        bitrate,
    }
}

/// Best first within each codec: hardware, then what measured best at the same bitrate.
pub const RUNGS: [Rung; 15] = [
    h264("nvcudah264enc", NVCUDA, ("bitrate", 1000)),
    h264("nvh264enc", NVENC, ("bitrate", 1000)),
    h264("nvautogpuh264enc", NVCUDA, ("bitrate", 1000)),
    h264("vah264lpenc", VA, ("bitrate", 1000)),
    h264("vah264enc", VA, ("bitrate", 1000)),
    h264("qsvh264enc", QSV, ("bitrate", 1000)),
    h264("vaapih264enc", VAAPI, ("bitrate", 1000)),
    h264(
        "msdkh264enc",
        "rate-control=cbr gop-size=0 b-frames=0 target-usage=7",
        ("bitrate", 1000),
    ),
    h264("v4l2h264enc", "", ("", 1)),
    h264("vulkanh264enc", "", ("", 1)),
    software("x264enc", Codec::H264, X264, ("bitrate", 1000)),
    software("openh264enc", Codec::H264, OPENH264, ("bitrate", 1)),
    software("vp9enc", Codec::Vp9, VP9, ("target-bitrate", 1)),
    software("vp8enc", Codec::Vp8, VP8, ("target-bitrate", 1)),
    // Only where no bitrate is held.
    Rung {
        name: X264_FULL,
        format: RawFormat::I444,
        ..software("x264enc", Codec::H264High444, X264_UNBOUND, ("", 1))
    },
];

impl Rung {
    pub fn find(name: &str) -> Option<Self> {
        RUNGS.into_iter().find(|rung| rung.name == name)
    }

    /// The same encoder, fed another way: to compare pictures.
    pub(super) fn in_format(self, format: RawFormat) -> Self {
        Self { format, ..self }
    }

    /// Both browsers convert in software where there is no GPU, and their fast way has BT.709's largest factor
    /// (2.11 for blue) cut to 2, which shifts blue and yellow by up to 10 of 255; BT.601's (2.02) survives. But
    /// H.264 stays with BT.709: not every encoder of it writes a mark, and a decoder that sees none goes on with
    /// the one before, so all of them must agree.
    pub fn matrix(&self) -> Matrix {
        match self.codec {
            // Its one encoder writes the mark, and so does the one that it takes turns with.
            Codec::Vp8 | Codec::Vp9 | Codec::H264High444 => Matrix::Bt601,
            Codec::H264 => Matrix::Bt709,
        }
    }

    /// Property name and value for that many bits a second, if the element takes any.
    pub fn bitrate_property(&self, bps: u64) -> Option<(&'static str, u32)> {
        let (name, unit) = self.bitrate;
        let value = u32::try_from(bps / u64::from(unit))
            .unwrap_or(u32::MAX)
            .clamp(1, 2_048_000_000 / unit);
        (!name.is_empty()).then_some((name, value))
    }

    /// Whether it gains by not having to hold a bitrate.
    pub fn can_be_unbound(&self) -> bool {
        self.name == "x264enc"
    }

    /// The element with its properties and what must follow it, for `gst_parse_launch`.
    pub fn launch(&self, bps: u64) -> String {
        let rate = self
            .bitrate_property(bps)
            .map_or(String::new(), |(name, value)| format!("{name}={value}"));
        self.launch_with(&format!("{} {rate}", self.properties))
    }

    /// The same for frames of any size, where it [gains by that](Self::can_be_unbound).
    pub fn launch_unbound(&self, bps: u64) -> String {
        if self.can_be_unbound() {
            self.launch_with(X264_UNBOUND)
        } else {
            self.launch(bps)
        }
    }

    fn launch_with(&self, properties: &str) -> String {
        let caps = match self.codec {
            Codec::H264High444 => "video/x-h264,profile=high-4:4:4,stream-format=byte-stream,alignment=au",
            Codec::H264 if self.element == "x264enc" => {
                "video/x-h264,profile=constrained-baseline,stream-format=byte-stream,alignment=au"
            }
            Codec::H264 => {
                "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au"
            }
            Codec::Vp9 => "video/x-vp9",
            Codec::Vp8 => "video/x-vp8",
        };
        format!("{} name=encoder {properties} ! {caps}", self.element)
    }

    /// `format` and `colorimetry` of raw caps.
    pub fn raw_caps(&self) -> (&'static str, &'static str) {
        let format = match self.format {
            RawFormat::I420 => "I420",
            RawFormat::Nv12 => "NV12",
            RawFormat::I444 => "Y444",
        };
        let colorimetry = match self.matrix() {
            Matrix::Bt601 => "bt601",
            Matrix::Bt709 => "bt709",
        };
        (format, colorimetry)
    }
}

/// Where the planes of a picture lie in memory, as GStreamer expects by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: u32,
    pub height: u32,
    /// Bytes from one row to the next.
    pub luma_stride: usize,
    pub chroma_stride: usize,
    /// Offsets of the second and third plane; NV12 has no third.
    pub chroma: [usize; 2],
    pub size: usize,
}

impl Layout {
    /// Sides must be even.
    pub fn new(format: RawFormat, width: u32, height: u32) -> Self {
        let up4 = |n: usize| n.div_ceil(4) * 4;
        let (w, h) = (width as usize, height as usize);
        let luma_stride = up4(w);
        let luma = luma_stride * h;
        let (chroma_stride, planes) = match format {
            RawFormat::I420 => (up4(w / 2), 2),
            RawFormat::Nv12 => (luma_stride, 1),
            RawFormat::I444 => (luma_stride, 2),
        };
        let rows = if format == RawFormat::I444 { h } else { h / 2 };
        let plane = chroma_stride * rows;
        Self {
            width,
            height,
            luma_stride,
            chroma_stride,
            chroma: [luma, luma + plane],
            size: luma + planes * plane,
        }
    }
}
