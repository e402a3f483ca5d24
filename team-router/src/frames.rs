//! What frames of all hosts take on their way, as hosts tell, for the metrics.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use signaling_spec::Signal;

/// Steps that a host measures, then those that pages do; `age` is the whole way.
const STEPS: [&str; 8] = [
    "capture", "convert", "encode", "send", "way", "decode", "show", "age",
];
/// What a host may say of one word at most: it says one in five seconds, and a broken one shall not spoil the sums.
const MOST_FRAMES: u32 = 100_000;
const MOST_US: u32 = 60_000_000;

/// Since the start: frames and microseconds by step.
#[derive(Debug, Default)]
pub struct Frames {
    counts: [AtomicU64; STEPS.len()],
    micros: [AtomicU64; STEPS.len()],
}

impl Frames {
    /// Takes a host's word; any other message is none.
    pub fn handle(&self, signal: &Signal) {
        let Signal::HostFrames {
            made,
            capture_us,
            convert_us,
            encode_us,
            send_us,
            shown,
            way_us,
            decode_us,
            show_us,
            age_us,
        } = signal
        else {
            return;
        };
        let steps = [
            (made, capture_us),
            (made, convert_us),
            (made, encode_us),
            (made, send_us),
            (shown, way_us),
            (shown, decode_us),
            (shown, show_us),
            (shown, age_us),
        ];
        for ((frames, us), (count, sum)) in steps.into_iter().zip(self.counts.iter().zip(&self.micros)) {
            let frames = u64::from((*frames).min(MOST_FRAMES));
            count.fetch_add(frames, Ordering::Relaxed);
            sum.fetch_add(frames * u64::from((*us).min(MOST_US)), Ordering::Relaxed);
        }
    }

    /// Its lines in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = "# HELP removid_frame_step_seconds What a frame takes, by step; age is from the change on the screen \
            to its sight.\n# TYPE removid_frame_step_seconds summary\n"
            .to_owned();
        for (step, (count, micros)) in STEPS.iter().zip(self.counts.iter().zip(&self.micros)) {
            let (count, micros) = (count.load(Ordering::Relaxed), micros.load(Ordering::Relaxed));
            let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
            let _ = writeln!(
                text,
                "removid_frame_step_seconds_sum{{step=\"{step}\"}} {whole}.{part:06}\nremovid_frame_step_seconds_count{{step=\"{step}\"}} {count}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_all_words_and_no_word_spoils_them() {
        let frames = Frames::default();
        let word = |made, us| Signal::HostFrames {
            made,
            capture_us: us,
            convert_us: 1,
            encode_us: 2,
            send_us: 3,
            shown: 1,
            way_us: 4,
            decode_us: 5,
            show_us: 6,
            age_us: 7,
        };
        frames.handle(&word(10, 1_500));
        frames.handle(&word(u32::MAX, u32::MAX));
        let text = frames.text();
        assert!(text.contains("_sum{step=\"capture\"} 6000000.015000\n"), "{text}");
        assert!(text.contains("_count{step=\"capture\"} 100010\n"), "{text}");
        assert!(text.contains("_sum{step=\"age\"} 0.000014\n"), "{text}");
    }
}
