//! Mint and verify access tokens: JWT (RFC 7519) by HMAC-SHA512 with a random key of 2048 bits.
//!
//! The one place that names the JWT library, because its defaults accept tokens without `aud`, `iss` or
//! with unknown critical headers. Here every claim is required, the header has exactly the three members
//! that we write, and the key is chosen by `kid` among ours alone. HMAC hashes a key that is longer than
//! its block, so the strength is that of SHA-512, not of 2048 bits.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Deserialize;
use signaling_spec::claims::{ACCESS_TYPE, AccessClaims};
use signaling_spec::limits::CLOCK_LEEWAY;
use signaling_spec::{Object, Refusal};

/// 2048 bits.
pub const KEY_BYTES: usize = 256;
/// A longer token is not looked at.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// A signing key with its name.
#[derive(Clone)]
pub struct Key {
    pub kid: String,
    secret: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Key {
    pub fn generate() -> Self {
        let kid = URL_SAFE_NO_PAD.encode(super::random_bytes::<6>());
        Self {
            kid,
            secret: super::random_bytes::<KEY_BYTES>().to_vec(),
        }
    }

    /// # Errors
    /// The key has another length than [`KEY_BYTES`].
    pub fn from_bytes(kid: String, secret: Vec<u8>) -> Result<Self, TokenError> {
        if secret.len() == KEY_BYTES {
            Ok(Self { kid, secret })
        } else {
            Err(TokenError::KeyLength)
        }
    }

    /// The secret, to be written to a file that only its owner reads.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }
}

/// Why a token was refused. The log says it; the caller learns a code.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("token is not three base64url parts")]
    Shape,
    #[error("token header is not one that this host writes")]
    Header,
    #[error("token is signed with an unknown key")]
    UnknownKey,
    #[error("signing key does not have {KEY_BYTES} bytes")]
    KeyLength,
    #[error("token has expired; ask for a new link")]
    Expired,
    #[error("token is not valid yet: it was made {by} s in this host's future; check the clock")]
    NotYet { by: u64 },
    #[error("token was revoked; ask for a new link")]
    Revoked,
    #[error("token is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    #[error("token store cannot be read")]
    Store(#[source] anyhow::Error),
}

impl TokenError {
    /// Whether the signature was right, so that its holder may learn what is wrong.
    pub fn is_of_a_signed_token(&self) -> bool {
        matches!(self, Self::Expired | Self::NotYet { .. } | Self::Revoked)
    }

    pub fn code(&self) -> Refusal {
        match self {
            Self::Expired => Refusal::TokenExpired,
            Self::NotYet { .. } => Refusal::TokenNotYetValid,
            Self::Revoked => Refusal::TokenRevoked,
            Self::TooLong
            | Self::Shape
            | Self::Header
            | Self::UnknownKey
            | Self::KeyLength
            | Self::Invalid(_)
            | Self::Store(_) => Refusal::Unauthorized,
        }
    }
}

/// Exactly what [`Tokens::mint`] writes. Critical extensions, embedded keys, key addresses and
/// compression are thereby refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrictHeader {
    pub(super) alg: String,
    pub(super) typ: String,
    pub(super) kid: String,
}

/// Mints and verifies for one host.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// INVARIANT: the first signs; all verify.
    keys: Vec<Key>,
    issuer: String,
    audience: String,
}

impl Tokens {
    pub fn new(keys: Vec<Key>, issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            keys,
            issuer: issuer.into(),
            audience: audience.into(),
        }
    }

    /// # Errors
    /// There is no key.
    pub fn mint(&self, claims: &AccessClaims) -> Result<String, TokenError> {
        let key = self.keys.first().ok_or(TokenError::UnknownKey)?;
        let mut header = Header::new(Algorithm::HS512);
        header.typ = Some(ACCESS_TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret))
            .map_err(TokenError::Invalid)
    }

    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Whatever is not a token that [`Self::mint`] could have written for this host, in force now.
    pub fn verify(&self, token: &str, now: u64) -> Result<AccessClaims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Shape);
        };
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Shape)?;
        let Object(header): Object<StrictHeader> =
            serde_json::from_slice(&header).map_err(|_| TokenError::Header)?;
        if header.alg != "HS512" || header.typ != ACCESS_TYPE {
            return Err(TokenError::Header);
        }
        let key = self
            .keys
            .iter()
            .find(|key| key.kid == header.kid)
            .ok_or(TokenError::UnknownKey)?;

        let mut rules = Validation::new(Algorithm::HS512);
        rules.set_audience(&[&self.audience]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // Times are checked below against the clock that the caller gives.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let Object(claims) = jsonwebtoken::decode::<Object<AccessClaims>>(
            token,
            &DecodingKey::from_secret(&key.secret),
            &rules,
        )
        .map_err(TokenError::Invalid)?
        .claims;

        let leeway = CLOCK_LEEWAY.as_secs();
        let earliest = claims.nbf.max(claims.iat);
        if earliest > now.saturating_add(leeway) {
            return Err(TokenError::NotYet { by: earliest - now });
        }
        if claims.exp.saturating_add(leeway) <= now {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}
