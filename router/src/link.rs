//! The ordered message path between router and host. In direct mode both are in one process.

use signaling_spec::Signal;
use tokio::sync::mpsc;

/// Messages that may wait in each direction; a slower end loses the link, not memory.
const CAPACITY: usize = 256;

/// What is for a host. Boxed: a channel holds room for 32 messages from its beginning, for every idle host.
pub type Outbox = mpsc::Sender<Box<Signal>>;

/// The router's end.
#[derive(Debug)]
pub struct HostLink {
    pub to_host: Outbox,
    pub from_host: mpsc::Receiver<Signal>,
}

/// The host's end.
#[derive(Debug)]
pub struct RouterLink {
    pub to_router: mpsc::Sender<Signal>,
    pub from_router: mpsc::Receiver<Box<Signal>>,
}

/// A link inside one process.
pub fn in_memory() -> (HostLink, RouterLink) {
    let (to_host, from_router) = mpsc::channel(CAPACITY);
    let (to_router, from_host) = mpsc::channel(CAPACITY);
    (
        HostLink { to_host, from_host },
        RouterLink {
            to_router,
            from_router,
        },
    )
}
