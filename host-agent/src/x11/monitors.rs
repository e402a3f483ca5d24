//! The monitors that make up an X screen, and whether it is dark or locked.

use x11rb::connection::RequestConnection as _;
use x11rb::errors::ReplyError;
use x11rb::protocol::dpms::{self, ConnectionExt as _, DPMSMode};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::screensaver::{self, ConnectionExt as _, State};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

use signaling_spec::channel::control::Monitor;
use signaling_spec::limits::MAX_MONITORS;

use crate::screen::Condition;

/// From the left, then from above; none when one is the whole screen.
pub(super) fn monitors(
    conn: &RustConnection,
    root: Window,
    (width, height): (u32, u32),
) -> Result<Vec<Monitor>, ReplyError> {
    if conn.extension_information(randr::X11_EXTENSION_NAME)?.is_none() {
        return Ok(Vec::new());
    }
    let all = match conn.randr_get_monitors(root, true)?.reply() {
        Ok(all) => all.monitors,
        // RandR before 1.5 knows none.
        Err(ReplyError::X11Error(_)) => return Ok(Vec::new()),
        Err(error @ ReplyError::ConnectionError(_)) => return Err(error),
    };
    let mut found = Vec::new();
    for one in all.iter().take(MAX_MONITORS) {
        let start = |at: i16, most: u32| u32::try_from(at).unwrap_or(0).min(most);
        let end = |at: i16, side: u16, most: u32| {
            u32::try_from(i32::from(at) + i32::from(side))
                .unwrap_or(0)
                .min(most)
        };
        let (x, y) = (start(one.x, width), start(one.y, height));
        let (w, h) = (
            end(one.x, one.width, width).saturating_sub(x),
            end(one.y, one.height, height).saturating_sub(y),
        );
        if w == 0 || h == 0 {
            continue;
        }
        let name = conn
            .get_atom_name(one.name)?
            .reply()
            .map(|atom| atom.name)
            .unwrap_or_default();
        found.push(Monitor {
            name: String::from_utf8_lossy(&name)
                .chars()
                .filter(|c| !c.is_control())
                .take(64)
                .collect(),
            x,
            y,
            width: w,
            height: h,
            primary: one.primary,
        });
    }
    found.sort_by_key(|one| (one.x, one.y));
    if let [one] = found.as_slice()
        && (one.x, one.y) == (0, 0)
        && one.width + 1 >= width
        && one.height + 1 >= height
    {
        return Ok(Vec::new());
    }
    Ok(found)
}

/// Whether anything but the desktop itself is to be expected on it.
pub(super) fn condition(conn: &RustConnection, root: Window) -> Result<Condition, ReplyError> {
    if is_locked(conn, root)? {
        return Ok(Condition::Locked);
    }
    if conn
        .extension_information(screensaver::X11_EXTENSION_NAME)?
        .is_some()
        && conn.screensaver_query_info(root)?.reply()?.state == u8::from(State::ON)
    {
        return Ok(Condition::Asleep);
    }
    if conn.extension_information(dpms::X11_EXTENSION_NAME)?.is_some() {
        let power = conn.dpms_info()?.reply()?;
        if power.state && power.power_level != DPMSMode::ON {
            return Ok(Condition::Asleep);
        }
    }
    Ok(Condition::Shown)
}

/// Lockers that follow `xscreensaver` say so on the root window; the session's own locker needs no words of ours:
/// what it shows says it.
fn is_locked(conn: &RustConnection, root: Window) -> Result<bool, ReplyError> {
    let status = conn.intern_atom(true, b"_SCREENSAVER_STATUS")?.reply()?.atom;
    let lock = conn.intern_atom(true, b"LOCK")?.reply()?.atom;
    if status == x11rb::NONE || lock == x11rb::NONE {
        return Ok(false);
    }
    let value = conn
        .get_property(false, root, status, AtomEnum::ANY, 0, 1)?
        .reply()?;
    Ok(value.value32().and_then(|mut words| words.next()) == Some(lock))
}

/// Whether this display tells when it goes dark, or has to be asked now and then.
pub(super) fn has_power(conn: &RustConnection) -> bool {
    matches!(conn.extension_information(dpms::X11_EXTENSION_NAME), Ok(Some(_)))
}

/// Asks for the events after which [`condition`] may be another.
pub(super) fn watch(conn: &RustConnection, root: Window) -> Result<(), ReplyError> {
    if conn
        .extension_information(screensaver::X11_EXTENSION_NAME)?
        .is_some()
    {
        conn.screensaver_query_version(1, 1)?.reply()?;
        super::done(conn.screensaver_select_input(root, screensaver::Event::NOTIFY_MASK))?;
    }
    Ok(())
}
