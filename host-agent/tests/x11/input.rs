//! The XTEST sink against a real X server in memory.

use std::time::Duration;

use host_agent::input::InputSink as _;
use host_agent::x11::{Target, XtestSink};
use signaling_spec::channel::input::{Code, Position};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ConnectionExt as _, GrabMode};
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::server::{Client, Xvfb, until};
use crate::successor::kill_typist;

/// The keys of a board with 105, and some more, with their numbers in Linux.
const KEYS: &[(&str, u8)] = &[
    ("Escape", 1),
    ("Digit1", 2),
    ("Digit2", 3),
    ("Digit3", 4),
    ("Digit4", 5),
    ("Digit5", 6),
    ("Digit6", 7),
    ("Digit7", 8),
    ("Digit8", 9),
    ("Digit9", 10),
    ("Digit0", 11),
    ("Minus", 12),
    ("Equal", 13),
    ("Backspace", 14),
    ("Tab", 15),
    ("KeyQ", 16),
    ("KeyW", 17),
    ("KeyE", 18),
    ("KeyR", 19),
    ("KeyT", 20),
    ("KeyY", 21),
    ("KeyU", 22),
    ("KeyI", 23),
    ("KeyO", 24),
    ("KeyP", 25),
    ("BracketLeft", 26),
    ("BracketRight", 27),
    ("Enter", 28),
    ("ControlLeft", 29),
    ("KeyA", 30),
    ("KeyS", 31),
    ("KeyD", 32),
    ("KeyF", 33),
    ("KeyG", 34),
    ("KeyH", 35),
    ("KeyJ", 36),
    ("KeyK", 37),
    ("KeyL", 38),
    ("Semicolon", 39),
    ("Quote", 40),
    ("Backquote", 41),
    ("ShiftLeft", 42),
    ("Backslash", 43),
    ("KeyZ", 44),
    ("KeyX", 45),
    ("KeyC", 46),
    ("KeyV", 47),
    ("KeyB", 48),
    ("KeyN", 49),
    ("KeyM", 50),
    ("Comma", 51),
    ("Period", 52),
    ("Slash", 53),
    ("ShiftRight", 54),
    ("NumpadMultiply", 55),
    ("AltLeft", 56),
    ("Space", 57),
    ("CapsLock", 58),
    ("F1", 59),
    ("F2", 60),
    ("F3", 61),
    ("F4", 62),
    ("F5", 63),
    ("F6", 64),
    ("F7", 65),
    ("F8", 66),
    ("F9", 67),
    ("F10", 68),
    ("NumLock", 69),
    ("ScrollLock", 70),
    ("Numpad7", 71),
    ("Numpad8", 72),
    ("Numpad9", 73),
    ("NumpadSubtract", 74),
    ("Numpad4", 75),
    ("Numpad5", 76),
    ("Numpad6", 77),
    ("NumpadAdd", 78),
    ("Numpad1", 79),
    ("Numpad2", 80),
    ("Numpad3", 81),
    ("Numpad0", 82),
    ("NumpadDecimal", 83),
    ("IntlBackslash", 86),
    ("F11", 87),
    ("F12", 88),
    ("IntlRo", 89),
    ("NumpadEnter", 96),
    ("ControlRight", 97),
    ("NumpadDivide", 98),
    ("PrintScreen", 99),
    ("AltRight", 100),
    ("Home", 102),
    ("ArrowUp", 103),
    ("PageUp", 104),
    ("ArrowLeft", 105),
    ("ArrowRight", 106),
    ("End", 107),
    ("ArrowDown", 108),
    ("PageDown", 109),
    ("Insert", 110),
    ("Delete", 111),
    ("AudioVolumeMute", 113),
    ("Pause", 119),
    ("IntlYen", 124),
    ("MetaLeft", 125),
    ("OSLeft", 125),
    ("MetaRight", 126),
    ("ContextMenu", 127),
];

fn key(sink: &mut XtestSink, name: &str, down: bool) {
    sink.key(&Code::parse(name).unwrap(), down, None).unwrap();
}

fn tap(sink: &mut XtestSink, name: &str) {
    key(sink, name, true);
    key(sink, name, false);
    sink.flush().unwrap();
}

/// The next press or release of a key or button: its number, and whether it went down.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other events say nothing here")]
fn next(client: &Client) -> (u8, bool) {
    until("a press or release", || {
        match client.conn.poll_for_event().unwrap()? {
            Event::KeyPress(event) => Some((event.detail, true)),
            Event::KeyRelease(event) => Some((event.detail, false)),
            Event::ButtonPress(event) => Some((event.detail, true)),
            Event::ButtonRelease(event) => Some((event.detail, false)),
            _ => None,
        }
    })
}

fn grab_keyboard(client: &Client, window: u32) {
    let mode = GrabMode::ASYNC;
    until("the keyboard", || {
        let grab = client
            .conn
            .grab_keyboard(true, window, x11rb::CURRENT_TIME, mode, mode)
            .unwrap();
        (grab.reply().unwrap().status == x11rb::protocol::xproto::GrabStatus::SUCCESS).then_some(())
    });
}

#[test]
fn every_key_has_its_number_and_goes_down_once() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    grab_keyboard(&client, client.window((0, 0), (50, 50), 0));
    let mut sink = XtestSink::open(&server.target).unwrap();
    for (name, number) in KEYS {
        key(&mut sink, name, true);
        key(&mut sink, name, true);
        tap(&mut sink, name);
        assert_eq!(
            [next(&client), next(&client)],
            [(number + 8, true), (number + 8, false)],
            "{name}"
        );
    }
    for nothing in ["Power", "Sleep", "NoSuchKey"] {
        tap(&mut sink, nothing);
    }
    tap(&mut sink, "KeyA");
    assert_eq!(next(&client), (38, true));
}

#[test]
fn what_is_typed_reaches_a_program() {
    let server = Xvfb::start(&[]);
    let file = std::env::temp_dir().join(format!("removid-typed-{}", std::process::id()));
    let command = format!("cat > {}", file.display());
    let mut terminal = server.run("xterm", &["-geometry", "80x24+0+0", "-e", "sh", "-c", &command]);
    until("the program", || file.exists().then_some(()));
    let mut sink = XtestSink::open(&server.target).unwrap();
    sink.move_to(100, 100).unwrap();
    let written = || std::fs::read_to_string(&file).unwrap_or_default();
    // The window takes keys when it is mapped and knows the pointer inside; an empty line tells.
    until("an empty line", || {
        tap(&mut sink, "Enter");
        std::thread::sleep(Duration::from_millis(20));
        (!written().is_empty()).then_some(())
    });
    key(&mut sink, "ShiftLeft", true);
    tap(&mut sink, "KeyH");
    key(&mut sink, "ShiftLeft", false);
    for name in [
        "KeyE", "KeyL", "KeyL", "KeyO", "Space", "Digit4", "Digit2", "Enter",
    ] {
        tap(&mut sink, name);
    }
    until("the line", || {
        (written().trim_start() == "Hello 42\n").then_some(())
    });
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn buttons_and_the_wheel_have_their_numbers() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    client.window((0, 0), (500, 500), 0);
    let mut sink = XtestSink::open(&server.target).unwrap();
    sink.move_to(20, 20).unwrap();
    for (button, number) in [(0, 1), (1, 2), (2, 3), (3, 8), (4, 9)] {
        sink.button(button, true).unwrap();
        sink.button(button, false).unwrap();
        sink.flush().unwrap();
        assert_eq!([next(&client), next(&client)], [(number, true), (number, false)]);
    }
    for ((dx, dy), clicks) in [
        ((0, 120), &[5][..]),
        ((0, -240), &[4, 4]),
        ((120, 0), &[7]),
        ((-120, 0), &[6]),
        // Parts add up, and turning back starts afresh.
        ((0, 70), &[]),
        ((0, 70), &[5]),
        ((0, -119), &[]),
        ((0, -1), &[4]),
    ] {
        sink.wheel(dx, dy).unwrap();
        sink.flush().unwrap();
        for click in clicks {
            assert_eq!(
                [next(&client), next(&client)],
                [(*click, true), (*click, false)],
                "{dx} {dy}"
            );
        }
    }
    sink.button(0, true).unwrap();
    sink.flush().unwrap();
    assert_eq!(next(&client), (1, true));
}

#[test]
fn every_corner_is_reached_and_steps_are_exact() {
    let server = Xvfb::start(&["-screen", "0", "1280x1024x24"]);
    let client = Client::new(&server.target);
    let mut sink = XtestSink::open(&server.target).unwrap();
    for (x, y, pixel) in [
        (0, 0, (0, 0)),
        (65_535, 0, (1279, 0)),
        (0, 65_535, (0, 1023)),
        (65_535, 65_535, (1279, 1023)),
        (32_768, 32_768, (640, 512)),
    ] {
        let (x, y) = Position { x, y }.to_pixel(1280, 1024);
        sink.move_to(x, y).unwrap();
        sink.flush().unwrap();
        until("the pointer there", || (client.pointer() == pixel).then_some(()));
    }
    sink.move_by(-7, 11).unwrap();
    sink.move_by(3, -1).unwrap();
    sink.flush().unwrap();
    until("the pointer moved", || {
        (client.pointer() == (636, 522)).then_some(())
    });
}

#[test]
fn nothing_stays_down_and_the_keyboards_settings_are_left_alone() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    server.output("xset", &["r", "rate", "200", "60"]);
    server.output("setxkbmap", &["de", "-option", "caps:escape"]);
    let remap = "keycode 38 = q Q";
    let mut xmodmap = server.run("xmodmap", &["-e", remap]);
    assert!(xmodmap.wait().unwrap().success());
    let settings = || {
        let map = client
            .conn
            .get_keyboard_mapping(8, 248)
            .unwrap()
            .reply()
            .unwrap()
            .keysyms;
        (
            server.output("xset", &["q"]),
            server.output("setxkbmap", &["-query"]),
            map,
        )
    };
    let is_down = || {
        let keys = client.conn.query_keymap().unwrap().reply().unwrap().keys;
        let mask = u16::from(
            client
                .conn
                .query_pointer(client.screen.root)
                .unwrap()
                .reply()
                .unwrap()
                .mask,
        );
        keys.iter().any(|bits| *bits != 0) || mask & 0x1f00 != 0
    };
    let before = settings();
    let mut sink = XtestSink::open(&server.target).unwrap();
    key(&mut sink, "ShiftLeft", true);
    key(&mut sink, "KeyA", true);
    sink.button(0, true).unwrap();
    sink.flush().unwrap();
    until("a key down", || is_down().then_some(()));
    drop(sink);
    assert!(!is_down());
    // Once a sink is gone so is its mark: nobody takes the next program's keys for its own.
    let mark = client.conn.intern_atom(false, b"_REMOVID_PRESSING").unwrap();
    let mark = mark.reply().unwrap().atom;
    let is_marked = || {
        let root = client.screen.root;
        let found = client.conn.get_property(false, root, mark, 0u32, 0, 1).unwrap();
        found.reply().unwrap().value_len > 0
    };
    for _ in 0..200 {
        let mut brief = XtestSink::open(&server.target).unwrap();
        key(&mut brief, "KeyA", true);
        brief.flush().unwrap();
        assert!(is_marked());
        drop(brief);
        assert!(!is_marked());
    }
    // What another program holds is its own matter, but on a display of ours there is no other.
    let guest_target = Target {
        ours: false,
        ..server.target.clone()
    };
    let press = |down: bool| {
        let kind = if down { 2 } else { 3 };
        let root = client.screen.root;
        client.conn.xtest_fake_input(kind, 56, 0, root, 0, 0, 0).unwrap();
        client.conn.get_input_focus().unwrap().reply().unwrap();
    };
    press(true);
    let guest = XtestSink::open(&guest_target).unwrap();
    assert!(is_down());
    drop(guest);
    assert!(is_down());
    drop(XtestSink::open(&server.target).unwrap());
    assert!(!is_down());
    // A sink that is killed cannot release; the next one does, wherever it is.
    for target in [&guest_target, &server.target] {
        let mut killed = XtestSink::open(target).unwrap();
        key(&mut killed, "KeyB", true);
        killed.button(2, true).unwrap();
        killed.flush().unwrap();
        until("a key down", || is_down().then_some(()));
        kill_typist(&client);
        std::mem::forget(killed);
        let next = XtestSink::open(target).unwrap();
        assert!(!is_down());
        drop(next);
        // And it leaves no word that somebody presses.
        press(true);
        drop(XtestSink::open(&guest_target).unwrap());
        assert!(is_down());
        press(false);
    }
    assert_eq!(settings(), before);
}
