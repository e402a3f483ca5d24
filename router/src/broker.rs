//! Who is joined to whom: tickets, sessions, and the texts that go between a viewer and its host.
//!
//! One task owns all of it; sockets and HTTP calls talk to it through [`Broker`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::tickets::{TicketBook, TicketHash};
use signaling_spec::claims::AccessClaims;
use signaling_spec::{EndReason, Fingerprint, SessionId, Signal};
use tokio::sync::{mpsc, oneshot};

use crate::audit;
use crate::auth::{Authority, random_bytes, random_secret, sha256};
use crate::link::HostLink;

/// Frames that may wait for a viewer; a slower one is disconnected.
pub(crate) const OUTBOX: usize = 64;
/// Tickets that may wait for their use.
const TICKETS: usize = 1024;
/// How often tokens of live sessions are looked at again.
const RECHECK_EVERY: Duration = Duration::from_secs(1);
const EVENTS: usize = 256;

/// What a ticket opens.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub sid: SessionId,
    pub claims: AccessClaims,
    pub viewer_fp: Fingerprint,
    pub viewer_nonce: String,
    pub resume: Option<SessionId>,
}

/// Where the viewer's connection came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    pub page: Option<String>,
    pub local: Option<String>,
}

/// What a viewer's socket is told.
#[derive(Clone, Debug)]
pub(crate) enum ToViewer {
    Signal(Signal),
    Close(u16, &'static str),
}

enum Event {
    Admit {
        seat: Box<Seat>,
        ticket: TicketHash,
    },
    Take {
        ticket: TicketHash,
        reply: oneshot::Sender<Option<Seat>>,
    },
    Attach {
        seat: Box<Seat>,
        arrival: Arrival,
        outbox: mpsc::Sender<ToViewer>,
    },
    FromViewer(Signal),
    Gone(SessionId),
}

/// A handle to the broker's task.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    events: mpsc::Sender<Event>,
}

/// The broker's task has ended: the router is shutting down.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Broker {
    pub(crate) fn start(link: HostLink, authority: Arc<dyn Authority>) -> Self {
        let (events, inbox) = mpsc::channel(EVENTS);
        tokio::spawn(run(link, authority, inbox));
        Self { events }
    }

    /// Makes a seat and the ticket that takes it.
    pub(crate) async fn admit(&self, seat: Seat) -> Result<String, Stopped> {
        let ticket = random_secret();
        self.send(Event::Admit {
            seat: Box::new(seat),
            ticket: sha256(ticket.as_bytes()),
        })
        .await?;
        Ok(ticket)
    }

    pub(crate) async fn take(&self, ticket: &str) -> Result<Option<Seat>, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.send(Event::Take {
            ticket: sha256(ticket.as_bytes()),
            reply,
        })
        .await?;
        answer.await.map_err(|_| Stopped)
    }

    pub(crate) async fn attach(
        &self,
        seat: Seat,
        arrival: Arrival,
    ) -> Result<mpsc::Receiver<ToViewer>, Stopped> {
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        self.send(Event::Attach {
            seat: Box::new(seat),
            arrival,
            outbox,
        })
        .await?;
        Ok(inbox)
    }

    pub(crate) async fn relay(&self, signal: Signal) -> Result<(), Stopped> {
        self.send(Event::FromViewer(signal)).await
    }

    pub(crate) async fn gone(&self, sid: SessionId) {
        let _ = self.send(Event::Gone(sid)).await;
    }

    async fn send(&self, event: Event) -> Result<(), Stopped> {
        self.events.send(event).await.map_err(|_| Stopped)
    }
}

/// A name for a new session: 128 random bits.
pub(crate) fn new_sid() -> SessionId {
    use base64::Engine as _;
    SessionId(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<16>()))
}

struct Session {
    claims: AccessClaims,
    /// `None` when the viewer's socket has closed while its media lives on.
    outbox: Option<mpsc::Sender<ToViewer>>,
}

async fn run(mut link: HostLink, authority: Arc<dyn Authority>, mut inbox: mpsc::Receiver<Event>) {
    let mut tickets: TicketBook<Seat> = TicketBook::new(TICKETS);
    let mut sessions: BTreeMap<SessionId, Session> = BTreeMap::new();
    let mut recheck = tokio::time::interval(RECHECK_EVERY);
    loop {
        tokio::select! {
            event = inbox.recv() => match event {
                None => return,
                Some(Event::Admit { seat, ticket }) => tickets.put(ticket, *seat, Instant::now()),
                Some(Event::Take { ticket, reply }) => { let _ = reply.send(tickets.take(&ticket, Instant::now())); }
                Some(Event::Attach { seat, arrival, outbox }) => attach(&mut sessions, &link, *seat, arrival, outbox),
                Some(Event::FromViewer(signal)) => {
                    let known = signal.sid().is_some_and(|sid| sessions.contains_key(sid));
                    if known && let Err(error) = link.to_host.try_send(signal) {
                        tracing::warn!(%error, "Dropped a viewer's message: the host does not keep up");
                    }
                }
                Some(Event::Gone(sid)) => if let Some(session) = sessions.get_mut(&sid) { session.outbox = None; },
            },
            signal = link.from_host.recv() => match signal {
                None => {
                    for session in sessions.into_values() {
                        if let Some(outbox) = session.outbox {
                            let _ = outbox.try_send(ToViewer::Close(4008, "host_offline"));
                        }
                    }
                    return;
                }
                Some(signal) => deliver(&mut sessions, signal),
            },
            _ = recheck.tick() => {
                let over: Vec<SessionId> = sessions
                    .iter()
                    .filter(|(_, session)| !authority.still_valid(&session.claims))
                    .map(|(sid, _)| sid.clone())
                    .collect();
                for sid in over {
                    audit!("RMV3008W", sid = %sid, "Session ends: its token is no longer in force");
                    let end = Signal::SessionEnd { sid, reason: EndReason::Revoked };
                    // The viewer learns it from us, whatever the host does; the host must learn it, or is told again.
                    if link.to_host.try_send(end.clone()).is_ok() {
                        deliver(&mut sessions, end);
                    }
                }
            }
        }
    }
}

fn attach(
    sessions: &mut BTreeMap<SessionId, Session>,
    link: &HostLink,
    seat: Seat,
    arrival: Arrival,
    outbox: mpsc::Sender<ToViewer>,
) {
    let request = Signal::SessionRequest {
        sid: seat.sid.clone(),
        subject: seat.claims.sub.clone(),
        token: seat.claims.jti.clone(),
        rights: seat.claims.rights.clone(),
        viewer_fp: seat.viewer_fp,
        viewer_nonce: seat.viewer_nonce,
        page: arrival.page,
        local: arrival.local,
        resume: seat.resume,
    };
    if link.to_host.try_send(request).is_err() {
        let _ = outbox.try_send(ToViewer::Close(4008, "host_offline"));
        return;
    }
    audit!("RMV3001I", sid = %seat.sid, subject = seat.claims.sub, token = %seat.claims.jti, "Session requested");
    sessions.insert(
        seat.sid,
        Session {
            claims: seat.claims,
            outbox: Some(outbox),
        },
    );
}

/// Hands a host's message to its viewer; a viewer that does not take them is cut off.
fn deliver(sessions: &mut BTreeMap<SessionId, Session>, signal: Signal) {
    let Some(sid) = signal.sid().cloned() else { return };
    let Some(session) = sessions.get_mut(&sid) else {
        return;
    };
    let over = match &signal {
        Signal::SessionEnd { reason, .. } => Some(match reason {
            EndReason::Replaced => (4006, "replaced"),
            EndReason::Revoked => (4007, "revoked"),
            EndReason::Dismissed => (4009, "dismissed"),
            EndReason::Closed
            | EndReason::Lost
            | EndReason::Stopping
            | EndReason::Policy
            | EndReason::Error => (1000, "ended"),
        }),
        Signal::SessionReject { .. } => Some((1000, "rejected")),
        Signal::SessionRequest { .. }
        | Signal::SessionAccept { .. }
        | Signal::SdpOffer { .. }
        | Signal::SdpAnswer { .. }
        | Signal::IceCandidate { .. }
        | Signal::IceEnd { .. }
        | Signal::Error { .. } => None,
    };
    if let Some(outbox) = &session.outbox {
        let mut full = outbox.try_send(ToViewer::Signal(signal)).is_err();
        if let Some((code, words)) = over {
            full |= outbox.try_send(ToViewer::Close(code, words)).is_err();
        }
        if full {
            session.outbox = None;
        }
    }
    if over.is_some() {
        audit!("RMV3007I", sid = %sid, "Session ended");
        sessions.remove(&sid);
    }
}
