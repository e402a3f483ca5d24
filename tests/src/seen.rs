//! Everything that a viewer has seen so far, and a way to wait for more of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signaling_spec::channel::control::FromHost;
use signaling_spec::{EndReason, Refusal, Signal};
use tokio::sync::Notify;

use crate::frames::Frames;
use crate::picture::Picture;

/// In the order in which it came.
#[derive(Debug, Default)]
pub struct Facts {
    pub signals: Vec<Signal>,
    /// The socket was closed, with this code.
    pub closed: Option<Option<u16>>,
    pub connected: bool,
    /// The peer connection failed, was closed, or hears nothing.
    pub disconnected: bool,
    pub open: Vec<String>,
    pub shut: Vec<String>,
    /// Messages by channel.
    pub messages: Vec<(String, Vec<u8>)>,
    /// How many of them came as text.
    pub texts: usize,
    /// Those on `ctl`, decoded.
    pub told: Vec<FromHost>,
    /// Those that could not be decoded.
    pub garbled: usize,
    pub picture: Picture,
    pub frames: Frames,
}

impl Facts {
    pub fn ended(&self) -> Option<EndReason> {
        self.signals.iter().find_map(|signal| {
            if let Signal::SessionEnd { reason, .. } = signal {
                Some(*reason)
            } else {
                None
            }
        })
    }

    /// The refusals on `ctl` so far.
    pub fn refused(&self) -> Vec<(Refusal, &str)> {
        let refused = self.told.iter().filter_map(|told| {
            if let FromHost::Refused { code, reference } = told {
                Some((*code, reference.as_str()))
            } else {
                None
            }
        });
        refused.collect()
    }
}

/// Shared by everything that sees.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<(Mutex<Facts>, Notify)>);

impl Seen {
    pub fn note(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts());
        self.0.1.notify_waiters();
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` finds something.
    ///
    /// # Errors
    /// It does not within `limit`.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut found: impl FnMut(&Facts) -> Option<T>,
    ) -> anyhow::Result<T> {
        let wait = async {
            loop {
                let more = self.0.1.notified();
                tokio::pin!(more);
                // Before looking: what is noted in between must not be missed.
                more.as_mut().enable();
                if let Some(found) = found(&self.facts()) {
                    return found;
                }
                more.await;
            }
        };
        let waited = tokio::time::timeout(limit, wait).await;
        waited.map_err(|_| {
            let facts = self.facts();
            anyhow::anyhow!(
                "not within {limit:?}: {what} (connected {}, {} frames, ended {:?}, refused {:?})",
                facts.connected,
                facts.picture.frames,
                facts.ended(),
                facts.refused()
            )
        })
    }

    /// As [`Self::until`], for what is only so or not so.
    ///
    /// # Errors
    /// It is not so within `limit`.
    pub async fn holds(
        &self,
        what: &str,
        limit: Duration,
        mut is_so: impl FnMut(&Facts) -> bool,
    ) -> anyhow::Result<()> {
        self.until(what, limit, |facts| is_so(facts).then_some(())).await
    }
}
