//! One allocation: finds a way to a server, asks for an address there, and carries datagrams until the viewer is gone.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use signaling_spec::ViewerId;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use turn_client_proto::api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::{DelayedTransmitBuild as _, TurnClientApi};
use turn_client_proto::stun::Instant;
use turn_client_proto::stun::agent::Transmit;
use turn_client_proto::stun::types::TransportType;
use turn_client_proto::tcp::TurnClientTcp;
use turn_client_proto::types::TurnCredentials;
use turn_client_proto::udp::TurnClientUdp;

use super::url::{TurnUrl, Way};
use super::{Outgoing, RelayEvent, What};

/// A way that has no address after this long is given up for the next one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer than any datagram of a peer connection, with TURN's header.
const MAX_DATAGRAM: usize = 2048;
const READ: usize = 16 * 1024;
/// Peers that datagrams are sent to through one allocation: each costs the server a permission.
const MOST_PEERS: usize = 16;

/// Name and password at a server.
#[derive(Clone)]
pub(super) struct Login(TurnCredentials);

impl Login {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self(TurnCredentials::new(user, password))
    }
}

/// What a server is reached by.
enum Link {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

impl Link {
    async fn send(&mut self, data: &[u8]) -> io::Result<()> {
        match self {
            // A datagram that the kernel does not take is lost, as any may be.
            Self::Udp(socket) => match socket.try_send(data) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                _ => Ok(()),
            },
            Self::Stream(stream) => stream.write_all(data).await,
        }
    }

    /// Dropping the future loses nothing.
    async fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(into).await,
            Self::Stream(stream) => match stream.read(into).await? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                some => Ok(some),
            },
        }
    }
}

/// Tries one way after the other until the viewer is gone or none is left.
pub(super) async fn run(
    viewer: ViewerId,
    ways: Vec<(TurnUrl, Login)>,
    tls: TlsConnector,
    mut orders: mpsc::Receiver<Outgoing>,
    say: mpsc::Sender<RelayEvent>,
) {
    let tell = Teller { viewer, say };
    for (url, login) in ways {
        let begun = tokio::time::timeout(PATIENCE, open(&url, &tls)).await;
        let (link, local, remote) = match begun {
            Ok(Ok(open)) => open,
            Ok(Err(error)) => {
                tracing::info!(way = ?url.way, %error, "A TURN server cannot be reached");
                continue;
            }
            Err(_) => {
                tracing::info!(way = ?url.way, "A TURN server does not answer");
                continue;
            }
        };
        let config = TurnConfig::new(login.0);
        let ended = match url.way {
            Way::Udp => {
                let client = TurnClientUdp::allocate(local, remote, config);
                Carrier::new(client, link, TransportType::Udp, url.way)
                    .carry(&mut orders, &tell)
                    .await
            }
            Way::Tcp | Way::Tls => {
                let client = TurnClientTcp::allocate(local, remote, config);
                Carrier::new(client, link, TransportType::Tcp, url.way)
                    .carry(&mut orders, &tell)
                    .await
            }
        };
        match ended {
            End::NoAddress(why) => tracing::info!(way = ?url.way, why, "A TURN server gave no address"),
            End::Broken(why) => {
                tracing::info!(way = ?url.way, why, "A relayed connection broke");
                break;
            }
            End::Gone => return,
        }
    }
    let _ = tell.tell(What::Failed).await;
}

async fn open(url: &TurnUrl, tls: &TlsConnector) -> io::Result<(Link, SocketAddr, SocketAddr)> {
    let place = (url.host.as_str(), url.port);
    match url.way {
        Way::Udp => {
            let remote = tokio::net::lookup_host(place).await?.next();
            let remote = remote.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let any: SocketAddr = if remote.is_ipv4() {
                ([0, 0, 0, 0], 0).into()
            } else {
                ([0; 16], 0).into()
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(remote).await?;
            let local = socket.local_addr()?;
            Ok((Link::Udp(socket), local, remote))
        }
        Way::Tcp | Way::Tls => {
            let tcp = TcpStream::connect(place).await?;
            tcp.set_nodelay(true)?;
            let (local, remote) = (tcp.local_addr()?, tcp.peer_addr()?);
            let stream: Box<dyn Stream> = if url.way == Way::Tls {
                let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
                Box::new(tls.connect(name, tcp).await?)
            } else {
                Box::new(tcp)
            };
            Ok((Link::Stream(stream), local, remote))
        }
    }
}

/// Nobody listens any more.
struct Gone;

/// Brings news to the transport.
struct Teller {
    viewer: ViewerId,
    say: mpsc::Sender<RelayEvent>,
}

impl Teller {
    async fn tell(&self, what: What) -> Result<(), Gone> {
        let viewer = self.viewer;
        self.say.send(RelayEvent { viewer, what }).await.map_err(|_| Gone)
    }
}

/// Why carrying ended.
enum End {
    NoAddress(&'static str),
    Broken(&'static str),
    Gone,
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// Drives the library's client, which does no I/O and knows no time.
struct Carrier<C> {
    client: C,
    link: Link,
    transport: TransportType,
    way: Way,
    begun: std::time::Instant,
    relayed: Option<SocketAddr>,
    peers: Vec<SocketAddr>,
}

impl<C: TurnClientApi> Carrier<C> {
    fn new(client: C, link: Link, transport: TransportType, way: Way) -> Self {
        Self {
            client,
            link,
            transport,
            way,
            begun: std::time::Instant::now(),
            relayed: None,
            peers: Vec::new(),
        }
    }

    /// The library counts from anywhere; here, from the beginning.
    fn now(&self) -> Instant {
        Instant::from_nanos(i64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }

    async fn carry(mut self, orders: &mut mpsc::Receiver<Outgoing>, tell: &Teller) -> End {
        match self.run(orders, tell).await {
            Ok(()) => {
                // The viewer is gone: the address goes back to its server.
                let now = self.now();
                if self.client.delete(now).is_ok() {
                    let _ = self.flush().await;
                }
                End::Gone
            }
            Err(end) => end,
        }
    }

    async fn run(&mut self, orders: &mut mpsc::Receiver<Outgoing>, tell: &Teller) -> Result<(), End> {
        let mut buffer = vec![0; READ];
        loop {
            let wait = self.settle(tell).await?;
            if self.relayed.is_none() && self.begun.elapsed() > PATIENCE {
                return Err(End::NoAddress("no answer"));
            }
            let wait = if self.relayed.is_none() {
                wait.min(PATIENCE)
            } else {
                wait
            };
            tokio::select! {
                read = self.link.receive(&mut buffer) => {
                    let Ok(size) = read else { return Err(self.broken("the connection to the server broke")) };
                    self.receive(buffer.get(..size).unwrap_or_default(), tell).await?;
                }
                order = orders.recv() => match order {
                    Some((to, data)) => self.send(to, data).await?,
                    None => return Ok(()),
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn broken(&self, why: &'static str) -> End {
        if self.relayed.is_some() {
            End::Broken(why)
        } else {
            End::NoAddress(why)
        }
    }

    /// Sends what the client wants sent, hears what happened to it, and returns how long it wants to be left alone.
    async fn settle(&mut self, tell: &Teller) -> Result<Duration, End> {
        loop {
            let now = self.now();
            let polled = self.client.poll(now);
            self.flush()
                .await
                .map_err(|_| self.broken("the server takes nothing"))?;
            while let Some(event) = self.client.poll_event() {
                self.note(&event, tell).await?;
            }
            match polled {
                TurnPollRet::WaitUntil(at) => {
                    let wait = at.duration_since(self.now());
                    if wait > Duration::ZERO {
                        return Ok(wait.min(Duration::from_secs(30)));
                    }
                    // Due already; asked again once others had their turn.
                    return Ok(Duration::from_millis(1));
                }
                TurnPollRet::Closed => return Err(self.broken("the server refused, or ended it")),
                TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => {}
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        loop {
            let now = self.now();
            let Some(transmit) = self.client.poll_transmit(now) else {
                return Ok(());
            };
            self.link.send(&transmit.data).await?;
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "TCP allocations (RFC 6062) are none of ours"
    )]
    async fn note(&mut self, event: &TurnEvent, tell: &Teller) -> Result<(), End> {
        match event {
            TurnEvent::AllocationCreated(_, relayed) => {
                self.relayed = Some(*relayed);
                let local = self.client.local_addr();
                tracing::info!(way = ?self.way, "A TURN server gave an address");
                tell.tell(What::Allocated {
                    relayed: *relayed,
                    local,
                })
                .await?;
            }
            TurnEvent::AllocationCreateFailed(_) => return Err(End::NoAddress("it refused")),
            TurnEvent::PermissionCreateFailed(_, peer) => {
                tracing::debug!(%peer, "A TURN server does not permit a peer");
            }
            TurnEvent::ChannelCreateFailed(_, peer) => {
                tracing::debug!(%peer, "A TURN server binds no channel to a peer");
            }
            _ => {}
        }
        Ok(())
    }

    async fn receive(&mut self, data: &[u8], tell: &Teller) -> Result<(), End> {
        let (from, to) = (self.client.remote_addr(), self.client.local_addr());
        let transmit = Transmit::new(data, self.transport, from, to);
        let now = self.now();
        let got = match self.client.recv(transmit, now) {
            TurnRecvRet::PeerData(data) => Some((data.peer, data.data().to_vec())),
            TurnRecvRet::Handled | TurnRecvRet::Ignored(_) | TurnRecvRet::PeerIcmp { .. } => None,
        };
        self.pass(got, tell).await?;
        // What a stream brought beyond the first message.
        loop {
            let now = self.now();
            let Some(more) = self.client.poll_recv(now) else {
                break;
            };
            let got = Some((more.peer, more.data().to_vec()));
            self.pass(got, tell).await?;
        }
        Ok(())
    }

    async fn pass(&self, got: Option<(SocketAddr, Vec<u8>)>, tell: &Teller) -> Result<(), End> {
        if let (Some((from, data)), Some(relayed)) = (got, self.relayed)
            && data.len() <= MAX_DATAGRAM
        {
            tell.tell(What::Datagram { relayed, from, data }).await?;
        }
        Ok(())
    }

    /// The first datagram to a peer asks for a channel to it, which is a permission too; until it is there, datagrams
    /// are lost: ICE repeats its checks.
    async fn send(&mut self, to: SocketAddr, data: Vec<u8>) -> Result<(), End> {
        let now = self.now();
        if !self.peers.contains(&to) && self.peers.len() < MOST_PEERS {
            self.peers.push(to);
            let asked = self
                .client
                .create_permission(TransportType::Udp, to.ip(), now)
                .map_err(|error| error.to_string())
                .and_then(|()| {
                    let bound = self.client.bind_channel(TransportType::Udp, to, now);
                    bound.map_err(|error| error.to_string())
                });
            if let Err(error) = asked {
                tracing::debug!(%error, "No channel to a peer");
            }
        }
        let Ok(Some(transmit)) = self.client.send_to(TransportType::Udp, to, data, now) else {
            return Ok(());
        };
        let built = transmit.data.build();
        self.link
            .send(&built)
            .await
            .map_err(|_| self.broken("the server takes nothing"))
    }
}
