//! The peer connections: one trait, and one room for each library that can stand behind it.
//!
//! A transport owns its sockets and says what happened through [`Transport::next`]; the hub tells it what
//! to do. It has no rules of its own: who may join and what is sent is decided elsewhere.

pub mod addresses;
pub mod ice_tcp;
mod relay;
pub mod str0m;
#[cfg(feature = "transport-webrtc")]
pub mod webrtc;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use session_core::path::Report;
use signaling_spec::channel::Channel;
use signaling_spec::{Fingerprint, IceServer, Negotiation, Refusal, Sdp, ViewerId};
use tokio::sync::mpsc;

use self::ice_tcp::{IceTcp, Incoming};

/// A video codec that RTP carries and browsers decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    H264,
    Vp9,
    Vp8,
    /// H.264 in its High 4:4:4 Predictive profile: colours are as sharp as light. Always beside [`Self::H264`].
    H264High444,
}

impl Codec {
    /// Those that each transport carries.
    pub const ALL: [Self; 3] = [Self::H264, Self::Vp9, Self::Vp8];

    /// The name in SDP (RFC 6184, 9628, 7741).
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 | Self::H264High444 => "H264",
            Self::Vp9 => "VP9",
            Self::Vp8 => "VP8",
        }
    }
}

/// One encoded picture: an access unit in Annex B form for H.264, a frame for VP8 and VP9.
#[derive(Clone, Debug)]
pub struct EncodedFrame {
    pub codec: Codec,
    pub key: bool,
    /// In 1/90000 s, from a clock that all frames of this agent share.
    pub rtp_time: u64,
    pub captured: Instant,
    pub data: Arc<[u8]>,
}

/// One packet of Opus (RFC 6716).
#[derive(Clone, Debug)]
pub struct EncodedSound {
    /// In 1/48000 s (RFC 7587), from a clock that all packets of one capture share.
    pub rtp_time: u64,
    pub data: Arc<[u8]>,
}

/// What is known of the way to a viewer, to choose the addresses to offer.
#[derive(Clone, Debug, Default)]
pub struct PagePath {
    /// `HOST:PORT` as the browser wrote it.
    pub page: Option<String>,
    /// `ADDRESS:PORT` on which its connection came in.
    pub local: Option<String>,
    /// TURN servers that may be asked for an address.
    pub ice_servers: Vec<IceServer>,
    /// Only such an address may be shown.
    pub relay_only: bool,
}

/// What happened.
#[derive(Debug)]
pub enum TransportEvent {
    Answer {
        peer: ViewerId,
        negotiation: Negotiation,
        sdp: Sdp,
    },
    AnswerFailed {
        peer: ViewerId,
        negotiation: Negotiation,
        code: Refusal,
    },
    /// A candidate that is not in the answer.
    Candidate {
        peer: ViewerId,
        candidate: String,
    },
    /// ICE and DTLS are up; these codecs may be sent, in the viewer's order.
    Connected {
        peer: ViewerId,
        codecs: Vec<Codec>,
    },
    ChannelOpen {
        peer: ViewerId,
        channel: Channel,
    },
    /// A message; `None` for a channel that is not ours.
    Message {
        peer: ViewerId,
        channel: Option<Channel>,
        data: Vec<u8>,
    },
    /// A packet of Opus from the viewer's microphone.
    Sound {
        peer: ViewerId,
        data: Arc<[u8]>,
    },
    /// Picture loss or a full intra request.
    KeyframeWish {
        peer: ViewerId,
    },
    /// What the path carries, told several times a second while frames are sent.
    Path {
        peer: ViewerId,
        report: Report,
    },
    /// The connection is dead; the transport has forgotten it.
    Lost {
        peer: ViewerId,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Taken,
    /// The channel is full: try again later.
    Full,
    /// No such channel (yet).
    Closed,
}

/// A set of peer connections. All calls return at once; results come as events.
pub trait Transport: Send {
    /// The certificate of every connection of this agent.
    fn fingerprint(&self) -> &Fingerprint;
    /// Opens a connection, or negotiates again on the one that is there.
    fn accept_offer(&mut self, peer: ViewerId, negotiation: Negotiation, offer: Sdp, path: &PagePath);
    fn add_candidate(&mut self, peer: ViewerId, candidate: &str);
    /// Sends one picture. A viewer that did not negotiate its codec is passed over.
    fn send_frame(&mut self, peer: ViewerId, frame: &EncodedFrame);
    /// Sends one packet of sound. A viewer that did not negotiate Opus is passed over.
    fn send_sound(&mut self, peer: ViewerId, sound: &EncodedSound);
    /// Whether `send_sound` sends anything.
    fn carries_sound(&self) -> bool;
    fn send(&mut self, peer: ViewerId, channel: Channel, binary: bool, data: &[u8]) -> Sent;
    /// Tells the estimator up to which bitrate to probe, in bits a second; 0 for not at all.
    fn set_desired_bitrate(&mut self, peer: ViewerId, bps: u64);
    /// The path to that peer carries so much: what was estimated before is forgotten.
    fn set_estimate(&mut self, peer: ViewerId, bps: u64);
    fn close(&mut self, peer: ViewerId);
    /// Waits for the next event. Dropping the future loses nothing.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = TransportEvent> + Send + '_>>;
}

/// Opens the implementation that this program was built with, for a page that `https` serves; `tls` says whom to trust
/// of the TURN servers that speak TLS.
///
/// # Errors
/// What that implementation needs is not to be had.
pub fn open(
    https: SocketAddr,
    tcp: IceTcp,
    tcp_frames: mpsc::Receiver<Incoming>,
    tls: Arc<rustls::ClientConfig>,
) -> anyhow::Result<Box<dyn Transport>> {
    #[cfg(feature = "transport-webrtc")]
    {
        use self::webrtc::WebrtcTransport;
        // Nobody is expected there, so every connection that comes is closed.
        drop((tcp, tcp_frames, tls));
        Ok(Box::new(WebrtcTransport::open(https)?))
    }
    #[cfg(not(feature = "transport-webrtc"))]
    {
        use self::str0m::Str0mTransport;
        Ok(Box::new(Str0mTransport::open(https, tcp, tcp_frames, tls)?))
    }
}
