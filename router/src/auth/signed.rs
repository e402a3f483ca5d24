//! Tokens that one side signs and the other checks: JWT (RFC 7519) by Ed25519 (RFC 8037 §3.1).
//!
//! A router's session grants and a host's assertions are such. As with access tokens the header has exactly the three
//! members that we write, and the key is the one that the caller has for `kid`, never one that the token brings.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use signaling_spec::Object;

use super::token::{MAX_TOKEN_BYTES, StrictHeader, TokenError};
use crate::tls::private_file;

/// An Ed25519 public key has this many bytes.
pub const PUBLIC_KEY_BYTES: usize = 32;

/// A private key with its name, which is the hash of its public half (as `KeyHash`).
#[derive(Clone)]
pub struct Signer {
    kid: String,
    key: EncodingKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Takes the key in that file, or makes one that only its owner can read. Its public half comes with it.
    ///
    /// # Errors
    /// The file cannot be read or written, others can read it, or it is no key.
    pub fn open(path: &Path) -> anyhow::Result<(Self, Vec<u8>)> {
        if !path.exists() {
            let key = Ed25519KeyPair::generate().context("the system gives no random bytes")?;
            let document = key.to_pkcs8().context("a new key cannot be written down")?;
            private_file::write(path, document.as_ref())?;
        }
        let pkcs8 = private_file::read(path)?;
        let key = Ed25519KeyPair::from_pkcs8(&pkcs8).with_context(|| {
            format!(
                "{} is not an Ed25519 key; move it away to get a new one",
                path.display()
            )
        })?;
        let public = key.public_key().as_ref().to_vec();
        Ok((Self::new(&pkcs8, &public), public))
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Takes a key as PKCS#8 (RFC 8410) and its public half.
    pub fn new(pkcs8: &[u8], public: &[u8]) -> Self {
        Self {
            kid: kid(public),
            key: EncodingKey::from_ed_der(pkcs8),
        }
    }

    /// # Errors
    /// The key is none.
    pub fn sign(&self, kind: &str, claims: &impl Serialize) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(TokenError::Invalid)
    }
}

/// Whether that key signed those bytes (Ed25519, RFC 8032); both in base64url.
pub fn signed_by(public: &str, bytes: &[u8], signature: &str) -> bool {
    let (Ok(public), Ok(signature)) = (URL_SAFE_NO_PAD.decode(public), URL_SAFE_NO_PAD.decode(signature))
    else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, public)
        .verify(bytes, &signature)
        .is_ok()
}

/// The name of a public key: SHA-256 of its 32 bytes in base64url.
pub fn kid(public: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(super::sha256(public))
}

/// Which key a token says that it is signed with. Nothing is proven yet.
///
/// # Errors
/// It is no token of that kind.
pub fn claimed_kid(token: &str, kind: &str) -> Result<String, TokenError> {
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
    if header.alg != "EdDSA" || header.typ != kind {
        return Err(TokenError::Header);
    }
    Ok(header.kid)
}

/// The claims of a token of that kind that this key has signed for that audience. Times are left to the caller, whose
/// clock it is.
///
/// # Errors
/// It is no such token.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    kind: &str,
    public: &[u8],
    audience: &str,
) -> Result<C, TokenError> {
    checked(token, kind, public, audience, &["exp", "aud", "iss", "sub"])
}

/// As [`verify`], for what is meant to stay true: it names no end.
///
/// # Errors
/// As [`verify`].
pub fn verify_lasting<C: DeserializeOwned>(
    token: &str,
    kind: &str,
    public: &[u8],
    audience: &str,
) -> Result<C, TokenError> {
    checked(token, kind, public, audience, &["aud", "iss", "sub"])
}

fn checked<C: DeserializeOwned>(
    token: &str,
    kind: &str,
    public: &[u8],
    audience: &str,
    required: &[&str],
) -> Result<C, TokenError> {
    if public.len() != PUBLIC_KEY_BYTES || claimed_kid(token, kind)? != kid(public) {
        return Err(TokenError::UnknownKey);
    }
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(required);
    rules.validate_exp = false;
    rules.validate_nbf = false;
    let key = DecodingKey::from_ed_der(public);
    let decoded = jsonwebtoken::decode::<Object<C>>(token, &key, &rules).map_err(TokenError::Invalid)?;
    Ok(decoded.claims.0)
}

#[cfg(test)]
mod tests {
    use signaling_spec::TokenId;
    use signaling_spec::claims::{ASSERTION_TYPE, AssertionClaims, GRANT_TYPE};

    use super::*;

    fn key() -> (Signer, Vec<u8>) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_ref().to_vec();
        (Signer::new(pair.to_pkcs8().unwrap().as_ref(), &public), public)
    }

    fn claims() -> AssertionClaims {
        AssertionClaims {
            iss: "host-a".to_owned(),
            sub: "host-a".to_owned(),
            aud: "https://desk.example/".to_owned(),
            jti: TokenId("a1".to_owned()),
            iat: 1,
            exp: 61,
        }
    }

    fn check(token: &str, public: &[u8], audience: &str) -> Result<AssertionClaims, TokenError> {
        verify(token, ASSERTION_TYPE, public, audience)
    }

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let ((signer, public), (other, other_public)) = (key(), key());
        let token = signer.sign(ASSERTION_TYPE, &claims()).unwrap();
        let audience = "https://desk.example/";
        assert_eq!(check(&token, &public, audience).unwrap(), claims());
        assert!(check(&token, &public, "https://desk.example").is_err());
        assert!(check(&token, &other_public, audience).is_err());
        assert!(check(&token, &[], audience).is_err());
        let another_kind = signer.sign(GRANT_TYPE, &claims()).unwrap();
        assert!(check(&another_kind, &public, audience).is_err());
        // Another's signature under this key's name.
        let forged = Signer {
            kid: signer.kid,
            key: other.key,
        };
        let forged = forged.sign(ASSERTION_TYPE, &claims()).unwrap();
        assert!(check(&forged, &public, audience).is_err());
    }

    #[test]
    fn no_byte_can_be_changed() {
        let (signer, public) = key();
        let token = signer.sign(ASSERTION_TYPE, &claims()).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character carries bits that base64 ignores or refuses.
            if let Ok(read) = check(&changed, &public, "https://desk.example/") {
                panic!("byte {at} was changed and {read:?} taken");
            }
        }
    }
}
