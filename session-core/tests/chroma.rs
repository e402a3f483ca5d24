//! When moving pictures carry all colours.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use session_core::chroma::Chroma;

const MS: Duration = Duration::from_millis(1);

/// Whether it is on after that.
fn update(chroma: &mut Chroma, possible: bool, rests: bool, now: Instant) -> bool {
    chroma.update(possible, rests, now);
    chroma.is_on()
}

/// Whether it is on after so many pictures.
fn frames(chroma: &mut Chroma, count: u32, took: Duration, now: Instant) -> bool {
    (0..count).for_each(|_| chroma.handle_frame(took, now));
    chroma.is_on()
}

#[test]
fn it_begins_while_nothing_moves_and_ends_at_once() {
    let (mut chroma, now) = (Chroma::default(), Instant::now());
    assert!(
        !update(&mut chroma, false, true, now),
        "not everybody can have it"
    );
    assert!(!update(&mut chroma, true, false, now), "a keyframe would be seen");
    assert!(update(&mut chroma, true, true, now));
    assert!(update(&mut chroma, true, false, now), "it stays in motion");
    assert!(!update(&mut chroma, false, false, now));
    assert!(update(&mut chroma, true, true, now));
    chroma.handle_resize();
    assert!(!update(&mut chroma, true, false, now), "a new size");
    assert!(update(&mut chroma, true, true, now), "which rests");
}

#[test]
fn it_ends_where_it_is_dear_and_is_tried_again_later_each_time() {
    let (mut chroma, now) = (Chroma::default(), Instant::now());
    assert!(update(&mut chroma, true, true, now));
    assert!(frames(&mut chroma, 1_000, 8 * MS, now), "that is well in time");
    assert!(!frames(&mut chroma, 100, 20 * MS, now));
    assert!(!update(&mut chroma, true, true, now + 119_000 * MS));
    let again = now + 120_000 * MS;
    assert!(update(&mut chroma, true, true, again));
    assert!(
        frames(&mut chroma, 1, 100 * MS, again),
        "one slow picture says nothing"
    );
    assert!(!frames(&mut chroma, 100, 20 * MS, again));
    assert!(!update(&mut chroma, true, true, again + 239_000 * MS));
    assert!(update(&mut chroma, true, true, again + 240_000 * MS));
}

#[test]
fn an_encoder_that_fails_is_left_alone_for_a_while() {
    let (mut chroma, now) = (Chroma::default(), Instant::now());
    assert!(update(&mut chroma, true, true, now));
    chroma.handle_failure(now);
    assert!(!update(&mut chroma, true, true, now + 119_000 * MS));
    assert!(update(&mut chroma, true, true, now + 120_000 * MS));
}
