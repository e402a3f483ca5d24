//! The one UDP port: tells which of our addresses a datagram came to, and sends from a chosen one.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Longer datagrams than this are not ours.
const MAX_DATAGRAM: usize = 2048;
/// Holds a keyframe's burst.
const BUFFER: usize = 2 * 1024 * 1024;

/// One datagram that came in.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) data: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct UdpPort {
    socket: UdpSocket,
    state: UdpSocketState,
    port: u16,
    is_v6: bool,
}

impl UdpPort {
    pub(super) fn open(https: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(https), Type::DGRAM, Some(Protocol::UDP))?;
        if https.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        // The kernel grants what it permits.
        let _ = socket.set_send_buffer_size(BUFFER);
        let _ = socket.set_recv_buffer_size(BUFFER);
        socket.bind(&https.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self {
            // With port 0 the system has picked one.
            port: socket.local_addr()?.port(),
            socket,
            state,
            is_v6: https.is_ipv6(),
        })
    }

    /// Whether it takes both families.
    pub(super) fn is_v6(&self) -> bool {
        self.is_v6
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for datagrams and takes up to a batch of them. Dropping the future loses none.
    pub(super) async fn receive(&self) -> Vec<Datagram> {
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::warn!(%error, "UDP socket failed");
                return Vec::new();
            }
            match self.socket.try_io(Interest::READABLE, || self.try_receive()) {
                Ok(batch) => return batch,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => tracing::debug!(%error, "Could not receive a datagram"),
            }
        }
    }

    fn try_receive(&self) -> io::Result<Vec<Datagram>> {
        let mut storage = vec![0u8; MAX_DATAGRAM * BATCH_SIZE];
        let mut slices: Vec<IoSliceMut<'_>> = storage.chunks_mut(MAX_DATAGRAM).map(IoSliceMut::new).collect();
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let count = self
            .state
            .recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)?;
        let mut batch = Vec::with_capacity(count);
        for (meta, slice) in metas.iter().zip(&slices).take(count) {
            let Some(local) = meta.dst_ip else { continue };
            let received = slice.get(..meta.len).unwrap_or_default();
            for data in received.chunks(meta.stride.max(1)) {
                batch.push(Datagram {
                    source: SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port()),
                    destination: SocketAddr::new(local.to_canonical(), self.port),
                    data: data.to_vec(),
                });
            }
        }
        Ok(batch)
    }

    /// A datagram that the kernel does not take is lost, as any may be.
    pub(super) fn send(&self, source: SocketAddr, destination: SocketAddr, data: &[u8]) {
        let to = match destination {
            SocketAddr::V4(v4) if self.is_v6 => {
                SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port())
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => destination,
        };
        let unspecified = [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ];
        let src_ip = Some(source.ip()).filter(|ip| !unspecified.contains(ip));
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: data,
            segment_size: None,
            src_ip,
        };
        if let Err(error) = self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            tracing::trace!(%error, "Lost a datagram");
        }
    }
}
