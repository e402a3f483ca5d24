//! The viewers whose sockets are at this node: their tickets, and what is said to and by them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use session_core::tickets::{TicketBook, TicketHash};
use signaling_spec::{SessionId, Signal};
use tokio::sync::{mpsc, oneshot};

use super::{Arrival, Over, Seat, ToViewer};
use crate::bus::{Bus, Directory, ForHost, ForViewer, Letter, NodeId};

/// Tickets that may wait for their use.
const TICKETS: usize = 1024;

#[derive(Debug)]
pub(super) enum Event {
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
    FromViewer(Box<Signal>),
    Gone(SessionId),
    Letter(ForViewer),
}

struct Viewer {
    /// Where its host is.
    node: NodeId,
    outbox: mpsc::Sender<ToViewer>,
}

struct Viewers {
    bus: Arc<dyn Bus>,
    directory: Arc<dyn Directory>,
    tickets: TicketBook<Seat>,
    viewers: BTreeMap<SessionId, Viewer>,
}

pub(super) async fn run(bus: Arc<dyn Bus>, directory: Arc<dyn Directory>, mut inbox: mpsc::Receiver<Event>) {
    let mut here = Viewers {
        bus,
        directory,
        tickets: TicketBook::new(TICKETS),
        viewers: BTreeMap::new(),
    };
    while let Some(event) = inbox.recv().await {
        here.handle(event);
    }
}

impl Viewers {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Admit { seat, ticket } => self.tickets.put(ticket, *seat, Instant::now()),
            Event::Take { ticket, reply } => {
                let _ = reply.send(self.tickets.take(&ticket, Instant::now()));
            }
            Event::Attach {
                seat,
                arrival,
                outbox,
            } => self.attach(seat, arrival, outbox),
            Event::FromViewer(signal) => {
                let Some(viewer) = signal.sid().and_then(|sid| self.viewers.get(sid)) else {
                    return;
                };
                let letter = Letter::ForHost(ForHost::Signal(signal));
                if let Err(error) = self.bus.post(&viewer.node, letter) {
                    tracing::warn!(%error, "Dropped a viewer's message");
                }
            }
            Event::Gone(sid) => {
                if let Some(viewer) = self.viewers.remove(&sid) {
                    let letter = Letter::ForHost(ForHost::ViewerGone(sid));
                    let _ = self.bus.post(&viewer.node, letter);
                }
            }
            Event::Letter(ForViewer::Signal(signal)) => {
                if let Some(sid) = signal.sid().cloned() {
                    self.tell(&sid, ToViewer::Signal(signal));
                }
            }
            Event::Letter(ForViewer::Over(sid, over)) => {
                self.tell(&sid, ToViewer::Close(over));
                self.viewers.remove(&sid);
            }
        }
    }

    fn attach(&mut self, seat: Box<Seat>, arrival: Arrival, outbox: mpsc::Sender<ToViewer>) {
        let Some(node) = self.directory.node_of(&seat.host) else {
            let _ = outbox.try_send(ToViewer::Close(Over::HostOffline));
            return;
        };
        let sid = seat.sid.clone();
        let from = self.bus.here().clone();
        let letter = Letter::ForHost(ForHost::Request { seat, arrival, from });
        if self.bus.post(&node, letter).is_err() {
            let _ = outbox.try_send(ToViewer::Close(Over::Overload));
            return;
        }
        self.viewers.insert(sid, Viewer { node, outbox });
    }

    /// A viewer that does not take what it is told is cut off: its socket closes when its outbox does.
    fn tell(&mut self, sid: &SessionId, told: ToViewer) {
        let full = self
            .viewers
            .get(sid)
            .is_some_and(|viewer| viewer.outbox.try_send(told).is_err());
        if full {
            self.viewers.remove(sid);
        }
    }
}
