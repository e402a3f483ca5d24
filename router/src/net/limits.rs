//! What one address may take: connections at a time, connections a second, failed attempts a minute; and calls of whoever
//! is counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use session_core::rate::Bucket;

/// Connections that one address may hold at a time.
const CONCURRENT: usize = 128;
/// New connections a second from one address; four times as many in a burst.
const PER_SECOND: u32 = 50;
/// Failed attempts from one address before it must be quiet for [`QUIET`].
const FAILURES: u32 = 10;
const QUIET: Duration = Duration::from_secs(60);
/// Addresses that are remembered; the rest share one entry.
const ADDRESSES: usize = 10_000;

/// One address, or one IPv6 network of 64 bits: whoever has one of its addresses has them all.
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
    }
}

/// Failed attempts to get in, by address.
#[derive(Clone, Debug, Default)]
pub struct Failures(Arc<Mutex<HashMap<IpAddr, (Bucket, Instant)>>>);

impl Failures {
    /// Whether this address may try (again).
    pub fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(&place(address)).is_none_or(|(bucket, at)| {
            now.saturating_duration_since(*at) >= QUIET || bucket.clone().take(now)
        })
    }

    /// One more.
    pub fn count(&self, address: IpAddr, now: Instant) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= ADDRESSES {
            map.retain(|_, (_, at)| now.saturating_duration_since(*at) < QUIET);
        }
        let key = if map.len() >= ADDRESSES {
            IpAddr::from([0, 0, 0, 0])
        } else {
            place(address)
        };
        let (bucket, at) = map
            .entry(key)
            .or_insert_with(|| (Bucket::with_burst(0, FAILURES), now));
        if now.saturating_duration_since(*at) >= QUIET {
            *bucket = Bucket::with_burst(0, FAILURES);
        }
        *at = now;
        bucket.take(now);
    }
}

/// Calls of each of many: addresses, accounts.
#[derive(Debug)]
pub struct Calls<K> {
    each: Bucket,
    /// Whoever finds no entry shares the one without a name.
    all: Mutex<HashMap<Option<K>, Bucket>>,
}

impl<K: Eq + Hash> Calls<K> {
    /// Each may take as this bucket, which is full, gives.
    pub fn new(each: Bucket) -> Self {
        Self {
            each,
            all: Mutex::default(),
        }
    }

    /// One more.
    ///
    /// # Errors
    /// There were too many; how long to wait.
    pub fn take(&self, who: K, now: Instant) -> Result<(), Duration> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(who);
        if all.len() >= ADDRESSES && !all.contains_key(&key) {
            all.retain(|_, bucket| !bucket.is_full(now));
            if all.len() >= ADDRESSES {
                key = None;
            }
        }
        let bucket = all.entry(key).or_insert_with(|| self.each.clone());
        if bucket.take(now) {
            Ok(())
        } else {
            Err(bucket.wait(now))
        }
    }
}

/// Open connections, by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<IpAddr, (usize, Bucket)>>>);

/// One open connection; dropping it gives its place back.
#[derive(Debug)]
pub(crate) struct Place(Connections, IpAddr);

impl Connections {
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> Option<Place> {
        let key = place(address);
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= ADDRESSES {
            map.retain(|_, (open, bucket)| *open > 0 || !bucket.is_full(now));
        }
        let (open, bucket) = map
            .entry(key)
            .or_insert_with(|| (0, Bucket::with_burst(PER_SECOND, PER_SECOND * 4)));
        if *open >= CONCURRENT || !bucket.take(now) {
            return None;
        }
        *open += 1;
        Some(Place(self.clone(), key))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((open, _)) = map.get_mut(&self.1) {
            *open = open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_close_the_door_for_a_while() {
        let (failures, now) = (Failures::default(), Instant::now());
        let address = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..10 {
            assert!(failures.may_try(address, now));
            failures.count(address, now);
        }
        assert!(!failures.may_try(address, now));
        assert!(failures.may_try(IpAddr::from([192, 0, 2, 2]), now));
        assert!(failures.may_try(address, now + Duration::from_secs(61)));
    }

    #[test]
    fn whoever_calls_too_often_waits_as_long_as_is_said() {
        let (calls, now) = (
            Calls::new(Bucket::per(2, Duration::from_secs(60), 3)),
            Instant::now(),
        );
        for _ in 0..3 {
            calls.take("a", now).unwrap();
        }
        let wait = calls.take("a", now).unwrap_err();
        assert_eq!(wait.as_secs(), 30);
        assert!(calls.take("a", now + wait - Duration::from_secs(1)).is_err());
        assert_eq!(calls.take("b", now), Ok(()));
        assert_eq!(calls.take("a", now + wait), Ok(()));
    }

    #[test]
    fn strangers_without_end_cost_a_bounded_memory() {
        let (calls, now) = (
            Calls::new(Bucket::per(1, Duration::from_secs(1), 1)),
            Instant::now(),
        );
        for who in 0..ADDRESSES {
            calls.take(who, now).unwrap();
        }
        calls.take(ADDRESSES, now).unwrap();
        assert!(calls.take(ADDRESSES + 1, now).is_err(), "they share what is left");
        assert!(calls.all.lock().unwrap().len() <= ADDRESSES + 1);
        assert_eq!(calls.take(ADDRESSES + 2, now + Duration::from_secs(2)), Ok(()));
        assert!(
            calls.all.lock().unwrap().len() <= 2,
            "forgotten when they are quiet"
        );
    }

    #[test]
    fn one_address_cannot_take_all_connections() {
        let (connections, now) = (Connections::default(), Instant::now());
        let address = IpAddr::from([0xfd00, 0, 0, 1, 0, 0, 0, 1]);
        let held: Vec<Place> = (0..CONCURRENT)
            .filter_map(|_| connections.admit(address, now))
            .collect();
        assert_eq!(held.len(), CONCURRENT);
        assert!(
            connections
                .admit(IpAddr::from([0xfd00, 0, 0, 1, 9, 9, 9, 9]), now)
                .is_none(),
            "same network"
        );
        drop(held);
        assert!(connections.admit(address, now).is_some());
    }
}
