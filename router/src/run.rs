//! Starts a router on a listening socket and holds its tasks.

use std::net::SocketAddr;
use std::sync::Arc;

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
use crate::net::{Failures, Listener, RawHandler};
use crate::tls::{Certificate, RELOAD_EVERY};

/// A router at work; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    pub local_addr: SocketAddr,
    /// Aborted on drop.
    tasks: JoinSet<()>,
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
    let edge = Edge {
        broker: Broker::start(Arc::clone(&authority), Arc::new(LocalDirectory::default())),
        authority,
        origins: Arc::new(Origins::new(&config.origins, config.public_url.as_deref())),
        failures: Failures::default(),
        only_host: Some(host.id.clone()),
        config: Arc::new(config),
    };
    let (broker, id) = (edge.broker.clone(), host.id.clone());
    let own = sessions::routes(edge.clone(), host);
    let mut running = serve(edge, own, listener, certificate, raw)?;
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

/// Serves an edge with calls of its own until the result is dropped.
///
/// # Errors
/// The certificate cannot be used.
pub fn serve(
    edge: Edge,
    own: api::Routes,
    listener: Listener,
    certificate: Arc<Certificate>,
    raw: Option<Arc<dyn RawHandler>>,
) -> anyhow::Result<Running> {
    let acceptor = TlsAcceptor::from(certificate.server_config()?);
    let local_addr = listener.local_addr();
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.serve(acceptor, api::routes(edge, own), raw));
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(RELOAD_EVERY);
        loop {
            tick.tick().await;
            certificate.reload_if_changed();
        }
    });
    Ok(Running { local_addr, tasks })
}
