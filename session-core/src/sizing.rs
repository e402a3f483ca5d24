//! Whose window sizes the desktop.
//!
//! One viewer's at a time does, the holder's, so that two windows never fight. The first who says a size holds it; it
//! goes to another when that one presses something and the holder has been quiet for [`QUIET`], or when the holder
//! leaves. A physical screen takes a size only when it is asked to, and gets its own back when the one who asked has
//! gone. Orders keep [`SPACING`], so that a window dragged larger does not make a desktop of every step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use signaling_spec::{EndReason, ViewerId};

/// The least time between two orders.
pub const SPACING: Duration = Duration::from_millis(150);
/// A holder who pressed something within this time keeps the size.
pub const QUIET: Duration = Duration::from_secs(3);
/// A holder who was lost may come back within this time, before anything changes.
pub const GRACE: Duration = Duration::from_secs(8);

/// A viewer's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// In device pixels, both even.
    pub width: u32,
    pub height: u32,
    /// Device pixels to a CSS pixel, in percent: what text is to be drawn for.
    pub density: u32,
}

/// What the screen is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Take(Wish),
    /// What it had before anybody asked.
    Restore,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    wish: Wish,
    used: Option<Instant>,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Sizing {
    follows: bool,
    windows: BTreeMap<ViewerId, Window>,
    holder: Option<ViewerId>,
    /// Until when the place of a holder who was lost is kept.
    vacant_until: Option<Instant>,
    last: Option<Instant>,
    next: Option<Order>,
    /// What was ordered last.
    now: Option<Order>,
}

impl Sizing {
    /// `follows`: nobody sits at the screen, so it takes a window's size unasked.
    pub fn new(follows: bool) -> Self {
        Self {
            follows,
            windows: BTreeMap::new(),
            holder: None,
            vacant_until: None,
            last: None,
            next: None,
            now: None,
        }
    }

    /// That viewer's window has this size. `asked`: its reader wants the screen to take it.
    pub fn handle_wish(&mut self, viewer: ViewerId, wish: Wish, asked: bool) {
        let used = self.windows.get(&viewer).and_then(|window| window.used);
        self.windows.insert(viewer, Window { wish, used });
        // A newcomer may be the holder who was lost.
        let takes = asked || (self.follows && self.holder.is_none_or(|holder| holder == viewer));
        if takes {
            self.hold(viewer);
        }
    }

    /// That viewer pressed something.
    pub fn handle_use(&mut self, viewer: ViewerId, now: Instant) {
        let busy = self
            .holder
            .filter(|holder| *holder != viewer)
            .and_then(|holder| self.windows.get(&holder)?.used)
            .is_some_and(|used| used + QUIET > now);
        let Some(window) = self.windows.get_mut(&viewer) else {
            return;
        };
        window.used = Some(now);
        if self.follows && !busy && self.holder != Some(viewer) {
            self.hold(viewer);
        }
    }

    pub fn handle_leave(&mut self, viewer: ViewerId, reason: EndReason, now: Instant) {
        self.windows.remove(&viewer);
        if self.holder != Some(viewer) {
            return;
        }
        self.holder = None;
        let wait = match reason {
            EndReason::Lost | EndReason::Replaced | EndReason::Error => GRACE,
            EndReason::Closed
            | EndReason::Dismissed
            | EndReason::Revoked
            | EndReason::Stopping
            | EndReason::Policy => Duration::ZERO,
        };
        self.vacant_until = Some(now + wait);
    }

    /// Another display is there, or the same one anew: what was ordered is ordered again.
    pub fn handle_reopened(&mut self) {
        self.now = None;
        if let Some(window) = self.holder.and_then(|holder| self.windows.get(&holder)) {
            self.next = Some(Order::Take(window.wish));
        }
    }

    /// What the screen is to do now.
    pub fn poll(&mut self, now: Instant) -> Option<Order> {
        if self.vacant_until.is_some_and(|until| until <= now) {
            self.vacant_until = None;
            self.succeed();
        }
        if self.last.is_some_and(|last| last + SPACING > now) {
            return None;
        }
        let order = self.next.take().filter(|order| Some(*order) != self.now)?;
        self.now = Some(order);
        self.last = Some(now);
        Some(order)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let order = self.next.and(self.last).map(|last| last + SPACING);
        order.into_iter().chain(self.vacant_until).min()
    }

    fn hold(&mut self, viewer: ViewerId) {
        let Some(window) = self.windows.get(&viewer) else {
            return;
        };
        self.holder = Some(viewer);
        self.vacant_until = None;
        self.next = Some(Order::Take(window.wish));
    }

    /// The holder has gone for good.
    fn succeed(&mut self) {
        if !self.follows {
            // Whoever else watches has asked for nothing.
            if self.now.is_some() || self.next.is_some() {
                self.next = Some(Order::Restore);
            }
            return;
        }
        let next = self.windows.iter().max_by_key(|(_, window)| window.used);
        if let Some((viewer, _)) = next {
            self.hold(*viewer);
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests need one starting point on the clock; rules never read it"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: ViewerId = ViewerId(1);
    const B: ViewerId = ViewerId(2);

    fn wish(width: u32) -> Wish {
        Wish {
            width,
            height: 600,
            density: 100,
        }
    }

    fn take(width: u32) -> Option<Order> {
        Some(Order::Take(wish(width)))
    }

    #[test]
    fn one_window_sizes_and_another_only_watches() {
        let (mut it, t) = (Sizing::new(true), Instant::now());
        it.handle_wish(A, wish(1280), false);
        assert_eq!(it.poll(t), take(1280));
        it.handle_wish(B, wish(900), false);
        for step in 1..10 {
            it.handle_wish(B, wish(900 + step), false);
        }
        assert_eq!(it.poll(t + SPACING), None);
        // B takes over by using it, unless A is at work.
        it.handle_use(A, t + SPACING);
        it.handle_use(B, t + SPACING * 2);
        assert_eq!(it.poll(t + SPACING * 2), None);
        it.handle_use(B, t + SPACING + QUIET);
        assert_eq!(it.poll(t + SPACING + QUIET), take(909));
        it.handle_leave(B, EndReason::Closed, t + QUIET * 2);
        assert_eq!(it.poll(t + QUIET * 2), take(1280));
    }

    #[test]
    fn a_dragged_window_costs_few_sizes_and_the_last_is_right() {
        let (mut it, mut t) = (Sizing::new(true), Instant::now());
        let mut orders = Vec::new();
        for step in 0..50 {
            it.handle_wish(A, wish(800 + step), false);
            orders.extend(it.poll(t));
            t += Duration::from_millis(10);
        }
        while let Some(at) = it.poll_timeout() {
            orders.extend(it.poll(at));
        }
        assert!(orders.len() <= 5, "{}", orders.len());
        assert_eq!(orders.last().copied(), take(849));
    }

    #[test]
    fn a_physical_screen_waits_to_be_asked_and_gets_its_own_back() {
        let (mut it, t) = (Sizing::new(false), Instant::now());
        it.handle_wish(A, wish(1111), false);
        it.handle_use(A, t);
        assert_eq!(it.poll(t), None);
        it.handle_wish(A, wish(1111), true);
        assert_eq!(it.poll(t), take(1111));
        it.handle_wish(A, wish(1000), false);
        assert_eq!(it.poll(t + SPACING), None);
        it.handle_leave(A, EndReason::Closed, t + SPACING);
        assert_eq!(it.poll(t + SPACING), Some(Order::Restore));
        it.handle_wish(B, wish(500), true);
        assert_eq!(it.poll(t + SPACING * 2), take(500));
    }

    #[test]
    fn who_was_lost_comes_back_to_the_same_size() {
        let (mut it, t) = (Sizing::new(true), Instant::now());
        it.handle_wish(A, wish(1280), false);
        it.handle_wish(B, wish(900), false);
        it.poll(t);
        it.handle_leave(A, EndReason::Lost, t);
        assert_eq!(it.poll(t + GRACE / 2), None);
        it.handle_wish(ViewerId(3), wish(1280), false);
        assert_eq!(it.poll(t + GRACE), None, "it has that size already");
        it.handle_leave(ViewerId(3), EndReason::Lost, t + GRACE);
        assert_eq!(it.poll(t + GRACE * 2), take(900));
    }

    proptest! {
        /// In quiet nothing changes, and what was ordered last is what the holder's window has.
        #[test]
        fn nobody_fights(steps in proptest::collection::vec((0u32..4, 0u32..4, 500u32..520, 0u64..2_000), 1..80)) {
            let (mut it, mut t) = (Sizing::new(true), Instant::now());
            let mut shown = None;
            for (what, viewer, width, ms) in steps {
                t += Duration::from_millis(ms);
                let viewer = ViewerId(viewer);
                match what {
                    0 | 1 => it.handle_wish(viewer, wish(width), false),
                    2 => it.handle_use(viewer, t),
                    _ => it.handle_leave(viewer, EndReason::Closed, t),
                }
                shown = it.poll(t).or(shown);
            }
            for _ in 0..4 {
                if let Some(at) = it.poll_timeout() {
                    t = t.max(at);
                    shown = it.poll(t).or(shown);
                }
            }
            prop_assert_eq!(it.poll_timeout(), None);
            prop_assert_eq!(it.poll(t + QUIET), None);
            if let Some(holder) = it.holder {
                prop_assert_eq!(shown, Some(Order::Take(it.windows[&holder].wish)));
            } else {
                prop_assert!(it.windows.is_empty());
            }
        }
    }
}
