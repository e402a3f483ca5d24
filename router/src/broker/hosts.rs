//! The hosts whose sockets are at this node, and the sessions on them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signaling_spec::claims::AccessClaims;
use signaling_spec::{EndReason, HostId, SessionId, Signal};
use tokio::sync::{mpsc, oneshot};

use super::{Arrival, Over, Seat};
use crate::audit;
use crate::auth::Authority;
use crate::auth::direct::unix_now;
use crate::bus::{Bus, Directory, ForHost, ForViewer, Letter, NodeId};
use crate::link::Outbox;

/// How often the rights of live sessions are looked at again.
const RECHECK_EVERY: Duration = Duration::from_secs(1);

/// One connection of one host; a later one of the same host takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub host: HostId,
    number: u64,
}

#[derive(Debug)]
pub(super) enum Event {
    Arrived {
        host: HostId,
        outbox: Outbox,
        reply: oneshot::Sender<Connection>,
    },
    Says(Connection, Box<Signal>),
    Left(Connection),
    Restore {
        host: HostId,
        sid: SessionId,
        claims: Box<AccessClaims>,
        lease: u32,
    },
    /// For a host, wherever it is, and for no session of it.
    Order {
        host: HostId,
        signal: Box<Signal>,
    },
    Letter(ForHost),
}

struct Host {
    number: u64,
    outbox: Outbox,
}

struct Session {
    host: HostId,
    claims: AccessClaims,
    /// Where the viewer's socket is; `None` when it has closed while its media lives on.
    viewer: Option<NodeId>,
    lease: Option<Lease>,
}

struct Lease {
    seconds: u32,
    renew: Instant,
}

impl Lease {
    /// Renewed when a third of it is over: two renewals may be lost.
    fn new(seconds: u32, now: Instant) -> Self {
        let renew = now + Duration::from_secs(seconds.into()) / 3;
        Self { seconds, renew }
    }
}

struct Hosts {
    bus: Arc<dyn Bus>,
    directory: Arc<dyn Directory>,
    authority: Arc<dyn Authority>,
    connections: u64,
    hosts: BTreeMap<HostId, Host>,
    sessions: BTreeMap<SessionId, Session>,
}

pub(super) async fn run(
    bus: Arc<dyn Bus>,
    directory: Arc<dyn Directory>,
    authority: Arc<dyn Authority>,
    mut inbox: mpsc::Receiver<Event>,
) {
    let mut here = Hosts {
        bus,
        directory,
        authority,
        connections: 0,
        hosts: BTreeMap::new(),
        sessions: BTreeMap::new(),
    };
    let mut recheck = tokio::time::interval(RECHECK_EVERY);
    recheck.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = inbox.recv() => match event {
                Some(event) => here.handle(event),
                None => return,
            },
            _ = recheck.tick() => here.look_again(Instant::now()),
        }
    }
}

impl Hosts {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrived { host, outbox, reply } => self.arrived(host, outbox, reply),
            Event::Says(from, signal) => {
                if self.is_current(&from) {
                    self.deliver(&from.host, *signal);
                }
            }
            Event::Left(from) => self.left(&from),
            Event::Restore {
                host,
                sid,
                claims,
                lease,
            } => {
                let session = Session {
                    host,
                    claims: *claims,
                    viewer: None,
                    lease: Some(Lease {
                        seconds: lease,
                        renew: Instant::now(),
                    }),
                };
                self.sessions.entry(sid).or_insert(session);
            }
            Event::Letter(ForHost::Request { seat, arrival, from }) => self.request(*seat, arrival, from),
            Event::Letter(ForHost::Signal(signal)) => {
                let host = signal
                    .sid()
                    .and_then(|sid| self.sessions.get(sid))
                    .and_then(|session| self.hosts.get(&session.host));
                if let Some(host) = host
                    && let Err(error) = host.outbox.try_send(signal)
                {
                    tracing::warn!(%error, "Dropped a viewer's message: the host does not keep up");
                }
            }
            Event::Order { host, signal } => {
                if let Some(node) = self.directory.node_of(&host) {
                    let _ = self
                        .bus
                        .post(&node, Letter::ForHost(ForHost::Order(host, signal)));
                }
            }
            Event::Letter(ForHost::Order(host, signal)) => {
                if let Some(host) = self.hosts.get(&host)
                    && let Err(error) = host.outbox.try_send(signal)
                {
                    tracing::warn!(%error, "Dropped an order: the host does not keep up");
                }
            }
            Event::Letter(ForHost::ViewerGone(sid)) => {
                if let Some(session) = self.sessions.get_mut(&sid) {
                    session.viewer = None;
                }
            }
        }
    }

    fn is_current(&self, from: &Connection) -> bool {
        self.hosts
            .get(&from.host)
            .is_some_and(|host| host.number == from.number)
    }

    fn arrived(&mut self, host: HostId, outbox: Outbox, reply: oneshot::Sender<Connection>) {
        self.connections += 1;
        let number = self.connections;
        self.directory.arrived(&host, self.bus.here());
        if self.hosts.insert(host.clone(), Host { number, outbox }).is_some() {
            audit!("RMV2008W", host = %host, "A second connection of the same host takes the first one's place");
        }
        let _ = reply.send(Connection { host, number });
    }

    fn left(&mut self, from: &Connection) {
        if !self.is_current(from) {
            return;
        }
        self.hosts.remove(&from.host);
        self.directory.left(&from.host, self.bus.here());
        // Media goes on without either socket, and so do the sessions until their leases end.
        let on_it: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.host == from.host)
            .map(|(sid, _)| sid.clone())
            .collect();
        for sid in on_it {
            self.close(&sid, Over::HostOffline);
        }
    }

    fn request(&mut self, seat: Seat, arrival: Arrival, from: NodeId) {
        let lease = seat
            .grant
            .as_ref()
            .map(|grant| Lease::new(grant.lease, Instant::now()));
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
            grant: seat.grant.map(|grant| grant.token),
            ice_servers: Some(seat.ice_servers).filter(|servers| !servers.is_empty()),
            relay_only: Some(true).filter(|_| seat.relay_only),
            // A grant says it, or nothing does.
            consent: None,
        };
        let asked = self
            .hosts
            .get(&seat.host)
            .is_some_and(|host| host.outbox.try_send(Box::new(request)).is_ok());
        if !asked {
            let over = ForViewer::Over(seat.sid, Over::HostOffline);
            let _ = self.bus.post(&from, Letter::ForViewer(over));
            return;
        }
        audit!("RMV3001I", sid = %seat.sid, host = %seat.host, subject = seat.claims.sub, token = %seat.claims.jti, "Session requested");
        let session = Session {
            host: seat.host,
            claims: seat.claims,
            viewer: Some(from),
            lease,
        };
        self.sessions.insert(seat.sid, session);
    }

    /// Hands a host's message to its viewer. A host speaks for its own sessions only.
    fn deliver(&mut self, host: &HostId, signal: Signal) {
        let Some(sid) = signal.sid().cloned() else { return };
        let Some(session) = self.sessions.get(&sid).filter(|session| session.host == *host) else {
            return;
        };
        let over = match &signal {
            Signal::SessionEnd { reason, .. } => Some(Over::Ended(*reason)),
            Signal::SessionReject { .. } => Some(Over::Rejected),
            Signal::SessionWaiting { .. }
            | Signal::SessionAccept { .. }
            | Signal::SdpAnswer { .. }
            | Signal::IceCandidate { .. }
            | Signal::IceEnd { .. } => None,
            // Of these a host has none to say to a viewer.
            Signal::SessionRequest { .. }
            | Signal::SessionLease { .. }
            | Signal::HostStatus { .. }
            | Signal::HostEvent { .. }
            | Signal::HostFrames { .. }
            | Signal::HostWake { .. }
            | Signal::SdpOffer { .. }
            | Signal::Error { .. } => return,
        };
        let mut lost = false;
        if let Some(node) = &session.viewer {
            let letter = Letter::ForViewer(ForViewer::Signal(Box::new(signal)));
            lost = self.bus.post(node, letter).is_err();
        }
        if lost {
            tracing::warn!("Dropped a host's message: the viewer's node does not keep up");
        }
        if let Some(over) = over {
            self.close(&sid, over);
            audit!("RMV3007I", sid = %sid, "Session ended");
            self.sessions.remove(&sid);
        }
    }

    /// Closes the viewer's socket.
    fn close(&mut self, sid: &SessionId, over: Over) {
        if let Some(node) = self
            .sessions
            .get_mut(sid)
            .and_then(|session| session.viewer.take())
        {
            let letter = Letter::ForViewer(ForViewer::Over(sid.clone(), over));
            let _ = self.bus.post(&node, letter);
        }
    }

    fn look_again(&mut self, now: Instant) {
        let over: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(sid, session)| !self.authority.still_valid(sid, &session.claims))
            .map(|(sid, _)| sid.clone())
            .collect();
        for sid in over {
            let Some(session) = self.sessions.get(&sid) else {
                continue;
            };
            let end = Signal::SessionEnd {
                sid: sid.clone(),
                reason: EndReason::Revoked,
            };
            // The viewer learns it from us, whatever the host does; the host must learn it, or is told again.
            let host = self.hosts.get(&session.host);
            let told = host.is_some_and(|host| host.outbox.try_send(Box::new(end.clone())).is_ok());
            if told {
                audit!("RMV3008W", sid = %sid, "Session ends: its token is no longer in force");
                let host = session.host.clone();
                self.deliver(&host, end);
            } else {
                // A host that is away ends it by itself when its time is over.
                let spent = session.claims.exp <= unix_now();
                self.close(&sid, Over::Ended(EndReason::Revoked));
                if spent {
                    self.sessions.remove(&sid);
                }
            }
        }
        for (sid, session) in &mut self.sessions {
            let Some(lease) = session.lease.as_mut().filter(|lease| lease.renew <= now) else {
                continue;
            };
            let renewal = Signal::SessionLease {
                sid: sid.clone(),
                seconds: lease.seconds,
            };
            let host = self.hosts.get(&session.host);
            if host.is_some_and(|host| host.outbox.try_send(Box::new(renewal)).is_ok()) {
                *lease = Lease::new(lease.seconds, now);
            }
        }
    }
}
