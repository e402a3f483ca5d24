//! The host's clipboard as the hub sees it: asked for without waiting, answered by events.
//!
//! Bytes move in pieces, and each piece is acknowledged before much more of it comes: so a clip of any size takes a few
//! hundred kilobytes here, and an application that stops reading or writing stops its own paste alone.

use session_core::clipboard::Formats;
use signaling_spec::channel::bulk::Abort;
use signaling_spec::channel::clip::ClipFormat;

/// One reading or writing of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What the hub wants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Be the owner, with these forms; with none, be it no more.
    Own(Formats),
    /// Read the clip that an application has, up to `max` bytes.
    Read {
        request: RequestId,
        format: ClipFormat,
        max: u64,
    },
    /// So many bytes of that reading were passed on.
    Taken { request: RequestId, len: usize },
    /// That reading is not wanted any more.
    Cancel { request: RequestId },
    /// More of what [`ClipEvent::Wanted`] asked for.
    Supply { request: RequestId, data: Vec<u8> },
    /// That was all of it.
    SupplyEnd { request: RequestId },
    /// It cannot be had.
    SupplyFailed { request: RequestId },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipEvent {
    /// An application copied something: in these forms. `other`: in none that can be had.
    Changed {
        formats: Formats,
        other: bool,
    },
    /// We are the owner, with these forms.
    Owned {
        formats: Formats,
    },
    /// An application pastes.
    Wanted {
        request: RequestId,
        format: ClipFormat,
    },
    /// It took so many bytes of it.
    Passed {
        request: RequestId,
        len: usize,
    },
    /// It went away, or stopped reading.
    Unwanted {
        request: RequestId,
    },
    /// Bytes of a reading.
    Data {
        request: RequestId,
        data: Vec<u8>,
    },
    /// That was all of it.
    End {
        request: RequestId,
    },
    Failed {
        request: RequestId,
        code: Abort,
    },
}

/// Where events go; called on the clipboard's own thread, and may wait for the hub.
pub type Tell = Box<dyn Fn(ClipEvent) + Send>;

/// A clipboard. Calls return at once; the events come by the channel that it was opened with.
pub trait Clipboard: Send {
    fn ask(&mut self, ask: Ask);
}

/// Where there is none: nothing is ever copied, and nobody pastes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClipboard;

impl Clipboard for NoClipboard {
    fn ask(&mut self, _ask: Ask) {}
}
