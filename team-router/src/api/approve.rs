//! Hosts that ask to belong here without a token: they show a code, an administrator types it, and the host's key does the
//! rest. A host goes on asking with a fresh proof of its key, so that there is no secret that could be stolen meanwhile.

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use router::auth::direct::unix_now;
use router::auth::random_secret;
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};
use signaling_spec::api::{EnrollAsk, EnrollWaits, Enrolled};
use signaling_spec::{HostId, Object};

use super::Team;
use super::callers::Admin;
use super::enroll::{known_by, plain_name};
use super::login::hash;
use crate::error::TeamError;
use crate::roles::{Labels, check_labels};
use crate::store;
use crate::wishes::{ASK_EVERY, Standing, WISH_LIFE, Wish, shown};

/// A host asks, or asks again: 202 while it waits, 201 once it belongs here.
pub(super) async fn ask(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    body: Result<Json<Object<EnrollAsk>>, JsonRejection>,
) -> Result<Response, TeamError> {
    team.may_try(ends)?;
    let Json(Object(request)) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let now = unix_now();
    let (id, kid) =
        known_by(&team, &request.host_pub, &request.proof, now).map_err(|error| team.failed(ends, error))?;
    let key = team.store.active_key(&id).await?;
    if key.is_some_and(|key| key == request.host_pub) {
        let enrolled = Enrolled {
            host_id: HostId(id),
            router_pub: team.grants_public.clone(),
        };
        return Ok((StatusCode::CREATED, Json(enrolled)).into_response());
    }
    let wish = Wish {
        host: id.clone(),
        kid,
        public: request.host_pub,
        name: plain_name(&request.name),
        from: ends.peer.ip(),
    };
    match team.wishes.ask(wish, now, || random_secret().into_bytes()) {
        Standing::Waits { code, left } => {
            if left == WISH_LIFE {
                router::audit!("RMV2012I", host = id, "A host asks to be enrolled");
            }
            let waits = EnrollWaits {
                user_code: shown(&code),
                verification_uri: format!("{}approve", team.config.public_url),
                expires_in: left,
                interval: ASK_EVERY,
            };
            Ok((StatusCode::ACCEPTED, Json(waits)).into_response())
        }
        Standing::Refused => Err(TeamError::EnrollRefused),
        Standing::Full => Err(TeamError::TooMany),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    user_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approved {
    user_code: String,
    labels: Labels,
}

/// What waits under a code, so that the administrator can compare it with what the host shows.
pub(super) async fn look(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    _: Admin,
    body: Result<Json<Typed>, JsonRejection>,
) -> Result<Json<Value>, TeamError> {
    let Json(Typed { user_code }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let Some(wish) = team.wishes.look(&user_code, unix_now()) else {
        return Err(team.failed(ends, TeamError::UserCode));
    };
    let Wish { host, name, from, .. } = wish;
    Ok(Json(
        json!({ "host": host, "name": name, "from": from.to_canonical() }),
    ))
}

/// It belongs here from now on.
pub(super) async fn approve(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Admin(caller): Admin,
    body: Result<Json<Approved>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let Json(Approved { user_code, labels }) =
        body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    check_labels(&labels).map_err(TeamError::Malformed)?;
    let now = unix_now();
    let Some(wish) = team.wishes.take(&user_code, now) else {
        return Err(team.failed(ends, TeamError::UserCode));
    };
    // The way of every enrolment, with a token that nobody sees.
    let token = hash(&random_secret());
    let by = &caller.account.id;
    team.store
        .add_enroll_token(&token, "approved", &labels, by, now, now + ASK_EVERY)
        .await?;
    let Wish {
        host,
        kid,
        public,
        name,
        ..
    } = wish;
    match team
        .store
        .enroll(&token, &host, &kid, &public, &name, now)
        .await?
    {
        store::Enrolled::Done => {
            router::audit!(
                "RMV2013I",
                account = by,
                host,
                name,
                "A host was approved and enrolled"
            );
            Ok((StatusCode::CREATED, Json(json!({ "host": host }))))
        }
        store::Enrolled::Known => Err(TeamError::HostKnown),
        store::Enrolled::BadToken => Err(TeamError::Internal(anyhow::anyhow!(
            "a token that was made just now is none"
        ))),
    }
}

/// It does not, and hears so.
pub(super) async fn refuse(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Admin(caller): Admin,
    body: Result<Json<Typed>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    let Json(Typed { user_code }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let Some(wish) = team.wishes.refuse(&user_code, unix_now()) else {
        return Err(team.failed(ends, TeamError::UserCode));
    };
    router::audit!(
        "RMV2013W",
        account = caller.account.id,
        host = wish.host,
        "A host was not approved"
    );
    Ok(StatusCode::NO_CONTENT)
}
