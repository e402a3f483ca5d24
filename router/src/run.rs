//! Starts a router on a listening socket and holds its tasks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::Config;
use crate::api::sessions::{self, HostFacts};
use crate::api::{self, Edge};
use crate::auth::Authority;
use crate::auth::origin::Origins;
use crate::broker::Broker;
use crate::bus::LocalDirectory;
use crate::link::HostLink;
use crate::net::accept::{self, Service};
use crate::net::{Drainer, Failures, Front, Listener, RawHandler, drain};
use crate::tls::{Certificate, RELOAD_EVERY};

/// A router at work; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    pub local_addr: SocketAddr,
    /// Aborted on drop.
    tasks: JoinSet<()>,
    drainer: Drainer,
}

impl Running {
    /// Lets nobody in any more, tells everybody, and waits until the last one has gone: whether that was so in time.
    pub async fn drain(self, within: Duration) -> bool {
        let Self { tasks, drainer, .. } = self;
        let in_time = drainer.run(within).await;
        drop(tasks);
        in_time
    }
}

/// Direct mode: one host, in this process. Serves until the result is dropped.
///
/// # Errors
/// The certificate cannot be used.
pub fn start(
    config: Config,
    listener: Listener,
    certificate: Arc<Certificate>,
    authority: Arc<dyn Authority>,
    host: HostFacts,
    link: HostLink,
    raw: Option<Arc<dyn RawHandler>>,
) -> anyhow::Result<Running> {
    let (drainer, drain) = drain();
    let edge = Edge {
        drain,
        broker: Broker::start(Arc::clone(&authority), Arc::new(LocalDirectory::default())),
        authority,
        origins: Arc::new(Origins::new(&config.origins, config.public_url.as_deref())),
        failures: Failures::default(),
        only_host: Some(host.id.clone()),
        config: Arc::new(config),
    };
    let (broker, id) = (edge.broker.clone(), host.id.clone());
    let own = sessions::routes(edge.clone(), host);
    let place = Place {
        listener,
        certificate,
        front: Front::default(),
        raw,
        drainer,
    };
    let mut running = serve(edge, own, place)?;
    running.tasks.spawn(join(broker, id, link));
    Ok(running)
}

/// Carries what the host in this process says.
async fn join(broker: Broker, host: signaling_spec::HostId, mut link: HostLink) {
    let Ok(connection) = broker.host_arrived(host, link.to_host).await else {
        return;
    };
    while let Some(signal) = link.from_host.recv().await {
        if broker.host_says(&connection, signal).await.is_err() {
            return;
        }
    }
    broker.host_left(connection).await;
}

/// Where and how a router is reached.
#[derive(Debug)]
pub struct Place {
    pub listener: Listener,
    pub certificate: Arc<Certificate>,
    pub front: Front,
    pub raw: Option<Arc<dyn RawHandler>>,
    /// The other half of [`Edge::drain`].
    pub drainer: Drainer,
}

/// Serves an edge with calls of its own until the result is drained or dropped.
///
/// # Errors
/// The certificate cannot be used.
pub fn serve(edge: Edge, own: api::Routes, place: Place) -> anyhow::Result<Running> {
    let Place {
        listener,
        certificate,
        front,
        raw,
        drainer,
    } = place;
    let local_addr = listener.local_addr();
    let service = Service {
        acceptor: TlsAcceptor::from(certificate.server_config()?),
        front: Arc::new(front),
        drain: edge.drain.clone(),
        app: api::routes(edge, own),
        raw,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(accept::serve(listener, service));
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(RELOAD_EVERY);
        loop {
            tick.tick().await;
            certificate.reload_if_changed();
        }
    });
    Ok(Running {
        local_addr,
        tasks,
        drainer,
    })
}
