//! Direct mode: agent and router in one process, joined by an in-memory link.

mod display;

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nix::fcntl::{Flock, FlockArg};
use router::auth::direct::DirectStore;
use router::net::{Listener, RawHandler};
use router::tls::{Certificate, private_file};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use self::display::Display;
use crate::announce::Place;
use crate::config::Config;
use crate::files;
use crate::hub;
use crate::identity::{Identity, host_name};
use crate::media::encoder::Launcher;
use crate::media::studio::{self, Command, Desk, StudioEvent};
use crate::media::{probe, rungs};
use crate::sound::{self, Sound, SoundEvent};
use crate::transport::ice_tcp::IceTcp;
use crate::transport::{self, Transport, addresses};

/// Frames and notices that may wait for the hub.
const STUDIO_EVENTS: usize = 64;
/// Pieces of files that may wait for the hub.
const FILE_EVENTS: usize = 64;
/// Pieces of clips that may wait for the hub.
const CLIP_EVENTS: usize = 64;
/// Packets of sound that may wait for the hub: what is older is of no use.
const SOUND_EVENTS: usize = 32;
/// Before any viewer's path is known.
const START_BPS: u64 = session_core::quality::START_BPS;

/// Runs until the process is told to stop.
///
/// # Errors
/// One sentence with the remedy, for whatever keeps it from starting.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let stops = Stops::listen()?;
    private_file::directory(&config.state_dir)?;
    let _lock = lock(&config.state_dir)?;
    let identity = Arc::new(Identity::open(&config.state_dir)?);
    let store = Arc::new(DirectStore::open(&config.state_dir, identity.id.clone())?);
    let certificate = Arc::new(certificate(&config)?);
    let (listener, transport) = open_ports(config.listen).await?;
    let (tcp, hub_transport) = transport;
    let local = listener.local_addr();

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
    find_encoders(launcher.clone(), &config, desk.clone());

    let (host_link, router_link) = router::link::in_memory();
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
    let (tell_sound, sound_events) = mpsc::channel(SOUND_EVENTS);
    let sound = display
        .sound()
        .filter(|_| config.sound)
        .map(|find| Sound::start(launcher.clone(), find, sound_teller(tell_sound)))
        .transpose()?;
    let parts = hub::Parts {
        identity: Arc::clone(&identity),
        transport: hub_transport,
        link: router_link,
        studio: desk.clone(),
        studio_events,
        open_sink: display.sink_opener(),
        courtesy: display.courtesy(config.sign, config.lock.as_ref())?,
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
    };
    let hub = tokio::spawn(hub::run(parts, stopped));

    let place = Place::new(
        local,
        config.public_url.as_deref(),
        certificate.sha256(),
        identity.key_hash(),
    );
    place.keep(&config.state_dir)?;
    let facts = router::HostFacts {
        id: identity.id.clone(),
        name: identity.name.clone(),
        public_key: identity.public_key(),
    };
    let raw: Arc<dyn RawHandler> = Arc::new(tcp);
    let running = router::start(
        router_config(&config),
        listener,
        certificate,
        store.clone(),
        facts,
        host_link,
        Some(raw),
    )?;
    let token = store
        .permanent()?
        .context("the permanent token was revoked; make a new one with: removid token rotate")?;
    place.announce(config.announce, &token, &config.state_dir)?;

    let ended = wait_for_stop(stops, hub, stop).await;
    drop(running);
    desk.try_tell(Command::Stop);
    // The studio restores the screen's size when it ends; encoders are its children.
    let _ = tokio::task::spawn_blocking(move || studio.join()).await;
    drop(display);
    ended
}

fn sound_teller(tell: mpsc::Sender<SoundEvent>) -> sound::Tell {
    Arc::new(move |event| match event {
        SoundEvent::Packet(_) => drop(tell.try_send(event)),
        SoundEvent::State(_) => drop(tell.blocking_send(event)),
    })
}

fn router_config(config: &Config) -> router::Config {
    router::Config {
        listen: config.listen,
        origins: config.origins.clone(),
        public_url: config.public_url.clone(),
        ice_servers: config.ice_servers.clone(),
        assets_dir: config.assets_dir.clone(),
    }
}

/// The signals that ask for an orderly end.
struct Stops([Signal; 3]);

impl Stops {
    /// From now on they end nothing by themselves: one that comes during the start is found at its end.
    fn listen() -> anyhow::Result<Self> {
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
    mut hub: tokio::task::JoinHandle<()>,
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
fn lock(dir: &Path) -> anyhow::Result<Flock<File>> {
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

fn certificate(config: &Config) -> anyhow::Result<Certificate> {
    match &config.tls {
        Some((cert, key)) => Certificate::load(cert, key),
        None => {
            let name = host_name();
            let mut names = vec![name.clone(), format!("{name}.local"), "localhost".to_owned()];
            names.dedup();
            let found: Vec<_> = addresses::all().into_iter().map(|local| local.address).collect();
            Certificate::self_signed(&config.state_dir, &names, &found)
        }
    }
}

/// HTTPS and media on the same number; with port 0, on one that both have free.
async fn open_ports(listen: SocketAddr) -> anyhow::Result<(Listener, (IceTcp, Box<dyn Transport>))> {
    let mut tries = if listen.port() == 0 { 20 } else { 1 };
    loop {
        tries -= 1;
        let listener = Listener::bind(listen).map_err(|error| port_words(listen, &error))?;
        let (tcp, frames) = IceTcp::new();
        match transport::open(listener.local_addr(), tcp.clone(), frames) {
            Ok(transport) => return Ok((listener, (tcp, transport))),
            Err(error) if tries == 0 => return Err(error),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn port_words(listen: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
    let port = listen.port();
    let kind = error.kind();
    if kind == AddrInUse {
        anyhow::anyhow!(
            "port {port} is in use; stop what uses it (`ss -ltnp 'sport = :{port}'` shows it), or choose another with --listen [::]:PORT"
        )
    } else if kind == AddrNotAvailable {
        anyhow::anyhow!(
            "{} is no address of this machine; choose another with --listen",
            listen.ip()
        )
    } else if kind == PermissionDenied {
        anyhow::anyhow!("port {port} needs root; choose one above 1023 with --listen")
    } else {
        anyhow::anyhow!("{listen} cannot be opened: {error}; choose another with --listen")
    }
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
                .is_none_or(|name| rung.element == name || rung.codec.name().eq_ignore_ascii_case(name))
        };
        // Until the trials are done, the software encoders that are installed are presumed to work.
        match probe::installed(&launcher) {
            Ok(installed) if !cache.exists() => {
                let presumed = rungs::RUNGS
                    .into_iter()
                    .filter(|rung| !rung.hardware && wanted(rung) && installed.contains_key(rung.element));
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
