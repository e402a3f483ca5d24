//! A screen that needs no display: colour bars, a sliding band, a clock, and a time that machines can read.
//!
//! The machine's clock is the top left strip of 20 blocks of 32×32 pixels, white for 1:
//! ```text
//! block   0  1  2…17                            18                   19
//! bit     1  0  milliseconds mod 65536, high    parity: makes the    1
//!               bit first                       count of 2…18 even
//! ```
//! The milliseconds are those of the wall clock, so that two machines with equal clocks can measure a delay.

mod draw;

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session_core::sizing::Wish;

use crate::screen::{CursorShape, Picture, Source, SourceError, SourceEvent};
use draw::Canvas;

/// Blocks of the strip.
pub const BLOCKS: usize = 20;
/// The side of a block in pixels.
pub const BLOCK: u32 = 32;
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// The strip and the clock's digits must fit.
const LEAST: (u32, u32) = (640, 160);
const MOST: u32 = 8192;

/// The strip for that time.
pub fn stamp(milliseconds: u64) -> [bool; BLOCKS] {
    let mut blocks = [false; BLOCKS];
    (blocks[0], blocks[19]) = (true, true);
    for bit in 0..16 {
        blocks[17 - bit] = milliseconds >> bit & 1 == 1;
    }
    blocks[18] = blocks[2..18].iter().filter(|bit| **bit).count() % 2 == 1;
    blocks
}

/// The milliseconds mod 65536 that a strip says; `None` when it is no whole strip.
pub fn read_stamp(blocks: [bool; BLOCKS]) -> Option<u16> {
    let even = blocks[2..19].iter().filter(|bit| **bit).count().is_multiple_of(2);
    let bits = |all: &[bool]| all.iter().fold(0u16, |sum, bit| sum << 1 | u16::from(*bit));
    (blocks[0] && !blocks[1] && blocks[19] && even).then(|| bits(&blocks[2..18]))
}

/// A source that draws its own picture 60 times a second.
#[derive(Debug)]
pub struct TestPattern {
    canvas: Canvas,
    next: Instant,
    /// Not said yet: the size, the pointer's shape.
    resized: bool,
    cursor: bool,
    /// The rows that the next grab must report although they did not move.
    fresh: bool,
}

impl TestPattern {
    /// # Errors
    /// A size that is odd, too small for the clocks, or beyond reason.
    pub fn new(width: u32, height: u32) -> Result<Self, SourceError> {
        check(width, height)?;
        let canvas = Canvas::new(width, height);
        Ok(Self {
            canvas,
            next: Instant::now(),
            resized: false,
            cursor: true,
            fresh: true,
        })
    }
}

fn check(width: u32, height: u32) -> Result<(), SourceError> {
    let fits = (LEAST.0..=MOST).contains(&width) && (LEAST.1..=MOST).contains(&height);
    if fits && width.is_multiple_of(2) && height.is_multiple_of(2) {
        return Ok(());
    }
    Err(SourceError::Refused(format!(
        "the test pattern cannot be {width}x{height}"
    )))
}

impl Source for TestPattern {
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn pump(&mut self, events: &mut Vec<SourceEvent>) -> Result<(), SourceError> {
        if std::mem::take(&mut self.resized) {
            let (width, height) = self.size();
            events.push(SourceEvent::Resized { width, height });
        }
        if std::mem::take(&mut self.cursor) {
            events.push(SourceEvent::Cursor(arrow()));
        }
        let now = Instant::now();
        if now >= self.next {
            events.push(SourceEvent::Damaged);
            // A late frame is not made up for by a burst.
            self.next = (self.next + FRAME).max(now);
        }
        Ok(())
    }

    fn next_at(&self) -> Option<Instant> {
        Some(self.next)
    }

    fn grab(&mut self) -> Result<Picture<'_>, SourceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let moved: Range<u32> = self.canvas.draw(milliseconds);
        let (width, height) = self.size();
        let dirty = if std::mem::take(&mut self.fresh) {
            0..height
        } else {
            moved
        };
        Ok(Picture {
            bgra: &self.canvas.bgra,
            stride: self.canvas.stride(),
            width,
            height,
            damaged: vec![[0, dirty.start, width, dirty.end - dirty.start]],
            dirty,
        })
    }

    fn size(&self) -> (u32, u32) {
        (self.canvas.width, self.canvas.height)
    }

    fn resizable(&self) -> bool {
        true
    }

    fn resize(&mut self, wish: Wish) -> Result<(), SourceError> {
        let Wish { width, height, .. } = wish;
        check(width, height)?;
        if (width, height) != self.size() {
            self.canvas = Canvas::new(width, height);
            (self.resized, self.fresh) = (true, true);
        }
        Ok(())
    }

    fn restore(&mut self) {}

    fn describe(&self) -> String {
        let (width, height) = self.size();
        format!("test pattern, {width}x{height}, 60 Hz")
    }
}

/// A white triangle, enough to see where the pointer is.
fn arrow() -> CursorShape {
    const SIDE: u32 = 16;
    let pixel = |at| if at % SIDE <= at / SIDE { [255; 4] } else { [0; 4] };
    let rgba = (0..SIDE * SIDE).flat_map(pixel).collect();
    CursorShape {
        width: SIDE,
        height: SIDE,
        hot_x: 0,
        hot_y: 0,
        rgba,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_can_be_read_out_of_the_picture() {
        let mut source = TestPattern::new(1280, 720).unwrap();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let picture = source.grab().unwrap();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let middle = |block: usize| picture.bgra[16 * picture.stride + (block * 32 + 16) * 4] > 127;
        let read = u128::from(read_stamp(std::array::from_fn(middle)).unwrap());
        assert!((before..=after).any(|now| now % 65_536 == read));
    }

    #[test]
    fn a_single_wrong_block_is_noticed() {
        for wrong in 0..BLOCKS {
            let mut blocks = stamp(0xA5C3);
            assert_eq!(read_stamp(blocks), Some(0xA5C3));
            blocks[wrong] = !blocks[wrong];
            assert_eq!(read_stamp(blocks), None);
        }
    }

    #[test]
    fn a_resize_is_told_and_shown() {
        let mut source = TestPattern::new(1280, 720).unwrap();
        source.grab().unwrap();
        assert!(source.grab().unwrap().dirty.end < 720);
        let wish = |width| Wish {
            width,
            height: 600,
            density: 100,
        };
        source.resize(wish(800)).unwrap();
        assert!(source.resize(wish(801)).is_err());
        let mut events = Vec::new();
        source.pump(&mut events).unwrap();
        assert!(events.contains(&SourceEvent::Resized {
            width: 800,
            height: 600
        }));
        assert_eq!(source.grab().unwrap().dirty, 0..600);
    }
}
