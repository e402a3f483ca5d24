//! Binary messages on the channel `tiles`: exact pixels that the viewer paints over the video. Numbers are big-endian.
//!
//! From the host, both kinds begin alike:
//!
//! | bytes | |
//! |---|---|
//! | 1 | kind: 1 tiles, 2 note |
//! | 1 | flags: 1 forget all tiles first, and whatever has a lower number; 2 exact once all up to this is painted |
//! | 4 | number: messages to this viewer are counted, and may come in any order and more than once |
//! | 4 | stamp: RTP time (90 kHz, as the video's) at which the host had the screen so |
//! | 2, 2 | width and height of the screen in pixels |
//! | 2 | how many entries follow |
//!
//! The screen is a grid of cells of [`CELL`] pixels on a side, numbered row by row; the last ones of a row or column may
//! be smaller. An entry of **tiles** is a cell's number (2 bytes) and its form (1 byte): 0, and red, green, blue, for one
//! colour; 1 for few colours; 2 for many. Behind all entries comes a raw DEFLATE stream (RFC 1951), if a cell needs it:
//! how many colours there are (2 bytes), the colours, for each pixel of the cells of form 1 the low byte of its colour's
//! number, then for each of them the high byte if there are more than 256 colours; then three bytes for each pixel of
//! the cells of form 2, each less the one of the pixel to its left (modulo 256, the first of a row as it is).
//!
//! A **note** is said before the video frame that has this RTP timestamp: an entry is a first cell (2 bytes) and how many
//! (2 bytes) whose tiles of a lower number that frame replaces. A viewer that shows a frame newer than the newest stamp
//! up to which it has every message hides its tiles until it has them. A tile's own stamp speaks of the frames before it.
//! A note with flag 4 ends with the stamp (4 bytes) of an earlier frame that shows the same screen, less sharply: as soon as
//! the viewer has the note it takes the newer frame for that earlier one.
//!
//! From the viewer: kind 1 and the number (4 bytes) of the last message up to which all are painted; the first, of 0, says
//! that it takes tiles. Kind 2 alone: it takes none from now on. Kind 3 alone: it wants all tiles anew, because another of
//! its windows shows the picture, too; at most twice a second. Kind 4, an RTP timestamp
//! (4 bytes) and a time in milliseconds since 1970 by the viewer's clock (8 bytes, IEEE 754): that video frame arrived then. Kind 5 alone, first of
//! all: it will tell of frames.

/// Pixels on a side of a cell.
pub const CELL: u32 = 64;
pub const TILES: u8 = 1;
pub const NOTE: u8 = 2;
pub const FORGET: u8 = 1;
pub const EXACT: u8 = 2;
pub const SAME: u8 = 4;

/// What a viewer says on `tiles`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FromViewer {
    /// It takes tiles, and has painted all up to that number.
    Seen(u32),
    /// It takes no tiles from now on.
    Off,
    /// It wants all of them anew.
    Anew,
    /// The video frame of that RTP timestamp arrived at that time by its clock, in milliseconds.
    Frame { rtp: u32, at_ms: f64 },
    /// It will tell of frames.
    Promise,
}

impl FromViewer {
    /// Nothing where it is none of them.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [1, number @ ..] => Some(Self::Seen(u32::from_be_bytes(number.try_into().ok()?))),
            [2] => Some(Self::Off),
            [3] => Some(Self::Anew),
            [5] => Some(Self::Promise),
            [4, rest @ ..] => {
                let (rtp, at_ms) = rest.split_first_chunk()?;
                let at_ms = f64::from_be_bytes(at_ms.try_into().ok()?);
                let rtp = u32::from_be_bytes(*rtp);
                at_ms.is_finite().then_some(Self::Frame { rtp, at_ms })
            }
            _ => None,
        }
    }
}
