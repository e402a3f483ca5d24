//! The two ends of one transfer on the channel `bulk`: how much may be sent, how much was taken, when to give up.
//!
//! The writer may be [`BULK_WINDOW`] bytes ahead of what the reader took, so a transfer never holds more than that,
//! however fast one end is. What becomes of the bytes is the caller's affair.

use std::time::{Duration, Instant};

use signaling_spec::channel::bulk::Abort;
use signaling_spec::limits::{BULK_WINDOW, MAX_CHUNK_BYTES};

/// Bytes taken for each word of it: fewer than a writer has on its way at the least, or both would wait.
const STEP: u64 = 2 * MAX_CHUNK_BYTES as u64;

/// The reader's end.
#[derive(Clone, Debug)]
pub struct Reader {
    received: u64,
    taken: u64,
    granted: u64,
    /// Most bytes that are wanted in all.
    limit: u64,
    quiet: Duration,
    last: Instant,
}

impl Reader {
    /// `from`: bytes that are here already and are not sent. `quiet`: how long nothing may come.
    pub fn new(from: u64, limit: u64, quiet: Duration, now: Instant) -> Self {
        Self {
            received: from,
            taken: from,
            granted: from.saturating_add(BULK_WINDOW),
            limit,
            quiet,
            last: now,
        }
    }

    /// Bytes that came so far, with those that were here before.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// So many bytes came.
    ///
    /// # Errors
    /// More than was granted, or than is wanted.
    pub fn handle_chunk(&mut self, len: usize, now: Instant) -> Result<(), Abort> {
        let end = self
            .received
            .saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        if end > self.limit {
            return Err(Abort::TooLarge);
        }
        if end > self.granted {
            return Err(Abort::Failed);
        }
        self.received = end;
        self.last = now;
        Ok(())
    }

    /// The caller has done with so many of them. Returns up to where the writer may go on, if that is to be said.
    pub fn handle_taken(&mut self, len: usize, now: Instant) -> Option<u64> {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.taken = self.taken.saturating_add(len).min(self.received);
        // What the caller was slow with is not the writer's silence.
        self.last = now;
        let next = self.taken.saturating_add(BULK_WINDOW);
        (next - self.granted >= STEP).then(|| {
            self.granted = next;
            next
        })
    }

    /// When to give up, if nothing comes: only while the writer could send and the caller waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (self.taken == self.received).then(|| self.last + self.quiet)
    }

    /// Whether nothing came for too long.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }
}

/// The writer's end.
#[derive(Clone, Debug)]
pub struct Writer {
    sent: u64,
    granted: u64,
    pace: Pace,
    last: Instant,
    quiet: Duration,
}

impl Writer {
    /// `from`: the first byte that is sent. `quiet`: how long the reader may take nothing.
    pub fn new(from: u64, quiet: Duration, now: Instant) -> Self {
        Self {
            sent: from,
            granted: from.saturating_add(BULK_WINDOW),
            pace: Pace::new(from),
            last: now,
            quiet,
        }
    }

    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many bytes the next chunk may have; 0 while the reader or the path has enough.
    pub fn room(&self) -> usize {
        let most = self.granted.min(self.pace.until());
        usize::try_from(most.saturating_sub(self.sent))
            .unwrap_or(usize::MAX)
            .min(MAX_CHUNK_BYTES)
    }

    pub fn handle_sent(&mut self, len: usize, now: Instant) {
        self.sent = self.sent.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        self.pace.handle_sent(self.sent, now);
    }

    /// The reader takes bytes up to here; an older word changes nothing.
    pub fn handle_credit(&mut self, until: u64, now: Instant) {
        if until <= self.granted {
            return;
        }
        self.granted = until.min(self.sent.saturating_add(BULK_WINDOW));
        self.last = now;
        self.pace
            .handle_taken(self.granted.saturating_sub(BULK_WINDOW), now);
    }

    /// When to give up on a reader that takes nothing.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (self.room() == 0).then(|| self.last + self.quiet)
    }

    /// Whether the reader has taken nothing for too long.
    pub fn is_silent(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }
}

/// Least and most bytes that are on their way.
const LEAST: u64 = 64 * 1024;
/// Delay that a transfer may add to the path before it yields to everything else there.
const TARGET: Duration = Duration::from_millis(25);
/// The path's own delay is looked up over this time.
const MEMORY: Duration = Duration::from_secs(20);

/// Keeps a transfer below everything else on the path, by the delay that it causes itself (after LEDBAT, RFC 6817):
/// more bytes are on their way while the answers come as fast as they ever did, fewer when they come later.
#[derive(Clone, Debug)]
struct Pace {
    window: u64,
    taken: u64,
    /// A byte whose answer is awaited, and when it was sent.
    probe: Option<(u64, Instant)>,
    /// The least delay, and when it was seen; and the least since then.
    base: Option<(Duration, Instant)>,
    next: Option<Duration>,
}

impl Pace {
    fn new(from: u64) -> Self {
        Self {
            window: BULK_WINDOW / 2,
            taken: from,
            probe: None,
            base: None,
            next: None,
        }
    }

    fn until(&self) -> u64 {
        self.taken.saturating_add(self.window)
    }

    fn handle_sent(&mut self, sent: u64, now: Instant) {
        self.probe.get_or_insert((sent, now));
    }

    fn handle_taken(&mut self, taken: u64, now: Instant) {
        self.taken = self.taken.max(taken);
        let Some((_, sent)) = self.probe.take_if(|(at, _)| *at <= taken) else {
            return;
        };
        let delay = now.saturating_duration_since(sent);
        let base = self.learn(delay, now);
        let queued = delay.saturating_sub(base);
        self.window = if queued <= TARGET {
            self.window.saturating_mul(5) / 4
        } else {
            self.window.saturating_mul(4) / 5
        }
        .clamp(LEAST, BULK_WINDOW);
    }

    fn learn(&mut self, delay: Duration, now: Instant) -> Duration {
        self.next = Some(self.next.map_or(delay, |least| least.min(delay)));
        match self.base {
            Some((least, since)) if least <= delay && now.saturating_duration_since(since) < MEMORY => least,
            Some((least, _)) if delay < least => {
                self.base = Some((delay, now));
                delay
            }
            // The path may be another one by now.
            Some(_) | None => {
                let least = self.next.take().unwrap_or(delay);
                self.base = Some((least, now));
                least
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a point in time to count from")]

    use super::*;

    const QUIET: Duration = Duration::from_secs(5);

    /// Both ends on a path that carries `bytes_per_ms` beside a queue, and answers after `delay_ms`.
    fn carry(total: u64, bytes_per_ms: u64, delay_ms: u64) -> (u64, u64) {
        let start = Instant::now();
        let (mut writer, mut reader) = (Writer::new(0, QUIET, start), Reader::new(0, total, QUIET, start));
        let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
        let mut words: std::collections::VecDeque<(u64, u64)> = std::collections::VecDeque::new();
        let (mut ms, mut room, mut most) = (0, 0, 0);
        while reader.received() < total {
            let now = start + Duration::from_millis(ms);
            while words.front().is_some_and(|(at, _)| *at <= ms) {
                let (_, until) = words.pop_front().expect("it is there");
                writer.handle_credit(until, now);
            }
            loop {
                let len = writer
                    .room()
                    .min(usize::try_from(total - writer.sent()).expect("small"));
                if len == 0 {
                    break;
                }
                writer.handle_sent(len, now);
                queue.push_back(len);
            }
            let waiting: u64 = queue.iter().map(|len| *len as u64).sum();
            assert!(waiting <= BULK_WINDOW);
            if ms > 3_000 {
                most = most.max(waiting);
            }
            room += bytes_per_ms;
            while queue.front().is_some_and(|len| *len as u64 <= room) {
                let len = queue.pop_front().expect("it is there");
                room -= len as u64;
                reader.handle_chunk(len, now).expect("what was granted is taken");
                if let Some(until) = reader.handle_taken(len, now) {
                    words.push_back((ms + delay_ms, until));
                }
            }
            if queue.is_empty() {
                room = 0;
            }
            ms += 1;
            assert!(ms < 600_000, "it stands still at {}", reader.received());
        }
        (ms, most)
    }

    #[test]
    fn a_fast_path_is_used_and_a_narrow_one_keeps_a_short_queue() {
        let total = 64 << 20;
        let (ms, _) = carry(total, 100_000, 1);
        assert!(ms < 1_500, "{ms} ms for 64 MiB at 100 MB/s");
        // 10 Mbit/s: the queue of its own is far below the window.
        let (_, most) = carry(16 << 20, 1_250, 30);
        assert!(most <= 160 * 1024, "{most} bytes wait");
    }

    #[test]
    fn more_than_granted_or_wanted_is_refused() {
        let now = Instant::now();
        let mut reader = Reader::new(0, u64::MAX, QUIET, now);
        for _ in 0..BULK_WINDOW / 16_384 {
            reader.handle_chunk(16_384, now).expect("within the window");
        }
        assert_eq!(reader.handle_chunk(1, now), Err(Abort::Failed));
        let mut reader = Reader::new(0, 100, QUIET, now);
        assert_eq!(reader.handle_chunk(101, now), Err(Abort::TooLarge));
        assert_eq!(reader.handle_chunk(100, now), Ok(()));
        assert_eq!(reader.handle_taken(100, now), None);
    }

    #[test]
    fn silence_ends_it_only_where_the_other_end_could_speak() {
        let now = Instant::now();
        let mut reader = Reader::new(0, u64::MAX, QUIET, now);
        assert!(!reader.is_silent(now + QUIET - Duration::from_millis(1)));
        assert!(reader.is_silent(now + QUIET));
        reader.handle_chunk(10, now).expect("within the window");
        assert!(!reader.is_silent(now + 2 * QUIET), "it is this end that is slow");
        let mut writer = Writer::new(0, QUIET, now);
        assert_eq!(writer.poll_timeout(), None, "it could send");
        while writer.room() > 0 {
            writer.handle_sent(writer.room(), now);
        }
        assert!(writer.is_silent(now + QUIET));
        writer.handle_credit(u64::MAX, now);
        assert!(writer.room() > 0 && writer.sent() + (writer.room() as u64) <= 2 * BULK_WINDOW);
    }
}
