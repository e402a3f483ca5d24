//! Which rows to fetch: the damaged rectangles as a few bands over the whole width.
//!
//! Whole rows lie in the picture just as the server sends them, so nothing has to be copied into place, and
//! the columns fetched too much cost less than that copy would.

use std::ops::Range;

use x11rb::protocol::xproto::Rectangle;

/// Bands nearer than this are one: a request costs about as much as so many rows.
const NEAR: u32 = 32;

/// The one band of the whole screen.
pub(super) fn all(height: u32) -> Vec<Range<u32>> {
    std::iter::once(0..height).collect()
}

/// Disjoint bands from top to bottom that cover the rectangles, inside a screen of that height.
pub(super) fn bands(damaged: &[Rectangle], height: u32) -> Vec<Range<u32>> {
    let clamp = |y: i32| u32::try_from(y).unwrap_or(0).min(height);
    let mut rows: Vec<Range<u32>> = damaged
        .iter()
        .map(|r| clamp(r.y.into())..clamp(i32::from(r.y) + i32::from(r.height)))
        .filter(|rows| !rows.is_empty())
        .collect();
    rows.sort_unstable_by_key(|rows| rows.start);
    let mut bands: Vec<Range<u32>> = Vec::new();
    for rows in rows {
        match bands.last_mut() {
            Some(last) if rows.start <= last.end + NEAR => last.end = last.end.max(rows.end),
            _ => bands.push(rows),
        }
    }
    bands
}

/// A rectangle of the root window as left, top, width, height; what lies left of it or above is cut off.
pub(super) fn inside(r: &Rectangle) -> Option<[u32; 4]> {
    let span = |start: i16, length: u16| {
        let end = u32::try_from(i32::from(start) + i32::from(length)).ok()?;
        let start = u32::try_from(start).unwrap_or(0);
        Some((start, end.checked_sub(start).filter(|length| *length > 0)?))
    };
    let ((x, width), (y, height)) = (span(r.x, r.width)?, span(r.y, r.height)?);
    Some([x, y, width, height])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_join_clamp_and_keep_apart() {
        let at = |y, height| Rectangle {
            x: 5,
            y,
            width: 9,
            height,
        };
        let damaged = [at(700, 100), at(-10, 15), at(30, 10), at(200, 3), at(900, 20)];
        assert_eq!(bands(&damaged, 720), [0..40, 200..203, 700..720]);
        assert_eq!(bands(&[], 720), Vec::<Range<u32>>::new());
    }
}
