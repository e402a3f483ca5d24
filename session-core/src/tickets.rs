//! One-time tickets: each opens one seat once, within [`TICKET_LIFE`].
//!
//! The book holds hashes only, so that neither a copy of memory nor the time of a comparison tells a
//! ticket. A ticket that was shown is gone, whether it was in time or not.

use std::collections::BTreeMap;
use std::time::Instant;

use signaling_spec::limits::TICKET_LIFE;

/// SHA-256 of a ticket.
pub type TicketHash = [u8; 32];

/// Tickets that wait, each with what it opens. At most `capacity`; the oldest makes room.
#[derive(Debug)]
pub struct TicketBook<T> {
    capacity: usize,
    waiting: BTreeMap<TicketHash, (Instant, T)>,
}

impl<T> TicketBook<T> {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            waiting: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, hash: TicketHash, seat: T, now: Instant) {
        self.waiting
            .retain(|_, (at, _)| now.saturating_duration_since(*at) < TICKET_LIFE);
        while self.waiting.len() >= self.capacity {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(hash, _)| *hash);
            match oldest {
                Some(hash) => self.waiting.remove(&hash),
                None => return,
            };
        }
        self.waiting.insert(hash, (now, seat));
    }

    /// Takes the seat out, if the ticket is known and in time.
    pub fn take(&mut self, hash: &TicketHash, now: Instant) -> Option<T> {
        let (at, seat) = self.waiting.remove(hash)?;
        (now.saturating_duration_since(at) < TICKET_LIFE).then_some(seat)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
