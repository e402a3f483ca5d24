//! What frames take on their way, summed up for the router's metrics: here from the agent, from capture to sending, and from
//! pages, from the network to the screen.

use std::time::{Duration, Instant};

use signaling_spec::Signal;

use super::Hub;
use crate::media::studio::Trace;

/// Between two words to the router.
const EVERY: Duration = Duration::from_secs(5);
/// Frames of one page's word that count, and what one step of one frame may have taken, in microseconds: pages may say
/// anything.
const MOST_FRAMES: u32 = 10_000;
const MOST_US: u32 = 60_000_000;

/// Four steps of a number of frames, in microseconds for all of them.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    frames: u32,
    us: [u64; 4],
}

impl Steps {
    fn add(&mut self, frames: u32, us: [u32; 4]) {
        let frames = frames.min(MOST_FRAMES);
        self.frames = self.frames.saturating_add(frames);
        for (sum, us) in self.us.iter_mut().zip(us) {
            *sum = sum.saturating_add(u64::from(frames) * u64::from(us.min(MOST_US)));
        }
    }

    fn means(&self) -> [u32; 4] {
        let frames = u64::from(self.frames.max(1));
        self.us.map(|sum| u32::try_from(sum / frames).unwrap_or(u32::MAX))
    }
}

/// See the module documentation.
#[derive(Debug, Default)]
pub(super) struct Figures {
    made: Steps,
    shown: Steps,
    told: Option<Instant>,
}

impl Figures {
    /// A frame was made and sent.
    pub(super) fn made(&mut self, trace: Trace, send: Duration) {
        let us = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let steps = [trace.capture, trace.convert, trace.encode, send].map(us);
        self.made.add(1, steps);
    }

    /// A page has shown so many, each after so many microseconds on the way, in its decoder, before it was shown, and
    /// since the change that it shows.
    pub(super) fn shown(&mut self, frames: u32, us: [u32; 4]) {
        self.shown.add(frames, us);
    }

    /// A word for the router, if one is due and there is something to say.
    fn poll(&mut self, now: Instant) -> Option<Signal> {
        let due = self.told.is_none_or(|at| at + EVERY <= now);
        if !due || (self.made.frames == 0 && self.shown.frames == 0) {
            return None;
        }
        let [capture_us, convert_us, encode_us, send_us] = self.made.means();
        let [way_us, decode_us, show_us, age_us] = self.shown.means();
        let signal = Signal::HostFrames {
            made: self.made.frames,
            capture_us,
            convert_us,
            encode_us,
            send_us,
            shown: self.shown.frames,
            way_us,
            decode_us,
            show_us,
            age_us,
        };
        *self = Self {
            told: Some(now),
            ..Self::default()
        };
        Some(signal)
    }
}

impl Hub {
    pub(super) fn tell_figures(&mut self) {
        if let Some(signal) = self.figures.poll(Instant::now()) {
            self.say(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_means_of_what_was_told_and_told_once() {
        let (mut figures, now) = (Figures::default(), Instant::now());
        assert_eq!(figures.poll(now), None);
        for encode in [2, 4] {
            let (capture, convert) = (Duration::from_micros(10), Duration::from_micros(20));
            let encode = Duration::from_millis(encode);
            let trace = Trace {
                capture,
                convert,
                encode,
            };
            figures.made(trace, Duration::from_micros(30));
        }
        figures.shown(3, [1, 2, 3, u32::MAX]);
        figures.shown(u32::MAX, [1, 2, 3, 4]);
        let Some(Signal::HostFrames {
            made: 2,
            encode_us: 3_000,
            shown: 10_003,
            way_us: 1,
            age_us,
            ..
        }) = figures.poll(now)
        else {
            panic!("no figures");
        };
        assert!(age_us < 20_000);
        assert_eq!(figures.poll(now), None);
        figures.shown(1, [1, 2, 3, 4]);
        assert_eq!(figures.poll(now), None, "not so soon");
        assert!(figures.poll(now + EVERY).is_some());
    }
}
