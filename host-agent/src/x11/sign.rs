//! A strip at the top of the screen that names who watches. It takes no input, and everything else goes on below it.
//!
//! It lives on a thread with a connection of its own, which also keeps the screen from blanking meanwhile, asks whether
//! somebody may come in (`question.rs`), and hears the panic key.

use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::screensaver::{self, ConnectionExt as _};
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux,
    EventMask, Rectangle, StackMode, Visibility, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::panic_key::PanicKey;
use super::question::{Area, Asked, glyphs};
use super::{Target, done, id};
use crate::courtesy::{FromPerson, PersonTeller, Question, Sign};

pub(super) const BACK: u32 = 0x0020_2124;
pub(super) const TEXT: u32 = 0x00f1_f3f4;
const RED: u32 = 0x00ea_4335;
pub(super) const PADDING: u16 = 8;
/// Names beyond these are only counted.
const NAMES: usize = 3;
/// Characters of a name.
const LONG: usize = 32;
/// Best first; every X server has the last.
const FONTS: [&str; 4] = [
    "-misc-fixed-medium-r-normal--20-*-*-*-*-*-iso10646-1",
    "10x20",
    "-misc-fixed-medium-r-normal--13-*-*-*-*-*-iso10646-1",
    "fixed",
];
/// What the strip adds while nobody's keys come through.
const BLOCKED: &str = "their keys are stopped, Ctrl+Alt+Shift+Backspace lets them again";
/// A window that insists on being above everything is not fought more often than this.
const RAISE: Duration = Duration::from_secs(1);

/// The handle; the thread ends, and the strip goes, with it.
#[derive(Debug)]
pub struct WatchSign {
    tell: mpsc::SyncSender<Told>,
    waker: Arc<EventFd>,
    area: Arc<Mutex<Option<Area>>>,
}

/// What the thread is told.
enum Told {
    Names(Vec<String>),
    Insist,
    Question(Option<Question>),
    Blocked(bool),
}

/// What is to be shown.
#[derive(Default)]
struct Shown {
    names: Vec<String>,
    question: Option<Question>,
    blocked: bool,
    insist: bool,
}

impl Shown {
    fn take(&mut self, told: Told) {
        match told {
            Told::Names(names) => self.names = names,
            Told::Insist => self.insist = true,
            Told::Question(question) => self.question = question,
            Told::Blocked(blocked) => self.blocked = blocked,
        }
    }

    fn is_nothing(&self) -> bool {
        self.names.is_empty() && self.question.is_none()
    }
}

impl WatchSign {
    /// `visible`: whether the strip is shown, or the screen only kept from blanking.
    ///
    /// # Errors
    /// The system gives no thread or descriptor.
    pub fn start(target: Target, visible: bool, person: PersonTeller) -> anyhow::Result<Self> {
        let (tell, told) = mpsc::sync_channel(64);
        let waker = Arc::new(EventFd::from_value_and_flags(
            0,
            EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
        )?);
        let woken = Arc::clone(&waker);
        let area = Arc::<Mutex<Option<Area>>>::default();
        let asked_at = Arc::clone(&area);
        std::thread::Builder::new()
            .name("sign".to_owned())
            .spawn(move || {
                let host = Host {
                    target,
                    visible,
                    told,
                    waker: woken,
                    area: asked_at,
                    person,
                };
                host.run();
            })?;
        Ok(Self { tell, waker, area })
    }

    fn say(&self, told: Told) {
        // Full only when the display hangs; the thread then shows what comes next.
        let _ = self.tell.try_send(told);
        let _ = self.waker.write(1);
    }
}

impl Sign for WatchSign {
    fn show(&mut self, names: &[String]) {
        self.say(Told::Names(names.to_vec()));
    }

    fn insist(&mut self) {
        self.say(Told::Insist);
    }

    fn can_ask(&self) -> bool {
        true
    }

    fn ask(&mut self, question: Option<Question>) {
        self.say(Told::Question(question));
    }

    fn asks_at(&self, pixel: (u32, u32)) -> bool {
        let area = self.area.lock().unwrap_or_else(PoisonError::into_inner);
        area.is_some_and(|area| area.contains(pixel))
    }

    fn block(&mut self, blocked: bool) {
        self.say(Told::Blocked(blocked));
    }
}

impl Drop for WatchSign {
    fn drop(&mut self) {
        let (closed, _) = mpsc::sync_channel(0);
        self.tell = closed;
        let _ = self.waker.write(1);
    }
}

/// What the thread works with.
struct Host {
    target: Target,
    visible: bool,
    told: mpsc::Receiver<Told>,
    waker: Arc<EventFd>,
    /// Where the question is on the screen.
    area: Arc<Mutex<Option<Area>>>,
    person: PersonTeller,
}

impl Host {
    fn run(&self) {
        let mut shown = Shown::default();
        loop {
            // Nobody watches: no connection either, so that an idle agent costs the display nothing.
            while shown.is_nothing() {
                match self.told.recv() {
                    Ok(told) => shown.take(told),
                    Err(mpsc::RecvError) => return,
                }
            }
            let ended =
                Strip::open(&self.target, self.visible).and_then(|strip| strip.live(&mut shown, self));
            self.asks_in(None);
            match ended {
                Ok(Ended::Nobody) => {}
                Ok(Ended::Dropped) => return,
                Err(error) => {
                    tracing::info!(
                        error = format!("{error:#}"),
                        "The sign on the host's screen is gone; it comes back with the next viewer"
                    );
                    shown.names.clear();
                    // Who cannot be asked has not said yes.
                    if let Some(Question { number, .. }) = shown.question.take() {
                        (self.person)(FromPerson::Answer { number, yes: false });
                    }
                }
            }
        }
    }

    fn asks_in(&self, area: Option<Area>) {
        *self.area.lock().unwrap_or_else(PoisonError::into_inner) = area;
    }
}

enum Ended {
    Nobody,
    Dropped,
}

struct Strip {
    conn: RustConnection,
    root: Window,
    window: Window,
    font: u32,
    gc: u32,
    visible: bool,
    panic_key: PanicKey,
    asked: Option<Asked>,
    /// When it may be raised again.
    raise_at: Instant,
    covered: bool,
}

impl Strip {
    fn open(target: &Target, visible: bool) -> anyhow::Result<Self> {
        let (conn, screen) = target.connect()?;
        let root = screen.root;
        if conn
            .extension_information(screensaver::X11_EXTENSION_NAME)?
            .is_some()
        {
            conn.screensaver_query_version(1, 1)?.reply()?;
            // The server takes it back when this connection ends.
            conn.screensaver_suspend(1)?.ignore_error();
        }
        let (window, font, gc) = (id(&conn)?, id(&conn)?, id(&conn)?);
        make_window(&conn, root, window)?;
        let found = FONTS
            .iter()
            .any(|name| done(conn.open_font(font, name.as_bytes())).is_ok());
        anyhow::ensure!(found, "the X server has no font");
        let pen = CreateGCAux::new().font(font).foreground(TEXT).background(BACK);
        done(conn.create_gc(gc, window, &pen))?;
        let panic_key = PanicKey::grab(&conn, root)?;
        conn.flush()?;
        let raise_at = Instant::now();
        Ok(Self {
            conn,
            root,
            window,
            font,
            gc,
            visible,
            panic_key,
            asked: None,
            raise_at,
            covered: false,
        })
    }

    fn live(mut self, shown: &mut Shown, host: &Host) -> anyhow::Result<Ended> {
        self.lay_all(shown, host)?;
        self.conn.flush()?;
        loop {
            loop {
                match host.told.try_recv() {
                    Ok(told) => {
                        shown.take(told);
                        if shown.is_nothing() {
                            return Ok(Ended::Nobody);
                        }
                        self.lay_all(shown, host)?;
                    }
                    Err(mpsc::TryRecvError::Empty) => break,
                    Err(mpsc::TryRecvError::Disconnected) => return Ok(Ended::Dropped),
                }
            }
            let now = Instant::now();
            if self.covered && self.raise_at <= now {
                self.covered = false;
                self.raise_at = now + RAISE;
                let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
                self.conn.configure_window(self.window, &above)?.ignore_error();
                if let Some(asked) = &self.asked {
                    asked.raise(&self.conn)?;
                }
            }
            self.conn.flush()?;
            // Last of all: what a flush or a reply has read meanwhile wakes no poll any more.
            if let Some(event) = self.conn.poll_for_event()? {
                self.handle(&event, shown, host)?;
                continue;
            }
            let wait = self
                .covered
                .then(|| self.raise_at.saturating_duration_since(now).as_millis() + 1);
            let timeout = wait.map_or(PollTimeout::NONE, |ms| {
                PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = [
                PollFd::new(host.waker.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.conn.stream().as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, timeout) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            let _ = host.waker.read();
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most of X's events are not asked for"
    )]
    fn handle(&mut self, event: &Event, shown: &mut Shown, host: &Host) -> Result<(), ReplyError> {
        match event {
            Event::Expose(expose) if expose.count == 0 => self.lay_all(shown, host)?,
            Event::ConfigureNotify(change) if change.window == self.root => self.lay_all(shown, host)?,
            Event::ButtonPress(press) => {
                let answer = self.asked.as_ref().and_then(|asked| asked.answer(press));
                if let Some((number, yes)) = answer {
                    shown.question = None;
                    (host.person)(FromPerson::Answer { number, yes });
                    self.lay_all(shown, host)?;
                }
            }
            Event::KeyPress(press) if self.panic_key.is(press) => (host.person)(FromPerson::PanicKey),
            Event::VisibilityNotify(now) => self.covered = now.state != Visibility::UNOBSCURED,
            _ => {}
        }
        Ok(())
    }

    /// The strip and the question, as they are to be now.
    fn lay_all(&mut self, shown: &Shown, host: &Host) -> Result<(), ReplyError> {
        if shown.names.is_empty() {
            self.conn.unmap_window(self.window)?.ignore_error();
        } else {
            self.visible |= shown.insist;
            self.lay(&shown.names, shown.blocked)?;
        }
        let other =
            self.asked.as_ref().map(Asked::number) != shown.question.as_ref().map(|asked| asked.number);
        if let Some(old) = self.asked.take_if(|_| other) {
            old.close(&self.conn)?;
            host.asks_in(None);
        }
        if let Some(question) = shown.question.as_ref().filter(|_| self.asked.is_none()) {
            let asked = Asked::open(
                &self.conn,
                self.root,
                (self.font, self.gc),
                self.monitor()?,
                question,
            )?;
            host.asks_in(Some(asked.area()));
            self.asked = Some(asked);
        }
        if let Some(asked) = &self.asked {
            asked.draw(&self.conn)?;
        }
        Ok(())
    }

    /// Puts the strip in the middle of the first monitor's upper edge, as wide as its words.
    fn lay(&self, names: &[String], blocked: bool) -> Result<(), ReplyError> {
        // What the person has stopped is shown whatever else is hidden: they must know how to undo it.
        if !self.visible && !blocked {
            self.conn.unmap_window(self.window)?.ignore_error();
            return Ok(());
        }
        let text = if blocked {
            glyphs(&format!("{} \u{2013} {BLOCKED}", words(names)))
        } else {
            glyphs(&words(names))
        };
        let size = self.conn.query_text_extents(self.font, &text)?.reply()?;
        let side = |value: i32| u16::try_from(value.max(1)).unwrap_or(u16::MAX);
        let (line, wide) = (
            side(i32::from(size.font_ascent) + i32::from(size.font_descent)),
            side(size.overall_width),
        );
        let dot = line / 2;
        let (left, _, room) = self.monitor()?;
        let width = (wide + dot + 3 * PADDING).min(room);
        let height = line + PADDING;
        let x = left + i32::from(room.saturating_sub(width) / 2);
        let place = ConfigureWindowAux::new()
            .x(x)
            .y(0)
            .width(u32::from(width))
            .height(u32::from(height))
            .stack_mode(StackMode::ABOVE);
        self.conn.configure_window(self.window, &place)?.ignore_error();
        self.conn.map_window(self.window)?.ignore_error();
        self.conn
            .clear_area(false, self.window, 0, 0, 0, 0)?
            .ignore_error();
        let at = |value: u16| i16::try_from(value).unwrap_or(i16::MAX);
        let pen = |colour| x11rb::protocol::xproto::ChangeGCAux::new().foreground(colour);
        self.conn.change_gc(self.gc, &pen(RED))?.ignore_error();
        let mark = Rectangle {
            x: at(PADDING),
            y: at((height - dot) / 2),
            width: dot,
            height: dot,
        };
        self.conn
            .poly_fill_rectangle(self.window, self.gc, &[mark])?
            .ignore_error();
        self.conn.change_gc(self.gc, &pen(TEXT))?.ignore_error();
        let base = at(PADDING / 2) + size.font_ascent;
        self.conn
            .image_text16(self.window, self.gc, at(dot + 2 * PADDING), base, &text)?
            .ignore_error();
        Ok(())
    }

    /// Left edge, upper edge and width of the primary monitor, or of the whole screen.
    fn monitor(&self) -> Result<(i32, i32, u16), ReplyError> {
        if let Ok(all) = self
            .conn
            .randr_get_monitors(self.root, true)
            .map_err(ReplyError::from)
            .and_then(|cookie| cookie.reply())
            && let Some(found) = all
                .monitors
                .iter()
                .find(|one| one.primary)
                .or(all.monitors.first())
        {
            return Ok((i32::from(found.x), i32::from(found.y), found.width));
        }
        let whole = self.conn.get_geometry(self.root)?.reply()?;
        Ok((0, 0, whole.width))
    }
}

fn make_window(conn: &RustConnection, root: Window, window: Window) -> Result<(), ReplyError> {
    let look = CreateWindowAux::new()
        .background_pixel(BACK)
        .override_redirect(1)
        .event_mask(EventMask::EXPOSURE | EventMask::VISIBILITY_CHANGE);
    let class = WindowClass::INPUT_OUTPUT;
    done(conn.create_window(
        x11rb::COPY_DEPTH_FROM_PARENT,
        window,
        root,
        0,
        0,
        1,
        1,
        0,
        class,
        0,
        &look,
    ))?;
    // Clicks go to what lies below.
    conn.xfixes_query_version(5, 0)?.reply()?;
    let nothing = id(conn)?;
    done(conn.xfixes_create_region(nothing, &[]))?;
    done(conn.xfixes_set_window_shape_region(window, SK::INPUT, 0, 0, nothing))?;
    let layout = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
    done(conn.change_window_attributes(root, &layout))
}

/// Without control characters, and short enough for a line.
pub(super) fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(LONG).collect()
}

/// What the strip says.
fn words(names: &[String]) -> String {
    let mut list: Vec<String> = names.iter().take(NAMES).map(|name| clean(name)).collect();
    if names.len() > NAMES {
        list.push(format!("{} more", names.len() - NAMES));
    }
    match list.as_slice() {
        [] => String::new(),
        [one] => format!("Watched from afar by {one}"),
        [first @ .., last] => format!("Watched from afar by {} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_strip_names_three_and_counts_the_rest() {
        let list = |names: &[&str]| words(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(list(&["ann"]), "Watched from afar by ann");
        assert_eq!(list(&["ann", "b\u{7}en"]), "Watched from afar by ann and ben");
        assert_eq!(
            list(&["a", "b", "c", "d", "e"]),
            "Watched from afar by a, b, c and 2 more"
        );
        assert!(list(&[&"x".repeat(999)]).len() < 60);
    }
}
