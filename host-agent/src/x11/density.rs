//! How large applications draw text and controls on a desktop of the agent's own, so that it fits a dense screen.
//!
//! Two ways reach them: the resource `Xft.dpi`, which most read when they start, and XSETTINGS
//! (freedesktop.org's specification of that name), which toolkits follow while they run. Where a settings daemon
//! owns the latter, it is left to it.

use x11rb::connection::Connection as _;
use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::{done, id};

/// Dots an inch at 100 percent.
const DPI: u32 = 96;

#[derive(Debug, Default)]
pub(super) struct Density {
    /// In percent; 0 before the first.
    now: u32,
    /// The window that owns the settings, once that was tried.
    owner: Option<Window>,
    tried: bool,
    serial: u32,
}

impl Density {
    /// Draws for `percent` device pixels to a hundred CSS pixels from now on.
    pub(super) fn set(
        &mut self,
        conn: &RustConnection,
        root: Window,
        percent: u32,
    ) -> Result<(), ReplyError> {
        // A desktop that was never anything else needs nobody to tell its applications so.
        if percent == self.now || (self.now == 0 && percent == 100) {
            return Ok(());
        }
        self.now = percent;
        set_resource(conn, root, percent)?;
        if !self.tried {
            self.tried = true;
            self.owner = own_settings(conn, root)?;
        }
        if let Some(owner) = self.owner {
            self.serial = self.serial.wrapping_add(1);
            let name = conn.intern_atom(false, b"_XSETTINGS_SETTINGS")?.reply()?.atom;
            let bytes = settings(percent, self.serial);
            done(conn.change_property8(PropMode::REPLACE, owner, name, name, &bytes))?;
        }
        Ok(())
    }
}

/// Puts the line `Xft.dpi` among the resources that are there.
fn set_resource(conn: &RustConnection, root: Window, percent: u32) -> Result<(), ReplyError> {
    let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
    let old = conn
        .get_property(false, root, name, kind, 0, 1 << 18)?
        .reply()?
        .value;
    let mut lines: Vec<&[u8]> = old
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"Xft.dpi:"))
        .collect();
    let own = format!("Xft.dpi:\t{}", DPI * percent / 100);
    lines.push(own.as_bytes());
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    done(conn.change_property8(PropMode::REPLACE, root, name, kind, &text))
}

/// Becomes the one who settles them, unless somebody is.
fn own_settings(conn: &RustConnection, root: Window) -> Result<Option<Window>, ReplyError> {
    let screen = conn
        .setup()
        .roots
        .iter()
        .position(|screen| screen.root == root)
        .unwrap_or(0);
    let selection = conn
        .intern_atom(false, format!("_XSETTINGS_S{screen}").as_bytes())?
        .reply()?
        .atom;
    if conn.get_selection_owner(selection)?.reply()?.owner != x11rb::NONE {
        return Ok(None);
    }
    let window = id(conn)?;
    let look = CreateWindowAux::new().override_redirect(1);
    done(conn.create_window(
        0,
        window,
        root,
        -10,
        -10,
        1,
        1,
        0,
        WindowClass::INPUT_ONLY,
        0,
        &look,
    ))?;
    let name = conn.intern_atom(false, b"_XSETTINGS_SETTINGS")?.reply()?.atom;
    done(conn.change_property8(PropMode::REPLACE, window, name, name, &settings(100, 0)))?;
    done(conn.set_selection_owner(window, selection, x11rb::CURRENT_TIME))?;
    let manager = conn.intern_atom(false, b"MANAGER")?.reply()?.atom;
    let news = ClientMessageEvent::new(32, root, manager, [x11rb::CURRENT_TIME, selection, window, 0, 0]);
    done(conn.send_event(false, root, EventMask::STRUCTURE_NOTIFY, news))?;
    Ok(Some(window))
}

/// The settings as the specification packs them, least significant byte first.
fn settings(percent: u32, serial: u32) -> Vec<u8> {
    // GTK enlarges by whole factors; the rest is left to the size of text.
    let factor = (percent / 100).max(1);
    let dpi = DPI * 1024 * percent / 100;
    let list = [
        ("Gdk/UnscaledDPI", dpi / factor),
        ("Gdk/WindowScalingFactor", factor),
        ("Xft/DPI", dpi),
    ];
    let mut bytes = vec![0; 4];
    bytes.extend(serial.to_le_bytes());
    bytes.extend(u32::try_from(list.len()).unwrap_or(0).to_le_bytes());
    for (name, value) in list {
        let length = u16::try_from(name.len()).unwrap_or(0);
        bytes.extend([0, 0]);
        bytes.extend(length.to_le_bytes());
        bytes.extend(name.bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(serial.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::settings;

    #[test]
    fn settings_are_packed_as_the_specification_says() {
        let bytes = settings(250, 7);
        assert_eq!(bytes[..12], [0, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0]);
        let name = b"Gdk/WindowScalingFactor";
        let at = bytes.windows(name.len()).position(|part| part == name).unwrap();
        assert_eq!(at % 4, 0);
        let value = at + name.len().next_multiple_of(4) + 4;
        assert_eq!(bytes[value..][..4], 2u32.to_le_bytes());
        assert_eq!(bytes[bytes.len() - 4..], (96 * 1024 * 250 / 100u32).to_le_bytes());
    }
}
