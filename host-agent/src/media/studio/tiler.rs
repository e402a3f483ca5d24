//! Sends exact pixels over the video: small changes at once, the rest of the screen once it rests.
//!
//! The rules are in `session_core::tiles`; this makes the messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use session_core::tiles::Board;
use signaling_spec::ViewerId;

use super::{StudioEvent, Teller};
use crate::media::tiles::{Head, is_busy, mark, note, tiles};
use crate::screen::Picture;

/// A change that would be a longer message travels as video.
const MOST_AT_ONCE: u64 = 32_000;
/// Cells of what rests that are sent in one message.
const MOST_CELLS: usize = 40;
/// What a cell of text takes, about.
const CELL_BYTES: usize = 800;
/// The window holds so many messages, so that the path is busy while one is painted.
const AT_ONCE: usize = 3;
/// The same of cells that take many bytes.
const MOST_BUSY: usize = 4;
const BUSY_BYTES: usize = 12_000;

pub(super) struct Tiler {
    board: Board<ViewerId>,
    size: (u32, u32),
    /// Of the usual viewers and of the slow ones.
    bps: [u64; 2],
    slow: BTreeSet<ViewerId>,
    epoch: Instant,
    /// Messages on their way.
    kept: Vec<(ViewerId, u32, Arc<[u8]>)>,
    /// Text and drawings were still to be sent when that was tried last.
    drawing: bool,
}

impl Tiler {
    pub(super) fn new(epoch: Instant, bps: u64) -> Self {
        Self {
            board: Board::default(),
            size: (0, 0),
            bps: [bps; 2],
            slow: BTreeSet::new(),
            epoch,
            kept: Vec::new(),
            drawing: false,
        }
    }

    pub(super) fn set_bitrate(&mut self, slow: bool, bps: u64) {
        self.bps[usize::from(slow)] = bps;
    }

    /// These take tiles; each with whether it gets the slow encode.
    pub(super) fn set_viewers(&mut self, viewers: impl IntoIterator<Item = (ViewerId, bool)>) {
        let viewers: Vec<(ViewerId, bool)> = viewers.into_iter().collect();
        let slow = viewers.iter().filter(|(_, slow)| *slow);
        self.slow = slow.map(|(viewer, _)| *viewer).collect();
        self.board
            .set_viewers(viewers.into_iter().map(|(viewer, _)| viewer));
    }

    fn rate(&self, viewer: ViewerId) -> u64 {
        self.bps[usize::from(self.slow.contains(&viewer))]
    }

    fn has_room(&self, viewer: ViewerId) -> bool {
        self.board.has_room(viewer, self.rate(viewer))
    }

    pub(super) fn resize(&mut self, size: (u32, u32)) {
        if self.size != size {
            self.size = size;
            self.board.resize(size);
        }
    }

    pub(super) fn is_used(&self) -> bool {
        self.board.is_used()
    }

    pub(super) fn handle_seen(&mut self, viewer: ViewerId, number: u32, now: Instant) {
        self.board.handle_seen(viewer, number, now);
    }

    pub(super) fn handle_anew(&mut self, viewer: ViewerId, now: Instant) {
        self.board.handle_anew(viewer, now);
    }

    pub(super) fn handle_lost(&mut self, viewer: ViewerId) {
        self.board.handle_lost(viewer);
    }

    /// Whether each viewer of tiles sees the very pixels of the screen, or will before video could sharpen them.
    pub(super) fn is_exact(&self) -> bool {
        self.drawing || self.board.viewers().all(|viewer| self.board.is_exact(viewer))
    }

    fn head(&self, stamp: u32) -> Head {
        Head {
            number: 0,
            stamp,
            size: self.size,
            forget: false,
            exact: false,
        }
    }

    /// Sends what is small of a change. Returns whether video is needed for the rest: the usual one, the slow one.
    pub(super) fn handle_grab(&mut self, picture: &Picture<'_>, now: Instant, tell: &Teller) -> [bool; 2] {
        self.resize((picture.width, picture.height));
        if !self.is_used() || picture.damaged.is_empty() {
            return [false; 2];
        }
        let dirty = self.board.under(picture.damaged.iter().copied());
        self.drawing = false;
        let split = self.board.handle_change(&dirty, now);
        if split.still.is_empty() {
            return [split.moving; 2];
        }
        let mut moving = [split.moving; 2];
        for slow in [false, true] {
            let viewers = self.board.viewers();
            let all: Vec<ViewerId> = viewers.filter(|one| self.slow.contains(one) == slow).collect();
            let ready: Vec<ViewerId> = all.iter().copied().filter(|one| self.has_room(*one)).collect();
            if all.is_empty() {
                continue;
            }
            let bps = self.bps[usize::from(slow)];
            let mut most = self.board.credit(bps, now).min(MOST_AT_ONCE);
            if slow {
                // The budget is the usual viewers'.
                most = most.min(Board::<ViewerId>::window(bps));
            }
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let sent = self.send(picture, &split.still, &ready, most, now, tell);
            if !sent {
                self.board.move_on(&split.still, now);
            }
            moving[usize::from(slow)] |= ready.len() < all.len() || !sent;
        }
        moving
    }

    /// Sends a part of what rests and is not exact yet.
    pub(super) fn finish(&mut self, picture: &Picture<'_>, now: Instant, tell: &Teller) {
        let viewers = self.board.viewers();
        let viewers: Vec<ViewerId> = viewers.filter(|one| self.has_room(*one)).collect();
        self.drawing = false;
        for viewer in viewers {
            // Text and drawings first: a photograph would hold them up.
            let columns = self.board.columns();
            let all = self.board.unfinished(viewer, usize::MAX, now);
            let (busy, mut cells): (Vec<usize>, Vec<usize>) =
                all.iter().partition(|cell| is_busy(picture, **cell, columns));
            let window = usize::try_from(Board::<ViewerId>::window(self.rate(viewer))).unwrap_or(usize::MAX);
            self.drawing |= !cells.is_empty();
            cells.truncate((window / CELL_BYTES / AT_ONCE).clamp(1, MOST_CELLS));
            if cells.is_empty() {
                cells.extend(busy.into_iter().take((window / BUSY_BYTES).clamp(1, MOST_BUSY)));
            }
            if cells.is_empty() {
                continue;
            }
            // Whoever misses the same gets the same.
            let alike: Vec<ViewerId> = self
                .board
                .viewers()
                .filter(|other| {
                    self.has_room(*other) && self.slow.contains(other) == self.slow.contains(&viewer)
                })
                .filter(|other| *other == viewer || self.board.unfinished(*other, usize::MAX, now) == all)
                .collect();
            self.send(picture, &cells, &alike, usize::MAX, now, tell);
        }
    }

    /// Returns whether the message is short enough, and was sent.
    fn send(
        &mut self,
        picture: &Picture<'_>,
        cells: &[usize],
        to: &[ViewerId],
        most: usize,
        now: Instant,
        tell: &Teller,
    ) -> bool {
        let stamp = super::rtp_time(self.epoch, now);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RTP timestamps wrap at 32 bits (RFC 3550)"
        )]
        let stamp = stamp as u32;
        let bps = to.first().map_or(u64::MAX, |viewer| self.rate(*viewer));
        let head = self.head(stamp);
        let message = match tiles(picture, cells, self.board.columns(), head, most, bps) {
            Ok(Some(message)) => message,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "Tiles could not be made");
                return false;
            }
        };
        let bytes = u64::try_from(message.len()).unwrap_or(u64::MAX);
        self.board.spend(bytes);
        for viewer in to {
            let Some((number, forget)) = self.board.handle_sent(*viewer, cells, bytes, now) else {
                continue;
            };
            let mut message = message.clone();
            mark(&mut message, number, forget, self.board.is_exact(*viewer));
            let data: Arc<[u8]> = message.into();
            self.keep(*viewer, number, &data);
            tell(StudioEvent::Tiles {
                viewer: *viewer,
                data,
            });
        }
        true
    }

    /// Keeps a message until the viewer has it.
    fn keep(&mut self, viewer: ViewerId, number: u32, data: &Arc<[u8]>) {
        let board = &self.board;
        self.kept
            .retain(|(viewer, number, _)| board.is_flying(*viewer, *number));
        self.kept.push((viewer, number, Arc::clone(data)));
    }

    /// Sends again what may have been lost.
    pub(super) fn resend(&mut self, now: Instant, tell: &Teller) {
        for (viewer, number) in self.board.resend(now) {
            let kept = self.kept.iter().find(|kept| (kept.0, kept.1) == (viewer, number));
            if let Some((_, _, data)) = kept {
                tell(StudioEvent::Tiles {
                    viewer,
                    data: Arc::clone(data),
                });
            }
        }
    }

    /// What is to be said to these viewers before a frame of that RTP time, and of a screen that the frame `shows` first
    /// showed.
    pub(super) fn notes(
        &mut self,
        viewers: impl IntoIterator<Item = ViewerId>,
        [rtp, shows]: [u32; 2],
        now: Instant,
    ) -> Vec<(ViewerId, Arc<[u8]>)> {
        let mut notes = Vec::new();
        for viewer in viewers {
            let Some((number, cells)) = self.board.handle_frame(viewer, now) else {
                continue;
            };
            let head = Head {
                number,
                exact: self.board.is_exact(viewer),
                ..self.head(rtp)
            };
            let same = (shows != rtp).then_some(shows);
            let data: Arc<[u8]> = note(head, &cells, same).into();
            self.keep(viewer, number, &data);
            notes.push((viewer, data));
        }
        notes
    }

    /// Viewers whose tiles may have been lost on the way.
    pub(super) fn late(&mut self, now: Instant) -> Vec<ViewerId> {
        self.board.late(now)
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.board.poll_timeout(|viewer| self.rate(viewer), now)
    }
}
