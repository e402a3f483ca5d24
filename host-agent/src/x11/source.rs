//! The picture of an X display: damage says when and where to look, RandR how large, XFixes with which pointer.

use std::collections::VecDeque;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Rectangle, Window};
use x11rb::protocol::{ErrorKind, Event};
use x11rb::rust_connection::RustConnection;

use session_core::sizing::Wish;
use signaling_spec::channel::control::Monitor;

use super::density::Density;
use super::frame::Frame;
use super::resize::Resizer;
use super::{Target, cursor, done, gone, id, monitors, refused_or_gone, rows};
use crate::screen::{Condition, Picture, Source, SourceError, SourceEvent};

/// How often a grab starts again because the screen changed its size under it.
const TRIES: usize = 4;
/// How often it is asked whether the screen is dark, while somebody watches.
const LOOK: Duration = Duration::from_secs(2);

/// An X display that is looked at.
#[derive(Debug)]
pub struct X11Source {
    conn: RustConnection,
    target: Target,
    root: Window,
    damage: u32,
    /// Where the server puts the damage to be fetched.
    region: u32,
    frame: Frame,
    resizer: Resizer,
    resizable: bool,
    density: Density,
    monitors: Vec<Monitor>,
    condition: Condition,
    /// When to ask next whether the screen is dark, for a server that does not tell.
    look_at: Option<Instant>,
    /// Events that came in while an answer was awaited.
    queued: VecDeque<Event>,
    noticed: Noticed,
    /// The whole picture is to be fetched, whatever the damage says.
    all_dirty: bool,
}

/// What the events since the last pump amount to.
#[derive(Clone, Copy, Debug, Default)]
struct Noticed {
    damaged: bool,
    /// Damage that `grab` has not taken yet.
    to_grab: bool,
    layout: bool,
    cursor: bool,
    /// The monitors may lie otherwise.
    arranged: bool,
    condition: bool,
    /// The size changed and nobody was told yet.
    resized: bool,
}

impl X11Source {
    /// # Errors
    /// The display is not there, does not let us in, or cannot be captured.
    pub fn open(target: &Target) -> Result<Self, SourceError> {
        let (conn, screen) = target.connect()?;
        target.check_capture(&conn, &screen)?;
        let root = screen.root;
        let (damage, region) =
            watch(&conn, root).map_err(|e| refused_or_gone("let its screen be watched", e))?;
        let size = conn.get_geometry(root).map_err(gone)?.reply();
        let size = size.map_err(|error| refused_or_gone("tell its size", error))?;
        let frame = Frame::new(&conn, target.is_local(), size.width.into(), size.height.into());
        let mut resizer = Resizer::new(root, target.ours);
        resizer.recover(&conn);
        let resizable = resizer.possible(&conn);
        let look_at = (!target.ours && monitors::has_power(&conn)).then(Instant::now);
        if let Some(why) = &frame.slow_because {
            tracing::warn!(why, "Capturing without shared memory, which is slower");
        }
        Ok(Self {
            conn,
            target: target.clone(),
            root,
            damage,
            region,
            frame,
            resizer,
            resizable,
            density: Density::default(),
            monitors: Vec::new(),
            condition: Condition::default(),
            look_at,
            queued: VecDeque::new(),
            noticed: Noticed {
                damaged: true,
                cursor: true,
                arranged: true,
                condition: true,
                ..Noticed::default()
            },
            all_dirty: true,
        })
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most of X's events are not asked for"
    )]
    fn note(&mut self, event: &Event) {
        match event {
            Event::DamageNotify(_) => {
                self.noticed.damaged = true;
                self.noticed.to_grab = true;
            }
            Event::XfixesCursorNotify(_) => self.noticed.cursor = true,
            Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) => {
                (self.noticed.layout, self.noticed.arranged) = (true, true);
            }
            Event::ConfigureNotify(change) if change.window == self.root => {
                (self.noticed.layout, self.noticed.arranged) = (true, true);
            }
            Event::ScreensaverNotify(_) | Event::PropertyNotify(_) => self.noticed.condition = true,
            Event::Error(error) => tracing::debug!(?error, "The X server complained"),
            _ => {}
        }
    }

    /// Asks for the size, and gets memory for another one.
    fn look_at_size(&mut self) -> Result<(), SourceError> {
        let size = self.conn.get_geometry(self.root).map_err(gone)?.reply();
        let size = size.map_err(|error| refused_or_gone("tell its size", error))?;
        let size = (u32::from(size.width), u32::from(size.height));
        if size == self.size() {
            return Ok(());
        }
        self.frame.release(&self.conn);
        // Sharing is tried anew each time, so that it comes back without a restart.
        self.frame = Frame::new(&self.conn, self.target.is_local(), size.0, size.1);
        self.all_dirty = true;
        self.noticed.damaged = true;
        self.noticed.resized = true;
        Ok(())
    }

    fn look_at_monitors(&mut self, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        if std::mem::take(&mut self.noticed.arranged) {
            let now = monitors::monitors(&self.conn, self.root, self.size());
            let now = now.map_err(|error| refused_or_gone("tell its monitors", error))?;
            if now != self.monitors {
                self.monitors = now;
                events.push(SourceEvent::Rearranged);
            }
        }
        if std::mem::take(&mut self.noticed.condition) {
            let now = monitors::condition(&self.conn, self.root);
            let now = now.map_err(|error| refused_or_gone("tell whether it is dark", error))?;
            if now != self.condition {
                self.condition = now;
                events.push(SourceEvent::Condition(now));
            }
        }
        Ok(())
    }

    /// Takes the damage away from the server. What happens from here on is the next grab's.
    fn take_damage(&mut self) -> Result<Vec<Rectangle>, ReplyError> {
        self.conn.damage_subtract(self.damage, x11rb::NONE, self.region)?;
        Ok(self.conn.xfixes_fetch_region(self.region)?.reply()?.rectangles)
    }

    fn queue_events(&mut self) -> Result<(), SourceError> {
        while let Some(event) = self.conn.poll_for_event().map_err(gone)? {
            self.queued.push_back(event);
        }
        Ok(())
    }

    /// What to do about rows that the server would not give.
    fn mend(&mut self, error: ReplyError) -> Result<(), SourceError> {
        let ReplyError::X11Error(error) = error else {
            return Err(refused_or_gone("show its screen", error));
        };
        let before = self.size();
        self.look_at_size()?;
        self.all_dirty = true;
        if self.size() != before {
            return Ok(());
        }
        if self.frame.is_shared() {
            let why = format!(
                "the X server stopped taking shared memory: {:?}",
                error.error_kind
            );
            tracing::warn!(
                why,
                "Capturing without shared memory from now on, which is slower"
            );
            self.frame.give_up_sharing(&self.conn, why);
            return Ok(());
        }
        if error.error_kind == ErrorKind::Match {
            return Ok(());
        }
        Err(refused_or_gone("show its screen", ReplyError::X11Error(error)))
    }
}

fn watch(conn: &RustConnection, root: Window) -> Result<(u32, u32), ReplyError> {
    let (damage, region) = (id(conn)?, id(conn)?);
    // The server refuses the extensions' other requests until it is asked for their versions.
    conn.damage_query_version(1, 1)?.reply()?;
    conn.xfixes_query_version(5, 0)?.reply()?;
    let layout =
        ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY | EventMask::PROPERTY_CHANGE);
    done(conn.change_window_attributes(root, &layout))?;
    if conn.extension_information(randr::X11_EXTENSION_NAME)?.is_some() {
        conn.randr_query_version(1, 5)?.reply()?;
        done(conn.randr_select_input(root, NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE))?;
    }
    monitors::watch(conn, root)?;
    done(conn.xfixes_select_cursor_input(root, CursorNotifyMask::DISPLAY_CURSOR))?;
    done(conn.xfixes_create_region(region, &[]))?;
    // One event when there is damage at all; where it is, is asked when a picture is wanted.
    done(conn.damage_create(damage, root, ReportLevel::NON_EMPTY))?;
    Ok((damage, region))
}

impl Source for X11Source {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.conn.stream().as_fd())
    }

    fn pump(&mut self, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        loop {
            self.queue_events()?;
            while let Some(event) = self.queued.pop_front() {
                self.note(&event);
            }
            if std::mem::take(&mut self.noticed.layout) {
                self.look_at_size()?;
            }
            if std::mem::take(&mut self.noticed.resized) {
                let (width, height) = self.size();
                events.push(SourceEvent::Resized { width, height });
            }
            if self.look_at.is_some_and(|at| at <= Instant::now()) {
                self.look_at = Some(Instant::now() + LOOK);
                self.noticed.condition = true;
            }
            self.look_at_monitors(events)?;
            if std::mem::take(&mut self.noticed.cursor) {
                let cursor = cursor::current(&self.conn);
                events.push(cursor.map_err(|error| refused_or_gone("show its pointer", error))?);
            }
            self.queue_events()?;
            if self.queued.is_empty() {
                break;
            }
        }
        if std::mem::take(&mut self.noticed.damaged) {
            events.push(SourceEvent::Damaged);
        }
        self.conn.flush().map_err(gone)
    }

    fn next_at(&self) -> Option<Instant> {
        let waiting = !self.queued.is_empty() || self.noticed.resized || self.noticed.damaged;
        if waiting {
            Some(Instant::now())
        } else {
            self.look_at
        }
    }

    fn grab(&mut self) -> Result<Picture<'_>, SourceError> {
        let mut dirty = 0..0;
        let mut rectangles = Vec::new();
        for _ in 0..TRIES {
            if !self.all_dirty && !self.noticed.to_grab {
                break;
            }
            let damaged = self
                .take_damage()
                .map_err(|error| refused_or_gone("tell what changed", error))?;
            let (_, height) = self.size();
            let bands = if self.all_dirty {
                rows::all(height)
            } else {
                rows::bands(&damaged, height)
            };
            match self.frame.fetch(&self.conn, self.root, &bands) {
                Ok(()) => {
                    let (width, height) = self.size();
                    rectangles = if std::mem::take(&mut self.all_dirty) {
                        vec![[0, 0, width, height]]
                    } else {
                        damaged.iter().filter_map(rows::inside).collect()
                    };
                    self.noticed.to_grab = false;
                    dirty = bands.first().map_or(0, |b| b.start)..bands.last().map_or(0, |b| b.end);
                    break;
                }
                Err(error) => self.mend(error)?,
            }
        }
        self.queue_events()?;
        if self.all_dirty {
            return Err(SourceError::Refused(
                "the screen changes its size too fast to be captured".into(),
            ));
        }
        let Frame { width, height, .. } = self.frame;
        Ok(Picture {
            bgra: self.frame.pixels(),
            stride: self.frame.stride(),
            width,
            height,
            dirty,
            damaged: rectangles,
        })
    }

    fn size(&self) -> (u32, u32) {
        (self.frame.width, self.frame.height)
    }

    fn resizable(&self) -> bool {
        self.resizable
    }

    fn resize(&mut self, wish: Wish) -> Result<(), SourceError> {
        if self.target.ours {
            let done = self.density.set(&self.conn, self.root, wish.density);
            done.map_err(|error| refused_or_gone("take its settings", error))?;
        }
        self.resizer.set(&self.conn, wish.width, wish.height)?;
        // Applications learn it by the same events as we do; looking now saves waiting for ours.
        self.look_at_size()
    }

    fn restore(&mut self) {
        self.resizer.restore(&self.conn);
    }

    fn monitors(&self) -> Vec<Monitor> {
        self.monitors.clone()
    }

    fn describe(&self) -> String {
        let (width, height) = self.size();
        let way = match &self.frame.slow_because {
            None => "shared memory".to_owned(),
            Some(why) => format!("without shared memory, slower ({why})"),
        };
        let fixed = if self.resizable { "" } else { ", fixed size" };
        format!(
            "X display {}, {width}x{height}{fixed}, {way}",
            self.target.display
        )
    }
}

impl Drop for X11Source {
    fn drop(&mut self) {
        self.resizer.restore(&self.conn);
    }
}
