//! How much one account and one address may ask of a router, and how much one account may have at a time.
//!
//! Failed attempts to get in are counted elsewhere (`router::net`), for they are of strangers; these are of people who are
//! logged in, or of whatever they run.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use router::net::{Calls, place};
use session_core::rate::Bucket;
use tokio::sync::{Mutex, MutexGuard};

use crate::config::Most;
use crate::error::TeamError;

/// So many seconds of calls may come at once: a page that opens asks for much.
const AT_ONCE: u32 = 10;
/// Somebody is written into the audit log so often at most, however fast they call.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// What is counted is counted one after another for each account; so many at a time in all.
const LANES: usize = 64;

/// See the module documentation.
#[derive(Debug)]
pub struct Limits {
    pub most: Most,
    accounts: Calls<String>,
    addresses: Calls<IpAddr>,
    joins: Calls<String>,
    told: Calls<String>,
    lanes: Vec<Mutex<()>>,
    lane_of: RandomState,
}

impl Limits {
    pub fn new(most: Most) -> Self {
        let second = |many: u32| Bucket::per(many, Duration::from_secs(1), many.saturating_mul(AT_ONCE));
        let joins = most.joins_per_account;
        Self {
            accounts: Calls::new(second(most.calls_per_account)),
            addresses: Calls::new(second(most.calls_per_address)),
            joins: Calls::new(Bucket::per(
                joins,
                Duration::from_secs(60),
                joins.saturating_mul(2),
            )),
            told: Calls::new(Bucket::per(1, TELL_EVERY, 1)),
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
            lane_of: RandomState::new(),
            most,
        }
    }

    /// A call from this address.
    ///
    /// # Errors
    /// There were too many.
    pub fn address(&self, address: IpAddr, now: Instant) -> Result<(), TeamError> {
        let wait = self.addresses.take(place(address), now);
        wait.map_err(|wait| self.too_fast("address", address.to_string(), wait, now))
    }

    /// A call of this account.
    ///
    /// # Errors
    /// There were too many.
    pub fn account(&self, account: &str, now: Instant) -> Result<(), TeamError> {
        let wait = self.accounts.take(account.to_owned(), now);
        wait.map_err(|wait| self.too_fast("account", account.to_owned(), wait, now))
    }

    /// A session that this account begins.
    ///
    /// # Errors
    /// There were too many.
    pub fn join(&self, account: &str, now: Instant) -> Result<(), TeamError> {
        let wait = self.joins.take(account.to_owned(), now);
        wait.map_err(|wait| self.too_fast("joins", account.to_owned(), wait, now))
    }

    /// Whether it is to be written down that `who` is too fast, or was a moment ago.
    pub fn is_news(&self, who: String, now: Instant) -> bool {
        self.told.take(who, now).is_ok()
    }

    /// Holds up other calls of this account that count what it has, until the result is dropped.
    pub async fn counting(&self, account: &str) -> Option<MutexGuard<'_, ()>> {
        let lanes = u64::try_from(self.lanes.len()).unwrap_or(1);
        let lane = usize::try_from(self.lane_of.hash_one(account) % lanes).unwrap_or_default();
        match self.lanes.get(lane) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        }
    }

    fn too_fast(&self, of: &str, who: String, wait: Duration, now: Instant) -> TeamError {
        let account = if of == "address" { "" } else { &who };
        let account = account.to_owned();
        if self.is_news(format!("{of} {who}"), now) {
            router::audit!("RMV7008W", account, of, "Too many calls");
        }
        TeamError::TooFast(wait.as_secs().saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_held_up_and_the_others_are_not() {
        let (limits, now) = (Limits::new(Most::default()), Instant::now());
        for _ in 0..60 {
            limits.join("ada", now).unwrap();
        }
        let error = limits.join("ada", now).unwrap_err();
        assert!(
            matches!(error, TeamError::TooFast(3)),
            "two seconds each: {error}"
        );
        limits.join("bob", now).unwrap();
        limits.account("ada", now).unwrap();
        limits.join("ada", now + Duration::from_secs(3)).unwrap();
        // Whoever has one address of a network has them all.
        let at = |last| IpAddr::from([0xfd00, 0, 0, 1, 0, 0, 0, last]);
        for n in 0..1000 {
            limits.address(at(n), now).unwrap();
        }
        assert!(limits.address(at(1000), now).is_err());
        limits.address(IpAddr::from([192, 0, 2, 1]), now).unwrap();
    }

    #[test]
    fn it_is_written_once_a_minute() {
        let (limits, now) = (Limits::new(Most::default()), Instant::now());
        assert!(limits.is_news("ada".to_owned(), now));
        assert!(!limits.is_news("ada".to_owned(), now + Duration::from_secs(59)));
        assert!(limits.is_news("bob".to_owned(), now));
        assert!(limits.is_news("ada".to_owned(), now + Duration::from_secs(61)));
    }
}
