//! Credentials for TURN servers that share a secret with this router, as coturn's `use-auth-secret` takes them
//! (draft-uberti-behave-turn-rest-00 §2.2): the name says until when, the password is its HMAC.

use anyhow::{Context as _, ensure};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use router::tls::private_file;
use signaling_spec::{IceServer, SessionId};

use crate::config::TurnConfig;

/// Shorter ones are guessed.
const SHORTEST_SECRET: usize = 16;

/// For whom credentials are.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    Viewer,
    Host,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Turn {
    urls: Vec<String>,
    key: hmac::Key,
    lifetime: u64,
    /// Nobody may see another's address.
    pub relay_only: bool,
}

impl Turn {
    /// # Errors
    /// The secret cannot be read, or is too short.
    pub fn open(config: &TurnConfig) -> anyhow::Result<Self> {
        let file = private_file::read(&config.secret_file).context("the TURN servers' secret")?;
        let secret = file.trim_ascii();
        ensure!(
            secret.len() >= SHORTEST_SECRET,
            "{} holds a secret of {} bytes; take {SHORTEST_SECRET} or more, the same as the TURN server's static-auth-secret",
            config.secret_file.display(),
            secret.len()
        );
        Ok(Self {
            urls: config.urls.clone(),
            // What servers of this kind demand; the secret is long and random, and SHA-1's weakness is not HMAC's.
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret),
            lifetime: config.lifetime,
            relay_only: config.relay_only,
        })
    }

    /// Credentials for one side of one session. They open new allocations until they end; what is allocated lives on.
    pub fn server(&self, sid: &SessionId, side: Side, now: u64) -> IceServer {
        let side = match side {
            Side::Viewer => 'v',
            Side::Host => 'h',
        };
        let username = format!("{}:{side}{sid}", now.saturating_add(self.lifetime));
        let credential = B64.encode(hmac::sign(&self.key, username.as_bytes()));
        IceServer {
            urls: self.urls.clone(),
            username: Some(username),
            credential: Some(credential),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_with_the_same_secret_makes_the_same_password() {
        let turn = Turn {
            urls: vec!["turn:a.example".to_owned()],
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"north-of-the-wall"),
            lifetime: 600,
            relay_only: false,
        };
        let server = turn.server(&SessionId("abc".to_owned()), Side::Viewer, 1_000_000_000);
        assert_eq!(server.username.as_deref(), Some("1000000600:vabc"));
        // printf 1000000600:vabc | openssl dgst -sha1 -hmac north-of-the-wall -binary | base64
        assert_eq!(server.credential.as_deref(), Some("wWo4RwfbfHp6j+WHSiXzsxVMbMU="));
        let host = turn.server(&SessionId("abc".to_owned()), Side::Host, 1_000_000_000);
        assert_ne!(host.credential, server.credential);
    }
}
