//! Answers for the selection that viewers own: applications ask, the bytes come later and in pieces.
//!
//! A small clip goes in one property, a larger one by INCR (ICCCM §2.7.2): the next part only when the requestor has
//! deleted the one before. A requestor that stops, or whose clip does not come, is let go alone.

use std::time::{Duration, Instant};

use session_core::clipboard::Formats;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, PropMode, Property,
    PropertyNotifyEvent, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Timestamp,
    Window,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::Atoms;
use crate::clipboard::{ClipEvent, RequestId, Tell};

/// Pastes at the same time; more are refused.
const MOST: usize = 32;
/// A clip up to this goes in one property.
const AT_ONCE: usize = 128 * 1024;
/// Bytes of one part of a larger one.
const PART: usize = 256 * 1024;
/// How long an application waits for the first bytes, and the bytes for an application.
const START: Duration = Duration::from_secs(1);
const STALLED: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Paste {
    request: RequestId,
    requestor: Window,
    selection: Atom,
    property: Atom,
    target: Atom,
    time: Timestamp,
    buffer: Vec<u8>,
    ended: bool,
    /// INCR has begun.
    parts: bool,
    /// The requestor has deleted the last part, and waits.
    ready: bool,
    deadline: Instant,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// What is to be owned as soon as the server has told the time.
    wanted: Option<Formats>,
    owned: Option<(Formats, Timestamp)>,
    pastes: Vec<Paste>,
    next: u64,
}

impl Owner {
    /// Becomes the owner; the server's time is asked for first, since an ownership without one can be taken away by
    /// an older one.
    pub(super) fn own(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        formats: Formats,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if formats.is_empty() {
            self.wanted = None;
            self.fail_all(conn, tell)?;
            if let Some((_, time)) = self.owned.take() {
                // Only if it is still ours: whoever owns it now has a later time.
                conn.set_selection_owner(x11rb::NONE, atoms.CLIPBOARD, time)?;
            }
            return Ok(());
        }
        self.wanted = Some(formats);
        conn.change_property8(
            PropMode::APPEND,
            window,
            atoms.REMOVID_TIME,
            AtomEnum::STRING,
            &[],
        )?;
        Ok(())
    }

    /// The server told the time.
    pub(super) fn timed(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        time: Timestamp,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let Some(formats) = self.wanted.take() else {
            return Ok(());
        };
        // Whoever pastes the clip before has to ask again: it is not that clip any more.
        self.fail_all(conn, tell)?;
        conn.set_selection_owner(window, atoms.CLIPBOARD, time)?;
        if conn.get_selection_owner(atoms.CLIPBOARD)?.reply()?.owner == window {
            self.owned = Some((formats.clone(), time));
            tell(ClipEvent::Owned { formats });
        }
        Ok(())
    }

    /// Another one owns it.
    pub(super) fn lost(&mut self) {
        self.owned = None;
    }

    pub(super) fn request(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        asked: &SelectionRequestEvent,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        // Old clients name no property and mean the target's.
        let property = if asked.property == x11rb::NONE {
            asked.target
        } else {
            asked.property
        };
        let current = self.owned.as_ref().filter(|_| asked.owner == window);
        let Some((formats, time)) = current else {
            return answer(conn, asked, x11rb::NONE);
        };
        if asked.target == atoms.TARGETS {
            let meta = [atoms.TARGETS, atoms.TIMESTAMP];
            let all: Vec<Atom> = meta
                .into_iter()
                .chain(formats.iter().flat_map(|format| atoms.of(*format)))
                .collect();
            conn.change_property32(PropMode::REPLACE, asked.requestor, property, AtomEnum::ATOM, &all)?;
            return answer(conn, asked, property);
        }
        if asked.target == atoms.TIMESTAMP {
            let kind = AtomEnum::INTEGER;
            conn.change_property32(PropMode::REPLACE, asked.requestor, property, kind, &[*time])?;
            return answer(conn, asked, property);
        }
        let format = formats
            .iter()
            .copied()
            .find(|format| atoms.of(*format).contains(&asked.target));
        let Some(format) = format.filter(|_| self.pastes.len() < MOST) else {
            return answer(conn, asked, x11rb::NONE);
        };
        let watch = EventMask::PROPERTY_CHANGE | EventMask::STRUCTURE_NOTIFY;
        let attributes = ChangeWindowAttributesAux::new().event_mask(watch);
        conn.change_window_attributes(asked.requestor, &attributes)?;
        self.next += 1;
        let request = RequestId(self.next);
        self.pastes.push(Paste {
            request,
            requestor: asked.requestor,
            selection: asked.selection,
            property,
            target: asked.target,
            time: asked.time,
            buffer: Vec::new(),
            ended: false,
            parts: false,
            ready: false,
            deadline: Instant::now() + START,
        });
        tell(ClipEvent::Wanted { request, format });
        Ok(())
    }

    pub(super) fn supply(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        request: RequestId,
        data: Vec<u8>,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let Some(paste) = self.pastes.iter_mut().find(|paste| paste.request == request) else {
            return Ok(());
        };
        paste.buffer.extend(data);
        if !paste.parts {
            paste.deadline = Instant::now() + STALLED;
            if paste.buffer.len() > AT_ONCE {
                paste.parts = true;
                let least = u32::try_from(paste.buffer.len()).unwrap_or(u32::MAX);
                conn.change_property32(
                    PropMode::REPLACE,
                    paste.requestor,
                    paste.property,
                    atoms.INCR,
                    &[least],
                )?;
                notify(conn, paste, paste.property)?;
            }
        }
        self.go_on(conn, request, tell)
    }

    pub(super) fn supply_end(
        &mut self,
        conn: &RustConnection,
        request: RequestId,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if let Some(paste) = self.pastes.iter_mut().find(|paste| paste.request == request) {
            paste.ended = true;
        }
        self.go_on(conn, request, tell)
    }

    /// It cannot be had. One that has begun stays unfinished: half a clip is none.
    pub(super) fn supply_failed(&mut self, conn: &RustConnection, request: RequestId) -> anyhow::Result<()> {
        let Some(at) = self.pastes.iter().position(|paste| paste.request == request) else {
            return Ok(());
        };
        let paste = self.pastes.swap_remove(at);
        if !paste.parts {
            refuse(conn, &paste)?;
        }
        Ok(())
    }

    /// A requestor took a part.
    pub(super) fn deleted(
        &mut self,
        conn: &RustConnection,
        change: &PropertyNotifyEvent,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if change.state != Property::DELETE {
            return Ok(());
        }
        let of_it = |paste: &&mut Paste| {
            paste.parts && paste.requestor == change.window && paste.property == change.atom
        };
        let Some(paste) = self.pastes.iter_mut().find(of_it) else {
            return Ok(());
        };
        paste.ready = true;
        paste.deadline = Instant::now() + STALLED;
        let request = paste.request;
        self.go_on(conn, request, tell)
    }

    pub(super) fn requestor_gone(&mut self, window: Window, tell: &Tell) {
        self.pastes.retain(|paste| {
            let stays = paste.requestor != window;
            if !stays {
                tell(ClipEvent::Unwanted {
                    request: paste.request,
                });
            }
            stays
        });
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pastes.iter().map(|paste| paste.deadline).min()
    }

    pub(super) fn handle_timeout(
        &mut self,
        conn: &RustConnection,
        tell: &Tell,
        now: Instant,
    ) -> anyhow::Result<()> {
        while let Some(at) = self.pastes.iter().position(|paste| paste.deadline <= now) {
            let paste = self.pastes.swap_remove(at);
            tell(ClipEvent::Unwanted {
                request: paste.request,
            });
            if !paste.parts {
                refuse(conn, &paste)?;
            }
        }
        Ok(())
    }

    /// The display is gone with everybody who waited there.
    pub(super) fn give_up(&mut self, tell: &Tell) {
        for paste in self.pastes.drain(..) {
            tell(ClipEvent::Unwanted {
                request: paste.request,
            });
        }
    }

    fn fail_all(&mut self, conn: &RustConnection, tell: &Tell) -> anyhow::Result<()> {
        // One that has begun may end with what it began with.
        let (begun, waiting): (Vec<Paste>, Vec<Paste>) = self.pastes.drain(..).partition(|paste| paste.parts);
        self.pastes = begun;
        for paste in waiting {
            tell(ClipEvent::Unwanted {
                request: paste.request,
            });
            refuse(conn, &paste)?;
        }
        Ok(())
    }

    /// Writes what can be written.
    fn go_on(&mut self, conn: &RustConnection, request: RequestId, tell: &Tell) -> anyhow::Result<()> {
        let Some(at) = self.pastes.iter().position(|paste| paste.request == request) else {
            return Ok(());
        };
        let Some(paste) = self.pastes.get_mut(at) else {
            return Ok(());
        };
        if !paste.parts {
            if paste.ended {
                put(conn, paste, &paste.buffer)?;
                notify(conn, paste, paste.property)?;
                self.pastes.swap_remove(at);
            }
            return Ok(());
        }
        if !paste.ready || (paste.buffer.is_empty() && !paste.ended) {
            return Ok(());
        }
        let len = paste.buffer.len().min(PART);
        let part: Vec<u8> = paste.buffer.drain(..len).collect();
        put(conn, paste, &part)?;
        paste.ready = false;
        if part.is_empty() {
            // A part of nothing is the end.
            self.pastes.swap_remove(at);
        } else {
            tell(ClipEvent::Passed { request, len });
        }
        conn.flush()?;
        Ok(())
    }
}

fn put(conn: &RustConnection, paste: &Paste, data: &[u8]) -> anyhow::Result<()> {
    conn.change_property8(
        PropMode::REPLACE,
        paste.requestor,
        paste.property,
        paste.target,
        data,
    )?;
    Ok(())
}

fn refuse(conn: &RustConnection, paste: &Paste) -> anyhow::Result<()> {
    notify(conn, paste, x11rb::NONE)
}

fn notify(conn: &RustConnection, paste: &Paste, property: Atom) -> anyhow::Result<()> {
    send(
        conn,
        SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: paste.time,
            requestor: paste.requestor,
            selection: paste.selection,
            target: paste.target,
            property,
        },
    )
}

fn answer(conn: &RustConnection, asked: &SelectionRequestEvent, property: Atom) -> anyhow::Result<()> {
    send(
        conn,
        SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: asked.requestor,
            selection: asked.selection,
            target: asked.target,
            property,
        },
    )
}

fn send(conn: &RustConnection, event: SelectionNotifyEvent) -> anyhow::Result<()> {
    conn.send_event(false, event.requestor, EventMask::NO_EVENT, event)?;
    conn.flush()?;
    Ok(())
}
