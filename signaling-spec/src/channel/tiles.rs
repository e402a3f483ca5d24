//! Binary messages on the channel `tiles`: exact pixels that the viewer paints over the video. Numbers are big-endian.
//!
//! From the host, both kinds begin alike:
//!
//! | bytes | |
//! |---|---|
//! | 1 | kind: 1 tiles, 2 note |
//! | 1 | flags: 1 forget all tiles first, 2 exact once this is painted |
//! | 4 | stamp: RTP time (90 kHz, as the video's) at which the host had the screen so |
//! | 2, 2 | width and height of the screen in pixels |
//! | 2 | how many entries follow |
//!
//! The screen is a grid of cells of [`CELL`] pixels on a side, numbered row by row; the last ones of a row or column may
//! be smaller. An entry of **tiles** is a cell's number (2 bytes) and its form (1 byte): 0, and red, green, blue, for one
//! colour; 1, and the number of colours less one (1 byte) and the colours, for a palette; 2 for full colour. Behind all
//! entries comes a raw DEFLATE stream (RFC 1951) of the cells' pixels in the same order: an index a pixel for a palette;
//! for full colour three bytes a pixel, each less the one to its left (modulo 256, the first of a row as it is).
//!
//! A **note** is said before the video frame that has this RTP timestamp: an entry is a first cell (2 bytes) and how many
//! (2 bytes) whose tiles that frame replaces. A viewer that shows a frame newer than the newest stamp it heard of hides
//! its tiles until it hears of it.
//!
//! From the viewer: kind 1 and a stamp (4 bytes), all up to which is painted; the first says that it takes tiles. Kind 2
//! alone: it takes none from now on.

/// Pixels on a side of a cell.
pub const CELL: u32 = 64;
pub const TILES: u8 = 1;
pub const NOTE: u8 = 2;
pub const FORGET: u8 = 1;
pub const EXACT: u8 = 2;

/// What a viewer says on `tiles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromViewer {
    /// It takes tiles, and has painted all up to that stamp.
    Seen(u32),
    /// It takes no tiles from now on.
    Off,
}

impl FromViewer {
    /// Nothing where it is none of them.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [1, stamp @ ..] => Some(Self::Seen(u32::from_be_bytes(stamp.try_into().ok()?))),
            [2] => Some(Self::Off),
            _ => None,
        }
    }
}
