//! The encoders in use: one for each codec that somebody needs, each on the best rung that works.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::keyframes::Keyframes;
use session_core::ladder::Ladder;
use session_core::refine::Refine;
use signaling_spec::ViewerId;

use super::tiler::Tiler;
use super::{Command, Desk, StudioEvent, Teller, Trace};
use crate::media::encoder::{Encoder, Launcher, WorkerEvent};
use crate::media::rungs::Rung;
use crate::media::wire::FromWorker;
use crate::screen::Picture;
use crate::transport::{Codec, EncodedFrame};

/// An encoder that nobody needs is kept this long: viewers come back.
const KEEP: Duration = Duration::from_secs(60);
/// So much later the same picture is encoded again while tiles are on their way, which sharpen it more.
const SELDOM: Duration = Duration::from_millis(67);

struct Feed {
    encoder: Encoder,
    keyframes: Keyframes,
    /// The encoder has not seen the newest grab's changes.
    behind: bool,
    /// Somebody needs them as video.
    wanted: bool,
    refine: Refine,
    submitted: Option<Submitted>,
    unused_since: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Submitted {
    id: u64,
    noticed: Instant,
    at: Instant,
}

pub(super) struct Feeds {
    launcher: Launcher,
    desk: Desk,
    ladder: Ladder<Rung>,
    feeds: BTreeMap<Codec, Feed>,
    viewers: BTreeMap<ViewerId, Vec<Codec>>,
    /// Viewers who get small changes otherwise.
    tiled: BTreeSet<ViewerId>,
    /// They see the very pixels of the screen.
    exact: bool,
    assigned: BTreeMap<ViewerId, Codec>,
    bps: u64,
    next_id: u64,
    next_worker: u64,
    epoch: Instant,
}

impl Feeds {
    pub(super) fn new(launcher: Launcher, desk: Desk, bps: u64, epoch: Instant) -> Self {
        Self {
            launcher,
            desk,
            ladder: Ladder::new([]),
            feeds: BTreeMap::new(),
            viewers: BTreeMap::new(),
            tiled: BTreeSet::new(),
            exact: false,
            assigned: BTreeMap::new(),
            bps,
            next_id: 0,
            next_worker: 0,
            epoch,
        }
    }

    pub(super) fn set_ladder(&mut self, ladder: Ladder<Rung>) {
        self.ladder = ladder;
    }

    pub(super) fn set_viewers(
        &mut self,
        viewers: BTreeMap<ViewerId, Vec<Codec>>,
        tiled: BTreeSet<ViewerId>,
        size: Option<(u32, u32)>,
        now: Instant,
        tell: &Teller,
    ) {
        (self.viewers, self.tiled) = (viewers, tiled);
        self.assign(size, now, tell);
        // Whoever takes no tiles any more sees by video what they showed.
        for (codec, feed) in &mut self.feeds {
            feed.wanted |= feed.behind && is_plain(&self.assigned, &self.tiled, *codec);
        }
    }

    /// Gives each viewer the first codec of the ladder that it can decode, and each codec its encoder.
    pub(super) fn assign(&mut self, size: Option<(u32, u32)>, now: Instant, tell: &Teller) {
        let Some(size) = size else { return };
        for _ in 0..super::super::rungs::RUNGS.len() {
            let mut assigned = BTreeMap::new();
            let mut stranded = false;
            for (viewer, codecs) in &self.viewers {
                match self.ladder.pick(now, |rung| codecs.contains(&rung.codec)) {
                    Some(rung) => {
                        assigned.insert(*viewer, rung.codec);
                    }
                    None => stranded = true,
                }
            }
            let mut needed: BTreeSet<Codec> = assigned.values().copied().collect();
            // The first codec stands ready before anybody comes.
            needed.extend(self.ladder.pick(now, |_| true).map(|rung| rung.codec));
            for (codec, feed) in &mut self.feeds {
                feed.unused_since = if needed.contains(codec) {
                    None
                } else {
                    feed.unused_since.or(Some(now))
                };
            }
            let started = needed.iter().all(|codec| self.start(*codec, size, now, tell));
            if started {
                if stranded {
                    tell(StudioEvent::NoEncoder);
                }
                if self.assigned != assigned {
                    self.assigned.clone_from(&assigned);
                    tell(StudioEvent::Assigned(assigned));
                }
                return;
            }
        }
    }

    /// Returns whether that codec has its encoder; a failure marks the rung.
    fn start(&mut self, codec: Codec, size: (u32, u32), now: Instant, tell: &Teller) -> bool {
        if self.feeds.contains_key(&codec) {
            return true;
        }
        let Some(rung) = self.ladder.pick(now, |rung| rung.codec == codec).copied() else {
            return false;
        };
        self.next_worker += 1;
        let desk = self.desk.clone();
        let said = move |number, event| desk.tell(Command::Worker(number, event));
        match Encoder::start(&self.launcher, rung, self.next_worker, size, self.bps, said) {
            Ok(encoder) => {
                tracing::info!(element = rung.element, codec = codec.name(), "Encoder started");
                let mut keyframes = Keyframes::default();
                keyframes.wish();
                let feed = Feed {
                    encoder,
                    keyframes,
                    behind: true,
                    wanted: true,
                    refine: Refine::default(),
                    submitted: None,
                    unused_since: None,
                };
                self.feeds.insert(codec, feed);
                tell(StudioEvent::Encoder {
                    codec,
                    element: rung.element,
                });
                true
            }
            Err(error) => {
                tracing::warn!(
                    element = rung.element,
                    error = format!("{error:#}"),
                    "Encoder does not start"
                );
                self.ladder
                    .handle_failure(now, |failed| failed.element == rung.element);
                false
            }
        }
    }

    pub(super) fn wish_keyframe(&mut self, codec: Codec) {
        if let Some(feed) = self.feeds.get_mut(&codec) {
            feed.keyframes.wish();
        }
    }

    pub(super) fn set_bitrate(&mut self, bps: u64) {
        self.bps = bps;
        self.feeds
            .values_mut()
            .for_each(|feed| feed.encoder.set_bitrate(bps));
    }

    pub(super) fn resize(&mut self, size: (u32, u32)) {
        for feed in self.feeds.values_mut().filter(|feed| feed.encoder.size() != size) {
            // A dead worker is noticed by its reader.
            let _ = feed.encoder.restart(size);
            feed.keyframes = Keyframes::default();
            feed.keyframes.wish();
            (feed.behind, feed.wanted) = (true, true);
            feed.submitted = None;
        }
    }

    /// The picture changed in these rows; `moving`: video has to show it, to whoever gets tiles, too.
    pub(super) fn handle_change(&mut self, rows: &Range<u32>, moving: bool) {
        if rows.is_empty() {
            return;
        }
        for (codec, feed) in &mut self.feeds {
            feed.encoder.note_damage(rows);
            feed.behind = true;
            feed.wanted |= moving || is_plain(&self.assigned, &self.tiled, *codec);
        }
    }

    /// Whether whoever gets tiles has them all.
    pub(super) fn set_exact(&mut self, exact: bool) {
        self.exact = exact;
    }

    /// Video has to show the newest picture to that viewer.
    pub(super) fn want(&mut self, viewer: ViewerId) {
        let codec = self.assigned.get(&viewer);
        if let Some(feed) = codec.and_then(|codec| self.feeds.get_mut(codec)) {
            feed.wanted |= feed.behind;
        }
    }

    /// Whether some change is to be shown by video yet.
    pub(super) fn is_wanted(&self) -> bool {
        self.feeds.iter().any(|(codec, feed)| {
            self.is_watched(*codec)
                && feed.behind
                && (feed.wanted || is_plain(&self.assigned, &self.tiled, *codec))
        })
    }

    fn is_watched(&self, codec: Codec) -> bool {
        self.assigned.values().any(|assigned| *assigned == codec)
    }

    /// Whether an encoder would take a picture now.
    pub(super) fn wants(&self, dirty: bool, now: Instant) -> bool {
        self.feeds.iter().any(|(codec, feed)| {
            self.is_watched(*codec)
                && feed.encoder.is_ready()
                && feed
                    .due(
                        dirty,
                        is_plain(&self.assigned, &self.tiled, *codec),
                        self.exact,
                        now,
                    )
                    .is_some_and(|at| at <= now)
        })
    }

    /// When an encoder that is ready wants its next picture.
    pub(super) fn next_frame(&self, dirty: bool, now: Instant) -> Option<Instant> {
        self.feeds
            .iter()
            .filter(|(codec, feed)| self.is_watched(**codec) && feed.encoder.is_ready())
            .filter_map(|(codec, feed)| {
                feed.due(
                    dirty,
                    is_plain(&self.assigned, &self.tiled, *codec),
                    self.exact,
                    now,
                )
            })
            .min()
    }

    pub(super) fn submit(
        &mut self,
        picture: &Picture<'_>,
        noticed: Option<Instant>,
        now: Instant,
        tell: &Teller,
    ) {
        let mut broken = Vec::new();
        for (codec, feed) in &mut self.feeds {
            if !self.assigned.values().any(|assigned| assigned == codec) || !feed.encoder.is_ready() {
                continue;
            }
            let size = (
                picture.width.next_multiple_of(2),
                picture.height.next_multiple_of(2),
            );
            if feed.encoder.size() != size {
                // The screen has just become another; the word of it follows.
                (feed.behind, feed.wanted) = (true, true);
                continue;
            }
            let plain = is_plain(&self.assigned, &self.tiled, *codec);
            let Some(at) = feed.due(false, plain, self.exact, now) else {
                continue;
            };
            if at > now {
                continue;
            }
            let key = feed.keyframes.take(now);
            self.next_id += 1;
            let id = self.next_id;
            feed.submitted = Some(Submitted {
                id,
                noticed: noticed.unwrap_or(now),
                at: now,
            });
            feed.refine.handle_submit(feed.behind || key);
            (feed.behind, feed.wanted) = (false, false);
            if let Err(error) = feed.encoder.submit(picture, id, key) {
                tracing::warn!(
                    element = feed.encoder.rung.element,
                    error = format!("{error:#}"),
                    "Encoder takes no picture"
                );
                broken.push(*codec);
            }
        }
        for codec in broken {
            let size = (
                picture.width.next_multiple_of(2),
                picture.height.next_multiple_of(2),
            );
            self.fail(codec, size, now, tell);
        }
    }

    /// That encoder is lost; its viewers go on with the next rung.
    fn fail(&mut self, codec: Codec, size: (u32, u32), now: Instant, tell: &Teller) {
        let Some(feed) = self.feeds.remove(&codec) else {
            return;
        };
        let element = feed.encoder.rung.element;
        self.ladder.handle_failure(now, |rung| rung.element == element);
        drop(feed);
        self.assign(Some(size), now, tell);
    }

    pub(super) fn handle_worker(
        &mut self,
        number: u64,
        event: WorkerEvent,
        size: Option<(u32, u32)>,
        now: Instant,
        (tiler, tell): (&mut Tiler, &Teller),
    ) {
        let Some((codec, feed)) = self
            .feeds
            .iter_mut()
            .find(|(_, feed)| feed.encoder.number == number)
        else {
            return;
        };
        let codec = *codec;
        let watchers = self
            .assigned
            .iter()
            .filter(|(_, assigned)| **assigned == codec)
            .map(|(viewer, _)| *viewer);
        let failure = match event {
            WorkerEvent::Said(FromWorker::Ready) => return,
            WorkerEvent::Said(FromWorker::Free { slot }) => return feed.encoder.handle_free(slot),
            WorkerEvent::Said(FromWorker::Unit { id, key, data }) => {
                let Some(began) = feed.encoder.handle_unit(id) else {
                    return;
                };
                let Some(submitted) = feed.submitted.filter(|submitted| submitted.id == id) else {
                    return;
                };
                if key {
                    feed.keyframes.made(now);
                }
                tracing::trace!(key, bytes = data.len(), left = feed.refine.left(), "Frame");
                feed.refine.handle_frame(data.len(), submitted.at, self.bps);
                let rtp_time = super::rtp_time(self.epoch, submitted.at);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "RTP timestamps wrap at 32 bits (RFC 3550)"
                )]
                let notes = tiler.notes(watchers, rtp_time as u32, now);
                let frame = EncodedFrame {
                    codec,
                    key,
                    rtp_time,
                    captured: submitted.at,
                    data: Arc::from(data),
                };
                let capture = submitted.at.saturating_duration_since(submitted.noticed);
                return tell(StudioEvent::Frame {
                    frame,
                    trace: Trace {
                        capture,
                        convert: began.saturating_duration_since(submitted.at),
                        encode: now.saturating_duration_since(began),
                    },
                    notes,
                });
            }
            WorkerEvent::Said(FromWorker::Failed { why }) => why,
            WorkerEvent::Gone => "its process is gone".to_owned(),
        };
        tracing::warn!(
            element = feed.encoder.rung.element,
            why = failure,
            "Encoder failed; the next one goes on"
        );
        let size = size.unwrap_or(feed.encoder.size());
        self.fail(codec, size, now, tell);
    }

    pub(super) fn is_anyone_watching(&self) -> bool {
        !self.assigned.is_empty()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, tell: &Teller) {
        let hung = self
            .feeds
            .iter()
            .find(|(_, feed)| feed.encoder.poll_timeout().is_some_and(|at| at <= now));
        if let Some((codec, feed)) = hung {
            tracing::warn!(
                element = feed.encoder.rung.element,
                "Encoder hangs; the next one goes on"
            );
            let (codec, size) = (*codec, feed.encoder.size());
            self.fail(codec, size, now, tell);
        }
        self.feeds.retain(|codec, feed| {
            let keep = feed.unused_since.is_none_or(|since| since + KEEP > now);
            if !keep {
                tracing::info!(codec = codec.name(), "Encoder stopped: nobody needs it");
            }
            keep
        });
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let hung = self.feeds.values().filter_map(|feed| feed.encoder.poll_timeout());
        let unused = self
            .feeds
            .values()
            .filter_map(|feed| feed.unused_since)
            .map(|since| since + KEEP);
        let stranded = if self.viewers.len() > self.assigned.len() {
            self.ladder.poll_timeout(|_| true)
        } else {
            None
        };
        hung.chain(unused).chain(stranded).min()
    }
}

impl Feed {
    /// When this encoder wants a picture, if it does; `now` for at once.
    fn due(&self, dirty: bool, plain: bool, exact: bool, now: Instant) -> Option<Instant> {
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

/// Whether a viewer of that codec gets all changes by video.
fn is_plain(assigned: &BTreeMap<ViewerId, Codec>, tiled: &BTreeSet<ViewerId>, codec: Codec) -> bool {
    assigned
        .iter()
        .any(|(viewer, assigned)| *assigned == codec && !tiled.contains(viewer))
}
