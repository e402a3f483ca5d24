//! The rules in the header of `typist.rs` on a small layout, and then any order of anything.
#![expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use proptest::prelude::*;
use session_core::input_gate::Typed;
use session_core::layout::{Group, LOCK, Layout, SHIFT};
use session_core::typist::{Act, HostState, MAX_WAITING, SETTLE, Step, TooMuch, Typist};
use signaling_spec::channel::input::{Code, Modifiers};

const LEVEL3: u8 = 0x80;
const ALT_GR: u8 = 108;
const SHIFT_KEY: u8 = 50;
const CONTROL_KEY: u8 = 37;
const A: u8 = 38;
const SEVEN: u8 = 16;
const SLASH: u8 = 61;
const COMMA: u8 = 59;
const Q: u8 = 24;
const KP7: u8 = 79;
const HOME: u8 = 110;
const SPARES: [u8; 2] = [200, 201];

fn group(mask: u8, map: &[(u8, u8)], signs: &str) -> Group {
    let signs = signs.chars().map(|sign| (sign != '_').then_some(sign)).collect();
    Group {
        mask,
        map: map.to_vec(),
        signs,
    }
}

fn letter(signs: &str) -> Group {
    group(SHIFT | LOCK, &[(SHIFT, 1), (LOCK, 1)], signs)
}

fn plain(signs: &str) -> Group {
    group(SHIFT, &[(SHIFT, 1)], signs)
}

/// A few keys of the layout `us`, a second group with Cyrillic, and `@` on a third level.
fn layout() -> Layout {
    let q = group(
        SHIFT | LOCK | LEVEL3,
        &[(SHIFT, 1), (LOCK, 1), (LEVEL3, 2)],
        "qQ@",
    );
    let keypad = group(0x11, &[(SHIFT, 1), (0x10, 1)], "_7");
    let keys = BTreeMap::from([
        (A, vec![letter("aA"), letter("фФ")]),
        (SEVEN, vec![plain("7&")]),
        (SLASH, vec![plain("/?")]),
        (COMMA, vec![plain(",<")]),
        (Q, vec![q]),
        (KP7, vec![keypad]),
    ]);
    Layout {
        keys,
        modifiers: BTreeMap::from([(SHIFT_KEY, SHIFT), (CONTROL_KEY, 4), (64, 8), (ALT_GR, LEVEL3)]),
        shifts: vec![(SHIFT, SHIFT_KEY), (LEVEL3, ALT_GR)],
        num_lock: 0x10,
        keypad: vec![KP7],
        spare: SPARES.to_vec(),
    }
}

struct Desk {
    typist: Typist,
    host: HostState,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        let mut typist = Typist::default();
        typist.set_layout(layout());
        Self {
            typist,
            host: HostState::default(),
            now: Instant::now(),
        }
    }

    fn press(&mut self, code: &str, physical: u8, text: &str, bits: u8) -> Vec<Act> {
        let typed = Typed {
            text: text.to_owned(),
            modifiers: Modifiers(bits),
        };
        self.step(Step::Press(
            Code::parse(code).unwrap(),
            Some(physical),
            Some(typed),
        ))
    }

    fn release(&mut self, code: &str) -> Vec<Act> {
        self.step(Step::Release(Code::parse(code).unwrap()))
    }

    fn step(&mut self, step: Step) -> Vec<Act> {
        self.typist.push(step).unwrap();
        assert_eq!(self.typist.run(self.host, self.now), None);
        self.acts()
    }

    fn acts(&mut self) -> Vec<Act> {
        std::iter::from_fn(|| self.typist.poll_act()).collect()
    }
}

const fn down(key: u8) -> Act {
    Act::Key(key, true)
}
const fn up(key: u8) -> Act {
    Act::Key(key, false)
}

#[test]
fn a_sign_is_made_where_the_host_has_it_and_held_with_its_own_modifiers() {
    let mut desk = Desk::new();
    // A German keyboard: the slash is Shift and 7, the less-than sign a key without Shift.
    assert_eq!(
        desk.press("ShiftLeft", SHIFT_KEY, "", Modifiers::SHIFT),
        [down(SHIFT_KEY)]
    );
    assert_eq!(
        desk.press("Digit7", SEVEN, "/", Modifiers::SHIFT),
        [up(SHIFT_KEY), down(SLASH)]
    );
    assert_eq!(desk.release("Digit7"), [up(SLASH), down(SHIFT_KEY)]);
    assert_eq!(desk.press("KeyA", A, "A", Modifiers::SHIFT), [down(A)]);
    assert_eq!(desk.release("KeyA"), [up(A)]);
    assert_eq!(desk.release("ShiftLeft"), [up(SHIFT_KEY)]);
    assert_eq!(
        desk.press("IntlBackslash", 94, "<", 0),
        [down(SHIFT_KEY), down(COMMA)]
    );
    assert_eq!(desk.release("IntlBackslash"), [up(COMMA), up(SHIFT_KEY)]);
}

#[test]
fn a_sign_of_another_level_or_group_comes_from_there() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("KeyQ", Q, "@", 0), [down(ALT_GR), down(Q)]);
    assert_eq!(desk.release("KeyQ"), [up(Q), up(ALT_GR)]);
    assert_eq!(desk.press("KeyA", A, "ф", 0), [Act::Group(1), down(A)]);
    // The server tells of the group that is locked for the moment; the one to come back to is the other.
    desk.host.group = 1;
    assert_eq!(desk.release("KeyA"), [up(A), Act::Group(0)]);
}

#[test]
fn a_locked_host_gets_the_same_sign() {
    let mut desk = Desk::new();
    desk.host.locked = LOCK;
    assert_eq!(desk.press("KeyA", A, "a", 0), [down(SHIFT_KEY), down(A)]);
    desk.release("KeyA");
    assert_eq!(desk.press("KeyA", A, "A", Modifiers::CAPS_LOCK), [down(A)]);
    desk.release("KeyA");
    assert_eq!(desk.press("CapsLock", 66, "", Modifiers::CAPS_LOCK), []);
}

#[test]
fn a_keypad_does_what_the_viewers_num_lock_says() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("Numpad7", KP7, "", 0), [down(KP7)]);
    desk.release("Numpad7");
    assert_eq!(
        desk.press("Numpad7", KP7, "7", Modifiers::NUM_LOCK),
        [down(SEVEN)]
    );
    desk.release("Numpad7");
    desk.host.locked = 0x10;
    assert_eq!(desk.press("Numpad7", KP7, "", 0), [down(HOME)]);
    desk.release("Numpad7");
    assert_eq!(desk.press("Numpad7", KP7, "7", Modifiers::NUM_LOCK), [down(KP7)]);
}

#[test]
fn a_shortcut_never_loses_a_modifier() {
    let mut desk = Desk::new();
    let bits = Modifiers::CTRL | Modifiers::SHIFT;
    desk.press("ControlLeft", CONTROL_KEY, "", Modifiers::CTRL);
    desk.press("ShiftLeft", SHIFT_KEY, "", bits);
    assert_eq!(desk.press("Digit7", SEVEN, "/", bits), [down(SLASH)]);
    assert_eq!(desk.release("Digit7"), [up(SLASH)]);
    // What a Cyrillic keyboard calls the key is no matter: the place is.
    assert_eq!(desk.press("KeyQ", Q, "й", bits), [down(Q)]);
}

#[test]
fn what_makes_no_text_makes_none() {
    let mut desk = Desk::new();
    assert_eq!(desk.press("Quote", 48, "", 0), []);
    assert_eq!(desk.release("Quote"), []);
    assert_eq!(
        desk.press("AltRight", ALT_GR, "", Modifiers::ALT_GRAPH),
        [down(ALT_GR)]
    );
    desk.release("AltRight");
    // An Alt of the viewer's stays one, though the host's key in that place is AltGr.
    assert_eq!(desk.press("AltRight", ALT_GR, "", Modifiers::ALT), [down(64)]);
}

#[test]
fn a_sign_that_the_layout_lacks_gets_a_spare_key_and_gives_it_back() {
    let mut desk = Desk::new();
    let euro = desk.press("KeyE", 26, "€", LEVEL3);
    assert_eq!(euro, [Act::Bind(200, Some(('€', '€'))), down(200)]);
    desk.release("KeyE");
    // A letter brings its capital along.
    assert_eq!(
        desk.press("KeyS", 39, "ä", 0),
        [Act::Bind(201, Some(('ä', 'Ä'))), down(201)]
    );
    desk.release("KeyS");
    assert_eq!(desk.press("KeyS", 39, "Ä", 0), [down(SHIFT_KEY), down(201)]);
    desk.release("KeyS");
    // Applications may still be asking what the last press meant.
    desk.typist.push(Step::Sign('☃')).unwrap();
    let wait = desk.typist.run(desk.host, desk.now);
    assert_eq!(wait, Some(desk.now + SETTLE));
    assert_eq!(desk.acts(), []);
    assert_eq!(desk.typist.run(desk.host, desk.now + SETTLE), None);
    assert_eq!(
        desk.acts(),
        [Act::Bind(200, Some(('☃', '☃'))), down(200), up(200)]
    );
    desk.typist.rest();
    assert_eq!(desk.acts(), [Act::Bind(200, None), Act::Bind(201, None)]);
}

#[test]
fn too_much_is_refused_but_never_a_release() {
    let mut typist = Typist::default();
    for _ in 0..MAX_WAITING {
        typist.push(Step::Sign('a')).unwrap();
    }
    assert_eq!(typist.push(Step::Sign('a')), Err(TooMuch));
    assert_eq!(typist.push(Step::Release(Code::parse("KeyA").unwrap())), Ok(()));
}

proptest! {
    #[test]
    fn when_all_is_released_nothing_is_down_and_the_group_is_home(
        events in proptest::collection::vec((0usize..8, any::<bool>(), 0u8..128, 0usize..7), 0..60),
        locked in prop_oneof![Just(0u8), Just(LOCK), Just(0x10u8), Just(LOCK | 0x10)],
        group in 0u8..2,
    ) {
        const KEYS: [(&str, u8); 8] = [
            ("ShiftLeft", SHIFT_KEY), ("ControlLeft", CONTROL_KEY), ("AltRight", ALT_GR), ("KeyA", A),
            ("KeyQ", Q), ("Digit7", SEVEN), ("Numpad7", KP7), ("Quote", 48),
        ];
        const TEXTS: [&str; 7] = ["", "a", "@", "Ф", "/", "7", "é"];
        let mut desk = Desk::new();
        desk.host = HostState { locked, group };
        let mut keys = BTreeSet::new();
        let mut at = group;
        let mut held = BTreeSet::new();
        let mut take = |acts: Vec<Act>| {
            for act in acts {
                match act {
                    Act::Key(key, true) => { keys.insert(key); }
                    Act::Key(key, false) => { keys.remove(&key); }
                    Act::Group(group) => at = group,
                    Act::Button(..) | Act::Bind(..) => {}
                }
            }
            (keys.clone(), at)
        };
        for (key, is_down, bits, text) in events {
            let (code, physical) = KEYS[key];
            desk.now += SETTLE;
            let text = if key < 3 { "" } else { TEXTS[text] };
            if is_down && held.insert(code) {
                take(desk.press(code, physical, text, bits));
            } else if !is_down && held.remove(code) {
                take(desk.release(code));
            }
        }
        for code in std::mem::take(&mut held) {
            take(desk.release(code));
        }
        let (keys, at) = take(Vec::new());
        prop_assert!(keys.is_empty(), "still down: {keys:?}");
        prop_assert_eq!(at, group);
    }
}

#[test]
fn a_changed_layout_counts_at_once_and_forgets_no_spare_key() {
    let mut desk = Desk::new();
    desk.press("KeyE", 26, "€", 0);
    desk.release("KeyE");
    // Read again, the server shows our sign as any other.
    let mut changed = layout();
    changed.bind(200, Some(('€', '€')));
    changed.spare = vec![201];
    changed.keys.insert(A, vec![letter("qQ")]);
    desk.typist.set_layout(changed);
    assert_eq!(desk.press("KeyA", A, "q", 0), [down(A)]);
    desk.release("KeyA");
    assert_eq!(desk.press("KeyE", 26, "€", 0), [down(200)]);
    desk.release("KeyE");
    desk.typist.rest();
    assert_eq!(desk.acts(), [Act::Bind(200, None)]);
}
