//! The sign on the host's screen, and the screen that stays awake.

use std::sync::mpsc;
use std::time::Duration;

use host_agent::courtesy::{FromPerson, Question, Sign as _};
use host_agent::x11::WatchSign;
use x11rb::connection::Connection as _;
use x11rb::protocol::screensaver::{ConnectionExt as _, State};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::protocol::xtest::ConnectionExt as _;

use super::server::{Client, Xvfb, until};

const BACK: [u8; 3] = [0x24, 0x21, 0x20];

/// Whether the strip lies at the middle of the upper edge.
fn shown(client: &Client) -> bool {
    let image = client
        .conn
        .get_image(ImageFormat::Z_PIXMAP, client.screen.root, 960, 1, 1, 1, !0)
        .unwrap();
    image.reply().unwrap().data.get(..3) == Some(&BACK)
}

fn start(server: &Xvfb, visible: bool) -> (WatchSign, mpsc::Receiver<FromPerson>) {
    let (tell, told) = mpsc::channel();
    let person = Box::new(move |event| {
        let _ = tell.send(event);
    });
    (
        WatchSign::start(server.target.clone(), visible, person).unwrap(),
        told,
    )
}

fn click(client: &Client, (x, y): (i16, i16)) {
    let root = client.screen.root;
    for (kind, detail) in [(6, 0), (4, 1), (5, 1)] {
        client
            .conn
            .xtest_fake_input(kind, detail, 0, root, x, y, 0)
            .unwrap();
    }
    client.conn.flush().unwrap();
}

/// The middle of the first run of pixels of that colour.
fn find(client: &Client, colour: [u8; 3]) -> Option<(i16, i16)> {
    let image = client
        .conn
        .get_image(ImageFormat::Z_PIXMAP, client.screen.root, 0, 0, 1920, 600, !0);
    let data = image.unwrap().reply().unwrap().data;
    let pixels: Vec<bool> = data.chunks(4).map(|pixel| pixel.starts_with(&colour)).collect();
    let first = pixels.iter().position(|hit| *hit)?;
    let (x, y) = (first % 1920 + 8, first / 1920 + 4);
    Some((x.try_into().unwrap(), y.try_into().unwrap()))
}

const ALLOW: [u8; 3] = [0x38, 0x80, 0x18];
const REFUSE: [u8; 3] = [0x68, 0x63, 0x5f];

#[test]
fn the_person_is_asked_and_their_click_is_the_answer() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    // Nobody watches, and the sign is not wanted: the question comes all the same.
    let (mut sign, told) = start(&server, false);
    let question = |number| Question {
        number,
        name: "Ann \u{1b}Example".to_owned(),
        controls: true,
    };
    for (number, colour, yes) in [(1, ALLOW, true), (2, REFUSE, false)] {
        sign.ask(Some(question(number)));
        let at = until("the button", || find(&client, colour));
        let pixel = (at.0.try_into().unwrap(), at.1.try_into().unwrap());
        until("its place", || sign.asks_at(pixel).then_some(()));
        // A click beside the buttons says nothing.
        click(&client, (5, 500));
        click(&client, at);
        let answer = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(answer, FromPerson::Answer { number, yes });
        sign.ask(None);
        until("no question", || find(&client, colour).is_none().then_some(()));
        assert!(!sign.asks_at(pixel));
        assert!(told.try_recv().is_err());
    }
    assert!(!sign.asks_at((5, 500)));
    // A display that goes while it asks has not said yes.
    sign.ask(Some(question(3)));
    until("the button", || find(&client, ALLOW));
    drop(server);
    let answer = told.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(
        answer,
        FromPerson::Answer {
            number: 3,
            yes: false
        }
    );
}

#[test]
fn the_panic_key_is_heard_while_somebody_watches_whatever_locks_are_on() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let (mut sign, told) = start(&server, true);
    sign.show(&["ann".to_owned()]);
    until("the strip", || shown(&client).then_some(()));
    let root = client.screen.root;
    let key = |code: u8, down: bool| {
        client
            .conn
            .xtest_fake_input(if down { 2 } else { 3 }, code, 0, root, 0, 0, 0)
            .unwrap();
    };
    const CAPS_LOCK: u8 = 66;
    const BACKSPACE: u8 = 22;
    const CHORD: [u8; 3] = [37, 64, 50];
    for _ in 0..2 {
        key(BACKSPACE, true);
        key(BACKSPACE, false);
        CHORD.iter().for_each(|code| key(*code, true));
        key(BACKSPACE, true);
        key(BACKSPACE, false);
        CHORD.iter().for_each(|code| key(*code, false));
        client.conn.flush().unwrap();
        let heard = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(heard, FromPerson::PanicKey);
        assert!(
            told.recv_timeout(Duration::from_millis(100)).is_err(),
            "once, and Backspace alone is none"
        );
        key(CAPS_LOCK, true);
        key(CAPS_LOCK, false);
    }
}

#[test]
fn the_strip_is_there_while_somebody_watches_and_takes_no_click() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let below = client.window((0, 0), (1920, 1200), 0x30_5080);
    let mut sign = start(&server, true).0;
    assert!(!shown(&client));
    sign.show(&["ann".to_owned()]);
    until("the strip", || shown(&client).then_some(()));

    let root = client.screen.root;
    client.conn.xtest_fake_input(6, 0, 0, root, 960, 2, 0).unwrap();
    client.conn.xtest_fake_input(4, 1, 0, root, 0, 0, 0).unwrap();
    client.conn.xtest_fake_input(5, 1, 0, root, 0, 0, 0).unwrap();
    client.conn.flush().unwrap();
    until("the click on what lies below", || {
        let event = client.conn.poll_for_event().unwrap();
        event.filter(
            |event| matches!(event, x11rb::protocol::Event::ButtonRelease(click) if click.event == below),
        )
    });

    // A window that is put above it does not hide it.
    client.window((0, 0), (1920, 300), 0x50_8030);
    until("the strip above a new window", || shown(&client).then_some(()));
    sign.show(&["ann".to_owned(), "ben".to_owned()]);
    sign.show(&[]);
    until("no strip", || (!shown(&client)).then_some(()));
    sign.show(&["ben".to_owned()]);
    until("the strip again", || shown(&client).then_some(()));
    drop(sign);
    until("no strip in the end", || (!shown(&client)).then_some(()));
}

#[test]
fn the_screen_does_not_blank_while_somebody_watches() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let info = || {
        let info = client.conn.screensaver_query_info(client.screen.root).unwrap();
        info.reply().unwrap()
    };
    let on = u8::from(State::ON);
    client
        .conn
        .screensaver_query_version(1, 1)
        .unwrap()
        .reply()
        .unwrap();
    let _ = server.output("xset", &["s", "1", "1"]);
    until("the screen to blank", || (info().state == on).then_some(()));
    let _ = server.output("xset", &["s", "reset"]);
    let mut sign = start(&server, false).0;
    sign.show(&["ann".to_owned()]);
    // The reset is an input, and suspending may come a moment later.
    until("time enough to blank", || {
        let now = info();
        if now.state == on {
            let _ = server.output("xset", &["s", "reset"]);
        }
        (now.ms_since_user_input > 3_000 && now.state != on).then_some(())
    });
    assert!(!shown(&client), "only the screen was to be kept awake");
    sign.show(&[]);
    until("the screen to blank again", || (info().state == on).then_some(()));
}
