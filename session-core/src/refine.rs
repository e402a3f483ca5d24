//! When a picture that does not change is encoded once more, to make it sharp.
//!
//! An encoder that holds a bitrate spends little on each frame, so a still picture is sent again until a frame has next
//! to nothing to add. But next to nothing may also mean that the encoder was short of bits: after a burst it skips
//! frames until the burst is paid for, even frames with changes in them, so small frames count only after that. And for
//! a while its quality swings, so that after a large change several small frames in a row are asked for.

use std::time::{Duration, Instant};

/// A picture is encoded again this often at most.
pub const MOST: u32 = 90;
/// The least time between two encodings of the same picture.
pub const EVERY: Duration = Duration::from_millis(33);
/// A frame of up to so many bytes had next to nothing to add.
pub const SMALL_BYTES: usize = 400;
/// After a frame of more bytes than this, so many small ones in a row are asked for.
const LARGE_BYTES: usize = 4_000;
const IN_A_ROW: u32 = 4;
/// A burst that takes longer to send than this makes an encoder skip frames.
const BURST: Duration = Duration::from_millis(25);
/// Encoders count their debt otherwise than we do.
const MARGIN: Duration = Duration::from_millis(5 * 33);

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refine {
    left: u32,
    /// When everything that was encoded would have been sent at the bitrate.
    paid_at: Option<Instant>,
    /// A small frame says nothing before this.
    doubt_until: Option<Instant>,
    /// A large frame came out since the picture was sharp.
    large: bool,
    /// Small frames in a row.
    small: u32,
    due: Option<Instant>,
}

impl Refine {
    /// A picture goes to the encoder; `afresh`: it is another than the one before, or is encoded
    /// from nothing.
    pub fn handle_submit(&mut self, afresh: bool) {
        self.left = if afresh { MOST } else { self.left.saturating_sub(1) };
        self.due = None;
    }

    /// A frame of so many bytes came out, of the picture that went in at `submitted`, at a bitrate in bits a second.
    pub fn handle_frame(&mut self, bytes: usize, submitted: Instant, bps: u64) {
        let cost = u64::try_from(bytes)
            .unwrap_or(u64::MAX)
            .saturating_mul(8_000_000)
            .checked_div(bps)
            .map_or(Duration::ZERO, |micros| {
                Duration::from_micros(micros.min(10_000_000))
            });
        let paid_at = self.paid_at.map_or(submitted, |at| at.max(submitted)) + cost;
        // An encoder that cannot hold its rate owes what nobody will pay; beyond this it makes no difference.
        let paid_at = paid_at.min(submitted + EVERY * MOST);
        self.paid_at = Some(paid_at);
        if paid_at.saturating_duration_since(submitted) > BURST {
            self.doubt_until = Some(paid_at + MARGIN);
        }
        let doubtful = self.doubt_until.is_some_and(|until| submitted < until);
        self.large |= bytes > LARGE_BYTES;
        self.small = if bytes > SMALL_BYTES { 0 } else { self.small + 1 };
        let wanted = if self.large { IN_A_ROW } else { 1 };
        let again = self.left > 0 && (self.small < wanted || doubtful);
        self.large &= again;
        self.due = again.then_some(submitted + EVERY);
    }

    /// When the same picture is to be encoded again, if at all.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// How often it may be encoded again.
    pub fn left(&self) -> u32 {
        self.left
    }
}
