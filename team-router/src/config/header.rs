//! An access proxy that says who somebody is, and the secret by which it is known.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use router::auth::sha256;
use serde::Deserialize;

/// A proxy's secret has at least so many signs.
const MIN_SECRET: usize = 32;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenHeader {
    user: String,
    name: Option<String>,
    email: Option<String>,
    groups: Option<String>,
    secret_header: String,
    secret_file: PathBuf,
}

/// An access proxy that says who somebody is.
#[derive(Clone)]
pub struct TrustedHeader {
    /// Holds what the proxy calls a person for ever.
    pub user: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// Holds groups, parted by commas.
    pub groups: Option<String>,
    /// Holds a secret that only the proxy knows: whoever does not say it is not believed.
    pub secret_header: String,
    pub secret_hash: [u8; 32],
}

impl fmt::Debug for TrustedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedHeader")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl WrittenHeader {
    /// # Errors
    /// A name is no header's, or the secret cannot be read or is short.
    pub(super) fn read(self) -> anyhow::Result<TrustedHeader> {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let names = [
            Some(&self.user),
            self.name.as_ref(),
            self.email.as_ref(),
            self.groups.as_ref(),
        ];
        for name in names.into_iter().flatten().chain([&self.secret_header]) {
            ensure!(plain(name), "trusted-header: {name:?} is no header's name");
        }
        let secret = std::fs::read_to_string(&self.secret_file)
            .with_context(|| format!("trusted-header: {} cannot be read", self.secret_file.display()))?;
        ensure!(
            secret.trim().len() >= MIN_SECRET,
            "trusted-header: the secret in {} has fewer than {MIN_SECRET} signs; make one: openssl rand -hex 32",
            self.secret_file.display()
        );
        Ok(TrustedHeader {
            user: self.user,
            name: self.name,
            email: self.email,
            groups: self.groups,
            secret_header: self.secret_header,
            secret_hash: sha256(secret.trim().as_bytes()),
        })
    }
}
