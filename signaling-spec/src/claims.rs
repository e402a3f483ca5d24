//! What a token states (RFC 7519). Every claim is required; a token with less is refused.

use serde::{Deserialize, Serialize};

use crate::{Rights, TokenId};

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
