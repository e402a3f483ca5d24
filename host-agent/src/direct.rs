//! Direct mode: agent and router in one process, joined by an in-memory link.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use router::auth::direct::DirectStore;
use router::net::{Listener, RawHandler};
use router::tls::{Certificate, private_file};

use crate::announce::Place;
use crate::config::Config;
use crate::identity::{Identity, host_name};
use crate::station::{self, Stops};
use crate::transport::ice_tcp::IceTcp;
use crate::transport::{self, Transport, addresses};
use crate::trust;

/// Runs until the process is told to stop.
///
/// # Errors
/// One sentence with the remedy, for whatever keeps it from starting.
pub async fn run(config: Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.mfa_within.is_none(),
        "--mfa-within is for `removid agent`: in direct mode a token is all that anybody gives; leave it out"
    );
    let stops = Stops::listen()?;
    private_file::directory(&config.state_dir)?;
    let _lock = station::lock(&config.state_dir)?;
    let identity = Arc::new(Identity::open(&config.state_dir)?);
    let store = Arc::new(DirectStore::open(&config.state_dir, identity.id.clone())?);
    let certificate = Arc::new(certificate(&config)?);
    let tls = Arc::new(trust::client_config(None)?);
    let (listener, transport) = open_ports(config.listen, tls).await?;
    let (tcp, hub_transport) = transport;
    let local = listener.local_addr();

    let (host_link, router_link) = router::link::in_memory();
    let station = station::start(&config, Arc::clone(&identity), hub_transport, router_link)?;

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

    station.until_stopped(stops, running).await
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
pub(crate) async fn open_ports(
    listen: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
) -> anyhow::Result<(Listener, (IceTcp, Box<dyn Transport>))> {
    let mut tries = if listen.port() == 0 { 20 } else { 1 };
    loop {
        tries -= 1;
        let listener = Listener::bind(listen).map_err(|error| port_words(listen, &error))?;
        let (tcp, frames) = IceTcp::new();
        match transport::open(listener.local_addr(), tcp.clone(), frames, Arc::clone(&tls)) {
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
