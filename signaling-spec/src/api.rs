//! Bodies of the HTTP calls that come before the signalling socket.

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, HostId, IceServer, Refusal, SessionId};

/// Path of [`SessionCreate`].
pub const SESSIONS_PATH: &str = "/api/v1/sessions";
/// Path of the signalling socket.
pub const SIGNAL_PATH: &str = "/api/v1/signal";
/// The WebSocket subprotocol that both sides speak.
pub const SUBPROTOCOL: &str = "removid.v1";
/// Prefix of the subprotocol that carries the ticket; the server never selects it.
pub const TICKET_SUBPROTOCOL: &str = "removid.ticket.";

/// `POST /api/v1/sessions`, with `Authorization: Bearer <access token>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SessionCreate {
    /// The certificate that the viewer will use in DTLS; the session is bound to it.
    pub viewer_fp: Fingerprint,
    /// 16 to 64 random bytes in base64url, chosen by the viewer; the host signs it.
    pub viewer_nonce: String,
    /// The session that this one replaces after a lost connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub resume: Option<SessionId>,
}

/// The answer: a seat, and the one-time ticket that takes it within 30 seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SessionCreated {
    pub sid: SessionId,
    pub ticket: String,
    #[serde(deserialize_with = "crate::object::list")]
    pub ice_servers: Vec<IceServer>,
    /// The viewer takes relays only (`iceTransportPolicy`, W3C WebRTC §4.2.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub relay_only: Option<bool>,
    pub host_id: HostId,
    pub host_name: String,
    /// The host's Ed25519 public key, 32 bytes in base64url. Its SHA-256 must equal the link's `k`.
    pub host_pub: String,
    /// How the host came from its earlier keys to this one, the oldest first; for whoever remembers an earlier one.
    #[serde(
        default,
        deserialize_with = "crate::object::list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<Succession>>"))]
    pub key_chain: Vec<Succession>,
}

/// A host's word, by both of its keys, that one follows the other (`bind.rs` in `session-core` has the signed bytes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Succession {
    /// Ed25519, 32 bytes in base64url.
    pub old_pub: String,
    pub new_pub: String,
    /// When it was signed, in seconds since 1970.
    pub iat: u64,
    /// By the old key, 64 bytes in base64url.
    pub old_sig: String,
    pub new_sig: String,
}

/// `POST /api/v1/host/rotate`: a host takes another key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateRequest {
    /// An assertion ([`crate::claims::AssertionClaims`]) by the old key.
    pub proof: String,
    #[serde(deserialize_with = "crate::object::one")]
    pub succession: Succession,
}

/// The body of every refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ErrorBody {
    /// Stable: programs may depend on it.
    #[serde(deserialize_with = "crate::object::name")]
    pub code: Refusal,
    /// For people; may change.
    pub message: String,
}

/// `POST /api/v1/enroll`: a host asks to belong to a router.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrollRequest {
    /// Single-use, from an administrator.
    pub token: String,
    /// Ed25519 public key, 32 bytes in base64url.
    pub host_pub: String,
    /// An assertion ([`crate::claims::AssertionClaims`]) by that key.
    pub proof: String,
    /// The machine's name, for people.
    pub name: String,
}

impl std::fmt::Debug for EnrollRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrollRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `POST /api/v1/enroll/ask`: a host without a token asks to belong to a router, and goes on asking until somebody there
/// has typed its code (in the manner of RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrollAsk {
    /// Ed25519 public key, 32 bytes in base64url.
    pub host_pub: String,
    /// An assertion ([`crate::claims::AssertionClaims`]) by that key, a new one each time.
    pub proof: String,
    /// The machine's name, for people.
    pub name: String,
}

/// The answer while nobody has approved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnrollWaits {
    /// To be typed by an administrator, e.g. `WDJB-MJHT`.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Seconds that the code is good for.
    pub expires_in: u64,
    /// Seconds until the host may ask again.
    pub interval: u64,
}

/// The answer: the host belongs to the router now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Enrolled {
    pub host_id: HostId,
    /// The key that the router's grants are signed with: Ed25519, 32 bytes in base64url.
    pub router_pub: String,
}
