//! A picture is sent again until it is sharp, and never left as a burst of changes found it.
#![expect(clippy::disallowed_methods, reason = "a machine's time begins somewhere")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::refine::{EVERY, MOST, Refine, SMALL_BYTES};

const BPS: u64 = 4_000_000;

/// Encodes one picture at each time that is due, and returns how many frames there were and when the last one was.
fn run(refine: &mut Refine, mut at: Instant, bytes: impl Fn(Instant) -> usize) -> (u32, Instant) {
    let mut count = 0;
    while let Some(due) = refine.poll_timeout() {
        assert!(due >= at + EVERY);
        at = due;
        refine.handle_submit(false);
        refine.handle_frame(bytes(at), at, BPS);
        count += 1;
        assert!(count <= MOST, "it never ends");
    }
    (count, at)
}

#[test]
fn a_small_change_is_sent_once_and_a_large_one_until_it_is_sharp() {
    let start = Instant::now();
    let mut refine = Refine::default();
    assert_eq!(refine.poll_timeout(), None);
    refine.handle_submit(true);
    refine.handle_frame(200, start, BPS);
    assert_eq!(refine.poll_timeout(), None);

    refine.handle_submit(true);
    refine.handle_frame(5_000, start, BPS);
    let sharp = start + Duration::from_millis(200);
    let (_, last) = run(&mut refine, start, |at| if at < sharp { 2_000 } else { 30 });
    assert!(last >= sharp && last < sharp + Duration::from_millis(400));
}

#[test]
fn a_changed_picture_that_an_encoder_skipped_after_a_burst_is_sent_again() {
    let start = Instant::now();
    let ms = |n| start + Duration::from_millis(n);
    let mut refine = Refine::default();
    for (at, bytes) in [(0, 41_911), (15, 27_581), (30, 35_740), (45, 66)] {
        refine.handle_submit(true);
        refine.handle_frame(bytes, ms(at), BPS);
    }
    // It skips until the burst of 105 kB is paid for, 210 ms later, and only then has something to say.
    let (_, last) = run(&mut refine, ms(45), |at| if at < ms(250) { 66 } else { 30 });
    assert!(last >= ms(250), "{:?}", last - start);
    assert!(last <= ms(500), "{:?}", last - start);
}

#[test]
fn one_small_frame_among_large_ones_is_not_the_end() {
    let start = Instant::now();
    let mut refine = Refine::default();
    refine.handle_submit(true);
    refine.handle_frame(9_000, start, BPS);
    let at = |n: u32| start + n * EVERY;
    let (count, _) = run(&mut refine, start, |now| match now {
        _ if now <= at(10) && now != at(3) && now != at(6) => 2_847,
        _ => 23,
    });
    assert_eq!(count, 14);
    // A small change after it is what it always was.
    refine.handle_submit(true);
    refine.handle_frame(100, at(30), BPS);
    assert_eq!(refine.poll_timeout(), None);
}

#[test]
fn an_encoder_without_a_bitrate_owes_nothing() {
    let start = Instant::now();
    let mut refine = Refine::default();
    refine.handle_submit(true);
    refine.handle_frame(100_000, start, 0);
    assert_eq!(refine.poll_timeout(), Some(start + EVERY));
    assert_eq!(run(&mut refine, start, |_| 10).0, 4);
}

proptest! {
    /// Whatever comes out: it ends, and not before the debt is paid unless the encodings are used up.
    #[test]
    fn it_ends_and_never_too_soon(frames in prop::collection::vec((0_u64..50, 0_usize..60_000), 1..40), bps in 100_000_u64..50_000_000) {
        let start = Instant::now();
        let mut refine = Refine::default();
        let (mut at, mut paid) = (start, start);
        for (gap, bytes) in frames {
            at += Duration::from_millis(gap);
            refine.handle_submit(true);
            refine.handle_frame(bytes, at, bps);
            paid = paid.max(at) + Duration::from_micros(bytes as u64 * 8_000_000 / bps);
        }
        let burst = paid > at + Duration::from_millis(30);
        let mut count = 0;
        while let Some(due) = refine.poll_timeout() {
            at = due;
            refine.handle_submit(false);
            refine.handle_frame(SMALL_BYTES, at, bps);
            paid = paid.max(at) + Duration::from_micros(SMALL_BYTES as u64 * 8_000_000 / bps);
            count += 1;
        }
        prop_assert!(count <= MOST);
        prop_assert!(!burst || count == MOST || at >= paid - Duration::from_millis(60));
    }
}
