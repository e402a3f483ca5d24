//! Checkpoints: a router's signed word of where the log stood. With one that was kept elsewhere nobody can cut rows off
//! or write the log anew, not even whoever may write in the database.
//!
//! A JWT (RFC 7519) by Ed25519 that names the row, its hash and the time. Its key lies beside the router's others and
//! nowhere in the database. It has no end: what was so stays true.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::TokenError;
use router::auth::signed::{PUBLIC_KEY_BYTES, Signer, claimed_kid, kid, verify_lasting};
use serde::{Deserialize, Serialize};

use super::Tampered;
use crate::store::{Checkpoint, Link};

const TYPE: &str = "rmv-audit+jwt";
/// Its audience and its subject: whoever reads the log, about the log.
const LOG: &str = "removid-audit";
const KEY_FILE: &str = "audit-key.pk8";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Claims {
    /// The node that says it: the name of its key.
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    seq: u64,
    /// The row's hash.
    head: String,
}

/// The key of this node, made at the first start.
///
/// # Errors
/// It cannot be read or made.
pub fn open_key(state_dir: &Path) -> anyhow::Result<Signer> {
    Ok(Signer::open(&state_dir.join(KEY_FILE))?.0)
}

/// The public half of this node's key, in base64url, if there is one.
///
/// # Errors
/// It cannot be read.
pub fn open_public(state_dir: &Path) -> anyhow::Result<Option<String>> {
    let path = state_dir.join(KEY_FILE);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(URL_SAFE_NO_PAD.encode(Signer::open(&path)?.1)))
}

pub(super) fn sign(signer: &Signer, end: &Link, now: u64) -> Result<Checkpoint, TokenError> {
    let claims = Claims {
        iss: signer.kid().to_owned(),
        sub: LOG.to_owned(),
        aud: LOG.to_owned(),
        iat: now,
        seq: end.seq,
        head: end.hash.clone(),
    };
    Ok(Checkpoint {
        seq: end.seq,
        kid: signer.kid().to_owned(),
        token: signer.sign(TYPE, &claims)?,
    })
}

/// Public keys whose checkpoints are believed.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Vec<u8>>);

impl Keys {
    /// Takes one in base64url.
    ///
    /// # Errors
    /// It is no Ed25519 key.
    pub fn add(&mut self, public: &str) -> anyhow::Result<()> {
        let key = URL_SAFE_NO_PAD
            .decode(public.trim())
            .ok()
            .filter(|key| key.len() == PUBLIC_KEY_BYTES)
            .with_context(|| {
                format!("{public:?} is not an Ed25519 key in base64url: `audit key` prints it")
            })?;
        self.0.push(key);
        Ok(())
    }

    /// The row that a token says it names; nothing is proven.
    pub(super) fn claimed(token: &str) -> Option<u64> {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(claims.seq)
    }

    /// The row that a token names.
    ///
    /// # Errors
    /// None of the keys has signed it.
    pub fn read(&self, token: &str) -> Result<Link, Tampered> {
        let claimed = claimed_kid(token, TYPE).map_err(|_| Tampered::Checkpoint(0))?;
        let key = self
            .0
            .iter()
            .find(|key| kid(key) == claimed)
            .ok_or(Tampered::UnknownKey(claimed))?;
        let claims: Claims = verify_lasting(token, TYPE, key, LOG).map_err(|_| Tampered::Checkpoint(0))?;
        Ok(Link {
            seq: claims.seq,
            hash: claims.head,
        })
    }

    /// The row that a checkpoint of the database names.
    ///
    /// # Errors
    /// As [`Self::read`], or it stands in another's place.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<Link, Tampered> {
        match self.read(&checkpoint.token) {
            Ok(link) if link.seq == checkpoint.seq => Ok(link),
            Err(Tampered::UnknownKey(kid)) => Err(Tampered::UnknownKey(kid)),
            Ok(_) | Err(_) => Err(Tampered::Checkpoint(checkpoint.seq)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> (Signer, String) {
        let dir = std::env::temp_dir().join(format!(
            "removid-checkpoint-{}",
            URL_SAFE_NO_PAD.encode(router::auth::random_bytes::<9>())
        ));
        router::tls::private_file::directory(&dir).unwrap();
        let made = (open_key(&dir).unwrap(), open_public(&dir).unwrap().unwrap());
        std::fs::remove_dir_all(dir).unwrap();
        made
    }

    #[test]
    fn a_checkpoint_is_believed_of_known_keys_alone() {
        let ((signer, public), (_, other)) = (signer(), signer());
        let end = Link {
            seq: 7,
            hash: "h".to_owned(),
        };
        let made = sign(&signer, &end, 100).unwrap();
        let mut keys = Keys::default();
        keys.add(&other).unwrap();
        assert_eq!(
            keys.check(&made),
            Err(Tampered::UnknownKey(signer.kid().to_owned()))
        );
        keys.add(&public).unwrap();
        assert_eq!(keys.check(&made), Ok(end));
        let moved = Checkpoint {
            seq: 8,
            ..made.clone()
        };
        assert_eq!(keys.check(&moved), Err(Tampered::Checkpoint(8)));
        let cut = Checkpoint {
            token: made.token[..made.token.len() - 4].to_owned(),
            ..made
        };
        assert_eq!(keys.check(&cut), Err(Tampered::Checkpoint(7)));
        assert!(keys.add("AAAA").is_err());
    }
}
