//! The sound's own process: between the sound server and packets of Opus on its socket, which is standard input.
//!
//! The Pulse protocol serves PulseAudio and PipeWire alike. Whatever fails ends the process, and the agent starts
//! another; only when the desktop's default output changes it goes on by itself, with that one.

mod capture;
mod playback;

use std::io::BufRead as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};
use gstreamer as gst;
use gstreamer::prelude::*;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use session_core::sound::Demand;

use self::capture::Capture;
use self::playback::Playback;
use crate::sound::server::{self, Modules};
use crate::sound::wire::{FromSound, ToSound};

/// Orders that may wait.
const INBOX: usize = 64;

enum Event {
    Order(ToSound),
    /// The agent is gone.
    Closed,
    /// The desktop plays to another output now, maybe.
    Moved,
    Failed(String),
}

/// How things are said from any thread. Those who are late with it hold back only themselves.
#[derive(Clone)]
struct Outbox {
    socket: Arc<Mutex<UnixStream>>,
    events: SyncSender<Event>,
}

impl Outbox {
    fn say(&self, message: &FromSound) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if message.send(&*socket).is_err() {
            let _ = self.events.try_send(Event::Closed);
        }
    }

    fn fail(&self, why: String) {
        let _ = self.events.try_send(Event::Failed(why));
    }
}

/// Runs until the agent closes the socket. `ours`: the sound server is the agent's own. `account`: `UID:GID` to become.
///
/// # Errors
/// The sound server is gone, or cannot be used; the agent was told.
pub fn run(ours: bool, account: Option<&str>) -> anyhow::Result<()> {
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let (events, inbox) = mpsc::sync_channel(INBOX);
    let outbox = Outbox {
        socket: Arc::new(Mutex::new(socket.try_clone()?)),
        events: events.clone(),
    };
    gst::init()?;
    if let Some(account) = account {
        become_account(account).context("the desktop's user cannot be taken on")?;
    }
    std::thread::spawn(move || read(socket, &events));
    let mut worker = Worker {
        ours,
        outbox: outbox.clone(),
        output: String::new(),
        clock: Arc::default(),
        capture: None,
        playback: None,
        modules: None,
    };
    let watcher = (!ours).then(|| Watcher::start(outbox.events.clone()));
    let result = worker.serve(&inbox);
    if let Err(error) = &result {
        let why = format!("{error:#}");
        outbox.say(&FromSound::Failed { why });
    }
    drop(watcher);
    result
}

/// The elements that are needed and not installed.
///
/// # Errors
/// GStreamer does not start.
pub fn missing() -> anyhow::Result<Vec<&'static str>> {
    const ELEMENTS: [&str; 7] = [
        "appsrc",
        "audioconvert",
        "audioresample",
        "opusdec",
        "opusenc",
        "pulsesink",
        "pulsesrc",
    ];
    gst::init()?;
    let lacks = |name: &&str| gst::ElementFactory::find(name).is_none();
    Ok(ELEMENTS.into_iter().filter(lacks).collect())
}

/// What a viewer sends is decoded here: not as root.
fn become_account(account: &str) -> anyhow::Result<()> {
    let (uid, gid) = account.split_once(':').context("not UID:GID")?;
    let (uid, gid) = (Uid::from_raw(uid.parse()?), Gid::from_raw(gid.parse()?));
    setgroups(&[])?;
    setgid(gid)?;
    setuid(uid)?;
    Ok(())
}

fn read(mut socket: UnixStream, events: &SyncSender<Event>) {
    while let Ok(order) = ToSound::receive(&mut socket) {
        match order {
            // A microphone's packets may be lost, orders may not.
            ToSound::Packet(_) => drop(events.try_send(Event::Order(order))),
            ToSound::Demand(_) => drop(events.send(Event::Order(order))),
        }
    }
    let _ = events.send(Event::Closed);
}

/// Tells when the server's defaults may have changed. Without `pactl` the output at the start is kept.
struct Watcher(Option<Child>);

impl Watcher {
    fn start(events: SyncSender<Event>) -> Self {
        let child = Command::new("pactl")
            .arg("subscribe")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.ok();
        if let Some(out) = child.as_mut().and_then(|child| child.stdout.take()) {
            std::thread::spawn(move || {
                for line in std::io::BufReader::new(out).lines() {
                    let Ok(line) = line else { break };
                    if line.contains("on server") || line.contains("on sink #") {
                        let _ = events.try_send(Event::Moved);
                    }
                }
            });
        }
        Self(child)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Worker {
    ours: bool,
    outbox: Outbox,
    /// The sink whose sound is captured.
    output: String,
    clock: Arc<AtomicU64>,
    capture: Option<Capture>,
    playback: Option<Playback>,
    modules: Option<Modules>,
}

impl Worker {
    fn serve(&mut self, inbox: &mpsc::Receiver<Event>) -> anyhow::Result<()> {
        loop {
            match inbox.recv()? {
                Event::Order(ToSound::Demand(demand)) => self.meet(demand)?,
                Event::Order(ToSound::Packet(data)) => {
                    if let Some(playback) = &self.playback {
                        playback.push(data);
                    }
                }
                Event::Moved => self.follow()?,
                Event::Closed => return Ok(()),
                Event::Failed(why) => return Err(anyhow!(why)),
            }
        }
    }

    fn meet(&mut self, demand: Demand) -> anyhow::Result<()> {
        if demand.listen && self.capture.is_none() {
            self.output = self.find_output();
            self.capture = Some(Capture::start(
                &self.output,
                self.outbox.clone(),
                Arc::clone(&self.clock),
            )?);
        } else if !demand.listen {
            self.capture = None;
        }
        if demand.microphone && self.playback.is_none() {
            if !self.ours && self.modules.is_none() {
                self.modules = Some(server::add_microphone()?);
            }
            self.playback = Some(Playback::start(&self.outbox)?);
        } else if !demand.microphone {
            self.playback = None;
        }
        Ok(())
    }

    fn follow(&mut self) -> anyhow::Result<()> {
        if self.capture.is_some() && self.find_output() != self.output {
            self.capture = None;
            self.output = self.find_output();
            self.capture = Some(Capture::start(
                &self.output,
                self.outbox.clone(),
                Arc::clone(&self.clock),
            )?);
        }
        Ok(())
    }

    fn find_output(&self) -> String {
        if self.ours {
            return server::SPEAKER.to_owned();
        }
        // Both servers know this name for where the desktop plays to.
        server::ask(&["get-default-sink"]).unwrap_or_else(|_| "@DEFAULT_SINK@".to_owned())
    }
}

/// Builds a pipeline whose errors are told.
fn build(launch: &str, outbox: &Outbox) -> anyhow::Result<gst::Pipeline> {
    let pipeline = gst::parse::launch(launch)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow!("not a pipeline"))?;
    let outbox = outbox.clone();
    let bus = pipeline.bus().context("a pipeline without a bus")?;
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            outbox.fail(error.error().to_string());
        }
        gst::BusSyncReply::Drop
    });
    Ok(pipeline)
}

fn element<T: IsA<gst::Element>>(pipeline: &gst::Pipeline, name: &str) -> anyhow::Result<T> {
    pipeline
        .by_name(name)
        .and_then(|element| element.downcast().ok())
        .with_context(|| format!("pipeline has no {name}"))
}
