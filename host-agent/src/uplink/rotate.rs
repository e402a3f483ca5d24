//! `removid rotate-key`: this host takes another key. Whoever stops half-way runs it again.
//!
//! The router keeps the old key until the new one is used, and viewers who remember the old one are shown how the new one
//! follows it. An agent that runs meanwhile finds the new key in its place and goes on with it.

use std::path::Path;

use anyhow::Context as _;
use nix::fcntl::{Flock, FlockArg};
use router::auth::direct::unix_now;
use router::auth::signed::Signer;
use signaling_spec::api::RotateRequest;

use super::membership::Membership;
use super::socket::Address;
use crate::identity::{Identity, KEY_FILE};

const PATH: &str = "api/v1/host/rotate";
/// The key that is to follow, until it is in its place.
const NEXT: &str = "host-key-next.pk8";

/// Returns the host's number, which stays.
///
/// # Errors
/// This host is not enrolled, or the router cannot be reached or refuses; the message says what helps.
pub async fn rotate(state_dir: &Path) -> anyhow::Result<String> {
    let membership = Membership::load(state_dir)?;
    // Beside an agent, but not beside another of its kind.
    let file = std::fs::File::create(state_dir.join("rotate.lock"))
        .with_context(|| format!("{} cannot be written; make it yours", state_dir.display()))?;
    let _lock = Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| anyhow::anyhow!("this host's key is being changed already"))?;
    let identity = Identity::open(state_dir)?;
    let (signer, _) = Signer::open(&state_dir.join(KEY_FILE))?;
    let next = state_dir.join(NEXT);
    let request = RotateRequest {
        succession: identity.succession(&next, unix_now())?,
        proof: membership.assertion(&signer, &identity.id)?,
    };
    Address::new(&membership)?
        .post(PATH, serde_json::to_string(&request)?)
        .await
        .with_context(|| format!("{} did not take the new key; the old one stays", membership.url))?;
    identity.follow(&next)?;
    Ok(identity.id.0)
}
