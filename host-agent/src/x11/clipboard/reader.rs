//! Reads what applications own: their list of forms, and clips in one property or by INCR (ICCCM §2.7.2).
//!
//! A part of a large clip is fetched when those before were passed on, so the owner waits for the viewer, not the
//! agent's memory. An owner that stops ends its own reading only.

use std::time::{Duration, Instant};

use signaling_spec::channel::bulk::Abort;
use signaling_spec::channel::clip::ClipFormat;
use x11rb::protocol::xproto::{
    Atom, ConnectionExt as _, GetPropertyType, Property, PropertyNotifyEvent, SelectionNotifyEvent, Window,
};
use x11rb::rust_connection::RustConnection;

use super::Atoms;
use crate::clipboard::{ClipEvent, RequestId, Tell};

/// Readings at the same time; more are refused.
const MOST: usize = 16;
/// Bytes that were read and not yet passed on, beyond which the next part waits.
const AHEAD: usize = 512 * 1024;
/// Bytes of one event.
const PIECE: usize = 256 * 1024;
/// How long an owner may say nothing.
const SILENT: Duration = Duration::from_secs(4);

#[derive(Debug)]
struct Reading {
    request: RequestId,
    format: ClipFormat,
    property: Atom,
    /// The names that are left to ask for: an owner may refuse one that it has named.
    names: Vec<Atom>,
    /// It is Latin-1.
    old: bool,
    parts: bool,
    /// A part is there, and is not fetched yet.
    ready: bool,
    read: u64,
    max: u64,
    ahead: usize,
    deadline: Instant,
    /// Nobody wants it any more; it is read to its end all the same, since many an owner serves one reader at a time.
    idle: bool,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub(super) struct Reader {
    targets: Vec<Atom>,
    targets_due: Option<Instant>,
    readings: Vec<Reading>,
    /// Properties that no reading uses now; an abandoned one is never used again, since its owner may still write.
    free: Vec<Atom>,
    made: u32,
}

impl Reader {
    pub(super) fn ask_targets(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
    ) -> anyhow::Result<()> {
        self.targets.clear();
        self.targets_due = Some(Instant::now() + SILENT);
        conn.convert_selection(
            window,
            atoms.CLIPBOARD,
            atoms.TARGETS,
            atoms.REMOVID_TARGETS,
            x11rb::CURRENT_TIME,
        )?;
        Ok(())
    }

    /// There is no owner.
    pub(super) fn nothing(&mut self) {
        self.targets.clear();
        self.targets_due = None;
    }

    /// The owner's list; `None` when it gives none.
    pub(super) fn targets(
        &mut self,
        conn: &RustConnection,
        window: Window,
        answer: &SelectionNotifyEvent,
    ) -> anyhow::Result<Option<Vec<Atom>>> {
        self.targets_due = None;
        if answer.property == x11rb::NONE {
            return Ok(None);
        }
        let reply = conn
            .get_property(true, window, answer.property, GetPropertyType::ANY, 0, 4_096)?
            .reply()?;
        self.targets = reply.value32().map(Iterator::collect).unwrap_or_default();
        Ok(Some(self.targets.clone()))
    }

    pub(super) fn read(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        (request, format, max): (RequestId, ClipFormat, u64),
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let mut names: Vec<Atom> = atoms
            .of(format)
            .into_iter()
            .chain((format == ClipFormat::Text).then_some(atoms.STRING))
            .filter(|name| self.targets.contains(name))
            .collect();
        names.reverse();
        if names.is_empty() || self.readings.len() >= MOST {
            let code = if names.is_empty() {
                Abort::Gone
            } else {
                Abort::Full
            };
            tell(ClipEvent::Failed { request, code });
            return Ok(());
        }
        let property = match self.free.pop() {
            Some(free) => free,
            None => {
                self.made += 1;
                let name = format!("REMOVID_CLIP_{}", self.made);
                conn.intern_atom(false, name.as_bytes())?.reply()?.atom
            }
        };
        self.readings.push(Reading {
            request,
            format,
            property,
            names,
            old: false,
            parts: false,
            ready: false,
            read: 0,
            max,
            ahead: 0,
            deadline: Instant::now() + SILENT,
            idle: false,
        });
        self.ask(conn, atoms, window, request, tell)
    }

    fn ask(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        request: RequestId,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let Some(reading) = self.readings.iter_mut().find(|it| it.request == request) else {
            return Ok(());
        };
        let Some(name) = reading.names.pop() else {
            self.end(request, Some(Abort::Gone), true, tell);
            return Ok(());
        };
        reading.old = name == atoms.STRING;
        conn.convert_selection(
            window,
            atoms.CLIPBOARD,
            name,
            reading.property,
            x11rb::CURRENT_TIME,
        )?;
        Ok(())
    }

    /// The owner has written the property, or refuses.
    pub(super) fn answer(
        &mut self,
        conn: &RustConnection,
        atoms: &Atoms,
        window: Window,
        answer: &SelectionNotifyEvent,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let of_it = |it: &&mut Reading| {
            // A refusal names no property; readings of one form are refused in their order.
            let same = answer.property == x11rb::NONE && !it.parts && {
                let old = it.old && answer.target == atoms.STRING;
                old || (!it.old && atoms.of(it.format).contains(&answer.target))
            };
            it.property == answer.property || same
        };
        let Some(reading) = self.readings.iter_mut().find(of_it) else {
            return Ok(());
        };
        let request = reading.request;
        if answer.property == x11rb::NONE {
            return self.ask(conn, atoms, window, request, tell);
        }
        reading.deadline = Instant::now() + SILENT;
        let kind = conn
            .get_property(false, window, reading.property, GetPropertyType::ANY, 0, 0)?
            .reply()?
            .type_;
        if kind == atoms.INCR {
            reading.parts = true;
            conn.delete_property(window, reading.property)?;
            return Ok(());
        }
        let left = self.fetch(conn, window, request, tell)?;
        if left {
            self.end(request, None, true, tell);
        }
        Ok(())
    }

    /// The owner wrote the next part.
    pub(super) fn changed(
        &mut self,
        conn: &RustConnection,
        window: Window,
        change: &PropertyNotifyEvent,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if change.state != Property::NEW_VALUE {
            return Ok(());
        }
        let of_it = |it: &&mut Reading| it.parts && it.property == change.atom;
        let Some(reading) = self.readings.iter_mut().find(of_it) else {
            return Ok(());
        };
        reading.ready = true;
        reading.deadline = Instant::now() + SILENT;
        let request = reading.request;
        self.go_on(conn, window, request, tell)
    }

    pub(super) fn taken(
        &mut self,
        conn: &RustConnection,
        window: Window,
        request: RequestId,
        len: usize,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if let Some(reading) = self.readings.iter_mut().find(|it| it.request == request) {
            reading.ahead = reading.ahead.saturating_sub(len);
            // The viewer was slow, not the owner.
            reading.deadline = Instant::now() + SILENT;
        }
        self.go_on(conn, window, request, tell)
    }

    pub(super) fn cancel(
        &mut self,
        conn: &RustConnection,
        window: Window,
        request: RequestId,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        if let Some(reading) = self.readings.iter_mut().find(|it| it.request == request) {
            reading.idle = true;
            reading.ahead = 0;
        }
        self.go_on(conn, window, request, tell)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waits = |it: &&Reading| it.ahead <= AHEAD || !it.ready;
        let readings = self.readings.iter().filter(waits).map(|it| it.deadline);
        readings.chain(self.targets_due).min()
    }

    pub(super) fn handle_timeout(&mut self, tell: &Tell, now: Instant) {
        if self.targets_due.is_some_and(|due| due <= now) {
            self.targets_due = None;
            // There is something, and nobody can have it.
            tell(ClipEvent::Changed {
                formats: session_core::clipboard::Formats::new(),
                other: true,
            });
        }
        let silent: Vec<RequestId> = self
            .readings
            .iter()
            .filter(|it| it.deadline <= now && (it.ahead <= AHEAD || !it.ready))
            .map(|it| it.request)
            .collect();
        for request in silent {
            self.end(request, Some(Abort::Silent), false, tell);
        }
    }

    pub(super) fn give_up(&mut self, tell: &Tell) {
        for reading in self.readings.drain(..).filter(|it| !it.idle) {
            tell(ClipEvent::Failed {
                request: reading.request,
                code: Abort::Gone,
            });
        }
    }

    fn go_on(
        &mut self,
        conn: &RustConnection,
        window: Window,
        request: RequestId,
        tell: &Tell,
    ) -> anyhow::Result<()> {
        let Some(reading) = self.readings.iter_mut().find(|it| it.request == request) else {
            return Ok(());
        };
        if !reading.ready || reading.ahead > AHEAD {
            return Ok(());
        }
        reading.ready = false;
        let before = reading.read;
        let whole = self.fetch(conn, window, request, tell)?;
        let after = self
            .readings
            .iter()
            .find(|it| it.request == request)
            .map(|it| it.read);
        // A part of nothing is the end.
        if whole && after == Some(before) {
            self.end(request, None, true, tell);
        }
        Ok(())
    }

    /// Takes the property's bytes and deletes it. Returns false when there is no such reading any more.
    fn fetch(
        &mut self,
        conn: &RustConnection,
        window: Window,
        request: RequestId,
        tell: &Tell,
    ) -> anyhow::Result<bool> {
        let mut offset = 0;
        loop {
            let Some(reading) = self.readings.iter_mut().find(|it| it.request == request) else {
                return Ok(false);
            };
            let words = u32::try_from(PIECE / 4).unwrap_or(u32::MAX);
            let reply = conn
                .get_property(
                    true,
                    window,
                    reading.property,
                    GetPropertyType::ANY,
                    offset,
                    words,
                )?
                .reply()?;
            let len = reply.value.len();
            reading.read += u64::try_from(len).unwrap_or(u64::MAX);
            if reading.read > reading.max && !reading.idle {
                reading.idle = true;
                let code = Abort::TooLarge;
                tell(ClipEvent::Failed { request, code });
            }
            let data = if reading.old {
                from_latin1(&reply.value)
            } else {
                reply.value
            };
            if !data.is_empty() && !reading.idle {
                reading.ahead += data.len();
                tell(ClipEvent::Data { request, data });
            }
            if reply.bytes_after == 0 {
                return Ok(true);
            }
            offset += words;
        }
    }

    /// `clean`: the owner is done with the property, so another reading may use it.
    fn end(&mut self, request: RequestId, code: Option<Abort>, clean: bool, tell: &Tell) {
        let Some(at) = self.readings.iter().position(|it| it.request == request) else {
            return;
        };
        let reading = self.readings.swap_remove(at);
        if clean {
            self.free.push(reading.property);
        }
        if !reading.idle {
            tell(match code {
                None => ClipEvent::End { request },
                Some(code) => ClipEvent::Failed { request, code },
            });
        }
    }
}

/// The old text type has one byte for each of the first 256 characters.
fn from_latin1(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .map(|byte| char::from(*byte))
        .collect::<String>()
        .into_bytes()
}
