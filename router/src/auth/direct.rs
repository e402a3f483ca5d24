//! Direct mode's keys and tokens: files in the state directory that only their owner can read.
//!
//! `keyring.json` holds the HMAC keys, `tokens.json` the list of tokens in force. A token that is not on
//! the list opens nothing, so revoking is striking a line. Both files are read again when they change,
//! so that `removid token revoke` reaches a running agent.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use signaling_spec::claims::{AccessClaims, DIRECT_ISSUER};
use signaling_spec::{HostId, Rights, SessionId, TokenId};

use super::token::Key;
use super::{Authority, TokenError, Tokens};
use crate::tls::private_file;

/// How long a permanent token lives: ten years.
const PERMANENT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The permanent token's name in lists.
pub const PERMANENT_LABEL: &str = "permanent";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    kid: String,
    /// [`super::token::KEY_BYTES`] bytes in base64url.
    key: String,
}

/// A token as it stands in the list: what it says, not the token itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub jti: TokenId,
    pub label: String,
    pub rights: Rights,
    /// Seconds since 1970, as the next.
    pub created: u64,
    pub expires: u64,
}

/// See the module documentation.
#[derive(Debug)]
pub struct DirectStore {
    dir: PathBuf,
    host_id: HostId,
    cache: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    stamps: [Option<SystemTime>; 2],
    tokens: Tokens,
    listed: Vec<Listed>,
}

impl DirectStore {
    /// Opens the state directory; makes the keyring and the permanent token where they are missing.
    ///
    /// # Errors
    /// A file that cannot be read, is not ours alone, or is not what it should be.
    pub fn open(dir: &Path, host_id: HostId) -> anyhow::Result<Self> {
        let store = Self {
            dir: dir.to_owned(),
            host_id,
            cache: Mutex::new(None),
        };
        if !store.keyring_path().exists() {
            store.write_key(&Key::generate())?;
            store.write_list(&[])?;
        }
        if store.permanent()?.is_none() {
            store.issue(PERMANENT_LABEL, Rights::all(), PERMANENT)?;
        }
        Ok(store)
    }

    /// The permanent token, minted anew: it is not stored.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn permanent(&self) -> anyhow::Result<Option<String>> {
        let (tokens, listed) = self.load()?;
        let Some(entry) = listed.iter().find(|entry| entry.label == PERMANENT_LABEL) else {
            return Ok(None);
        };
        Ok(Some(tokens.mint(&self.claims(entry))?))
    }

    /// Makes a token and puts it on the list.
    ///
    /// # Errors
    /// A bad label, or the files cannot be written.
    pub fn issue(&self, label: &str, rights: Rights, ttl: Duration) -> anyhow::Result<(Listed, String)> {
        ensure!(
            !label.is_empty() && label.len() <= 64 && !label.chars().any(char::is_control),
            "a token's label has 1 to 64 bytes and no control characters"
        );
        ensure!(
            ttl >= Duration::from_secs(1),
            "a token's --ttl is at least one second"
        );
        let (tokens, mut listed) = self.load()?;
        let now = unix_now();
        listed.retain(|entry| entry.expires > now);
        let entry = Listed {
            jti: TokenId(URL_SAFE_NO_PAD.encode(super::random_bytes::<9>())),
            label: label.to_owned(),
            rights,
            created: now,
            expires: now.saturating_add(ttl.as_secs()),
        };
        listed.push(entry.clone());
        self.write_list(&listed)?;
        let token = tokens.mint(&self.claims(&entry))?;
        Ok((entry, token))
    }

    /// # Errors
    /// The files cannot be read.
    pub fn list(&self) -> anyhow::Result<Vec<Listed>> {
        Ok(self.load()?.1)
    }

    /// Strikes tokens by name or label. Sessions that they opened end within two seconds.
    ///
    /// # Errors
    /// No such token, or the file cannot be written.
    pub fn revoke(&self, which: &str) -> anyhow::Result<usize> {
        let mut listed = self.load()?.1;
        let before = listed.len();
        listed.retain(|entry| entry.jti.0 != which && entry.label != which);
        let struck = before - listed.len();
        if struck == 0 {
            bail!("no token is named {which:?}; `removid token list` shows them");
        }
        self.write_list(&listed)?;
        Ok(struck)
    }

    /// A new key and a new permanent token; every older token is void.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn rotate(&self) -> anyhow::Result<String> {
        self.write_list(&[])?;
        self.write_key(&Key::generate())?;
        Ok(self.issue(PERMANENT_LABEL, Rights::all(), PERMANENT)?.1)
    }

    fn claims(&self, entry: &Listed) -> AccessClaims {
        AccessClaims {
            iss: DIRECT_ISSUER.to_owned(),
            aud: self.host_id.0.clone(),
            sub: entry.label.clone(),
            jti: entry.jti.clone(),
            iat: entry.created,
            nbf: entry.created,
            exp: entry.expires,
            rights: entry.rights.clone(),
        }
    }

    fn keyring_path(&self) -> PathBuf {
        self.dir.join("keyring.json")
    }

    fn list_path(&self) -> PathBuf {
        self.dir.join("tokens.json")
    }

    fn write_key(&self, key: &Key) -> anyhow::Result<()> {
        let file = KeyFile {
            kid: key.kid.clone(),
            key: URL_SAFE_NO_PAD.encode(key.secret()),
        };
        private_file::write(
            &self.keyring_path(),
            serde_json::to_string_pretty(&[file])?.as_bytes(),
        )?;
        self.forget();
        Ok(())
    }

    fn write_list(&self, listed: &[Listed]) -> anyhow::Result<()> {
        private_file::write(
            &self.list_path(),
            serde_json::to_string_pretty(listed)?.as_bytes(),
        )?;
        self.forget();
        Ok(())
    }

    fn forget(&self) {
        *self
            .cache
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    fn load(&self) -> anyhow::Result<(Tokens, Vec<Listed>)> {
        let paths = [self.keyring_path(), self.list_path()];
        let stamps = paths
            .clone()
            .map(|path| path.metadata().and_then(|meta| meta.modified()).ok());
        let mut cache = self
            .cache
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(cached) = cache.as_ref().filter(|cached| cached.stamps == stamps) {
            return Ok((cached.tokens.clone(), cached.listed.clone()));
        }
        let [keyring, list] = paths;
        let keys: Vec<KeyFile> = parse(&keyring)?;
        let keys = keys
            .into_iter()
            .map(|file| Ok(Key::from_bytes(file.kid, URL_SAFE_NO_PAD.decode(file.key)?)?))
            .collect::<anyhow::Result<Vec<Key>>>()
            .with_context(|| {
                format!(
                    "{} does not hold keys of 2048 bits; move it away and start again",
                    keyring.display()
                )
            })?;
        let tokens = Tokens::new(keys, DIRECT_ISSUER, self.host_id.0.clone());
        let listed: Vec<Listed> = parse(&list)?;
        *cache = Some(Cached {
            stamps,
            tokens: tokens.clone(),
            listed: listed.clone(),
        });
        Ok((tokens, listed))
    }
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = private_file::read(path)?;
    // The parser's own words could quote a secret; its place cannot.
    serde_json::from_slice(&text).map_err(|error| {
        anyhow::anyhow!(
            "{} is damaged at line {}, column {}; move it away and start again (all links change)",
            path.display(),
            error.line(),
            error.column()
        )
    })
}

impl Authority for DirectStore {
    fn verify(&self, token: &str) -> Result<AccessClaims, TokenError> {
        let (tokens, listed) = self.load().map_err(TokenError::Store)?;
        let claims = tokens.verify(token, unix_now())?;
        if listed.iter().any(|entry| entry.jti == claims.jti) {
            Ok(claims)
        } else {
            Err(TokenError::Revoked)
        }
    }

    fn still_valid(&self, _sid: &SessionId, claims: &AccessClaims) -> bool {
        let listed = self
            .load()
            .is_ok_and(|(_, listed)| listed.iter().any(|entry| entry.jti == claims.jti));
        listed && claims.exp > unix_now()
    }
}

/// Seconds since 1970.
pub fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
