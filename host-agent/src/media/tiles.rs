//! Makes messages of exact pixels (`signaling_spec::channel::tiles` has their form).

use std::io::Write as _;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use signaling_spec::channel::tiles::{CELL, EXACT, FORGET, NOTE, SAME, TILES};

use crate::screen::Picture;

/// What no encoder makes small enough is not tried.
const MOST_RAW: usize = 2_000_000;
/// A cell with more new colours than this is a picture, and not drawn.
const MOST_COLOURS: usize = 1024;
/// A cell with more colours than this in four rows is busy.
const BUSY: u32 = 160;
/// How hard DEFLATE tries: what is soon made, and what is a tenth shorter.
const LEVELS: [u32; 2] = [3, 6];
/// Where a path carries less, a shorter message arrives sooner although it is made later.
const NARROW_BPS: u64 = 7_000_000;

/// What stands at a message's beginning.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub number: u32,
    pub stamp: u32,
    pub size: (u32, u32),
    pub forget: bool,
    pub exact: bool,
}

impl Head {
    fn write(self, kind: u8, entries: usize, to: &mut Vec<u8>) {
        to.extend([kind, flags(self.forget, self.exact)]);
        to.extend(self.number.to_be_bytes());
        to.extend(self.stamp.to_be_bytes());
        for number in [
            self.size.0,
            self.size.1,
            u32::try_from(entries).unwrap_or(u32::MAX),
        ] {
            to.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
}

fn flags(forget: bool, exact: bool) -> u8 {
    (if forget { FORGET } else { 0 }) | (if exact { EXACT } else { 0 })
}

/// Sets a message's number and flags once they are known.
pub fn mark(message: &mut [u8], number: u32, forget: bool, exact: bool) {
    if let Some(to) = message.get_mut(2..6) {
        to.copy_from_slice(&number.to_be_bytes());
    }
    if let Some(flags) = message.get_mut(1) {
        *flags = self::flags(forget, exact);
    }
}

/// A note of the cells whose tiles a frame replaces, which are in their order. `same`: the stamp of an earlier frame of the
/// same screen.
pub fn note(head: Head, cells: &[usize], same: Option<u32>) -> Vec<u8> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for cell in cells {
        match runs.last_mut() {
            Some((first, length)) if *first + *length == *cell => *length += 1,
            _ => runs.push((*cell, 1)),
        }
    }
    let mut message = Vec::new();
    head.write(NOTE, runs.len(), &mut message);
    for number in runs.into_iter().flat_map(|(first, length)| [first, length]) {
        message.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
    }
    if let (Some(same), Some(flags)) = (same, message.get_mut(1)) {
        *flags |= SAME;
        message.extend(same.to_be_bytes());
    }
    message
}

/// The cells of a picture as a message, for a path that carries `bps` bits a second; nothing where it would be longer than `most`.
///
/// # Errors
/// A cell lies outside the picture.
pub fn tiles(
    picture: &Picture<'_>,
    cells: &[usize],
    columns: usize,
    head: Head,
    most: usize,
    bps: u64,
) -> anyhow::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    head.write(TILES, cells.len(), &mut message);
    let mut palette = Palette::new(cells.len());
    let mut full = Vec::new();
    let mut pixels = Vec::new();
    for cell in cells {
        gather(picture, *cell, columns, &mut pixels)?;
        message.extend(u16::try_from(*cell)?.to_be_bytes());
        let first = pixels.first().copied().unwrap_or(0);
        if pixels.iter().all(|pixel| *pixel == first) {
            message.push(0);
            message.extend(rgb(first));
        } else if palette.take(&pixels) {
            message.push(1);
        } else {
            message.push(2);
            differences(&pixels, cell_width(picture, *cell, columns)?, &mut full);
        }
        if full.len() > MOST_RAW {
            return Ok(None);
        }
    }
    if !palette.low.is_empty() || !full.is_empty() {
        let mut encoder =
            DeflateEncoder::new(message, Compression::new(LEVELS[usize::from(bps < NARROW_BPS)]));
        encoder.write_all(&u16::try_from(palette.colours.len())?.to_be_bytes())?;
        for colour in &palette.colours {
            encoder.write_all(&rgb(*colour))?;
        }
        encoder.write_all(&palette.low)?;
        if palette.colours.len() > usize::from(u8::MAX) + 1 {
            encoder.write_all(&palette.high)?;
        }
        encoder.write_all(&full)?;
        message = encoder.finish()?;
    }
    Ok((message.len() <= most).then_some(message))
}

fn origin(cell: usize, columns: usize) -> Option<(usize, usize)> {
    let side = usize::try_from(CELL).ok()?;
    Some((
        cell.checked_rem(columns)? * side,
        cell.checked_div(columns)? * side,
    ))
}

fn cell_width(picture: &Picture<'_>, cell: usize, columns: usize) -> anyhow::Result<usize> {
    let (x, _) = origin(cell, columns).context("the screen has no cells")?;
    let left = usize::try_from(picture.width)?
        .checked_sub(x)
        .context("a cell lies outside the screen")?;
    Ok(left.min(usize::try_from(CELL)?))
}

/// A cell's pixels as 0xRRGGBB, row by row.
fn gather(picture: &Picture<'_>, cell: usize, columns: usize, to: &mut Vec<u32>) -> anyhow::Result<()> {
    to.clear();
    let (x, y) = origin(cell, columns).context("the screen has no cells")?;
    let width = cell_width(picture, cell, columns)?;
    let bottom = (y + usize::try_from(CELL)?).min(usize::try_from(picture.height)?);
    for row in y..bottom {
        let at = row * picture.stride + 4 * x;
        let row = picture
            .bgra
            .get(at..at + 4 * width)
            .context("a cell lies outside the screen")?;
        let (pixels, _) = row.as_chunks::<4>();
        to.extend(
            pixels
                .iter()
                .map(|pixel| u32::from_le_bytes(*pixel) & 0x00ff_ffff),
        );
    }
    Ok(())
}

fn rgb(colour: u32) -> [u8; 3] {
    let [_, red, green, blue] = colour.to_be_bytes();
    [red, green, blue]
}

/// Whether a cell is a picture of many colours, going by four of its rows: it takes many bytes.
pub fn is_busy(picture: &Picture<'_>, cell: usize, columns: usize) -> bool {
    let Some((x, y)) = origin(cell, columns) else {
        return false;
    };
    let mut seen = [u32::MAX; 512];
    let mut colours = 0;
    for row in [8, 24, 40, 56] {
        let at = (y + row) * picture.stride + 4 * x;
        let end = ((y + row + 1) * picture.stride).min(at + 4 * CELL as usize);
        let pixels = picture.bgra.get(at..end).unwrap_or_default();
        for pixel in pixels.as_chunks::<4>().0 {
            let colour = u32::from_le_bytes(*pixel) & 0x00ff_ffff;
            let place = usize::try_from(colour.wrapping_mul(0x9e37_79b1) >> 23).unwrap_or(0);
            if let Some(before) = seen.get_mut(place).filter(|before| **before != colour) {
                *before = colour;
                colours += 1;
            }
        }
    }
    colours > BUSY
}

/// Each pixel less the one to its left.
fn differences(pixels: &[u32], width: usize, to: &mut Vec<u8>) {
    for row in pixels.chunks(width.max(1)) {
        let mut before = [0; 3];
        for pixel in row {
            let now = rgb(*pixel);
            to.extend(
                now.iter()
                    .zip(before)
                    .map(|(now, before)| now.wrapping_sub(before)),
            );
            before = now;
        }
    }
}

/// The colours of a message's cells, and each pixel's number among them in two bytes that stand apart.
struct Palette {
    /// Open addressing: a colour and its number; its size is a power of two.
    table: Vec<(u32, u16)>,
    colours: Vec<u32>,
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Palette {
    fn new(cells: usize) -> Self {
        let places = (cells * 2 * MOST_COLOURS)
            .clamp(1024, 1 << 17)
            .next_power_of_two();
        Self {
            table: vec![(u32::MAX, 0); places],
            colours: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
        }
    }

    /// Takes a cell, unless it has too many colours that are new.
    fn take(&mut self, pixels: &[u32]) -> bool {
        let (colours, before) = (self.colours.len(), self.low.len());
        let most = (colours + MOST_COLOURS).min(usize::from(u16::MAX));
        let mut last = (u32::MAX, 0_u16);
        for pixel in pixels {
            if *pixel != last.0 {
                let Some(number) = self.number(*pixel, most) else {
                    self.forget(colours, before);
                    return false;
                };
                last = (*pixel, number);
            }
            let [high, low] = last.1.to_be_bytes();
            self.low.push(low);
            self.high.push(high);
        }
        true
    }

    fn number(&mut self, colour: u32, most: usize) -> Option<u16> {
        let mask = self.table.len() - 1;
        let mut at = usize::try_from(colour.wrapping_mul(0x9e37_79b1) >> 12).unwrap_or(0);
        loop {
            let place = self.table.get_mut(at & mask)?;
            if place.0 == colour {
                return Some(place.1);
            }
            if place.0 == u32::MAX {
                if self.colours.len() >= most || self.colours.len() * 2 > mask {
                    return None;
                }
                *place = (colour, u16::try_from(self.colours.len()).ok()?);
                self.colours.push(colour);
                return Some(place.1);
            }
            at += 1;
        }
    }

    /// Undoes a cell. Its colours stay known where they are used again.
    fn forget(&mut self, colours: usize, before: usize) {
        self.low.truncate(before);
        self.high.truncate(before);
        self.colours.truncate(colours);
        // A gap would end the search for what was put behind it.
        let kept = std::mem::take(&mut self.colours);
        self.table.fill((u32::MAX, 0));
        for colour in kept {
            let _ = self.number(colour, usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_the_same_screen_ends_with_the_earlier_frame() {
        let head = Head {
            number: 1,
            stamp: 9,
            size: (640, 480),
            forget: false,
            exact: true,
        };
        let other = note(head, &[3, 4, 9], None);
        let same = note(head, &[3, 4, 9], Some(0x0102_0304));
        assert_eq!([other[1], same[1]], [EXACT, EXACT | SAME]);
        assert_eq!(other[16..], [0, 3, 0, 2, 0, 9, 0, 1]);
        assert_eq!(same[16..], [0, 3, 0, 2, 0, 9, 0, 1, 1, 2, 3, 4]);
    }
}
