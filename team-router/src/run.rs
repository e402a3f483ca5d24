//! Puts a team's router together and serves until it is told to stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::api::Edge;
use router::auth::origin::Origins;
use router::auth::signed::Signer;
use router::auth::token::{KEY_BYTES, Key};
use router::auth::{Tokens, random_bytes};
use router::broker::Broker;
use router::bus::{Directory, LocalDirectory};
use router::net::{Failures, Front, Listener, drain};
use router::tls::private_file;
use router::{Place, Running};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::api::{Seen, Team};
use crate::audit::{self, Pulse, Sinks};
use crate::certificate;
use crate::config::{AuditSinks, Config, Listen};
use crate::limits::Limits;
use crate::login::Waiting;
use crate::login::oidc::OpenId;
use crate::passkeys::Passkeys;
use crate::store::Store;
use crate::turn::Turn;

/// A team's router at work; dropping it stops it.
#[derive(Debug)]
pub struct TeamRouter {
    pub local_addr: SocketAddr,
    pub team: Team,
    running: Running,
    _tasks: JoinSet<()>,
}

/// How long whoever is under way has to finish when the router stops.
const FINISH: Duration = Duration::from_secs(10);

impl TeamRouter {
    /// Stops in good order: says for the configured time that it is not ready, then lets nobody in any more, tells
    /// every socket, and waits for what is under way. Sessions live on at their hosts.
    pub async fn drain(self) {
        self.team.stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(self.team.config.drain_delay).await;
        let Self {
            team,
            running,
            _tasks,
            ..
        } = self;
        drop(team);
        if !running.drain(FINISH).await {
            tracing::warn!("Some connections did not end in time; they are cut");
        }
    }
}

/// Starts it.
///
/// # Errors
/// One sentence with the remedy, for whatever keeps it from starting.
pub async fn start(
    config: Config,
    events: Option<mpsc::Receiver<audit::Event>>,
) -> anyhow::Result<TeamRouter> {
    private_file::directory(&config.state_dir)?;
    let providers = config
        .providers
        .iter()
        .map(|provider| OpenId::new(provider.clone(), &config.public_url))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let certificate = Arc::new(certificate::open(&config)?);
    let metrics_token = config
        .metrics_token_file
        .as_deref()
        .map(metrics_token)
        .transpose()?;
    let turn = config.turn.as_ref().map(Turn::open).transpose()?.map(Arc::new);
    let store = Store::open(&config.database).await?;
    let mut tasks = JoinSet::new();
    let (sinks, pulse) = match events {
        Some(events) => log(&config, &store, events, &mut tasks).await?,
        None => (Sinks::default(), Pulse::default()),
    };
    let tokens = Tokens::new(
        vec![token_key(&config.state_dir.join("token-key"))?],
        config.public_url.clone(),
        config.public_url.clone(),
    );
    let access = Access::open(store.clone(), tokens, &config.admins, pulse).await?;
    tasks.spawn(Arc::clone(&access).watch());
    let (grants, public) = Signer::open(&config.state_dir.join("grant-key.pk8"))?;
    let directory: Arc<dyn Directory> = Arc::new(LocalDirectory::default());
    let listener = match &config.listen {
        Listen::Port(address) => Listener::bind(*address),
        Listen::Unix(path) => Listener::bind_unix(path),
    };
    let listener = listener
        .with_context(|| format!("{} cannot be opened; choose another with `listen`", config.listen))?;
    let local = listener.local_addr();
    let (drainer, drain) = drain();
    let site = router::Config {
        listen: local,
        origins: Vec::new(),
        public_url: Some(config.public_url.clone()),
        ice_servers: config.ice_servers.clone(),
        assets_dir: config.assets_dir.clone(),
    };
    let edge = Edge {
        drain,
        broker: Broker::start(Arc::<Access>::clone(&access), Arc::clone(&directory)),
        authority: Arc::<Access>::clone(&access),
        origins: Arc::new(Origins::new(&site.origins, site.public_url.as_deref())),
        failures: Failures::default(),
        only_host: None,
        config: Arc::new(site),
    };
    let front = Front {
        trusted: config.trusted_proxies.clone(),
        prefix: Some(config.home().to_owned()).filter(|home| home != "/"),
    };
    // Behind a socket the proxy has the certificate.
    let served = matches!(config.listen, Listen::Port(_)).then(|| Arc::clone(&certificate));
    if let Some(certificate) = &served {
        tasks.spawn(certificate::watch(Arc::clone(certificate), config.tls.is_none()));
    }
    let team = Team {
        certificate: served,
        stopping: Arc::new(AtomicBool::new(false)),
        edge: edge.clone(),
        store,
        access,
        providers: Arc::new(providers),
        directory,
        grants,
        grants_public: URL_SAFE_NO_PAD.encode(public),
        turn,
        metrics_token,
        frames: Arc::default(),
        waiting: Arc::new(Waiting::default()),
        wishes: Arc::default(),
        passkeys: Passkeys::new(&config.public_url).map(Arc::new),
        seen: Arc::new(Seen::default()),
        limits: Arc::new(Limits::new(config.limits.clone())),
        sinks,
        config: Arc::new(config),
    };
    let own = crate::api::routes(team.clone());
    let place = Place {
        listener,
        certificate,
        front,
        raw: None,
        drainer,
    };
    let running = router::serve(edge, own, place)?;
    Ok(TeamRouter {
        local_addr: running.local_addr,
        team,
        running,
        _tasks: tasks,
    })
}

/// The audit log's writer and its sinks.
async fn log(
    config: &Config,
    store: &Store,
    events: mpsc::Receiver<audit::Event>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<(Sinks, Pulse)> {
    let signer = audit::open_key(&config.state_dir)?;
    let public = audit::open_public(&config.state_dir)?.unwrap_or_default();
    let writer = audit::Writer::open(store.clone(), signer.clone(), &public).await?;
    let AuditSinks { file, syslog } = config.audit.clone();
    let syslog = syslog.map(|address| (address, config.site_name().to_owned()));
    let sinks = audit::start(store, &signer, (file, syslog), &writer.told(), tasks).await?;
    let pulse = writer.pulse();
    tasks.spawn(writer.run(events));
    router::audit!(
        "RMV6008I",
        version = env!("CARGO_PKG_VERSION"),
        audit_key = public,
        "Router started"
    );
    Ok((sinks, pulse))
}

/// The token that opens the figures, as its hash.
fn metrics_token(path: &Path) -> anyhow::Result<[u8; 32]> {
    let file = private_file::read(path).context("the token of the figures")?;
    let token = file.trim_ascii();
    ensure!(
        token.len() >= 16,
        "{} holds a token of {} bytes; take 16 or more",
        path.display(),
        token.len()
    );
    Ok(router::auth::sha256(token))
}

/// The key of the pages' tokens: made at the first start, for this machine's eyes alone.
fn token_key(path: &Path) -> anyhow::Result<Key> {
    if !path.exists() {
        private_file::write(
            path,
            URL_SAFE_NO_PAD.encode(random_bytes::<KEY_BYTES>()).as_bytes(),
        )?;
    }
    let text = private_file::read(path)?;
    let secret = URL_SAFE_NO_PAD
        .decode(text.trim_ascii())
        .ok()
        .filter(|secret| secret.len() == KEY_BYTES)
        .with_context(|| {
            format!(
                "{} does not hold a key of 2048 bits; move it away and start again",
                path.display()
            )
        })?;
    let kid = URL_SAFE_NO_PAD.encode(&router::auth::sha256(&secret)[..6]);
    Ok(Key::from_bytes(kid, secret)?)
}
