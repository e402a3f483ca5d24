//! Logging out: of this browser, of all of them, at the provider too, and by the provider.

use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use router::auth::direct::unix_now;
use router::net::Ends;
use serde::Deserialize;

use super::login::{current, hash, own_page};
use super::{Team, cookie};
use crate::error::TeamError;

/// How old a provider's word may be, in seconds.
const FRESH: u64 = 120;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    #[serde(default)]
    everywhere: bool,
}

/// Ends the browser's login, or all of its person's, and the sessions that they opened. Where the provider wants to hear
/// of it (OpenID Connect RP-Initiated Logout 1.0), the answer says where to go.
pub(super) async fn logout(
    State(team): State<Team>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Result<Response, TeamError> {
    own_page(&team, &headers)?;
    let login = current(&team, &headers, unix_now()).await?;
    if let Some(secret) = cookie::read(team.config.home(), &headers, cookie::LOGIN) {
        team.store.end_login(&hash(&secret)).await?;
    }
    let mut to = None;
    if let Some(login) = login {
        let mut ended = 1;
        if how.everywhere {
            ended += team.store.end_logins_of(&login.account.id).await?;
        }
        router::audit!(
            "RMV1002I",
            account = login.account.id,
            login = login.jti,
            ended,
            "Logged out"
        );
        let provider = team
            .providers
            .iter()
            .find(|provider| provider.id() == login.account.provider);
        if let Some(provider) = provider {
            to = provider.end_session(&team.config.public_url).await;
        }
    }
    let mut response = match to {
        Some(url) => axum::Json(serde_json::json!({ "url": url })).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    let taken = cookie::set(team.config.home(), cookie::LOGIN, "", 0);
    response.headers_mut().append(header::SET_COOKIE, taken);
    Ok(response)
}

#[derive(Deserialize)]
pub(super) struct Told {
    logout_token: String,
}

/// A provider says that somebody is logged out there (OpenID Connect Back-Channel Logout 1.0): exactly their logins end,
/// or that of the one browser.
pub(super) async fn told(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    Form(told): Form<Told>,
) -> Result<StatusCode, TeamError> {
    team.may_try(ends)?;
    let provider = team
        .providers
        .iter()
        .find(|provider| provider.id() == id)
        .ok_or(TeamError::NoProvider)?;
    let now = unix_now();
    let ended = match provider.logged_out(&told.logout_token).await {
        Ok(ended) if ended.issued + FRESH < now || ended.issued > now + FRESH => {
            Err("too old, or from the future")
        }
        Ok(ended)
            if !team
                .seen
                .first(&format!("{id} {}", ended.jti), ended.issued + 2 * FRESH, now) =>
        {
            Err("told before")
        }
        Ok(ended) => Ok(ended),
        Err(crate::login::oidc::LoginError::Provider(why)) => {
            return Err(crate::login::oidc::LoginError::Provider(why).into());
        }
        Err(_) => Err("no logout token of this provider"),
    };
    match ended {
        Ok(ended) => {
            let ended = team.store.end_logins_at(&id, &ended.subject, &ended.sid).await?;
            team.access.refresh().await?;
            router::audit!("RMV1002I", provider = id, ended, "Logged out by the provider");
            Ok(StatusCode::OK)
        }
        Err(why) => {
            router::audit!("RMV1002W", provider = id, why, "Logout by a provider refused");
            Err(team.failed(ends, TeamError::LogoutToken))
        }
    }
}
