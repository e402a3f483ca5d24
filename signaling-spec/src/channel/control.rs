//! JSON messages on the channel `ctl`. Everything unknown is refused: both ends agreed on a version.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::clip::ClipFormat;
use super::files::FileEntry;
use crate::limits::{MAX_CONTROL_BYTES, MAX_VIEWER_CONTROL_BYTES};
use crate::signal::unknown_type;
use crate::{DecodeError, Object, Refusal, Rights, ViewerId};

/// Viewer → host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum FromViewer {
    /// My window is this large, in device pixels, `density` percent of them to a CSS pixel. A screen that follows
    /// its viewers' windows takes that size when it is this viewer's turn; any other only when it is asked to.
    /// Needs `display_resize`.
    #[serde(rename = "display.resize")]
    DisplayResize {
        width: u32,
        height: u32,
        density: u32,
        asked: bool,
    },
    /// Cap the bitrate for everybody; `null` lifts the cap. Needs `session_manage`.
    #[serde(rename = "quality.limit")]
    QualityLimit { max_kbps: Option<u32> },
    /// The page is hidden: send no picture until it is shown again.
    #[serde(rename = "page.hidden")]
    PageHidden { hidden: bool },
    /// I cannot show what I have: send a whole picture.
    #[serde(rename = "video.refresh")]
    VideoRefresh {},
    /// Send that viewer away. Needs `session_manage`.
    #[serde(rename = "viewer.dismiss")]
    ViewerDismiss { viewer: ViewerId },
    /// I have a new clip in these forms; its bytes are asked for when somebody pastes. No form: I have none any more.
    /// Needs `clipboard_to_host`.
    #[serde(rename = "clip.offer")]
    ClipOffer {
        serial: u32,
        #[serde(deserialize_with = "crate::object::names")]
        formats: BTreeSet<ClipFormat>,
    },
    /// Send me your clip of that serial, in that form, if it has at most `max` bytes. Needs `clipboard_from_host`.
    #[serde(rename = "clip.get")]
    ClipGet {
        transfer: u32,
        serial: u32,
        #[serde(deserialize_with = "crate::object::name")]
        format: ClipFormat,
        max: u32,
    },
    /// I am about to send a file; say from where. Needs `files_to_host`.
    #[serde(rename = "file.put")]
    FilePut {
        transfer: u32,
        path: String,
        size: u64,
        /// Milliseconds since 1970.
        modified: u64,
    },
    /// All of that file was sent; it has this checksum, see `file.ready`.
    #[serde(rename = "file.done")]
    FileDone { transfer: u32, sum: String },
    /// There is a folder of that path, maybe with nothing in it; answered by `file.stored`. Needs `files_to_host`.
    #[serde(rename = "file.folder")]
    FileFolder { transfer: u32, path: String },
    /// Which files are in that folder? Needs `files_from_host`.
    #[serde(rename = "file.browse")]
    FileBrowse { path: String, after: Option<String> },
    /// Send me that file from that byte. Needs `files_from_host`.
    #[serde(rename = "file.get")]
    FileGet { transfer: u32, path: String, from: u64 },
    /// Whether I want the desktop's sound; until this is said, none is sent. Needs `sound`.
    #[serde(rename = "sound.listen")]
    SoundListen { on: bool },
    /// My microphone is on, and is the host's from now on; or it is off. One viewer's at a time. Needs `microphone`.
    #[serde(rename = "microphone.use")]
    MicrophoneUse { on: bool },
    /// I would like the control lease; free, it is mine at once, else whoever holds it is asked. Needs `input_pointer`,
    /// as all of `control`.
    #[serde(rename = "control.ask")]
    ControlAsk {},
    /// That viewer has the lease from now on. For its holder, or with `session_manage`.
    #[serde(rename = "control.give")]
    ControlGive { viewer: ViewerId },
    /// No, to one who asked. For the lease's holder.
    #[serde(rename = "control.decline")]
    ControlDecline { viewer: ViewerId },
    /// The lease is mine now: when it is free or its holder does nothing, or with `session_manage`.
    #[serde(rename = "control.take")]
    ControlTake {},
    /// I need the lease no longer, or no longer ask for it.
    #[serde(rename = "control.release")]
    ControlRelease {},
    /// Nobody's keys and pointer reach the host until somebody takes the lease.
    #[serde(rename = "control.stop")]
    ControlStop {},
    /// Say `pong` with the same number.
    #[serde(rename = "ping")]
    Ping { t: u32 },
    /// Whether I save data: I get a smaller picture of few bits, and nobody else does for it.
    #[serde(rename = "quality.save")]
    QualitySave { on: bool },
    /// What frames took since the last such word, as means in microseconds; for metrics.
    #[serde(rename = "video.shown")]
    VideoShown {
        frames: u32,
        /// From the transport to this page.
        way_us: u32,
        decode_us: u32,
        /// From the decoder to the display.
        show_us: u32,
        /// From the change on the screen to its sight.
        age_us: u32,
    },
}

/// Host → viewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum FromHost {
    /// The first message: who you are and what you may do.
    #[serde(rename = "hello")]
    Hello {
        viewer: ViewerId,
        rights: Rights,
        host_name: String,
    },
    /// I live. Sent every second, and soon after the last frame of a movement; a still desktop sends nothing
    /// else. `rtp` is the timestamp of the newest frame sent to this viewer: one who does not see it within
    /// a moment has lost it, and asks by `video.refresh`.
    #[serde(rename = "heartbeat")]
    Heartbeat { n: u32, rtp: Option<u32> },
    /// `at_ms`: the host's clock, in milliseconds since 1970.
    #[serde(rename = "pong")]
    Pong { t: u32, at_ms: f64 },
    /// What is shown now.
    #[serde(rename = "display.state")]
    DisplayState {
        width: u32,
        height: u32,
        /// Whether it takes another size when it is asked to.
        resizable: bool,
        /// Whether it takes the size of a viewer's window unasked, because nobody sits at it.
        follows: bool,
        #[serde(deserialize_with = "crate::object::name")]
        state: DisplayHealth,
        /// The monitors that make up the picture, from the left; one that is the whole of it is not named.
        #[serde(deserialize_with = "crate::object::list")]
        monitors: Vec<Monitor>,
    },
    /// A pointer shape that was not sent before: a PNG in base64 and its hot spot in pixels.
    #[serde(rename = "cursor.shape")]
    CursorShape {
        id: u32,
        width: u32,
        height: u32,
        hot_x: u32,
        hot_y: u32,
        png: String,
    },
    /// Show that shape; `null` shows none: an application has hidden the pointer.
    #[serde(rename = "cursor.use")]
    CursorUse { id: Option<u32> },
    /// Everybody who watches, the reader included.
    #[serde(rename = "viewers")]
    Viewers {
        #[serde(deserialize_with = "crate::object::list")]
        list: Vec<ViewerInfo>,
    },
    /// Whose keys and pointer reach the host, and who would like theirs to, in the order of asking.
    #[serde(rename = "control.state")]
    ControlState {
        #[serde(deserialize_with = "crate::object::name")]
        mode: ControlMode,
        /// In the mode `held`, who has the lease.
        holder: Option<ViewerId>,
        asking: Vec<ViewerId>,
    },
    /// Another viewer points there, in 65535ths of the picture's width and height; `null`: it points nowhere any more.
    #[serde(rename = "pointer.at")]
    PointerAt { viewer: ViewerId, at: Option<[u16; 2]> },
    /// Which encoder makes the picture, and under which cap.
    #[serde(rename = "video.state")]
    VideoState {
        codec: String,
        encoder: String,
        max_kbps: Option<u32>,
    },
    /// When frames were captured and sent: RTP timestamps with milliseconds of work before them.
    #[serde(rename = "video.trace")]
    VideoTrace {
        #[serde(deserialize_with = "crate::object::list")]
        frames: Vec<FrameTrace>,
    },
    /// The host has a new clip in these forms. `other`: it is in none that can be had. No form and not `other`:
    /// there is none any more.
    #[serde(rename = "clip.copied")]
    ClipCopied {
        serial: u32,
        #[serde(deserialize_with = "crate::object::names")]
        formats: BTreeSet<ClipFormat>,
        other: bool,
    },
    /// Your clip of that serial is what the host pastes from now on.
    #[serde(rename = "clip.taken")]
    ClipTaken { serial: u32 },
    /// Somebody pastes: send your clip of that serial in that form.
    #[serde(rename = "clip.want")]
    ClipWant {
        transfer: u32,
        serial: u32,
        #[serde(deserialize_with = "crate::object::name")]
        format: ClipFormat,
    },
    /// Send that file from this byte on: what came before is here already. In the end say its checksum: SHA-256 in
    /// hex of the SHA-256 digests of its blocks of `HASH_BLOCK_BYTES`, one after the other.
    #[serde(rename = "file.ready")]
    FileReady { transfer: u32, from: u64 },
    /// That file is here, whole, under this name.
    #[serde(rename = "file.stored")]
    FileStored { transfer: u32, path: String },
    /// That file comes now, from the byte that was asked for.
    #[serde(rename = "file.begin")]
    FileBegin { transfer: u32, size: u64, modified: u64 },
    /// All of that file was sent; it has this checksum.
    #[serde(rename = "file.sum")]
    FileSum { transfer: u32, sum: String },
    /// What is in that folder, by name. `more`: ask again with `after`, the last name.
    #[serde(rename = "file.list")]
    FileList {
        path: String,
        #[serde(deserialize_with = "crate::object::list")]
        entries: Vec<FileEntry>,
        more: bool,
    },
    /// Whether the host has sound, and whose microphone is its own now.
    #[serde(rename = "sound.state")]
    SoundState {
        #[serde(deserialize_with = "crate::object::name")]
        state: SoundHealth,
        microphone: Option<ViewerId>,
    },
    /// That message was refused.
    #[serde(rename = "refused")]
    Refused {
        #[serde(deserialize_with = "crate::object::name")]
        code: Refusal,
        #[serde(rename = "ref")]
        reference: String,
    },
    /// An application keeps the pointer from where you put it: relative motion may be what it wants.
    #[serde(rename = "pointer.held")]
    PointerHeld {},
}

/// Whether there is anything to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum DisplayHealth {
    Live,
    /// The display went away; the agent looks for it.
    Gone,
    /// No encoder works; the agent tries again.
    NoEncoder,
    /// The screen is dark, because nobody has used it for a while; a key or a move wakes it.
    Asleep,
    /// The session on it is locked: it shows what its locker shows.
    Locked,
    /// It is there, and cannot be captured as it is set.
    Unsuitable,
}

/// Whose keys and pointer reach the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ControlMode {
    /// Everybody's who has the right.
    Free,
    /// The lease holder's alone.
    Held,
    /// Nobody's, until a viewer takes the lease.
    Stopped,
    /// Nobody's, until the person at the host lets them again.
    Blocked,
}

/// Whether there is anything to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum SoundHealth {
    /// Not known yet, or nobody listens.
    Idle,
    Live,
    /// The sound server went away or there is none; the agent looks for it.
    Missing,
    /// This host shares no sound.
    Off,
}

/// A part of the picture that is one monitor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Monitor {
    /// As the host calls it, such as `DP-1`.
    pub name: String,
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub primary: bool,
}

impl Monitor {
    /// Whether that pixel of the screen is on it.
    pub fn contains(&self, (x, y): (u32, u32)) -> bool {
        let within = |at: u32, from: u32, side: u32| at.checked_sub(from).is_some_and(|off| off < side);
        within(x, self.x, self.width) && within(y, self.y, self.height)
    }
}

/// One line of the list of viewers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ViewerInfo {
    pub viewer: ViewerId,
    pub subject: String,
    pub browser: String,
    /// May press keys or buttons.
    pub controls: bool,
    /// Seconds since it came.
    pub since: u32,
}

/// The way of one frame through the host.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FrameTrace {
    /// RTP timestamp, as `requestVideoFrameCallback` shows it.
    pub rtp: u32,
    /// Milliseconds from the word of a change on the screen to its capture.
    #[serde(deserialize_with = "crate::object::finite")]
    pub capture_ms: f32,
    /// For the capture and its conversion to the encoder's format.
    #[serde(deserialize_with = "crate::object::finite")]
    pub convert_ms: f32,
    #[serde(deserialize_with = "crate::object::finite")]
    pub encode_ms: f32,
    /// From the encoder to the transport.
    #[serde(deserialize_with = "crate::object::finite")]
    pub send_ms: f32,
    /// When the capture began on the host's clock, in milliseconds since 1970.
    pub at_ms: f64,
}

impl FromViewer {
    pub const TYPES: [&'static str; 23] = [
        "display.resize",
        "quality.limit",
        "page.hidden",
        "video.refresh",
        "viewer.dismiss",
        "clip.offer",
        "clip.get",
        "file.put",
        "file.done",
        "file.folder",
        "file.browse",
        "file.get",
        "sound.listen",
        "microphone.use",
        "control.ask",
        "control.give",
        "control.decline",
        "control.take",
        "control.release",
        "control.stop",
        "ping",
        "quality.save",
        "video.shown",
    ];

    /// # Errors
    /// Too long, an unknown type, an unknown field, or a wrong shape.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        decode(text, MAX_VIEWER_CONTROL_BYTES, &Self::TYPES)
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::DisplayResize { .. } => "display.resize",
            Self::QualityLimit { .. } => "quality.limit",
            Self::PageHidden { .. } => "page.hidden",
            Self::VideoRefresh {} => "video.refresh",
            Self::ViewerDismiss { .. } => "viewer.dismiss",
            Self::ClipOffer { .. } => "clip.offer",
            Self::ClipGet { .. } => "clip.get",
            Self::FilePut { .. } => "file.put",
            Self::FileDone { .. } => "file.done",
            Self::FileFolder { .. } => "file.folder",
            Self::FileBrowse { .. } => "file.browse",
            Self::FileGet { .. } => "file.get",
            Self::SoundListen { .. } => "sound.listen",
            Self::MicrophoneUse { .. } => "microphone.use",
            Self::ControlAsk {} => "control.ask",
            Self::ControlGive { .. } => "control.give",
            Self::ControlDecline { .. } => "control.decline",
            Self::ControlTake {} => "control.take",
            Self::ControlRelease {} => "control.release",
            Self::ControlStop {} => "control.stop",
            Self::Ping { .. } => "ping",
            Self::QualitySave { .. } => "quality.save",
            Self::VideoShown { .. } => "video.shown",
        }
    }
}

impl FromHost {
    pub const TYPES: [&'static str; 22] = [
        "hello",
        "heartbeat",
        "pong",
        "display.state",
        "cursor.shape",
        "cursor.use",
        "viewers",
        "control.state",
        "pointer.at",
        "video.state",
        "video.trace",
        "clip.copied",
        "clip.taken",
        "clip.want",
        "file.ready",
        "file.stored",
        "file.begin",
        "file.sum",
        "file.list",
        "sound.state",
        "refused",
        "pointer.held",
    ];

    /// # Errors
    /// Too long, an unknown type, an unknown field, or a wrong shape.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        decode(text, MAX_CONTROL_BYTES, &Self::TYPES)
    }

    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a message of strings and numbers always serialises")
    }
}

fn decode<T: for<'de> Deserialize<'de>>(text: &str, max: usize, known: &[&str]) -> Result<T, DecodeError> {
    if text.len() > max {
        return Err(DecodeError::TooLong { len: text.len(), max });
    }
    serde_json::from_str(text)
        .map(|Object(message)| message)
        .map_err(|error| unknown_type(text, known).unwrap_or(DecodeError::Malformed(error)))
}
