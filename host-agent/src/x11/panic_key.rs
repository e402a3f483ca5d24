//! The key by which the person at the host stops every viewer's keys and pointer: Ctrl+Alt+Shift+Backspace.

use x11rb::protocol::xproto::{ConnectionExt as _, GrabMode, KeyPressEvent, ModMask, Window};
use x11rb::rust_connection::RustConnection;

use super::done;

const BACKSPACE: u32 = 0xff08;

/// A grab of that key on the root window, for as long as the connection lives.
#[derive(Debug)]
pub(super) struct PanicKey {
    codes: Vec<u8>,
}

fn chord() -> ModMask {
    ModMask::CONTROL | ModMask::SHIFT | ModMask::M1
}

impl PanicKey {
    /// Where another program has that key, it is said in the log, and goes on without.
    ///
    /// # Errors
    /// The display is gone.
    pub(super) fn grab(conn: &RustConnection, root: Window) -> anyhow::Result<Self> {
        let setup = x11rb::connection::Connection::setup(conn);
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let count = last.saturating_sub(first).saturating_add(1);
        let map = conn.get_keyboard_mapping(first, count)?.reply()?;
        let wide = usize::from(map.keysyms_per_keycode).max(1);
        let has = |symbols: &[u32]| symbols.contains(&BACKSPACE);
        let codes: Vec<u8> = (first..=last)
            .zip(map.keysyms.chunks(wide))
            .filter(|(_, symbols)| has(symbols))
            .map(|(code, _)| code)
            .collect();
        // Caps Lock and Num Lock are modifiers to a grab.
        let locks = [
            0,
            u16::from(ModMask::LOCK),
            u16::from(ModMask::M2),
            u16::from(ModMask::LOCK | ModMask::M2),
        ];
        for code in &codes {
            for lock in locks {
                let modifiers = ModMask::from(u16::from(chord()) | lock);
                let grabbed =
                    done(conn.grab_key(false, root, modifiers, *code, GrabMode::ASYNC, GrabMode::ASYNC));
                if let Err(error) = grabbed {
                    tracing::info!(%error, "Ctrl+Alt+Shift+Backspace is another program's: it does not stop viewers");
                    return Ok(Self { codes: Vec::new() });
                }
            }
        }
        Ok(Self { codes })
    }

    pub(super) fn is(&self, press: &KeyPressEvent) -> bool {
        let state = u16::from(press.state);
        self.codes.contains(&press.detail) && state & u16::from(chord()) == u16::from(chord())
    }
}
