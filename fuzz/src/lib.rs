//! What every decoder promises for any bytes at all. `tests/tests/regression.rs` runs the same functions over
//! the files of `tests/regression`, one folder each.

use router::auth::origin::normal_origin;
use router::auth::token::{KEY_BYTES, Key, Tokens};
use signaling_spec::channel::bulk::Bulk;
use signaling_spec::channel::control::{FromHost, FromViewer};
use signaling_spec::channel::input::{Input, Motion};
use signaling_spec::{Fingerprint, Sdp, Signal};

/// Every target by its name.
pub type Target = (&'static str, fn(&[u8]));
pub const TARGETS: [Target; 8] = [
    ("signal", signal),
    ("control", control),
    ("input", input),
    ("bulk", bulk),
    ("fingerprint", fingerprint),
    ("token", token),
    ("origin", origin),
    ("worker", worker),
];

/// What is read is written and read again as the same.
pub fn signal(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(signal) = Signal::decode(text)
    {
        assert_eq!(Signal::decode(&signal.encode()).ok(), Some(signal));
    }
}

/// As [`signal`], on the channel `ctl`.
pub fn control(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(message) = FromViewer::decode(text) {
        assert!(FromViewer::TYPES.contains(&message.kind()));
    }
    if let Ok(message) = FromHost::decode(text) {
        assert!(FromHost::decode(&message.encode()).is_ok());
    }
}

/// No message is another one's beginning, nor both an input and a motion.
pub fn input(bytes: &[u8]) {
    let (input, motion) = (Input::decode(bytes), Motion::decode(bytes));
    assert!(input.is_err() || motion.is_err());
    if let Some((_, cut)) = bytes.split_last()
        && (input.is_ok() || motion.is_ok())
    {
        assert!(Input::decode(cut).is_err() && Motion::decode(cut).is_err());
    }
}

/// What is read is written as the same bytes.
pub fn bulk(bytes: &[u8]) {
    if let Ok(message) = Bulk::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

/// A fingerprint that is found has the one form, and every line of the description names it.
pub fn fingerprint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(found) = Fingerprint::of_sdp(&Sdp(text.to_owned())) {
        assert_eq!(found.as_str().len(), 95);
        assert_eq!(Fingerprint::parse(found.as_str()), Ok(found.clone()));
        let lines = text.lines().filter(|line| line.starts_with("a=fingerprint:"));
        for line in lines {
            assert!(line.to_ascii_uppercase().contains(found.as_str()));
        }
    }
}

/// Nothing that was not signed is accepted.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let key = Key::from_bytes("k1".to_owned(), vec![1; KEY_BYTES]).expect("the length is right");
    let tokens = Tokens::new(vec![key], "removid-direct", "host-a");
    assert!(tokens.verify(text, 1_800_000_000).is_err());
}

/// A normal origin is its own normal form, and has nothing in it that could end it early elsewhere.
pub fn origin(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(normal) = normal_origin(text) {
        assert_eq!(normal_origin(&normal).as_ref(), Some(&normal));
        let rest = normal.strip_prefix("https://").expect("https alone is an origin");
        assert!(
            rest.bytes()
                .all(|b| b.is_ascii_graphic() && !b"/\\@?#\"'<>,;*".contains(&b))
        );
    }
}

/// A broken worker's words are read or refused, one after the other, in either direction.
pub fn worker(bytes: &[u8]) {
    let mut rest = bytes;
    while host_agent::media::wire::FromWorker::receive(&mut rest).is_ok() {}
    let mut rest = bytes;
    while host_agent::media::wire::ToWorker::receive(&mut rest).is_ok() {}
}
