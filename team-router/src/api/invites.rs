//! Accounts that have nothing but passkeys: a one-time link makes one, and a passkey logs in. The same link can make
//! somebody an administrator, also one whom a provider knows.

use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::direct::unix_now;
use router::auth::{random_secret, sha256};
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};

use super::login::{hash, log_in, own_page};
use super::passkeys::{self, Answered, title};
use super::{Team, cookie};
use crate::access::make_administrator;
use crate::error::TeamError;
use crate::login::LONGEST;
use crate::passkeys::{PASSKEYS, PasskeyError, Purpose};
use crate::store::{Account, Held, Invite, Kept, Person};

/// How long a link waits, in seconds.
pub const INVITE_LIFE: u64 = 24 * 3600;
const MAX_NAME: usize = 64;

/// A name for people, as it was typed.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_person(name: &str) -> Result<(), String> {
    let good =
        !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if good {
        Ok(())
    } else {
        Err(format!("a person's name has 1 to {MAX_NAME} signs"))
    }
}

/// A new link, and what is kept of it. Its secret is in the fragment, which no server sees.
pub fn invite_link(public_url: &str) -> (String, String) {
    let secret = random_secret();
    (format!("{public_url}invite#{secret}"), hash(&secret))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    name: String,
    #[serde(default)]
    admin: bool,
}

/// An administrator asks somebody in.
pub(super) async fn invite(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let caller = team.admin(ends, &headers).await?;
    let Json(Wanted { name, admin }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    check_person(&name).map_err(TeamError::Malformed)?;
    let (link, hash) = invite_link(&team.config.public_url);
    let (invite, now) = (Invite { name, admin }, unix_now());
    let (account, most) = (&caller.account.id, team.limits.most.invitations_per_account);
    let _counted = team
        .may_have(account, Held::Invitations, most, TeamError::TooManyInvites)
        .await?;
    team.store
        .add_invite(&hash, &invite, &caller.account.id, now, now + INVITE_LIFE)
        .await?;
    router::audit!(
        "RMV1009I",
        account = caller.account.id,
        person = invite.name,
        admin,
        "Invited"
    );
    Ok((
        StatusCode::CREATED,
        Json(json!({ "link": link, "expires_in": INVITE_LIFE })),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    secret: String,
    ceremony: String,
    credential: Value,
    #[serde(default)]
    name: String,
}

/// The account that an invitation makes: the same one for as long as the link is good.
fn invited(hash: &str) -> String {
    let name = sha256(format!("removid-invited {hash}").as_bytes());
    format!("u-{}", URL_SAFE_NO_PAD.encode(&name[..12]))
}

async fn found(team: &Team, ends: Ends, hash: &str) -> Result<Invite, TeamError> {
    team.may_try(ends)?;
    match team.store.invite(hash, unix_now()).await? {
        Some(invite) => Ok(invite),
        None => {
            router::audit!("RMV1010W", "Invitation refused");
            Err(team.failed(ends, TeamError::Invite))
        }
    }
}

/// What a link is for, to whoever has it.
pub(super) async fn look(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<Json<Value>, TeamError> {
    own_page(&team, &headers)?;
    let Json(Shown { secret }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let invite = found(&team, ends, &hash(&secret)).await?;
    Ok(Json(
        json!({ "name": invite.name, "admin": invite.admin, "passkeys": team.config.passkeys }),
    ))
}

pub(super) async fn begin(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<Json<Value>, TeamError> {
    own_page(&team, &headers)?;
    let Json(Shown { secret }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let hash = hash(&secret);
    let invite = found(&team, ends, &hash).await?;
    let passkeys = accounts(&team)?;
    let account = invited(&hash);
    let asked = passkeys.register(
        Purpose::Invite { hash },
        &account,
        &invite.name,
        &[],
        Instant::now(),
    )?;
    Ok(Json(asked.body()))
}

/// Makes the account, and logs it in.
pub(super) async fn finish(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Made>, JsonRejection>,
) -> Result<Response, TeamError> {
    own_page(&team, &headers)?;
    let Json(made) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let hash = hash(&made.secret);
    found(&team, ends, &hash).await?;
    let purpose = Purpose::Invite { hash: hash.clone() };
    let shown = accounts(&team)?.registered(&made.ceremony, &purpose, &made.credential, Instant::now())?;
    let now = unix_now();
    // Of those who race for one link, one gets it, and nothing was made before.
    let invite = team
        .store
        .take_invite(&hash, now)
        .await?
        .ok_or(TeamError::Invite)?;
    let id = invited(&hash);
    let person = Person {
        provider: PASSKEYS,
        subject: &id,
        name: &invite.name,
        email: "",
        groups: &[],
    };
    let account = team.store.greet(&person, &id, now).await?;
    let kept = Kept {
        id: shown.id,
        account: id,
        json: shown.json,
        counter: shown.counter,
        name: title(&made.name),
        created: now,
        last_used: now,
    };
    if !team.store.add_passkey(&kept).await? {
        return Err(PasskeyError::Shape.into());
    }
    router::audit!(
        "RMV1007I",
        account = account.id,
        passkey = kept.id,
        "Passkey registered"
    );
    if invite.admin {
        administrate(&team, &account).await?;
    }
    enter(&team, &headers, &account, now).await
}

/// Somebody who is logged in, in whatever way, becomes an administrator.
pub(super) async fn accept(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<StatusCode, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let Json(Shown { secret }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let hash = hash(&secret);
    if !found(&team, ends, &hash).await?.admin {
        return Err(TeamError::Invite);
    }
    team.store
        .take_invite(&hash, unix_now())
        .await?
        .ok_or(TeamError::Invite)?;
    administrate(&team, &caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn administrate(team: &Team, account: &Account) -> Result<(), TeamError> {
    make_administrator(&team.store, &account.provider, &account.subject).await?;
    team.access.refresh().await?;
    router::audit!(
        "RMV6003I",
        account = account.id,
        role = crate::access::ADMINISTRATOR,
        "Role given by a link"
    );
    Ok(())
}

/// Begins a login with a passkey alone.
pub(super) async fn ask(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    own_page(&team, &headers)?;
    team.may_try(ends)?;
    Ok(Json(accounts(&team)?.log_in(Instant::now())?.body()))
}

pub(super) async fn enter_by_passkey(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Answered>, JsonRejection>,
) -> Result<Response, TeamError> {
    own_page(&team, &headers)?;
    team.may_try(ends)?;
    accounts(&team)?;
    let Json(answered) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let now = unix_now();
    let kept = passkeys::kept(&team, &answered.credential).await?;
    // Whom a provider knows comes by that: it may have let them go.
    let account = match &kept {
        Some(kept) => team.store.account(&kept.account).await?,
        None => None,
    }
    .filter(|account| account.provider == PASSKEYS);
    let own = kept.filter(|_| account.is_some());
    let name = account.as_ref().map_or("", |account| account.id.as_str());
    if let Err(error) = passkeys::shown(&team, name, &Purpose::LogIn, &answered, own.as_ref(), now).await {
        router::audit!(
            "RMV1001W",
            provider = PASSKEYS,
            refusal = error.code(),
            "Login refused"
        );
        return Err(team.failed(ends, error));
    }
    let account = account.ok_or(TeamError::LoginRequired)?;
    enter(&team, &headers, &account, now).await
}

/// A login of somebody who has just shown a passkey.
async fn enter(team: &Team, headers: &HeaderMap, account: &Account, now: u64) -> Result<Response, TeamError> {
    let (secret, jti) = log_in(team, headers, account, (now, ""), now).await?;
    team.store.showed_passkey(&jti, now).await?;
    router::audit!(
        "RMV1001I",
        provider = PASSKEYS,
        account = account.id,
        login = jti,
        "Logged in"
    );
    let mut response = StatusCode::NO_CONTENT.into_response();
    let set = cookie::set(team.config.home(), cookie::LOGIN, &secret, LONGEST);
    response.headers_mut().append(header::SET_COOKIE, set);
    Ok(response)
}

/// # Errors
/// This team has no accounts with passkeys alone.
fn accounts(team: &Team) -> Result<std::sync::Arc<crate::passkeys::Passkeys>, TeamError> {
    if team.config.passkeys {
        passkeys::of(team)
    } else {
        Err(TeamError::NoPasskeys)
    }
}
