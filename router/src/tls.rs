//! The certificate: self-signed and kept, or the operator's own and read again when it changes.

pub mod private_file;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A self-signed certificate lives this long, and is renewed, with the same key, [`RENEW_BEFORE`] its end.
const SELF_SIGNED_LIFE: Duration = Duration::from_secs(825 * 24 * 3600);
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often own certificates are looked at.
pub const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// Serves one certificate that may be replaced while it runs.
#[derive(Debug)]
pub struct Certificate {
    cert_path: PathBuf,
    key_path: PathBuf,
    current: RwLock<(Option<SystemTime>, Arc<CertifiedKey>)>,
}

impl Certificate {
    /// # Errors
    /// The files cannot be read, or are not a PEM chain and its key.
    pub fn load(cert_path: &Path, key_path: &Path) -> anyhow::Result<Self> {
        let key = read(cert_path, key_path)?;
        let stamp = modified(cert_path);
        let current = RwLock::new((stamp, Arc::new(key)));
        Ok(Self {
            cert_path: cert_path.to_owned(),
            key_path: key_path.to_owned(),
            current,
        })
    }

    /// Makes a self-signed one in that directory, or takes the one that is there.
    ///
    /// # Errors
    /// The directory cannot be written, or what is there cannot be read.
    pub fn self_signed(dir: &Path, names: &[String], addresses: &[IpAddr]) -> anyhow::Result<Self> {
        let (cert_path, key_path) = (dir.join("tls-cert.pem"), dir.join("tls-key.pem"));
        let fresh = modified(&cert_path)
            .is_some_and(|made| made.elapsed().unwrap_or_default() + RENEW_BEFORE < SELF_SIGNED_LIFE);
        if !fresh || !key_path.exists() {
            let key = if key_path.exists() {
                let pem = String::from_utf8(private_file::read(&key_path)?).context("TLS key is not text")?;
                rcgen::KeyPair::from_pem(&pem)
                    .with_context(|| format!("{} is not a PEM key", key_path.display()))?
            } else {
                rcgen::KeyPair::generate()?
            };
            private_file::write(&key_path, key.serialize_pem().as_bytes())?;
            private_file::write(&cert_path, make(&key, names, addresses)?.as_bytes())?;
        }
        Self::load(&cert_path, &key_path)
    }

    /// SHA-256 of the leaf, as browsers show it: upper-case hex joined by colons.
    pub fn sha256(&self) -> String {
        let current = self.current();
        let digest = current
            .cert
            .first()
            .map_or([0; 32], |leaf| crate::auth::sha256(leaf));
        signaling_spec::Fingerprint::from_digest(&digest)
            .as_str()
            .to_owned()
    }

    /// The served certificate itself, without its chain (DER, RFC 5280).
    pub fn leaf(&self) -> Vec<u8> {
        let current = self.current();
        current.cert.first().map_or_else(Vec::new, |leaf| leaf.to_vec())
    }

    /// Takes a newer file. A file that cannot be used leaves the old one in force.
    pub fn reload_if_changed(&self) {
        let stamp = modified(&self.cert_path);
        if self.current.read().is_ok_and(|current| current.0 == stamp) {
            return;
        }
        match read(&self.cert_path, &self.key_path) {
            Ok(key) => {
                if let Ok(mut current) = self.current.write() {
                    *current = (stamp, Arc::new(key));
                }
                tracing::info!(sha256 = self.sha256(), "Certificate reloaded");
            }
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "Certificate not reloaded; the old one stays"
            ),
        }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let guard = self
            .current
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&guard.1)
    }

    /// A TLS 1.2 and 1.3 server with this certificate, for HTTP/1.1 alone.
    ///
    /// # Errors
    /// The provider lacks a protocol version.
    pub fn server_config(self: &Arc<Self>) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

fn read(cert_path: &Path, key_path: &Path) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(cert_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("certificate {} cannot be read as PEM", cert_path.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{} holds no certificate; give a chain in PEM, the host's own first",
        cert_path.display()
    );
    let key = PrivateKeyDer::from_pem_file(key_path)
        .with_context(|| format!("TLS key {} cannot be read as PEM", key_path.display()))?;
    let key = any_supported_type(&key)
        .with_context(|| format!("TLS key {} is of an unknown kind", key_path.display()))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().with_context(|| {
        format!(
            "TLS key {} does not belong to {}",
            key_path.display(),
            cert_path.display()
        )
    })?;
    Ok(certified)
}

fn make(key: &rcgen::KeyPair, names: &[String], addresses: &[IpAddr]) -> anyhow::Result<String> {
    let mut params = rcgen::CertificateParams::new(names.to_vec())?;
    params.subject_alt_names.extend(
        addresses
            .iter()
            .map(|address| rcgen::SanType::IpAddress(*address)),
    );
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(
        rcgen::DnType::CommonName,
        names.first().map_or("removid", String::as_str),
    );
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(24 * 3600)).into();
    params.not_after = (now + SELF_SIGNED_LIFE).into();
    Ok(params.self_signed(key)?.pem())
}
