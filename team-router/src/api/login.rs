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

use super::trusted::{self, HEADER};
use super::{Team, cookie};
use crate::error::TeamError;
use crate::login::{IDLE, LONGEST, Returned, UnderWay, own_path};
use crate::store::{Account, Login, NewLogin, Person};

/// How long a page's token lives, in seconds.
const TOKEN_LIFE: u64 = 300;
/// How long the cookie of logins that are under way lives, in seconds: longer than they may take, for whoever comes late.
const BEGUN_LIFE: u64 = 4 * 3600;

/// With whom one can log in; anybody may know.
pub(super) async fn providers(State(team): State<Team>) -> Json<Value> {
    let providers: Vec<Value> = team
        .providers
        .iter()
        .map(|provider| json!({ "id": provider.id(), "name": provider.name() }))
        .collect();
    Json(json!({
        "providers": providers,
        "passkeys": team.config.passkeys,
        "header": team.config.trusted_header.is_some(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    provider: String,
    #[serde(default)]
    to: String,
}

/// Sends the browser to its provider.
pub(super) async fn begin(
    State(team): State<Team>,
    Query(begin): Query<Begin>,
    headers: HeaderMap,
) -> Response {
    match begin_at(&team, &begin.provider, &begin.to, None, &headers).await {
        Ok(response) => response,
        Err(error) => back(&team, &error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUp {
    #[serde(default)]
    to: String,
}

/// Sends a browser that is logged in to its provider once more: whoever it is proves it anew.
pub(super) async fn step_up(
    State(team): State<Team>,
    Query(wanted): Query<StepUp>,
    headers: HeaderMap,
) -> Response {
    let begun = async {
        let now = unix_now();
        let login = current(&team, &headers, now)
            .await?
            .ok_or(TeamError::LoginRequired)?;
        let anew = Some((login.jti, now));
        begin_at(&team, &login.account.provider, &wanted.to, anew, &headers).await
    };
    begun.await.unwrap_or_else(|error| back(&team, &error))
}

/// The login of the browser's cookie, if it is in force.
pub(super) async fn current(team: &Team, headers: &HeaderMap, now: u64) -> Result<Option<Login>, TeamError> {
    match cookie::read(team.config.home(), headers, cookie::LOGIN) {
        Some(secret) => Ok(team.store.login(&hash(&secret), now).await?),
        None => Ok(None),
    }
}

async fn begin_at(
    team: &Team,
    provider: &str,
    to: &str,
    anew: Option<(String, u64)>,
    headers: &HeaderMap,
) -> Result<Response, TeamError> {
    let provider = team
        .providers
        .iter()
        .find(|known| known.id() == provider)
        .ok_or(TeamError::NoProvider)?;
    let begun = provider.begin(anew.is_some()).await.inspect_err(|error| {
        tracing::warn!(provider = provider.id(), %error, "A login could not be begun");
    })?;
    // One secret for all tabs of a browser: the last one that began must not shut out the others.
    let browser = cookie::read(team.config.home(), headers, cookie::BEGUN)
        .filter(|secret| secret.len() == random_secret().len())
        .unwrap_or_else(random_secret);
    let under_way = UnderWay {
        provider: provider.id().to_owned(),
        asked: begun.secrets,
        to: own_path(team.config.home(), to),
        anew,
    };
    team.waiting
        .put(&begun.state, &browser, under_way, Instant::now());
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
            router::audit!("RMV1001W", provider, refusal = code, why, "Login refused");
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
    let now = unix_now();
    let current = current(team, headers, now).await?;
    let under_way = match team.waiting.take(&state, &browser, Instant::now()) {
        Some(Returned::InTime(under_way)) if under_way.provider == provider => under_way,
        // Another tab was faster: what this one was for can be had.
        Some(Returned::Late(to)) if current.is_some() => return Ok(go(&to)),
        _ => return Err(TeamError::StaleLogin),
    };
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
    if let Some((jti, asked)) = &under_way.anew {
        let same = |login: &Login| {
            let account = &login.account;
            login.jti == *jti && account.provider == provider.id() && account.subject == known.subject
        };
        if !current.as_ref().is_some_and(same) {
            return Err(TeamError::OtherAccount);
        }
        if !provider.is_stepped_up(&known, *asked) {
            return Err(TeamError::StepUpRefused);
        }
    }
    let person = Person {
        provider: provider.id(),
        subject: &known.subject,
        name: &known.name,
        email: &known.email,
        groups: &known.groups,
    };
    let account = team.store.greet(&person, &number("u"), now).await?;
    let auth_time = known.auth_time.unwrap_or(now).min(now);
    let (secret, jti) = log_in(team, headers, &account, (auth_time, &known.sid), now).await?;
    if under_way.anew.is_some() {
        team.store.stepped_up(&jti, now).await?;
        router::audit!(
            "RMV1006I",
            account = account.id,
            login = jti,
            factor = "step_up",
            "Second factor given"
        );
    }
    router::audit!(
        "RMV1001I",
        provider = provider.id(),
        account = account.id,
        login = jti,
        "Logged in"
    );
    let mut response = go(&under_way.to);
    response.headers_mut().append(
        header::SET_COOKIE,
        cookie::set(team.config.home(), cookie::LOGIN, &secret, LONGEST),
    );
    Ok(response)
}

/// Makes the browser's login, or goes on with the one that this person has in it: its sessions live on, in whichever tab.
/// Somebody else's login in this browser ends, and so do its sessions. The cookie's new secret, and the login's name.
pub(super) async fn log_in(
    team: &Team,
    headers: &HeaderMap,
    account: &Account,
    (auth_time, provider_sid): (u64, &str),
    now: u64,
) -> Result<(String, String), TeamError> {
    let secret = random_secret();
    let login = NewLogin {
        hash: &hash(&secret),
        account: &account.id,
        auth_time,
        expires: now + IDLE,
        provider_sid,
    };
    let old = cookie::read(team.config.home(), headers, cookie::LOGIN).map(|old| hash(&old));
    let renewed = match &old {
        Some(old) => team.store.renew_login(old, &login, now).await?,
        None => None,
    };
    let jti = match renewed {
        Some(jti) => jti,
        None => {
            let jti = number("l");
            team.store.add_login(&login, &jti, now).await?;
            if let Some(old) = &old {
                team.store.end_login(old).await?;
            }
            jti
        }
    };
    // What came of groups that changed is judged anew.
    team.store.policy_changed().await?;
    Ok((secret, jti))
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
    team.limits.account(&login.account.id, Instant::now())?;
    if login.account.provider == HEADER
        && trusted::named(&team, &headers)
            .map(|named| named.subject)
            .ok()
            .as_ref()
            != Some(&login.account.subject)
    {
        // The proxy knows nobody any more, or somebody else.
        team.store.end_login(&hash).await?;
        return Err(TeamError::LoginRequired);
    }
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
pub(super) fn own_page(team: &Team, headers: &HeaderMap) -> Result<(), TeamError> {
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
pub(super) fn back(team: &Team, error: &TeamError) -> Response {
    if error.status() >= 500 || matches!(error, TeamError::Login(_)) {
        tracing::warn!(code = error.code(), "A login failed");
    }
    go(&format!("{}?problem={}", team.config.home(), error.code()))
}

pub(super) fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
