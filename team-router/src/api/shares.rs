//! Sharing a host for a while: a link that lets others onto it, who came by it, and its end.
//!
//! The link's secret stands in the fragment, which browsers do not send; the page shows it to whoever is logged in.

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode};
use router::api::guard::check_origin;
use router::auth::direct::unix_now;
use router::auth::random_secret;
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};
use signaling_spec::Right;

use super::hosts::decided;
use super::login::{hash, number};
use super::{Caller, Team};
use crate::access::Answer;
use crate::error::TeamError;
use crate::shares::{Kind, LASTS, MOST_USES, Share, USUAL};
use crate::store::{Accepted, Held, Host, NewShare};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    kind: String,
    /// Seconds.
    #[serde(default = "usual")]
    expires_in: u64,
    /// People.
    #[serde(default = "one")]
    uses: u64,
}

const fn usual() -> u64 {
    USUAL
}

const fn one() -> u64 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    secret: String,
}

/// Somebody who is logged in, by our own page.
async fn caller(team: &Team, ends: Ends, headers: &HeaderMap) -> Result<Caller, TeamError> {
    check_origin(&team.edge, headers, false).map_err(|_| TeamError::CrossSite)?;
    team.caller(ends, headers).await
}

fn refused(caller: &Caller, host: &str, error: TeamError) -> TeamError {
    router::audit!(
        "RMV3027W",
        account = caller.account.id,
        host,
        why = error.code(),
        "Share refused"
    );
    error
}

/// Makes a link that lets others onto a host.
pub(super) async fn make(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    let caller = caller(&team, ends, &headers).await?;
    let Json(wanted) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let malformed = |why: &str| TeamError::Malformed(why.to_owned());
    let kind = Kind::parse(&wanted.kind).ok_or_else(|| malformed("a share is for view or control"))?;
    if !LASTS.contains(&wanted.expires_in) {
        return Err(malformed("a share lasts from 15 minutes to 7 days"));
    }
    if !(1..=MOST_USES).contains(&wanted.uses) {
        return Err(malformed("a share is for 1 to 50 people"));
    }
    let now = unix_now();
    let (host, decision) = decided(&team, &caller, &id, now).await?;
    if !decision.share {
        return Err(refused(&caller, &host.id, TeamError::Forbidden));
    }
    let (secret, number, until) = (random_secret(), number("s"), now + wanted.expires_in);
    let share = NewShare {
        id: &number,
        hash: &hash(&secret),
        host: &host.id,
        account: &caller.account.id,
        kind,
        uses: wanted.uses,
        until,
    };
    let (account, most) = (&caller.account.id, team.limits.most.shares_per_account);
    let counted = team
        .may_have(account, Held::Shares, most, TeamError::TooManyShares)
        .await
        .map_err(|error| refused(&caller, &host.id, error))?;
    team.store.add_share(&share, now).await?;
    drop(counted);
    team.access.refresh().await?;
    router::audit!(
        "RMV3026I",
        account = caller.account.id,
        host = host.id,
        share = number,
        kind = kind.name(),
        uses = wanted.uses,
        until,
        "Share made"
    );
    let link = format!("{}share#{secret}", team.config.public_url);
    Ok((
        StatusCode::CREATED,
        Json(json!({ "id": number, "link": link, "until": until })),
    ))
}

/// The shares of a host: one's own, or all for an administrator; and whether the caller may make one.
pub(super) async fn list(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let (policy, now) = (team.access.policy(), unix_now());
    let admin = policy.is_admin(&caller.account, now);
    let may = match team.store.host(&id).await? {
        Some(host) => match policy.answer(&caller.account, &id, &host.labels, now) {
            Answer::May(decision) => decision.share,
            Answer::Locked(_) => false,
        },
        None => false,
    };
    let own = |share: &Share| share.inviter.id == caller.account.id;
    // A host that is not there, or not theirs, has none of theirs: the two cannot be told apart.
    let shown: Vec<Value> = policy
        .shares_on(&id)
        .iter()
        .filter(|share| share.until > now && (admin || own(share)))
        .map(|share| {
            let members = share.members.iter();
            let members = members.map(|member| json!({ "name": member.name, "since": member.since }));
            json!({
                "id": share.id,
                "kind": share.kind.name(),
                "by": share.inviter.name,
                "own": own(share),
                "created": share.created,
                "until": share.until,
                "uses_left": share.uses_left,
                "members": members.collect::<Vec<Value>>(),
            })
        })
        .collect();
    Ok(Json(json!({ "shares": shown, "share": may, "now": now })))
}

/// Ends a share, and with it the sessions that rest on it.
pub(super) async fn end(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, TeamError> {
    let caller = caller(&team, ends, &headers).await?;
    let admin = team.access.policy().is_admin(&caller.account, unix_now());
    let whose = (!admin).then_some(caller.account.id.as_str());
    if !team.store.end_share(&id, whose).await? {
        return Err(refused(&caller, "", TeamError::NotFound("share")));
    }
    team.access.refresh().await?;
    router::audit!("RMV3028I", account = caller.account.id, share = id, "Share ended");
    Ok(StatusCode::NO_CONTENT)
}

/// The share that a link opens for this person, and its host. Their own one is for nobody less than for them.
async fn found(
    team: &Team,
    ends: Ends,
    caller: &Caller,
    hash: &str,
    now: u64,
) -> Result<(Share, Host), TeamError> {
    let unknown = |host: &str| refused(caller, host, TeamError::Share);
    let Some(share) = team.store.share(hash, now).await? else {
        return Err(team.failed(ends, unknown("")));
    };
    let Some(host) = team.store.host(&share.host).await? else {
        return Err(unknown(&share.host));
    };
    let own = share.inviter.id == caller.account.id;
    let place = own || share.uses_left > 0 || share.has(&caller.account.id);
    let policy = team.access.policy();
    // Whoever shared it may have lost the right to; the link says no more of that.
    let gives = policy.gift(&share, &host.labels, now);
    if !place || !gives.is_some_and(|gift| gift.rights.has(Right::View)) {
        return Err(unknown(&share.host));
    }
    if policy.said(&caller.account, &host.labels).denied {
        return Err(refused(caller, &share.host, TeamError::Forbidden));
    }
    match policy.answer(&caller.account, &host.id, &host.labels, now) {
        Answer::May(_) => Ok((share, host)),
        Answer::Locked(reason) => Err(refused(caller, &share.host, TeamError::Locked(reason))),
    }
}

/// What a link is for, to whoever has it and is logged in.
pub(super) async fn look(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<Json<Value>, TeamError> {
    let caller = caller(&team, ends, &headers).await?;
    let Json(Shown { secret }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let (share, host) = found(&team, ends, &caller, &hash(&secret), unix_now()).await?;
    Ok(Json(json!({
        "host": host.name,
        "by": share.inviter.name,
        "kind": share.kind.name(),
        "until": share.until,
    })))
}

/// Makes the caller a member.
pub(super) async fn accept(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Shown>, JsonRejection>,
) -> Result<Json<Value>, TeamError> {
    let caller = caller(&team, ends, &headers).await?;
    let Json(Shown { secret }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    let (hash, now) = (hash(&secret), unix_now());
    let (share, host) = found(&team, ends, &caller, &hash, now).await?;
    if share.inviter.id != caller.account.id {
        match team.store.accept_share(&hash, &caller.account.id, now).await? {
            Accepted::Joined => {
                team.access.refresh().await?;
                router::audit!(
                    "RMV3027I",
                    account = caller.account.id,
                    host = host.id,
                    share = share.id,
                    "Share accepted"
                );
            }
            Accepted::Member => {}
            Accepted::Refused => return Err(refused(&caller, &host.id, TeamError::Share)),
        }
    }
    Ok(Json(json!({ "host": host.id })))
}
