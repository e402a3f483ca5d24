//! What administrators do: roles, who has them, locks, hosts, enrolment tokens, and reading the audit log.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use router::auth::direct::unix_now;
use router::auth::random_secret;
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Team;
use super::login::{hash, number};
use crate::error::TeamError;
use crate::roles::{Labels, Role, check_labels};
use crate::store::{Binding, Lock, LockKind, Subject};

type Answer = Result<Json<Value>, TeamError>;
type Done = Result<StatusCode, TeamError>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// How long an enrolment token waits for its host, in seconds.
pub const ENROLL_LIFE: u64 = 3600;
const MAX_NAME: usize = 64;

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

pub(super) async fn roles(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Answer {
    team.admin(ends, &headers).await?;
    let roles: BTreeMap<String, Role> = team.store.roles().await?.into_iter().collect();
    Ok(Json(json!({ "roles": roles })))
}

pub(super) async fn set_role(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
    check_name(&name).map_err(TeamError::Malformed)?;
    let role = Role::parse(&body).map_err(TeamError::Malformed)?;
    team.store.set_role(&name, &role, unix_now()).await?;
    team.access.refresh().await?;
    router::audit!("RMV6001I", account = caller.account.id, role = name, "Role set");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove_role(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
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

pub(super) async fn bindings(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Answer {
    team.admin(ends, &headers).await?;
    let bindings: Vec<Value> = team.store.bindings().await?.iter().map(written).collect();
    Ok(Json(json!({ "bindings": bindings })))
}

pub(super) async fn bind(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Body<WrittenBinding>,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
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
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Body<WrittenBinding>,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
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

pub(super) async fn locks(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Answer {
    team.admin(ends, &headers).await?;
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
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Body<WrittenLock>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let caller = team.admin(ends, &headers).await?;
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

pub(super) async fn unlock(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
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
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Body<WrittenLabels>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let caller = team.admin(ends, &headers).await?;
    let labels = taken(body)?.labels;
    check_labels(&labels).map_err(TeamError::Malformed)?;
    let (token, prefix) = enroll_token();
    let now = unix_now();
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

/// A new token, and the part of it that may stand in a log.
pub fn enroll_token() -> (String, String) {
    let secret = random_secret();
    let (prefix, _) = secret.split_at(6);
    (format!("rmve_{secret}"), prefix.to_owned())
}

pub(super) async fn set_labels(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<WrittenLabels>,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
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
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Done {
    let caller = team.admin(ends, &headers).await?;
    if !team.store.remove_host(&id).await? {
        return Err(TeamError::NotFound("host"));
    }
    team.access.refresh().await?;
    router::audit!("RMV2010I", account = caller.account.id, host = id, "Host removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn accounts(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Answer {
    team.admin(ends, &headers).await?;
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    #[serde(default)]
    after: u64,
}

/// Rows of the audit log, 500 at a time.
pub(super) async fn audit(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Answer {
    let caller = team.admin(ends, &headers).await?;
    let rows = team.store.audit_after(part.after, 500).await?;
    router::audit!(
        "RMV6007I",
        account = caller.account.id,
        after = part.after,
        "Audit log read"
    );
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|row| json!({ "seq": row.seq, "at": row.at, "code": row.code, "text": row.text, "hash": row.hash }))
        .collect();
    Ok(Json(json!({ "rows": rows })))
}
