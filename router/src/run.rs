//! Starts a router on a listening socket and holds its tasks.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use crate::api::HostFacts;
use crate::auth::Authority;
use crate::auth::origin::Origins;
use crate::broker::Broker;
use crate::link::HostLink;
use crate::net::{Failures, Listener, RawHandler};
use crate::tls::{Certificate, RELOAD_EVERY};
use crate::{Config, api};

/// A router at work; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    pub local_addr: SocketAddr,
    /// Aborted on drop.
    _tasks: JoinSet<()>,
}

/// Serves until the result is dropped.
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
    let app = api::App {
        broker: Broker::start(link, Arc::clone(&authority)),
        authority,
        origins: Arc::new(Origins::new(&config.origins, config.public_url.as_deref())),
        failures: Failures::default(),
        host: Arc::new(host),
        config: Arc::new(config),
    };
    let acceptor = TlsAcceptor::from(certificate.server_config()?);
    let local_addr = listener.local_addr();
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.serve(acceptor, api::routes(app), raw));
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(RELOAD_EVERY);
        loop {
            tick.tick().await;
            certificate.reload_if_changed();
        }
    });
    Ok(Running {
        local_addr,
        _tasks: tasks,
    })
}
