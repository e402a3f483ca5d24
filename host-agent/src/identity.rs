//! Who this host is: its name, its number, and the Ed25519 key that proves both.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::tls::private_file;
use session_core::bind::{Binding, succession};
use signaling_spec::api::Succession;
use signaling_spec::{Fingerprint, HostId, KeyHash, Rights, SessionId};

/// Where the key is, in the state directory.
pub const KEY_FILE: &str = "host-key.pk8";
/// The number of a host whose key is not its first.
const ID_FILE: &str = "host-id";

/// See the module documentation.
#[derive(Debug)]
pub struct Identity {
    pub id: HostId,
    pub name: String,
    path: PathBuf,
    key: RwLock<Ed25519KeyPair>,
}

impl Identity {
    /// Takes the key in that directory, or makes one.
    ///
    /// # Errors
    /// The file cannot be read or written, others can read it, or it is no key.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(KEY_FILE);
        let key = open_key(&path)?;
        let written = dir.join(ID_FILE);
        let id = if written.exists() {
            let id = private_file::read(&written)?;
            String::from_utf8(id)
                .ok()
                .filter(|id| {
                    id.len() == 16
                        && id
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
                })
                .with_context(|| {
                    format!(
                        "{} holds no number of a host; enrol this host again",
                        written.display()
                    )
                })?
        } else {
            number(&key)
        };
        Ok(Self {
            id: HostId(id),
            name: host_name(),
            path,
            key: RwLock::new(key),
        })
    }

    /// Whether another key lies in the directory by now, which is used from then on.
    ///
    /// # Errors
    /// As [`Identity::open`].
    pub fn reload(&self) -> anyhow::Result<bool> {
        let found = open_key(&self.path)?;
        let mut key = self.key.write().unwrap_or_else(PoisonError::into_inner);
        let other = found.public_key().as_ref() != key.public_key().as_ref();
        if other {
            *key = found;
        }
        Ok(other)
    }

    /// Says that this host's key is followed by the one in that file, which is made if it is not there. From the answer
    /// on both are needed: the old one until the new one is in its place.
    ///
    /// # Errors
    /// As [`Identity::open`].
    pub fn succession(&self, next: &Path, iat: u64) -> anyhow::Result<Succession> {
        let next = open_key(next)?;
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let [old_pub, new_pub] = [&*key, &next].map(|key| URL_SAFE_NO_PAD.encode(key.public_key().as_ref()));
        let bytes = succession(&self.id, &old_pub, &new_pub, iat);
        let [old_sig, new_sig] = [&*key, &next].map(|key| URL_SAFE_NO_PAD.encode(key.sign(&bytes)));
        Ok(Succession {
            old_pub,
            new_pub,
            iat,
            old_sig,
            new_sig,
        })
    }

    /// Puts that file in the key's place. The host's number stays.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn follow(&self, next: &Path) -> anyhow::Result<()> {
        // First: with the new key alone this would be another host.
        private_file::write(&self.path.with_file_name(ID_FILE), self.id.0.as_bytes())?;
        std::fs::rename(next, &self.path).with_context(|| {
            format!(
                "{} cannot be replaced; make it yours and writable",
                self.path.display()
            )
        })
    }

    /// In base64url.
    pub fn public_key(&self) -> String {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        URL_SAFE_NO_PAD.encode(key.public_key().as_ref())
    }

    pub fn key_hash(&self) -> KeyHash {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        KeyHash(URL_SAFE_NO_PAD.encode(digest(&SHA256, key.public_key().as_ref())))
    }

    /// Ties both certificates of a session to this host's key; base64url.
    pub fn bind(
        &self,
        sid: &SessionId,
        host_fp: &Fingerprint,
        viewer_fp: &Fingerprint,
        viewer_nonce: &str,
        rights: &Rights,
        iat: u64,
    ) -> String {
        let hash = digest(&SHA256, rights.canonical().as_bytes());
        let rights_hash: [u8; 32] = hash.as_ref().try_into().expect("SHA-256 has 32 bytes");
        let binding = Binding {
            sid,
            host_id: &self.id,
            host_fp,
            viewer_fp,
            viewer_nonce,
            rights_hash: &rights_hash,
            iat,
        };
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        URL_SAFE_NO_PAD.encode(key.sign(&binding.bytes()))
    }
}

/// The key in that file, or a new one.
fn open_key(path: &Path) -> anyhow::Result<Ed25519KeyPair> {
    if !path.exists() {
        let key = Ed25519KeyPair::generate().context("the system gives no random bytes")?;
        let document = key
            .to_pkcs8()
            .context("the new host key cannot be written down")?;
        private_file::write(path, document.as_ref())?;
    }
    let bytes = private_file::read(path)?;
    Ed25519KeyPair::from_pkcs8(&bytes).with_context(|| {
        format!(
            "{} is not an Ed25519 key; move it away to get a new one",
            path.display()
        )
    })
}

/// The number follows from the first key: a copied name proves nothing, a copied number needs the key.
fn number(key: &Ed25519KeyPair) -> String {
    let hash = digest(&SHA256, key.public_key().as_ref());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default())
}

/// The machine's name, as its owner knows it.
pub fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "this machine".to_owned())
}
