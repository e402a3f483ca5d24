//! Pictures come in rhythm: never more than allowed, never later than needed.

#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::rhythm::{EARLY, Rhythm};

const EVERY: Duration = Duration::from_micros(16_400);

/// When each of these changes is shown.
fn shown(changes: &[Instant]) -> Vec<Instant> {
    let mut rhythm = Rhythm::default();
    let mut shown: Vec<Instant> = Vec::new();
    for change in changes {
        let at = rhythm.poll_timeout().map_or(*change, |may| may.max(*change));
        rhythm.handle_picture(EVERY, at);
        shown.push(at);
    }
    shown
}

#[test]
fn one_late_picture_makes_no_other_late() {
    let began = Instant::now();
    let mut changes: Vec<Instant> = (0..60)
        .map(|n| began + Duration::from_micros(n * 16_667))
        .collect();
    // The X server was busy.
    changes[20] += Duration::from_millis(5);
    assert_eq!(shown(&changes), changes);
}

proptest! {
    #[test]
    fn there_are_never_more_than_allowed(gaps in prop::collection::vec(0_u64..40_000, 1..200)) {
        let mut at = Instant::now();
        let changes: Vec<Instant> = gaps
            .iter()
            .map(|gap| {
                at += Duration::from_micros(*gap);
                at
            })
            .collect();
        let mut shown = shown(&changes);
        shown.sort();
        for (first, start) in shown.iter().enumerate() {
            for (count, end) in (1_u32..).zip(&shown[first + 1..]) {
                prop_assert!(*end + EARLY >= *start + EVERY * count);
            }
        }
    }
}
