//! What an agent that died left on the keyboard, and when its successor may clear it up.

use host_agent::input::InputSink as _;
use host_agent::x11::XtestSink;
use x11rb::CURRENT_TIME;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use crate::server::{Client, Xvfb, until};

/// Ends a sink's connection as that of a killed process ends: the server does what it asked for last, and no more.
pub(crate) fn kill_typist(client: &Client) {
    let name = b"_REMOVID_TYPIST";
    let name = client
        .conn
        .intern_atom(false, name)
        .unwrap()
        .reply()
        .unwrap()
        .atom;
    let owner = client
        .conn
        .get_selection_owner(name)
        .unwrap()
        .reply()
        .unwrap()
        .owner;
    client.conn.kill_client(owner).unwrap().check().unwrap();
}

/// A killed process's requests may wait in the server longer than its successor takes to start.
#[test]
fn a_successor_waits_for_the_last_requests_of_a_killed_agent() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let root = client.screen.root;
    let intern = |name: &[u8]| {
        let asked = client.conn.intern_atom(false, name).unwrap();
        asked.reply().unwrap().atom
    };
    let typist = intern(b"_REMOVID_TYPIST");
    let list = intern(b"_REMOVID_SPARE_KEYS");
    // Somebody else holds the place, and has not done all that it asked for.
    let killed = Client::new(&server.target);
    let window = killed.conn.generate_id().unwrap();
    let class = WindowClass::INPUT_ONLY;
    killed
        .conn
        .create_window(0, window, root, 0, 0, 1, 1, 0, class, 0, &CreateWindowAux::new())
        .unwrap();
    killed
        .conn
        .set_selection_owner(window, typist, CURRENT_TIME)
        .unwrap();
    killed.conn.get_input_focus().unwrap().reply().unwrap();
    let target = server.target.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let successor = std::thread::spawn(move || {
        tell.send(()).unwrap();
        XtestSink::open(&target).unwrap()
    });
    told.recv().unwrap();
    let spare = 97;
    let signs = [0x0100_0436, 0x0100_0416];
    let mapping = || {
        client
            .conn
            .get_keyboard_mapping(spare, 1)
            .unwrap()
            .reply()
            .unwrap()
            .keysyms
    };
    let before = mapping();
    killed.conn.change_keyboard_mapping(1, spare, 2, &signs).unwrap();
    let cardinal = AtomEnum::CARDINAL;
    let replace = PropMode::REPLACE;
    killed
        .conn
        .change_property32(replace, root, list, cardinal, &[spare.into(), signs[0], signs[1]])
        .unwrap();
    killed.conn.get_input_focus().unwrap().reply().unwrap();
    assert_ne!(mapping(), before);
    drop(killed);
    let successor = successor.join().unwrap();
    until("a free key", || {
        mapping().iter().all(|sign| *sign == 0).then_some(())
    });
    drop(successor);
    // Beside one that lives, what that one holds is left to it.
    let living = XtestSink::open(&server.target).unwrap();
    client.conn.change_keyboard_mapping(1, spare, 2, &signs).unwrap();
    client
        .conn
        .change_property32(replace, root, list, cardinal, &[spare.into(), signs[0], signs[1]])
        .unwrap();
    client.conn.get_input_focus().unwrap().reply().unwrap();
    drop(XtestSink::open(&server.target).unwrap());
    assert!(mapping().starts_with(&signs));
    drop(living);
}

/// Dying between the list and the keys, or between the keys and the list, leaves no key that is on no list.
#[test]
fn a_key_is_on_the_list_before_it_holds_a_sign() {
    let server = Xvfb::start(&[]);
    let client = Client::new(&server.target);
    let root = client.screen.root;
    let mut sink = XtestSink::open(&server.target).unwrap();
    let list = client
        .conn
        .intern_atom(false, b"_REMOVID_SPARE_KEYS")
        .unwrap()
        .reply()
        .unwrap()
        .atom;
    let cardinal = AtomEnum::CARDINAL;
    // The server tells both in the order in which they came to be.
    let select = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    client
        .conn
        .change_window_attributes(root, &select)
        .unwrap()
        .check()
        .unwrap();
    sink.text("жы你").unwrap();
    let mut listed = false;
    let mut bound = 0;
    until("signs on spare keys", || {
        sink.flush().unwrap();
        while let Some(event) = client.conn.poll_for_event().unwrap() {
            if let Event::PropertyNotify(change) = &event {
                listed |= change.atom == list;
            }
            if let Event::MappingNotify(change) = &event {
                assert!(listed, "a key was bound before it was listed");
                bound += usize::from(change.count == 1);
            }
        }
        (bound >= 3).then_some(())
    });
    let written = client
        .conn
        .get_property(false, root, list, cardinal, 0, 1000)
        .unwrap()
        .reply()
        .unwrap();
    assert!(written.value32().unwrap().count() >= 9);
    drop(sink);
}
