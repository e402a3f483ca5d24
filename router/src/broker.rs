//! Who is joined to whom: tickets, sessions, and the texts that go between a viewer and its host.
//!
//! Two tasks own all of it: one for the viewers whose sockets are here, one for the hosts whose sockets are here and
//! for their sessions. They reach each other by the [`Bus`] alone. Sockets and HTTP calls talk to both through
//! [`Broker`].

mod hosts;
mod viewers;

use std::sync::Arc;

use signaling_spec::claims::AccessClaims;
use signaling_spec::{EndReason, Fingerprint, HostId, IceServer, SessionId, Signal};
use tokio::sync::{mpsc, oneshot};

use crate::auth::{Authority, random_bytes, random_secret, sha256};
use crate::bus::{Bus, Directory, Letter, NodeId, Undelivered};
use crate::link::Outbox;

pub use hosts::Connection;

/// Frames that may wait for a viewer; a slower one is disconnected.
const OUTBOX: usize = 64;
const EVENTS: usize = 1024;

/// What a ticket opens.
#[derive(Clone, Debug)]
pub struct Seat {
    pub sid: SessionId,
    pub host: HostId,
    /// Whose it is and until when; what [`Authority::still_valid`] is asked about while the session lives.
    pub claims: AccessClaims,
    pub viewer_fp: Fingerprint,
    pub viewer_nonce: String,
    pub resume: Option<SessionId>,
    /// For the host; a viewer gets its own.
    pub ice_servers: Vec<IceServer>,
    pub relay_only: bool,
    /// The router's signature for the host, where the two are not one process, and the lease that it gives.
    pub grant: Option<Grant>,
}

/// A signed grant and how long it lasts without a renewal.
#[derive(Clone)]
pub struct Grant {
    pub token: String,
    pub lease: u32,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// Where the viewer's connection came in.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    pub page: Option<String>,
    pub local: Option<String>,
}

/// Why a viewer's socket is closed; the code and word of its close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Ended(EndReason),
    Rejected,
    HostOffline,
    Overload,
}

impl Over {
    pub(crate) fn frame(self) -> (u16, &'static str) {
        match self {
            Self::Ended(EndReason::Replaced) => (4006, "replaced"),
            Self::Ended(EndReason::Revoked) => (4007, "revoked"),
            Self::Ended(EndReason::Dismissed) => (4009, "dismissed"),
            Self::Ended(
                EndReason::Closed
                | EndReason::Lost
                | EndReason::Stopping
                | EndReason::Policy
                | EndReason::Error,
            ) => (1000, "ended"),
            Self::Rejected => (1000, "rejected"),
            Self::HostOffline => (4008, "host_offline"),
            Self::Overload => (1013, "overload"),
        }
    }
}

/// What a viewer's socket is told.
#[derive(Clone, Debug)]
pub(crate) enum ToViewer {
    Signal(Box<Signal>),
    Close(Over),
}

/// A handle to both tasks.
#[derive(Clone, Debug)]
pub struct Broker {
    viewers: mpsc::Sender<viewers::Event>,
    hosts: mpsc::Sender<hosts::Event>,
}

/// The broker's tasks have ended: the router is shutting down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the router is shutting down")]
pub struct Stopped;

/// The bus of a router that is alone.
#[derive(Debug)]
struct Alone {
    here: NodeId,
    viewers: mpsc::Sender<viewers::Event>,
    hosts: mpsc::Sender<hosts::Event>,
}

impl Bus for Alone {
    fn here(&self) -> &NodeId {
        &self.here
    }

    fn post(&self, to: &NodeId, letter: Letter) -> Result<(), Undelivered> {
        if *to != self.here {
            return Err(Undelivered);
        }
        match letter {
            Letter::ForHost(letter) => {
                let event = hosts::Event::Letter(letter);
                self.hosts.try_send(event).map_err(|_| Undelivered)
            }
            Letter::ForViewer(letter) => {
                let event = viewers::Event::Letter(letter);
                self.viewers.try_send(event).map_err(|_| Undelivered)
            }
        }
    }
}

impl Broker {
    /// A broker of one node.
    pub fn start(authority: Arc<dyn Authority>, directory: Arc<dyn Directory>) -> Self {
        let (viewers, from_viewers) = mpsc::channel(EVENTS);
        let (hosts, from_hosts) = mpsc::channel(EVENTS);
        let bus: Arc<dyn Bus> = Arc::new(Alone {
            here: NodeId("here".to_owned()),
            viewers: viewers.clone(),
            hosts: hosts.clone(),
        });
        tokio::spawn(viewers::run(
            Arc::clone(&bus),
            Arc::clone(&directory),
            from_viewers,
        ));
        tokio::spawn(hosts::run(bus, directory, authority, from_hosts));
        Self { viewers, hosts }
    }

    /// Makes a ticket that takes this seat, once and soon.
    ///
    /// # Errors
    /// The router is shutting down.
    pub async fn admit(&self, seat: Seat) -> Result<String, Stopped> {
        let ticket = random_secret();
        let event = viewers::Event::Admit {
            seat: Box::new(seat),
            ticket: sha256(ticket.as_bytes()),
        };
        self.viewers.send(event).await.map_err(|_| Stopped)?;
        Ok(ticket)
    }

    pub(crate) async fn take(&self, ticket: &str) -> Result<Option<Seat>, Stopped> {
        let (reply, answer) = oneshot::channel();
        let event = viewers::Event::Take {
            ticket: sha256(ticket.as_bytes()),
            reply,
        };
        self.viewers.send(event).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    pub(crate) async fn attach(
        &self,
        seat: Seat,
        arrival: Arrival,
    ) -> Result<mpsc::Receiver<ToViewer>, Stopped> {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let event = viewers::Event::Attach {
            seat: Box::new(seat),
            arrival,
            outbox,
        };
        self.viewers.send(event).await.map_err(|_| Stopped)?;
        Ok(inbox)
    }

    pub(crate) async fn relay(&self, signal: Signal) -> Result<(), Stopped> {
        let event = viewers::Event::FromViewer(Box::new(signal));
        self.viewers.send(event).await.map_err(|_| Stopped)
    }

    pub(crate) async fn gone(&self, sid: SessionId) {
        let _ = self.viewers.send(viewers::Event::Gone(sid)).await;
    }

    /// A host is there; what is for it goes into `outbox`, which must be read. An older connection of the same host
    /// is let go: its outbox closes.
    ///
    /// # Errors
    /// The router is shutting down.
    pub async fn host_arrived(&self, host: HostId, outbox: Outbox) -> Result<Connection, Stopped> {
        let (reply, answer) = oneshot::channel();
        let event = hosts::Event::Arrived { host, outbox, reply };
        self.hosts.send(event).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    /// What a host says.
    ///
    /// # Errors
    /// The router is shutting down.
    pub async fn host_says(&self, from: &Connection, signal: Signal) -> Result<(), Stopped> {
        let event = hosts::Event::Says(from.clone(), Box::new(signal));
        self.hosts.send(event).await.map_err(|_| Stopped)
    }

    pub async fn host_left(&self, from: Connection) {
        let _ = self.hosts.send(hosts::Event::Left(from)).await;
    }

    /// Tells a host something that belongs to no session. It may not arrive.
    pub async fn order(&self, host: HostId, signal: Signal) {
        let event = hosts::Event::Order {
            host,
            signal: Box::new(signal),
        };
        let _ = self.hosts.send(event).await;
    }

    /// A session that lives at a host from before this router began; its viewer has no socket here.
    pub async fn restore(&self, host: HostId, sid: SessionId, claims: AccessClaims, lease: u32) {
        let event = hosts::Event::Restore {
            host,
            sid,
            claims: Box::new(claims),
            lease,
        };
        let _ = self.hosts.send(event).await;
    }
}

/// A name for a new session: 128 random bits.
pub fn new_sid() -> SessionId {
    use base64::Engine as _;
    SessionId(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<16>()))
}
