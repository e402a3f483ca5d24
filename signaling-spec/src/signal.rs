//! Signalling messages, one JSON text frame each over WSS.

use serde::{Deserialize, Serialize};

use crate::claims::Consent;
use crate::limits::{
    MAX_CANDIDATE_BYTES, MAX_EVENT_FIELDS, MAX_EVENT_NAME, MAX_EVENT_VALUE, MAX_LINKS, MAX_SDP_BYTES,
    MAX_SIGNAL_BYTES, MAX_VIEWERS,
};
use crate::{Fingerprint, Negotiation, Object, Rights, Sdp, SessionId, TokenId};

/// One signalling frame. `README.md` says who may send what, and when.
///
/// Unknown fields are ignored, so that a newer peer may say more. An unknown `type` is answered with
/// `error{unsupported}` and the socket stays open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Signal {
    /// Router → host: a viewer with these rights asks in.
    #[serde(rename = "session.request")]
    SessionRequest {
        sid: SessionId,
        /// Who, for the list of viewers and the audit log.
        subject: String,
        token: TokenId,
        rights: Rights,
        viewer_fp: Fingerprint,
        viewer_nonce: String,
        /// `HOST:PORT` of the page as the viewer's browser wrote it (RFC 9110 §7.2); an address that
        /// surely reaches the router.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        page: Option<String>,
        /// `ADDRESS:PORT` on which the router took the viewer's connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        local: Option<String>,
        /// The session that this one replaces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        resume: Option<SessionId>,
        /// The router's signature under all of this ([`crate::claims::GrantClaims`]), where router and host are not
        /// one process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        grant: Option<String>,
        /// STUN and TURN servers for the host, with credentials of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        ice_servers: Option<Vec<IceServer>>,
        /// Neither side may show the other an address of its own (RFC 8828 §5.2, mode 4): relays only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        relay_only: Option<bool>,
        /// What the person at the host is owed before this viewer comes in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        consent: Option<Consent>,
    },
    /// Router → host: the session may last for so many seconds more; without another lease it ends then.
    #[serde(rename = "session.lease")]
    SessionLease { sid: SessionId, seconds: u32 },
    /// Host → router, once at the beginning: who I am, and the sessions that live on from before.
    #[serde(rename = "host.status")]
    HostStatus {
        name: String,
        version: String,
        sessions: Vec<SessionId>,
        /// By which another host of its network could wake this one.
        #[serde(
            default,
            deserialize_with = "crate::object::list",
            skip_serializing_if = "Vec::is_empty"
        )]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<Link>>"))]
        links: Vec<Link>,
    },
    /// Host → viewer: the person at the host is asked, and has so many seconds to answer.
    #[serde(rename = "session.waiting")]
    SessionWaiting { sid: SessionId, seconds: u32 },
    /// Host → viewer: come in; these are your rights and my certificate.
    #[serde(rename = "session.accept")]
    SessionAccept {
        sid: SessionId,
        host_fp: Fingerprint,
        rights: Rights,
    },
    /// Host → viewer: no, and why.
    #[serde(rename = "session.reject")]
    SessionReject {
        sid: SessionId,
        #[serde(deserialize_with = "crate::object::name")]
        code: Refusal,
    },
    /// Viewer → host: my session description and what I can decode.
    #[serde(rename = "sdp.offer")]
    SdpOffer {
        sid: SessionId,
        negotiation: Negotiation,
        sdp: Sdp,
        #[serde(deserialize_with = "crate::object::one")]
        caps: ViewerCaps,
    },
    /// Host → viewer: the answer to that offer and to no other, with the host key's signature over both
    /// certificates (`bind.rs` in `session-core` has the signed bytes).
    #[serde(rename = "sdp.answer")]
    SdpAnswer {
        sid: SessionId,
        negotiation: Negotiation,
        sdp: Sdp,
        /// Ed25519, 64 bytes in base64url.
        bind_sig: String,
        /// When it was signed, in seconds since 1970.
        bind_iat: u64,
    },
    /// Either way: one trickled candidate (RFC 8838), as `candidate:…`.
    #[serde(rename = "ice.candidate")]
    IceCandidate {
        sid: SessionId,
        candidate: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        mid: Option<String>,
    },
    /// Either way: no more candidates.
    #[serde(rename = "ice.end")]
    IceEnd { sid: SessionId },
    /// Any side: this session is over.
    #[serde(rename = "session.end")]
    SessionEnd {
        sid: SessionId,
        #[serde(deserialize_with = "crate::object::name")]
        reason: EndReason,
    },
    /// Any side: that message was refused.
    #[serde(rename = "error")]
    Error {
        #[serde(deserialize_with = "crate::object::name")]
        code: Refusal,
        /// `type` of the refused message, where it was readable.
        #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        reference: Option<String>,
    },
    /// Host → router: something happened here that somebody may have to answer for. The router writes it into its audit
    /// log as of this host.
    #[serde(rename = "host.event")]
    HostEvent {
        /// One of [`HOST_EVENTS`].
        code: String,
        /// When, by the host's clock, in seconds since 1970.
        at: u64,
        #[serde(deserialize_with = "crate::object::list")]
        fields: Vec<EventField>,
        /// So many before it found no place while the router was away, or came too fast.
        lost: u32,
    },
    /// Router → host: wake the machine in your network that has one of these hardware addresses.
    #[serde(rename = "host.wake")]
    HostWake { macs: Vec<String> },
    /// Host → router: what frames took since the last such word, as means in microseconds; for metrics.
    #[serde(rename = "host.frames")]
    HostFrames {
        /// Frames that were made, with their steps here.
        made: u32,
        /// From the word of a change to its capture.
        capture_us: u32,
        convert_us: u32,
        encode_us: u32,
        send_us: u32,
        /// Frames of which pages told, with their steps there.
        shown: u32,
        way_us: u32,
        decode_us: u32,
        show_us: u32,
        /// From the change to its sight.
        age_us: u32,
    },
}

/// A network card of a host that listens for a wake-up while the host sleeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Link {
    /// Its hardware address, as `00:1a:2b:3c:4d:5e`.
    pub mac: String,
    /// The network that it is in, as `192.0.2.0/24`.
    pub net: String,
}

/// The six bytes of a hardware address.
pub fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16)
            .ok()
            .filter(|_| part.bytes().all(|b| b.is_ascii_hexdigit()))?;
    }
    parts.next().is_none().then_some(bytes)
}

/// A field of an event: never content, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct EventField {
    pub name: String,
    pub value: String,
}

/// The audit codes that a host may tell its router: what nobody but the host can know.
pub const HOST_EVENTS: [&str; 15] = [
    "RMV3003W", "RMV3006I", "RMV3009I", "RMV3009W", "RMV3010I", "RMV3011I", "RMV3012I", "RMV3013I",
    "RMV3021I", "RMV3022I", "RMV3024I", "RMV3025W", "RMV4001W", "RMV4002I", "RMV4003I",
];

/// What the viewer's browser offers beyond its SDP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ViewerCaps {
    /// Name and major version of the browser, for the list of viewers, e.g. `Firefox 153`.
    #[serde(default)]
    pub browser: String,
    /// Wanted size of the desktop in device pixels, `[width, height]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub size: Option<[u32; 2]>,
    /// Device pixels to a CSS pixel, in percent: what text is to be drawn for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub density: Option<u32>,
}

/// A STUN or TURN server as `RTCPeerConnection` takes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum EndReason {
    /// The viewer left.
    Closed,
    /// Another viewer with the right to do so sent this one away.
    Dismissed,
    /// The same viewer came back in a newer session.
    Replaced,
    /// Its token was revoked or has expired.
    Revoked,
    /// The path between viewer and host was silent for too long.
    Lost,
    /// The agent stops.
    Stopping,
    /// A peer broke the rules.
    Policy,
    /// Our fault; the host's log has more.
    Error,
}

/// Why a message, a call or a socket was refused. Stable: programs may depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Refusal {
    /// No token, or not one of ours.
    Unauthorized,
    /// A token of ours whose time is over.
    TokenExpired,
    /// A token of ours from this side's future: one of the clocks is wrong.
    TokenNotYetValid,
    /// A token of ours that was withdrawn.
    TokenRevoked,
    /// The ticket is unknown, used or too old.
    Ticket,
    /// The page's origin is not on the list.
    Origin,
    /// Not a message of this protocol.
    Malformed,
    /// Well-formed, but of a type that this side does not know.
    Unsupported,
    /// Longer than permitted.
    TooLarge,
    /// More often than permitted.
    TooMany,
    /// Not now: the exchange is at another point.
    OutOfTurn,
    /// The token lacks the right.
    Forbidden,
    /// The description's certificate is not the announced one.
    Fingerprint,
    /// No codec that both sides have.
    Codec,
    /// The host has as many viewers as it takes.
    Full,
    /// The host is not there.
    HostOffline,
    /// The person at the host said no, or nothing.
    Consent,
    /// The host wants a second factor that was given a short while ago.
    Factor,
    /// No such thing.
    NotFound,
    /// The host could not do it; its log has more.
    Failed,
}

/// Why a frame was refused.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("message of {len} bytes exceeds the limit of {max}")]
    TooLong { len: usize, max: usize },
    // Its sender learns which; a log must not hold what a stranger chose to put there.
    #[error("message type is unknown")]
    Unsupported(String),
    #[error("message is malformed")]
    Malformed(#[source] serde_json::Error),
    #[error("{field} of {len} exceeds the limit of {max}")]
    FieldTooLong {
        field: &'static str,
        len: usize,
        max: usize,
    },
}

impl DecodeError {
    pub fn code(&self) -> Refusal {
        match self {
            Self::TooLong { .. } | Self::FieldTooLong { .. } => Refusal::TooLarge,
            Self::Unsupported(_) => Refusal::Unsupported,
            Self::Malformed(_) => Refusal::Malformed,
        }
    }
}

/// Only the type of a frame, to tell an unknown one from a broken one.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

impl Signal {
    /// Every `type` there is.
    pub const TYPES: [&'static str; 15] = [
        "session.request",
        "session.lease",
        "host.status",
        "session.waiting",
        "session.accept",
        "session.reject",
        "sdp.offer",
        "sdp.answer",
        "ice.candidate",
        "ice.end",
        "session.end",
        "error",
        "host.event",
        "host.wake",
        "host.frames",
    ];

    /// Decodes one text frame.
    ///
    /// # Errors
    /// A frame or a field over its limit, an unknown type, or a shape that is not the type's.
    pub fn decode(frame: &str) -> Result<Self, DecodeError> {
        if frame.len() > MAX_SIGNAL_BYTES {
            return Err(DecodeError::TooLong {
                len: frame.len(),
                max: MAX_SIGNAL_BYTES,
            });
        }
        let signal: Self = match serde_json::from_str(frame) {
            Ok(Object(signal)) => signal,
            Err(error) => {
                return Err(unknown_type(frame, &Self::TYPES).unwrap_or(DecodeError::Malformed(error)));
            }
        };
        let over = |field, len, max| {
            if len > max {
                Err(DecodeError::FieldTooLong { field, len, max })
            } else {
                Ok(())
            }
        };
        match &signal {
            Self::SdpOffer { sdp, .. } | Self::SdpAnswer { sdp, .. } => {
                over("sdp", sdp.0.len(), MAX_SDP_BYTES)?
            }
            Self::IceCandidate { candidate, .. } => over("candidate", candidate.len(), MAX_CANDIDATE_BYTES)?,
            Self::HostStatus { sessions, links, .. } => {
                over("sessions", sessions.len(), MAX_VIEWERS)?;
                over("links", links.len(), MAX_LINKS)?;
            }
            Self::HostWake { macs } => over("macs", macs.len(), MAX_LINKS)?,
            Self::HostEvent { code, fields, .. } => {
                over("code", code.len(), MAX_EVENT_NAME)?;
                over("fields", fields.len(), MAX_EVENT_FIELDS)?;
                for field in fields {
                    over("name", field.name.len(), MAX_EVENT_NAME)?;
                    over("value", field.value.len(), MAX_EVENT_VALUE)?;
                }
            }
            Self::SessionRequest { .. }
            | Self::SessionLease { .. }
            | Self::SessionWaiting { .. }
            | Self::SessionAccept { .. }
            | Self::SessionReject { .. }
            | Self::IceEnd { .. }
            | Self::SessionEnd { .. }
            | Self::HostFrames { .. }
            | Self::Error { .. } => {}
        }
        Ok(signal)
    }

    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("a message of strings and numbers always serialises")
    }

    /// The session that it belongs to.
    pub fn sid(&self) -> Option<&SessionId> {
        match self {
            Self::SessionRequest { sid, .. }
            | Self::SessionLease { sid, .. }
            | Self::SessionWaiting { sid, .. }
            | Self::SessionAccept { sid, .. }
            | Self::SessionReject { sid, .. }
            | Self::SdpOffer { sid, .. }
            | Self::SdpAnswer { sid, .. }
            | Self::IceCandidate { sid, .. }
            | Self::IceEnd { sid }
            | Self::SessionEnd { sid, .. } => Some(sid),
            Self::HostStatus { .. }
            | Self::HostEvent { .. }
            | Self::HostWake { .. }
            | Self::HostFrames { .. }
            | Self::Error { .. } => None,
        }
    }

    /// The `type` on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SessionRequest { .. } => "session.request",
            Self::SessionLease { .. } => "session.lease",
            Self::HostStatus { .. } => "host.status",
            Self::HostWake { .. } => "host.wake",
            Self::SessionWaiting { .. } => "session.waiting",
            Self::SessionAccept { .. } => "session.accept",
            Self::SessionReject { .. } => "session.reject",
            Self::SdpOffer { .. } => "sdp.offer",
            Self::SdpAnswer { .. } => "sdp.answer",
            Self::IceCandidate { .. } => "ice.candidate",
            Self::IceEnd { .. } => "ice.end",
            Self::SessionEnd { .. } => "session.end",
            Self::Error { .. } => "error",
            Self::HostEvent { .. } => "host.event",
            Self::HostFrames { .. } => "host.frames",
        }
    }
}

/// `Unsupported` when the text has a `type` that is not among `known`.
pub(crate) fn unknown_type(text: &str, known: &[&str]) -> Option<DecodeError> {
    let Object(Head { kind }) = serde_json::from_str(text).ok()?;
    if known.contains(&kind.as_str()) {
        None
    } else {
        Some(DecodeError::Unsupported(kind))
    }
}
