//! The control lease: who gets it when, and that at most one has it.

#![expect(clippy::disallowed_methods, reason = "a test starts its own time")]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::control::{ASKING, Control, IDLE, LAPSE};
use signaling_spec::channel::control::ControlMode;
use signaling_spec::{Refusal, ViewerId};

const ADA: ViewerId = ViewerId(1);
const BEN: ViewerId = ViewerId(2);
const CAT: ViewerId = ViewerId(3);
/// Manages.
const MAX: ViewerId = ViewerId(4);
/// Only watches.
const EVE: ViewerId = ViewerId(5);
const SHORT: Duration = Duration::from_millis(1);

fn world() -> (Control, Instant) {
    let mut it = Control::default();
    for viewer in [ADA, BEN, CAT] {
        it.join(viewer, true, false);
    }
    it.join(MAX, true, true);
    it.join(EVE, false, true);
    (it, Instant::now())
}

fn holder(it: &Control) -> Option<ViewerId> {
    it.state().holder
}

#[test]
fn without_a_lease_everybody_works_and_with_one_only_its_holder() {
    let (mut it, now) = world();
    assert!(it.may_use(ADA) && it.may_use(BEN));
    it.take(ADA, now).unwrap();
    assert!(it.may_use(ADA) && !it.may_use(BEN) && !it.may_use(MAX));
    it.release(BEN, now);
    assert_eq!(holder(&it), Some(ADA), "another cannot release it");
    it.release(ADA, now);
    assert!(it.may_use(BEN));
}

#[test]
fn whoever_asks_gets_it_from_the_holder_or_in_the_order_of_asking() {
    let (mut it, now) = world();
    it.ask(ADA, now).unwrap();
    assert_eq!(holder(&it), Some(ADA), "free, it is theirs at once");
    it.ask(BEN, now).unwrap();
    it.ask(BEN, now).unwrap();
    it.ask(CAT, now).unwrap();
    assert_eq!(it.state().asking, [BEN, CAT]);
    it.decline(ADA, BEN).unwrap();
    assert_eq!(it.decline(ADA, BEN), Err(Refusal::NotFound));
    assert_eq!(it.decline(BEN, CAT), Err(Refusal::Forbidden));
    it.ask(BEN, now).unwrap();
    it.give(ADA, BEN, now).unwrap();
    assert_eq!((holder(&it), it.state().asking), (Some(BEN), vec![CAT]));
    it.leave(BEN, now);
    assert_eq!(holder(&it), Some(CAT));
    it.leave(CAT, now);
    assert_eq!(it.state().mode, ControlMode::Free);
}

#[test]
fn a_lease_in_use_is_taken_by_managers_alone() {
    let (mut it, now) = world();
    it.take(ADA, now).unwrap();
    assert_eq!(it.take(BEN, now), Err(Refusal::OutOfTurn));
    assert_eq!(it.give(BEN, CAT, now), Err(Refusal::Forbidden));
    assert_eq!(
        it.take(EVE, now),
        Err(Refusal::Forbidden),
        "managing is no right to keys"
    );
    assert_eq!(it.give(ADA, EVE, now), Err(Refusal::Forbidden));
    assert_eq!(it.give(ADA, ViewerId(9), now), Err(Refusal::NotFound));
    it.take(MAX, now).unwrap();
    assert_eq!(holder(&it), Some(MAX));
    it.give(MAX, ADA, now).unwrap();
    it.give(MAX, BEN, now).unwrap();
    assert_eq!(holder(&it), Some(BEN));
}

#[test]
fn a_holder_who_does_nothing_loses_it_to_whoever_asks_and_to_nobody_later() {
    let (mut it, now) = world();
    it.take(ADA, now).unwrap();
    it.ask(BEN, now + SHORT).unwrap();
    assert_eq!(it.poll_timeout(), Some(now + IDLE));
    it.used(ADA, now + IDLE - SHORT);
    it.handle_timeout(now + IDLE);
    assert_eq!(holder(&it), Some(ADA), "used meanwhile");
    it.used(BEN, now + IDLE);
    it.handle_timeout(now + 2 * IDLE);
    assert_eq!(holder(&it), Some(BEN), "what others do is no use of it");
    let later = now + 2 * IDLE;
    it.take(CAT, later + IDLE).unwrap();
    let later = later + IDLE;
    it.handle_timeout(later + LAPSE - SHORT);
    assert_eq!(holder(&it), Some(CAT));
    it.handle_timeout(later + LAPSE);
    assert_eq!(it.state().mode, ControlMode::Free);
    assert_eq!(it.poll_timeout(), None);
}

#[test]
fn a_wish_that_nobody_answers_is_forgotten() {
    let (mut it, now) = world();
    it.take(ADA, now).unwrap();
    it.ask(BEN, now).unwrap();
    for second in 0..60 {
        it.used(ADA, now + Duration::from_secs(second));
    }
    it.handle_timeout(now + ASKING);
    assert_eq!((holder(&it), it.state().asking), (Some(ADA), vec![]));
}

#[test]
fn the_panic_key_stops_everybody_until_somebody_takes_it() {
    let (mut it, now) = world();
    it.take(ADA, now).unwrap();
    assert_eq!(it.stop(EVE, now), Err(Refusal::Forbidden));
    it.stop(BEN, now).unwrap();
    assert!([ADA, BEN, CAT, MAX].iter().all(|viewer| !it.may_use(*viewer)));
    it.take(CAT, now).unwrap();
    assert!(it.may_use(CAT));
}

#[test]
fn what_the_person_at_the_host_blocks_no_viewer_opens() {
    let (mut it, now) = world();
    it.take(ADA, now).unwrap();
    it.toggle_block(now);
    for viewer in [ADA, BEN, MAX] {
        assert_eq!(it.take(viewer, now), Err(Refusal::OutOfTurn));
        assert_eq!(it.ask(viewer, now), Err(Refusal::OutOfTurn));
        assert_eq!(it.give(viewer, BEN, now), Err(Refusal::OutOfTurn));
        it.stop(viewer, now).unwrap();
        it.release(viewer, now);
        assert!(!it.may_use(viewer));
    }
    for viewer in [ADA, BEN, CAT, MAX, EVE] {
        it.leave(viewer, now);
    }
    it.join(ADA, true, true);
    assert!(!it.may_use(ADA), "who comes back is blocked, too");
    it.toggle_block(now);
    assert!(it.may_use(ADA));
}

#[derive(Clone, Debug)]
enum Step {
    Join(u32, bool, bool),
    Leave(u32),
    Ask(u32),
    Take(u32),
    Give(u32, u32),
    Decline(u32, u32),
    Release(u32),
    Stop(u32),
    Block,
    Used(u32),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let who = || 0..4u32;
    prop_oneof![
        (who(), any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Step::Join(a, b, c)),
        who().prop_map(Step::Leave),
        who().prop_map(Step::Ask),
        who().prop_map(Step::Take),
        (who(), who()).prop_map(|(a, b)| Step::Give(a, b)),
        (who(), who()).prop_map(|(a, b)| Step::Decline(a, b)),
        who().prop_map(Step::Release),
        who().prop_map(Step::Stop),
        Just(Step::Block),
        who().prop_map(Step::Used),
        (0..400u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn only_one_who_may_and_is_there_holds_it(program in proptest::collection::vec(steps(), 1..60)) {
        let (mut it, mut now) = (Control::default(), Instant::now());
        let mut there = std::collections::BTreeMap::new();
        for step in program {
            let blocked = it.state().mode == ControlMode::Blocked;
            let opened = matches!(step, Step::Block);
            match step {
                Step::Join(a, controls, manages) => {
                    // Nobody joins twice.
                    if let std::collections::btree_map::Entry::Vacant(place) = there.entry(a) {
                        place.insert(controls);
                        it.join(ViewerId(a), controls, manages);
                    }
                }
                Step::Leave(a) => {
                    there.remove(&a);
                    it.leave(ViewerId(a), now);
                }
                Step::Ask(a) => { let _ = it.ask(ViewerId(a), now); }
                Step::Take(a) => { let _ = it.take(ViewerId(a), now); }
                Step::Give(a, b) => { let _ = it.give(ViewerId(a), ViewerId(b), now); }
                Step::Decline(a, b) => { let _ = it.decline(ViewerId(a), ViewerId(b)); }
                Step::Release(a) => it.release(ViewerId(a), now),
                Step::Stop(a) => { let _ = it.stop(ViewerId(a), now); }
                Step::Block => it.toggle_block(now),
                Step::Used(a) => it.used(ViewerId(a), now),
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    it.handle_timeout(now);
                    prop_assert!(it.poll_timeout().is_none_or(|at| at > now), "nothing waits that is due");
                }
            }
            let state = it.state();
            prop_assert_eq!(state.holder.is_some(), state.mode == ControlMode::Held);
            if let Some(holder) = state.holder {
                prop_assert_eq!(there.get(&holder.0), Some(&true));
                prop_assert!(!state.asking.contains(&holder));
                prop_assert_eq!((0..4).filter(|a| it.may_use(ViewerId(*a))).count(), 1);
            }
            prop_assert!(state.asking.iter().all(|one| there.get(&one.0) == Some(&true)));
            if blocked && !opened {
                prop_assert_eq!(state.mode, ControlMode::Blocked, "no viewer opens what is blocked");
            }
        }
    }
}
