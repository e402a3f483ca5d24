//! The X11 source against a real X server in memory.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "x11/display.rs"]
mod display;
#[path = "x11/input.rs"]
mod input;
#[path = "x11/server.rs"]
mod server;
#[path = "x11/sign.rs"]
mod sign;
#[path = "x11/successor.rs"]
mod successor;

use std::time::Instant;

use host_agent::screen::{Source, SourceError, SourceEvent};
use host_agent::x11::{Target, X11Source};
use server::{Client, Xvfb, event, settle, until};
use session_core::sizing::Wish;
use x11rb::connection::Connection as _;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, Window};

fn wish(width: u32, height: u32) -> Wish {
    Wish {
        width,
        height,
        density: 100,
    }
}

/// Pixels that no two places share.
fn pattern(width: u16, height: u16) -> Vec<u8> {
    let pixel = |at: u32| {
        [
            at.to_le_bytes()[0],
            at.to_le_bytes()[1],
            at.to_le_bytes()[2].wrapping_add(7),
            0,
        ]
    };
    (0..u32::from(width) * u32::from(height))
        .flat_map(pixel)
        .collect()
}

fn assert_shows(source: &mut X11Source, (left, top): (usize, usize), (w, h): (u16, u16), bgra: &[u8]) {
    let row_bytes = usize::from(w) * 4;
    until("the pattern in the picture", || {
        source.pump(&mut Vec::new()).unwrap();
        let picture = source.grab().unwrap();
        let same = (0..usize::from(h)).all(|row| {
            let from = (top + row) * picture.stride + left * 4;
            let shown = &picture.bgra[from..from + row_bytes];
            let meant = &bgra[row * row_bytes..][..row_bytes];
            shown
                .chunks(4)
                .zip(meant.chunks(4))
                .all(|(shown, meant)| shown[..3] == meant[..3])
        });
        same.then_some(())
    });
}

fn the_picture_is_exact(server: &Xvfb) -> X11Source {
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    let size = (301, 203);
    let window = client.window((100, 90), size, 0xff_0000);
    let pixels = pattern(size.0, size.1);
    client.put(window, size, &pixels);
    assert_shows(&mut source, (100, 90), size, &pixels);
    source
}

#[test]
fn the_picture_is_exact_through_shared_memory() {
    let server = Xvfb::start(&[]);
    let source = the_picture_is_exact(&server);
    assert!(
        source.describe().ends_with("1920x1200, shared memory"),
        "{}",
        source.describe()
    );
}

#[test]
fn the_picture_is_exact_without_shared_memory() {
    let server = Xvfb::start(&["-extension", "MIT-SHM"]);
    let mut source = the_picture_is_exact(&server);
    assert!(
        source.describe().contains("without shared memory"),
        "{}",
        source.describe()
    );
    source.resize(wish(1000, 700)).unwrap();
    source.pump(&mut Vec::new()).unwrap();
    assert_eq!(source.grab().unwrap().dirty, 0..700);
}

#[test]
fn the_picture_is_exact_over_the_network() {
    let server = Xvfb::start(&["-listen", "tcp"]);
    let client = Client::new(&server.target);
    let display = format!("127.0.0.1{}", server.target.display);
    let mut source = X11Source::open(&Target {
        display,
        ..server.target.clone()
    })
    .unwrap();
    let window = client.window((7, 9), (64, 64), 0);
    client.put(window, (64, 64), &pattern(64, 64));
    assert_shows(&mut source, (7, 9), (64, 64), &pattern(64, 64));
    assert!(
        source.describe().contains("over the network"),
        "{}",
        source.describe()
    );
}

#[test]
fn losing_shared_memory_later_costs_speed_only_and_only_for_a_while() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    source.grab().unwrap();
    detach_everything(&client);
    let window = client.window((50, 60), (64, 64), 0);
    client.put(window, (64, 64), &pattern(64, 64));
    event(&mut source, "damage", |event| {
        (*event == SourceEvent::Damaged).then_some(())
    });
    assert_eq!(source.grab().unwrap().dirty, 0..1200);
    assert_shows(&mut source, (50, 60), (64, 64), &pattern(64, 64));
    assert!(
        source.describe().contains("stopped taking shared memory"),
        "{}",
        source.describe()
    );
    source.resize(wish(1000, 800)).unwrap();
    // A resize makes every window be painted anew.
    client.put(window, (64, 64), &pattern(64, 64));
    assert_shows(&mut source, (50, 60), (64, 64), &pattern(64, 64));
    assert!(
        source.describe().ends_with(", shared memory"),
        "{}",
        source.describe()
    );
}

/// Takes shared memory away from all clients: any client may, who guesses the numbers.
fn detach_everything(client: &Client) {
    let own = client.conn.setup().resource_id_mask + 1;
    for base in 1..8 {
        for number in 0..16 {
            client.conn.shm_detach(base * own + number).unwrap().check().ok();
        }
    }
}

#[test]
fn a_still_screen_is_silent_and_a_small_change_is_small() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    settle(&mut source);
    assert!(source.next_at().is_none());
    client.window((40, 500), (30, 20), 0x00_ff00);
    event(&mut source, "damage", |event| {
        (*event == SourceEvent::Damaged).then_some(())
    });
    let start = Instant::now();
    let picture = source.grab().unwrap();
    println!("small grab: {:?}", start.elapsed());
    assert_eq!(picture.dirty, 500..520);
    assert_eq!(picture.bgra[510 * picture.stride + 50 * 4..][..3], [0, 255, 0]);
    assert!(source.grab().unwrap().dirty.is_empty());
}

#[test]
fn fifty_resizes_leave_the_right_size_and_no_modes() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    assert!(source.resizable());
    let modes = || {
        let all = client
            .conn
            .randr_get_screen_resources_current(client.screen.root)
            .unwrap()
            .reply()
            .unwrap();
        all.modes.len()
    };
    source.resize(wish(640, 480)).unwrap();
    let before = modes();
    let mut took = Vec::new();
    for n in 0..50u32 {
        let (width, height) = (1918 - n * 26, 300 + n * 18);
        let start = Instant::now();
        source.resize(wish(width, height)).unwrap();
        took.push(start.elapsed());
        event(&mut source, "the new size", |event| {
            (*event == SourceEvent::Resized { width, height }).then_some(())
        });
        let picture = source.grab().unwrap();
        assert_eq!(
            (picture.width, picture.height, picture.dirty),
            (width, height, 0..height)
        );
    }
    took.sort();
    println!("resize: median {:?}, most {:?}", took[25], took[49]);
    source.resize(wish(640, 480)).unwrap();
    assert_eq!(modes(), before);
    let screen = client
        .conn
        .get_geometry(client.screen.root)
        .unwrap()
        .reply()
        .unwrap();
    assert_eq!((screen.width, screen.height), (640, 480));
    assert!(matches!(
        source.resize(wish(4000, 480)),
        Err(SourceError::Refused(_))
    ));
    assert!(source.grab().is_ok());
}

#[test]
fn a_resize_by_somebody_else_is_noticed_also_in_the_middle_of_a_grab() {
    let server = Xvfb::start(&[]);
    let mut source = X11Source::open(&server.target).unwrap();
    source.grab().unwrap();
    let mut other = X11Source::open(&server.target).unwrap();
    let client = Client::new(&server.target);
    for (width, height) in [(800, 600), (1800, 1100), (640, 400)] {
        settle(&mut source);
        let old = source.size();
        client.window((0, 0), (1900, 1190), width);
        event(&mut source, "damage", |event| {
            (*event == SourceEvent::Damaged).then_some(())
        });
        other.resize(wish(width, height)).unwrap();
        let picture = source.grab().unwrap();
        let (size, new) = ((picture.width, picture.height), (width, height));
        assert!(
            size == old || size == new,
            "{size:?} is neither {old:?} nor {new:?}"
        );
        until("the new size", || {
            source.pump(&mut Vec::new()).unwrap();
            let picture = source.grab().unwrap();
            ((picture.width, picture.height) == (width, height)).then_some(())
        });
        assert!(source.describe().ends_with(", shared memory"));
    }
}

#[test]
fn the_pointers_shape_and_its_absence_arrive() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    event(&mut source, "the first shape", |event| {
        matches!(event, SourceEvent::Cursor(_)).then_some(())
    });
    let (root, conn) = (client.screen.root, &client.conn);
    let show = |cursor: u32| {
        let look = ChangeWindowAttributesAux::new().cursor(cursor);
        conn.change_window_attributes(root, &look)
            .unwrap()
            .check()
            .unwrap();
    };
    show(empty_cursor(&client, root));
    event(&mut source, "a hidden pointer", |event| {
        (*event == SourceEvent::CursorHidden).then_some(())
    });
    let (font, cursor) = (conn.generate_id().unwrap(), conn.generate_id().unwrap());
    conn.open_font(font, b"cursor").unwrap();
    let red = u16::MAX;
    conn.create_glyph_cursor(cursor, font, font, 68, 69, red, 0, 0, 0, 0, 0)
        .unwrap()
        .check()
        .unwrap();
    show(cursor);
    let shape = event(&mut source, "an arrow", |event| {
        if let SourceEvent::Cursor(shape) = event {
            Some(shape.clone())
        } else {
            None
        }
    });
    assert!(shape.rgba.chunks(4).any(|pixel| pixel == [255, 0, 0, 255]));
    assert_eq!(
        shape.rgba.len(),
        usize::try_from(4 * shape.width * shape.height).unwrap()
    );
    assert!(shape.hot_x < shape.width && shape.hot_y < shape.height);
}

fn empty_cursor(client: &Client, root: Window) -> u32 {
    let (conn, blank, cursor) = (
        &client.conn,
        client.conn.generate_id().unwrap(),
        client.conn.generate_id().unwrap(),
    );
    let gc = conn.generate_id().unwrap();
    conn.create_pixmap(1, blank, root, 8, 8).unwrap().check().unwrap();
    conn.create_gc(gc, blank, &Default::default())
        .unwrap()
        .check()
        .unwrap();
    let all = x11rb::protocol::xproto::Rectangle {
        x: 0,
        y: 0,
        width: 8,
        height: 8,
    };
    conn.poly_fill_rectangle(blank, gc, &[all])
        .unwrap()
        .check()
        .unwrap();
    conn.create_cursor(cursor, blank, blank, 0, 0, 0, 0, 0, 0, 0, 0)
        .unwrap()
        .check()
        .unwrap();
    cursor
}

#[test]
fn what_cannot_be_opened_says_why_in_words() {
    let absent = Target {
        display: ":4711".into(),
        xauthority: None,
        ours: false,
    };
    let Err(SourceError::Gone(error)) = X11Source::open(&absent) else {
        panic!("opened nothing")
    };
    assert!(
        format!("{error}").starts_with("no X server answers at display `:4711`"),
        "{error}"
    );
    let cookies = std::env::temp_dir().join(format!("removid-x11-test-{}", std::process::id()));
    let mut record = b"\xff\xff\0\0\0\0\0\x12MIT-MAGIC-COOKIE-1\0\x10".to_vec();
    record.extend([7; 16]);
    std::fs::write(&cookies, &record).unwrap();
    let server = Xvfb::start(&["-auth", cookies.to_str().unwrap()]);
    let Err(SourceError::Refused(said)) = X11Source::open(&server.target) else {
        panic!("not refused")
    };
    assert!(said.contains("does not let this process in"), "{said}");
    X11Source::open(&Target {
        xauthority: Some(cookies.clone()),
        ..server.target.clone()
    })
    .unwrap();
    std::fs::remove_file(&cookies).unwrap();
    for (arguments, words) in [
        (&["-extension", "DAMAGE"][..], "has no DAMAGE extension"),
        (&["-screen", "0", "640x480x16"], "a colour depth of 16 bits"),
    ] {
        let server = Xvfb::start(arguments);
        let Err(SourceError::Refused(said)) = X11Source::open(&server.target) else {
            panic!("{words}")
        };
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_end_of_the_server_is_told() {
    let server = Xvfb::start(&[]);
    let mut source = X11Source::open(&server.target).unwrap();
    source.grab().unwrap();
    drop(server);
    until("the end", || {
        matches!(source.pump(&mut Vec::new()), Err(SourceError::Gone(_))).then_some(())
    });
    source.resize(wish(640, 480)).unwrap_err();
    source.grab().ok();
}

#[test]
fn grabs_are_fast() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&server.target).unwrap();
    source.resize(wish(1920, 1080)).unwrap();
    let window = client.window((0, 0), (1920, 1080), 0x80_8080);
    let mut times = Vec::new();
    for _ in 0..21 {
        client
            .conn
            .clear_area(false, window, 0, 0, 0, 0)
            .unwrap()
            .check()
            .unwrap();
        event(&mut source, "damage", |event| {
            (*event == SourceEvent::Damaged).then_some(())
        });
        let start = Instant::now();
        assert_eq!(source.grab().unwrap().dirty, 0..1080);
        times.push(start.elapsed());
    }
    times.sort();
    println!("grab of 1920x1080: median {:?}, least {:?}", times[10], times[0]);
    assert!(times[0].as_millis() < 100);
}
