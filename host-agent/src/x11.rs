//! The X11 side: finding a display, and why one cannot be used, in words that say what to do.
//!
//! Only this file and `x11/` know the X protocol. `source.rs` looks, `sink.rs` types and points.

mod authority;
mod clipboard;
mod cursor;
mod density;
mod frame;
mod keymap;
mod keys;
mod leftover;
mod look;
mod monitors;
mod panic_key;
mod question;
mod resize;
mod rows;
mod sign;
mod sink;
mod source;

pub use clipboard::{FindTarget, X11Clipboard};
pub use sign::WatchSign;
pub use sink::XtestSink;
pub use source::X11Source;

use std::path::PathBuf;

use x11rb::connection::{Connection, RequestConnection as _};
use x11rb::cookie::VoidCookie;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, ImageOrder, Rectangle, Screen, Window,
};
use x11rb::protocol::{damage, xfixes};
use x11rb::reexports::x11rb_protocol::parse_display::parse_display;
use x11rb::rust_connection::{DefaultStream, RustConnection};

use crate::input::SinkError;
use crate::screen::SourceError;

/// Which display, and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As in `DISPLAY`.
    pub display: String,
    /// The file with the cookie; `None` looks where `XAUTHORITY` or the home directory say.
    pub xauthority: Option<PathBuf>,
    /// Whether this agent started the display, so that nobody else sits in front of it: keys found down
    /// are let go, and the size it had is nobody's to come back to.
    pub ours: bool,
}

/// Why a display could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("no X server answers at display `{0}`; start one, or name another display")]
    Absent(String, #[source] anyhow::Error),
    #[error(
        "the X server at display `{display}` does not let this process in ({reason}); run as the user whose \
         session it is, or set XAUTHORITY to that session's file"
    )]
    Unauthorised { display: String, reason: String },
    #[error("the X server at display `{display}` has no {extension} extension, which is needed to {purpose}")]
    Extension {
        display: String,
        extension: &'static str,
        purpose: &'static str,
    },
    #[error("display `{display}` has {found}; only true colour with 32 bits a pixel can be captured")]
    Format { display: String, found: String },
}

impl From<OpenError> for SourceError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Absent(..) => Self::Gone(error.into()),
            OpenError::Unauthorised { .. } | OpenError::Extension { .. } | OpenError::Format { .. } => {
                Self::Refused(error.to_string())
            }
        }
    }
}

impl From<OpenError> for SinkError {
    fn from(error: OpenError) -> Self {
        Self::Gone(error.into())
    }
}

impl Target {
    fn connect(&self) -> Result<(RustConnection, Screen), OpenError> {
        let absent = |error: anyhow::Error| OpenError::Absent(self.display.clone(), error);
        let (conn, number) = match &self.xauthority {
            None => RustConnection::connect(Some(&self.display)).map_err(|e| self.refusal(e))?,
            Some(path) => {
                let place = parse_display(Some(&self.display)).map_err(|e| absent(e.into()))?;
                let cookie = authority::cookie(path, place.display).map_err(|error| {
                    let reason = format!("{} cannot be read: {error}", path.display());
                    OpenError::Unauthorised {
                        display: self.display.clone(),
                        reason,
                    }
                })?;
                let mut stream = Err(std::io::ErrorKind::NotFound.into());
                for address in place.connect_instruction() {
                    stream = DefaultStream::connect(&address);
                    if stream.is_ok() {
                        break;
                    }
                }
                let (stream, _) = stream.map_err(|e| absent(e.into()))?;
                let number = usize::from(place.screen);
                let conn = RustConnection::connect_to_stream_with_auth_info(
                    stream,
                    number,
                    authority::NAME.to_vec(),
                    cookie,
                );
                (conn.map_err(|e| self.refusal(e))?, number)
            }
        };
        let screen = conn.setup().roots.get(number).cloned();
        let screen = screen.ok_or_else(|| absent(anyhow::anyhow!("it has no screen {number}")))?;
        Ok((conn, screen))
    }

    fn refusal(&self, error: ConnectError) -> OpenError {
        let reason = if let ConnectError::SetupFailed(failed) = &error {
            &failed.reason
        } else if let ConnectError::SetupAuthenticate(more) = &error {
            &more.reason
        } else {
            return OpenError::Absent(self.display.clone(), error.into());
        };
        let reason = String::from_utf8_lossy(reason)
            .trim_end_matches(['\0', '\n', ' ', '.'])
            .to_owned();
        OpenError::Unauthorised {
            display: self.display.clone(),
            reason,
        }
    }

    /// Whether the display is on this machine's own socket, the only way that carries descriptors.
    fn is_local(&self) -> bool {
        self.display.starts_with(':') || self.display.starts_with("unix") || self.display.starts_with('/')
    }

    /// Whether an X server lets us in here, for those who only want to know that.
    ///
    /// # Errors
    /// What stands in the way.
    pub fn check(&self) -> Result<(), OpenError> {
        let (conn, screen) = self.connect()?;
        self.check_capture(&conn, &screen)
    }

    /// Whether its screen can be captured.
    fn check_capture(&self, conn: &RustConnection, screen: &Screen) -> Result<(), OpenError> {
        let absent = |error: ConnectionError| OpenError::Absent(self.display.clone(), error.into());
        let purpose = "capture the screen";
        for extension in [damage::X11_EXTENSION_NAME, xfixes::X11_EXTENSION_NAME] {
            if conn.extension_information(extension).map_err(absent)?.is_none() {
                let display = self.display.clone();
                return Err(OpenError::Extension {
                    display,
                    extension,
                    purpose,
                });
            }
        }
        let setup = conn.setup();
        let depth = screen.root_depth;
        let bits = setup
            .pixmap_formats
            .iter()
            .find(|f| f.depth == depth)
            .map_or(0, |f| f.bits_per_pixel);
        let visuals = screen.allowed_depths.iter().flat_map(|depth| &depth.visuals);
        let red = visuals
            .filter(|v| v.visual_id == screen.root_visual)
            .map(|v| v.red_mask)
            .next();
        let found = if !matches!(depth, 24 | 32) || bits != 32 {
            format!("a colour depth of {depth} bits")
        } else if red != Some(0xff_0000) || setup.image_byte_order != ImageOrder::LSB_FIRST {
            "an unusual order of colours".to_owned()
        } else {
            return Ok(());
        };
        Err(OpenError::Format {
            display: self.display.clone(),
            found,
        })
    }

    /// Gives a bare display its size and a plain background instead of X's bitmap and cross-shaped pointer.
    ///
    /// # Errors
    /// The display is gone, or does not take that size.
    pub fn furnish(&self, width: u32, height: u32, rgb: u32) -> Result<(), SourceError> {
        let (conn, screen) = self.connect()?;
        resize::Resizer::new(screen.root, true).set(&conn, width, height)?;
        let (w, h) = (
            u16::try_from(width).unwrap_or(u16::MAX),
            u16::try_from(height).unwrap_or(u16::MAX),
        );
        paint(&conn, screen.root, rgb, w, h).map_err(|error| refused_or_gone("paint the background", error))
    }
}

fn paint(conn: &RustConnection, root: Window, rgb: u32, width: u16, height: u16) -> Result<(), ReplyError> {
    /// `left_ptr` in X's standard cursor font; the mask follows it.
    const ARROW: u16 = 68;
    let (font, cursor, gc) = (id(conn)?, id(conn)?, id(conn)?);
    conn.open_font(font, b"cursor")?.ignore_error();
    let white = u16::MAX;
    conn.create_glyph_cursor(cursor, font, font, ARROW, ARROW + 1, 0, 0, 0, white, white, white)?
        .ignore_error();
    let look = ChangeWindowAttributesAux::new().background_pixel(rgb);
    conn.change_window_attributes(root, &look)?.check()?;
    // An X server without its fonts still works; it only keeps its own pointer.
    conn.change_window_attributes(root, &ChangeWindowAttributesAux::new().cursor(cursor))?
        .ignore_error();
    conn.create_gc(gc, root, &CreateGCAux::new().foreground(rgb))?
        .check()?;
    conn.poly_fill_rectangle(
        root,
        gc,
        &[Rectangle {
            x: 0,
            y: 0,
            width,
            height,
        }],
    )?
    .check()?;
    conn.clear_area(false, root, 0, 0, 0, 0)?.check()
}

/// A fresh resource id.
fn id(conn: &RustConnection) -> Result<u32, ReplyError> {
    conn.generate_id().map_err(|error| match error {
        x11rb::errors::ReplyOrIdError::X11Error(error) => ReplyError::X11Error(error),
        x11rb::errors::ReplyOrIdError::ConnectionError(error) => ReplyError::ConnectionError(error),
        x11rb::errors::ReplyOrIdError::IdsExhausted => {
            ReplyError::ConnectionError(ConnectionError::UnknownError)
        }
    })
}

/// Waits for the server's word on a request that has no reply.
fn done(cookie: Result<VoidCookie<'_, RustConnection>, ConnectionError>) -> Result<(), ReplyError> {
    cookie?.check()
}

fn gone(error: ConnectionError) -> SourceError {
    SourceError::Gone(error.into())
}

/// An X error concerns one request; a connection error concerns everything.
fn refused_or_gone(what: &str, error: ReplyError) -> SourceError {
    match error {
        ReplyError::ConnectionError(error) => gone(error),
        ReplyError::X11Error(error) => {
            SourceError::Refused(format!("the X server would not {what}: {:?}", error.error_kind))
        }
    }
}
