//! What an agent that died left pressed. Its keys and buttons are among those of the server's XTEST devices, which a
//! person's own are not; but other programs press keys there too. So an agent writes on the root window that it does,
//! and takes that back when nobody uses the desktop through it any more.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use x11rb::errors::ReplyError;
use x11rb::protocol::xinput::{ConnectionExt as _, InputStateData};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, CreateWindowAux, PropMode, Window, WindowClass};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, CURRENT_TIME, NONE};

const MARK: &[u8] = b"_REMOVID_PRESSING";

/// The selection that belongs to the agent that types on a display.
const TYPIST: &[u8] = b"_REMOVID_TYPIST";
/// How long a predecessor's last requests are waited for.
const PATIENCE: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Takes the predecessor's place once the server has done all that it still asked for: what a killed agent wrote last
/// may be read only after its successor's first requests, and would undo what that cleared up. The server gives the
/// selection up when it has read the last of its owner's connection. `false` says that the owner lives.
pub(super) fn succeed(conn: &RustConnection, root: Window) -> Result<bool, ReplyError> {
    let name = conn.intern_atom(false, TYPIST)?.reply()?.atom;
    let owned = || Ok::<_, ReplyError>(conn.get_selection_owner(name)?.reply()?.owner != NONE);
    let end = Instant::now() + PATIENCE;
    while owned()? {
        if Instant::now() > end {
            return Ok(false);
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    let window = super::id(conn)?;
    conn.create_window(
        COPY_DEPTH_FROM_PARENT,
        window,
        root,
        -1,
        -1,
        1,
        1,
        0,
        WindowClass::INPUT_ONLY,
        0,
        &CreateWindowAux::new(),
    )?
    .check()?;
    conn.set_selection_owner(window, name, CURRENT_TIME)?.check()?;
    Ok(true)
}

/// Whether an agent pressed keys here and never said that it was done.
pub(super) fn is_marked(conn: &RustConnection, root: Window) -> Result<bool, ReplyError> {
    let name = conn.intern_atom(false, MARK)?.reply()?.atom;
    let found = conn
        .get_property(false, root, name, AtomEnum::CARDINAL, 0, 1)?
        .reply()?;
    Ok(found.value_len > 0)
}

/// Says that we press keys here, or that we are done.
pub(super) fn mark(conn: &RustConnection, root: Window, pressing: bool) -> Result<(), ReplyError> {
    let name = conn.intern_atom(false, MARK)?.reply()?.atom;
    if pressing {
        conn.change_property32(PropMode::REPLACE, root, name, AtomEnum::CARDINAL, &[1])?
            .ignore_error();
    } else {
        // Waited for: a successor comes by another connection, which the server may hear first.
        conn.delete_property(root, name)?.check()?;
    }
    Ok(())
}

/// Keys and buttons.
#[derive(Debug, Default)]
pub(super) struct Leftover {
    pub keys: BTreeSet<u8>,
    pub buttons: BTreeSet<u8>,
}

/// What is down on devices through which programs type and point (the X Input extension's device state, by the names
/// that the X.Org server gives them).
pub(super) fn down(conn: &RustConnection) -> Result<Leftover, ReplyError> {
    let mut found = Leftover::default();
    let list = conn.xinput_list_input_devices()?.reply()?;
    let xtest = list.devices.iter().zip(&list.names).filter(|(_, name)| {
        let name = String::from_utf8_lossy(&name.name);
        name.contains("XTEST keyboard") || name.contains("XTEST pointer")
    });
    for (device, _) in xtest {
        // It may have gone meanwhile, or may not be ours to look at.
        let Ok(state) = conn.xinput_query_device_state(device.device_id)?.reply() else {
            continue;
        };
        for class in state.classes {
            match class.data {
                InputStateData::Key(keys) => found.keys.extend(numbers(&keys.keys)),
                InputStateData::Button(buttons) => found.buttons.extend(numbers(&buttons.buttons)),
                InputStateData::Valuator(_) | InputStateData::InvalidValue(_) => {}
            }
        }
    }
    Ok(found)
}

/// The numbers of the bits that are set.
fn numbers(bits: &[u8]) -> impl Iterator<Item = u8> + '_ {
    (0..=u8::MAX).filter(|number| {
        bits.get(usize::from(number / 8))
            .is_some_and(|byte| byte >> (number % 8) & 1 == 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_numbered_from_the_lowest() {
        let found: Vec<u8> = numbers(&[0b0000_0010, 0b1000_0000]).collect();
        assert_eq!(found, [1, 15]);
    }
}
