//! What one viewer's path carries: the transport's estimate, weighed against what was really sent.
//!
//! Estimators of the GCC family fall to what was acknowledged whenever a queue moves, and a desktop sends
//! little most of the time: one cluster of probes on a narrow link would leave a tenth of its rate behind,
//! for as long as nothing moves. So a fall counts only where the path was used that much and the estimate is
//! near what flows, or where it is in trouble; and it never goes below what evidently arrived.

use std::time::{Duration, Instant};

use crate::quality::FLOOR_BPS;
use crate::queue::Queue;
use crate::room::Flow;

/// How much of what arrives is left when queues must drain, and when they need not.
const DRAIN: f64 = 0.5;
const BACK_OFF: f64 = 0.85;
/// An estimator that works backs off to [`BACK_OFF`] of what arrives, or a little less.
const LEFTOVER: f64 = 0.6;
/// A round trip that is longer than the shortest by this much waits in a queue.
const QUEUEING: Duration = Duration::from_millis(80);
/// More than this is not the noise of a radio.
const LOSS: f32 = 0.1;
/// What is looked for before anything is known, and the least after that, in bits a second.
const FIRST_GOAL: u64 = 8_000_000;
const LEAST_GOAL: u64 = 1_000_000;
/// So long after the start the path is explored whatever is sent.
const YOUNG: Duration = Duration::from_secs(4);
/// The least time between two falls.
const PATIENCE: Duration = Duration::from_millis(300);
const TRIPS: usize = 8;
const STEP: Duration = Duration::from_millis(100);
const STEPS: usize = 10;

/// What the transport knows of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Its estimate, in bits a second.
    pub bps: u64,
    /// Lost packets of the last second, 0…1.
    pub loss: f32,
    pub rtt: Option<Duration>,
}

/// See the module documentation.
#[derive(Clone, Debug, Default)]
pub struct Path {
    rate: Option<u64>,
    /// Bytes sent in each step of the last second, the newest last.
    sent: [u64; STEPS],
    step_began: Option<Instant>,
    /// The last round trips, and the shortest ever. Each includes the wait for the peer's next report.
    trips: [Option<Duration>; TRIPS],
    shortest: Option<Duration>,
    fell: Option<Instant>,
    since: Option<Instant>,
    /// What waits on the way, as far as the viewer's page tells.
    queue: Queue,
    limit: Option<u64>,
}

impl Path {
    /// Bits a second that may be sent; `None` before the first report.
    pub fn rate(&self) -> Option<u64> {
        // What was seen counts more than what is estimated.
        self.limit.or(self.rate)
    }

    /// The page will tell of frames.
    pub fn handle_promise(&mut self, now: Instant) {
        self.queue.handle_promise(now);
    }

    /// A frame leaves.
    pub fn handle_frame(&mut self, rtp: u32, bytes: usize, now: Instant) {
        self.queue.handle_sent(rtp, bytes, now);
        self.handle_sent(bytes, now);
    }

    /// Something that is no frame leaves, on the same path.
    pub fn handle_other(&mut self, bytes: usize, now: Instant) {
        self.queue.handle_other(bytes, now);
    }

    /// The page has that frame since `at_ms`, by its own clock.
    pub fn handle_seen(&mut self, rtp: u32, at_ms: f64, now: Instant) {
        let rate = self.rate.unwrap_or(FIRST_GOAL);
        self.queue.handle_seen(rtp, at_ms, rate, now);
        self.limit = self.queue.poll_limit(rate, now);
    }

    /// What the transport's estimator should begin anew with, once: what came through a queue.
    pub fn poll_afresh(&mut self) -> Option<u64> {
        let afresh = self.queue.poll_afresh()?;
        self.rate = Some(afresh);
        Some(afresh)
    }

    /// The viewer was away, or gets another stream.
    pub fn handle_break(&mut self) {
        self.queue.handle_break();
    }

    /// From when on no frame should be made, except one in each [`crate::queue::TRICKLE`].
    pub fn closes(&self, now: Instant) -> Option<Instant> {
        self.queue.closes(now)
    }

    pub fn handle_sent(&mut self, bytes: usize, now: Instant) {
        self.advance(now);
        self.sent[STEPS - 1] += bytes as u64;
    }

    pub fn handle_report(&mut self, report: Report, now: Instant) {
        self.advance(now);
        self.limit = self.queue.poll_limit(self.rate.unwrap_or(FIRST_GOAL), now);
        let used = self.used();
        let rate = self.rate.unwrap_or(FIRST_GOAL);
        self.queue.handle_loss(report.loss, used, rate, now);
        let queueing = self.is_queueing(report.rtt);
        let Some(rate) = self.rate else {
            self.rate = Some(report.bps.max(FLOOR_BPS));
            self.since = Some(now);
            return;
        };
        let used = self.used();
        let trouble = queueing || report.loss > LOSS;
        if report.bps >= rate {
            if !queueing {
                self.rate = Some(report.bps);
            }
            return;
        }
        // Without trouble an estimate far below what flows is a leftover: it would pull down what it is made of.
        let believed = if trouble {
            used > report.bps
        } else {
            used * 2 >= rate && report.bps >= share(used, LEFTOVER)
        };
        // What was done a moment ago has not shown yet.
        if !believed || self.fell.is_some_and(|fell| fell + PATIENCE > now) {
            return;
        }
        self.fell = Some(now);
        let kept = f64::from(1.0 - report.loss.clamp(0.0, 1.0)) * if queueing { DRAIN } else { BACK_OFF };
        // No encoder makes less, so less is never found out: frames that would wait are not made.
        let least = share(used, kept).max(FLOOR_BPS);
        self.rate = Some(report.bps.max(least).min(rate));
    }

    /// What flows on it.
    pub fn flow(&self, now: Instant) -> Flow {
        Flow {
            shortest: self.shortest,
            sent: self.used(),
            queued: self.closes(now).is_some_and(|at| at <= now),
        }
    }

    /// Bits sent in the last second.
    pub fn used(&self) -> u64 {
        self.sent.iter().sum::<u64>() * 8
    }

    /// The bitrate that probes shall look for; 0 for none. They cost latency on a narrow path, so there are
    /// none while little is sent, nor once the path is known to carry `ceiling`.
    pub fn goal(&self, ceiling: u64, now: Instant) -> u64 {
        let Some(rate) = self.rate else {
            return FIRST_GOAL.min(ceiling);
        };
        if self.limit.is_some() {
            // More is tried with frames, which are of use.
            return 0;
        }
        let young = self.since.is_some_and(|since| since + YOUNG > now);
        if rate >= ceiling || !(young || self.used() * 4 >= rate) {
            return 0;
        }
        (rate / 2 * 3).max(LEAST_GOAL).min(ceiling)
    }

    /// Whether even the shortest of the last round trips waited somewhere.
    fn is_queueing(&mut self, trip: Option<Duration>) -> bool {
        let Some(trip) = trip else { return false };
        self.trips.rotate_left(1);
        self.trips[TRIPS - 1] = Some(trip);
        let shortest = self.shortest.map_or(trip, |shortest| shortest.min(trip));
        self.shortest = Some(shortest);
        self.trips
            .iter()
            .all(|trip| trip.is_some_and(|trip| trip > shortest + QUEUEING))
    }

    fn advance(&mut self, now: Instant) {
        let began = *self.step_began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_millis() / STEP.as_millis();
        let steps = u32::try_from(passed).unwrap_or(u32::MAX);
        for _ in 0..(steps as usize).min(STEPS) {
            self.sent.rotate_left(1);
            self.sent[STEPS - 1] = 0;
        }
        self.step_began = Some(began + STEP * steps);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a bitrate is far below 2^52, and `part` is 0…1"
)]
fn share(bps: u64, part: f64) -> u64 {
    (bps as f64 * part) as u64
}
