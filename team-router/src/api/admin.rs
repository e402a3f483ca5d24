//! What administrators do: roles, who has them, locks, hosts and enrolment tokens.

use std::collections::BTreeMap;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use router::auth::direct::unix_now;
use router::auth::random_secret;
use serde::Deserialize;
use serde_json::{Value, json};
use signaling_spec::Right;

use super::Team;
use super::callers::Admin;
use super::login::{hash, number};
use crate::error::TeamError;
use crate::roles::{Factor, Labels, Role, check_labels, consents};
use crate::store::{Binding, Held, Lock, LockKind, Subject};

type Answer = Result<Json<Value>, TeamError>;
type Done = Result<StatusCode, TeamError>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// How long an enrolment token waits for its host, in seconds.
pub const ENROLL_LIFE: u64 = 3600;
const MAX_NAME: usize = 64;
/// What a role may want beside the login, from the mildest on.
const FACTORS: [Factor; 3] = [Factor::Off, Factor::StepUp, Factor::Webauthn];

fn taken<T>(body: Body<T>) -> Result<T, TeamError> {
    body.map(|Json(body)| body)
        .map_err(|error| TeamError::Malformed(error.body_text()))
}

/// Names of roles, as they stand in addresses.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_name(name: &str) -> Result<(), String> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(good) {
        Ok(())
    } else {
        Err(format!(
            "a role's name has 1 to {MAX_NAME} lower-case letters, digits and hyphens"
        ))
    }
}

pub(super) async fn roles(_: Admin, State(team): State<Team>) -> Answer {
    let roles: BTreeMap<String, Role> = team.store.roles().await?.into_iter().collect();
    Ok(Json(
        json!({ "roles": roles, "rights": Right::ALL, "factors": FACTORS, "consents": consents() }),
    ))
}

pub(super) async fn set_role(
    Admin(caller): Admin,
    State(team): State<Team>,
    Path(name): Path<String>,
    body: String,
) -> Done {
    check_name(&name).map_err(TeamError::Malformed)?;
    let role = Role::parse(&body).map_err(TeamError::Malformed)?;
    team.store.set_role(&name, &role, unix_now()).await?;
    team.access.refresh().await?;
    router::audit!("RMV6001I", account = caller.account.id, role = name, "Role set");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove_role(
    Admin(caller): Admin,
    State(team): State<Team>,
    Path(name): Path<String>,
) -> Done {
    if !team.store.remove_role(&name).await? {
        return Err(TeamError::NotFound("role"));
    }
    team.access.refresh().await?;
    router::audit!(
        "RMV6002I",
        account = caller.account.id,
        role = name,
        "Role removed"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// A binding as it is written: one of `subject` and `group`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenBinding {
    provider: String,
    subject: Option<String>,
    group: Option<String>,
    role: String,
}

impl WrittenBinding {
    fn read(self) -> Result<Binding, TeamError> {
        let subject = match (self.subject, self.group) {
            (Some(subject), None) => Subject::Account(subject),
            (None, Some(group)) => Subject::Group(group),
            _ => {
                return Err(TeamError::Malformed(
                    "one of `subject` and `group` is named".to_owned(),
                ));
            }
        };
        Ok(Binding {
            provider: self.provider,
            subject,
            role: self.role,
        })
    }
}

fn written(binding: &Binding) -> Value {
    let (kind, value) = match &binding.subject {
        Subject::Account(value) => ("subject", value),
        Subject::Group(value) => ("group", value),
    };
    json!({ "provider": binding.provider, kind: value, "role": binding.role })
}

pub(super) async fn bindings(_: Admin, State(team): State<Team>) -> Answer {
    let bindings: Vec<Value> = team.store.bindings().await?.iter().map(written).collect();
    Ok(Json(json!({ "bindings": bindings })))
}

pub(super) async fn bind(Admin(caller): Admin, State(team): State<Team>, body: Body<WrittenBinding>) -> Done {
    let binding = taken(body)?.read()?;
    if !team
        .store
        .roles()
        .await?
        .iter()
        .any(|(name, _)| *name == binding.role)
    {
        return Err(TeamError::NotFound("role"));
    }
    if !team.knows(&binding.provider) {
        return Err(TeamError::NoProvider);
    }
    team.store.bind_role(&binding).await?;
    team.access.refresh().await?;
    router::audit!("RMV6003I", account = caller.account.id, binding = %written(&binding), "Role given");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn unbind(
    Admin(caller): Admin,
    State(team): State<Team>,
    body: Body<WrittenBinding>,
) -> Done {
    let binding = taken(body)?.read()?;
    if !team.store.unbind_role(&binding).await? {
        return Err(TeamError::NotFound("binding"));
    }
    team.access.refresh().await?;
    router::audit!("RMV6004I", account = caller.account.id, binding = %written(&binding), "Role taken");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLock {
    kind: String,
    target: String,
    reason: String,
    /// Until then, in seconds since 1970; without it until it is lifted.
    expires: Option<u64>,
}

pub(super) async fn locks(_: Admin, State(team): State<Team>) -> Answer {
    let locks = team.store.locks(unix_now()).await?;
    let locks: Vec<Value> = locks
        .iter()
        .map(|lock| {
            json!({ "id": lock.id, "kind": lock.kind.name(), "target": lock.target, "reason": lock.reason, "expires": lock.expires })
        })
        .collect();
    Ok(Json(json!({ "locks": locks })))
}

pub(super) async fn lock(
    Admin(caller): Admin,
    State(team): State<Team>,
    body: Body<WrittenLock>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let wanted = taken(body)?;
    let kind = LockKind::parse(&wanted.kind)
        .ok_or_else(|| TeamError::Malformed("a lock's kind is account, role or host".to_owned()))?;
    let lock = Lock {
        id: number("k"),
        kind,
        target: wanted.target,
        reason: wanted
            .reason
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect(),
        expires: wanted.expires,
    };
    team.store.add_lock(&lock, &caller.account.id, unix_now()).await?;
    team.access.refresh().await?;
    router::audit!(
        "RMV6005I",
        account = caller.account.id,
        lock = lock.id,
        kind = lock.kind.name(),
        target = lock.target,
        "Locked"
    );
    Ok((StatusCode::CREATED, Json(json!({ "id": lock.id }))))
}

pub(super) async fn unlock(Admin(caller): Admin, State(team): State<Team>, Path(id): Path<String>) -> Done {
    if !team.store.lift_lock(&id).await? {
        return Err(TeamError::NotFound("lock"));
    }
    team.access.refresh().await?;
    router::audit!("RMV6006I", account = caller.account.id, lock = id, "Lock lifted");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLabels {
    labels: Labels,
}

/// A token that enrols one host within an hour.
pub(super) async fn make_enroll_token(
    Admin(caller): Admin,
    State(team): State<Team>,
    body: Body<WrittenLabels>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let labels = taken(body)?.labels;
    check_labels(&labels).map_err(TeamError::Malformed)?;
    let (token, prefix) = enroll_token();
    let (now, most) = (unix_now(), team.limits.most.enroll_tokens_per_account);
    let account = &caller.account.id;
    let _counted = team
        .may_have(account, Held::EnrollTokens, most, TeamError::TooManyEnrollTokens)
        .await?;
    team.store
        .add_enroll_token(
            &hash(&token),
            &prefix,
            &labels,
            &caller.account.id,
            now,
            now + ENROLL_LIFE,
        )
        .await?;
    router::audit!(
        "RMV2000I",
        account = caller.account.id,
        token = prefix,
        "Enrolment token made"
    );
    Ok((
        StatusCode::CREATED,
        Json(json!({ "token": token, "expires_in": ENROLL_LIFE })),
    ))
}

/// Those that wait for their host, by their beginnings.
pub(super) async fn enroll_tokens(_: Admin, State(team): State<Team>) -> Answer {
    let tokens: Vec<Value> = team
        .store
        .enroll_tokens(unix_now())
        .await?
        .into_iter()
        .map(|token| {
            json!({ "prefix": token.prefix, "labels": token.labels, "by": token.by, "expires": token.expires })
        })
        .collect();
    Ok(Json(json!({ "tokens": tokens })))
}

pub(super) async fn remove_enroll_token(
    Admin(caller): Admin,
    State(team): State<Team>,
    Path(prefix): Path<String>,
) -> Done {
    if !team.store.remove_enroll_token(&prefix).await? {
        return Err(TeamError::NotFound("token"));
    }
    router::audit!(
        "RMV2011I",
        account = caller.account.id,
        token = prefix,
        "Enrolment token taken back"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// A new token, and the part of it that may stand in a log.
pub fn enroll_token() -> (String, String) {
    let secret = random_secret();
    let (prefix, _) = secret.split_at(6);
    (format!("rmve_{secret}"), prefix.to_owned())
}

pub(super) async fn set_labels(
    Admin(caller): Admin,
    State(team): State<Team>,
    Path(id): Path<String>,
    body: Body<WrittenLabels>,
) -> Done {
    let labels = taken(body)?.labels;
    check_labels(&labels).map_err(TeamError::Malformed)?;
    if !team.store.set_labels(&id, &labels).await? {
        return Err(TeamError::NotFound("host"));
    }
    team.access.refresh().await?;
    router::audit!("RMV2009I", account = caller.account.id, host = id, "Labels set");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove_host(
    Admin(caller): Admin,
    State(team): State<Team>,
    Path(id): Path<String>,
) -> Done {
    if !team.store.remove_host(&id).await? {
        return Err(TeamError::NotFound("host"));
    }
    team.access.refresh().await?;
    router::audit!("RMV2010I", account = caller.account.id, host = id, "Host removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn accounts(_: Admin, State(team): State<Team>) -> Answer {
    let accounts: Vec<Value> = team
        .store
        .accounts()
        .await?
        .into_iter()
        .map(|(account, last_login)| {
            json!({
                "id": account.id, "provider": account.provider, "subject": account.subject, "name": account.name,
                "email": account.email, "groups": account.groups, "last_login": last_login,
            })
        })
        .collect();
    Ok(Json(json!({ "accounts": accounts })))
}
