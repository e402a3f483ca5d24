//! How long frames wait on the way to one viewer, from what its page says of each that arrived, and what that way carries
//! meanwhile.
//!
//! A path that becomes narrow fills its queue within a tenth of a second, before any estimate follows. A frame that came
//! later than the quickest ones, or of which nothing is heard for longer than usual, waits in that queue. What arrives
//! while it does is what the path carries; less than that is sent until the queue is empty, and not quite as much for a
//! while after.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::quality::FLOOR_BPS;

/// A frame that waited longer than this is in a queue.
const HIGH: Duration = Duration::from_millis(45);
/// A queue that is shorter than this is none.
const LOW: Duration = Duration::from_millis(20);
/// While a queue is longer than this no frame is added, nor while an answer is overdue by so much.
const FULL: Duration = Duration::from_millis(60);
const OVERDUE: Duration = Duration::from_millis(25);
/// But one in this time, so that its end is noticed.
pub const TRICKLE: Duration = Duration::from_millis(250);
/// The part of what arrives that is sent while there is a queue, and after it.
const WHILE: f64 = 0.85;
const AFTER: f64 = 0.95;
/// A queue that is short may be of probes, which are not counted: it does not lower what was learnt just before by more.
const SHORT: Duration = Duration::from_millis(150);
const LOWER: f64 = 0.75;
/// The path is calm when there was no queue for so long.
const CALM: Duration = Duration::from_millis(400);
/// Then more is tried, after this time: little near to what was learnt, more beyond; the factor for a second.
const STAY: Duration = Duration::from_millis(1_500);
const NEAR: f64 = 1.1;
const SLOWLY: f64 = 1.1;
const SOON: f64 = 1.8;
/// Frames that took less than half of the time that they should have, in a row, say that the path became wide.
const SWIFT: u32 = 6;
const AT_ONCE: f64 = 12.0;
/// A frame of fewer bytes says nothing of that.
const TELLING: u32 = 500;
/// Encoders make pictures of any size at this many bits a second.
const ENOUGH: u64 = 2_000_000;
/// More is tried only where so much of the limit is used, in the last moment.
const USED: f64 = 0.7;
const MOMENT: Duration = Duration::from_millis(250);
/// What arrives is counted over this time of the page's clock, in ms.
const COUNTED: f64 = 350.0;
/// The quickest frames are forgotten after one to two of these: paths change.
const ERA: Duration = Duration::from_secs(15);
/// How long the first word of a frame may take, and how much that may vary; a page that says nothing for so long does not
/// keep its promise.
const FIRST_ANSWER: (Duration, Duration) = (Duration::from_millis(250), Duration::from_millis(50));
const PROMISED: Duration = Duration::from_secs(5);
const MOST_FRAMES: usize = 256;
/// What is sent on purpose is never so much that a frame waits longer for it.
const MOST_BEHIND: Duration = Duration::from_millis(100);
/// More loss than this is not the noise of a radio.
const MUCH: f32 = 0.1;
const TOLD: Duration = Duration::from_millis(1_300);
/// What is guessed of the path where nothing arrives, of what was sent.
const GUESS: f64 = 0.7;
const GUESSES: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Sent {
    rtp: u32,
    bytes: u32,
    at: Instant,
    /// What left before it takes so much longer.
    behind: Duration,
}

/// See the module documentation.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    began: Option<Instant>,
    /// Frames of which nothing was heard, the oldest first.
    sent: VecDeque<Sent>,
    /// When frames arrived by the page's clock in ms, and their bytes; the newest last.
    came: VecDeque<(f64, u32)>,
    /// The quickest frame of this era and of the one before: the page's time less ours, in ms.
    quickest: [Option<f64>; 2],
    era: Option<Instant>,
    /// When a page promised to tell of frames that has not yet.
    promised: Option<Instant>,
    /// The time from a frame to the word of it, and how much it varies, without queues.
    answer: Option<(Duration, Duration)>,
    /// What the last frames waited, the newest last; and what of that no lost packet explains.
    waits: VecDeque<(Instant, Duration)>,
    waited: Duration,
    /// What the path carries, in bits a second, if a queue said so.
    learnt: Option<u64>,
    /// What it carried since without any queue.
    proven: u64,
    /// When there was a queue last, and when more was tried last.
    queued: Option<Instant>,
    grew: Option<Instant>,
    /// Frames in a row that were swift.
    swift: u32,
    /// Bytes that left in the last moment.
    left: VecDeque<(Instant, u32)>,
    /// What else left meanwhile, and takes its part of the path.
    others: VecDeque<(Instant, u32)>,
    /// When all that left is through a path that carries `rate` bits a second.
    busy_until: Option<Instant>,
    rate: u64,
    limit: Option<u64>,
    /// What a lost packet may hold a frame up: it is asked for and sent again.
    repair: Duration,
    /// What the estimator should begin with anew.
    afresh: Option<u64>,
    guessed: Option<Instant>,
}

impl Queue {
    /// The page will tell of frames. Until it has, they are waited for as on a long path.
    pub fn handle_promise(&mut self, now: Instant) {
        if self.answer.is_none() {
            (self.answer, self.promised) = (Some(FIRST_ANSWER), Some(now));
        }
    }

    /// A frame leaves.
    pub fn handle_sent(&mut self, rtp: u32, bytes: usize, now: Instant) {
        self.began.get_or_insert(now);
        if self.sent.len() == MOST_FRAMES {
            self.sent.pop_front();
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let until = self.busy_until.unwrap_or(now);
        let behind = until.saturating_duration_since(now).min(MOST_BEHIND);
        self.occupy(bytes, now);
        self.sent.push_back(Sent {
            rtp,
            bytes,
            at: now,
            behind,
        });
        self.left.push_back((now, bytes));
        while self.left.front().is_some_and(|(at, _)| *at + MOMENT <= now) || self.left.len() > MOST_FRAMES {
            self.left.pop_front();
        }
    }

    /// So many bytes go to the path.
    fn occupy(&mut self, bytes: u32, now: Instant) {
        // Where a single frame takes that long, this would hide every queue.
        if self.rate < ENOUGH {
            return;
        }
        let takes = Duration::try_from_secs_f64(f64::from(bytes) * 8.0 / as_float(self.rate));
        let until = self.busy_until.map_or(now, |until| until.max(now));
        self.busy_until = Some((until + takes.unwrap_or(MOST_BEHIND)).min(now + MOST_BEHIND));
    }

    /// Something that is no frame leaves.
    pub fn handle_other(&mut self, bytes: usize, now: Instant) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.occupy(bytes, now);
        self.others.push_back((now, bytes));
        let counted = Duration::from_secs_f64(COUNTED / 1000.0);
        while self.others.len() > MOST_FRAMES
            || self.others.front().is_some_and(|(at, _)| *at + counted <= now)
        {
            self.others.pop_front();
        }
    }

    /// The viewer was away, or gets another stream: nothing more is heard of what was sent.
    pub fn handle_break(&mut self) {
        self.sent.clear();
        self.waited = Duration::ZERO;
    }

    /// The page has the frame of that RTP timestamp since `at_ms` by its own clock. `rate`: the bits a second that the path
    /// is thought to carry.
    pub fn handle_seen(&mut self, rtp: u32, at_ms: f64, rate: u64, now: Instant) {
        let (Some(began), Some(place)) = (self.began, self.sent.iter().position(|sent| sent.rtp == rtp))
        else {
            return;
        };
        let older = self.sent.drain(..=place);
        let Some((bytes, last)) = older.fold(None, |sum: Option<(u32, Sent)>, sent| {
            Some((sum.map_or(0, |sum| sum.0).saturating_add(sent.bytes), sent))
        }) else {
            return;
        };
        let at = last.at;
        self.promised = None;
        let way = at_ms - at.saturating_duration_since(began).as_secs_f64() * 1000.0;
        if !way.is_finite() {
            return;
        }
        if self.era.is_none_or(|era| era + ERA <= now) {
            (self.era, self.quickest) = (Some(now), [None, self.quickest[0]]);
        }
        self.quickest[0] = Some(self.quickest[0].map_or(way, |quickest| quickest.min(way)));
        let quickest = self.quickest.iter().flatten().copied().fold(way, f64::min);
        // A large frame takes its time without any queue, and so does what was sent on purpose before it: an encoder may
        // spend its buffer at once.
        let own = f64::from(last.bytes) * 8_000.0 / as_float(self.limit.unwrap_or(rate).max(1));
        if last.bytes >= TELLING {
            let swift = (way - quickest) * 2.0 < own;
            self.swift = if swift { self.swift.saturating_add(1) } else { 0 };
        }
        let behind = last.behind.as_secs_f64() * 1_000.0;
        let waited = (way - quickest - own - behind).clamp(0.0, 60_000.0);
        let waited = Duration::try_from_secs_f64(waited / 1000.0);
        self.waits.push_back((now, waited.unwrap_or_default()));
        // A frame that was held up by a lost packet holds up some that follow; a queue stays longer.
        while self.waits.len() > 1 && self.waits.front().is_some_and(|(at, _)| *at + self.repair < now) {
            self.waits.pop_front();
        }
        let waits = self.waits.iter().map(|(_, wait)| *wait);
        self.waited = waits.min().unwrap_or_default();
        if self.waited < LOW {
            self.answered(now.saturating_duration_since(at));
        }
        self.came.push_back((at_ms, bytes));
        while self
            .came
            .front()
            .is_some_and(|(before, _)| at_ms - before > COUNTED)
            || self.came.len() > MOST_FRAMES
        {
            self.came.pop_front();
        }
        self.update(rate, now);
    }

    /// Mean and mean deviation, as of a round trip (RFC 6298).
    fn answered(&mut self, took: Duration) {
        let known = self.answer.filter(|answer| *answer != FIRST_ANSWER);
        let (mean, deviation) = known.unwrap_or((took, took / 2));
        let deviation = (deviation * 3 + mean.abs_diff(took)) / 4;
        self.answer = Some(((mean * 7 + took) / 8, deviation));
    }

    fn overdue(&self, oldest: &Sent, now: Instant) -> Duration {
        self.answer.map_or(Duration::ZERO, |(mean, deviation)| {
            now.saturating_duration_since(oldest.at)
                .saturating_sub(mean + deviation * 2 + oldest.behind)
        })
    }

    /// From when on no frame should be made, except one in each [`TRICKLE`]: it would only wait. It is later with each word
    /// of a frame.
    pub fn closes(&self, now: Instant) -> Option<Instant> {
        let oldest = self.sent.front()?;
        if self.waited > FULL {
            return Some(now);
        }
        let (mean, deviation) = self.answer?;
        Some(oldest.at + mean + deviation * 2 + oldest.behind + OVERDUE + self.repair)
    }

    /// What was learnt of the path, once: whoever estimates it should begin anew with that.
    pub fn poll_afresh(&mut self) -> Option<u64> {
        self.afresh.take()
    }

    /// The most bits a second that should be sent; `None` while nothing speaks for less than the estimate, `rate`.
    pub fn poll_limit(&mut self, rate: u64, now: Instant) -> Option<u64> {
        self.update(rate, now);
        self.limit
    }

    /// That part of the last second's packets was lost, 0…1, while `used` bits were sent and `rate` were thought possible.
    pub fn handle_loss(&mut self, loss: f32, used: u64, rate: u64, now: Instant) {
        let Some((trip, _)) = self.answer else {
            // The page tells nothing of frames.
            return;
        };
        self.repair = if loss > 0.0 { trip + LOW } else { Duration::ZERO };
        // What a queue that ran over lost is told for a second more.
        let idle = used * 2 < self.limit.unwrap_or(rate);
        if loss <= MUCH || idle || self.queued.is_some_and(|at| at + TOLD > now) {
            return;
        }
        // Though nothing waits there is no room for it.
        let carried = part(used, 1.0 - f64::from(loss.clamp(0.0, 1.0))).max(FLOOR_BPS);
        (self.learnt, self.queued) = (Some(carried), Some(now));
        self.limit = Some(part(carried, WHILE));
    }

    fn update(&mut self, rate: u64, now: Instant) {
        if self.promised.is_some_and(|at| at + PROMISED <= now) {
            *self = Self::default();
        }
        self.rate = self.limit.unwrap_or(rate);
        let calm = self.queued.is_none_or(|at| at + CALM <= now);
        let overdue = self
            .sent
            .front()
            .is_some_and(|oldest| self.overdue(oldest, now) > HIGH + self.repair * 2);
        if overdue || self.waited > HIGH {
            let rate = self.limit.unwrap_or(rate);
            if let Some(carried) = self.carried() {
                let kept = calm && self.waited < SHORT + self.repair;
                let least = self
                    .learnt
                    .filter(|_| kept)
                    .map_or(0, |learnt| part(learnt.max(self.proven), LOWER));
                let carried = carried.max(least).max(FLOOR_BPS);
                (self.learnt, self.proven) = (Some(carried), 0);
                self.limit = Some(part(carried, WHILE));
            } else if self.guessed.is_none_or(|at| at + GUESSES <= now) {
                self.guessed = Some(now);
                self.limit = Some(part(rate, GUESS).max(FLOOR_BPS));
            }
            (self.queued, self.grew, self.swift) = (Some(now), None, 0);
        } else if calm
            && self.waits.back().is_none_or(|(_, wait)| *wait < LOW)
            && let Some(limit) = self.limit
        {
            self.grow(limit, rate, now);
        }
    }

    /// There was no queue for a while.
    fn grow(&mut self, limit: u64, rate: u64, now: Instant) {
        let learnt = match self.learnt {
            Some(learnt) => learnt,
            // Nothing was measured: there was an outage, and the estimate is of before it.
            None if rate > limit => {
                self.limit = None;
                return;
            }
            // The estimate fell below what flows well now.
            None => *self.learnt.insert(limit),
        };
        let Some(grew) = self.grew.replace(now) else {
            // Where nothing was measured since, what was carried later than what was learnt counts.
            let known = learnt.max(self.proven);
            self.limit = Some(part(known, AFTER));
            self.afresh = Some(known);
            return;
        };
        self.proven = self.proven.max(self.flow().min(limit));
        let stays = self.queued.is_some_and(|at| at + STAY > now);
        let swift = self.swift >= SWIFT;
        // An encoder that may make next to nothing makes less than that: it gets out of there.
        let starved = limit < ENOUGH;
        let used = as_float(self.flow()) >= as_float(limit) * USED;
        if (stays && !swift) || !(used || starved) {
            return;
        }
        let speed = if swift {
            AT_ONCE
        } else if as_float(limit) < as_float(learnt) * NEAR {
            SLOWLY
        } else {
            SOON
        };
        let time = now.saturating_duration_since(grew).min(GUESSES).as_secs_f64();
        self.limit = Some(part(limit, speed.powf(time)));
    }

    /// What left in the last moment, in bits a second.
    fn flow(&self) -> u64 {
        let bytes: u64 = self.left.iter().map(|(_, bytes)| u64::from(*bytes)).sum();
        part(bytes * 8, 1.0 / MOMENT.as_secs_f64())
    }

    /// What arrived in the last moment in which there was a queue, in bits a second.
    fn carried(&self) -> Option<u64> {
        let (first, last) = (self.came.front()?, self.came.back()?);
        let time = last.0 - first.0;
        if time < COUNTED / 4.0 || self.waited < HIGH {
            return None;
        }
        let bytes: f64 = self.came.iter().skip(1).map(|(_, bytes)| f64::from(*bytes)).sum();
        let others: f64 = self.others.iter().map(|(_, bytes)| f64::from(*bytes)).sum();
        Some(part(1, bytes * 8_000.0 / time + others * 8_000.0 / COUNTED))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bitrate is far below 2^52")]
fn as_float(bps: u64) -> f64 {
    bps as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bitrate is far below 2^52, and never below zero"
)]
fn part(bps: u64, part: f64) -> u64 {
    (as_float(bps) * part) as u64
}
