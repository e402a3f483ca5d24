//! The calls of a team's router, beside those that every router has.

mod admin;
mod approve;
mod audit;
mod callers;
mod cookie;
mod enroll;
mod hosts;
mod invites;
mod login;
mod logout;
mod metrics;
mod passkeys;
mod rotate;
mod shares;
mod told;
mod trusted;
mod uplink;
mod wake;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use router::api::guard::text;
use router::api::{Edge, Refused, Routes, assets};
use router::auth::direct::unix_now;
use router::auth::signed::Signer;
use router::bus::Directory;
use router::net::{Ends, place};
use router::tls::Certificate;

pub use admin::{ENROLL_LIFE, check_name as check_role_name, enroll_token};
pub use invites::{INVITE_LIFE, check_person, invite_link};
pub use login::hash as token_hash;

use crate::access::Access;
use crate::audit::Sinks;
use crate::config::Config;
use crate::error::TeamError;
use crate::frames::Frames;
use crate::limits::Limits;
use crate::login::Waiting;
use crate::login::oidc::OpenId;
use crate::passkeys::{PASSKEYS, Passkeys};
use crate::store::{Account, Held, Store};
use crate::turn::Turn;
use crate::wishes::Wishes;

/// What every handler may use.
#[derive(Clone, Debug)]
pub struct Team {
    pub edge: Edge,
    pub config: Arc<Config>,
    /// Set when the router is about to stop.
    pub stopping: Arc<AtomicBool>,
    pub store: Store,
    pub access: Arc<Access>,
    pub providers: Arc<Vec<OpenId>>,
    pub directory: Arc<dyn Directory>,
    /// Signs what hosts are to believe.
    pub grants: Signer,
    /// Its public half, in base64url.
    pub grants_public: String,
    pub turn: Option<Arc<Turn>>,
    /// What browsers and hosts see of us; `None`: the proxy in front has one.
    pub certificate: Option<Arc<Certificate>>,
    /// SHA-256 of the token that opens the figures, if anybody may see them.
    pub metrics_token: Option<[u8; 32]>,
    pub frames: Arc<Frames>,
    pub waiting: Arc<Waiting>,
    /// `None`: the site has no name that passkeys could belong to.
    pub passkeys: Option<Arc<Passkeys>>,
    pub seen: Arc<Seen>,
    pub limits: Arc<Limits>,
    /// Hosts that ask to be enrolled.
    pub wishes: Arc<Wishes>,
    /// Where the audit log goes beside the database.
    pub sinks: Sinks,
}

/// Names of proofs that were shown, until they are too old anyway.
#[derive(Debug, Default)]
pub struct Seen(Mutex<BTreeMap<String, u64>>);

/// More within a minute is an attack on our memory.
const SEEN: usize = 200_000;

impl Seen {
    /// Whether this is the first time.
    fn first(&self, name: &str, forget: u64, now: u64) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN {
            seen.retain(|_, forget| *forget > now);
        }
        seen.len() < SEEN
            && seen
                .insert(name.to_owned(), forget)
                .is_none_or(|until| until <= now)
    }
}

impl IntoResponse for TeamError {
    fn into_response(self) -> Response {
        if self.status() >= 500 {
            let mut source = std::error::Error::source(&self);
            let mut words = self.to_string();
            while let Some(cause) = source {
                words = format!("{words}: {cause}");
                source = cause.source();
            }
            tracing::error!(error = words, "A call failed");
        }
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::json!({ "code": self.code(), "message": self.to_string() });
        let mut response = (status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Refused(self.code().to_owned()));
        response
    }
}

/// The calls of this router.
pub fn routes(team: Team) -> Routes {
    axum::Router::new()
        .route("/", get(start_page))
        .route("/invite", get(start_page))
        .route("/share", get(start_page))
        .route("/desktop", get(desktop_page))
        .route("/admin", get(start_page))
        .route("/audit", get(start_page))
        .route("/approve", get(start_page))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::show))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/auth/login", get(login::begin))
        .route("/auth/step-up", get(login::step_up))
        .route("/auth/callback/{provider}", get(login::callback))
        .route("/auth/logout", post(logout::logout))
        .route("/auth/backchannel/{provider}", post(logout::told))
        .route("/auth/header", get(trusted::enter))
        .route("/auth/passkey/begin", post(invites::ask))
        .route("/auth/passkey", post(invites::enter_by_passkey))
        .route("/api/v1/providers", get(login::providers))
        .route("/api/v1/token", post(login::token))
        .route("/api/v1/invites", post(invites::invite))
        .route("/api/v1/invites/look", post(invites::look))
        .route("/api/v1/invites/begin", post(invites::begin))
        .route("/api/v1/invites/finish", post(invites::finish))
        .route("/api/v1/invites/accept", post(invites::accept))
        .route("/api/v1/hosts", get(hosts::list))
        .route("/api/v1/hosts/{id}/sessions", post(hosts::join))
        .route("/api/v1/hosts/{id}/wake", post(wake::wake))
        .route("/api/v1/hosts/{id}/shares", get(shares::list).post(shares::make))
        .route("/api/v1/shares/{id}", delete(shares::end))
        .route("/api/v1/shares/look", post(shares::look))
        .route("/api/v1/shares/accept", post(shares::accept))
        .route("/api/v1/hosts/{id}/passkey", post(passkeys::for_session))
        .route("/api/v1/passkeys", get(passkeys::list).post(passkeys::registered))
        .route("/api/v1/passkeys/register", post(passkeys::register))
        .route("/api/v1/passkeys/confirm", post(passkeys::confirm))
        .route("/api/v1/passkeys/confirmed", post(passkeys::confirmed))
        .route(
            "/api/v1/passkeys/{id}",
            put(passkeys::rename).delete(passkeys::remove),
        )
        .route("/api/v1/hosts/{id}", delete(admin::remove_host))
        .route("/api/v1/hosts/{id}/labels", put(admin::set_labels))
        .route("/api/v1/host", get(uplink::upgrade))
        .route("/api/v1/host/rotate", post(rotate::rotate))
        .route("/api/v1/enroll", post(enroll::enroll))
        .route("/api/v1/enroll/ask", post(approve::ask))
        .route("/api/v1/enroll/look", post(approve::look))
        .route("/api/v1/enroll/approve", post(approve::approve))
        .route("/api/v1/enroll/refuse", post(approve::refuse))
        .route(
            "/api/v1/enroll-tokens",
            get(admin::enroll_tokens).post(admin::make_enroll_token),
        )
        .route(
            "/api/v1/enroll-tokens/{prefix}",
            delete(admin::remove_enroll_token),
        )
        .route("/api/v1/roles", get(admin::roles))
        .route(
            "/api/v1/roles/{name}",
            put(admin::set_role).delete(admin::remove_role),
        )
        .route(
            "/api/v1/bindings",
            get(admin::bindings).post(admin::bind).delete(admin::unbind),
        )
        .route("/api/v1/locks", get(admin::locks).post(admin::lock))
        .route("/api/v1/locks/{id}", delete(admin::unlock))
        .route("/api/v1/accounts", get(admin::accounts))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/audit/export", get(audit::export))
        .route("/api/v1/audit/sinks", get(audit::sinks))
        .layer(axum::middleware::from_fn_with_state(team.clone(), in_measure))
        .with_state(team)
}

/// How fast one address may call. Pages are files, and a host's socket has proofs and limits of its own: thousands of hosts
/// of one site may come back at once.
async fn in_measure(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let counts = (path.starts_with("/api/") || path.starts_with("/auth/")) && path != "/api/v1/host";
    if counts && let Err(error) = team.limits.address(ends.peer.ip(), Instant::now()) {
        return error.into_response();
    }
    next.run(request).await
}

/// This very list, for programs (OpenAPI 3.1).
async fn openapi() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        include_str!("../openapi.json"),
    )
}

async fn start_page(State(team): State<Team>, headers: HeaderMap) -> Response {
    assets::page(&team.edge, &headers, "team.html")
}

async fn desktop_page(State(team): State<Team>, headers: HeaderMap) -> Response {
    assets::page(&team.edge, &headers, "index.html")
}

/// Whether this router can let anybody in.
async fn ready(State(team): State<Team>) -> Result<&'static str, TeamError> {
    if team.stopping.load(Ordering::Relaxed) {
        return Err(TeamError::Stopping);
    }
    team.store.ping().await?;
    // Which one it is and why, the log says; anybody may read this.
    if !team.access.is_audited() {
        return Ok("ready, but the audit log cannot be written");
    }
    let failing = team.sinks.0.iter().any(|sink| sink.trouble().is_some());
    Ok(if failing {
        "ready, but an audit sink takes nothing"
    } else {
        "ready"
    })
}

impl Team {
    /// Whose call it is, by the bearer token that the page got for its cookie. The login must still be in force.
    async fn caller(&self, ends: Ends, headers: &HeaderMap) -> Result<Caller, TeamError> {
        self.may_try(ends)?;
        let token = match text(headers, header::AUTHORIZATION).split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => return Err(self.failed(ends, TeamError::LoginRequired)),
        };
        let now = unix_now();
        let claims = self.access.tokens().verify(token, now).map_err(|error| {
            router::audit!("RMV1004W", why = %error, "Token refused");
            // Its time is over with every tab that slept: no attempt to get in.
            if error.is_of_a_signed_token() {
                TeamError::LoginRequired
            } else {
                self.failed(ends, TeamError::LoginRequired)
            }
        })?;
        let account = self
            .store
            .account_of(&claims.sub, &claims.jti.0, now)
            .await?
            .ok_or(TeamError::LoginRequired)?;
        self.limits.account(&account.id, Instant::now())?;
        Ok(Caller {
            account,
            login: claims.jti.0,
        })
    }

    /// Whether accounts can come from there.
    fn knows(&self, provider: &str) -> bool {
        self.providers.iter().any(|known| known.id() == provider)
            || self.config.passkeys && provider == PASSKEYS
            || self.config.trusted_header.is_some() && provider == trusted::HEADER
    }

    async fn admin(&self, ends: Ends, headers: &HeaderMap) -> Result<Caller, TeamError> {
        let caller = self.caller(ends, headers).await?;
        if self.access.policy().is_admin(&caller.account, unix_now()) {
            Ok(caller)
        } else {
            router::audit!("RMV6009W", account = caller.account.id, "Administration refused");
            Err(TeamError::Forbidden)
        }
    }

    /// Whether this account may have one more; while the result lives, nothing else of theirs is counted.
    async fn may_have(
        &self,
        account: &str,
        kind: Held,
        most: u64,
        too_many: fn(u64) -> TeamError,
    ) -> Result<impl Sized + '_, TeamError> {
        let counting = self.limits.counting(account).await;
        if self.store.held(account, kind, unix_now()).await? >= most {
            router::audit!("RMV7008W", account, of = kind.name(), "Too many of a kind");
            return Err(too_many(most));
        }
        Ok(counting)
    }

    fn may_try(&self, ends: Ends) -> Result<(), TeamError> {
        if self.edge.failures.may_try(ends.peer.ip(), Instant::now()) {
            return Ok(());
        }
        if self
            .limits
            .is_news(format!("failures {}", place(ends.peer.ip())), Instant::now())
        {
            router::audit!("RMV7001W", "Too many failed attempts from one address");
        }
        Err(TeamError::TooMany)
    }

    /// Counts a failed attempt to get in.
    fn failed(&self, ends: Ends, error: TeamError) -> TeamError {
        self.edge.failures.count(ends.peer.ip(), Instant::now());
        error
    }
}

/// Somebody who is logged in.
struct Caller {
    account: Account,
    /// Their login's name.
    login: String,
}
