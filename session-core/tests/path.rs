//! What a path carries, and which frames a viewer gets.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::delivery::Delivery;
use session_core::path::{Path, Report};
use session_core::quality::FLOOR_BPS;

const MS: Duration = Duration::from_millis(1);

fn report(bps: u64) -> Report {
    Report {
        bps,
        loss: 0.0,
        rtt: Some(20 * MS),
    }
}

/// Sends `bps` for a second, and says when that is over.
fn send(path: &mut Path, bps: usize, from: Instant) -> Instant {
    for step in 0..50 {
        path.handle_sent(bps / 8 / 50, from + step * 20 * MS);
    }
    from + 999 * MS
}

#[test]
fn a_fall_while_little_is_sent_is_not_believed() {
    let (mut path, now) = (Path::default(), Instant::now());
    path.handle_report(report(4_000_000), now);
    let now = send(&mut path, 50_000, now);
    path.handle_report(report(100_000), now);
    assert_eq!(path.rate(), Some(4_000_000));
}

#[test]
fn a_path_that_is_used_and_clear_is_worth_what_it_was_seen_to_carry() {
    let (mut path, now) = (Path::default(), Instant::now());
    path.handle_report(report(4_000_000), now);
    let now = send(&mut path, 3_000_000, now);
    path.handle_report(report(100_000), now);
    assert_eq!(
        path.rate(),
        Some(4_000_000),
        "an estimate that far below is a leftover"
    );
    path.handle_report(report(2_000_000), now);
    assert_eq!(path.rate(), Some(2_550_000), "0.85 of what was sent");
    path.handle_report(report(6_000_000), now);
    assert_eq!(path.rate(), Some(6_000_000), "a rise is believed");
}

/// A viewer whose path was thought to carry less than half of the least that encoders make was given keyframes alone, which
/// say nothing of what it carries.
#[test]
fn a_path_is_never_thought_to_carry_less_than_encoders_make() {
    let (mut path, mut now) = (Path::default(), Instant::now());
    path.handle_report(report(4_000_000), now);
    for _ in 0..20 {
        now = send(&mut path, 200_000, now);
        let lossy = Report {
            loss: 0.6,
            ..report(120_000)
        };
        path.handle_report(lossy, now);
    }
    assert_eq!(path.rate(), Some(FLOOR_BPS));
    let mut path = Path::default();
    path.handle_report(report(20_000), now);
    assert_eq!(path.rate(), Some(FLOOR_BPS), "nor at its start");
}

/// An encoder that follows the rate must not be followed by it.
#[test]
fn a_leftover_estimate_does_not_pull_down_what_flows() {
    let (mut path, mut now) = (Path::default(), Instant::now());
    path.handle_report(report(3_000_000), now);
    for _ in 0..300 {
        now += 100 * MS;
        let rate = path.rate().unwrap_or(0);
        path.handle_sent(usize::try_from(rate / 80).unwrap_or(0), now);
        path.handle_report(report(90_000), now);
    }
    assert!(path.rate().is_some_and(|rate| rate > 2_000_000), "{path:?}");
}

#[test]
fn a_path_that_became_narrow_is_found_out_even_while_it_is_half_used() {
    let (mut path, now) = (Path::default(), Instant::now());
    path.handle_report(report(20_000_000), now);
    let now = send(&mut path, 5_000_000, now);
    let lossy = Report {
        loss: 0.7,
        ..report(800_000)
    };
    path.handle_report(lossy, now);
    assert!(path.rate().is_some_and(|rate| rate < 1_500_000), "{path:?}");
}

#[test]
fn a_deep_queue_is_drained() {
    let (mut path, now) = (Path::default(), Instant::now());
    path.handle_report(report(4_000_000), now);
    let now = send(&mut path, 4_000_000, now);
    let late = Report {
        rtt: Some(300 * MS),
        ..report(1_000_000)
    };
    path.handle_report(late, now);
    assert_eq!(
        path.rate(),
        Some(4_000_000),
        "one late report may have waited for its turn"
    );
    let mut now = now;
    for _ in 0..9 {
        now += 100 * MS;
        path.handle_sent(40_000, now);
        path.handle_report(late, now);
    }
    assert!(path.rate().is_some_and(|rate| rate < 2_000_000), "{path:?}");
}

#[test]
fn nobody_probes_while_little_is_sent_or_enough_is_known() {
    let (mut path, now) = (Path::default(), Instant::now());
    assert_eq!(path.goal(20_000_000, now), 8_000_000);
    path.handle_report(report(4_000_000), now);
    assert_eq!(path.goal(20_000_000, now), 6_000_000, "at the start");
    let now = now + 10_000 * MS;
    path.handle_report(report(4_000_000), now);
    assert_eq!(path.goal(20_000_000, now), 0);
    let now = send(&mut path, 3_000_000, now);
    assert_eq!(path.goal(20_000_000, now), 6_000_000);
    assert_eq!(path.goal(4_000_000, now), 0);
}

#[test]
fn whoever_missed_a_frame_gets_a_keyframe_and_nothing_before() {
    let (mut delivery, now) = (Delivery::default(), Instant::now());
    assert!(!delivery.poll_wish(false, now), "nothing was withheld");
    assert!(!delivery.handle_frame(false, false, now));
    assert!(delivery.poll_wish(false, now));
    assert!(!delivery.poll_wish(false, now + 100 * MS));
    assert!(delivery.poll_wish(false, now + 500 * MS), "the wish is repeated");
    assert!(delivery.handle_frame(true, false, now + 510 * MS));
    assert!(delivery.handle_frame(false, false, now + 520 * MS));
}

#[test]
fn a_viewer_that_is_slow_no_longer_does_not_wait_for_ever() {
    let (mut delivery, now) = (Delivery::default(), Instant::now());
    assert!(delivery.handle_frame(true, true, now));
    assert!(!delivery.handle_frame(false, true, now));
    assert!(!delivery.poll_wish(true, now + 1000 * MS));
    assert!(delivery.poll_wish(true, now + 3000 * MS));
    // It recovers, and the screen is still: nothing is made that could be withheld.
    assert!(delivery.poll_wish(false, now + 3500 * MS));
}

proptest! {
    /// Whatever happens to a viewer, once it is not slow and keyframes follow wishes, frames come within a second.
    #[test]
    fn frames_come_again(events in prop::collection::vec((any::<bool>(), any::<bool>(), 1u32..400), 0..60)) {
        let (mut delivery, mut now) = (Delivery::default(), Instant::now());
        for (key, slow, pause) in events {
            now += pause * MS;
            delivery.handle_frame(key, slow, now);
            delivery.poll_wish(slow, now);
        }
        let mut wished = false;
        let mut shown = false;
        for _ in 0..60 {
            now += 16 * MS;
            shown |= delivery.handle_frame(wished, false, now);
            wished = delivery.poll_wish(false, now);
        }
        prop_assert!(shown);
    }

    /// The rate is never raised by a report that says less, nor lowered below it without need.
    #[test]
    fn rates_stay_between_what_is_said(
        first in 100_000u64..50_000_000,
        reports in prop::collection::vec((1_000u64..50_000_000, 0f32..1.0, 0u64..800, 0usize..200_000), 1..80),
    ) {
        let (mut path, mut now) = (Path::default(), Instant::now());
        path.handle_report(report(first), now);
        for (bps, loss, rtt, bytes) in reports {
            now += 50 * MS;
            path.handle_sent(bytes, now);
            let before = path.rate().unwrap_or(0);
            path.handle_report(Report { bps, loss, rtt: Some(Duration::from_millis(rtt)) }, now);
            let after = path.rate().unwrap_or(0);
            prop_assert!(after >= before.min(bps) && after <= before.max(bps));
        }
    }
}

/// What an encoder spends beyond the rate makes its frames late on purpose, but not those of a minute later.
#[test]
fn what_was_sent_too_much_hides_no_queue_later() {
    let began = Instant::now();
    let mut path = Path::default();
    path.handle_promise(began);
    path.handle_report(report(4_000_000), began);
    let mut rtp = 0;
    let mut frame = |path: &mut Path, bytes: usize, ms: u32| {
        rtp += 1_500;
        let at = began + ms * MS;
        path.handle_frame(rtp, bytes, at);
        (rtp, at)
    };
    for number in 0..1_200 {
        let ms = number * 16;
        let (rtp, at) = frame(&mut path, 16_000, ms);
        path.handle_seen(rtp, f64::from(ms) + 5.0, at + 5 * MS);
    }
    let (_, at) = frame(&mut path, 1_000, 1_200 * 16 + 200);
    let closes = path.closes(at).expect("the page tells of frames");
    assert!(closes < at + 80 * MS, "{:?} later", closes - at);
}
