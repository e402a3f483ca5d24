//! `POST /api/v1/host/rotate`: a host takes another key. The one that it has stays good until the new one is used.

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::direct::unix_now;
use router::auth::signed::{PUBLIC_KEY_BYTES, claimed_kid, kid, signed_by};
use router::net::Ends;
use session_core::bind::succession;
use signaling_spec::api::{RotateRequest, Succession};
use signaling_spec::claims::ASSERTION_TYPE;
use signaling_spec::{HostId, Object};

use super::Team;
use super::enroll::{SKEW, prove};
use crate::error::TeamError;
use crate::store::HostKey;

pub(super) async fn rotate(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    body: Result<Json<Object<RotateRequest>>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    team.may_try(ends)?;
    let Json(Object(request)) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let now = unix_now();
    let key = match proven(&team, &request.proof, now).await {
        // A host whose clock is wrong tries again and again; that is no attack.
        Err(TeamError::Clock(skew)) => return Err(TeamError::Clock(skew)),
        Err(error @ (TeamError::Store(_) | TeamError::KeyWaits)) => return Err(error),
        proven => proven.map_err(|error| team.failed(ends, error))?,
    };
    let refused = |why: &'static str| {
        router::audit!("RMV2014W", host = key.host, why, "A host's new key refused");
        team.failed(
            ends,
            TeamError::Malformed(format!("the new key cannot be taken: {why}")),
        )
    };
    let next = request.succession;
    let name = signed_by_both(&key, &next, now).map_err(refused)?;
    if !team.store.add_next_key(&key.host, &name, &next, now).await? {
        return Err(refused("it was a key here before"));
    }
    router::audit!("RMV2014I", host = key.host, "A host announced its next key");
    Ok(StatusCode::NO_CONTENT)
}

/// The active key that a proof is signed with: one that waits cannot name another.
async fn proven(team: &Team, proof: &str, now: u64) -> Result<HostKey, TeamError> {
    let name = claimed_kid(proof, ASSERTION_TYPE).map_err(|_| TeamError::HostKey)?;
    let key = team.store.host_key(&name).await?.ok_or(TeamError::HostKey)?;
    let public = URL_SAFE_NO_PAD
        .decode(&key.public)
        .map_err(|_| TeamError::HostKey)?;
    if prove(team, proof, &public, now)?.sub != key.host {
        return Err(TeamError::HostKey);
    }
    if key.waits {
        return Err(TeamError::KeyWaits);
    }
    Ok(key)
}

/// The new key's name.
fn signed_by_both(old: &HostKey, next: &Succession, now: u64) -> Result<String, &'static str> {
    let public = URL_SAFE_NO_PAD
        .decode(&next.new_pub)
        .ok()
        .filter(|public| public.len() == PUBLIC_KEY_BYTES)
        .ok_or("it is not an Ed25519 key of 32 bytes in base64url")?;
    if next.old_pub != old.public {
        return Err("it follows another key");
    }
    if next.iat.abs_diff(now) > SKEW {
        return Err("it was signed at another time");
    }
    let bytes = succession(&HostId(old.host.clone()), &next.old_pub, &next.new_pub, next.iat);
    if !signed_by(&next.old_pub, &bytes, &next.old_sig) {
        return Err("the old key did not sign for it");
    }
    if !signed_by(&next.new_pub, &bytes, &next.new_sig) {
        return Err("it did not sign for itself");
    }
    Ok(kid(&public))
}
