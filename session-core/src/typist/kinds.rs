//! Kinds of keys by their codes, and the few keys that are pressed by number: the kernel's number plus 8, as X
//! and Wayland count.

use signaling_spec::channel::input::Modifiers;

pub(super) const TAB: u8 = 23;
pub(super) const ENTER: u8 = 36;

/// Modifiers of the viewer's with the keys that hold them on the host.
pub(super) const HELD: [(u8, &[u8]); 4] = [
    (Modifiers::SHIFT, &[50, 62]),
    (Modifiers::CTRL, &[37, 105]),
    (Modifiers::ALT, &[64, 108]),
    (Modifiers::META, &[133, 134]),
];

/// Whether this key writes: one that made no text here (a dead key, a level of its own) is to make none there.
pub(super) fn is_writing(code: &str) -> bool {
    const OTHERS: [&str; 11] = [
        "Backquote",
        "Minus",
        "Equal",
        "BracketLeft",
        "BracketRight",
        "Backslash",
        "Semicolon",
        "Quote",
        "Comma",
        "Period",
        "Slash",
    ];
    OTHERS.contains(&code)
        || code.starts_with("Key")
        || code.starts_with("Digit")
        || code.starts_with("IntlB")
        || matches!(code, "IntlRo" | "IntlYen" | "Unidentified")
}

/// The key that a keypad's key stands for while the viewer's `NumLock` is off, by X's numbers.
pub(super) fn keypad_motion(code: &str) -> Option<u8> {
    Some(match code {
        "Numpad7" => 110,
        "Numpad8" => 111,
        "Numpad9" => 112,
        "Numpad4" => 113,
        "Numpad6" => 114,
        "Numpad1" => 115,
        "Numpad2" => 116,
        "Numpad3" => 117,
        "Numpad0" => 118,
        "NumpadDecimal" => 119,
        _ => return None,
    })
}

/// The first key of the left hand's Alt, for an `AltRight` that is none on the host.
pub(super) const ALT_LEFT: u8 = 64;

/// Whether these modifiers make a shortcut of a key. AltGr, which some systems report as Alt too, makes none.
pub(super) fn is_shortcut(bits: u8) -> bool {
    let alt_gr = bits & Modifiers::ALT_GRAPH != 0;
    let alt = bits & Modifiers::ALT != 0 && !alt_gr;
    alt || bits & (Modifiers::CTRL | Modifiers::META) != 0
}
