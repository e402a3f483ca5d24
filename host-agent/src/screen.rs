//! Where pictures come from: one trait, its real back ends in `x11/` and `test_pattern.rs`.
//!
//! A source does no waiting of its own: the capture thread (`capture.rs`) polls its descriptor, pumps its
//! events and grabs when a picture is wanted, so that a still screen costs nothing.

use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use session_core::sizing::Wish;
use signaling_spec::channel::control::Monitor;

/// What a source noticed since the last pump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceEvent {
    /// Something on the screen changed; `grab` fetches it.
    Damaged,
    /// The screen has another size; the next picture has it too.
    Resized { width: u32, height: u32 },
    /// Its monitors lie otherwise, within the same size.
    Rearranged,
    /// It went dark, was locked, or is shown again.
    Condition(Condition),
    /// The pointer has this shape.
    Cursor(CursorShape),
    /// The pointer is hidden by an application.
    CursorHidden,
}

/// Whether a screen shows its desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    Shown,
    /// Dark, because nobody has used it for a while.
    Asleep,
    /// It shows what its locker shows.
    Locked,
}

/// A pointer shape: straight (not premultiplied) RGBA rows, top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorShape {
    pub width: u32,
    pub height: u32,
    /// INVARIANT: inside the image.
    pub hot_x: u32,
    pub hot_y: u32,
    /// INVARIANT: `4 * width * height` bytes.
    pub rgba: Vec<u8>,
}

impl CursorShape {
    /// The same with its hot spot and its sides on even pixels, by an edge that nobody sees: at two device pixels to a
    /// CSS pixel, browsers round both to whole CSS pixels, and the pointer would be off or blurred.
    #[must_use]
    pub fn even(&self) -> Self {
        let (left, top) = (self.hot_x % 2, self.hot_y % 2);
        let width = (self.width + left).next_multiple_of(2);
        let height = (self.height + top).next_multiple_of(2);
        let bytes = |pixels: u32| usize::try_from(4 * u64::from(pixels)).unwrap_or(usize::MAX);
        let mut rgba = vec![0; bytes(width) * usize::try_from(top).unwrap_or(0)];
        for row in self.rgba.chunks_exact(bytes(self.width).max(4)) {
            let end = rgba.len() + bytes(width);
            rgba.resize(rgba.len() + bytes(left), 0);
            rgba.extend_from_slice(row);
            rgba.resize(end, 0);
        }
        rgba.resize(
            bytes(width).saturating_mul(usize::try_from(height).unwrap_or(0)),
            0,
        );
        Self {
            width,
            height,
            hot_x: self.hot_x + left,
            hot_y: self.hot_y + top,
            rgba,
        }
    }

    /// The same with half as many pixels each way, at least one; what is seen through weighs less.
    #[must_use]
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let pixel = |x: u32, y: u32| -> Option<[u8; 4]> {
            let at = usize::try_from(4 * (u64::from(y) * u64::from(self.width) + u64::from(x))).ok()?;
            self.rgba.get(at..at + 4)?.try_into().ok()
        };
        let mut rgba = Vec::new();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let four = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(right, down)| (2 * x + right, 2 * y + down))
                .into_iter()
                .filter(|(x, y)| *x < self.width && *y < self.height)
                .filter_map(|(x, y)| pixel(x, y));
            let (mut colours, mut alphas, mut count) = ([0_u32; 3], 0_u32, 0_u32);
            for [red, green, blue, alpha] in four {
                let alpha = u32::from(alpha);
                for (sum, colour) in colours.iter_mut().zip([red, green, blue]) {
                    *sum += u32::from(colour) * alpha;
                }
                alphas += alpha;
                count += 1;
            }
            let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
            rgba.extend(colours.map(|sum| byte(sum.checked_div(alphas).unwrap_or(0))));
            rgba.push(byte(alphas.checked_div(count).unwrap_or(0)));
        }
        Self {
            width,
            height,
            hot_x: self.hot_x / 2,
            hot_y: self.hot_y / 2,
            rgba,
        }
    }
}

/// A view of the source's picture, valid until its next call.
#[derive(Debug)]
pub struct Picture<'a> {
    /// Rows of `stride` bytes, each pixel blue, green, red, unused.
    pub bgra: &'a [u8],
    pub stride: usize,
    pub width: u32,
    pub height: u32,
    /// Rows that may differ from the last grab's picture; all of them after a resize.
    pub dirty: Range<u32>,
    /// Rectangles that may differ, within those rows: left, top, width, height.
    pub damaged: Vec<[u32; 4]>,
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The display is not there (any more); try to open it again.
    #[error("the display is gone")]
    Gone(#[source] anyhow::Error),
    /// This one thing did not work; the source lives on.
    #[error("{0}")]
    Refused(String),
}

/// A screen that can be looked at. It is made on the capture thread and stays there.
pub trait Source {
    /// Becomes readable when `pump` has something to say; `None` for a source that only knows the time.
    fn fd(&self) -> Option<BorrowedFd<'_>>;
    /// Takes what has come in, without waiting. After this, `fd` may be polled.
    fn pump(&mut self, events: &mut Vec<SourceEvent>) -> Result<(), SourceError>;
    /// When to pump next even though `fd` is silent.
    fn next_at(&self) -> Option<Instant>;
    /// Brings the picture up to date and lends it.
    fn grab(&mut self) -> Result<Picture<'_>, SourceError>;
    fn size(&self) -> (u32, u32);
    /// Whether `resize` may be tried at all.
    fn resizable(&self) -> bool;
    /// Makes the screen that large (both even), and what is drawn on it fit that density where nobody else sees to
    /// that. A `Resized` event follows when it worked.
    fn resize(&mut self, wish: Wish) -> Result<(), SourceError>;
    /// Gives a screen that was resized its own size back, unless somebody has chosen another meanwhile.
    fn restore(&mut self);
    /// The monitors that make it up; none when one is the whole of it.
    fn monitors(&self) -> Vec<Monitor> {
        Vec::new()
    }
    /// One line for `doctor` and the statistics: what it is, and what it has to do without.
    fn describe(&self) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halved_shape_keeps_its_colours_and_its_hot_spot_inside() {
        let shape = CursorShape {
            width: 3,
            height: 1,
            hot_x: 2,
            hot_y: 0,
            rgba: vec![200, 0, 0, 255, 9, 9, 9, 0, 10, 20, 30, 128],
        };
        let half = shape.halved();
        assert_eq!((half.width, half.height, half.hot_x, half.hot_y), (2, 1, 1, 0));
        assert_eq!(half.rgba, [200, 0, 0, 127, 10, 20, 30, 128]);
        assert_eq!(half.halved().halved().rgba.len(), 4);
    }

    #[test]
    fn an_even_shape_has_the_same_pixels_around_the_same_spot() {
        let shape = CursorShape {
            width: 2,
            height: 2,
            hot_x: 1,
            hot_y: 1,
            rgba: (1..=16).collect(),
        };
        let even = shape.even();
        assert_eq!((even.width, even.height, even.hot_x, even.hot_y), (4, 4, 2, 2));
        let mut right = [0; 64];
        right[20..28].copy_from_slice(&shape.rgba[..8]);
        right[36..44].copy_from_slice(&shape.rgba[8..]);
        assert_eq!(even.rgba, right);
        assert_eq!(even.even(), even);
    }
}
