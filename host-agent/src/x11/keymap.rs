//! Reads the host's keyboard layout and its state through XKB, and binds signs to spare keys.
//!
//! Spare keys that hold a sign of ours are listed in a property of the root window, so that an agent that died
//! leaves its successor the means to free them.

use std::collections::BTreeMap;
use std::time::Duration;

use session_core::layout::{Group, Layout, SHIFT};
use session_core::typist::HostState;
use x11rb::connection::RequestConnection as _;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::xkb::{
    self, BoolCtrl, ConnectionExt as _, EventType, ID, KeyType, MapPart, SelectEventsAux,
};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, ModMask, PropMode, Window};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use xkeysym::Keysym;

const LIST: &[u8] = b"_REMOVID_SPARE_KEYS";
/// Its length at the most, in its own units: far more than all keys before and after a change.
const LONGEST: u32 = 0x10000;
/// Key symbols by which modifiers are known (keysymdef.h).
const LEVEL3: u32 = 0xfe03;
const LEVEL5: u32 = 0xfe11;
const NUM_LOCK: u32 = 0xff7f;
/// Symbols that say that a key makes nothing (`NoSymbol`, `VoidSymbol`).
const NOTHING: [u32; 2] = [0, 0x00ff_ffff];
/// The left Shift of every keyboard that is numbered as the kernel's.
const SHIFT_KEY: u8 = 50;

/// Asks the server for XKB; `false` where it has none.
pub(super) fn start(conn: &RustConnection) -> Result<bool, ReplyError> {
    if conn.extension_information(xkb::X11_EXTENSION_NAME)?.is_none() {
        return Ok(false);
    }
    let supported = conn.xkb_use_extension(1, 0)?.reply()?.supported;
    if supported {
        // Whoever speaks XKB is told of a changed layout in its words only.
        let events = EventType::NEW_KEYBOARD_NOTIFY | EventType::MAP_NOTIFY;
        let parts = MapPart::KEY_TYPES | MapPart::KEY_SYMS | MapPart::MODIFIER_MAP;
        let core = ID::USE_CORE_KBD.into();
        conn.xkb_select_events(
            core,
            EventType::default(),
            events,
            parts,
            parts,
            &SelectEventsAux::new(),
        )?
        .check()?;
    }
    Ok(supported)
}

/// Whether an event says that the layout is another now; `is_ours` knows the spare keys that we change ourselves.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other events say nothing of keys"
)]
pub(super) fn is_change(event: &Event, is_ours: impl Fn(u8) -> bool) -> bool {
    match event {
        Event::MappingNotify(change) => change.count != 1 || !is_ours(change.first_keycode),
        Event::XkbNewKeyboardNotify(_) => true,
        Event::XkbMapNotify(change) => change.n_key_syms != 1 || !is_ours(change.first_key_sym),
        _ => false,
    }
}

pub(super) fn state(conn: &RustConnection) -> Result<HostState, ReplyError> {
    let state = conn.xkb_get_state(ID::USE_CORE_KBD.into())?.reply()?;
    Ok(HostState {
        locked: low_bits(state.locked_mods),
        group: u8::from(state.group),
    })
}

/// How long the server waits before it repeats a held key; `None` if it never does.
pub(super) fn repeat_delay(conn: &RustConnection) -> Result<Option<Duration>, ReplyError> {
    let controls = conn.xkb_get_controls(ID::USE_CORE_KBD.into())?.reply()?;
    let repeats = u32::from(controls.enabled_controls) & u32::from(BoolCtrl::REPEAT_KEYS) != 0;
    Ok(repeats.then(|| Duration::from_millis(controls.repeat_delay.into())))
}

pub(super) fn lock_group(conn: &RustConnection, group: u8) -> Result<(), ConnectionError> {
    let none = ModMask::default();
    let core = ID::USE_CORE_KBD.into();
    conn.xkb_latch_lock_state(core, none, none, true, group.into(), none, false, 0)
        .map(|cookie| cookie.ignore_error())
}

/// The layout as it is now.
pub(super) fn read(conn: &RustConnection) -> Result<Layout, ReplyError> {
    let parts = MapPart::KEY_TYPES | MapPart::KEY_SYMS | MapPart::MODIFIER_MAP;
    let core = ID::USE_CORE_KBD.into();
    let map = conn
        .xkb_get_map(
            core,
            parts,
            MapPart::default(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0u16.into(),
            0,
            0,
            0,
            0,
            0,
            0,
        )?
        .reply()?;
    let types = map.map.types_rtrn.unwrap_or_default();
    let mut layout = Layout::default();
    for key in map.map.modmap_rtrn.unwrap_or_default() {
        layout.modifiers.insert(key.keycode, low_bits(key.mods));
    }
    let mut level_keys = BTreeMap::new();
    for (keycode, key) in (map.first_key_sym..=u8::MAX).zip(map.map.syms_rtrn.unwrap_or_default()) {
        if key.syms.iter().all(|sym| NOTHING.contains(sym)) {
            if layout.is_modifier(keycode) == 0 {
                layout.spare.push(keycode);
            }
            continue;
        }
        for sym in [LEVEL3, LEVEL5, NUM_LOCK] {
            if key.syms.contains(&sym) && layout.is_modifier(keycode) != 0 {
                level_keys.entry(sym).or_insert(keycode);
            }
        }
        if key.syms.iter().any(|sym| Keysym::new(*sym).is_keypad_key()) {
            layout.keypad.push(keycode);
        }
        let width = usize::from(key.width).max(1);
        let groups = usize::from(key.group_info & 0x0f);
        let of = |group: usize| {
            let kind = types.get(usize::from(key.kt_index[group.min(3)]));
            let syms = key.syms.get(group * width..).unwrap_or_default();
            as_group(kind, syms.get(..width).unwrap_or(syms))
        };
        layout.keys.insert(keycode, (0..groups).map(of).collect());
    }
    layout.shifts.push((SHIFT, SHIFT_KEY));
    for sym in [LEVEL3, LEVEL5] {
        if let Some(keycode) = level_keys.get(&sym) {
            layout.shifts.push((layout.is_modifier(*keycode), *keycode));
        }
    }
    layout.num_lock = level_keys
        .get(&NUM_LOCK)
        .map_or(0, |key| layout.is_modifier(*key));
    Ok(layout)
}

fn as_group(kind: Option<&KeyType>, syms: &[u32]) -> Group {
    let signs = syms.iter().map(|sym| sign(*sym)).collect();
    let Some(kind) = kind else {
        return Group {
            signs,
            ..Group::default()
        };
    };
    let entries = kind.map.iter().filter(|entry| entry.active);
    Group {
        mask: low_bits(kind.mods_mask),
        map: entries
            .map(|entry| (low_bits(entry.mods_mask), entry.level))
            .collect(),
        signs,
    }
}

/// The sign that applications make of a symbol.
fn sign(sym: u32) -> Option<char> {
    Keysym::new(sym).key_char().filter(|sign| !sign.is_control())
}

fn low_bits(mask: ModMask) -> u8 {
    u8::try_from(u16::from(mask) & 0xff).unwrap_or(0)
}

/// Gives a spare key a sign and its capital, or frees it.
pub(super) fn bind(
    conn: &RustConnection,
    keycode: u8,
    pair: Option<(char, char)>,
) -> Result<(), ConnectionError> {
    let syms = pair.map_or([0, 0], |(lower, upper)| [lower, upper].map(symbol));
    conn.change_keyboard_mapping(1, keycode, 2, &syms)
        .map(|cookie| cookie.ignore_error())
}

/// Latin-1 by its own number, all else by Unicode's: the older names of symbols mean different signs to different
/// toolkits (keysymdef.h: `leftanglebracket`).
fn symbol(sign: char) -> u32 {
    match u32::from(sign) {
        number if number < 0x100 => number,
        number => 0x0100_0000 | number,
    }
}

/// The list of spare keys that hold signs, or may hold one soon.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// As the server has it.
    list: Vec<u32>,
}

impl Ledger {
    /// Before keys are bound: whoever dies half-way leaves no key that is not on the list. What they held before stays
    /// on it.
    pub(super) fn announce(
        &mut self,
        conn: &RustConnection,
        root: Window,
        next: impl Iterator<Item = (u8, (char, char))>,
    ) -> Result<(), ReplyError> {
        let next: Vec<u32> = next.flat_map(entry).collect();
        if next.is_empty() {
            return Ok(());
        }
        self.list.extend(next);
        let name = conn.intern_atom(false, LIST)?.reply()?.atom;
        conn.change_property32(PropMode::REPLACE, root, name, AtomEnum::CARDINAL, &self.list)?
            .ignore_error();
        Ok(())
    }

    /// Once they are bound: the next announcement goes without those that hold other signs now, and of none no list is
    /// left.
    pub(super) fn settle(
        &mut self,
        conn: &RustConnection,
        root: Window,
        bound: impl Iterator<Item = (u8, (char, char))>,
    ) -> Result<(), ReplyError> {
        self.list = bound.flat_map(entry).collect();
        if self.list.is_empty() {
            let name = conn.intern_atom(false, LIST)?.reply()?.atom;
            conn.delete_property(root, name)?.ignore_error();
        }
        Ok(())
    }
}

fn entry((key, (lower, upper)): (u8, (char, char))) -> [u32; 3] {
    [u32::from(key), symbol(lower), symbol(upper)]
}

/// Frees the spare keys that a predecessor left with signs on them, unless somebody gave them others since.
pub(super) fn free_leftovers(conn: &RustConnection, root: Window) -> Result<(), ReplyError> {
    let name = conn.intern_atom(false, LIST)?.reply()?.atom;
    let list = conn
        .get_property(false, root, name, AtomEnum::CARDINAL, 0, LONGEST)?
        .reply()?;
    let list: Vec<u32> = list.value32().map(Iterator::collect).unwrap_or_default();
    for entry in list.chunks_exact(3) {
        let Ok(keycode) = u8::try_from(entry[0]) else {
            continue;
        };
        if keycode < 8 {
            continue;
        }
        let now = conn.get_keyboard_mapping(keycode, 1)?.reply()?.keysyms;
        if now.starts_with(&entry[1..]) {
            bind(conn, keycode, None)?;
        }
    }
    conn.delete_property(root, name)?.ignore_error();
    Ok(())
}
