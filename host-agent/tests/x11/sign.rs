//! The sign on the host's screen, and the screen that stays awake.

use host_agent::courtesy::Sign as _;
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

#[test]
fn the_strip_is_there_while_somebody_watches_and_takes_no_click() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let below = client.window((0, 0), (1920, 1200), 0x30_5080);
    let mut sign = WatchSign::start(server.target.clone(), true).unwrap();
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
    let mut sign = WatchSign::start(server.target.clone(), false).unwrap();
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
