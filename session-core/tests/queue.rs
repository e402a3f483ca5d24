//! What a queue teaches of a path, on a model of one: what was carried well later counts more than what was measured before.
#![expect(
    clippy::disallowed_methods,
    reason = "the start of a time of its own; all else is counted from it"
)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use session_core::queue::{Queue, TRICKLE};

const FRAME: Duration = Duration::from_micros(16_667);
const WAY: Duration = Duration::from_millis(10);

/// A path and a page behind it.
struct World {
    queue: Queue,
    began: Instant,
    now: Instant,
    free: Instant,
    last: Option<Instant>,
    rtp: u32,
    /// When the word of a frame comes back, and of which; it arrived [`WAY`] before.
    words: VecDeque<(Instant, u32)>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.handle_promise(now);
        Self {
            queue,
            began: now,
            now,
            free: now,
            last: None,
            rtp: 0,
            words: VecDeque::new(),
        }
    }

    /// Sends what may be sent for so long, on a link of `bps`, while the transport's estimate is `rate`. Nothing is
    /// heard of frames that are not `heard`.
    fn run(&mut self, time: Duration, bps: u64, rate: u64, heard: bool) -> Option<u64> {
        let end = self.now + time;
        let mut limit = self.queue.poll_limit(rate, self.now);
        while self.now < end {
            self.now += FRAME;
            while let Some((_, rtp)) = self.words.front().copied().filter(|(at, _)| *at <= self.now) {
                let (at, _) = self.words.pop_front().expect("it is there");
                let at_ms = (at - WAY - self.began).as_secs_f64() * 1_000.0;
                self.queue.handle_seen(rtp, at_ms, rate, self.now);
            }
            limit = self.queue.poll_limit(rate, self.now);
            let closed = self.queue.closes(self.now).is_some_and(|at| at <= self.now);
            if closed && self.last.is_some_and(|last| last + TRICKLE > self.now) {
                continue;
            }
            self.last = Some(self.now);
            let bytes = limit.unwrap_or(rate) / 480;
            self.rtp += 1_500;
            self.queue.handle_sent(
                self.rtp,
                usize::try_from(bytes).expect("a frame is small"),
                self.now,
            );
            self.free = self.free.max(self.now) + Duration::from_micros(bytes * 8_000_000 / bps);
            if heard {
                self.words.push_back((self.free + WAY * 2, self.rtp));
            }
        }
        limit
    }
}

const MBIT: u64 = 1_000_000;

#[test]
fn a_moment_without_words_does_not_bring_back_what_a_narrow_time_taught() {
    let mut world = World::new();
    world.run(Duration::from_secs(2), 20 * MBIT, 12 * MBIT, true);
    let narrow = world.run(Duration::from_secs(4), 2 * MBIT, 12 * MBIT, true);
    assert!(narrow.is_some_and(|bps| bps < 2 * MBIT), "{narrow:?}");
    let mut wide = None;
    while wide.is_none_or(|bps| bps < 8 * MBIT) {
        wide = world.run(Duration::from_millis(200), 20 * MBIT, 12 * MBIT, true);
        assert!(world.now - world.began < Duration::from_secs(30), "{wide:?}");
    }
    // A lost packet holds up all that follow until it is sent again; then the page tells of the newest alone.
    world.run(Duration::from_millis(150), 20 * MBIT, 12 * MBIT, false);
    for _ in 0..10 {
        let after = world.run(Duration::from_millis(200), 20 * MBIT, 12 * MBIT, true);
        assert!(after.is_none_or(|bps| bps > 3 * MBIT), "{after:?}");
    }
}

#[test]
fn an_estimate_below_what_flows_well_is_not_fallen_back_to() {
    let mut world = World::new();
    // Nothing is heard: it is guessed.
    let guessed = world.run(Duration::from_millis(900), 20 * MBIT, 2 * MBIT, false);
    assert!(guessed.is_some_and(|bps| bps < MBIT), "{guessed:?}");
    let low = MBIT / 4;
    let after = world.run(Duration::from_secs(4), 20 * MBIT, low, true);
    assert!(after.is_some_and(|bps| bps >= guessed.unwrap()), "{after:?}");
    // One that is higher is of before the silence.
    let mut world = World::new();
    world.run(Duration::from_millis(900), 20 * MBIT, 2 * MBIT, false);
    assert_eq!(world.run(Duration::from_secs(4), 20 * MBIT, 2 * MBIT, true), None);
}
