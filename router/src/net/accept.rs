//! Accepts connections, tells TLS from ICE, and serves HTTP inside TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use hyper::body::Incoming as Body;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::bind::Incoming;
use super::limits::{Connections, Place};
use super::{Drain, Front, Listener};

/// How long a stranger may take to say anything, and then to finish the handshake.
const FIRST_BYTE: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a request's header may take.
const HEADER: Duration = Duration::from_secs(10);
/// The most that a request's header may have, in bytes.
const MAX_HEADER: usize = 32 * 1024;
/// First byte of a TLS handshake record (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Takes connections on our port that do not begin like TLS: ICE over TCP (RFC 6544).
pub trait RawHandler: Send + Sync + std::fmt::Debug {
    /// Must close what it does not expect. `guard` is dropped with the connection.
    fn handle(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        guard: Box<dyn std::any::Any + Send>,
    );
}

/// Where a request came in, for handlers.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The client; behind a proxy its port is unknown, and 0.
    pub peer: SocketAddr,
    pub local: SocketAddr,
}

/// What every connection is served with.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) app: axum::Router,
    pub(crate) front: Arc<Front>,
    pub(crate) drain: Drain,
    pub(crate) raw: Option<Arc<dyn RawHandler>>,
}

/// Serves until it is drained or the task is dropped.
pub(crate) async fn serve(listener: Listener, service: Service) {
    let connections = Connections::default();
    let local = listener.local_addr();
    let mut drain = service.drain.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.begun() => return,
        };
        let incoming = match accepted {
            Ok(incoming) => incoming,
            Err(error) => {
                // Out of descriptors, or the peer is gone already: neither may end the service.
                tracing::warn!(%error, "Could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = service.clone();
        match incoming {
            Incoming::Tcp(stream, peer) => {
                // Behind a proxy of ours are many people; it has limits of its own.
                let place = if service.front.trusts(Some(peer.ip())) {
                    None
                } else {
                    let Some(place) = connections.admit(peer.ip(), Instant::now()) else {
                        tracing::debug!("Refused a connection: its address has too many");
                        continue;
                    };
                    Some(place)
                };
                tokio::spawn(async move {
                    if let Err(error) = connection(stream, peer, place, service).await {
                        tracing::debug!(%error, "Connection ended");
                    }
                });
            }
            Incoming::Unix(stream) => {
                tokio::spawn(async move {
                    if let Err(error) = http(stream, None, local, service).await {
                        tracing::debug!(%error, "Connection ended");
                    }
                });
            }
        }
    }
}

/// Hands every connection to `raw`, within the limits that an address has: for a port on which nobody speaks TLS.
pub async fn serve_raw(listener: Listener, raw: Arc<dyn RawHandler>) {
    let connections = Connections::default();
    loop {
        match listener.accept().await {
            Ok(Incoming::Tcp(stream, peer)) => {
                let Some(place) = connections.admit(peer.ip(), Instant::now()) else {
                    tracing::debug!("Refused a connection: its address has too many");
                    continue;
                };
                if let (Ok(()), Ok(local)) = (stream.set_nodelay(true), stream.local_addr()) {
                    raw.handle(stream, peer, local, Box::new(place));
                }
            }
            Ok(Incoming::Unix(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "Could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: Option<Place>,
    service: Service,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    let mut first = [0u8];
    let timed_out = |_| io::Error::from(io::ErrorKind::TimedOut);
    let peeked = tokio::time::timeout(FIRST_BYTE, stream.peek(&mut first))
        .await
        .map_err(timed_out)??;
    if peeked == 0 {
        return Ok(());
    }
    if first[0] != TLS_HANDSHAKE {
        if let Some(raw) = service.raw {
            raw.handle(stream, peer, local, Box::new(place));
        }
        return Ok(());
    }
    let tls = tokio::time::timeout(HANDSHAKE, service.acceptor.accept(stream))
        .await
        .map_err(timed_out)??;
    let served = http(tls, Some(peer), local, service).await;
    drop(place);
    served
}

/// Serves HTTP/1.1 on one connection; `peer` is absent on a Unix socket.
async fn http<S>(stream: S, peer: Option<SocketAddr>, local: SocketAddr, service: Service) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Service {
        app,
        front,
        mut drain,
        ..
    } = service;
    let app = app.map_request(move |mut request: Request<Body>| {
        let client = front.client(peer.map(|peer| peer.ip()), request.headers());
        let peer = peer.filter(|peer| peer.ip().to_canonical() == client.to_canonical());
        let peer = peer.unwrap_or(SocketAddr::new(client, 0));
        front.strip(&mut request);
        request.extensions_mut().insert(Ends { peer, local });
        request
    });
    let mut serving = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER)
            .max_headers(64)
            .max_buf_size(MAX_HEADER)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        () = drain.begun() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    ended.map_err(io::Error::other)
}
