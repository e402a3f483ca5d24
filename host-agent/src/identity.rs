//! Who this host is: its name, its number, and the Ed25519 key that proves both.

use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::tls::private_file;
use session_core::bind::Binding;
use signaling_spec::{Fingerprint, HostId, KeyHash, Rights, SessionId};

/// See the module documentation.
#[derive(Debug)]
pub struct Identity {
    pub id: HostId,
    pub name: String,
    key: Ed25519KeyPair,
}

impl Identity {
    /// Takes the key in that directory, or makes one.
    ///
    /// # Errors
    /// The file cannot be read or written, others can read it, or it is no key.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("host-key.pk8");
        if !path.exists() {
            let key = Ed25519KeyPair::generate().context("the system gives no random bytes")?;
            let document = key
                .to_pkcs8()
                .context("the new host key cannot be written down")?;
            private_file::write(&path, document.as_ref())?;
        }
        let bytes = private_file::read(&path)?;
        let key = Ed25519KeyPair::from_pkcs8(&bytes).with_context(|| {
            format!(
                "{} is not an Ed25519 key; move it away to get a new one",
                path.display()
            )
        })?;
        let hash = digest(&SHA256, key.public_key().as_ref());
        // The number follows from the key: a copied name proves nothing, a copied number needs the key.
        let id = HostId(URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default()));
        Ok(Self {
            id,
            name: host_name(),
            key,
        })
    }

    /// In base64url.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref())
    }

    pub fn key_hash(&self) -> KeyHash {
        KeyHash(URL_SAFE_NO_PAD.encode(digest(&SHA256, self.key.public_key().as_ref())))
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
        URL_SAFE_NO_PAD.encode(self.key.sign(&binding.bytes()))
    }
}

/// The machine's name, as its owner knows it.
pub fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .unwrap_or_else(|| "this machine".to_owned())
}
