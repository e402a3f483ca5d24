//! One viewer's stay: what the hub remembers of it.

use std::collections::VecDeque;
use std::time::Instant;

use session_core::answerer::Answerer;
use session_core::delivery::Delivery;
use session_core::path::Path;
use session_core::rate::Bucket;
use signaling_spec::channel::control::FromHost;
use signaling_spec::limits::{MAX_BULK_RATE, MAX_CONTROL_RATE, MAX_INPUT_RATE};
use signaling_spec::{Fingerprint, Right, Rights, SessionId, TokenId};

use crate::media::studio::Stream;
use crate::transport::{Codec, PagePath};

/// Messages on `ctl` that may wait for a slow viewer; one that lets more wait is cut off.
pub(super) const BACKLOG: usize = 256;
/// Refusals a second that a viewer is told of.
const REFUSALS: u32 = 5;

/// See the module documentation.
pub(super) struct Session {
    pub(super) sid: SessionId,
    pub(super) subject: String,
    pub(super) token: TokenId,
    pub(super) rights: Rights,
    pub(super) viewer_fp: Fingerprint,
    pub(super) viewer_nonce: String,
    pub(super) path: PagePath,
    pub(super) answerer: Answerer,
    pub(super) browser: String,
    /// Size of its window in device pixels and their density in percent, if it said.
    pub(super) wanted_size: Option<([u32; 2], u32)>,
    pub(super) since: Instant,
    pub(super) live: bool,
    /// Its page is hidden: it gets no pictures.
    pub(super) hidden: bool,
    pub(super) delivery: Delivery,
    /// The newest frame that was sent, and when.
    pub(super) last_frame: Option<(u32, Instant)>,
    /// Whether a heartbeat named it.
    pub(super) told_last: bool,
    pub(super) codecs: Vec<Codec>,
    pub(super) assigned: Option<Stream>,
    pub(super) path_rate: Path,
    /// The bitrate that its path is probed for.
    pub(super) goal: u64,
    pub(super) ctl_open: bool,
    /// It takes tiles.
    pub(super) tiles: bool,
    pub(super) backlog: VecDeque<FromHost>,
    pub(super) input_rate: Bucket,
    pub(super) control_rate: Bucket,
    pub(super) bulk_rate: Bucket,
    pub(super) refusal_rate: Bucket,
    /// Pointer shapes that it has.
    pub(super) cursors: Vec<u32>,
}

/// Whether these are rights to press keys or buttons.
pub(super) fn controls(rights: &Rights) -> bool {
    rights.has(Right::InputKeyboard) || rights.has(Right::InputPointer)
}

impl Session {
    #[expect(clippy::too_many_arguments, reason = "each is one field of the request")]
    pub(super) fn new(
        sid: SessionId,
        subject: String,
        token: TokenId,
        rights: Rights,
        viewer_fp: Fingerprint,
        viewer_nonce: String,
        path: PagePath,
        now: Instant,
    ) -> Self {
        Self {
            answerer: Answerer::new(sid.clone(), viewer_fp.clone(), now),
            sid,
            subject,
            token,
            rights,
            viewer_fp,
            viewer_nonce,
            path,
            browser: String::new(),
            wanted_size: None,
            since: now,
            live: false,
            hidden: false,
            delivery: Delivery::default(),
            last_frame: None,
            told_last: true,
            codecs: Vec::new(),
            assigned: None,
            path_rate: Path::default(),
            goal: 0,
            ctl_open: false,
            tiles: false,
            backlog: VecDeque::new(),
            input_rate: Bucket::new(MAX_INPUT_RATE),
            control_rate: Bucket::new(MAX_CONTROL_RATE),
            bulk_rate: Bucket::new(MAX_BULK_RATE),
            refusal_rate: Bucket::new(REFUSALS),
            cursors: Vec::new(),
        }
    }

    /// Whether it may press keys or buttons.
    pub(super) fn controls(&self) -> bool {
        controls(&self.rights)
    }

    /// Whether its path carries less than half of what the encoder makes: frames would only queue up.
    pub(super) fn is_slow(&self, target: u64) -> bool {
        self.path_rate.rate().is_some_and(|rate| rate * 2 < target)
    }

    /// When the newest frame is to be named to this viewer.
    pub(super) fn tail_due(&self) -> Option<Instant> {
        self.last_frame
            .filter(|_| !self.told_last)
            .map(|(_, at)| at + super::picture::TAIL)
    }
}
