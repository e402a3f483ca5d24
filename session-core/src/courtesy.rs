//! What the person at the host is owed: a sign while somebody watches, a machine that stays awake for whoever
//! works on it, and, where it is wanted, a locked screen once they have gone.
//!
//! Who only lost the network comes back within seconds, as often as not, and would find the screen locked: a lost
//! session locks after [`GRACE`], one that was ended locks at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signaling_spec::{EndReason, ViewerId};

/// How long the screen of a lost session waits for its viewer before it is locked.
pub const GRACE: Duration = Duration::from_secs(15);

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Courtesy {
    /// These watch, by name, in the order in which they came; nobody when empty.
    Watched(Vec<String>),
    /// Whether the machine must not fall asleep.
    Awake(bool),
    /// The screen is to be locked.
    Lock,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub struct Courtesies {
    lock: bool,
    viewers: BTreeMap<ViewerId, Guest>,
    lock_at: Option<Instant>,
    out: Vec<Courtesy>,
}

#[derive(Debug)]
struct Guest {
    name: String,
    controls: bool,
}

impl Courtesies {
    /// `lock`: whether the screen is locked when nobody is left who may use it.
    pub fn new(lock: bool) -> Self {
        Self {
            lock,
            ..Self::default()
        }
    }

    /// Somebody watches from now on; `controls` when keys or pointer are theirs, too.
    pub fn join(&mut self, viewer: ViewerId, name: String, controls: bool) {
        let first = self.viewers.is_empty();
        self.viewers.insert(viewer, Guest { name, controls });
        if controls {
            self.lock_at = None;
        }
        if first {
            self.out.push(Courtesy::Awake(true));
        }
        self.tell_watched();
    }

    /// That viewer has gone, for this reason.
    pub fn leave(&mut self, viewer: ViewerId, reason: EndReason, now: Instant) {
        let Some(guest) = self.viewers.remove(&viewer) else {
            return;
        };
        self.tell_watched();
        if self.viewers.is_empty() {
            self.out.push(Courtesy::Awake(false));
        }
        // One who may only watch has opened nothing that could stay open.
        if self.lock && guest.controls && !self.viewers.values().any(|guest| guest.controls) {
            let wait = match reason {
                // The same person goes on in another session, or may.
                EndReason::Lost | EndReason::Replaced | EndReason::Error => GRACE,
                EndReason::Closed
                | EndReason::Dismissed
                | EndReason::Revoked
                | EndReason::Stopping
                | EndReason::Policy => Duration::ZERO,
            };
            self.lock_at = Some(now + wait);
            self.handle_timeout(now);
        }
    }

    /// The agent ends: what waits is done now.
    pub fn stop(&mut self) {
        if self.lock_at.take().is_some() {
            self.out.push(Courtesy::Lock);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.lock_at.is_some_and(|at| at <= now) {
            self.lock_at = None;
            self.out.push(Courtesy::Lock);
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.lock_at
    }

    /// What to do next, oldest first.
    pub fn poll_output(&mut self) -> Option<Courtesy> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    fn tell_watched(&mut self) {
        // Nobody sees what was to be shown and no longer is.
        self.out.retain(|out| !matches!(out, Courtesy::Watched(_)));
        let names = self.viewers.values().map(|guest| guest.name.clone()).collect();
        self.out.push(Courtesy::Watched(names));
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]
mod tests {
    use super::*;

    fn drain(it: &mut Courtesies) -> Vec<Courtesy> {
        std::iter::from_fn(|| it.poll_output()).collect()
    }

    fn watched(names: &[&str]) -> Courtesy {
        Courtesy::Watched(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn the_sign_names_who_watches_and_the_machine_is_awake_meanwhile() {
        let (mut it, now) = (Courtesies::new(false), Instant::now());
        it.join(ViewerId(1), "ann".into(), true);
        assert_eq!(drain(&mut it), [Courtesy::Awake(true), watched(&["ann"])]);
        it.join(ViewerId(2), "ben".into(), false);
        assert_eq!(drain(&mut it), [watched(&["ann", "ben"])]);
        it.leave(ViewerId(1), EndReason::Closed, now);
        it.leave(ViewerId(2), EndReason::Closed, now);
        it.leave(ViewerId(2), EndReason::Closed, now);
        assert_eq!(drain(&mut it), [watched(&[]), Courtesy::Awake(false)]);
        assert_eq!(
            it.poll_timeout(),
            None,
            "nothing is locked that was not asked for"
        );
    }

    #[test]
    fn the_screen_is_locked_when_the_last_who_controls_has_gone() {
        let (mut it, now) = (Courtesies::new(true), Instant::now());
        for (viewer, controls) in [(1, true), (2, true), (3, false)] {
            it.join(ViewerId(viewer), String::new(), controls);
        }
        it.leave(ViewerId(1), EndReason::Closed, now);
        assert!(!drain(&mut it).contains(&Courtesy::Lock), "one is left");
        it.leave(ViewerId(2), EndReason::Revoked, now);
        assert!(drain(&mut it).contains(&Courtesy::Lock), "the third only watches");
        it.leave(ViewerId(3), EndReason::Closed, now);
        assert!(!drain(&mut it).contains(&Courtesy::Lock));
    }

    #[test]
    fn who_was_lost_has_a_while_to_come_back() {
        let (mut it, now) = (Courtesies::new(true), Instant::now());
        it.join(ViewerId(1), String::new(), true);
        it.leave(ViewerId(1), EndReason::Lost, now);
        assert_eq!(it.poll_timeout(), Some(now + GRACE));
        it.join(ViewerId(2), String::new(), true);
        assert_eq!(it.poll_timeout(), None);
        it.leave(ViewerId(2), EndReason::Lost, now);
        drain(&mut it);
        it.handle_timeout(now + GRACE - Duration::from_millis(1));
        assert_eq!(it.poll_output(), None);
        it.handle_timeout(now + GRACE);
        assert_eq!(drain(&mut it), [Courtesy::Lock]);
        // An agent that ends does not forget what it was about to do.
        it.join(ViewerId(3), String::new(), true);
        it.leave(ViewerId(3), EndReason::Lost, now);
        drain(&mut it);
        it.stop();
        assert_eq!(drain(&mut it), [Courtesy::Lock]);
    }
}
