//! Passkeys of whoever is logged in: registering, naming and removing them, and showing one.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode};
use router::auth::direct::unix_now;
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Caller, Team};
use crate::error::TeamError;
use crate::passkeys::{MOST, PASSKEYS, PasskeyError, Passkeys, Purpose};
use crate::store::{Account, Kept};

/// How long it counts that somebody has proven who they are, in seconds.
pub(super) const FRESH: u64 = 300;
const MAX_NAME: usize = 64;

/// What the browser answered to a prompt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    pub(super) ceremony: String,
    /// `RegistrationResponseJSON` or `AuthenticationResponseJSON`.
    pub(super) credential: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registered {
    ceremony: String,
    credential: Value,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

fn malformed(error: &JsonRejection) -> TeamError {
    TeamError::Malformed(error.body_text())
}

/// # Errors
/// The site has none.
pub(super) fn of(team: &Team) -> Result<Arc<Passkeys>, TeamError> {
    team.passkeys.clone().ok_or(TeamError::NoPasskeys)
}

/// A name for a list, from whatever was typed.
pub(super) fn title(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    match text.trim() {
        "" => "Passkey".to_owned(),
        text => text.to_owned(),
    }
}

/// The refusal for whoever has to show a passkey: that, or that they have none.
pub(super) async fn wanted(team: &Team, caller: &Caller) -> Result<TeamError, TeamError> {
    of(team)?;
    Ok(if team.store.passkeys(&caller.account.id).await?.is_empty() {
        TeamError::NoPasskey
    } else {
        TeamError::PasskeyWanted
    })
}

/// Checks that the caller has shown a passkey of theirs for that purpose, and notes it.
pub(super) async fn check(
    team: &Team,
    caller: &Caller,
    purpose: &Purpose,
    answered: &Answered,
    now: u64,
) -> Result<(), TeamError> {
    let kept = kept(team, &answered.credential).await?;
    let own = kept.filter(|kept| kept.account == caller.account.id);
    shown(team, &caller.account.id, purpose, answered, own.as_ref(), now).await?;
    team.store.showed_passkey(&caller.login, now).await?;
    router::audit!(
        "RMV1006I",
        account = caller.account.id,
        login = caller.login,
        factor = "passkey",
        "Second factor given"
    );
    Ok(())
}

/// What is known of the passkey that an answer names.
pub(super) async fn kept(team: &Team, answer: &Value) -> Result<Option<Kept>, TeamError> {
    match Passkeys::named(answer) {
        Some(id) => Ok(team.store.passkey(&id).await?),
        None => Ok(None),
    }
}

/// Checks an answer, and that its authenticator was not copied.
pub(super) async fn shown(
    team: &Team,
    account: &str,
    purpose: &Purpose,
    answered: &Answered,
    kept: Option<&Kept>,
    now: u64,
) -> Result<(), TeamError> {
    let passkeys = of(team)?;
    let shown = passkeys.asserted(
        &answered.ceremony,
        purpose,
        &answered.credential,
        kept,
        Instant::now(),
    );
    let noted = match shown {
        Ok(shown) => {
            let noted = team
                .store
                .passkey_used(&shown.id, &shown.json, shown.counter, now)
                .await?;
            if noted { Ok(()) } else { Err(PasskeyError::Copied) }
        }
        Err(error) => Err(error),
    };
    noted.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        router::audit!(
            "RMV1006W",
            account,
            why = %error,
            cause = cause.unwrap_or_default(),
            "Second factor refused"
        );
        error.into()
    })
}

/// Registering, removing and the like ask for a proof of minutes ago: by a passkey if there is one, by the provider
/// otherwise.
async fn proven(team: &Team, caller: &Caller, kept: &[Kept], now: u64) -> Result<(), TeamError> {
    let proofs = team.store.proofs(&caller.login).await?;
    let fresh = |at: u64| at + FRESH > now;
    if !kept.is_empty() {
        return if fresh(proofs.passkey_at) {
            Ok(())
        } else {
            Err(TeamError::PasskeyWanted)
        };
    }
    // Without a provider and without a passkey there is nothing to prove it with: an administrator invites again.
    if fresh(proofs.step_up_at) && caller.account.provider != PASSKEYS {
        Ok(())
    } else {
        Err(TeamError::StepUp)
    }
}

pub(super) async fn list(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let kept = team.store.passkeys(&caller.account.id).await?;
    let passkeys: Vec<Value> = kept
        .iter()
        .map(|kept| json!({ "id": kept.id, "name": kept.name, "created": kept.created, "last_used": kept.last_used }))
        .collect();
    Ok(Json(
        json!({ "passkeys": passkeys, "possible": team.passkeys.is_some(), "now": unix_now() }),
    ))
}

pub(super) async fn register(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let passkeys = of(&team)?;
    let kept = team.store.passkeys(&caller.account.id).await?;
    proven(&team, &caller, &kept, unix_now()).await?;
    if kept.len() >= MOST {
        return Err(TeamError::TooManyPasskeys);
    }
    let purpose = Purpose::Register { login: caller.login };
    let Account { id, name, .. } = &caller.account;
    Ok(Json(
        passkeys
            .register(purpose, id, name, &kept, Instant::now())?
            .body(),
    ))
}

pub(super) async fn registered(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Registered>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let Json(body) = body.map_err(|error| malformed(&error))?;
    let (passkeys, now) = (of(&team)?, unix_now());
    let kept = team.store.passkeys(&caller.account.id).await?;
    proven(&team, &caller, &kept, now).await?;
    if kept.len() >= MOST {
        return Err(TeamError::TooManyPasskeys);
    }
    let purpose = Purpose::Register { login: caller.login };
    let shown = passkeys.registered(&body.ceremony, &purpose, &body.credential, Instant::now())?;
    let kept = Kept {
        id: shown.id,
        account: caller.account.id,
        json: shown.json,
        counter: shown.counter,
        name: title(&body.name),
        created: now,
        last_used: 0,
    };
    if !team.store.add_passkey(&kept).await? {
        return Err(PasskeyError::Shape.into());
    }
    router::audit!(
        "RMV1007I",
        account = kept.account,
        passkey = kept.id,
        "Passkey registered"
    );
    Ok(StatusCode::CREATED)
}

pub(super) async fn rename(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Named>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let Json(body) = body.map_err(|error| malformed(&error))?;
    let named = team
        .store
        .name_passkey(&caller.account.id, &id, &title(&body.name))
        .await?;
    if named {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(TeamError::NotFound("passkey"))
    }
}

pub(super) async fn remove(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let kept = team.store.passkeys(&caller.account.id).await?;
    if !kept.iter().any(|kept| kept.id == id) {
        return Err(TeamError::NotFound("passkey"));
    }
    proven(&team, &caller, &kept, unix_now()).await?;
    if kept.len() == 1 && caller.account.provider == PASSKEYS {
        return Err(TeamError::LastPasskey);
    }
    team.store.remove_passkey(&caller.account.id, &id).await?;
    router::audit!(
        "RMV1008I",
        account = caller.account.id,
        passkey = id,
        "Passkey removed"
    );
    Ok(StatusCode::NO_CONTENT)
}

async fn ask(team: &Team, caller: &Caller, purpose: Purpose) -> Result<Json<Value>, TeamError> {
    let passkeys = of(team)?;
    let kept = team.store.passkeys(&caller.account.id).await?;
    if kept.is_empty() {
        return Err(TeamError::NoPasskey);
    }
    Ok(Json(passkeys.assert(purpose, &kept, Instant::now())?.body()))
}

/// Begins to ask for a passkey, before something that only its owner may do.
pub(super) async fn confirm(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let purpose = Purpose::Confirm {
        login: caller.login.clone(),
    };
    ask(&team, &caller, purpose).await
}

pub(super) async fn confirmed(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Answered>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let Json(answered) = body.map_err(|error| malformed(&error))?;
    let purpose = Purpose::Confirm {
        login: caller.login.clone(),
    };
    check(&team, &caller, &purpose, &answered, unix_now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins to ask for a passkey for one session on that host; the answer goes with the call for the seat.
pub(super) async fn for_session(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let (host, _) = super::hosts::decided(&team, &caller, &id, unix_now()).await?;
    let purpose = Purpose::Session {
        login: caller.login.clone(),
        host: host.id,
    };
    ask(&team, &caller, purpose).await
}
