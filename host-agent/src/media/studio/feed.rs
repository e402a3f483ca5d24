//! The encoders in use: one for each codec that somebody needs, each on the best rung that works.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::chroma::Chroma;
use session_core::keyframes::Keyframes;
use session_core::ladder::Ladder;
use session_core::quality::Target;
use session_core::refine::Refine;
use signaling_spec::ViewerId;

use super::colours::is_usual;
use super::encode::{Feed, Submitted};
use super::tiler::Tiler;
use super::{Command, Desk, Stream, StudioEvent, Teller, Trace, Watch};
use crate::media::encoder::{Encoder, Launcher, WorkerEvent};
use crate::media::rungs::Rung;
use crate::media::wire::FromWorker;
use crate::screen::Picture;
use crate::transport::{Codec, EncodedFrame};

const LONG: Duration = Duration::from_secs(3_600);

pub(super) struct Feeds {
    launcher: Launcher,
    desk: Desk,
    pub(super) ladder: Ladder<Rung>,
    pub(super) feeds: BTreeMap<Stream, Feed>,
    pub(super) viewers: BTreeMap<ViewerId, Watch>,
    /// Viewers who get small changes otherwise.
    tiled: BTreeSet<ViewerId>,
    /// They see the very pixels of the screen.
    exact: bool,
    pub(super) assigned: BTreeMap<ViewerId, Stream>,
    /// Of the usual encode and of the slow one.
    pub(super) targets: [Target; 2],
    pub(super) chroma: Chroma,
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
            targets: [Target {
                bps,
                half: false,
                unbound: false,
            }; 2],
            chroma: Chroma::default(),
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
        viewers: BTreeMap<ViewerId, Watch>,
        size: Option<(u32, u32)>,
        now: Instant,
        tell: &Teller,
    ) {
        let tiled = viewers.iter().filter(|(_, watch)| watch.tiles);
        self.tiled = tiled.map(|(viewer, _)| *viewer).collect();
        self.viewers = viewers;
        self.assign(size, now, tell);
        // Whoever takes no tiles any more sees by video what they showed.
        for (stream, feed) in &mut self.feeds {
            feed.wanted |= feed.behind && is_plain(&self.assigned, &self.tiled, *stream);
        }
    }

    /// Gives each viewer the first codec of the ladder that it can decode, and each codec its encoder.
    pub(super) fn assign(&mut self, size: Option<(u32, u32)>, now: Instant, tell: &Teller) {
        let Some(size) = size else { return };
        for _ in 0..super::super::rungs::RUNGS.len() {
            let mut assigned = BTreeMap::new();
            let mut stranded = false;
            for (viewer, watch) in &self.viewers {
                match self.first(&watch.codecs, now) {
                    Some(codec) => {
                        let slow = watch.slow;
                        let codec = self.with_colours(codec, slow, now);
                        let stream = Stream { codec, slow };
                        assigned.insert(*viewer, stream);
                    }
                    None => stranded = true,
                }
            }
            let mut needed: BTreeSet<Stream> = assigned.values().copied().collect();
            // The first codec stands ready before anybody comes. Another encoder in its place is memory enough.
            let first = self.first(&Codec::ALL, now).filter(|_| !self.carries(now));
            needed.extend(first.map(|codec| Stream { codec, slow: false }));
            for (stream, feed) in &mut self.feeds {
                feed.unused_since = if needed.contains(stream) {
                    None
                } else {
                    feed.unused_since.or(Some(now))
                };
            }
            let started = needed.iter().all(|stream| self.start(*stream, size, now, tell));
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
    fn start(&mut self, stream: Stream, size: (u32, u32), now: Instant, tell: &Teller) -> bool {
        if self.feeds.contains_key(&stream) {
            return true;
        }
        let codec = stream.codec;
        let Some(rung) = self.ladder.pick(now, |rung| rung.codec == codec).copied() else {
            return false;
        };
        self.next_worker += 1;
        let desk = self.desk.clone();
        let said = move |number, event| desk.tell(Command::Worker(number, event));
        let target = self.targets[usize::from(stream.slow)];
        match Encoder::start(&self.launcher, rung, self.next_worker, size, target, said) {
            Ok(encoder) => {
                let slow = stream.slow;
                tracing::info!(element = rung.name, codec = codec.name(), slow, "Encoder started");
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
                self.feeds.insert(stream, feed);
                tell(StudioEvent::Encoder {
                    stream,
                    element: rung.name,
                });
                true
            }
            Err(error) => {
                tracing::warn!(
                    element = rung.name,
                    error = format!("{error:#}"),
                    "Encoder does not start"
                );
                self.leave_alone(&rung, now);
                false
            }
        }
    }

    pub(super) fn wish_keyframe(&mut self, stream: Stream) {
        if let Some(feed) = self.feeds.get_mut(&stream) {
            feed.keyframes.wish();
        }
    }

    pub(super) fn set_target(&mut self, slow: bool, target: Target) {
        self.targets[usize::from(slow)] = target;
        for (_, feed) in self.feeds.iter_mut().filter(|(stream, _)| stream.slow == slow) {
            feed.set_target(target);
        }
    }

    pub(super) fn resize(&mut self, size: (u32, u32)) {
        if self.feeds.values().any(|feed| feed.encoder.size() != size) {
            self.chroma.handle_resize();
        }
        for feed in self.feeds.values_mut().filter(|feed| feed.encoder.size() != size) {
            // A dead worker is noticed by its reader.
            let _ = feed.encoder.restart(size);
            feed.begin_anew();
        }
    }

    /// The picture changed in these rows; `moving`: the usual video, or the slow one, has to show it, to whoever gets tiles, too.
    pub(super) fn handle_change(&mut self, rows: &Range<u32>, moving: [bool; 2]) {
        if rows.is_empty() {
            return;
        }
        for (stream, feed) in &mut self.feeds {
            feed.encoder.note_damage(rows);
            feed.behind = true;
            feed.wanted |= moving[usize::from(stream.slow)] || is_plain(&self.assigned, &self.tiled, *stream);
        }
    }

    /// Whether whoever gets tiles has them all.
    pub(super) fn set_exact(&mut self, exact: bool) {
        self.exact = exact;
    }

    /// Video has to show the newest picture to that viewer.
    pub(super) fn want(&mut self, viewer: ViewerId) {
        let stream = self.assigned.get(&viewer);
        if let Some(feed) = stream.and_then(|stream| self.feeds.get_mut(stream)) {
            feed.wanted |= feed.behind;
        }
    }

    /// Whether some change is to be shown by video yet.
    pub(super) fn is_wanted(&self) -> bool {
        self.feeds.iter().any(|(stream, feed)| {
            self.is_watched(*stream)
                && feed.behind
                && (feed.wanted || is_plain(&self.assigned, &self.tiled, *stream))
        })
    }

    fn is_watched(&self, stream: Stream) -> bool {
        self.assigned.values().any(|assigned| *assigned == stream)
    }

    /// Encoders that somebody watches and that are ready, with the time at which each wants its next picture. None is made
    /// that would wait on all its viewers' paths.
    fn due(&self, dirty: bool, now: Instant) -> impl Iterator<Item = (Stream, Instant)> {
        let ready = self
            .feeds
            .iter()
            .filter(|(stream, feed)| self.is_watched(**stream) && feed.encoder.is_ready());
        ready.filter_map(move |(stream, feed)| {
            let plain = is_plain(&self.assigned, &self.tiled, *stream);
            let open =
                self.desk.gates[usize::from(stream.slow)].next(feed.submitted.map(|last| last.at), now);
            let at = feed.due(dirty, plain, self.exact, now)?;
            Some((*stream, at.max(open)))
        })
    }

    /// Whether an encoder would take a picture now.
    pub(super) fn wants(&self, dirty: bool, now: Instant) -> bool {
        self.due(dirty, now).any(|(_, at)| at <= now)
    }

    /// When an encoder that is ready wants its next picture.
    pub(super) fn next_frame(&self, dirty: bool, now: Instant) -> Option<Instant> {
        self.due(dirty, now).map(|(_, at)| at).min()
    }

    pub(super) fn submit(
        &mut self,
        picture: &Picture<'_>,
        noticed: Option<Instant>,
        now: Instant,
        tell: &Teller,
    ) {
        let mut broken = Vec::new();
        let size = (
            picture.width.next_multiple_of(2),
            picture.height.next_multiple_of(2),
        );
        let due = self.due(false, now).filter(|(_, at)| *at <= now);
        let due: BTreeSet<Stream> = due.map(|(stream, _)| stream).collect();
        for (stream, feed) in &mut self.feeds {
            if feed.encoder.size() != size {
                // The screen has just become another; the word of it follows.
                (feed.behind, feed.wanted) = (true, true);
                continue;
            }
            if !due.contains(stream) {
                continue;
            }
            let key = feed.keyframes.take(now);
            self.next_id += 1;
            let id = self.next_id;
            // RTP's clock says for half a day which of two frames is the older.
            let same = feed
                .submitted
                .filter(|last| !feed.behind && last.shows + LONG > now);
            feed.submitted = Some(Submitted {
                id,
                noticed: noticed.unwrap_or(now),
                at: now,
                shows: same.map_or(now, |same| same.shows),
            });
            feed.refine.handle_submit(feed.behind || key);
            (feed.behind, feed.wanted) = (false, false);
            if let Err(error) = feed.encoder.submit(picture, id, key) {
                tracing::warn!(
                    element = feed.encoder.rung.name,
                    error = format!("{error:#}"),
                    "Encoder takes no picture"
                );
                broken.push(*stream);
            }
        }
        for stream in broken {
            self.fail(stream, size, now, tell);
        }
    }

    /// That encoder is lost; its viewers go on with the next rung.
    fn fail(&mut self, stream: Stream, size: (u32, u32), now: Instant, tell: &Teller) {
        let Some(feed) = self.feeds.remove(&stream) else {
            return;
        };
        self.leave_alone(&feed.encoder.rung, now);
        drop(feed);
        self.assign(Some(size), now, tell);
    }

    /// That rung failed.
    fn leave_alone(&mut self, rung: &Rung, now: Instant) {
        self.ladder.handle_failure(now, |failed| failed.name == rung.name);
        if rung.codec == Codec::H264High444 && self.chroma.is_on() {
            self.chroma.handle_failure(now);
        }
    }

    pub(super) fn handle_worker(
        &mut self,
        number: u64,
        event: WorkerEvent,
        size: Option<(u32, u32)>,
        now: Instant,
        (tiler, tell): (&mut Tiler, &Teller),
    ) {
        let Some((stream, feed)) = self
            .feeds
            .iter_mut()
            .find(|(_, feed)| feed.encoder.number == number)
        else {
            return;
        };
        let stream = *stream;
        let watchers = self
            .assigned
            .iter()
            .filter(|(_, assigned)| **assigned == stream)
            .map(|(viewer, _)| *viewer);
        let failure = match event {
            WorkerEvent::Said(FromWorker::Ready) => return,
            WorkerEvent::Said(FromWorker::Free { slot }) => return feed.encoder.handle_free(slot),
            WorkerEvent::Said(FromWorker::Unit { id, key, data }) => {
                let Some(began) = feed.encoder.handle_unit(id) else {
                    return;
                };
                // The first picture waits for its encoder's start.
                if stream.codec == Codec::H264High444 && !key {
                    self.chroma
                        .handle_frame(now.saturating_duration_since(began), now);
                }
                let Some(submitted) = feed.submitted.filter(|submitted| submitted.id == id) else {
                    return;
                };
                if key {
                    feed.keyframes.made(now);
                }
                tracing::trace!(key, bytes = data.len(), left = feed.refine.left(), "Frame");
                let bps = self.targets[usize::from(stream.slow)].bps;
                feed.refine.handle_frame(data.len(), submitted.at, bps);
                let rtp_time = super::rtp_time(self.epoch, submitted.at);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "RTP timestamps wrap at 32 bits (RFC 3550)"
                )]
                let stamps = [submitted.at, submitted.shows].map(|at| super::rtp_time(self.epoch, at) as u32);
                let notes = tiler.notes(watchers, stamps, now);
                let frame = EncodedFrame {
                    codec: stream.codec,
                    key,
                    rtp_time,
                    captured: submitted.at,
                    data: Arc::from(data),
                };
                let capture = submitted.at.saturating_duration_since(submitted.noticed);
                return tell(StudioEvent::Frame {
                    stream,
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
            element = feed.encoder.rung.name,
            why = failure,
            "Encoder failed; the next one goes on"
        );
        let size = size.unwrap_or(feed.encoder.size());
        self.fail(stream, size, now, tell);
    }

    pub(super) fn is_anyone_watching(&self) -> bool {
        !self.assigned.is_empty()
    }

    pub(super) fn handle_timeout(&mut self, size: Option<(u32, u32)>, now: Instant, tell: &Teller) {
        if self.stranded_until().is_some_and(|at| at <= now) {
            self.assign(size, now, tell);
        }
        let hung = self
            .feeds
            .iter()
            .find(|(_, feed)| feed.encoder.poll_timeout().is_some_and(|at| at <= now));
        if let Some((stream, feed)) = hung {
            tracing::warn!(
                element = feed.encoder.rung.name,
                "Encoder hangs; the next one goes on"
            );
            let (stream, size) = (*stream, feed.encoder.size());
            self.fail(stream, size, now, tell);
        }
        self.update_colours(size, now, tell);
        for (stream, feed) in &mut self.feeds {
            if self.assigned.values().any(|assigned| assigned == stream) {
                feed.unbind(self.targets[usize::from(stream.slow)], now);
            }
        }
        let served = !self.assigned.is_empty();
        self.feeds.retain(|stream, feed| {
            let keep = feed.retires_at(served).is_none_or(|at| at > now);
            if !keep {
                tracing::info!(
                    codec = stream.codec.name(),
                    slow = stream.slow,
                    "Encoder stopped: nobody needs it"
                );
            }
            keep
        });
    }

    pub(super) fn poll_timeout(&self, shows: bool, now: Instant) -> Option<Instant> {
        let hung = self.feeds.values().filter_map(|feed| feed.encoder.poll_timeout());
        let served = !self.assigned.is_empty();
        let unused = self.feeds.values().filter_map(|feed| feed.retires_at(served));
        let feeds = self.feeds.iter().filter(|(stream, _)| self.is_watched(**stream));
        let unbound =
            feeds.filter_map(|(stream, feed)| feed.unbind_at(self.targets[usize::from(stream.slow)]));
        let stranded = self.stranded_until().filter(|_| shows);
        let colours = self.colours_at(now);
        hung.chain(unused)
            .chain(unbound)
            .chain(stranded)
            .chain(colours)
            .min()
    }

    /// When an encoder may serve again, while somebody has none.
    fn stranded_until(&self) -> Option<Instant> {
        let stranded = self
            .viewers
            .iter()
            .filter(|(viewer, _)| !self.assigned.contains_key(viewer));
        stranded
            .filter_map(|(_, watch)| self.ladder.poll_timeout(|rung| is_usual(rung, &watch.codecs)))
            .min()
    }
}

/// Whether a viewer of that encode gets all changes by video.
fn is_plain(assigned: &BTreeMap<ViewerId, Stream>, tiled: &BTreeSet<ViewerId>, stream: Stream) -> bool {
    assigned
        .iter()
        .any(|(viewer, assigned)| *assigned == stream && !tiled.contains(viewer))
}
