//! Which changes of the screen travel as lossless tiles and which as video, and when what moved is made exact.
//!
//! The screen is a grid of square cells. What changes in one small piece travels as tiles; what is large, or goes on
//! changing, is motion, and video's until it rests. A piece is what hangs together, so that no edge runs through
//! something that moves. A cell that rests and is not exact at a viewer is sent to it as a tile. A video frame shows the
//! whole screen of its time, so each is told which older tiles it replaces.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signaling_spec::channel::tiles::CELL;

/// A piece of more cells than this is motion: a window of 640x480 lies on no more.
const MOST_CELLS: usize = 110;
/// What has not changed for so long rests; and what changed for the first time in a while, as a page does that is turned.
const REST: Duration = Duration::from_millis(110);
const TURNED: Duration = Duration::from_millis(50);
const WHILE: Duration = Duration::from_millis(500);
/// What a viewer has not seen after so many waits may never come: video shows what it does.
const LATE: u32 = 3;
/// A message that is longer than this is not sent again by us: the channel mends it soon enough.
const SHORT: u64 = 2_000;
/// A wait for a viewer's word before anything is known of its path, and the longest.
const WAIT: Duration = Duration::from_millis(60);
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// What a viewer may take to paint.
const PAINT: Duration = Duration::from_millis(6);
const RESENDS: u32 = 4;
/// On a path that loses packets short messages are sent twice, so far apart that one loss does not take both.
const TWICE: Duration = Duration::from_millis(7);
/// What a loss adds to the memory of losses, what is left of it after each message, and from where it counts: two
/// losses in some hundred messages. One alone may be a page that was busy.
const LOSS: f32 = 0.09;
const FORGET: f32 = 0.995;
const LOSSY: f32 = 0.1;
/// Nobody gets all tiles anew more often.
const ANEW: Duration = Duration::from_millis(500);
/// Bytes of tiles in a burst.
const BURST: u64 = 96_000;
/// Bytes on their way to a viewer, at the least and at the most.
const WINDOW: (u64, u64) = (4_000, 96_000);

/// What a cell's newest content came by.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// The change that made what it shows.
    change: u64,
    /// When it last changed as a part of motion, and how long it has to rest after that.
    moved: Option<Instant>,
    rest: Duration,
}

impl Cell {
    fn rests_at(&self) -> Option<Instant> {
        self.moved.map(|at| at + self.rest)
    }
}

#[derive(Clone, Copy, Debug)]
struct Flying {
    number: u32,
    bytes: u64,
    at: Instant,
    /// When to send it again.
    again: Option<Instant>,
    resends: u32,
    /// Whether the first of them is only the second of two.
    twice: bool,
    /// Whether video was asked for in its place.
    late: bool,
}

#[derive(Clone, Debug)]
struct View {
    /// For each cell the change that its tile shows, or 0 where there is none.
    has: Vec<u64>,
    /// Messages on their way, in their order.
    flying: VecDeque<Flying>,
    /// The last message's number.
    number: u32,
    /// A message's way there and the word of it back.
    trip: Option<Duration>,
    /// The memory of losses.
    losses: f32,
    /// What it has must be cleared first: a message was lost.
    lost: bool,
    /// When it gets all anew, and when it did.
    anew: Option<Instant>,
    anewed: Option<Instant>,
}

/// What is to be done about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Cells to be sent as tiles.
    pub still: Vec<usize>,
    /// Whether something is video's.
    pub moving: bool,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Board<V> {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    views: BTreeMap<V, View>,
    changes: u64,
    /// The highest number of a message to anybody who was here.
    numbers: u32,
    /// Bytes that tiles may still take.
    credit: u64,
    credit_at: Option<Instant>,
}

impl<V: Ord + Copy> Default for Board<V> {
    fn default() -> Self {
        Self {
            columns: 0,
            rows: 0,
            cells: Vec::new(),
            views: BTreeMap::new(),
            changes: 0,
            numbers: 0,
            credit: BURST,
            credit_at: None,
        }
    }
}

impl<V: Ord + Copy> Board<V> {
    /// The screen has this size in pixels; nobody has a tile of it.
    pub fn resize(&mut self, (width, height): (u32, u32)) {
        let cells = |side: u32| usize::try_from(side.div_ceil(CELL)).unwrap_or(0);
        (self.columns, self.rows) = (cells(width), cells(height));
        self.changes += 1;
        let change = self.changes;
        let cell = Cell {
            change,
            ..Cell::default()
        };
        self.cells = vec![cell; self.columns * self.rows];
        for view in self.views.values_mut() {
            view.has = vec![0; self.cells.len()];
        }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// These viewers take tiles; the others' are forgotten.
    pub fn set_viewers(&mut self, viewers: impl IntoIterator<Item = V>) {
        let cells = self.cells.len();
        let mut old = std::mem::take(&mut self.views);
        // Whoever was away and comes back takes nothing for new that has a number it knows.
        let highest = old.values().map(|view| view.number).max().unwrap_or(0);
        self.numbers = self.numbers.max(highest);
        let number = self.numbers;
        for viewer in viewers {
            let view = old.remove(&viewer).unwrap_or_else(|| View {
                has: vec![0; cells],
                flying: VecDeque::new(),
                number,
                trip: None,
                losses: 0.0,
                lost: true,
                anew: None,
                anewed: None,
            });
            self.views.insert(viewer, view);
        }
    }

    pub fn viewers(&self) -> impl Iterator<Item = V> {
        self.views.keys().copied()
    }

    pub fn is_used(&self) -> bool {
        !self.views.is_empty()
    }

    /// The cells under rectangles of pixels: left, top, width, height.
    pub fn under(&self, rectangles: impl IntoIterator<Item = [u32; 4]>) -> Vec<usize> {
        let mut under = vec![false; self.cells.len()];
        for [x, y, width, height] in rectangles {
            let span = |start: u32, length: u32, most: usize| {
                let first = usize::try_from(start / CELL).unwrap_or(0);
                let end = usize::try_from(start.saturating_add(length).div_ceil(CELL)).unwrap_or(0);
                first.min(most)..end.min(most)
            };
            for row in span(y, height, self.rows) {
                for column in span(x, width, self.columns) {
                    if let Some(cell) = under.get_mut(row * self.columns + column) {
                        *cell = true;
                    }
                }
            }
        }
        (0..under.len())
            .filter(|cell| under.get(*cell) == Some(&true))
            .collect()
    }

    fn is_moving(&self, cell: usize, now: Instant) -> bool {
        self.cells
            .get(cell)
            .and_then(Cell::rests_at)
            .is_some_and(|at| at > now)
    }

    /// These cells changed.
    pub fn handle_change(&mut self, dirty: &[usize], now: Instant) -> Split {
        self.changes += 1;
        for cell in dirty {
            if let Some(cell) = self.cells.get_mut(*cell) {
                cell.change = self.changes;
            }
        }
        let mut split = Split::default();
        for piece in self.pieces(dirty) {
            if piece.len() > MOST_CELLS || piece.iter().any(|cell| self.is_moving(*cell, now)) {
                self.move_on(&piece, now);
                split.moving = true;
            } else {
                split.still.extend(piece);
            }
        }
        split
    }

    /// Tiles of these cells would be too many bytes: they are motion.
    pub fn move_on(&mut self, cells: &[usize], now: Instant) {
        for cell in cells {
            if let Some(cell) = self.cells.get_mut(*cell) {
                let turned = cell.moved.is_none_or(|at| at + WHILE <= now);
                cell.rest = if turned { TURNED } else { REST };
                cell.moved = Some(now);
            }
        }
    }

    /// Cells that hang together, by sides or corners.
    fn pieces(&self, dirty: &[usize]) -> Vec<Vec<usize>> {
        let mut left = vec![false; self.cells.len()];
        for cell in dirty {
            if let Some(cell) = left.get_mut(*cell) {
                *cell = true;
            }
        }
        let mut pieces = Vec::new();
        for start in dirty {
            let mut piece = Vec::new();
            let mut edge = vec![*start];
            while let Some(cell) = edge.pop() {
                if left.get_mut(cell).is_none_or(|left| !std::mem::take(left)) {
                    continue;
                }
                piece.push(cell);
                let (row, column) = (cell / self.columns, cell % self.columns);
                for near_row in row.saturating_sub(1)..(row + 2).min(self.rows) {
                    for near in column.saturating_sub(1)..(column + 2).min(self.columns) {
                        edge.push(near_row * self.columns + near);
                    }
                }
            }
            if !piece.is_empty() {
                pieces.push(piece);
            }
        }
        pieces
    }

    /// Bytes that tiles may take now, at so many bits a second for all of the picture.
    pub fn credit(&mut self, bps: u64, now: Instant) -> u64 {
        let since = self
            .credit_at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let micros = u64::try_from(since.as_micros().min(10_000_000)).unwrap_or(0);
        let more = (bps / 16).saturating_mul(micros) / 1_000_000;
        self.credit = self.credit.saturating_add(more).min(BURST);
        self.credit_at = Some(now);
        self.credit
    }

    pub fn spend(&mut self, bytes: u64) {
        self.credit = self.credit.saturating_sub(bytes);
    }

    /// Bytes that may be on their way, at so many bits a second.
    pub fn window(bps: u64) -> u64 {
        (bps / 160).clamp(WINDOW.0, WINDOW.1)
    }

    /// Whether more tiles may go to that viewer now, at so many bits a second.
    pub fn has_room(&self, viewer: V, bps: u64) -> bool {
        let window = Self::window(bps);
        self.views
            .get(&viewer)
            .is_some_and(|view| view.flying.iter().map(|flying| flying.bytes).sum::<u64>() < window)
    }

    /// Tiles of these cells are sent, in a message of so many bytes. Returns its number, and whether the viewer has to
    /// forget all before it.
    pub fn handle_sent(
        &mut self,
        viewer: V,
        cells: &[usize],
        bytes: u64,
        now: Instant,
    ) -> Option<(u32, bool)> {
        let view = self.views.get_mut(&viewer)?;
        let forget = std::mem::take(&mut view.lost);
        if forget {
            view.has.fill(0);
        }
        for cell in cells {
            if let (Some(has), Some(cell)) = (view.has.get_mut(*cell), self.cells.get(*cell)) {
                *has = cell.change;
            }
        }
        Some((view.fly(bytes, now), forget))
    }

    /// The viewer has painted all up to that number.
    pub fn handle_seen(&mut self, viewer: V, number: u32, now: Instant) {
        let Some(view) = self.views.get_mut(&viewer) else {
            return;
        };
        while let Some(flying) = view.flying.front().filter(|flying| number >= flying.number) {
            let resends = flying.resends.saturating_sub(u32::from(flying.twice));
            view.losses = view.losses * FORGET + if resends > 0 { LOSS } else { 0.0 };
            // What was sent again does not say which of the two came.
            if resends == 0 && flying.number == number {
                let trip = now.saturating_duration_since(flying.at);
                // A long message before it held it up; a short way is true at once.
                view.trip = Some(view.trip.map_or(trip, |old| {
                    if trip < old {
                        (old + trip) / 2
                    } else {
                        (old * 15 + trip) / 16
                    }
                }));
            }
            view.flying.pop_front();
        }
    }

    /// That viewer wants all tiles anew.
    pub fn handle_anew(&mut self, viewer: V, now: Instant) {
        if let Some(view) = self.views.get_mut(&viewer) {
            view.anew = Some(view.anewed.map_or(now, |at| now.max(at + ANEW)));
        }
    }

    /// Messages to be sent again, because nothing was heard of them for longer than their way takes.
    pub fn resend(&mut self, now: Instant) -> Vec<(V, u32)> {
        let mut again = Vec::new();
        for (viewer, view) in &mut self.views {
            if view.anew.is_some_and(|at| at <= now) {
                (view.anew, view.anewed, view.lost) = (None, Some(now), true);
            }
            let wait = view.wait();
            for flying in view
                .flying
                .iter_mut()
                .filter(|flying| flying.again.is_some_and(|at| at <= now))
            {
                flying.resends += 1;
                let more = flying.resends - u32::from(flying.twice);
                flying.again = (more < RESENDS).then(|| now + wait * (1 << more.min(4)));
                again.push((*viewer, flying.number));
            }
        }
        again
    }

    pub fn is_flying(&self, viewer: V, number: u32) -> bool {
        self.views
            .get(&viewer)
            .is_some_and(|view| view.flying.iter().any(|flying| flying.number == number))
    }

    /// A message to that viewer was lost: it is told to forget all, with the next one.
    pub fn handle_lost(&mut self, viewer: V) {
        if let Some(view) = self.views.get_mut(&viewer) {
            view.lost = true;
            view.flying.clear();
        }
    }

    /// A video frame of the screen as it is now goes to that viewer. Returns the number of the note that it has to hear
    /// before, and the cells whose tiles the frame replaces; nothing where it has no tile at all.
    pub fn handle_frame(&mut self, viewer: V, now: Instant) -> Option<(u32, Vec<usize>)> {
        let view = self.views.get_mut(&viewer).filter(|view| !view.lost)?;
        if view.has.iter().all(|has| *has == 0) {
            return None;
        }
        let mut gone = Vec::new();
        for (number, (has, cell)) in view.has.iter_mut().zip(&self.cells).enumerate() {
            if *has != 0 && *has < cell.change {
                *has = 0;
                gone.push(number);
            }
        }
        Some((view.fly(0, now), gone))
    }

    /// Cells that rest and are not exact at that viewer, at most so many.
    pub fn unfinished(&self, viewer: V, most: usize, now: Instant) -> Vec<usize> {
        let Some(view) = self.views.get(&viewer) else {
            return Vec::new();
        };
        (0..self.cells.len())
            .filter(|cell| view.lost || view.has.get(*cell) != self.cells.get(*cell).map(|cell| &cell.change))
            .filter(|cell| !self.is_moving(*cell, now))
            .take(most)
            .collect()
    }

    /// Whether that viewer sees the very pixels of the screen.
    pub fn is_exact(&self, viewer: V) -> bool {
        self.views.get(&viewer).is_some_and(|view| {
            !view.lost
                && view
                    .has
                    .iter()
                    .zip(&self.cells)
                    .all(|(has, cell)| *has == cell.change)
        })
    }

    /// Viewers that wait too long for a message, once for each.
    pub fn late(&mut self, now: Instant) -> Vec<V> {
        let mut late = Vec::new();
        for (viewer, view) in &mut self.views {
            let wait = view.wait() * LATE;
            if let Some(flying) = view
                .flying
                .front_mut()
                .filter(|flying| !flying.late && flying.at + wait <= now)
            {
                flying.late = true;
                late.push(*viewer);
            }
        }
        late
    }

    /// When something is to be done, at so many bits a second.
    pub fn poll_timeout(&self, bps: impl Fn(V) -> u64, now: Instant) -> Option<Instant> {
        let late = self.views.values().filter_map(|view| {
            let flying = view.flying.front().filter(|flying| !flying.late)?;
            Some(flying.at + view.wait() * LATE)
        });
        let again = self
            .views
            .values()
            .flat_map(|view| view.flying.iter().filter_map(|flying| flying.again));
        let rests = self
            .views
            .iter()
            .filter(|(viewer, _)| self.has_room(**viewer, bps(**viewer)))
            .flat_map(|(_, view)| {
                self.cells
                    .iter()
                    .zip(&view.has)
                    .filter(|(cell, has)| view.lost || cell.change != **has)
                    .map(|(cell, _)| cell.rests_at().unwrap_or(now))
            });
        let anew = self.views.values().filter_map(|view| view.anew);
        late.chain(again).chain(anew).chain(rests).min()
    }
}

impl View {
    /// How long its word of a message may take.
    fn wait(&self) -> Duration {
        self.trip
            .map_or(WAIT, |trip| (trip * 3 / 2 + PAINT).min(LONGEST_WAIT))
    }

    /// Returns the number of a message that leaves now.
    fn fly(&mut self, bytes: u64, now: Instant) -> u32 {
        self.number += 1;
        let twice = bytes <= SHORT && self.losses > LOSSY;
        let wait = if twice { TWICE } else { self.wait() };
        self.flying.push_back(Flying {
            number: self.number,
            bytes,
            at: now,
            again: (bytes <= SHORT).then(|| now + wait),
            resends: 0,
            twice,
            late: false,
        });
        self.number
    }
}
