//! Makes messages of exact pixels (`signaling_spec::channel::tiles` has their form).

use std::io::Write as _;

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use signaling_spec::channel::tiles::{CELL, EXACT, FORGET, NOTE, TILES};

use crate::screen::Picture;

/// What no encoder makes small enough is not tried.
const MOST_RAW: usize = 2_000_000;
const PALETTE: usize = 256;
/// Places of the table that finds a colour's index.
const SLOTS: usize = 1024;

/// What stands at a message's beginning.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub stamp: u32,
    pub size: (u32, u32),
    pub forget: bool,
    pub exact: bool,
}

impl Head {
    fn write(self, kind: u8, entries: usize, to: &mut Vec<u8>) {
        to.extend([kind, flags(self.forget, self.exact)]);
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

/// Sets a message's flags once they are known.
pub fn mark(message: &mut [u8], forget: bool, exact: bool) {
    if let Some(flags) = message.get_mut(1) {
        *flags = self::flags(forget, exact);
    }
}

/// A note of the cells whose tiles a frame replaces, which are in their order.
pub fn note(head: Head, cells: &[usize]) -> Vec<u8> {
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
    message
}

/// The cells of a picture as a message; nothing where it would be longer than `most`.
///
/// # Errors
/// A cell lies outside the picture.
pub fn tiles(
    picture: &Picture<'_>,
    cells: &[usize],
    columns: usize,
    head: Head,
    most: usize,
) -> anyhow::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    head.write(TILES, cells.len(), &mut message);
    let mut raw = Vec::new();
    let mut pixels = Vec::new();
    for cell in cells {
        gather(picture, *cell, columns, &mut pixels)?;
        message.extend(u16::try_from(*cell)?.to_be_bytes());
        write_cell(
            &pixels,
            cell_width(picture, *cell, columns)?,
            &mut message,
            &mut raw,
        );
        if raw.len() > MOST_RAW {
            return Ok(None);
        }
    }
    if !raw.is_empty() {
        let mut encoder = DeflateEncoder::new(message, Compression::fast());
        encoder.write_all(&raw)?;
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

fn write_cell(pixels: &[u32], width: usize, entry: &mut Vec<u8>, raw: &mut Vec<u8>) {
    let rgb = |colour: u32| {
        let [_, red, green, blue] = colour.to_be_bytes();
        [red, green, blue]
    };
    let first = pixels.first().copied().unwrap_or(0);
    if pixels.iter().all(|pixel| *pixel == first) {
        entry.push(0);
        entry.extend(rgb(first));
        return;
    }
    let start = raw.len();
    if let Some(colours) = index(pixels, raw) {
        entry.push(1);
        entry.push(u8::try_from(colours.len().saturating_sub(1)).unwrap_or(u8::MAX));
        entry.extend(colours.into_iter().flat_map(rgb));
        return;
    }
    raw.truncate(start);
    entry.push(2);
    for row in pixels.chunks(width.max(1)) {
        let mut before = [0; 3];
        for pixel in row {
            let now = rgb(*pixel);
            raw.extend(
                now.iter()
                    .zip(before)
                    .map(|(now, before)| now.wrapping_sub(before)),
            );
            before = now;
        }
    }
}

/// Writes each pixel's index, and returns the colours; nothing where there are too many.
fn index(pixels: &[u32], raw: &mut Vec<u8>) -> Option<Vec<u32>> {
    let mut table = [(u32::MAX, 0_u8); SLOTS];
    let mut colours: Vec<u32> = Vec::new();
    let mut last = (u32::MAX, 0_u8);
    for pixel in pixels {
        if *pixel != last.0 {
            let mut at = usize::try_from(pixel.wrapping_mul(0x9e37_79b1) >> 22).unwrap_or(0);
            loop {
                let slot = table.get_mut(at % SLOTS)?;
                if slot.0 == *pixel {
                    last = *slot;
                    break;
                }
                if slot.0 == u32::MAX {
                    if colours.len() == PALETTE {
                        return None;
                    }
                    *slot = (*pixel, u8::try_from(colours.len()).ok()?);
                    colours.push(*pixel);
                    last = *slot;
                    break;
                }
                at += 1;
            }
        }
        raw.push(last.1);
    }
    Some(colours)
}
