//! Peer connections by `str0m`: all of them on one UDP port and the HTTPS port, in one task.
//!
//! The library's law is kept here: after every single mutation of an `Rtc` its output is drained until it
//! names a time, before anything else touches it. A panic inside one connection ends that one only.

mod bundle;
mod codecs;
#[cfg(test)]
mod link;
mod peer;
#[cfg(test)]
mod rates;
mod sound;
mod udp;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use signaling_spec::channel::Channel;
use signaling_spec::{Fingerprint, Negotiation, Refusal, Sdp, ViewerId};
use str0m::config::DtlsCert;
use str0m::net::Protocol;
use tokio::sync::mpsc;

use self::peer::Peer;
use self::udp::UdpPort;
use super::ice_tcp::{IceTcp, Incoming};
use super::relay::stun::Stun;
use super::relay::{RelayEvent, Relays, What};
use super::{EncodedFrame, EncodedSound, PagePath, Sent, Transport, TransportEvent, addresses};

/// Deadlines of one connection that are met in a row before others get their turn: a large keyframe.
const BURST: usize = 2_000;

/// See the module documentation.
#[derive(Debug)]
pub struct Str0mTransport {
    ports: Ports,
    tcp_frames: mpsc::Receiver<Incoming>,
    peers: BTreeMap<ViewerId, Peer>,
    events: VecDeque<TransportEvent>,
    cert: DtlsCert,
    fingerprint: Fingerprint,
    crypto: Arc<str0m::config::CryptoProvider>,
}

/// What every connection sends through.
#[derive(Debug)]
struct Ports {
    udp: UdpPort,
    tcp: IceTcp,
    relays: Relays,
    stun: Stun,
    port: u16,
}

impl Ports {
    fn transmit(&mut self, transmit: &str0m::net::Transmit) {
        match transmit.proto {
            Protocol::Udp => {
                let (source, to) = (transmit.source, transmit.destination);
                if !self.relays.send(source, to, &transmit.contents) {
                    self.udp.send(source, to, &transmit.contents);
                }
            }
            Protocol::Tcp => {
                self.tcp.send(transmit.destination, &transmit.contents);
            }
            Protocol::SslTcp | Protocol::Tls => {}
        }
    }
}

impl Str0mTransport {
    /// Opens the UDP port with the same address and number as the HTTPS port.
    ///
    /// # Errors
    /// The port is taken, or the crypto library cannot make a certificate.
    pub fn open(
        https: SocketAddr,
        tcp: IceTcp,
        tcp_frames: mpsc::Receiver<Incoming>,
        tls: Arc<rustls::ClientConfig>,
    ) -> anyhow::Result<Self> {
        let udp = UdpPort::open(https).with_context(|| {
            format!(
                "UDP port {} cannot be opened; stop what uses it, or choose another with --listen",
                https.port()
            )
        })?;
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let cert = crypto
            .dtls_provider
            .generate_certificate()
            .context("no DTLS certificate could be made")?;
        let digest = crypto.sha256_provider.sha256(&cert.certificate);
        let fingerprint = Fingerprint::from_digest(&digest);
        Ok(Self {
            ports: Ports {
                port: udp.port(),
                stun: Stun::new(udp.is_v6()),
                udp,
                tcp,
                relays: Relays::new(tls),
            },
            tcp_frames,
            peers: BTreeMap::new(),
            events: VecDeque::new(),
            cert,
            fingerprint,
            crypto,
        })
    }

    /// Runs one mutation on a peer, drains it, and forgets the peer if it is dead.
    fn with_peer(&mut self, id: ViewerId, mutate: impl FnOnce(&mut Peer)) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let (ports, events) = (&mut self.ports, &mut self.events);
        let run = std::panic::AssertUnwindSafe(|| {
            mutate(peer);
            // The library hands out one packet for each time that it is told the time, so a deadline that
            // has come is met here: a timer between two packets would cost a millisecond each.
            let mut alive = peer.drain(&mut |datagram| ports.transmit(datagram), events);
            for _ in 0..BURST {
                let now = Instant::now();
                if !alive || peer.deadline() > now {
                    break;
                }
                peer.handle_timeout(now);
                alive = peer.drain(&mut |datagram| ports.transmit(datagram), events);
            }
            alive
        });
        let alive = std::panic::catch_unwind(run).unwrap_or_else(|_| {
            tracing::error!(viewer = id.0, "Peer connection panicked; this viewer is cut off");
            false
        });
        self.ports.udp.flush();
        if !alive {
            self.forget(id);
            self.events.push_back(TransportEvent::Lost { peer: id });
        }
    }

    fn forget(&mut self, id: ViewerId) {
        if let Some(peer) = self.peers.remove(&id) {
            self.ports.tcp.forget(peer.ufrag());
            self.ports.relays.forget(id);
            self.ports.stun.forget(id);
        }
    }

    /// Asks for our address what is to be asked by now.
    fn ask(&mut self, now: Instant) {
        let any = SocketAddr::from(([0, 0, 0, 0], self.ports.port));
        while let Some((server, request)) = self.ports.stun.poll(now) {
            self.ports.udp.send(any, server, &request);
        }
        self.ports.udp.flush();
    }

    /// Whether it was a STUN server's word on where it sees us; the viewer is told.
    fn is_seen(&mut self, source: SocketAddr, data: &[u8]) -> bool {
        let Some((id, at)) = self.ports.stun.answer(source, data) else {
            return false;
        };
        if !addresses::all().iter().any(|local| local.address == at.ip()) {
            let candidate = addresses::seen_candidate(at);
            self.events
                .push_back(TransportEvent::Candidate { peer: id, candidate });
        }
        true
    }

    fn receive(&mut self, proto: Protocol, source: SocketAddr, destination: SocketAddr, data: &[u8]) {
        let now = Instant::now();
        let accepted = self
            .peers
            .iter()
            .find(|(_, peer)| peer.accepts(now, proto, source, destination, data));
        if let Some(id) = accepted.map(|(id, _)| *id) {
            self.with_peer(id, |peer| peer.receive(now, proto, source, destination, data));
        }
    }

    fn handle_timeouts(&mut self, now: Instant) {
        self.ask(now);
        let due: Vec<ViewerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.deadline() <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.with_peer(id, |peer| peer.handle_timeout(now));
        }
    }

    fn relayed(&mut self, event: RelayEvent) {
        let id = event.viewer;
        match event.what {
            What::Allocated { relayed, local } => {
                let mut line = None;
                self.with_peer(id, |peer| line = peer.add_relayed(relayed, local));
                let candidate = line.map(|candidate| TransportEvent::Candidate { peer: id, candidate });
                self.events.extend(candidate);
            }
            What::Datagram { relayed, from, data } => self.receive(Protocol::Udp, from, relayed, &data),
            What::Failed => tracing::info!(viewer = id.0, "No TURN server gave an address"),
        }
    }

    async fn step(&mut self) {
        let far = Instant::now() + Duration::from_secs(3600);
        let peers = self.peers.values().map(Peer::deadline).min().unwrap_or(far);
        let deadline = self.ports.stun.deadline().map_or(peers, |due| due.min(peers));
        tokio::select! {
            biased;
            batch = self.ports.udp.receive() => {
                for datagram in batch {
                    if self.is_seen(datagram.source, &datagram.data) {
                        continue;
                    }
                    self.receive(Protocol::Udp, datagram.source, datagram.destination, &datagram.data);
                }
                self.handle_timeouts(Instant::now());
            }
            event = self.ports.relays.next() => {
                self.relayed(event);
                self.handle_timeouts(Instant::now());
            }
            () = self.ports.stun.looked_up() => {}
            Some(frame) = self.tcp_frames.recv() => self.receive(Protocol::Tcp, frame.peer, frame.local, &frame.data),
            () = tokio::time::sleep_until(deadline.into()) => self.handle_timeouts(Instant::now()),
        }
    }
}

impl Transport for Str0mTransport {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn accept_offer(&mut self, id: ViewerId, negotiation: Negotiation, offer: Sdp, path: &PagePath) {
        let all = if path.relay_only {
            Vec::new()
        } else {
            addresses::all()
        };
        let made = match self.peers.get_mut(&id) {
            Some(peer) => peer.renegotiate(&offer),
            None => Peer::answer(id, &self.crypto, &self.cert, &offer, &all, path, self.ports.port).map(
                |(peer, answer)| {
                    self.ports.tcp.expect(peer.ufrag());
                    self.ports.relays.begin(id, &path.ice_servers);
                    if !path.relay_only {
                        self.ports.stun.begin(id, &path.ice_servers, Instant::now());
                    }
                    self.peers.insert(id, peer);
                    answer
                },
            ),
        };
        match made {
            Ok(sdp) => {
                self.events.push_back(TransportEvent::Answer {
                    peer: id,
                    negotiation,
                    sdp,
                });
                let outer = addresses::outer(&all, path).filter(|_| !path.relay_only);
                for candidate in outer.map(addresses::outer_candidates).into_iter().flatten() {
                    self.events
                        .push_back(TransportEvent::Candidate { peer: id, candidate });
                }
                self.with_peer(id, |_| {});
            }
            Err(code) => {
                self.forget(id);
                self.events.push_back(TransportEvent::AnswerFailed {
                    peer: id,
                    negotiation,
                    code,
                });
            }
        }
    }

    fn add_candidate(&mut self, id: ViewerId, candidate: &str) {
        self.with_peer(id, |peer| peer.add_remote_candidate(candidate));
    }

    fn send_frame(&mut self, id: ViewerId, frame: &EncodedFrame) {
        self.with_peer(id, |peer| peer.send_frame(frame));
    }

    fn send_sound(&mut self, id: ViewerId, sound: &EncodedSound) {
        self.with_peer(id, |peer| peer.send_sound(sound));
    }

    fn carries_sound(&self) -> bool {
        true
    }

    fn send(&mut self, id: ViewerId, channel: Channel, binary: bool, data: &[u8]) -> Sent {
        let mut sent = Sent::Closed;
        self.with_peer(id, |peer| sent = peer.send(channel, binary, data));
        sent
    }

    fn set_estimate(&mut self, id: ViewerId, bps: u64) {
        self.with_peer(id, |peer| peer.set_estimate(bps));
    }

    fn set_desired_bitrate(&mut self, id: ViewerId, bps: u64) {
        self.with_peer(id, |peer| peer.set_desired_bitrate(bps));
    }

    fn close(&mut self, id: ViewerId) {
        self.with_peer(id, Peer::close);
        self.forget(id);
        // A close drains to the end; what it says about itself is not news.
        self.events
            .retain(|event| !matches!(event, TransportEvent::Lost { peer } if *peer == id));
    }

    fn next(&mut self) -> Pin<Box<dyn Future<Output = TransportEvent> + Send + '_>> {
        Box::pin(async {
            loop {
                if let Some(event) = self.events.pop_front() {
                    return event;
                }
                self.step().await;
            }
        })
    }
}

impl From<str0m::RtcError> for PeerError {
    fn from(error: str0m::RtcError) -> Self {
        Self(error)
    }
}

/// A refusal of the library, kept out of the viewer's sight.
#[derive(Debug)]
struct PeerError(str0m::RtcError);

impl From<PeerError> for Refusal {
    fn from(error: PeerError) -> Self {
        tracing::info!(error = %error.0, "Peer connection refused a description");
        Self::Malformed
    }
}
