//! The selection `CLIPBOARD` (ICCCM §2) on a thread and a connection of its own.
//!
//! It hears of every new owner (XFixes), reads what others own (`clipboard/reader.rs`) and answers for what viewers
//! own (`clipboard/owner.rs`). No request is waited for: each has its own state and its own time to give up.

mod owner;
mod reader;

use std::collections::BTreeSet;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use session_core::clipboard::Formats;
use signaling_spec::channel::clip::ClipFormat;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{ConnectionExt as _, SelectionEventMask};
use x11rb::protocol::xproto::{Atom, ConnectionExt as _, CreateWindowAux, EventMask, Window, WindowClass};
use x11rb::rust_connection::RustConnection;

use self::owner::Owner;
use self::reader::Reader;
use super::{Target, id};
use crate::clipboard::{Ask, ClipEvent, Clipboard, RequestId, Tell};

/// Asks that may wait; the hub sends no more of a clip than it was told was taken.
const WAITING: usize = 4_096;
/// Between two tries to reach a display that went away.
const AGAIN: Duration = Duration::from_secs(1);

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        CLIPBOARD,
        TARGETS,
        TIMESTAMP,
        MULTIPLE,
        SAVE_TARGETS,
        DELETE,
        INSERT_SELECTION,
        INSERT_PROPERTY,
        INCR,
        UTF8_STRING,
        STRING,
        TEXT_PLAIN_UTF8: b"text/plain;charset=utf-8",
        TEXT_PLAIN: b"text/plain",
        TEXT_HTML: b"text/html",
        IMAGE_PNG: b"image/png",
        REMOVID_TIME,
        REMOVID_TARGETS,
    }
}

impl Atoms {
    /// The names of a form, best first: all are offered, the first that an owner has is asked for.
    fn of(&self, format: ClipFormat) -> Vec<Atom> {
        match format {
            ClipFormat::Text => vec![self.UTF8_STRING, self.TEXT_PLAIN_UTF8, self.TEXT_PLAIN],
            ClipFormat::Html => vec![self.TEXT_HTML],
            ClipFormat::Png => vec![self.IMAGE_PNG],
        }
    }

    /// Those that say nothing of a clip's form.
    fn is_meta(&self, atom: Atom) -> bool {
        [
            self.TARGETS,
            self.TIMESTAMP,
            self.MULTIPLE,
            self.SAVE_TARGETS,
            self.DELETE,
            self.INSERT_SELECTION,
            self.INSERT_PROPERTY,
        ]
        .contains(&atom)
    }
}

/// Finds the display, which may be another one each time.
pub type FindTarget = Box<dyn FnMut() -> Target + Send>;

/// The handle; the thread ends with it.
#[derive(Debug)]
pub struct X11Clipboard {
    asks: mpsc::SyncSender<Ask>,
    waker: Arc<EventFd>,
    /// Clips of which a piece did not fit in the queue: they must not end as if they were whole.
    torn: BTreeSet<RequestId>,
}

impl X11Clipboard {
    /// # Errors
    /// The system gives no thread or descriptor.
    pub fn start(mut find: FindTarget, tell: Tell) -> anyhow::Result<Self> {
        let (asks, asked) = mpsc::sync_channel(WAITING);
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let waker = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        let woken = Arc::clone(&waker);
        std::thread::Builder::new()
            .name("clipboard".to_owned())
            .spawn(move || run(&mut find, &tell, &asked, &woken))?;
        Ok(Self {
            asks,
            waker,
            torn: BTreeSet::new(),
        })
    }
}

impl Clipboard for X11Clipboard {
    fn ask(&mut self, ask: Ask) {
        let mut ask = ask;
        if let Ask::SupplyEnd { request } = ask
            && self.torn.remove(&request)
        {
            ask = Ask::SupplyFailed { request };
        }
        // Full only when the display hangs; what is asked of it then comes to nothing by its own time limit.
        if let Err(mpsc::TrySendError::Full(Ask::Supply { request, .. })) = self.asks.try_send(ask) {
            self.torn.insert(request);
        }
        let _ = self.waker.write(1);
    }
}

impl Drop for X11Clipboard {
    fn drop(&mut self) {
        let (closed, _) = mpsc::sync_channel(0);
        self.asks = closed;
        let _ = self.waker.write(1);
    }
}

fn run(find: &mut FindTarget, tell: &Tell, asked: &mpsc::Receiver<Ask>, waker: &EventFd) {
    let mut said = false;
    loop {
        match Selection::open(&find(), tell) {
            Ok(mut selection) => {
                said = false;
                let ended = selection.live(asked, waker);
                selection.give_up();
                match ended {
                    Ok(()) => return,
                    Err(error) => {
                        tracing::debug!(error = format!("{error:#}"), "The clipboard's display is gone")
                    }
                }
            }
            Err(error) if !said => {
                said = true;
                tracing::warn!(
                    error = format!("{error:#}"),
                    "The clipboard cannot be used yet; it is tried again"
                );
            }
            Err(_) => {}
        }
        // What was asked of the old display is not for the next one.
        let again = Instant::now() + AGAIN;
        loop {
            match asked.recv_timeout(again.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => break,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

struct Selection<'a> {
    conn: RustConnection,
    window: Window,
    atoms: Atoms,
    tell: &'a Tell,
    owner: Owner,
    reader: Reader,
}

impl<'a> Selection<'a> {
    fn open(target: &Target, tell: &'a Tell) -> anyhow::Result<Self> {
        let (conn, screen) = target.connect()?;
        let atoms = Atoms::new(&conn)?.reply()?;
        conn.xfixes_query_version(5, 0)?.reply()?;
        let window = id(&conn)?;
        let watch = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        conn.create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            window,
            screen.root,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_OUTPUT,
            x11rb::COPY_FROM_PARENT,
            &watch,
        )?
        .check()?;
        let mask = SelectionEventMask::SET_SELECTION_OWNER
            | SelectionEventMask::SELECTION_WINDOW_DESTROY
            | SelectionEventMask::SELECTION_CLIENT_CLOSE;
        conn.xfixes_select_selection_input(window, atoms.CLIPBOARD, mask)?
            .check()?;
        let mut made = Self {
            conn,
            window,
            atoms,
            tell,
            owner: Owner::default(),
            reader: Reader::default(),
        };
        // What was copied before this agent came counts as well.
        let now = made.conn.get_selection_owner(atoms.CLIPBOARD)?.reply()?.owner;
        made.owner_changed(now)?;
        Ok(made)
    }

    /// Returns when the handle is dropped.
    fn live(&mut self, asked: &mpsc::Receiver<Ask>, waker: &EventFd) -> anyhow::Result<()> {
        loop {
            loop {
                match asked.try_recv() {
                    Ok(ask) => self.handle_ask(ask)?,
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                }
            }
            let now = Instant::now();
            self.owner.handle_timeout(&self.conn, self.tell, now)?;
            self.reader.handle_timeout(self.tell, now);
            self.conn.flush()?;
            // Last of all: what a flush or a reply has read meanwhile wakes no poll any more.
            if let Some(event) = self.conn.poll_for_event()? {
                self.handle_event(&event)?;
                continue;
            }
            let due = [self.owner.poll_timeout(), self.reader.poll_timeout()];
            let wait = due
                .into_iter()
                .flatten()
                .min()
                .map(|at| at.saturating_duration_since(now).as_millis() + 1);
            let timeout = wait.map_or(PollTimeout::NONE, |ms| {
                PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = [
                PollFd::new(waker.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.conn.stream().as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, timeout) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = waker.read();
        }
    }

    fn handle_ask(&mut self, ask: Ask) -> anyhow::Result<()> {
        match ask {
            Ask::Own(formats) => self
                .owner
                .own(&self.conn, &self.atoms, self.window, formats, self.tell)?,
            Ask::Supply { request, data } => {
                self.owner
                    .supply(&self.conn, &self.atoms, request, data, self.tell)?
            }
            Ask::SupplyEnd { request } => self.owner.supply_end(&self.conn, request, self.tell)?,
            Ask::SupplyFailed { request } => self.owner.supply_failed(&self.conn, request)?,
            Ask::Read { request, format, max } => self.reader.read(
                &self.conn,
                &self.atoms,
                self.window,
                (request, format, max),
                self.tell,
            )?,
            Ask::Taken { request, len } => {
                self.reader
                    .taken(&self.conn, self.window, request, len, self.tell)?;
            }
            Ask::Cancel { request } => {
                self.reader.cancel(&self.conn, self.window, request, self.tell)?;
            }
        }
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most of X's events are not asked for"
    )]
    fn handle_event(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::XfixesSelectionNotify(change) => self.owner_changed(change.owner)?,
            Event::SelectionRequest(request) => {
                self.owner
                    .request(&self.conn, &self.atoms, self.window, request, self.tell)?;
            }
            Event::SelectionClear(_) => self.owner.lost(),
            Event::SelectionNotify(answer) => {
                if answer.target == self.atoms.TARGETS {
                    let found = self.reader.targets(&self.conn, self.window, answer)?;
                    self.tell_targets(found);
                } else {
                    self.reader
                        .answer(&self.conn, &self.atoms, self.window, answer, self.tell)?;
                }
            }
            Event::PropertyNotify(change) if change.window == self.window => {
                if change.atom == self.atoms.REMOVID_TIME {
                    self.owner
                        .timed(&self.conn, &self.atoms, self.window, change.time, self.tell)?;
                } else {
                    self.reader.changed(&self.conn, self.window, change, self.tell)?;
                }
            }
            Event::PropertyNotify(change) => {
                self.owner.deleted(&self.conn, change, self.tell)?;
            }
            Event::DestroyNotify(gone) => self.owner.requestor_gone(gone.window, self.tell),
            // A requestor that went away meanwhile: its own time limit ends what was for it.
            Event::Error(error) => tracing::trace!(?error, "The clipboard's display refused something"),
            _ => {}
        }
        Ok(())
    }

    fn owner_changed(&mut self, owner: Window) -> anyhow::Result<()> {
        if owner == self.window {
            return Ok(());
        }
        self.owner.lost();
        if owner == x11rb::NONE {
            self.reader.nothing();
            (self.tell)(ClipEvent::Changed {
                formats: Formats::new(),
                other: false,
            });
            return Ok(());
        }
        self.reader.ask_targets(&self.conn, &self.atoms, self.window)
    }

    /// `None`: the owner does not even say what it has.
    fn tell_targets(&self, found: Option<Vec<Atom>>) {
        let targets = found.unwrap_or_default();
        let has = |format: &ClipFormat| {
            let old = *format == ClipFormat::Text && targets.contains(&self.atoms.STRING);
            old || self.atoms.of(*format).iter().any(|name| targets.contains(name))
        };
        let formats: Formats = ClipFormat::ALL.into_iter().filter(has).collect();
        let other = formats.is_empty()
            && (targets.is_empty() || targets.iter().any(|target| !self.atoms.is_meta(*target)));
        (self.tell)(ClipEvent::Changed { formats, other });
    }

    /// The display is gone, or this agent ends: nobody waits for what it still owes.
    fn give_up(&mut self) {
        self.owner.give_up(self.tell);
        self.reader.give_up(self.tell);
        (self.tell)(ClipEvent::Changed {
            formats: Formats::new(),
            other: false,
        });
    }
}
