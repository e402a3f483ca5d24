//! The workstation at work: screen, encoders, input, clipboard, files, sound and the hub in which they meet. Who asks in
//! comes by a link, whether its router is in this process or elsewhere.

mod display;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};
use router::link::RouterLink;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::display::Display;
use crate::config::Config;
use crate::courtesy;
use crate::files;
use crate::hub;
use crate::identity::Identity;
use crate::media::encoder::Launcher;
use crate::media::studio::{self, Command, Desk, StudioEvent};
use crate::media::{probe, rungs};
use crate::sound::{self, Sound, SoundEvent};
use crate::transport::Transport;

/// Frames and notices that may wait for the hub.
const STUDIO_EVENTS: usize = 64;
/// Pieces of files that may wait for the hub.
const FILE_EVENTS: usize = 64;
/// Pieces of clips that may wait for the hub.
const CLIP_EVENTS: usize = 64;
/// Clicks and keys of one person.
const PERSON_EVENTS: usize = 16;
/// Packets of sound that may wait for the hub: what is older is of no use.
const SOUND_EVENTS: usize = 32;
/// Before any viewer's path is known.
const START_BPS: u64 = session_core::quality::START_BPS;

/// See the module documentation.
pub struct Station {
    hub: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    desk: Desk,
    studio: std::thread::JoinHandle<()>,
    display: Arc<Display>,
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station").finish_non_exhaustive()
    }
}

/// Starts everything; viewers come by the link.
///
/// # Errors
/// One sentence with the remedy, for whatever keeps it from starting.
pub fn start(
    config: &Config,
    identity: Arc<Identity>,
    transport: Box<dyn Transport>,
    link: RouterLink,
) -> anyhow::Result<Station> {
    let display = Arc::new(Display::open(&config.desktop, config.sound)?);
    let (tell, studio_events) = mpsc::channel(STUDIO_EVENTS);
    let launcher = launcher(&config.state_dir)?;
    let teller: studio::Teller = Box::new(move |event: StudioEvent| {
        // The hub is gone only when all of this ends.
        let _ = tell.blocking_send(event);
    });
    let (desk, studio) = studio::start(
        launcher.clone(),
        display.source_opener(),
        START_BPS.min(config.max_bps),
        teller,
    )?;
    find_encoders(launcher.clone(), config, desk.clone());

    let (stop, stopped) = oneshot::channel();
    let (tell_file, file_events) = mpsc::channel(FILE_EVENTS);
    let folder = display
        .shared(config.files.as_ref())
        .map(|shared| {
            let tell: files::Tell = Box::new(move |event| {
                let _ = tell_file.blocking_send(event);
            });
            files::Folder::start(shared, tell)
        })
        .transpose()?;
    let (tell_clip, clip_events) = mpsc::channel(CLIP_EVENTS);
    let (tell_person, person_events) = mpsc::channel(PERSON_EVENTS);
    let tell_person: courtesy::PersonTeller = Box::new(move |event| {
        let _ = tell_person.blocking_send(event);
    });
    let (tell_sound, sound_events) = mpsc::channel(SOUND_EVENTS);
    let sound = display
        .sound()
        .filter(|_| config.sound)
        .map(|find| Sound::start(launcher.clone(), find, sound_teller(tell_sound)))
        .transpose()?;
    let parts = hub::Parts {
        identity,
        transport,
        link,
        studio: desk.clone(),
        studio_events,
        open_sink: display.sink_opener(),
        courtesy: display.courtesy(
            config.sign || config.consent.is_some(),
            config.lock.as_ref(),
            tell_person,
        )?,
        person_events,
        clipboard: display.clipboard(Box::new(move |event| {
            let _ = tell_clip.blocking_send(event);
        }))?,
        clip_events,
        folder,
        file_events,
        sound,
        sound_events,
        max_bps: config.max_bps,
        follow_window: display.is_ours(),
        hybrid: config.tiles,
        permitted: config.permitted.clone(),
        consent: config.consent,
    };
    let hub = tokio::spawn(hub::run(parts, stopped));
    Ok(Station {
        hub,
        stop,
        desk,
        studio,
        display,
    })
}

impl Station {
    /// Works until the process is told to stop; then says goodbye to everybody and drops `router`.
    ///
    /// # Errors
    /// It ended by itself.
    pub async fn until_stopped(self, stops: Stops, router: impl Send) -> anyhow::Result<()> {
        let ended = wait_for_stop(stops, self.hub, self.stop).await;
        drop(router);
        self.desk.try_tell(Command::Stop);
        let studio = self.studio;
        // The studio restores the screen's size when it ends; encoders are its children.
        let _ = tokio::task::spawn_blocking(move || studio.join()).await;
        drop(self.display);
        ended
    }
}

fn sound_teller(tell: mpsc::Sender<SoundEvent>) -> sound::Tell {
    Arc::new(move |event| match event {
        SoundEvent::Packet(_) => drop(tell.try_send(event)),
        SoundEvent::State(_) => drop(tell.blocking_send(event)),
    })
}

/// The signals that ask for an orderly end.
#[derive(Debug)]
pub struct Stops([Signal; 3]);

impl Stops {
    /// From now on they end nothing by themselves: one that comes during the start is found at its end.
    ///
    /// # Errors
    /// The system has no signals.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn recv(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

async fn wait_for_stop(
    mut stops: Stops,
    mut hub: JoinHandle<()>,
    stop: oneshot::Sender<()>,
) -> anyhow::Result<()> {
    tokio::select! {
        () = stops.recv() => {}
        ended = &mut hub => bail!("the hub ended by itself: {ended:?}"),
    }
    tracing::info!("Stopping");
    let _ = stop.send(());
    let _ = hub.await;
    Ok(())
}

/// One agent at a time may use a state directory.
///
/// # Errors
/// Another does.
pub fn lock(dir: &Path) -> anyhow::Result<Flock<File>> {
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| {
        format!(
            "{} cannot be written: free some space there and make it yours, or name another directory with --state-dir",
            path.display()
        )
    })?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        anyhow::anyhow!(
            "another removid uses {}; stop it, or name another directory with --state-dir",
            dir.display()
        )
    })
}

/// How encoders are started: as this very program.
///
/// # Errors
/// The program's own path is unknown.
pub fn launcher(state_dir: &Path) -> anyhow::Result<Launcher> {
    Ok(Launcher {
        program: std::env::current_exe().context("this program's own path is unknown")?,
        registry: state_dir.join("gstreamer-registry.bin"),
    })
}

/// Finds out which encoders work, beside everything else; the link does not wait for it.
fn find_encoders(launcher: Launcher, config: &Config, desk: Desk) {
    let (cache, only) = (config.state_dir.join("encoders.json"), config.codec.clone());
    std::thread::spawn(move || {
        let wanted = |rung: &rungs::Rung| {
            only.as_deref()
                .is_none_or(|name| rung.name == name || rung.codec.name().eq_ignore_ascii_case(name))
        };
        // Until the trials are done, the software encoders that are installed are presumed to work.
        match probe::installed(&launcher) {
            Ok(installed) if !cache.exists() => {
                let presumed = rungs::RUNGS
                    .into_iter()
                    .filter(|rung| !rung.hardware && wanted(rung) && installed.contains_key(rung.name));
                desk.tell(Command::Rungs(presumed.collect()));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "Encoders cannot be listed; run: removid doctor"
            ),
        }
        match probe::trials(&launcher, &cache) {
            Ok(trials) => {
                let rungs = probe::ladder(&trials, only.as_deref());
                if rungs.is_empty() {
                    tracing::error!("No encoder works; run: removid doctor");
                }
                desk.tell(Command::Rungs(rungs));
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "Encoders cannot be tried; run: removid doctor"
            ),
        }
    });
}
