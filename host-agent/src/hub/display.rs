//! The size of the screen: whose window decides, and telling the studio.

use std::time::Instant;

use session_core::sizing::{Order, Wish};
use signaling_spec::limits::{
    MAX_DENSITY, MAX_DISPLAY_HEIGHT, MAX_DISPLAY_WIDTH, MIN_DENSITY, MIN_DISPLAY_SIDE,
};
use signaling_spec::{Refusal, Right, ViewerId};

use super::Hub;
use crate::media::studio::Command;

impl Hub {
    pub(super) fn resize(
        &mut self,
        viewer: ViewerId,
        (width, height): (u32, u32),
        density: u32,
        asked: bool,
    ) -> Result<(), Refusal> {
        let fits = |side: u32, most: u32| (MIN_DISPLAY_SIDE..=most).contains(&side);
        if !fits(width, MAX_DISPLAY_WIDTH)
            || !fits(height, MAX_DISPLAY_HEIGHT)
            || !(MIN_DENSITY..=MAX_DENSITY).contains(&density)
        {
            return Err(Refusal::Malformed);
        }
        let wish = Wish {
            width: width & !1,
            height: height & !1,
            density,
        };
        self.sizing.handle_wish(viewer, wish, asked);
        self.order_size();
        Ok(())
    }

    /// The size comes with the offer: the desktop takes it while the connection is made.
    pub(super) fn size_to_newcomer(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get(&viewer) else {
            return;
        };
        let wanted = session
            .wanted_size
            .filter(|_| session.rights.has(Right::DisplayResize));
        if let Some(([width, height], density)) = wanted {
            // A size that no screen can have is no reason to refuse the viewer.
            let _ = self.resize(viewer, (width, height), density, false);
        }
    }

    /// That viewer pressed something: its window may be the one that counts now.
    pub(super) fn used(&mut self, viewer: ViewerId) {
        self.sizing.handle_use(viewer, Instant::now());
        self.order_size();
    }

    pub(super) fn order_size(&mut self) {
        if let Some(order) = self.sizing.poll(Instant::now()) {
            self.studio.try_tell(match order {
                Order::Take(wish) => Command::Resize(wish),
                Order::Restore => Command::Restore,
            });
        }
    }
}
