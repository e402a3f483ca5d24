//! Accepts connections, tells TLS from ICE, and serves HTTP inside TLS.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::limits::{Connections, Place};

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
    pub peer: SocketAddr,
    pub local: SocketAddr,
}

/// The listening socket, before it is served.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// `[::]` takes IPv4 too; where the machine has no IPv6 it means `0.0.0.0`.
    ///
    /// # Errors
    /// The port is taken, or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let any = address.ip() == Ipv6Addr::UNSPECIFIED;
        let socket = match bind(address) {
            Err(error) if any && error.kind() != io::ErrorKind::AddrInUse => {
                bind(SocketAddr::from(([0, 0, 0, 0], address.port())))?
            }
            other => other?,
        };
        let tcp = TcpListener::from_std(socket.into())?;
        let local = tcp.local_addr()?;
        Ok(Self { tcp, local })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until the task is dropped.
    pub(crate) async fn serve(
        self,
        acceptor: TlsAcceptor,
        app: axum::Router,
        raw: Option<Arc<dyn RawHandler>>,
    ) {
        let connections = Connections::default();
        loop {
            let (stream, peer) = match self.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the peer is gone already: neither may end the service.
                    tracing::warn!(%error, "Could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(place) = connections.admit(peer.ip(), Instant::now()) else {
                tracing::debug!("Refused a connection: its address has too many");
                continue;
            };
            let (acceptor, app, raw) = (acceptor.clone(), app.clone(), raw.clone());
            tokio::spawn(async move {
                if let Err(error) = connection(stream, peer, place, acceptor, app, raw).await {
                    tracing::debug!(%error, "Connection ended");
                }
            });
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    acceptor: TlsAcceptor,
    app: axum::Router,
    raw: Option<Arc<dyn RawHandler>>,
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
        if let Some(raw) = raw {
            raw.handle(stream, peer, local, Box::new(place));
        }
        return Ok(());
    }
    let tls = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream))
        .await
        .map_err(timed_out)??;
    let ends = Ends { peer, local };
    let service = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ends);
        request
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_headers(64)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(tls), TowerToHyperService::new(service))
        .with_upgrades();
    let served = serving.await.map_err(io::Error::other);
    drop(place);
    served
}
