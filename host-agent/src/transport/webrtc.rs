//! Peer connections by the crate `webrtc`: the second implementation, under the feature `transport-webrtc`.
//!
//! Each viewer has a task, fed by bounded queues, and UDP ports of its own, one on each address that is
//! offered: ICE over TCP and a single port are the default transport's. So a viewer behind a NAT that
//! forwards one port cannot be reached, and no outer address is offered.

mod channels;
mod feedback;
mod offer;
mod packets;
mod peer;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;

use anyhow::Context as _;
use rtc::crypto::SignatureScheme;
use rtc::peer_connection::certificate::CertificateParams;
use signaling_spec::channel::Channel;
use signaling_spec::{Fingerprint, Negotiation, Refusal, Sdp, ViewerId};
use tokio::sync::mpsc;
use webrtc::peer_connection::RTCCertificate;

use self::channels::Channels;
use super::{EncodedFrame, EncodedSound, PagePath, Sent, Transport, TransportEvent, addresses};

/// Events of all connections that may wait for the hub; whoever has more to tell waits.
const EVENTS: usize = 1_024;
/// Offers and candidates that may wait for one connection's task.
const COMMANDS: usize = 128;
/// Pictures that may wait for it: about a second.
const FRAMES: usize = 64;

enum Command {
    Offer(Negotiation, Sdp),
    Candidate(String),
}

/// What tasks speak to the transport through. Each connection has a number that is never used again, so
/// that nothing of a forgotten one is taken for its successor's.
#[derive(Clone, Debug)]
struct Teller {
    serial: u64,
    events: mpsc::Sender<(u64, TransportEvent)>,
}

impl Teller {
    /// Waits for room. Nobody listens only when all of this ends.
    async fn tell(&self, event: TransportEvent) {
        let _ = self.events.send((self.serial, event)).await;
    }
}

#[derive(Debug)]
struct Handle {
    serial: u64,
    /// Dropped with the handle, which ends the task.
    commands: mpsc::Sender<Command>,
    frames: mpsc::Sender<EncodedFrame>,
    channels: Channels,
    /// A picture was lost here: those after it are of no use until a keyframe.
    gap: bool,
}

/// See the module documentation.
pub struct WebrtcTransport {
    certificate: RTCCertificate,
    fingerprint: Fingerprint,
    listen: SocketAddr,
    peers: BTreeMap<ViewerId, Handle>,
    serial: u64,
    tell: mpsc::Sender<(u64, TransportEvent)>,
    events: mpsc::Receiver<(u64, TransportEvent)>,
    pending: VecDeque<TransportEvent>,
}

impl std::fmt::Debug for WebrtcTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebrtcTransport")
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl WebrtcTransport {
    /// Makes the certificate of all connections.
    ///
    /// # Errors
    /// The crypto library cannot make a certificate.
    pub fn open(https: SocketAddr) -> anyhow::Result<Self> {
        let (certificate, fingerprint) = certificate().context("no DTLS certificate could be made")?;
        let (tell, events) = mpsc::channel(EVENTS);
        Ok(Self {
            certificate,
            fingerprint,
            listen: https,
            peers: BTreeMap::new(),
            serial: 0,
            tell,
            events,
            pending: VecDeque::new(),
        })
    }

    /// As the default transport offers them, each with any port that is free. An agent that listens on one
    /// address opens none on another.
    fn addresses(&self, path: &PagePath) -> Vec<SocketAddr> {
        let only = self.listen.ip().to_canonical();
        let chosen = if only.is_unspecified() {
            addresses::offered(&addresses::all(), path)
        } else {
            vec![only]
        };
        chosen.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
    }

    fn start(&mut self, id: ViewerId, path: &PagePath) {
        self.serial += 1;
        let (commands, to_do) = mpsc::channel(COMMANDS);
        let (frames, to_send) = mpsc::channel(FRAMES);
        let channels = Channels::default();
        let teller = Teller {
            serial: self.serial,
            events: self.tell.clone(),
        };
        let parts = peer::Parts {
            id,
            certificate: self.certificate.clone(),
            addresses: self.addresses(path),
            commands: to_do,
            frames: to_send,
            channels: channels.clone(),
            teller: teller.clone(),
        };
        tokio::spawn(async move {
            // A task of its own, so that a panic inside one connection ends that one only.
            let died = tokio::spawn(peer::run(parts)).await.unwrap_or_else(|_| {
                tracing::error!(viewer = id.0, "Peer connection panicked; this viewer is cut off");
                true
            });
            if died {
                teller.tell(TransportEvent::Lost { peer: id }).await;
            }
        });
        let handle = Handle {
            serial: self.serial,
            commands,
            frames,
            channels,
            gap: false,
        };
        self.peers.insert(id, handle);
    }

    /// Takes out what ends a connection, and drops what comes from one that is forgotten.
    fn sift(&mut self, serial: u64, event: TransportEvent) -> Option<TransportEvent> {
        let peer = event.peer();
        if self.peers.get(&peer)?.serial != serial {
            return None;
        }
        if matches!(
            event,
            TransportEvent::Lost { .. } | TransportEvent::AnswerFailed { .. }
        ) {
            self.peers.remove(&peer);
        }
        Some(event)
    }
}

fn certificate() -> anyhow::Result<(RTCCertificate, Fingerprint)> {
    let provider = rtc::crypto::default_provider()?;
    let names = CertificateParams::new(vec!["removid".to_owned()])?;
    let certificate = RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, names)?;
    let prints = certificate.get_fingerprints(provider.crypto())?;
    let print = prints.first().context("it has no fingerprint")?;
    Ok((certificate, Fingerprint::parse(&print.value)?))
}

impl Transport for WebrtcTransport {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn accept_offer(&mut self, peer: ViewerId, negotiation: Negotiation, offer: Sdp, path: &PagePath) {
        if !self.peers.contains_key(&peer) {
            self.start(peer, path);
        }
        let taken = self.peers.get(&peer).is_some_and(|handle| {
            handle
                .commands
                .try_send(Command::Offer(negotiation, offer))
                .is_ok()
        });
        if !taken {
            self.peers.remove(&peer);
            self.pending.push_back(TransportEvent::AnswerFailed {
                peer,
                negotiation,
                code: Refusal::TooMany,
            });
        }
    }

    fn add_candidate(&mut self, peer: ViewerId, candidate: &str) {
        if let Some(handle) = self.peers.get(&peer) {
            // One that finds no room is lost: the path is found from the other side's checks then.
            let _ = handle.commands.try_send(Command::Candidate(candidate.to_owned()));
        }
    }

    fn send_frame(&mut self, peer: ViewerId, frame: &EncodedFrame) {
        let Some(handle) = self.peers.get_mut(&peer) else {
            return;
        };
        if handle.gap && !frame.key {
            return;
        }
        let was_gap = std::mem::replace(&mut handle.gap, handle.frames.try_send(frame.clone()).is_err());
        if handle.gap && !was_gap {
            self.pending.push_back(TransportEvent::KeyframeWish { peer });
        }
    }

    /// There is no line for it here.
    fn send_sound(&mut self, _peer: ViewerId, _sound: &EncodedSound) {}

    fn carries_sound(&self) -> bool {
        false
    }

    fn send(&mut self, peer: ViewerId, channel: Channel, binary: bool, data: &[u8]) -> Sent {
        self.peers
            .get(&peer)
            .map_or(Sent::Closed, |handle| handle.channels.send(channel, binary, data))
    }

    /// The library's estimator does not probe, so there is nothing that it could do with this.
    fn set_desired_bitrate(&mut self, _peer: ViewerId, _bps: u64) {}

    fn set_estimate(&mut self, _peer: ViewerId, _bps: u64) {}

    fn close(&mut self, peer: ViewerId) {
        self.peers.remove(&peer);
        self.pending.retain(|event| event.peer() != peer);
    }

    fn next(&mut self) -> Pin<Box<dyn Future<Output = TransportEvent> + Send + '_>> {
        Box::pin(async {
            loop {
                if let Some(event) = self.pending.pop_front() {
                    return event;
                }
                match self.events.recv().await {
                    Some((serial, event)) => {
                        if let Some(event) = self.sift(serial, event) {
                            return event;
                        }
                    }
                    // This side holds a sender, so the queue never ends.
                    None => std::future::pending().await,
                }
            }
        })
    }
}

/// Where every event of a connection says whose it is.
impl TransportEvent {
    fn peer(&self) -> ViewerId {
        match self {
            Self::Answer { peer, .. }
            | Self::AnswerFailed { peer, .. }
            | Self::Candidate { peer, .. }
            | Self::Connected { peer, .. }
            | Self::ChannelOpen { peer, .. }
            | Self::Message { peer, .. }
            | Self::Sound { peer, .. }
            | Self::KeyframeWish { peer }
            | Self::Path { peer, .. }
            | Self::Lost { peer } => *peer,
        }
    }
}
