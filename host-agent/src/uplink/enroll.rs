//! `removid enroll`: this host becomes one of a router's, by a token that an administrator made.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use router::auth::signed::Signer;
use router::tls::private_file;
use signaling_spec::api::{EnrollRequest, Enrolled};

use super::membership::Membership;
use super::socket::Address;
use crate::identity::Identity;

const PATH: &str = "api/v1/enroll";
const MAX_TOKEN: usize = 256;

/// What `removid enroll` was told.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The router's address, as people type it.
    pub url: String,
    pub token_file: PathBuf,
    pub ca: Option<PathBuf>,
    pub state_dir: PathBuf,
    /// The machine's name in lists; without it the one that it has.
    pub name: Option<String>,
}

/// Enrols; returns the host's number.
///
/// # Errors
/// The router cannot be reached, or refuses; the message says what helps.
pub async fn enroll(wish: Wish) -> anyhow::Result<String> {
    private_file::directory(&wish.state_dir)?;
    let identity = Identity::open(&wish.state_dir)?;
    let (signer, _) = Signer::open(&wish.state_dir.join("host-key.pk8"))?;
    let token = std::fs::read_to_string(&wish.token_file).with_context(|| {
        format!(
            "{} cannot be read; it holds the enrolment token",
            wish.token_file.display()
        )
    })?;
    let token = token.trim();
    ensure!(
        token.starts_with("rmve_") && token.len() <= MAX_TOKEN,
        "{} does not hold an enrolment token, which begins with rmve_; make one with: removid-router enroll-token",
        wish.token_file.display()
    );
    let ca = wish
        .ca
        .map(|file| {
            file.canonicalize()
                .with_context(|| format!("{} is not there", file.display()))
        })
        .transpose()?;
    let mut membership = Membership {
        url: format!("{}/", wish.url.trim_end_matches('/')),
        router_pub: String::new(),
        ca,
        name: wish.name.unwrap_or_else(|| identity.name.clone()),
    };
    let address = Address::new(&membership)?;
    let request = EnrollRequest {
        token: token.to_owned(),
        host_pub: identity.public_key(),
        proof: membership.assertion(&signer, &identity.id)?,
        name: membership.name.clone(),
    };
    let answer = address
        .post(PATH, serde_json::to_string(&request)?)
        .await
        .with_context(|| format!("this host could not be enrolled at {}", membership.url))?;
    let enrolled: Enrolled =
        serde_json::from_slice(&answer).context("the answer is not one of a router of this kind")?;
    ensure!(
        enrolled.host_id == identity.id,
        "the router gave this host another number than its key has; it is not to be trusted"
    );
    membership.router_pub = enrolled.router_pub;
    ensure!(
        membership.router_key()?.len() == router::auth::signed::PUBLIC_KEY_BYTES,
        "the router's key is not an Ed25519 key"
    );
    membership.save(&wish.state_dir)?;
    Ok(identity.id.0)
}
