//! The one UDP port: tells which of our addresses a datagram came to, and sends from a chosen one.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::bundle::Bundle;

/// Longer datagrams than this are not ours.
const MAX_DATAGRAM: usize = 2048;
/// Holds a keyframe's burst.
const BUFFER: usize = 2 * 1024 * 1024;
/// The kernel joins what came from one sender in a row (Linux's `UDP_GRO`) up to the largest datagram there is, and cuts what
/// does not fit. So many of these are taken at once.
const JOINED: usize = 65_535;
const AT_ONCE: usize = 4;

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
    /// Where datagrams come in. The system gives pages to what is written alone.
    storage: Vec<u8>,
    bundle: Bundle,
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
            storage: vec![0; JOINED * AT_ONCE],
            bundle: Bundle::default(),
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
    pub(super) async fn receive(&mut self) -> Vec<Datagram> {
        loop {
            if let Err(error) = self.socket.readable().await {
                tracing::warn!(%error, "UDP socket failed");
                return Vec::new();
            }
            let (socket, state, storage) = (&self.socket, &self.state, &mut self.storage);
            match socket.try_io(Interest::READABLE, || {
                try_receive(socket, state, storage, self.port)
            }) {
                Ok(batch) => return batch,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => tracing::debug!(%error, "Could not receive a datagram"),
            }
        }
    }

    /// Takes a datagram, which leaves with those like it at the next [`Self::flush`] at the latest.
    pub(super) fn send(&mut self, source: SocketAddr, destination: SocketAddr, data: &[u8]) {
        let most = self.state.max_gso_segments();
        if !self.bundle.takes(source, destination, data.len(), most) {
            self.flush();
        }
        self.bundle.push(source, destination, data);
    }

    /// Sends what waits. A datagram that the kernel does not take is lost, as any may be.
    pub(super) fn flush(&mut self) {
        let Some((source, destination, data, segment)) = self.bundle.take() else {
            return;
        };
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
        let send = |contents, segment_size| {
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents,
                segment_size,
                src_ip,
            };
            self.state.try_send(UdpSockRef::from(&self.socket), &transmit)
        };
        let Err(mut error) = send(data, Some(segment)) else {
            return;
        };
        // A network card that cannot part them says so; each may still go by itself.
        if data.len() > segment {
            let mut failures = data.chunks(segment).filter_map(|one| send(one, None).err());
            let Some(last) = failures.by_ref().last() else {
                return;
            };
            error = last;
        }
        tracing::trace!(%error, "Lost a datagram");
    }
}

fn try_receive(
    socket: &UdpSocket,
    state: &UdpSocketState,
    storage: &mut [u8],
    port: u16,
) -> io::Result<Vec<Datagram>> {
    let mut slices: Vec<IoSliceMut<'_>> = storage.chunks_mut(JOINED).map(IoSliceMut::new).collect();
    let mut metas = [RecvMeta::default(); AT_ONCE];
    let count = state.recv(UdpSockRef::from(socket), &mut slices, &mut metas)?;
    let mut batch = Vec::with_capacity(count);
    for (meta, slice) in metas.iter().zip(&slices).take(count) {
        let Some(local) = meta.dst_ip else { continue };
        let received = slice.get(..meta.len).unwrap_or_default();
        let ours = |data: &&[u8]| data.len() <= MAX_DATAGRAM;
        for data in received.chunks(meta.stride.max(1)).filter(ours) {
            batch.push(Datagram {
                source: SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port()),
                destination: SocketAddr::new(local.to_canonical(), port),
                data: data.to_vec(),
            });
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What one port sends in one go comes out of another, each datagram by itself and whole: the kernel hands them on joined.
    #[tokio::test]
    async fn what_is_sent_joined_comes_out_apart() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (mut near, mut far) = (UdpPort::open(any).unwrap(), UdpPort::open(any).unwrap());
        let to = SocketAddr::from(([127, 0, 0, 1], far.port()));
        let sizes = [1200, 1200, 1200, 1200, 700, 1200, 1200, 90, 91, 3000, 1200];
        let sent: Vec<Vec<u8>> = sizes
            .iter()
            .zip(1..)
            .map(|(size, mark)| vec![mark; *size])
            .collect();
        for data in &sent {
            near.send(any, to, data);
        }
        near.flush();
        let mut came = Vec::new();
        let receive = async {
            while came.last() != sent.last() {
                came.extend(far.receive().await.into_iter().map(|datagram| datagram.data));
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), receive).await;
        assert!(waited.is_ok(), "the last one came");
        let ours: Vec<Vec<u8>> = sent
            .into_iter()
            .filter(|data| data.len() <= MAX_DATAGRAM)
            .collect();
        assert_eq!(came, ours);
    }
}
