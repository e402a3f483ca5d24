//! Changing the size of an X screen by RandR.
//!
//! A screen that only exists in memory takes any size: a mode is made for it, put on its one output, and the
//! one before is deleted, so that nothing piles up. A physical screen gets its own mode back in the end.

use x11rb::CURRENT_TIME;
use x11rb::connection::RequestConnection as _;
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::{
    self, ConnectionExt as _, Crtc, GetCrtcInfoReply, GetScreenResourcesCurrentReply, Mode, ModeInfo, Output,
    Rotation, SetConfig,
};
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, PropMode, Window};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::{done, refused_or_gone};
use crate::screen::SourceError;

/// How the agent's modes are named, also those of an agent that died.
const PREFIX: &str = "removid-";

#[derive(Debug)]
pub(super) struct Resizer {
    root: Window,
    ours: bool,
    /// What a physical screen showed before the first change.
    before: Option<Shown>,
    /// The mode that we gave it.
    taken: Option<Mode>,
}

/// What the one active CRTC shows.
#[derive(Clone, Debug)]
struct Shown {
    crtc: Crtc,
    output: Output,
    mode: Mode,
    rotation: Rotation,
    pixels: (u16, u16),
    millimetres: (u32, u32),
}

impl Resizer {
    pub(super) fn new(root: Window, ours: bool) -> Self {
        Self {
            root,
            ours,
            before: None,
            taken: None,
        }
    }

    pub(super) fn possible(&self, conn: &RustConnection) -> bool {
        matches!(conn.extension_information(randr::X11_EXTENSION_NAME), Ok(Some(_)))
            && self
                .resources(conn)
                .and_then(|all| self.shown(conn, &all))
                .is_ok()
    }

    /// Makes the screen that large. Nothing happens when it already is.
    pub(super) fn set(&mut self, conn: &RustConnection, width: u32, height: u32) -> Result<(), SourceError> {
        if !matches!(conn.extension_information(randr::X11_EXTENSION_NAME), Ok(Some(_))) {
            return Err(SourceError::Refused(
                "the X server has no RANDR extension to resize its screen".into(),
            ));
        }
        let range = conn
            .randr_get_screen_size_range(self.root)
            .map_err(ReplyError::from)
            .and_then(|cookie| cookie.reply())
            .map_err(|error| refused_or_gone("tell its sizes", error))?;
        let wanted = |side: u32, least: u16, most: u16| {
            u16::try_from(side)
                .ok()
                .filter(|side| (least.max(1)..=most).contains(side))
        };
        let (Some(w), Some(h)) = (
            wanted(width, range.min_width, range.max_width),
            wanted(height, range.min_height, range.max_height),
        ) else {
            let (w, h) = (range.max_width, range.max_height);
            return Err(SourceError::Refused(format!(
                "the screen cannot be {width}x{height}; it can be at most {w}x{h}"
            )));
        };
        let all = self.resources(conn)?;
        let shown = self.shown(conn, &all)?;
        if shown.pixels == (w, h) {
            return Ok(());
        }
        let changed = self.change(conn, &all, &shown, w, h);
        if changed.map_err(|error| refused_or_gone("resize its screen", error))? != SetConfig::SUCCESS {
            return Err(SourceError::Refused(format!("the monitor does not take {w}x{h}")));
        }
        if !self.ours {
            self.before.get_or_insert(shown);
            self.taken = self
                .resources(conn)
                .and_then(|all| self.shown(conn, &all))
                .map(|shown| shown.mode)
                .ok();
            self.remember(conn);
        }
        Ok(())
    }

    /// Gives a physical screen back what it showed, unless somebody has given it another mode meanwhile.
    pub(super) fn restore(&mut self, conn: &RustConnection) {
        let taken = self.taken.take();
        let Some(before) = self.before.take().filter(|_| !self.ours) else {
            return;
        };
        self.forget(conn);
        let now = self.resources(conn).and_then(|all| self.shown(conn, &all));
        if now.is_ok_and(|now| Some(now.mode) != taken) {
            tracing::info!("Another size was chosen for the screen meanwhile; it keeps that");
            return;
        }
        let restored = self
            .apply(conn, &before)
            .and_then(|_| conn.randr_get_screen_resources_current(self.root)?.reply())
            .and_then(|all| self.delete_own_modes(conn, &all, before.output, before.mode));
        if let Err(error) = restored {
            tracing::warn!(?error, "Could not give the screen its own size back");
        }
    }

    /// What an agent that was killed has left behind is put right.
    pub(super) fn recover(&mut self, conn: &RustConnection) {
        if self.ours {
            return;
        }
        let found = note(conn).and_then(|note| {
            let value = conn
                .get_property(false, self.root, note, AtomEnum::CARDINAL, 0, 16)?
                .reply()?;
            Ok(value
                .value32()
                .map(Iterator::collect::<Vec<u32>>)
                .unwrap_or_default())
        });
        let Ok([taken, crtc, output, mode, rotation, width, height, wide, high]) = found.as_deref() else {
            return;
        };
        let side = |pixels: &u32| u16::try_from(*pixels).unwrap_or(u16::MAX);
        self.taken = Some(*taken);
        self.before = Some(Shown {
            crtc: *crtc,
            output: *output,
            mode: *mode,
            rotation: Rotation::from(side(rotation)),
            pixels: (side(width), side(height)),
            millimetres: (*wide, *high),
        });
        self.restore(conn);
    }

    /// Writes down on the display itself what it showed, for an agent that comes after one that was killed.
    fn remember(&self, conn: &RustConnection) {
        let (Some(before), Some(taken)) = (&self.before, self.taken) else {
            return;
        };
        let words = [
            taken,
            before.crtc,
            before.output,
            before.mode,
            u32::from(u16::from(before.rotation)),
            u32::from(before.pixels.0),
            u32::from(before.pixels.1),
            before.millimetres.0,
            before.millimetres.1,
        ];
        let kept = note(conn).and_then(|note| {
            done(conn.change_property32(PropMode::REPLACE, self.root, note, AtomEnum::CARDINAL, &words))
        });
        if let Err(error) = kept {
            tracing::warn!(?error, "Could not write down the screen's own size");
        }
    }

    fn forget(&self, conn: &RustConnection) {
        let gone = note(conn).and_then(|note| done(conn.delete_property(self.root, note)));
        if let Err(error) = gone {
            tracing::debug!(?error, "Could not take the note of the screen's size away");
        }
    }

    fn resources(&self, conn: &RustConnection) -> Result<GetScreenResourcesCurrentReply, SourceError> {
        conn.randr_get_screen_resources_current(self.root)
            .map_err(ReplyError::from)
            .and_then(|cookie| cookie.reply())
            .map_err(|error| refused_or_gone("tell its outputs", error))
    }

    fn shown(
        &self,
        conn: &RustConnection,
        all: &GetScreenResourcesCurrentReply,
    ) -> Result<Shown, SourceError> {
        let found = self
            .active(conn, all)
            .map_err(|error| refused_or_gone("tell its monitors", error))?;
        match &found[..] {
            [shown] => Ok(shown.clone()),
            [] => Err(SourceError::Refused(
                "the X server has no monitor that could be resized".into(),
            )),
            several => {
                let n = several.len();
                Err(SourceError::Refused(format!(
                    "{n} monitors share this screen; resizing is for one"
                )))
            }
        }
    }

    fn active(
        &self,
        conn: &RustConnection,
        all: &GetScreenResourcesCurrentReply,
    ) -> Result<Vec<Shown>, ReplyError> {
        let screen = conn.get_geometry(self.root)?.reply()?;
        let mut found = Vec::new();
        for &crtc in &all.crtcs {
            let info: GetCrtcInfoReply = conn.randr_get_crtc_info(crtc, all.config_timestamp)?.reply()?;
            let Some(&output) = info.outputs.first().filter(|_| info.mode != 0) else {
                continue;
            };
            let output_info = conn
                .randr_get_output_info(output, all.config_timestamp)?
                .reply()?;
            let sides = (u32::from(screen.width), u32::from(screen.height));
            let millimetres = match (output_info.mm_width, output_info.mm_height) {
                (0, _) | (_, 0) => (millimetres(sides.0), millimetres(sides.1)),
                known => known,
            };
            let (mode, rotation) = (info.mode, info.rotation);
            let pixels = (screen.width, screen.height);
            found.push(Shown {
                crtc,
                output,
                mode,
                rotation,
                pixels,
                millimetres,
            });
        }
        Ok(found)
    }

    fn change(
        &self,
        conn: &RustConnection,
        all: &GetScreenResourcesCurrentReply,
        shown: &Shown,
        width: u16,
        height: u16,
    ) -> Result<SetConfig, ReplyError> {
        let mode = self.mode(conn, all, shown.output, width, height)?;
        let millimetres = (millimetres(width.into()), millimetres(height.into()));
        let next = Shown {
            mode,
            rotation: Rotation::ROTATE0,
            pixels: (width, height),
            millimetres,
            ..shown.clone()
        };
        let result = self.apply(conn, &next);
        let keep = if matches!(result, Ok(SetConfig::SUCCESS)) {
            mode
        } else {
            let undone = self.apply(conn, shown);
            tracing::debug!(?result, ?undone, "Took a resize back");
            shown.mode
        };
        let all = conn.randr_get_screen_resources_current(self.root)?.reply()?;
        self.delete_own_modes(conn, &all, shown.output, keep)?;
        result
    }

    /// A mode of that size on the output: one it has, or a new one.
    fn mode(
        &self,
        conn: &RustConnection,
        all: &GetScreenResourcesCurrentReply,
        output: Output,
        width: u16,
        height: u16,
    ) -> Result<Mode, ReplyError> {
        let has = conn
            .randr_get_output_info(output, all.config_timestamp)?
            .reply()?
            .modes;
        let fits = |mode: &&ModeInfo| (mode.width, mode.height) == (width, height);
        if let Some(mode) = all.modes.iter().filter(fits).find(|mode| has.contains(&mode.id)) {
            return Ok(mode.id);
        }
        let name = format!("{PREFIX}{width}x{height}");
        // A name is taken for good, also by a mode that an agent made and died before using.
        let left = names(all)
            .find(|(_, n)| *n == name.as_bytes())
            .map(|(mode, _)| mode.id);
        let mode = match left {
            Some(mode) => mode,
            None => {
                conn.randr_create_mode(self.root, timing(width, height, &name), name.as_bytes())?
                    .reply()?
                    .mode
            }
        };
        done(conn.randr_add_output_mode(output, mode))?;
        Ok(mode)
    }

    /// Off, other size, on again, with nobody able to look in between.
    fn apply(&self, conn: &RustConnection, to: &Shown) -> Result<SetConfig, ReplyError> {
        done(conn.grab_server())?;
        let result = self.apply_grabbed(conn, to);
        done(conn.ungrab_server())?;
        result
    }

    fn apply_grabbed(&self, conn: &RustConnection, to: &Shown) -> Result<SetConfig, ReplyError> {
        let crtc = |mode, outputs: &[Output], rotation| -> Result<SetConfig, ReplyError> {
            let stamp = CURRENT_TIME;
            Ok(conn
                .randr_set_crtc_config(to.crtc, stamp, stamp, 0, 0, mode, rotation, outputs)?
                .reply()?
                .status)
        };
        crtc(0, &[], Rotation::ROTATE0)?;
        let ((width, height), (mm_width, mm_height)) = (to.pixels, to.millimetres);
        done(conn.randr_set_screen_size(self.root, width, height, mm_width, mm_height))?;
        crtc(to.mode, &[to.output], to.rotation)
    }

    fn delete_own_modes(
        &self,
        conn: &RustConnection,
        all: &GetScreenResourcesCurrentReply,
        output: Output,
        keep: Mode,
    ) -> Result<(), ReplyError> {
        for (mode, _) in
            names(all).filter(|(mode, name)| mode.id != keep && name.starts_with(PREFIX.as_bytes()))
        {
            conn.randr_delete_output_mode(output, mode.id)?.ignore_error();
            conn.randr_destroy_mode(mode.id)?.ignore_error();
        }
        // Waits until that is done.
        conn.get_input_focus()?.reply().map(|_| ())
    }
}

/// Where the root window says what the screen showed.
fn note(conn: &RustConnection) -> Result<Atom, ReplyError> {
    Ok(conn.intern_atom(false, b"_REMOVID_BEFORE")?.reply()?.atom)
}

/// The modes with their names, which come in one string.
fn names(all: &GetScreenResourcesCurrentReply) -> impl Iterator<Item = (&ModeInfo, &[u8])> {
    let mut rest = &all.names[..];
    all.modes
        .iter()
        .map_while(move |mode| Some((mode, rest.split_off(..usize::from(mode.name_len))?)))
}

/// A mode line with the short blanking that flat screens take, at 60 Hz.
fn timing(width: u16, height: u16, name: &str) -> ModeInfo {
    let (htotal, vtotal) = (width.saturating_add(160), height.saturating_add(32));
    ModeInfo {
        width,
        height,
        dot_clock: u32::from(htotal) * u32::from(vtotal) * 60,
        hsync_start: width.saturating_add(48),
        hsync_end: width.saturating_add(80),
        htotal,
        vsync_start: height.saturating_add(3),
        vsync_end: height.saturating_add(8),
        vtotal,
        name_len: u16::try_from(name.len()).unwrap_or(0),
        ..Default::default()
    }
}

/// The length at 96 dots an inch, so that applications draw text in its usual size.
fn millimetres(pixels: u32) -> u32 {
    (pixels * 254 + 480) / 960
}
