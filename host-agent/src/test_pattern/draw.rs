//! Drawing the test pattern: everything is rectangles.

use std::ops::Range;

use super::{BLOCK, stamp};

/// Digits and signs as three columns by five rows, the top row in the highest bits.
const FONT: [(u8, u16); 12] = [
    (b'0', 0b111_101_101_101_111),
    (b'1', 0b010_110_010_010_111),
    (b'2', 0b111_001_111_100_111),
    (b'3', 0b111_001_111_001_111),
    (b'4', 0b101_101_111_001_001),
    (b'5', 0b111_100_111_001_111),
    (b'6', 0b111_100_111_101_111),
    (b'7', 0b111_001_010_010_010),
    (b'8', 0b111_101_111_101_111),
    (b'9', 0b111_101_111_001_111),
    (b':', 0b000_010_000_010_000),
    (b'.', 0b000_000_000_000_010),
];
/// A dot of a digit, in pixels.
const DOT: u32 = 10;
/// Where the clock stands: below the strip.
const CLOCK_TOP: u32 = BLOCK + DOT;
const CLOCK_ROWS: u32 = 5 * DOT;
/// The sliding band.
const BAND_TOP: u32 = CLOCK_TOP + CLOCK_ROWS + DOT;
const BAND_ROWS: u32 = 32;
/// How far the band slides in a millisecond's quarter: one pixel.
const SLIDE: u64 = 4;

const BARS: [u32; 8] = [
    0xc0_c0c0, 0xc0_c000, 0x00_c0c0, 0x00_c000, 0xc0_00c0, 0xc0_0000, 0x00_00c0, 0x20_2020,
];

#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bgra: Vec<u8>,
}

impl Canvas {
    /// The parts that stand still.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let size = usize::try_from(u64::from(width) * u64::from(height) * 4).unwrap_or(0);
        let mut canvas = Self {
            width,
            height,
            bgra: vec![0; size],
        };
        let bars = (0u32..).zip(BARS);
        for (bar, rgb) in bars {
            canvas.fill(
                bar * width / 8..(bar + 1) * width / 8,
                BAND_TOP + BAND_ROWS..height,
                rgb,
            );
        }
        canvas
    }

    pub(super) fn stride(&self) -> usize {
        usize::try_from(self.width).unwrap_or(0) * 4
    }

    /// The parts that move, and the rows they lie in.
    pub(super) fn draw(&mut self, milliseconds: u64) -> Range<u32> {
        for (block, white) in (0u32..).zip(stamp(milliseconds)) {
            self.fill(
                block * BLOCK..(block + 1) * BLOCK,
                0..BLOCK,
                if white { 0xff_ffff } else { 0 },
            );
        }
        self.clock(milliseconds);
        self.fill(0..self.width, BAND_TOP..BAND_TOP + BAND_ROWS, 0x30_3030);
        let at = u32::try_from(milliseconds / SLIDE % u64::from(self.width)).unwrap_or(0);
        self.fill(
            at..(at + 2 * BLOCK).min(self.width),
            BAND_TOP..BAND_TOP + BAND_ROWS,
            0xff_a000,
        );
        0..BAND_TOP + BAND_ROWS
    }

    /// `HH:MM:SS.mmm` in UTC.
    fn clock(&mut self, milliseconds: u64) {
        let seconds = milliseconds / 1000;
        let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let text = format!("{h:02}:{m:02}:{s:02}.{:03}", milliseconds % 1000);
        self.fill(0..self.width, CLOCK_TOP..CLOCK_TOP + CLOCK_ROWS, 0);
        for (place, sign) in (0u32..).zip(text.bytes()) {
            let Some((_, dots)) = FONT.iter().find(|(known, _)| *known == sign) else {
                continue;
            };
            for dot in (0..15u32).filter(|dot| dots >> (14 - dot) & 1 == 1) {
                let x = (place * 4 + 1 + dot % 3) * DOT;
                let y = CLOCK_TOP + dot / 3 * DOT;
                self.fill(x..x + DOT, y..y + DOT, 0xff_ffff);
            }
        }
    }

    fn fill(&mut self, columns: Range<u32>, rows: Range<u32>, rgb: u32) {
        let [_, red, green, blue] = rgb.to_be_bytes();
        let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let (stride, from, to) = (self.stride(), index(columns.start) * 4, index(columns.end) * 4);
        let rows = self
            .bgra
            .chunks_exact_mut(stride)
            .take(index(rows.end))
            .skip(index(rows.start));
        for row in rows {
            for pixel in row[from..to].as_chunks_mut().0 {
                *pixel = [blue, green, red, 255];
            }
        }
    }
}
