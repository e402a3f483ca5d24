//! Logging in and out, and the short token that a logged-in page calls with.

use std::time::Instant;

use axum::Extension;
use axum::extract::{Json, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use router::api::guard::{check_origin, text};
use router::auth::direct::unix_now;
use router::auth::{random_secret, sha256};
use router::net::Ends;
use serde::Deserialize;
use serde_json::{Value, json};
use signaling_spec::claims::AccessClaims;
use signaling_spec::{Rights, TokenId};

use super::{Team, cookie};
use crate::error::TeamError;
use crate::login::{IDLE, LONGEST, own_path};
use crate::store::Person;

/// How long a page's token lives, in seconds.
const TOKEN_LIFE: u64 = 300;
/// How long the cookie of a login that is under way lives, in seconds.
const BEGUN_LIFE: u64 = 600;

/// With whom one can log in; anybody may know.
pub(super) async fn providers(State(team): State<Team>) -> Json<Value> {
    let providers: Vec<Value> = team
        .providers
        .iter()
        .map(|provider| json!({ "id": provider.id(), "name": provider.name() }))
        .collect();
    Json(json!({ "providers": providers }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    provider: String,
    #[serde(default)]
    to: String,
}

/// Sends the browser to its provider.
pub(super) async fn begin(State(team): State<Team>, Query(begin): Query<Begin>) -> Response {
    match begin_at(&team, &begin).await {
        Ok(response) => response,
        Err(error) => back(&team, &error),
    }
}

async fn begin_at(team: &Team, begin: &Begin) -> Result<Response, TeamError> {
    let provider = team
        .providers
        .iter()
        .find(|provider| provider.id() == begin.provider)
        .ok_or(TeamError::NoProvider)?;
    let begun = provider.begin().await.inspect_err(|error| {
        tracing::warn!(provider = provider.id(), %error, "A login could not be begun");
    })?;
    let browser = random_secret();
    let to = own_path(team.config.home(), &begin.to);
    team.waiting.put(
        &begun.state,
        &browser,
        provider.id(),
        begun.secrets,
        to,
        Instant::now(),
    );
    let mut response = go(&begun.url);
    let fields = response.headers_mut();
    fields.append(
        header::SET_COOKIE,
        cookie::set(team.config.home(), cookie::BEGUN, &browser, BEGUN_LIFE),
    );
    Ok(response)
}

/// What a provider sends back (RFC 6749 §4.1.2, RFC 9207). Whatever else it adds is ignored.
#[derive(Deserialize)]
pub(super) struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

pub(super) async fn callback(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(provider): Path<String>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Response {
    match finish(&team, ends, &provider, callback, &headers).await {
        Ok(response) => response,
        Err(error) => {
            let code = error.code();
            let mut why = error.to_string();
            if let TeamError::Login(cause) = &error {
                why = cause.to_string();
                if let Some(source) = std::error::Error::source(cause) {
                    why = format!("{why}: {source}");
                }
            }
            router::audit!("RMV1001W", provider, code, why, "Login refused");
            back(&team, &team.failed(ends, error))
        }
    }
}

async fn finish(
    team: &Team,
    ends: Ends,
    provider: &str,
    callback: Callback,
    headers: &HeaderMap,
) -> Result<Response, TeamError> {
    team.may_try(ends)?;
    let browser = cookie::read(team.config.home(), headers, cookie::BEGUN).ok_or(TeamError::StaleLogin)?;
    let state = callback.state.ok_or(TeamError::StaleLogin)?;
    let under_way = team
        .waiting
        .take(&state, &browser, Instant::now())
        .filter(|under_way| under_way.provider == provider)
        .ok_or(TeamError::StaleLogin)?;
    if let Some(error) = callback.error {
        let word: String = error.chars().filter(char::is_ascii_graphic).take(64).collect();
        return Err(TeamError::Declined(word));
    }
    let code = callback.code.ok_or(TeamError::StaleLogin)?;
    let provider = team
        .providers
        .iter()
        .find(|known| known.id() == provider)
        .ok_or(TeamError::NoProvider)?;
    let known = provider
        .finish(&code, callback.iss.as_deref(), under_way.asked)
        .await?;
    let now = unix_now();
    let person = Person {
        provider: provider.id(),
        subject: &known.subject,
        name: &known.name,
        email: &known.email,
        groups: &known.groups,
    };
    let account = team.store.greet(&person, &number("u"), now).await?;
    let (secret, jti) = (random_secret(), number("l"));
    let auth_time = known.auth_time.unwrap_or(now).min(now);
    team.store
        .add_login(&hash(&secret), &account.id, &jti, auth_time, now, now + IDLE)
        .await?;
    // An older login of this browser ends with the new one, and what came of groups that changed is judged anew.
    if let Some(old) = cookie::read(team.config.home(), headers, cookie::LOGIN) {
        team.store.end_login(&hash(&old)).await?;
    }
    team.store.policy_changed().await?;
    router::audit!(
        "RMV1001I",
        provider = provider.id(),
        account = account.id,
        login = jti,
        "Logged in"
    );
    let mut response = go(&under_way.to);
    let fields = response.headers_mut();
    fields.append(
        header::SET_COOKIE,
        cookie::set(team.config.home(), cookie::BEGUN, "", 0),
    );
    fields.append(
        header::SET_COOKIE,
        cookie::set(team.config.home(), cookie::LOGIN, &secret, LONGEST),
    );
    Ok(response)
}

/// Ends the browser's login, and the sessions that it opened.
pub(super) async fn logout(State(team): State<Team>, headers: HeaderMap) -> Result<Response, TeamError> {
    own_page(&team, &headers)?;
    if let Some(secret) = cookie::read(team.config.home(), &headers, cookie::LOGIN)
        && team.store.end_login(&hash(&secret)).await?
    {
        router::audit!("RMV1002I", "Logged out");
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let taken = cookie::set(team.config.home(), cookie::LOGIN, "", 0);
    response.headers_mut().append(header::SET_COOKIE, taken);
    Ok(response)
}

/// A page's token: who it is, and for five minutes. What they may do is judged at every call.
pub(super) async fn token(State(team): State<Team>, headers: HeaderMap) -> Result<Json<Value>, TeamError> {
    own_page(&team, &headers)?;
    let secret = cookie::read(team.config.home(), &headers, cookie::LOGIN).ok_or(TeamError::LoginRequired)?;
    let (hash, now) = (hash(&secret), unix_now());
    let login = team
        .store
        .login(&hash, now)
        .await?
        .ok_or(TeamError::LoginRequired)?;
    team.store
        .touch_login(&hash, now, (now + IDLE).min(login.created + LONGEST))
        .await?;
    let claims = AccessClaims {
        iss: team.config.public_url.clone(),
        aud: team.config.public_url.clone(),
        sub: login.account.id.clone(),
        jti: TokenId(login.jti),
        iat: now,
        nbf: now,
        exp: now + TOKEN_LIFE,
        rights: Rights::default(),
    };
    let token = team
        .access
        .tokens()
        .mint(&claims)
        .map_err(|error| TeamError::Internal(error.into()))?;
    let policy = team.access.policy();
    let admin = policy.is_admin(&login.account, now);
    router::audit!(
        "RMV1003I",
        account = login.account.id,
        login = claims.jti.0,
        "Page token made"
    );
    Ok(Json(json!({
        "token": token,
        "expires_in": TOKEN_LIFE,
        "account": { "id": login.account.id, "name": login.account.name, "email": login.account.email },
        "admin": admin,
        "audit": policy.may_audit(&login.account, now),
    })))
}

/// Calls that a cookie alone permits come from our own page: a browser says so itself (Fetch Metadata), and names the
/// page's origin.
fn own_page(team: &Team, headers: &HeaderMap) -> Result<(), TeamError> {
    let site = text(headers, HeaderName::from_static("sec-fetch-site"));
    let own = site == "same-origin" && check_origin(&team.edge, headers, true).is_ok();
    if own {
        return Ok(());
    }
    router::audit!("RMV7002W", site, "A call of another site refused");
    Err(TeamError::CrossSite)
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(secret.as_bytes()))
}

/// A name for something new: 96 random bits.
pub(super) fn number(kind: &str) -> String {
    use base64::Engine as _;
    let bytes = router::auth::random_bytes::<12>();
    format!(
        "{kind}-{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
}

/// To the start page, which has words for the code.
fn back(team: &Team, error: &TeamError) -> Response {
    if error.status() >= 500 || matches!(error, TeamError::Login(_)) {
        tracing::warn!(code = error.code(), "A login failed");
    }
    go(&format!("{}?problem={}", team.config.home(), error.code()))
}

fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
