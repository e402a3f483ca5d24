//! The agent's handle on one encoder process.

use std::io;
use std::net::Shutdown;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use session_core::quality::Target;

use super::convert::{convert, even};
use super::ring::{Ring, SLOTS};
use super::rungs::{Layout, Rung};
use super::wire::{FromWorker, ToWorker};
use crate::screen::Picture;

/// A picture that does not come out within this time means that the encoder hangs.
const HANG: Duration = Duration::from_secs(3);

/// How the worker is started.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The binary that knows `encoder-worker`: our own.
    pub program: PathBuf,
    /// Where GStreamer keeps its list of plug-ins.
    pub registry: PathBuf,
}

/// What a worker's reader thread says, with the number of the worker.
#[derive(Debug)]
pub enum WorkerEvent {
    Said(FromWorker),
    /// The process is gone or has lost its mind.
    Gone,
}

#[derive(Clone, Debug)]
struct Slot {
    free: bool,
    /// Rows in which it differs from the source's picture.
    stale: Range<u32>,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Encoder {
    pub rung: Rung,
    /// Tells this worker's events from those of one that it replaced.
    pub number: u64,
    child: Child,
    socket: UnixStream,
    ring: Ring,
    layout: Layout,
    slots: [Slot; SLOTS],
    /// Frames sent that have not come back, with the time of sending.
    in_flight: Vec<(u64, Instant)>,
    target: Target,
}

impl Launcher {
    /// A worker process with its end of the socket as standard input and `memory` as standard output.
    fn spawn(&self, element: &str, socket: OwnedFd, memory: OwnedFd) -> anyhow::Result<Child> {
        Command::new(&self.program)
            .args(["encoder-worker", element])
            .env("GST_REGISTRY", &self.registry)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::from(memory))
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.program.display()))
    }
}

impl Encoder {
    /// Starts a worker. `tell` is called from its reader thread.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(
        launcher: &Launcher,
        rung: Rung,
        number: u64,
        size: (u32, u32),
        target: Target,
        tell: impl Fn(u64, WorkerEvent) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let ring = Ring::create()?;
        let child = launcher.spawn(rung.name, theirs.into(), ring.share()?)?;
        let mut from = ours.try_clone()?;
        std::thread::Builder::new()
            .name(format!("from-{}", rung.name))
            .spawn(move || {
                while let Ok(message) = FromWorker::receive(&mut from) {
                    tell(number, WorkerEvent::Said(message));
                }
                tell(number, WorkerEvent::Gone);
            })?;
        let mut encoder = Self {
            rung,
            number,
            child,
            socket: ours,
            ring,
            layout: Layout::new(rung.format, size.0, size.1),
            slots: std::array::from_fn(|_| Slot {
                free: true,
                stale: 0..size.1,
            }),
            in_flight: Vec::new(),
            target: masked(target, &rung),
        };
        encoder.restart(size)?;
        Ok(encoder)
    }

    /// Pictures have another size from now on.
    ///
    /// # Errors
    /// The worker is gone.
    pub fn restart(&mut self, size: (u32, u32)) -> io::Result<()> {
        self.layout = Layout::new(self.rung.format, size.0, size.1);
        self.in_flight.clear();
        for slot in &mut self.slots {
            slot.stale = 0..size.1;
        }
        ToWorker::Start {
            width: size.0,
            height: size.1,
            bps: self.target.bps,
            half: self.target.half,
            unbound: self.target.unbound,
        }
        .send(&self.socket)
    }

    /// Returns whether it begins anew, with a keyframe.
    pub fn set_target(&mut self, target: Target) -> bool {
        let target = masked(target, &self.rung);
        let old = std::mem::replace(&mut self.target, target);
        let anew = (old.half, old.unbound) != (target.half, target.unbound);
        // A dead worker is noticed by its reader.
        if anew {
            let _ = self.restart(self.size());
        } else if old.bps != target.bps {
            let _ = ToWorker::Bitrate { bps: target.bps }.send(&self.socket);
        }
        anew
    }

    /// The source's picture changed in these rows.
    pub fn note_damage(&mut self, rows: &Range<u32>) {
        for slot in &mut self.slots {
            slot.stale = union(&slot.stale, rows);
        }
    }

    /// Whether a picture would be taken now: one at a time, so that each is as new as it can be.
    pub fn is_ready(&self) -> bool {
        self.in_flight.is_empty() && self.slots.iter().any(|slot| slot.free)
    }

    /// Hands over the picture. Call `note_damage` with its dirty rows before.
    ///
    /// # Errors
    /// No slot is free, or the worker is gone.
    pub fn submit(&mut self, picture: &Picture<'_>, id: u64, key: bool) -> anyhow::Result<()> {
        let free = self
            .slots
            .iter()
            .position(|slot| slot.free)
            .context("no slot is free")?;
        let rows = even(&self.slots[free].stale, self.layout.height);
        let memory = self.ring.slot_mut(free, self.layout.size);
        convert(
            picture,
            rows,
            self.rung.format,
            self.rung.matrix(),
            &self.layout,
            memory,
        )?;
        self.slots[free] = Slot {
            free: false,
            stale: 0..0,
        };
        self.in_flight.push((id, Instant::now()));
        ToWorker::Frame {
            slot: u8::try_from(free)?,
            id,
            key,
        }
        .send(&self.socket)?;
        Ok(())
    }

    pub fn handle_free(&mut self, slot: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
            slot.free = true;
        }
    }

    /// The picture of that frame came out; returns when its encoding began.
    pub fn handle_unit(&mut self, id: u64) -> Option<Instant> {
        let at = self.in_flight.iter().position(|(sent, _)| *sent == id)?;
        let (_, sent) = self.in_flight.remove(at);
        Some(sent)
    }

    /// When it counts as hanging, if nothing comes out before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.in_flight.first().map(|(_, sent)| *sent + HANG)
    }

    /// Whether that target makes it begin anew only for speed: that can wait.
    pub fn can_wait_for(&self, target: Target) -> bool {
        target.half == self.target.half
            && target.unbound
            && !self.target.unbound
            && self.rung.can_be_unbound()
    }

    /// The bits a second that it was told.
    pub fn bps(&self) -> u64 {
        self.target.bps
    }

    /// Of the pictures that it takes.
    pub fn size(&self) -> (u32, u32) {
        (self.layout.width, self.layout.height)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What of a target means something to that encoder.
fn masked(target: Target, rung: &Rung) -> Target {
    let unbound = target.unbound && rung.can_be_unbound();
    Target { unbound, ..target }
}

fn union(a: &Range<u32>, b: &Range<u32>) -> Range<u32> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        (false, false) => a.start.min(b.start)..a.end.max(b.end),
    }
}
