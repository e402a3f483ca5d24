//! Physical keys: from the browser's names to X keycodes.
//!
//! An X server with the usual `evdev` rules numbers its keys as the kernel does, plus 8. Which sign a key
//! makes is the matter of the host's layout, which is left alone.

use std::str::FromStr as _;

use keycode::{KeyMap, KeyMappingCode};
use signaling_spec::channel::input::Code;

/// X keeps the first eight numbers for itself.
const OFFSET: u16 = 8;

/// The keycode of that key; `None` for a key that X has no number for, or that would switch the machine off.
pub(super) fn keycode(code: &Code) -> Option<u8> {
    let name = match code.as_str() {
        "OSLeft" => "MetaLeft",
        "OSRight" => "MetaRight",
        "VolumeDown" => "AudioVolumeDown",
        "VolumeMute" => "AudioVolumeMute",
        "VolumeUp" => "AudioVolumeUp",
        "Power" | "Sleep" | "WakeUp" | "Suspend" | "Hibernate" => return None,
        name => name,
    };
    let evdev = KeyMap::from(KeyMappingCode::from_str(name).ok()?).evdev;
    if evdev == 0 {
        None
    } else {
        u8::try_from(evdev.checked_add(OFFSET)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_old_and_new_and_what_is_left_out() {
        let of = |name| keycode(&Code::parse(name).unwrap());
        assert_eq!(of("KeyA"), Some(38));
        assert_eq!((of("OSLeft"), of("MetaLeft")), (Some(133), Some(133)));
        assert_eq!(of("IntlYen"), Some(132));
        for none in ["Power", "Sleep", "WakeUp", "Fn", "Unidentified", "NoSuchKey"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
