//! When an encoder need not hold a bitrate.

#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use session_core::room::{Flow, Room};

const CEILING: u64 = 20_000_000;

fn near(sent: u64) -> Flow {
    Flow {
        shortest: Some(Duration::from_millis(1)),
        sent,
        queued: false,
    }
}

/// What it says at each tenth of these seconds.
fn said(room: &mut Room, flow: Flow, began: Instant, seconds: u32) -> Vec<bool> {
    (0..seconds * 10)
        .map(|tenth| {
            room.update(
                [flow],
                CEILING,
                CEILING,
                began + Duration::from_millis(100) * tenth,
            )
        })
        .collect()
}

#[test]
fn a_local_network_has_room_after_a_while() {
    let (mut room, now) = (Room::default(), Instant::now());
    let said = said(&mut room, near(2_000_000), now, 4);
    assert_eq!(said.iter().position(|unbound| *unbound), Some(30));
    assert!(said[30..].iter().all(|unbound| *unbound));
}

#[test]
fn a_long_path_never_has() {
    let (mut room, now) = (Room::default(), Instant::now());
    let far = Flow {
        shortest: Some(Duration::from_millis(12)),
        ..near(0)
    };
    assert!(!said(&mut room, far, now, 60).contains(&true));
    let unknown = Flow::default();
    assert!(!said(&mut room, unknown, now, 60).contains(&true));
    assert!(!room.update([], CEILING, CEILING, now));
}

#[test]
fn trouble_ends_it_at_once_and_for_long() {
    let (mut room, began) = (Room::default(), Instant::now());
    assert!(said(&mut room, near(0), began, 4).ends_with(&[true]));
    let now = began + Duration::from_secs(4);
    assert!(!room.update([near(CEILING + 1)], CEILING, CEILING, now));
    let after = said(&mut room, near(0), now, 40);
    assert_eq!(after.iter().position(|unbound| *unbound), Some(300));
    let now = now + Duration::from_secs(40);
    assert!(!room.update([near(CEILING + 1)], CEILING, CEILING, now));
    let after = said(&mut room, near(0), now, 70);
    assert_eq!(after.iter().position(|unbound| *unbound), Some(600));
}

#[test]
fn frames_that_wait_are_trouble_unless_it_is_for_a_moment() {
    let queued = Flow {
        queued: true,
        ..near(0)
    };
    let (mut room, began) = (Room::default(), Instant::now());
    assert!(said(&mut room, near(0), began, 4).ends_with(&[true]));
    let now = began + Duration::from_secs(4);
    let waits = said(&mut room, queued, now, 1);
    assert_eq!(waits, [[true; 3].as_slice(), &[false; 7]].concat());

    let (mut room, began) = (Room::default(), Instant::now());
    assert!(said(&mut room, near(0), began, 4).ends_with(&[true]));
    for tenth in 40..100 {
        let flow = if tenth % 3 == 0 { near(0) } else { queued };
        assert!(room.update(
            [flow],
            CEILING,
            CEILING,
            began + Duration::from_millis(100) * tenth
        ));
    }
}

#[test]
fn whoever_joins_is_looked_at_first_and_a_limit_is_kept() {
    let (mut room, began) = (Room::default(), Instant::now());
    assert!(said(&mut room, near(0), began, 4).ends_with(&[true]));
    let now = began + Duration::from_secs(4);
    assert!(!room.update([near(0), Flow::default()], CEILING, CEILING, now));
    assert!(said(&mut room, near(0), now, 4).ends_with(&[true]));

    let now = now + Duration::from_secs(4);
    assert!(!room.update([near(0)], 5_000_000, 5_000_000, now));
    let low = (0..100).any(|second| {
        let at = now + Duration::from_secs(second);
        room.update([near(0)], 5_000_000, 5_000_000, at)
    });
    assert!(!low);
}
