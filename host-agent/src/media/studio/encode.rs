//! One encode and its state: what its encoder has seen, and when it wants the next picture.

use std::time::{Duration, Instant};

use session_core::keyframes::Keyframes;
use session_core::quality::Target;
use session_core::refine::Refine;

use super::pace;
use crate::media::encoder::Encoder;

/// So much later the same picture is encoded again while tiles are on their way, which sharpen it more.
const SELDOM: Duration = Duration::from_millis(67);
/// An encoder that got no picture for so long rests.
pub(super) const REST: Duration = Duration::from_millis(700);

/// An encoder that nobody needs is kept this long: viewers come back.
const KEEP: Duration = Duration::from_secs(60);
/// And this long while another one serves those who are there: they may change back at once, but seldom later.
const KEEP_BESIDE: Duration = Duration::from_secs(10);

pub(super) struct Feed {
    pub(super) encoder: Encoder,
    pub(super) keyframes: Keyframes,
    /// The encoder has not seen the newest grab's changes.
    pub(super) behind: bool,
    /// Somebody needs them as video.
    pub(super) wanted: bool,
    pub(super) refine: Refine,
    pub(super) submitted: Option<Submitted>,
    pub(super) unused_since: Option<Instant>,
}

#[derive(Clone, Copy)]
pub(super) struct Submitted {
    pub(super) id: u64,
    pub(super) noticed: Instant,
    pub(super) at: Instant,
    /// When a frame first showed this screen.
    pub(super) shows: Instant,
}

impl Feed {
    /// The next picture is a whole one.
    pub(super) fn begin_anew(&mut self) {
        self.keyframes = Keyframes::default();
        self.keyframes.wish();
        (self.behind, self.wanted) = (true, true);
        self.submitted = None;
    }

    pub(super) fn set_target(&mut self, target: Target) {
        // A keyframe in the middle of motion would be seen.
        let unbound = target.unbound && !self.encoder.can_wait_for(target);
        if self.encoder.set_target(Target { unbound, ..target }) {
            self.begin_anew();
        }
    }

    /// When it is stopped, if nobody needs it; `served` is whether anybody is there to whom another one sends.
    pub(super) fn retires_at(&self, served: bool) -> Option<Instant> {
        let keep = if served { KEEP_BESIDE } else { KEEP };
        self.unused_since.map(|since| since + keep)
    }

    /// When it will have rested for so long that it may begin anew to be faster, if it gains by that.
    pub(super) fn unbind_at(&self, target: Target) -> Option<Instant> {
        let rests = self.encoder.can_wait_for(target) && !(self.behind && self.wanted);
        let submitted = self.submitted.filter(|_| rests);
        submitted.map(|last| last.at + REST)
    }

    pub(super) fn unbind(&mut self, target: Target, now: Instant) {
        if self.unbind_at(target).is_some_and(|at| at <= now) && self.encoder.set_target(target) {
            tracing::debug!(element = self.encoder.rung.name, "No bitrate is held");
            self.begin_anew();
        }
    }

    /// When this encoder wants a picture, if it does; `now` for at once.
    pub(super) fn due(&self, dirty: bool, plain: bool, exact: bool, now: Instant) -> Option<Instant> {
        let paced = self.submitted.map(|last| last.at + pace(self.encoder.bps()));
        self.wish(dirty, plain, exact, now)
            .map(|at| paced.map_or(at, |paced| at.max(paced)))
    }

    fn wish(&self, dirty: bool, plain: bool, exact: bool, now: Instant) -> Option<Instant> {
        if (dirty && plain) || (self.behind && self.wanted) {
            return Some(now);
        }
        let key = self
            .keyframes
            .is_wished()
            .then(|| self.keyframes.poll_timeout().unwrap_or(now));
        // Tiles make a picture exact; until they are all there, video sharpens it a little.
        let again = match (plain, exact) {
            (true, _) => self.refine.poll_timeout(),
            (false, false) => self.refine.poll_timeout().map(|at| at + SELDOM),
            (false, true) => None,
        };
        [key, again].into_iter().flatten().min()
    }
}
