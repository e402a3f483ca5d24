//! The thread that owns the screen and feeds the encoders.
//!
//! It sleeps until the screen changes, an encoder wants something, or it is told something; so a still
//! screen costs nothing. A change is grabbed at once unless the last grab was less than a frame ago; an
//! encoder gets the next picture when its last one is out. After the last change the same picture is
//! encoded a few times more, until the encoder has nothing to add: that sharpens what scrolled.

mod colours;
mod desk;
mod encode;
mod feed;
mod tiler;

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use session_core::hold_back::HoldBack;
use session_core::ladder::Ladder;
use session_core::quality::Target;
use session_core::rhythm::Rhythm;
use session_core::sizing::Wish;
use signaling_spec::ViewerId;
use signaling_spec::channel::control::Monitor;

pub use self::desk::Desk;
use self::feed::Feeds;
use self::tiler::Tiler;
use super::encoder::{Launcher, WorkerEvent};
use super::ring;
use super::rungs::Rung;
use crate::screen::{Condition, CursorShape, Source, SourceError, SourceEvent};
use crate::transport::{Codec, EncodedFrame};

/// The usual time between two frames: 60 a second, fewer where one would have less than these bits.
const FRAME: Duration = Duration::from_micros(16_400);
const FRAME_BITS: u64 = 20_000;
/// The least time between two grabs for tiles.
const TILES: Duration = Duration::from_millis(5);

/// What the studio may be told.
#[derive(Debug)]
pub enum Command {
    /// Who watches, and what each can decode, best first.
    Viewers(BTreeMap<ViewerId, Watch>),
    /// A viewer has painted all messages up to that number.
    TilesSeen(ViewerId, u32),
    /// A viewer wants all tiles anew.
    TilesAnew(ViewerId),
    /// A message about tiles could not be sent to it.
    TilesLost(ViewerId),
    /// Somebody needs a whole picture in that codec.
    Keyframe(Stream),
    /// What the usual encode, or the slow one, is to be.
    Target {
        slow: bool,
        target: Target,
    },
    Resize(Wish),
    /// Give the screen the size back that it had before the first resize.
    Restore,
    /// The encoders that work here, best first.
    Rungs(Vec<Rung>),
    Stop,
    Worker(u64, WorkerEvent),
}

/// What a viewer takes.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What it can decode, best first.
    pub codecs: Vec<Codec>,
    /// Exact pixels over the video.
    pub tiles: bool,
    /// It gets the slow encode.
    pub slow: bool,
}

/// One encode, which viewers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stream {
    pub codec: Codec,
    /// For viewers whose paths carry much less than the others'.
    pub slow: bool,
}

/// What the studio says.
#[derive(Debug)]
pub enum StudioEvent {
    Frame {
        stream: Stream,
        frame: EncodedFrame,
        trace: Trace,
        /// What viewers with tiles must hear before it.
        notes: Vec<(ViewerId, Arc<[u8]>)>,
    },
    /// Exact pixels for that viewer.
    Tiles {
        viewer: ViewerId,
        data: Arc<[u8]>,
    },
    /// Which encode each viewer gets.
    Assigned(BTreeMap<ViewerId, Stream>),
    /// The encoder in use for it.
    Encoder {
        stream: Stream,
        element: &'static str,
    },
    /// The screen is there, with this size.
    Size {
        width: u32,
        height: u32,
        resizable: bool,
        monitors: Vec<Monitor>,
        about: String,
    },
    /// It is dark or locked, or no longer.
    Condition(Condition),
    /// It is there and cannot be captured.
    Unsuitable {
        why: String,
    },
    Gone {
        why: String,
    },
    /// No encoder works.
    NoEncoder,
    Cursor(CursorShape),
    CursorHidden,
    ResizeFailed(String),
}

/// Times of one frame on its way.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// From the word of a change to its capture.
    pub capture: Duration,
    /// For the capture and its conversion.
    pub convert: Duration,
    pub encode: Duration,
}

/// Opens the screen; called again after it was lost.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn Source>, SourceError> + Send>;
/// Takes what the studio says. Called on its thread; must not wait.
pub type Teller = Box<dyn Fn(StudioEvent) + Send>;

/// Starts the thread. It ends on [`Command::Stop`].
///
/// # Errors
/// The system gives no thread or descriptor.
pub fn start(
    launcher: Launcher,
    opener: Opener,
    bps: u64,
    tell: Teller,
) -> anyhow::Result<(Desk, std::thread::JoinHandle<()>)> {
    let (desk, inbox) = Desk::new()?;
    let told = desk.clone();
    // The source is made on the thread and never leaves it.
    let run = move || {
        // So do the encoders that it starts.
        crate::priority::raise();
        let epoch = Instant::now();
        let studio = Studio {
            feeds: Feeds::new(launcher, told.clone(), bps, epoch),
            tiler: Tiler::new(epoch, bps),
            desk: told,
            inbox,
            opener,
            source: None,
            reopen_at: Some(Instant::now()),
            pause: HoldBack::default(),
            tell,
            last_grab: None,
            rhythm: Rhythm::default(),
            noticed: None,
            dirty_since: None,
        };
        studio.run();
    };
    let thread = std::thread::Builder::new().name("studio".to_owned()).spawn(run)?;
    Ok((desk, thread))
}

/// A time as RTP counts it (90 kHz), from the studio's beginning.
fn rtp_time(epoch: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(epoch).as_micros() * 9 / 100).unwrap_or(0)
}

/// The least time between two frames of that many bits a second, where it is longer than [`FRAME`].
fn pace(bps: u64) -> Duration {
    let pace = Duration::from_micros(FRAME_BITS * 1_000_000 / bps.max(1));
    if pace > FRAME { pace } else { Duration::ZERO }
}

struct Studio {
    desk: Desk,
    inbox: mpsc::Receiver<Command>,
    opener: Opener,
    source: Option<Box<dyn Source>>,
    /// When to try to open the screen, while there is none.
    reopen_at: Option<Instant>,
    pause: HoldBack,
    feeds: Feeds,
    tell: Teller,
    last_grab: Option<Instant>,
    rhythm: Rhythm,
    /// When the oldest change was noticed that no video frame shows.
    noticed: Option<Instant>,
    tiler: Tiler,
    /// When the oldest change that was not grabbed was noticed.
    dirty_since: Option<Instant>,
}

impl Studio {
    fn run(mut self) {
        loop {
            loop {
                match self.inbox.try_recv() {
                    Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return,
                    Ok(command) => self.handle(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                }
            }
            self.reopen();
            if let Err(error) = self.pump().and_then(|()| self.shoot()) {
                self.lose(&error);
            }
            self.feeds.handle_timeout(self.size(), Instant::now(), &self.tell);
            self.wait();
        }
    }

    fn handle(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Viewers(viewers) => {
                // What changed while nobody looked has waited for nobody.
                if !self.feeds.is_anyone_watching() {
                    self.dirty_since = self.dirty_since.map(|_| now);
                }
                let tiled = viewers.iter().filter(|(_, watch)| watch.tiles);
                self.tiler
                    .set_viewers(tiled.map(|(viewer, watch)| (*viewer, watch.slow)));
                self.feeds.set_viewers(viewers, self.size(), now, &self.tell);
            }
            Command::Keyframe(stream) => self.feeds.wish_keyframe(stream),
            Command::Target { slow, target } => {
                self.feeds.set_target(slow, target);
                self.tiler.set_bitrate(slow, target.bps);
            }
            Command::Rungs(rungs) => {
                self.feeds.set_ladder(Ladder::new(rungs));
                self.feeds.assign(self.size(), now, &self.tell);
            }
            Command::Resize(wish) => self.resize(wish),
            Command::Restore => {
                if let Some(source) = self.source.as_mut() {
                    source.restore();
                }
            }
            Command::Worker(number, event) => {
                let size = self.size();
                self.feeds
                    .handle_worker(number, event, size, now, (&mut self.tiler, &self.tell));
            }
            Command::TilesSeen(viewer, number) => self.tiler.handle_seen(viewer, number, now),
            Command::TilesAnew(viewer) => self.tiler.handle_anew(viewer, now),
            Command::TilesLost(viewer) => self.tiler.handle_lost(viewer),
            Command::Stop => {}
        }
    }

    /// The encoded picture's size, if there is a screen that can be shown. Encoders of 4:2:0 need even sides: an odd
    /// screen's last row or column is there twice, and viewers show it once.
    fn size(&self) -> Option<(u32, u32)> {
        let (width, height) = self.source.as_ref()?.size();
        let size = (
            width.checked_next_multiple_of(2)?,
            height.checked_next_multiple_of(2)?,
        );
        ring::fits(size).then_some(size)
    }

    fn reopen(&mut self) {
        let now = Instant::now();
        if self.source.is_some() || self.reopen_at.is_none_or(|at| at > now) {
            return;
        }
        match (self.opener)() {
            Ok(source) => {
                self.pause.reset();
                self.reopen_at = None;
                self.source = Some(source);
                self.dirty_since = Some(now);
                self.announce_size();
                self.feeds.assign(self.size(), now, &self.tell);
            }
            Err(error) => {
                let refused = matches!(error, SourceError::Refused(_));
                let why = format!("{:#}", anyhow::Error::from(error));
                (self.tell)(if refused {
                    StudioEvent::Unsuitable { why }
                } else {
                    StudioEvent::Gone { why }
                });
                self.reopen_at = Some(now + self.pause.next_pause(128).min(Duration::from_secs(2)));
            }
        }
    }

    fn lose(&mut self, error: &SourceError) {
        tracing::warn!(error = %error, "The screen is gone; looking for it");
        self.source = None;
        self.reopen_at = Some(Instant::now() + self.pause.next_pause(128));
        (self.tell)(StudioEvent::Gone {
            why: error.to_string(),
        });
    }

    fn announce_size(&mut self) {
        let Some(source) = &self.source else { return };
        let (width, height) = source.size();
        let Some(size) = self.size() else {
            let why = format!("a screen of {width}x{height} is larger than what can be sent");
            return (self.tell)(StudioEvent::Unsuitable { why });
        };
        let (resizable, about) = (source.resizable(), source.describe());
        let monitors = source.monitors();
        (self.tell)(StudioEvent::Size {
            width,
            height,
            resizable,
            monitors,
            about,
        });
        self.feeds.resize(size);
        self.tiler.resize((width, height));
        // For a screen that could not be shown so far nobody has an encoder.
        self.feeds.assign(Some(size), Instant::now(), &self.tell);
    }

    fn resize(&mut self, wish: Wish) {
        let Some(source) = self.source.as_mut() else {
            return;
        };
        match source.resize(wish) {
            Ok(()) => {}
            Err(SourceError::Refused(why)) => (self.tell)(StudioEvent::ResizeFailed(why)),
            Err(error @ SourceError::Gone(_)) => self.lose(&error),
        }
    }

    /// Takes what the source noticed.
    fn pump(&mut self) -> Result<(), SourceError> {
        let Some(source) = self.source.as_mut() else {
            return Ok(());
        };
        let mut events = Vec::new();
        source.pump(&mut events)?;
        for event in events {
            match event {
                SourceEvent::Damaged => {
                    self.dirty_since.get_or_insert_with(Instant::now);
                }
                SourceEvent::Resized { .. } => {
                    self.dirty_since.get_or_insert_with(Instant::now);
                    self.announce_size();
                }
                SourceEvent::Rearranged => self.announce_size(),
                SourceEvent::Condition(condition) => (self.tell)(StudioEvent::Condition(condition)),
                SourceEvent::Cursor(shape) => (self.tell)(StudioEvent::Cursor(shape)),
                SourceEvent::CursorHidden => (self.tell)(StudioEvent::CursorHidden),
            }
        }
        Ok(())
    }

    /// Grabs a picture if one is due, and hands it to whoever wants it.
    fn shoot(&mut self) -> Result<(), SourceError> {
        let now = Instant::now();
        self.tiler.resend(now, &self.tell);
        for viewer in self.tiler.late(now) {
            self.feeds.want(viewer);
        }
        if self.size().is_none() {
            return Ok(());
        }
        let Some(source) = self.source.as_mut() else {
            return Ok(());
        };
        self.feeds.set_exact(self.tiler.is_exact());
        let dirty = self.dirty_since.is_some();
        let video_due = self.rhythm.poll_timeout().is_none_or(|at| at <= now);
        let video = video_due && self.feeds.wants(dirty, now);
        let paced = self.last_grab.is_none_or(|last| last + TILES <= now);
        let fresh = dirty && self.tiler.is_used() && paced;
        let rests = self.tiler.poll_timeout(now).is_some_and(|at| at <= now);
        if !video && !fresh && !rests {
            return Ok(());
        }
        if let Some(noticed) = self.dirty_since.take() {
            self.noticed.get_or_insert(noticed);
        }
        let picture = source.grab()?;
        self.last_grab = Some(now);
        let moving = self.tiler.handle_grab(&picture, now, &self.tell);
        self.feeds.handle_change(&picture.dirty, moving);
        if !self.feeds.is_wanted() {
            // Tiles show it; no frame is late by it.
            self.noticed = None;
        }
        if video || (video_due && self.feeds.wants(false, now)) {
            self.rhythm.handle_picture(FRAME, now);
            self.feeds.submit(&picture, self.noticed.take(), now, &self.tell);
        } else if rests {
            self.tiler.finish(&picture, now, &self.tell);
        }
        Ok(())
    }

    fn wait(&mut self) {
        let now = Instant::now();
        let next_frame = self.rhythm.poll_timeout().unwrap_or(now);
        let frame = self
            .size()
            .and_then(|_| self.feeds.next_frame(self.dirty_since.is_some(), now))
            .map(|at| at.max(next_frame));
        // Without a screen there is nothing to show, and no time to wake for.
        let shows = self.size().is_some();
        let fresh = (shows && self.dirty_since.is_some() && self.tiler.is_used())
            .then(|| self.last_grab.map_or(now, |last| last + TILES));
        let tiles = self.tiler.poll_timeout(now).filter(|_| shows);
        // A source that goes by the clock may sleep while nobody watches.
        let source_at = self
            .source
            .as_ref()
            .filter(|_| self.feeds.is_anyone_watching())
            .and_then(|source| source.next_at());
        let deadline = [
            frame,
            fresh,
            tiles,
            source_at,
            self.reopen_at,
            self.feeds.poll_timeout(shows, now),
        ]
        .into_iter()
        .flatten()
        .min();
        let wait = deadline.map(|at| at.saturating_duration_since(now));
        let waker = self.desk.waker.as_fd();
        let mut fds = vec![PollFd::new(waker, PollFlags::POLLIN)];
        fds.extend(
            self.source
                .as_ref()
                .and_then(|source| source.fd())
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN)),
        );
        // In milliseconds a frame would often be late by one.
        if let Err(error) = ppoll(&mut fds, wait.map(TimeSpec::from), None)
            && error != nix::errno::Errno::EINTR
        {
            tracing::warn!(%error, "Could not wait for the screen");
        }
        let _ = self.desk.waker.read();
    }
}
