//! The desktop's sound and the viewers' microphone, as the hub sees them: asked for without waiting, told by events.
//!
//! Sound server, pulse plug-ins and Opus are in a process of their own (`media::sound`), started when somebody listens
//! and ended a while after nobody does. When it dies, or its sound server does, it is started again after a pause that
//! grows; nothing else of the session takes notice.

pub mod server;
pub mod wire;

use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use session_core::hold_back::HoldBack;
use session_core::sound::Demand;
use signaling_spec::channel::control::SoundHealth;

use self::server::Server;
use self::wire::{FromSound, ToSound};
use crate::media::encoder::Launcher;
use crate::transport::EncodedSound;

/// Orders and packets of the microphone that may wait: more than a second of it.
const ORDERS: usize = 128;
/// How long the worker stays when nobody needs it.
const LINGER: Duration = Duration::from_secs(30);

/// What happened.
#[derive(Debug)]
pub enum SoundEvent {
    State(SoundHealth),
    Packet(EncodedSound),
}

/// Finds the sound server anew: a desktop that was started again has another.
pub type Finder = Box<dyn Fn() -> Server + Send>;
/// Takes what happens. Packets may be dropped when nobody takes them in time.
pub type Tell = std::sync::Arc<dyn Fn(SoundEvent) + Send + Sync>;

#[derive(Debug)]
enum Order {
    Demand(Demand),
    Packet(Vec<u8>),
    Said(u64, FromSound),
    Gone(u64),
}

/// A handle on the thread that keeps the worker. The thread ends when this is dropped.
#[derive(Debug)]
pub struct Sound {
    orders: SyncSender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Sound {
    /// # Errors
    /// The system gives no thread.
    pub fn start(launcher: Launcher, find: Finder, tell: Tell) -> anyhow::Result<Self> {
        let (orders, inbox) = mpsc::sync_channel(ORDERS);
        // The worker's reader must not keep the thread alive, so it gets a sender only while a worker lives.
        let weak = orders.clone();
        let thread = std::thread::Builder::new()
            .name("sound".to_owned())
            .spawn(move || {
                let mut keeper = Keeper {
                    launcher,
                    find,
                    tell,
                    orders: weak,
                    demand: Demand::default(),
                    worker: None,
                    serial: 0,
                    pause: HoldBack::default(),
                    silent: false,
                    due: None,
                };
                keeper.run(&inbox);
            })?;
        Ok(Self {
            orders,
            thread: Some(thread),
        })
    }

    /// What is wanted from now on.
    pub fn demand(&self, demand: Demand) {
        self.order(Order::Demand(demand));
    }

    /// A packet of Opus from the viewer whose microphone is on.
    pub fn packet(&self, data: &[u8]) {
        self.order(Order::Packet(data.to_vec()));
    }

    fn order(&self, order: Order) {
        if let Err(TrySendError::Full(order)) = self.orders.try_send(order)
            && matches!(order, Order::Demand(_))
        {
            tracing::error!("The sound's thread takes no orders");
        }
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        // Its own number is never given to a worker.
        let told = self.orders.try_send(Order::Gone(0)).is_ok();
        // What the worker put into somebody's sound server is taken back before the agent is gone.
        if let Some(thread) = self.thread.take().filter(|_| told) {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        // It takes its modules back from the sound server before it ends.
        let deadline = Instant::now() + Duration::from_secs(1);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Keeper {
    launcher: Launcher,
    find: Finder,
    tell: Tell,
    orders: SyncSender<Order>,
    demand: Demand,
    worker: Option<Worker>,
    /// The number of the worker, to tell its last words from the first of the next.
    serial: u64,
    pause: HoldBack,
    /// It failed since it last worked, and that was said.
    silent: bool,
    /// When to start the worker, or to end it.
    due: Option<Instant>,
}

impl Keeper {
    fn run(&mut self, inbox: &mpsc::Receiver<Order>) {
        loop {
            let wait = self.due.map_or(Duration::from_secs(3600), |due| {
                due.saturating_duration_since(Instant::now())
            });
            match inbox.recv_timeout(wait) {
                Ok(Order::Gone(0)) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(order) => self.handle(order),
                Err(RecvTimeoutError::Timeout) => self.handle_timeout(),
            }
        }
    }

    fn wanted(&self) -> bool {
        self.demand.listen || self.demand.microphone
    }

    fn handle(&mut self, order: Order) {
        match order {
            Order::Demand(demand) => {
                self.demand = demand;
                self.say(&ToSound::Demand(demand));
                let now = Instant::now();
                self.due = match (self.wanted(), &self.worker) {
                    (true, Some(_)) => None,
                    // One that failed keeps its pause.
                    (true, None) => Some(self.due.unwrap_or(now)),
                    (false, Some(_)) => Some(now + LINGER),
                    (false, None) => None,
                };
                if !self.wanted() {
                    (self.tell)(SoundEvent::State(SoundHealth::Idle));
                }
            }
            Order::Packet(data) => self.say(&ToSound::Packet(data)),
            Order::Said(serial, said) if serial == self.serial => match said {
                FromSound::Live => {
                    self.silent = false;
                    self.pause.reset();
                    (self.tell)(SoundEvent::State(SoundHealth::Live));
                }
                FromSound::Failed { why } if self.silent => tracing::debug!(why, "Sound failed again"),
                FromSound::Failed { why } => {
                    // Once is enough: a machine without sound is tried again and again.
                    self.silent = true;
                    tracing::warn!(
                        why,
                        "Sound failed; it is tried again. `removid doctor` says what helps"
                    );
                }
                // Those go past this thread.
                FromSound::Packet { .. } => {}
            },
            Order::Gone(serial) if serial == self.serial => self.lose(),
            Order::Said(..) | Order::Gone(_) => {}
        }
    }

    fn handle_timeout(&mut self) {
        self.due = None;
        if !self.wanted() {
            self.worker = None;
        } else if self.worker.is_none() {
            match self.spawn() {
                Ok(worker) => {
                    self.worker = Some(worker);
                    self.say(&ToSound::Demand(self.demand));
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "The sound worker cannot be started");
                    self.lose();
                }
            }
        }
    }

    /// There is no worker any more.
    fn lose(&mut self) {
        self.worker = None;
        if self.wanted() {
            (self.tell)(SoundEvent::State(SoundHealth::Missing));
            // Nobody else looks for this server at the same moment, so no chance is needed.
            self.due = Some(Instant::now() + self.pause.next_pause(128));
        }
    }

    /// A worker that is gone is noticed by its reader.
    fn say(&self, message: &ToSound) {
        if let Some(worker) = &self.worker {
            let _ = message
                .send(&worker.socket)
                .and_then(|()| (&worker.socket).flush());
        }
    }

    fn spawn(&mut self) -> anyhow::Result<Worker> {
        self.serial += 1;
        let serial = self.serial;
        let (ours, theirs) = UnixStream::pair()?;
        // A worker that hangs must not hold this thread.
        ours.set_write_timeout(Some(Duration::from_millis(200)))?;
        let mut command = Command::new(&self.launcher.program);
        let server = (self.find)();
        server.prepare(&mut command);
        let child = command
            .env("GST_REGISTRY", &self.launcher.registry)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} cannot be started", self.launcher.program.display()))?;
        let worker = Worker {
            child,
            socket: ours.try_clone()?,
        };
        let (orders, tell) = (self.orders.clone(), self.tell.clone());
        let mut from = ours;
        std::thread::Builder::new()
            .name("from-sound".to_owned())
            .spawn(move || {
                loop {
                    match FromSound::receive(&mut from) {
                        Ok(FromSound::Packet { time, data }) => tell(SoundEvent::Packet(EncodedSound {
                            rtp_time: time,
                            data: data.into(),
                        })),
                        Ok(said) => drop(orders.send(Order::Said(serial, said))),
                        Err(_) => break,
                    }
                }
                let _ = orders.send(Order::Gone(serial));
            })?;
        Ok(worker)
    }
}
