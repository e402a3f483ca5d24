//! The small machines: tickets, rates, keyframes, quality, ladder, answerer.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::answerer::{Answerer, Input, Output, STEP_DEADLINE, State};
use session_core::confined::{Confined, LOOK_EVERY, MISSES, QUIET};
use session_core::hold_back::HoldBack;
use session_core::keyframes::{Keyframes, SPACING};
use session_core::ladder::{Ladder, PAUSE, REST};
use session_core::quality::{FLOOR_BPS, Quality, SAVER_BPS, Target};
use session_core::rate::Bucket;
use session_core::tickets::TicketBook;
use signaling_spec::limits::{MAX_CANDIDATES, TICKET_LIFE};
use signaling_spec::{EndReason, Fingerprint, Negotiation, Refusal, Sdp, SessionId, Signal, ViewerCaps};

#[test]
fn a_ticket_opens_once_and_in_time() {
    let now = Instant::now();
    let mut book = TicketBook::new(2);
    book.put([1; 32], "a", now);
    assert_eq!(book.take(&[2; 32], now), None);
    assert_eq!(book.take(&[1; 32], now), Some("a"));
    assert_eq!(book.take(&[1; 32], now), None);
    book.put([1; 32], "a", now);
    assert_eq!(book.take(&[1; 32], now + TICKET_LIFE), None);
    for n in 0..10 {
        book.put([n; 32], "b", now + Duration::from_millis(n.into()));
    }
    assert_eq!(book.len(), 2);
    assert_eq!(book.take(&[9; 32], now + Duration::from_millis(20)), Some("b"));
}

#[test]
fn ten_joins_cost_one_keyframe() {
    let now = Instant::now();
    let mut keyframes = Keyframes::default();
    let mut asked = 0;
    for n in 0..10u64 {
        keyframes.wish();
        asked += u32::from(keyframes.take(now + Duration::from_millis(n * 10)));
    }
    assert_eq!(asked, 1);
    assert_eq!(keyframes.poll_timeout(), Some(now + SPACING));
    assert!(keyframes.take(now + SPACING));
    assert!(!keyframes.take(now + SPACING + SPACING));
}

#[test]
fn one_slow_viewer_does_not_take_quality_from_the_others() {
    let now = Instant::now();
    let mut quality = Quality::new(20_000_000);
    let target = |bps, half| {
        Some(Target {
            bps,
            half,
            unbound: false,
        })
    };
    let tell = |quality: &mut Quality<u8>, rates: [u64; 3], at: Instant| {
        for (viewer, bps) in (1..).zip(rates) {
            quality.handle_estimate(viewer, bps, at);
        }
    };
    tell(&mut quality, [10_000_000, 6_000_000, 500_000], now);
    // Until it is known that it stays slow, it gets few frames; nobody else gets worse ones for it.
    assert!(!quality.poll_moved() && !quality.is_slow(&3));
    let later = now + Duration::from_secs(2);
    tell(&mut quality, [10_000_000, 6_000_000, 500_000], later);
    assert!(quality.poll_moved() && quality.is_slow(&3) && !quality.is_slow(&2));
    assert_eq!(quality.poll_target(false, later), target(5_400_000, false));
    assert_eq!(quality.poll_target(true, later), target(450_000, false));
    tell(&mut quality, [10_000_000, 6_100_000, 500_000], later);
    assert_eq!(
        quality.poll_target(false, later),
        None,
        "small changes are ignored"
    );
    // So few bits are for a smaller picture.
    let later = later + Duration::from_secs(2);
    assert_eq!(quality.poll_target(true, later), target(450_000, true));
    tell(&mut quality, [10_000_000, 6_100_000, 1_000], later);
    assert_eq!(quality.poll_target(true, later), target(FLOOR_BPS, true));
    // It comes back as slowly as it takes to trust that.
    tell(&mut quality, [10_000_000, 6_100_000, 9_000_000], later);
    assert!(!quality.poll_moved());
    tell(
        &mut quality,
        [10_000_000, 6_100_000, 9_000_000],
        later + Duration::from_secs(6),
    );
    assert!(quality.poll_moved() && !quality.is_slow(&3));
}

#[test]
fn who_saves_data_gets_a_smaller_picture_alone() {
    let now = Instant::now();
    let mut quality = Quality::new(20_000_000);
    for viewer in [1, 2] {
        quality.handle_estimate(viewer, 20_000_000, now);
    }
    quality.handle_saver(2, true);
    assert!(quality.poll_moved() && quality.is_slow(&2) && !quality.is_slow(&1));
    quality.poll_target(true, now);
    let later = now + Duration::from_secs(3);
    for viewer in [1, 2] {
        quality.handle_estimate(viewer, 20_000_000, later);
    }
    assert!(!quality.poll_moved());
    let target = quality.poll_target(true, later).unwrap_or(quality.target(true));
    assert!(target.half && target.bps < SAVER_BPS);
    assert!(!quality.target(false).half);
    quality.handle_saver(2, false);
    assert!(quality.poll_moved() && !quality.is_slow(&2));
}

#[test]
fn few_bits_make_a_smaller_picture_for_a_viewer_alone() {
    let now = Instant::now();
    let mut quality = Quality::new(20_000_000);
    quality.handle_estimate(1, 500_000, now);
    assert!(!quality.poll_target(false, now).unwrap().half);
    assert!(
        quality
            .poll_target(false, now + Duration::from_secs(2))
            .unwrap()
            .half
    );
    quality.handle_estimate(1, 3_000_000, now + Duration::from_secs(3));
    assert!(
        quality
            .poll_target(false, now + Duration::from_secs(3))
            .unwrap()
            .half
    );
    assert!(
        !quality
            .poll_target(false, now + Duration::from_secs(9))
            .unwrap()
            .half
    );
}

#[test]
fn a_failed_rung_rests_and_returns() {
    let now = Instant::now();
    let mut ladder = Ladder::new(["hw", "x264", "vp8"]);
    let h264 = |rung: &&str| *rung != "vp8";
    ladder.handle_failure(now, |rung| *rung == "hw");
    assert_eq!(ladder.pick(now, h264), Some(&"x264"));
    ladder.handle_failure(now, |rung| *rung == "x264");
    assert_eq!(ladder.pick(now, h264), None);
    assert_eq!(ladder.pick(now, |_| true), Some(&"vp8"));
    // The last resort is the one that failed first, and not for long while there is another.
    assert_eq!(ladder.poll_timeout(h264), Some(now + PAUSE));
    ladder.handle_failure(now + PAUSE, |rung| *rung == "hw");
    assert_eq!(ladder.pick(now + PAUSE, h264), Some(&"x264"));
    assert_eq!(ladder.pick(now + PAUSE, |_| true), Some(&"vp8"));
    assert_eq!(ladder.pick(now + PAUSE + REST, h264), Some(&"hw"));
}

#[test]
fn pauses_grow_and_are_bounded() {
    let mut pause = HoldBack::default();
    let all: Vec<Duration> = (0..10).map(|_| pause.next_pause(255)).collect();
    assert!(all.windows(2).all(|pair| pair[0] <= pair[1]) && all[9] == Duration::from_secs(15));
    pause.reset();
    assert_eq!(pause.next_pause(0), Duration::from_millis(250));
}

fn fp(byte: u8) -> Fingerprint {
    Fingerprint::from_digest(&[byte; 32])
}
fn offer(n: u32, fp: &Fingerprint) -> Input {
    Input::Signal(Signal::SdpOffer {
        sid: SessionId("s".to_owned()),
        negotiation: Negotiation(n),
        sdp: Sdp(format!("v=0\r\na=fingerprint:sha-256 {}\r\n", fp.as_str())),
        caps: ViewerCaps::default(),
    })
}
fn answer(n: u32) -> Input {
    Input::Answer {
        negotiation: Negotiation(n),
        sdp: Sdp(String::new()),
    }
}
fn candidate() -> Input {
    Input::Signal(Signal::IceCandidate {
        sid: SessionId("s".to_owned()),
        candidate: "candidate:1".to_owned(),
        mid: None,
    })
}
fn drain(answerer: &mut Answerer) -> Vec<Output> {
    std::iter::from_fn(|| answerer.poll_output()).collect()
}
fn answerer(now: Instant) -> Answerer {
    Answerer::new(SessionId("s".to_owned()), fp(1), now)
}

#[test]
fn another_certificate_than_the_announced_one_ends_the_session() {
    let now = Instant::now();
    let mut session = answerer(now);
    session.handle_input(offer(1, &fp(2)), now);
    let out = drain(&mut session);
    assert!(matches!(
        out[0],
        Output::Send(Signal::Error {
            code: Refusal::Fingerprint,
            ..
        })
    ));
    assert_eq!(out[1], Output::Close(EndReason::Policy));
    session.handle_input(offer(2, &fp(1)), now);
    assert_eq!(drain(&mut session), []);
}

#[test]
fn an_answer_to_a_replaced_offer_is_dropped() {
    let now = Instant::now();
    let mut session = answerer(now);
    session.handle_input(offer(1, &fp(1)), now);
    session.handle_input(answer(1), now);
    session.handle_input(offer(2, &fp(1)), now);
    drain(&mut session);
    session.handle_input(answer(1), now);
    assert_eq!(drain(&mut session), []);
    session.handle_input(answer(2), now);
    assert_eq!(drain(&mut session).len(), 1);
    session.handle_input(offer(2, &fp(1)), now);
    assert!(matches!(
        drain(&mut session)[0],
        Output::Send(Signal::Error {
            code: Refusal::OutOfTurn,
            ..
        })
    ));
}

#[test]
fn too_many_candidates_are_refused_once() {
    let now = Instant::now();
    let mut session = answerer(now);
    session.handle_input(offer(1, &fp(1)), now);
    drain(&mut session);
    for _ in 0..MAX_CANDIDATES * 2 {
        session.handle_input(candidate(), now);
    }
    let out = drain(&mut session);
    assert_eq!(out.len(), MAX_CANDIDATES + 1);
    assert!(matches!(
        out[MAX_CANDIDATES],
        Output::Send(Signal::Error {
            code: Refusal::TooMany,
            ..
        })
    ));
}

proptest! {
    #[test]
    fn a_bucket_never_gives_more_than_its_rate(gaps in proptest::collection::vec(0u64..200, 1..300)) {
        let start = Instant::now();
        let mut now = start;
        let mut bucket = Bucket::new(10);
        let mut taken = 0u32;
        for gap in gaps {
            now += Duration::from_millis(gap);
            taken += u32::from(bucket.take(now));
        }
        let most = 20.0 + now.duration_since(start).as_secs_f64() * 10.0 + 1e-6;
        prop_assert!(f64::from(taken) <= most);
    }

    #[test]
    fn any_order_closes_once_and_waits_only_where_it_should(ops in proptest::collection::vec((0u8..9, 0u32..4), 0..60)) {
        let mut now = Instant::now();
        let mut session = answerer(now);
        let mut closes = 0;
        for (op, n) in ops {
            match op {
                0 => session.handle_input(offer(n, &fp(1)), now),
                1 => session.handle_input(answer(n), now),
                2 => session.handle_input(Input::AnswerFailed { negotiation: Negotiation(n), code: Refusal::Codec }, now),
                3 => session.handle_input(Input::Connected, now),
                4 => session.handle_input(Input::Lost, now),
                5 => session.handle_input(candidate(), now),
                6 => session.handle_input(Input::End(EndReason::Stopping), now),
                7 => session.handle_input(Input::Signal(Signal::SessionEnd { sid: SessionId("s".to_owned()), reason: EndReason::Closed }), now),
                _ => { now += STEP_DEADLINE / 3; session.handle_timeout(now); }
            }
            closes += drain(&mut session).iter().filter(|out| matches!(out, Output::Close(_))).count();
            prop_assert_eq!(closes, usize::from(session.state() == State::Closed));
            let waits = matches!(session.state(), State::Waiting | State::Answering | State::Connecting);
            prop_assert_eq!(session.poll_timeout().is_some(), waits);
        }
    }
}

#[test]
fn a_pointer_that_is_elsewhere_again_and_again_is_held_by_somebody() {
    let start = Instant::now();
    let mut confined = Confined::default();
    let at = |n: u32| start + n * LOOK_EVERY;
    let look = |confined: &mut Confined, n: u32, found: u32| {
        assert!(confined.wants_look(at(n)));
        let told = confined.handle_look((500, 300), (found, 300), at(n));
        assert!(!confined.wants_look(at(n) + LOOK_EVERY / 2));
        told
    };
    // A person's own mouse, now and then; and what rounding makes of a place.
    for n in 0..40 {
        assert!(!look(&mut confined, n, if n % MISSES == 0 { 500 } else { 90 }));
        assert!(!confined.handle_look((500, 300), (501, 299), at(n)));
    }
    let told: Vec<u32> = (40..60).filter(|n| look(&mut confined, *n, 90)).collect();
    assert_eq!(told, [40 + MISSES - 1]);
    // Once, and again only after a while, and after as many.
    let later = start + QUIET + 60 * LOOK_EVERY;
    let told: Vec<u32> = (0..MISSES)
        .filter(|n| confined.handle_look((500, 300), (90, 300), later + *n * LOOK_EVERY))
        .collect();
    assert_eq!(told, [MISSES - 1]);
    // Far apart they are no row.
    for n in 1..20 {
        assert!(!confined.handle_look((500, 300), (90, 300), later + n * QUIET));
    }
}
