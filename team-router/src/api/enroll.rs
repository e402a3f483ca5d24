//! `POST /api/v1/enroll`: a host shows a single-use token and proves its key; from then on the key is enough.

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::direct::unix_now;
use router::auth::signed::{PUBLIC_KEY_BYTES, kid, verify};
use router::net::Ends;
use signaling_spec::Object;
use signaling_spec::api::{EnrollRequest, Enrolled};
use signaling_spec::claims::{ASSERTION_TYPE, AssertionClaims};

use super::Team;
use super::login::hash;
use crate::error::TeamError;
use crate::store;

/// The longest that a host's proof is good for, in seconds.
const PROOF_LIFE: u64 = 60;
/// The longest distance between two clocks, in seconds, beyond which the fault is named.
pub(super) const SKEW: u64 = 60;
const MAX_NAME: usize = 64;

pub(super) async fn enroll(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    body: Result<Json<Object<EnrollRequest>>, JsonRejection>,
) -> Result<(StatusCode, Json<Enrolled>), TeamError> {
    team.may_try(ends)?;
    let Json(Object(request)) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let now = unix_now();
    let (id, kid) = known_by(&team, &request.host_pub, &request.proof, now)?;
    let name = plain_name(&request.name);
    let enrolled = team
        .store
        .enroll(&hash(&request.token), &id, &kid, &request.host_pub, &name, now)
        .await?;
    match enrolled {
        store::Enrolled::Done => {
            router::audit!("RMV2001I", host = id, name, "Host enrolled");
            Ok((
                StatusCode::CREATED,
                Json(Enrolled {
                    host_id: signaling_spec::HostId(id),
                    router_pub: team.grants_public.clone(),
                }),
            ))
        }
        store::Enrolled::BadToken => {
            router::audit!("RMV2001W", host = id, "Enrolment refused: its token is none");
            Err(team.failed(ends, TeamError::EnrollToken))
        }
        store::Enrolled::Known => {
            router::audit!("RMV2002W", host = id, "Enrolment refused: there is such a host");
            Err(TeamError::HostKnown)
        }
    }
}

/// A host's number and its key's name, for one who proves that it has the key.
pub(super) fn known_by(
    team: &Team,
    host_pub: &str,
    proof: &str,
    now: u64,
) -> Result<(String, String), TeamError> {
    let public = URL_SAFE_NO_PAD
        .decode(host_pub)
        .ok()
        .filter(|public| public.len() == PUBLIC_KEY_BYTES)
        .ok_or_else(|| {
            TeamError::Malformed("host_pub is not an Ed25519 key of 32 bytes in base64url".to_owned())
        })?;
    // A host's number follows from its key: nobody can take another's.
    let kid = kid(&public);
    let id = host_number(&kid);
    let proof = prove(team, proof, &public, now)?;
    if proof.sub != id {
        return Err(TeamError::HostKey);
    }
    Ok((id, kid))
}

/// The first 16 characters of its key's name: 96 bits.
pub(super) fn host_number(kid: &str) -> String {
    kid.chars().take(16).collect()
}

/// Checks a host's assertion against its key, our address and the clock; each is taken once.
pub(super) fn prove(team: &Team, token: &str, public: &[u8], now: u64) -> Result<AssertionClaims, TeamError> {
    let claims: AssertionClaims =
        verify(token, ASSERTION_TYPE, public, &team.config.public_url).map_err(|error| {
            router::audit!("RMV2007W", why = %error, "A host's proof refused");
            TeamError::HostKey
        })?;
    let skew = claims.iat.abs_diff(now);
    if skew > SKEW {
        router::audit!("RMV2006W", host = claims.sub, skew, "A host's clock is wrong");
        return Err(TeamError::Clock(skew));
    }
    let in_order =
        claims.exp > claims.iat && claims.exp - claims.iat <= PROOF_LIFE && claims.iss == claims.sub;
    if !in_order {
        return Err(TeamError::HostKey);
    }
    // The audience is checked with the signature. What is forgotten is too old by then.
    if !team.seen.first(
        &format!("{} {}", claims.sub, claims.jti),
        now + 2 * SKEW + PROOF_LIFE,
        now,
    ) {
        router::audit!("RMV2005W", host = claims.sub, "A host's proof was shown twice");
        return Err(TeamError::Replay);
    }
    Ok(claims)
}

/// A name as people can read it in a list.
pub(super) fn plain_name(name: &str) -> String {
    let name: String = name
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect();
    if name.is_empty() {
        "a host without a name".to_owned()
    } else {
        name
    }
}
