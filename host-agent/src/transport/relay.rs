//! Addresses at TURN servers (RFC 8656), for hosts and viewers that cannot reach each other: one allocation for each
//! viewer, by the first way that works: UDP, TCP, or TLS over TCP.
//!
//! A peer connection sends from a relayed address as from one of this machine's; what goes to and comes from the server
//! is the business of a task of its own, which ends with the viewer.

mod allocation;
pub(super) mod stun;
mod url;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use signaling_spec::{IceServer, ViewerId};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use self::allocation::Login;
use self::url::TurnUrl;

/// Datagrams that wait for a server's connection; more are lost, as any may be.
const OUTGOING: usize = 512;
/// Events of all allocations that wait for the transport.
const INCOMING: usize = 1024;
/// Ways that are tried for one viewer, whatever a router names.
const MOST_WAYS: usize = 6;

/// What an allocation has to say.
#[derive(Debug)]
pub(super) struct RelayEvent {
    pub(super) viewer: ViewerId,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// There is an address that leads here by way of a server; `local` is ours towards it.
    Allocated { relayed: SocketAddr, local: SocketAddr },
    Datagram {
        relayed: SocketAddr,
        from: SocketAddr,
        data: Vec<u8>,
    },
    /// No way to a server works (any more).
    Failed,
}

/// One datagram for a server to pass on.
pub(super) type Outgoing = (SocketAddr, Vec<u8>);

#[derive(Debug)]
struct Relay {
    outgoing: mpsc::Sender<Outgoing>,
    relayed: Option<SocketAddr>,
    task: AbortHandle,
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The sender goes with it: the task gives the address back to its server, unless it is not that far.
        if self.relayed.is_none() {
            self.task.abort();
        }
    }
}

/// The allocations of all viewers.
pub(super) struct Relays {
    tls: TlsConnector,
    relays: BTreeMap<ViewerId, Relay>,
    say: mpsc::Sender<RelayEvent>,
    events: mpsc::Receiver<RelayEvent>,
}

impl std::fmt::Debug for Relays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relays")
            .field("relays", &self.relays)
            .finish_non_exhaustive()
    }
}

impl Relays {
    pub(super) fn new(tls: Arc<rustls::ClientConfig>) -> Self {
        let (say, events) = mpsc::channel(INCOMING);
        Self {
            tls: TlsConnector::from(tls),
            relays: BTreeMap::new(),
            say,
            events,
        }
    }

    /// Asks the servers that are TURN servers for an address for that viewer.
    pub(super) fn begin(&mut self, viewer: ViewerId, servers: &[IceServer]) {
        let mut ways: Vec<(TurnUrl, Login)> = servers
            .iter()
            .filter_map(|server| Some((server, server.username.as_ref()?, server.credential.as_ref()?)))
            .flat_map(|(server, user, password)| {
                let login = Login::new(user, password);
                let urls = server.urls.iter().filter_map(|text| TurnUrl::parse(text));
                urls.map(move |url| (url, login.clone()))
            })
            .collect();
        ways.sort_by_key(|(url, _)| url.way);
        ways.truncate(MOST_WAYS);
        if ways.is_empty() {
            return;
        }
        let (outgoing, orders) = mpsc::channel(OUTGOING);
        let task = tokio::spawn(allocation::run(
            viewer,
            ways,
            self.tls.clone(),
            orders,
            self.say.clone(),
        ));
        let relay = Relay {
            outgoing,
            relayed: None,
            task: task.abort_handle(),
        };
        self.relays.insert(viewer, relay);
    }

    /// Sends from a relayed address; whether it is one.
    pub(super) fn send(&self, source: SocketAddr, destination: SocketAddr, data: &[u8]) -> bool {
        let relay = self.relays.values().find(|relay| relay.relayed == Some(source));
        if let Some(relay) = relay
            && relay.outgoing.try_send((destination, data.to_vec())).is_err()
        {
            tracing::trace!("Lost a datagram on its way to a TURN server");
        }
        relay.is_some()
    }

    pub(super) fn forget(&mut self, viewer: ViewerId) {
        self.relays.remove(&viewer);
    }

    /// Waits for news of a viewer that is still there. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> RelayEvent {
        loop {
            let Some(event) = self.events.recv().await else {
                return std::future::pending().await;
            };
            let Some(relay) = self.relays.get_mut(&event.viewer) else {
                continue;
            };
            if let What::Allocated { relayed, .. } = &event.what {
                relay.relayed = Some(*relayed);
            }
            return event;
        }
    }
}
