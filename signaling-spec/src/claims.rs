//! What a token states (RFC 7519). Every claim is required; a token with less is refused.

use serde::{Deserialize, Serialize};

use crate::{Rights, SessionId, TokenId};

/// `typ` of the header of an access token.
pub const ACCESS_TYPE: &str = "rmv-access+jwt";
/// `iss` of tokens made by direct mode.
pub const DIRECT_ISSUER: &str = "removid-direct";

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessClaims {
    /// Who made it.
    pub iss: String,
    /// The one host that it is for: a single string, never a list.
    pub aud: String,
    /// Who holds it, as shown to other viewers.
    pub sub: String,
    /// Names the token in lists; a token whose name was revoked opens nothing.
    pub jti: TokenId,
    /// Seconds since 1970, as the next two.
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    /// What the holder may do.
    pub rights: Rights,
}

/// `typ` of the header of a session grant.
pub const GRANT_TYPE: &str = "rmv-grant+jwt";

/// The claims of a session grant, which a router signs with Ed25519 for one host: let this viewer in. A host believes
/// these and not the message around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantClaims {
    /// The router's number.
    pub iss: String,
    /// The host's number.
    pub aud: String,
    /// Who comes, as shown to other viewers.
    pub sub: String,
    /// Taken once.
    pub jti: TokenId,
    /// Seconds since 1970, as the next two. After `exp` no session begins by it.
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub sid: SessionId,
    /// The viewer's DTLS certificate (RFC 8705 §3.1 has the form).
    #[serde(deserialize_with = "crate::object::one")]
    pub cnf: Confirmation,
    /// As in `session.request`.
    pub viewer_nonce: String,
    pub rights: Rights,
    /// Names whoever may resume the session, as a token's `jti` does in direct mode.
    pub holder: TokenId,
    /// Seconds that the session lasts unless a lease renews it.
    pub lease: u32,
    /// The session's last second, since 1970, whatever leases say.
    pub until: u64,
    /// What the person at the host is owed first; nothing where it is not named. An agent that does not know it lets
    /// nobody in by such a grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// When whoever comes last gave a second factor, in seconds since 1970; nothing where they gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_at: Option<u64>,
}

/// What the person at the host is owed before a viewer comes in; the later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Consent {
    /// To be told, on the screen, who came.
    Notify,
    /// To be asked; without a yes nobody comes in.
    Ask,
}

/// Whose key a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirmation {
    /// SHA-256 of the certificate, 43 characters of base64url.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

/// `typ` of the header of a host's assertion.
pub const ASSERTION_TYPE: &str = "rmv-host+jwt";

/// The claims by which a host says who it is (in the manner of RFC 7523 §3), signed with its Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssertionClaims {
    /// The host's number, as is `sub`.
    pub iss: String,
    pub sub: String,
    /// The router's address.
    pub aud: String,
    /// Taken once.
    pub jti: TokenId,
    /// Seconds since 1970, as the next.
    pub iat: u64,
    pub exp: u64,
}
