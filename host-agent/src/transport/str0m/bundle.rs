//! Datagrams of one size to one place, which the kernel takes in one call and parts again (Linux's `UDP_SEGMENT`): a frame is
//! some of them at once, and the call is most of what each costs.

use std::net::SocketAddr;

/// What one call may carry: less than the largest datagram, 65,507 bytes over IPv4.
const BYTES: usize = 60_000;

/// What waits to be sent together.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    source: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    data: Vec<u8>,
    /// The size of each but the last, in bytes.
    segment: usize,
    count: usize,
    /// The last one was shorter than the rest: none may follow it.
    ended: bool,
}

impl Bundle {
    /// Whether one of `len` bytes may join, where a call takes `most` of them.
    pub(super) fn takes(&self, source: SocketAddr, destination: SocketAddr, len: usize, most: usize) -> bool {
        self.count == 0
            || (self.source == Some(source)
                && self.destination == Some(destination)
                && !self.ended
                && self.count < most
                && (1..=self.segment).contains(&len)
                && self.data.len() + len <= BYTES)
    }

    /// Adds one that it takes.
    pub(super) fn push(&mut self, source: SocketAddr, destination: SocketAddr, data: &[u8]) {
        if self.count == 0 {
            (self.source, self.destination) = (Some(source), Some(destination));
            self.segment = data.len();
            self.ended = false;
            self.data.clear();
        }
        self.ended = data.len() < self.segment;
        self.count += 1;
        self.data.extend_from_slice(data);
    }

    /// What waits: from where, whereto, the bytes, and the size of each but the last. It waits no longer.
    pub(super) fn take(&mut self) -> Option<(SocketAddr, SocketAddr, &[u8], usize)> {
        if std::mem::take(&mut self.count) == 0 {
            return None;
        }
        Some((self.source?, self.destination?, &self.data, self.segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[test]
    fn what_is_alike_goes_together_and_a_shorter_one_is_the_last() {
        let mut bundle = Bundle::default();
        assert!(bundle.take().is_none());
        assert!(bundle.takes(at(1), at(2), 3, 8));
        bundle.push(at(1), at(2), b"abc");
        assert!(!bundle.takes(at(1), at(3), 3, 8), "another place");
        assert!(!bundle.takes(at(3), at(2), 3, 8), "from elsewhere");
        assert!(!bundle.takes(at(1), at(2), 4, 8), "longer");
        assert!(!bundle.takes(at(1), at(2), 0, 8), "nothing");
        assert!(!bundle.takes(at(1), at(2), 3, 1), "too many");
        bundle.push(at(1), at(2), b"def");
        assert!(bundle.takes(at(1), at(2), 2, 8));
        bundle.push(at(1), at(2), b"gh");
        assert!(!bundle.takes(at(1), at(2), 2, 8), "the last one was shorter");
        assert_eq!(bundle.take(), Some((at(1), at(2), &b"abcdefgh"[..], 3)));
        assert!(bundle.take().is_none());
        assert!(bundle.takes(at(5), at(6), 9, 1), "it begins anew");
        bundle.push(at(5), at(6), b"z");
        assert_eq!(bundle.take(), Some((at(5), at(6), &b"z"[..], 1)));
    }

    #[test]
    fn no_call_carries_more_than_a_datagram_may() {
        let mut bundle = Bundle::default();
        let data = [0; 1200];
        let mut count = 0;
        while bundle.takes(at(1), at(2), data.len(), 64) {
            bundle.push(at(1), at(2), &data);
            count += 1;
        }
        assert_eq!(count, 50);
    }
}
