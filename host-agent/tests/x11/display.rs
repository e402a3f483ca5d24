//! Sizes, monitors, density and darkness of an X screen.

use host_agent::screen::{Condition, Source as _, SourceEvent};
use host_agent::x11::{Target, X11Source};
use session_core::sizing::Wish;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};

use super::server::{Client, Xvfb, event, until};
use super::wish;

/// The display as somebody's own, who sits in front of it.
fn physical(server: &Xvfb) -> Target {
    Target {
        ours: false,
        ..server.target.clone()
    }
}

fn size(client: &Client) -> (u16, u16) {
    let screen = client
        .conn
        .get_geometry(client.screen.root)
        .unwrap()
        .reply()
        .unwrap();
    (screen.width, screen.height)
}

#[test]
fn a_screen_of_a_person_gets_its_size_back() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&physical(&server)).unwrap();
    source.resize(wish(1112, 776)).unwrap();
    source.resize(wish(800, 600)).unwrap();
    source.restore();
    assert_eq!(size(&client), (1920, 1200));
    source.resize(wish(640, 480)).unwrap();
    drop(source);
    assert_eq!(size(&client), (1920, 1200));
}

#[test]
fn a_size_that_the_person_chose_meanwhile_is_kept() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&physical(&server)).unwrap();
    source.resize(wish(1112, 776)).unwrap();
    let mut other = X11Source::open(&server.target).unwrap();
    other.resize(wish(1024, 768)).unwrap();
    source.restore();
    assert_eq!(size(&client), (1024, 768));
    drop(source);
    assert_eq!(size(&client), (1024, 768));
}

#[test]
fn what_a_killed_agent_left_is_put_right_by_the_next() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let mut source = X11Source::open(&physical(&server)).unwrap();
    source.resize(wish(1112, 776)).unwrap();
    // As after a kill: nothing is tidied up.
    std::mem::forget(source);
    assert_eq!(size(&client), (1112, 776));
    let source = X11Source::open(&physical(&server)).unwrap();
    assert_eq!(size(&client), (1920, 1200));
    drop(source);
    X11Source::open(&physical(&server)).unwrap();
    assert_eq!(size(&client), (1920, 1200));
}

#[test]
fn monitors_are_named_from_the_left_and_followed() {
    let server = Xvfb::start(&[]);
    let mut source = X11Source::open(&server.target).unwrap();
    source.pump(&mut Vec::new()).unwrap();
    assert_eq!(source.monitors(), [], "one is the whole of it");
    let xrandr = |arguments: &[&str]| drop(server.output("xrandr", arguments));
    xrandr(&["--setmonitor", "right", "920/240x1200/310+1000+0", "none"]);
    xrandr(&["--setmonitor", "left", "1000/260x800/210+0+0", "screen"]);
    event(&mut source, "other monitors", |event| {
        (*event == SourceEvent::Rearranged).then_some(())
    });
    until("both monitors", || {
        source.pump(&mut Vec::new()).unwrap();
        let found = source.monitors();
        let named: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.x, one.width, one.height))
            .collect();
        (named == [("left", 0, 1000, 800), ("right", 1000, 920, 1200)]).then_some(())
    });
    xrandr(&["--delmonitor", "right"]);
    xrandr(&["--delmonitor", "left"]);
    until("one again", || {
        source.pump(&mut Vec::new()).unwrap();
        source.monitors().is_empty().then_some(())
    });
}

#[test]
fn a_dense_window_gets_large_text_where_nobody_else_sees_to_it() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let root = client.screen.root;
    let dpi = || {
        let found = client.conn.get_property(
            false,
            root,
            AtomEnum::RESOURCE_MANAGER,
            AtomEnum::STRING,
            0,
            9_999,
        );
        String::from_utf8(found.unwrap().reply().unwrap().value).unwrap()
    };
    let owner = || {
        let name = client
            .conn
            .intern_atom(false, b"_XSETTINGS_S0")
            .unwrap()
            .reply()
            .unwrap()
            .atom;
        client
            .conn
            .get_selection_owner(name)
            .unwrap()
            .reply()
            .unwrap()
            .owner
    };
    let dense = |density| Wish {
        density,
        ..wish(1600, 1000)
    };
    let mut source = X11Source::open(&server.target).unwrap();
    source.resize(dense(100)).unwrap();
    assert_eq!(
        (dpi().as_str(), owner()),
        ("", 0),
        "nothing is set that is as usual"
    );
    drop(server.output("xrdb", &["-version"]));
    source.resize(dense(200)).unwrap();
    assert_eq!(dpi(), "Xft.dpi:\t192\n");
    let name = client
        .conn
        .intern_atom(false, b"_XSETTINGS_SETTINGS")
        .unwrap()
        .reply()
        .unwrap()
        .atom;
    let settings = client
        .conn
        .get_property(false, owner(), name, name, 0, 9_999)
        .unwrap()
        .reply()
        .unwrap()
        .value;
    assert!(settings.windows(7).any(|part| part == b"Xft/DPI"));
    source.resize(dense(125)).unwrap();
    assert_eq!(dpi(), "Xft.dpi:\t120\n");

    // A person's own display keeps its settings.
    let other = Xvfb::start(&[]);
    let client = Client::new(&other.target);
    X11Source::open(&physical(&other))
        .unwrap()
        .resize(dense(200))
        .unwrap();
    let found = client.conn.get_property(
        false,
        client.screen.root,
        AtomEnum::RESOURCE_MANAGER,
        AtomEnum::STRING,
        0,
        99,
    );
    assert!(found.unwrap().reply().unwrap().value.is_empty());
}

#[test]
fn a_dark_screen_says_so_and_wakes() {
    let server = Xvfb::start(&[]);
    let mut source = X11Source::open(&physical(&server)).unwrap();
    let mut expect = |what: &str, condition| {
        event(&mut source, what, |event| {
            (*event == SourceEvent::Condition(condition)).then_some(())
        });
    };
    drop(server.output("xset", &["s", "activate"]));
    expect("the screen saver", Condition::Asleep);
    drop(server.output("xset", &["s", "reset"]));
    expect("the desktop", Condition::Shown);
    let set = [
        "-root",
        "-f",
        "_SCREENSAVER_STATUS",
        "32a",
        "-set",
        "_SCREENSAVER_STATUS",
        "LOCK",
    ];
    drop(server.output("xprop", &set));
    expect("the lock", Condition::Locked);
    drop(server.output("xprop", &["-root", "-remove", "_SCREENSAVER_STATUS"]));
    expect("the desktop again", Condition::Shown);
}

#[test]
fn a_display_of_another_depth_is_refused_in_words() {
    for (depth, words) in [
        ("16", "a colour depth of 16 bits"),
        ("8", "a colour depth of 8 bits"),
    ] {
        let server = Xvfb::start(&["-screen", "0", &format!("640x480x{depth}")]);
        let error = X11Source::open(&server.target).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        // Also before anything is announced.
        let error = server.target.check().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
