//! How the node that holds a viewer's socket and the node that holds its host's reach each other.
//!
//! A viewer comes in at any node; its session belongs to the node of the host. What goes between the two is a
//! [`Letter`]. On one node both ends are here; what sends letters cannot tell.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use signaling_spec::{HostId, SessionId, Signal};

use crate::broker::{Arrival, Over, Seat};

/// One router process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub String);

/// To the node of a host.
#[derive(Clone, Debug)]
pub enum ForHost {
    /// A ticket was taken.
    Request {
        seat: Box<Seat>,
        arrival: Arrival,
        /// Where the viewer's socket is.
        from: NodeId,
    },
    Signal(Box<Signal>),
    /// For the host itself.
    Order(HostId, Box<Signal>),
    /// The viewer's socket has closed; its media may live on.
    ViewerGone(SessionId),
}

/// To the node of a viewer.
#[derive(Clone, Debug)]
pub enum ForViewer {
    Signal(Box<Signal>),
    Over(SessionId, Over),
}

/// See the module documentation.
#[derive(Clone, Debug)]
pub enum Letter {
    ForHost(ForHost),
    ForViewer(ForViewer),
}

/// The other node is gone or does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other node takes no letters")]
pub struct Undelivered;

/// Carries letters, in the order in which one node sends them to another. Never waits.
pub trait Bus: Send + Sync + fmt::Debug {
    /// This node.
    fn here(&self) -> &NodeId;
    /// # Errors
    /// There is no such node, or its queue is full.
    fn post(&self, to: &NodeId, letter: Letter) -> Result<(), Undelivered>;
}

/// Knows at which node each host is.
pub trait Directory: Send + Sync + fmt::Debug {
    fn node_of(&self, host: &HostId) -> Option<NodeId>;
    /// How many hosts are somewhere.
    fn count(&self) -> usize;
    fn arrived(&self, host: &HostId, at: &NodeId);
    /// It counts only where the host was last.
    fn left(&self, host: &HostId, from: &NodeId);
}

/// A directory within one process.
#[derive(Debug, Default)]
pub struct LocalDirectory(Mutex<BTreeMap<HostId, NodeId>>);

impl Directory for LocalDirectory {
    fn node_of(&self, host: &HostId) -> Option<NodeId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(host)
            .cloned()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn arrived(&self, host: &HostId, at: &NodeId) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.insert(host.clone(), at.clone());
    }

    fn left(&self, host: &HostId, from: &NodeId) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.get(host) == Some(from) {
            hosts.remove(host);
        }
    }
}
