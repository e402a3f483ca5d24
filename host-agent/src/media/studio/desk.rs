//! The way in to the studio, from any thread.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Command;
use crate::media::gate::Gate;

/// A handle for telling the studio things from any thread.
#[derive(Clone, Debug)]
pub struct Desk {
    commands: mpsc::SyncSender<Command>,
    pub(super) waker: Arc<EventFd>,
    /// Of the usual encode and of the slow one.
    pub(super) gates: Arc<[Gate; 2]>,
}

impl Desk {
    /// A desk and where its commands come out.
    pub(super) fn new() -> anyhow::Result<(Self, mpsc::Receiver<Command>)> {
        let (commands, inbox) = mpsc::sync_channel(256);
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let waker = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        let desk = Self {
            commands,
            waker,
            gates: Arc::default(),
        };
        Ok((desk, inbox))
    }

    /// Tells it, unless 256 other things wait: then the studio hangs, and nothing that it is told matters.
    pub fn try_tell(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {
                let _ = self.waker.write(1);
            }
            Err(mpsc::TrySendError::Full(_)) => tracing::error!("The studio takes no commands"),
            // It has ended, as it was told.
            Err(mpsc::TrySendError::Disconnected(_)) => {}
        }
    }

    /// The usual encode or the slow one may make frames until then.
    pub fn set_gate(&self, slow: bool, closes: Option<Instant>, now: Instant) {
        if self.gates[usize::from(slow)].set(closes, now) {
            let _ = self.waker.write(1);
        }
    }

    /// Tells it; waits when the studio is busy with 256 other things.
    pub fn tell(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            let _ = self.waker.write(1);
        }
    }
}
