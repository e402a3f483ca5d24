//! What a host keeps of the router that it belongs to, and how it says who it is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::direct::unix_now;
use router::auth::random_bytes;
use router::auth::signed::Signer;
use router::tls::private_file;
use serde::{Deserialize, Serialize};
use signaling_spec::claims::{ASSERTION_TYPE, AssertionClaims};
use signaling_spec::{HostId, TokenId};

/// How long a proof is good for, in seconds.
const PROOF_LIFE: u64 = 60;
const FILE: &str = "router.json";

/// Kept in the state directory from the enrolment on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The router's address with a slash at the end: the audience of this host's proofs.
    pub url: String,
    /// The key of its grants: Ed25519, 32 bytes in base64url.
    pub router_pub: String,
    /// Certificates in PEM that are trusted for it beside the system's.
    pub ca: Option<PathBuf>,
    /// The machine's name in lists.
    pub name: String,
}

impl Membership {
    /// # Errors
    /// This host is not enrolled, or the file is damaged.
    pub fn load(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        if !path.exists() {
            anyhow::bail!(
                "this host belongs to no router yet; enrol it: removid enroll URL --token-file FILE"
            );
        }
        serde_json::from_slice(&private_file::read(&path)?)
            .map_err(|_| anyhow::anyhow!("{} is damaged; enrol this host again", path.display()))
    }

    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, dir: &Path) -> anyhow::Result<()> {
        private_file::write(&dir.join(FILE), serde_json::to_string_pretty(self)?.as_bytes())
    }

    /// # Errors
    /// It is none.
    pub fn router_key(&self) -> anyhow::Result<Vec<u8>> {
        URL_SAFE_NO_PAD
            .decode(&self.router_pub)
            .context("the router's key is not in base64url")
    }

    /// Says who this host is, to this router and for a minute.
    ///
    /// # Errors
    /// The key is none.
    pub fn assertion(&self, signer: &Signer, id: &HostId) -> anyhow::Result<String> {
        let now = unix_now();
        let claims = AssertionClaims {
            iss: id.0.clone(),
            sub: id.0.clone(),
            aud: self.url.clone(),
            jti: TokenId(URL_SAFE_NO_PAD.encode(random_bytes::<12>())),
            iat: now,
            exp: now + PROOF_LIFE,
        };
        Ok(signer.sign(ASSERTION_TYPE, &claims)?)
    }
}
