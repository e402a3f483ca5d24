//! An X server for one test, an independent client of it, and waiting for something to come true.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host_agent::screen::{Source, SourceEvent};
use host_agent::x11::{Target, X11Source};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateGCAux, CreateWindowAux, EventMask, ImageFormat, Screen, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

pub(crate) struct Xvfb {
    child: Child,
    pub(crate) target: Target,
}

impl Xvfb {
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut child = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1920x1200x24",
                "-noreset",
                "-nolisten",
                "tcp",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb must be installed for these tests");
        let mut number = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let display = format!(":{}", number.trim());
        Self {
            child,
            target: Target {
                display,
                xauthority: None,
                ours: true,
            },
        }
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Child {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("DISPLAY", &self.target.display)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
            .spawn()
            .unwrap_or_else(|error| panic!("{program} must be installed for these tests: {error}"))
    }

    pub(crate) fn output(&self, program: &str, arguments: &[&str]) -> String {
        String::from_utf8(self.run(program, arguments).wait_with_output().unwrap().stdout).unwrap()
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Another program on the display.
pub(crate) struct Client {
    pub(crate) conn: RustConnection,
    pub(crate) screen: Screen,
}

impl Client {
    pub(crate) fn new(target: &Target) -> Self {
        let (conn, screen) = RustConnection::connect(Some(&target.display)).unwrap();
        let screen = conn.setup().roots[screen].clone();
        Self { conn, screen }
    }

    /// A window that no window manager moves, in that colour, on top.
    pub(crate) fn window(&self, (x, y): (i16, i16), (width, height): (u16, u16), rgb: u32) -> Window {
        let window = self.conn.generate_id().unwrap();
        let mask = EventMask::BUTTON_PRESS | EventMask::BUTTON_RELEASE | EventMask::EXPOSURE;
        let look = CreateWindowAux::new()
            .override_redirect(1)
            .background_pixel(rgb)
            .event_mask(mask);
        let (root, class) = (self.screen.root, WindowClass::INPUT_OUTPUT);
        self.conn
            .create_window(24, window, root, x, y, width, height, 0, class, 0, &look)
            .unwrap();
        self.conn.map_window(window).unwrap().check().unwrap();
        window
    }

    /// Puts those pixels into the window.
    pub(crate) fn put(&self, window: Window, (width, height): (u16, u16), bgra: &[u8]) {
        let gc = self.conn.generate_id().unwrap();
        self.conn.create_gc(gc, window, &CreateGCAux::new()).unwrap();
        let format = ImageFormat::Z_PIXMAP;
        self.conn
            .put_image(format, window, gc, width, height, 0, 0, 0, 24, bgra)
            .unwrap()
            .check()
            .unwrap();
    }

    pub(crate) fn pointer(&self) -> (i16, i16) {
        let at = self
            .conn
            .query_pointer(self.screen.root)
            .unwrap()
            .reply()
            .unwrap();
        (at.root_x, at.root_y)
    }
}

/// Waits until something is there, and fails loudly after a time that is enough on any machine.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Pumps until an event of that kind comes.
pub(crate) fn event<T>(
    source: &mut X11Source,
    what: &str,
    mut pick: impl FnMut(&SourceEvent) -> Option<T>,
) -> T {
    until(what, || {
        let mut events = Vec::new();
        source.pump(&mut events).unwrap();
        events.iter().find_map(&mut pick)
    })
}

/// Pumps and grabs until the screen has been still for a while.
pub(crate) fn settle(source: &mut X11Source) {
    let mut since = Instant::now();
    until("a still screen", || {
        let mut events = Vec::new();
        source.pump(&mut events).unwrap();
        if !events.is_empty() {
            source.grab().unwrap();
            since = Instant::now();
        }
        (since.elapsed() > Duration::from_millis(300)).then_some(())
    });
}
