//! The rules in the header of `input_gate.rs`, one test each, and then any order of anything.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::input_gate::{Inject, InputGate, REPEAT_GRACE};
use signaling_spec::channel::input::{Code, Input, Modifiers, Motion, Position};
use signaling_spec::limits::{HELD_ABSENT, HELD_SILENCE};
use signaling_spec::{Refusal, Right, Rights, ViewerId};

const A: ViewerId = ViewerId(1);
const B: ViewerId = ViewerId(2);
const AT: Position = Position { x: 1, y: 2 };

fn code(name: &str) -> Code {
    Code::parse(name).unwrap()
}
fn key(name: &str, down: bool) -> Input {
    Input::Key {
        code: code(name),
        down,
        repeat: false,
        physical: true,
        modifiers: Modifiers(0),
        text: String::new(),
    }
}
fn held(seq: u16, names: &[&str], buttons: u8) -> Motion {
    Motion::Held {
        seq,
        buttons,
        modifiers: Modifiers(0),
        codes: names.iter().map(|name| code(name)).collect(),
    }
}
fn drain(gate: &mut InputGate) -> Vec<Inject> {
    std::iter::from_fn(|| gate.poll_output()).collect()
}
fn gate() -> (InputGate, Instant) {
    let mut gate = InputGate::default();
    gate.join(A, Rights::all());
    gate.join(B, Rights::all());
    (gate, Instant::now())
}

#[test]
fn without_the_right_nothing_is_injected() {
    let now = Instant::now();
    let mut gate = InputGate::default();
    gate.join(A, Rights::view_only());
    let refused = [
        gate.handle_input(A, key("KeyA", true), now),
        gate.handle_input(
            A,
            Input::Button {
                button: 0,
                down: true,
                at: AT,
            },
            now,
        ),
        gate.handle_input(
            A,
            Input::Wheel {
                dx: 0,
                dy: 120,
                at: AT,
            },
            now,
        ),
        gate.handle_motion(A, Motion::Move { seq: 1, at: AT }, now),
        gate.handle_motion(
            A,
            Motion::Relative {
                seq: 1,
                lock: 1,
                total_x: 5,
                total_y: 5,
            },
            now,
        ),
        gate.handle_motion(A, held(1, &["KeyA"], 1), now),
        gate.handle_input(B, key("KeyA", true), now)
            .map_err(|_| Refusal::Forbidden),
    ];
    assert_eq!(refused, [Err(Refusal::Forbidden); 7]);
    assert_eq!(drain(&mut gate), []);
}

#[test]
fn a_key_that_two_hold_comes_up_with_the_second() {
    let (mut gate, now) = gate();
    gate.handle_input(A, key("KeyA", true), now).unwrap();
    gate.handle_input(B, key("KeyA", true), now).unwrap();
    gate.handle_input(A, key("KeyA", false), now).unwrap();
    assert_eq!(drain(&mut gate), [Inject::Key(code("KeyA"), true)]);
    gate.leave(B);
    assert_eq!(drain(&mut gate), [Inject::Key(code("KeyA"), false)]);
}

#[test]
fn a_key_up_without_a_key_down_is_nothing() {
    let (mut gate, now) = gate();
    gate.handle_input(A, key("KeyA", false), now).unwrap();
    gate.handle_input(
        A,
        Input::Button {
            button: 1,
            down: false,
            at: AT,
        },
        now,
    )
    .unwrap();
    assert_eq!(drain(&mut gate), []);
}

#[test]
fn a_lost_right_lets_go_what_is_held() {
    let (mut gate, now) = gate();
    gate.handle_input(A, key("ShiftLeft", true), now).unwrap();
    gate.handle_input(
        A,
        Input::Button {
            button: 2,
            down: true,
            at: AT,
        },
        now,
    )
    .unwrap();
    drain(&mut gate);
    gate.set_rights(A, [Right::View].into_iter().collect());
    assert_eq!(
        drain(&mut gate),
        [Inject::Key(code("ShiftLeft"), false), Inject::Button(2, false)]
    );
}

#[test]
fn a_letter_is_let_go_before_the_host_would_repeat_it() {
    let (mut gate, now) = gate();
    gate.handle_input(A, key("KeyA", true), now).unwrap();
    drain(&mut gate);
    assert_eq!(gate.poll_timeout(), Some(now + REPEAT_GRACE));
    gate.handle_timeout(now + REPEAT_GRACE);
    assert_eq!(drain(&mut gate), [Inject::Key(code("KeyA"), false)]);
    // The backlog after the stutter: repeats press once, and the true end lets go.
    for _ in 0..5 {
        gate.handle_input(A, key("KeyA", true), now + Duration::from_secs(1))
            .unwrap();
    }
    gate.handle_input(A, key("KeyA", false), now + Duration::from_secs(1))
        .unwrap();
    assert_eq!(
        drain(&mut gate),
        [Inject::Key(code("KeyA"), true), Inject::Key(code("KeyA"), false)]
    );
}

#[test]
fn heartbeats_keep_a_letter_down() {
    let (mut gate, start) = gate();
    gate.handle_input(A, key("KeyA", true), start).unwrap();
    drain(&mut gate);
    for n in 1..100u16 {
        let now = start + Duration::from_millis(u64::from(n) * 100);
        gate.handle_motion(A, held(n, &["KeyA"], 0), now).unwrap();
    }
    assert_eq!(drain(&mut gate), []);
}

#[test]
fn a_modifier_waits_out_the_silence_but_not_an_omission() {
    let (mut gate, now) = gate();
    gate.handle_input(A, key("ShiftLeft", true), now).unwrap();
    drain(&mut gate);
    gate.handle_timeout(now + HELD_SILENCE - Duration::from_millis(1));
    assert_eq!(drain(&mut gate), []);
    gate.handle_timeout(now + HELD_SILENCE);
    assert_eq!(drain(&mut gate), [Inject::Key(code("ShiftLeft"), false)]);

    gate.handle_input(A, key("ShiftLeft", true), now).unwrap();
    drain(&mut gate);
    gate.handle_motion(A, held(1, &[], 0), now + Duration::from_millis(100))
        .unwrap();
    gate.handle_timeout(now + HELD_ABSENT);
    assert_eq!(drain(&mut gate), [Inject::Key(code("ShiftLeft"), false)]);
}

#[test]
fn a_late_move_is_dropped_and_a_lost_relative_one_is_made_up() {
    let (mut gate, now) = gate();
    let at = |x| Position { x, y: 0 };
    gate.handle_motion(
        A,
        Motion::Move {
            seq: 65_535,
            at: at(1),
        },
        now,
    )
    .unwrap();
    gate.handle_motion(A, Motion::Move { seq: 0, at: at(2) }, now)
        .unwrap();
    gate.handle_motion(
        A,
        Motion::Move {
            seq: 65_535,
            at: at(1),
        },
        now,
    )
    .unwrap();
    assert_eq!(drain(&mut gate), [Inject::MoveTo(at(1)), Inject::MoveTo(at(2))]);
    let relative = |seq, total_x| Motion::Relative {
        seq,
        lock: 7,
        total_x,
        total_y: 0,
    };
    gate.handle_motion(A, relative(1, 10), now).unwrap();
    gate.handle_motion(A, relative(3, 35), now).unwrap();
    gate.handle_motion(A, relative(2, 20), now).unwrap();
    assert_eq!(drain(&mut gate), [Inject::MoveBy(10, 0), Inject::MoveBy(25, 0)]);
}

#[test]
fn a_locked_pointer_is_not_moved_by_its_buttons() {
    let (mut gate, now) = gate();
    let press = |down| Input::Button {
        button: 0,
        down,
        at: AT,
    };
    gate.handle_motion(
        A,
        Motion::Relative {
            seq: 1,
            lock: 1,
            total_x: 3,
            total_y: 0,
        },
        now,
    )
    .unwrap();
    gate.handle_input(A, press(true), now).unwrap();
    gate.handle_input(
        A,
        Input::Wheel {
            dx: 0,
            dy: 120,
            at: AT,
        },
        now,
    )
    .unwrap();
    gate.handle_motion(A, Motion::Move { seq: 1, at: AT }, now)
        .unwrap();
    gate.handle_input(A, press(false), now).unwrap();
    let expected = [
        Inject::MoveBy(3, 0),
        Inject::Button(0, true),
        Inject::Wheel(0, 120),
        Inject::MoveTo(AT),
        Inject::MoveTo(AT),
        Inject::Button(0, false),
    ];
    assert_eq!(drain(&mut gate), expected);
}

#[derive(Clone, Debug)]
enum Op {
    Key(bool, u8, bool),
    Button(bool, u8, bool),
    Held(bool, u16, Vec<u8>),
    Release(bool),
    Leave(bool),
    Rights(bool, bool),
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (any::<bool>(), 0u8..5, any::<bool>()).prop_map(|(v, k, d)| Op::Key(v, k, d)),
        (any::<bool>(), 0u8..5, any::<bool>()).prop_map(|(v, k, d)| Op::Button(v, k, d)),
        (
            any::<bool>(),
            any::<u16>(),
            proptest::collection::vec(0u8..5, 0..4)
        )
            .prop_map(|(v, s, k)| Op::Held(v, s, k)),
        any::<bool>().prop_map(Op::Release),
        any::<bool>().prop_map(Op::Leave),
        (any::<bool>(), any::<bool>()).prop_map(|(v, r)| Op::Rights(v, r)),
        (0u64..3000).prop_map(Op::Wait),
    ]
}

proptest! {
    /// Presses and releases alternate per key, and in the end, when all are gone, nothing is down.
    #[test]
    fn nothing_stays_down_in_any_order(ops in proptest::collection::vec(op(), 0..80)) {
        const KEYS: [&str; 5] = ["KeyA", "KeyB", "ShiftLeft", "F1", "MetaRight"];
        let (mut gate, mut now) = gate();
        let who = |first| if first { A } else { B };
        let mut down: BTreeSet<String> = BTreeSet::new();
        let mut seen: BTreeMap<String, bool> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Key(v, k, d) => { let _ = gate.handle_input(who(v), key(KEYS[usize::from(k)], d), now); }
                Op::Button(v, b, d) => { let _ = gate.handle_input(who(v), Input::Button { button: b, down: d, at: AT }, now); }
                Op::Held(v, s, keys) => {
                    let names: Vec<&str> = keys.iter().map(|k| KEYS[usize::from(*k)]).collect();
                    let _ = gate.handle_motion(who(v), held(s, &names, 3), now);
                }
                Op::Release(v) => { let _ = gate.handle_input(who(v), Input::Release, now); }
                Op::Leave(v) => { gate.leave(who(v)); gate.join(who(v), Rights::all()); }
                Op::Rights(v, all) => gate.set_rights(who(v), if all { Rights::all() } else { Rights::view_only() }),
                Op::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    gate.handle_timeout(now);
                    prop_assert!(gate.poll_timeout().is_none_or(|at| at > now), "a timeout in the past would spin");
                }
            }
            for inject in drain(&mut gate) {
                let (name, is_down) = match inject {
                    Inject::Key(code, is_down) => (code.as_str().to_owned(), is_down),
                    Inject::Button(button, is_down) => (format!("button {button}"), is_down),
                    Inject::Type(code, _) => (code.as_str().to_owned(), true),
                    Inject::Text(_) | Inject::Wheel(..) | Inject::MoveTo(_) | Inject::MoveBy(..) => continue,
                };
                prop_assert_ne!(seen.insert(name.clone(), is_down), Some(is_down), "twice the same");
                if is_down { down.insert(name); } else { down.remove(&name); }
            }
        }
        gate.leave(A);
        gate.leave(B);
        for inject in drain(&mut gate) {
            match inject {
                Inject::Key(code, false) => { down.remove(code.as_str()); }
                Inject::Button(button, false) => { down.remove(&format!("button {button}")); }
                Inject::Key(..) | Inject::Type(..) | Inject::Text(_) | Inject::Button(..) => {}
                Inject::Wheel(..) | Inject::MoveTo(_) | Inject::MoveBy(..) => {}
            }
        }
        prop_assert!(down.is_empty(), "still down: {down:?}");
    }
}

#[test]
fn a_host_that_repeats_early_gets_its_keys_up_earlier() {
    let (mut gate, now) = gate();
    gate.set_repeat_delay(Some(Duration::from_millis(200)));
    gate.handle_input(A, key("KeyA", true), now).unwrap();
    gate.handle_input(A, key("ShiftLeft", true), now).unwrap();
    drain(&mut gate);
    gate.handle_timeout(now + Duration::from_millis(159));
    assert_eq!(drain(&mut gate), []);
    gate.handle_timeout(now + Duration::from_millis(160));
    assert_eq!(drain(&mut gate), [Inject::Key(code("KeyA"), false)]);
    gate.set_repeat_delay(Some(Duration::from_secs(1)));
    gate.handle_input(A, key("KeyB", true), now).unwrap();
    drain(&mut gate);
    gate.handle_timeout(now + REPEAT_GRACE);
    assert_eq!(drain(&mut gate), [Inject::Key(code("KeyB"), false)]);
}
