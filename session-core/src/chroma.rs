//! Whether moving pictures carry all colours (4:4:4) or a quarter of them (4:2:0).
//!
//! All of them make coloured text as sharp in motion as grey one, and cost about a third more to encode. So they are carried
//! where that is possible at no cost to others, and as long as a picture is encoded well before the next one is due.

use std::time::{Duration, Instant};

/// A picture that takes longer than this to encode, in the mean, is dear: the next one is due after 16.
const DEAR: Duration = Duration::from_millis(9);
/// The weight of one picture in that mean, as a divisor; and so many are awaited.
const WEIGHT: u32 = 16;
const AWAITED: u32 = 16;
/// After it was dear it is tried again this much later, and twice as long each time.
const CAREFUL: Duration = Duration::from_secs(120);
const MOST_DOUBLINGS: u32 = 5;

/// See the module documentation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chroma {
    on: bool,
    mean: Duration,
    seen: u32,
    /// How often it was given up, and until when it is left alone.
    times: u32,
    until: Option<Instant>,
}

impl Chroma {
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Whether it would be turned on if the picture rested, where it is possible.
    pub fn wants(&self, now: Instant) -> bool {
        !self.on && self.until.is_none_or(|until| until <= now)
    }

    /// All viewers can have it, and nothing moves. A change needs a keyframe, so it is made while nothing moves, but for
    /// the one that can no longer be had.
    pub fn update(&mut self, possible: bool, rests: bool, now: Instant) {
        let on = possible && (self.on || (rests && self.wants(now)));
        if on && !self.on {
            (self.mean, self.seen) = (Duration::ZERO, 0);
        }
        self.on = on;
    }

    /// A picture with all colours took so long to encode. If that is too much they are off.
    pub fn handle_frame(&mut self, took: Duration, now: Instant) {
        self.seen += 1;
        let weight = WEIGHT.min(self.seen);
        self.mean = (self.mean * (weight - 1) + took) / weight;
        if self.on && self.seen >= AWAITED && self.mean > DEAR {
            self.give_up(now);
        }
    }

    /// The screen has another size: all colours wait until the picture rests again. Chromium (156) goes on showing the old size
    /// where the new one has as many macroblocks, in this profile alone; with another codec its decoder begins anew.
    pub fn handle_resize(&mut self) {
        self.on = false;
    }

    /// The encoder that makes them failed.
    pub fn handle_failure(&mut self, now: Instant) {
        self.give_up(now);
    }

    fn give_up(&mut self, now: Instant) {
        self.on = false;
        self.until = Some(now + CAREFUL * 2_u32.pow(self.times.min(MOST_DOUBLINGS)));
        self.times += 1;
    }
}
