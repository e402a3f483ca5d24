//! Binary messages on the channels `input` and `motion`, viewer → host. Numbers are big-endian.
//!
//! ```text
//! input   01 key       flags:u8 modifiers:u8 code_len:u8 code text_len:u8 text     flags: 1 down, 2 repeat, 4 physical
//!         02 button    button:u8 down:u8 x:u16 y:u16
//!         03 wheel     dx:i16 dy:i16 x:u16 y:u16       one notch is 120; right and down are positive
//!         04 release   (everything that this viewer holds)
//!         05 text      len:u16 text                                                 UTF-8, no control characters but tab and newline
//! motion  10 move      seq:u16 x:u16 y:u16
//!         11 relative  seq:u16 lock:u8 total_x:i32 total_y:i32
//!         12 held      seq:u16 buttons:u8 modifiers:u8 count:u8 (code_len:u8 code)*
//! ```
//! Positions are 0…65535 of the picture, both ends included. A relative move carries the sum since the
//! pointer lock began, so a lost datagram loses nothing. `seq` counts per kind; an older one is dropped.
//!
//! A key asks for the sign in `text`, whichever key the host has it on; a physical one for the key in that
//! place, whatever it makes there. `text` alone comes from input methods and keyboards without keys.

use crate::limits::{MAX_CODE_BYTES, MAX_HELD_KEYS, MAX_INPUT_BYTES, MAX_KEY_TEXT_BYTES, MAX_TEXT_BYTES};

/// A position in the picture, 0…65535 from edge to edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub x: u16,
    pub y: u16,
}

impl Position {
    /// The pixel of a picture of that size; the last pixel is reachable.
    pub fn to_pixel(self, width: u32, height: u32) -> (u32, u32) {
        let scale = |v: u16, side: u32| {
            let last = u64::from(side.saturating_sub(1));
            u32::try_from((u64::from(v) * last + 32_767) / 65_535).unwrap_or(0)
        };
        (scale(self.x, width), scale(self.y, height))
    }
}

/// Which modifier keys are down and which locks are on, as the viewer's browser says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers(pub u8);

impl Modifiers {
    pub const SHIFT: u8 = 1;
    pub const CTRL: u8 = 2;
    pub const ALT: u8 = 4;
    pub const META: u8 = 8;
    pub const ALT_GRAPH: u8 = 16;
    pub const CAPS_LOCK: u8 = 32;
    pub const NUM_LOCK: u8 = 64;
}

/// A physical key by its `KeyboardEvent.code` (UI Events): ASCII letters and digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(String);

impl std::fmt::Debug for Code {
    /// Keystrokes never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

impl Code {
    /// # Errors
    /// Empty, too long, or other than ASCII letters and digits.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        if text.is_empty() || text.len() > MAX_CODE_BYTES || !text.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(InputError::Code);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message on `input`.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    Key {
        code: Code,
        down: bool,
        repeat: bool,
        /// The key in this place is meant, not the sign.
        physical: bool,
        modifiers: Modifiers,
        text: String,
    },
    Button {
        button: u8,
        down: bool,
        at: Position,
    },
    Wheel {
        dx: i16,
        dy: i16,
        at: Position,
    },
    Release,
    Text(String),
}

impl Input {
    /// Whether somebody pressed, turned or wrote something with it, and not only let go.
    pub fn presses(&self) -> bool {
        match self {
            Self::Key { down, .. } | Self::Button { down, .. } => *down,
            Self::Wheel { .. } | Self::Text(_) => true,
            Self::Release => false,
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key { .. } => "Key",
            Self::Button { .. } => "Button",
            Self::Wheel { .. } => "Wheel",
            Self::Release => "Release",
            Self::Text(_) => "Text",
        })
    }
}

/// A message on `motion`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Motion {
    Move {
        seq: u16,
        at: Position,
    },
    Relative {
        seq: u16,
        lock: u8,
        total_x: i32,
        total_y: i32,
    },
    Held {
        seq: u16,
        buttons: u8,
        modifiers: Modifiers,
        codes: Vec<Code>,
    },
}

/// Largest button number: 0 left, 1 middle, 2 right, 3 back, 4 forward (Pointer Events).
pub const MAX_BUTTON: u8 = 4;

/// Why a binary message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    #[error("message exceeds the limit of {MAX_INPUT_BYTES} bytes")]
    TooLong,
    #[error("message ends too early")]
    Short,
    #[error("message has bytes after its end")]
    Trailing,
    #[error("message type is unknown")]
    Unsupported,
    #[error("flag, button or count is out of range")]
    Range,
    #[error("code is not a physical key's name")]
    Code,
    #[error("text is empty, too long, not UTF-8 or has control characters")]
    Text,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, InputError> {
        if bytes.len() > MAX_INPUT_BYTES {
            Err(InputError::TooLong)
        } else {
            Ok(Self(bytes))
        }
    }
    fn take(&mut self, n: usize) -> Result<&'a [u8], InputError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(InputError::Short)?;
        self.0 = rest;
        Ok(head)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], InputError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| InputError::Short)
    }
    fn u8(&mut self) -> Result<u8, InputError> {
        Ok(self.array::<1>()?[0])
    }
    fn bool(&mut self) -> Result<bool, InputError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(InputError::Range),
        }
    }
    fn position(&mut self) -> Result<Position, InputError> {
        Ok(Position {
            x: u16::from_be_bytes(self.array()?),
            y: u16::from_be_bytes(self.array()?),
        })
    }
    fn code(&mut self) -> Result<Code, InputError> {
        let len = usize::from(self.u8()?);
        Code::parse(std::str::from_utf8(self.take(len)?).map_err(|_| InputError::Code)?)
    }
    fn end<T>(self, value: T) -> Result<T, InputError> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(InputError::Trailing)
        }
    }
}

impl Input {
    /// # Errors
    /// Whatever is not exactly one message of the table above.
    pub fn decode(bytes: &[u8]) -> Result<Self, InputError> {
        let mut r = Reader::new(bytes)?;
        let input = match r.u8()? {
            0x01 => {
                let flags = r.u8()?;
                // Bits 0 to 2, and no repeat without a press.
                if flags > 7 || flags & 3 == 2 {
                    return Err(InputError::Range);
                }
                let modifiers = Modifiers(r.u8()?);
                let code = r.code()?;
                let len = usize::from(r.u8()?);
                if len > MAX_KEY_TEXT_BYTES {
                    return Err(InputError::Text);
                }
                let text = std::str::from_utf8(r.take(len)?)
                    .map_err(|_| InputError::Text)?
                    .to_owned();
                Self::Key {
                    code,
                    down: flags & 1 != 0,
                    repeat: flags & 2 != 0,
                    physical: flags & 4 != 0,
                    modifiers,
                    text,
                }
            }
            0x02 => {
                let button = r.u8()?;
                if button > MAX_BUTTON {
                    return Err(InputError::Range);
                }
                Self::Button {
                    button,
                    down: r.bool()?,
                    at: r.position()?,
                }
            }
            0x03 => Self::Wheel {
                dx: i16::from_be_bytes(r.array()?),
                dy: i16::from_be_bytes(r.array()?),
                at: r.position()?,
            },
            0x04 => Self::Release,
            0x05 => {
                let len = usize::from(u16::from_be_bytes(r.array()?));
                if len == 0 || len > MAX_TEXT_BYTES {
                    return Err(InputError::Text);
                }
                let text = std::str::from_utf8(r.take(len)?).map_err(|_| InputError::Text)?;
                if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
                    return Err(InputError::Text);
                }
                Self::Text(text.to_owned())
            }
            _ => return Err(InputError::Unsupported),
        };
        r.end(input)
    }
}

impl Motion {
    /// # Errors
    /// Whatever is not exactly one message of the table above.
    pub fn decode(bytes: &[u8]) -> Result<Self, InputError> {
        let mut r = Reader::new(bytes)?;
        let motion = match r.u8()? {
            0x10 => Self::Move {
                seq: u16::from_be_bytes(r.array()?),
                at: r.position()?,
            },
            0x11 => Self::Relative {
                seq: u16::from_be_bytes(r.array()?),
                lock: r.u8()?,
                total_x: i32::from_be_bytes(r.array()?),
                total_y: i32::from_be_bytes(r.array()?),
            },
            0x12 => {
                let seq = u16::from_be_bytes(r.array()?);
                let buttons = r.u8()?;
                let modifiers = Modifiers(r.u8()?);
                let count = usize::from(r.u8()?);
                if count > MAX_HELD_KEYS || buttons >> (MAX_BUTTON + 1) != 0 {
                    return Err(InputError::Range);
                }
                let codes = (0..count).map(|_| r.code()).collect::<Result<_, _>>()?;
                Self::Held {
                    seq,
                    buttons,
                    modifiers,
                    codes,
                }
            }
            _ => return Err(InputError::Unsupported),
        };
        r.end(motion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_reachable_and_exact() {
        let at = |x, y| Position { x, y }.to_pixel(1280, 1024);
        assert_eq!(at(0, 0), (0, 0));
        assert_eq!(at(65_535, 65_535), (1279, 1023));
        for pixel in 0..1280u32 {
            let wire = u16::try_from((pixel * 65_535 + 639) / 1279).unwrap();
            assert_eq!(Position { x: wire, y: 0 }.to_pixel(1280, 1024).0, pixel);
        }
    }

    #[test]
    fn keystrokes_stay_out_of_logs() {
        let key = Input::decode(b"\x01\x01\x00\x04KeyQ\x01q").unwrap();
        assert_eq!(format!("{key:?}"), "Key");
    }
}
