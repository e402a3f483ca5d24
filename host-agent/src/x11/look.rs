//! Asks where the pointer is, on a thread and a connection of its own: while an application holds the whole server, as
//! some do to draw a frame, an answer takes until it lets go, and nobody may wait for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use x11rb::protocol::xproto::{ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

/// A pointer that rests for so long is where it will stay.
const SETTLE: Duration = Duration::from_millis(50);

/// Where the pointer was put, and where it was found.
pub(super) type Look = ((u32, u32), (u32, u32));

#[derive(Debug)]
pub(super) struct Looker {
    ask: SyncSender<(u32, u32)>,
    found: Receiver<Look>,
    /// Where it was put last: an answer about an earlier place says nothing.
    last: Arc<AtomicU64>,
}

impl Looker {
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start(conn: RustConnection, root: Window) -> std::io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (tell, found) = sync_channel(1);
        let last = Arc::new(AtomicU64::new(0));
        let put = Arc::clone(&last);
        // It ends with the sink, or with the display.
        std::thread::Builder::new()
            .name("pointer-look".to_owned())
            .spawn(move || {
                while let Ok(asked) = asked.recv() {
                    let Some(mut at) = pointer(&conn, root) else {
                        return;
                    };
                    if at != asked {
                        // The move came by another connection, and the server may not have made it yet.
                        std::thread::sleep(SETTLE);
                        let Some(now) = pointer(&conn, root) else { return };
                        at = now;
                    }
                    if put.load(Ordering::Relaxed) == packed(asked) {
                        let _ = tell.try_send((asked, at));
                    }
                }
            })?;
        Ok(Self { ask, found, last })
    }

    /// The pointer is put there.
    pub(super) fn moved(&self, to: (u32, u32)) {
        self.last.store(packed(to), Ordering::Relaxed);
    }

    /// Asks, unless an answer is being waited for.
    pub(super) fn ask(&self, asked: (u32, u32)) {
        let _ = self.ask.try_send(asked);
    }

    pub(super) fn found(&self) -> Option<Look> {
        self.found.try_iter().last()
    }
}

fn packed((x, y): (u32, u32)) -> u64 {
    u64::from(x) << 32 | u64::from(y)
}

fn pointer(conn: &RustConnection, root: Window) -> Option<(u32, u32)> {
    let at = conn.query_pointer(root).ok()?.reply().ok()?;
    let place = |at: i16| u32::try_from(at).unwrap_or(0);
    Some((place(at.root_x), place(at.root_y)))
}
