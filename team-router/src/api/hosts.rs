//! The hosts that somebody may use, and joining one.

use std::collections::BTreeSet;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode};
use router::api::guard::{check_nonce, check_origin};
use router::auth::direct::unix_now;
use router::broker::{Grant, Seat, new_sid};
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};
use session_core::grants::thumbprint;
use signaling_spec::api::{SessionCreate, SessionCreated};
use signaling_spec::claims::{AccessClaims, Confirmation, GRANT_TYPE, GrantClaims};
use signaling_spec::{HostId, IceServer, Object, Right, SessionId, TokenId};

use super::login::number;
use super::passkeys::{self, Answered, FRESH};
use super::wake::{is_online, networks};
use super::{Caller, Team};
use crate::access::{Answer, Opened, PENDING, Policy};
use crate::error::TeamError;
use crate::passkeys::{PASSKEYS, Purpose};
use crate::roles::{Decision, Factor};
use crate::store::{Host, Session};
use crate::turn::Side;

/// How long a grant waits for its use, in seconds: a ticket's life, and the way to the host.
const GRANT_LIFE: u64 = 60;
/// Seconds that a session lasts without a word from the router.
pub(super) const LEASE: u32 = 180;

/// Whoever may see a host sees it here, with what they may do on it.
pub(super) async fn list(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Json<Value>, TeamError> {
    let caller = team.caller(ends, &headers).await?;
    let (policy, now) = (team.access.policy(), unix_now());
    let live = team.store.live_sessions(None, now).await?;
    let accounts = team.store.accounts().await?;
    let name_of = |id: &str| {
        let found = accounts.iter().find(|(account, _)| account.id == id);
        found.map_or_else(String::new, |(account, _)| account.name.clone())
    };
    let admin = policy.is_admin(&caller.account, now);
    let hosts = team.store.hosts().await?;
    let awake: BTreeSet<_> = hosts
        .iter()
        .filter(|host| is_online(&team, host))
        .flat_map(networks)
        .collect();
    let shown: Vec<Value> = hosts
        .iter()
        .filter_map(|host| {
            // A lock is shown to whoever could use the host without it.
            let decision = policy.without_locks(&caller.account, &host.id, &host.labels, now);
            let Decision { rights, factor, .. } = decision;
            let (shared_by, shared_until) = shared(&policy, &caller, host, now).unzip();
            let locked = match policy.answer(&caller.account, &host.id, &host.labels, now) {
                Answer::May(_) => None,
                Answer::Locked(reason) => Some(reason),
            };
            if !rights.has(Right::View) && !admin {
                return None;
            }
            let online = is_online(&team, host);
            let wakes = !online && networks(host).iter().any(|net| awake.contains(net));
            let viewers: Vec<String> = live
                .iter()
                .filter(|session| session.host == host.id)
                .map(|session| name_of(&session.account))
                .collect();
            Some(json!({
                "id": host.id,
                "name": host.name,
                "labels": host.labels,
                "version": host.version,
                "online": online,
                "last_seen": host.last_seen,
                "wakes": wakes,
                "viewers": viewers,
                "rights": rights,
                "factor": factor.name(),
                "locked": locked,
                "share": decision.share,
                "shared_by": shared_by,
                "shared_until": shared_until,
            }))
        })
        .collect();
    Ok(Json(json!({ "hosts": shown, "now": now })))
}

/// Who shows this host to somebody whose own roles do not, and until when.
fn shared(policy: &Policy, caller: &Caller, host: &Host, now: u64) -> Option<(String, u64)> {
    let said = policy.said(&caller.account, &host.labels);
    if said.denied || said.given.has(Right::View) {
        return None;
    }
    policy
        .shares_on(&host.id)
        .iter()
        .filter(|share| share.has(&caller.account.id))
        .filter_map(|share| policy.gift(share, &host.labels, now))
        .filter(|gift| gift.rights.has(Right::View))
        .max_by_key(|gift| gift.until)
        .map(|gift| (gift.by.to_owned(), gift.until))
}

/// What a page asks for a seat with: as in direct mode, and with the answer of a passkey where the host wants one.
pub(super) struct Joining {
    create: SessionCreate,
    passkey: Option<Answered>,
}

impl<'de> Deserialize<'de> for Joining {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            #[serde(flatten)]
            create: SessionCreate,
            passkey: Option<Answered>,
        }
        let Object(Written { create, passkey }) = Object::deserialize(from)?;
        Ok(Self { create, passkey })
    }
}

/// `POST /api/v1/hosts/{id}/sessions`: a seat at that host, and the ticket that takes it.
pub(super) async fn join(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Joining>, JsonRejection>,
) -> Result<(StatusCode, Json<SessionCreated>), TeamError> {
    check_origin(&team.edge, &headers, false).map_err(|_| TeamError::CrossSite)?;
    let caller = team.caller(ends, &headers).await?;
    let Json(Joining { create, passkey }) = body.map_err(|error| TeamError::Malformed(error.body_text()))?;
    check_nonce(&create.viewer_nonce).map_err(|error| TeamError::Malformed(error.to_string()))?;
    let now = unix_now();
    team.limits.join(&caller.account.id, Instant::now())?;
    let (host, decision) = decided(&team, &caller, &id, now).await?;
    let audited = decision.audited;
    if audited && !team.access.is_audited() {
        let (account, host) = (&caller.account.id, &host.id);
        router::audit!(
            "RMV3002W",
            account,
            host,
            why = "audit_unwritten",
            "Session refused"
        );
        return Err(TeamError::Unwritten);
    }
    let (factor, mfa_at) = factor(
        &team,
        &caller,
        &host,
        &decision,
        create.resume.as_ref(),
        passkey,
        now,
    )
    .await?;
    let host_pub = team
        .store
        .active_key(&host.id)
        .await?
        .ok_or(TeamError::NotFound("host"))?;
    let key_chain = team.store.key_chain(&host.id).await?;
    if team.directory.node_of(&HostId(host.id.clone())).is_none() {
        return Err(TeamError::HostOffline);
    }
    let counted = one_more(&team, &caller.account.id, create.resume.as_ref()).await?;
    let seat = seat(&team, &caller, &host, decision, (create, mfa_at), now)?;
    let session = Session {
        id: seat.sid.0.clone(),
        host: host.id.clone(),
        account: caller.account.id.clone(),
        holder: caller.login.clone(),
        rights: seat.claims.rights.canonical(),
        created: now,
        // Its real end is written when the host has accepted it.
        until: now + PENDING,
        factor: factor.name().to_owned(),
        mfa_at,
    };
    team.store.add_session(&session).await?;
    let opened = Opened {
        account: &caller.account.id,
        host: &host.id,
        holder: &caller.login,
        rights: &seat.claims.rights,
        now,
        until: seat.claims.exp,
        factor,
        audited,
    };
    team.access.began(seat.sid.clone(), opened);
    drop(counted);
    let sid = seat.sid.clone();
    let ticket = team
        .edge
        .broker
        .admit(seat)
        .await
        .map_err(|_| TeamError::Stopping)?;
    let created = SessionCreated {
        ticket,
        ice_servers: ice_servers(&team, &sid, Side::Viewer, now),
        relay_only: relay_only(&team).then_some(true),
        sid,
        host_id: HostId(host.id),
        host_name: host.name,
        host_pub,
        key_chain,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Whether this account may have another session; nobody counts its sessions while the result lives.
async fn one_more<'a>(
    team: &'a Team,
    account: &str,
    resume: Option<&SessionId>,
) -> Result<impl Sized + 'a, TeamError> {
    let counting = team.limits.counting(account).await;
    // A host that is away would keep its sessions for hours.
    let online = |host: &str| team.directory.node_of(&HostId(host.to_owned())).is_some();
    let most = team.limits.most.sessions_per_account;
    // Whoever comes back to a session has it twice until its host notices.
    if team.access.sessions_of(account, online) >= most + u64::from(resume.is_some()) {
        router::audit!("RMV7008W", account, of = "sessions", "Too many of a kind");
        return Err(TeamError::TooManySessions(most));
    }
    Ok(counting)
}

/// Every STUN server, and the TURN servers with credentials for one side of one session.
fn ice_servers(team: &Team, sid: &SessionId, side: Side, now: u64) -> Vec<IceServer> {
    let mut servers = team.config.ice_servers.clone();
    servers.extend(team.turn.as_ref().map(|turn| turn.server(sid, side, now)));
    servers
}

fn relay_only(team: &Team) -> bool {
    team.turn.as_ref().is_some_and(|turn| turn.relay_only)
}

/// What is given for this session beside the login, and when something last was (0: never); all that is wanted, or a refusal that says what is.
async fn factor(
    team: &Team,
    caller: &Caller,
    host: &Host,
    decision: &Decision,
    resume: Option<&SessionId>,
    passkey: Option<Answered>,
    now: u64,
) -> Result<(Factor, u64), TeamError> {
    let login = &caller.login;
    let given = match resume {
        Some(sid) => team.store.given_for(&sid.0, &host.id, login, now).await?,
        None => None,
    };
    let (given, given_at) = given.unwrap_or_default();
    let given = Factor::parse(&given).unwrap_or_default();
    let proofs = team.store.proofs(login).await?;
    let last = given_at.max(proofs.step_up_at).max(proofs.passkey_at);
    if given >= decision.factor && passkey.is_none() {
        return Ok((given, last));
    }
    if let Some(answered) = passkey {
        let purpose = Purpose::Session {
            login: login.clone(),
            host: host.id.clone(),
        };
        passkeys::check(team, caller, &purpose, &answered, now).await?;
        return Ok((Factor::Webauthn, now));
    }
    let fresh = |at: u64| at + FRESH > now;
    let stepped = fresh(proofs.step_up_at) || fresh(proofs.passkey_at);
    // Who has no provider has nothing but passkeys.
    let by_passkey = caller.account.provider == PASSKEYS || decision.factor == Factor::Webauthn;
    let wanted = match (by_passkey, stepped) {
        (_, true) if decision.factor == Factor::StepUp => return Ok((Factor::StepUp, last)),
        (false, _) => TeamError::StepUp,
        (true, _) => passkeys::wanted(team, caller).await?,
    };
    router::audit!(
        "RMV3002W",
        account = caller.account.id,
        host = host.id,
        why = wanted.code(),
        "Session refused"
    );
    Err(wanted)
}

/// The host and what the caller may do there. A host that is not for them is no host.
pub(super) async fn decided(
    team: &Team,
    caller: &Caller,
    id: &str,
    now: u64,
) -> Result<(Host, Decision), TeamError> {
    let host = team.store.host(id).await?;
    let refused = |why: &str| {
        router::audit!(
            "RMV3002W",
            account = caller.account.id,
            host = id,
            why,
            "Session refused"
        );
    };
    let Some(host) = host else {
        refused("no such host");
        return Err(TeamError::NotFound("host"));
    };
    match team
        .access
        .policy()
        .answer(&caller.account, &host.id, &host.labels, now)
    {
        Answer::May(decision) if decision.rights.has(Right::View) => Ok((host, decision)),
        Answer::May(_) => {
            refused("no role");
            Err(TeamError::NotFound("host"))
        }
        Answer::Locked(reason) => {
            refused("locked");
            Err(TeamError::Locked(reason))
        }
    }
}

fn seat(
    team: &Team,
    caller: &Caller,
    host: &Host,
    decision: Decision,
    (create, mfa_at): (SessionCreate, u64),
    now: u64,
) -> Result<Seat, TeamError> {
    let sid = new_sid();
    let until = now.saturating_add(decision.max_session);
    let until = decision.until.map_or(until, |share| share.min(until));
    let holder = TokenId(caller.login.clone());
    let claims = GrantClaims {
        iss: team.grants.kid().to_owned(),
        aud: host.id.clone(),
        sub: caller.account.name.clone(),
        jti: TokenId(number("g")),
        iat: now,
        nbf: now,
        exp: now + GRANT_LIFE,
        sid: sid.clone(),
        cnf: Confirmation {
            x5t_s256: thumbprint(&create.viewer_fp),
        },
        viewer_nonce: create.viewer_nonce.clone(),
        rights: decision.rights.clone(),
        holder: holder.clone(),
        lease: LEASE,
        until,
        consent: decision.consent,
        mfa_at: Some(mfa_at).filter(|at| *at > 0),
    };
    let token = team
        .grants
        .sign(GRANT_TYPE, &claims)
        .map_err(|error| TeamError::Internal(error.into()))?;
    Ok(Seat {
        ice_servers: ice_servers(team, &sid, Side::Host, now),
        relay_only: relay_only(team),
        sid,
        host: HostId(host.id.clone()),
        claims: AccessClaims {
            iss: team.config.public_url.clone(),
            aud: host.id.clone(),
            sub: caller.account.name.clone(),
            jti: holder,
            iat: now,
            nbf: now,
            exp: until,
            rights: decision.rights,
        },
        viewer_fp: create.viewer_fp,
        viewer_nonce: create.viewer_nonce,
        resume: create.resume,
        grant: Some(Grant { token, lease: LEASE }),
    })
}
