//! Login by the word of an access proxy before this router: a header that names the person, and one that proves that
//! the proxy wrote it. Off unless it is configured.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use router::auth::direct::unix_now;
use router::auth::sha256;
use router::net::Ends;
use serde::Deserialize;

use super::login::{back, go, log_in, number};
use super::{Team, cookie};
use crate::error::TeamError;
use crate::login::{LONGEST, own_path};
use crate::store::Person;

/// Where accounts come from that a proxy names; no provider has this name.
pub(super) const HEADER: &str = "header";
const MAX_TEXT: usize = 256;
const MAX_GROUPS: usize = 512;

/// Whom the proxy names.
pub(super) struct Named {
    pub(super) subject: String,
    name: String,
    email: String,
    groups: Vec<String>,
}

/// A header's value, if it is there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?.trim();
    (all.next().is_none() && !first.is_empty() && first.len() <= 64 * 1024).then_some(first)
}

/// Whom the proxy names in a call, if it is the proxy's.
pub(super) fn named(team: &Team, headers: &HeaderMap) -> Result<Named, TeamError> {
    let trusted = team.config.trusted_header.as_ref().ok_or(TeamError::NoProvider)?;
    let secret = one(headers, &trusted.secret_header).ok_or(TeamError::Proxy)?;
    // Of hashes, so that the time of a comparison tells nothing.
    if sha256(secret.as_bytes()) != trusted.secret_hash {
        return Err(TeamError::Proxy);
    }
    let text = |name: Option<&str>| {
        name.and_then(|name| one(headers, name))
            .filter(|text| text.len() <= MAX_TEXT)
            .map(str::to_owned)
    };
    let subject = text(Some(&trusted.user)).ok_or(TeamError::Proxy)?;
    let groups = trusted.groups.as_deref().and_then(|name| one(headers, name));
    Ok(Named {
        name: text(trusted.name.as_deref()).unwrap_or_else(|| subject.clone()),
        email: text(trusted.email.as_deref()).unwrap_or_default(),
        groups: groups
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|group| !group.is_empty() && group.len() <= MAX_TEXT)
            .take(MAX_GROUPS)
            .map(str::to_owned)
            .collect(),
        subject,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct To {
    #[serde(default)]
    to: String,
}

/// Logs in whoever the proxy names.
pub(super) async fn enter(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Query(To { to }): Query<To>,
    headers: HeaderMap,
) -> Response {
    let entered = async {
        team.may_try(ends)?;
        let named = named(&team, &headers).map_err(|error| {
            router::audit!("RMV1011W", refusal = error.code(), "A login by a header refused");
            team.failed(ends, error)
        })?;
        let now = unix_now();
        let person = Person {
            provider: HEADER,
            subject: &named.subject,
            name: &named.name,
            email: &named.email,
            groups: &named.groups,
        };
        let account = team.store.greet(&person, &number("u"), now).await?;
        let (secret, jti) = log_in(&team, &headers, &account, (now, ""), now).await?;
        router::audit!(
            "RMV1001I",
            provider = HEADER,
            account = account.id,
            login = jti,
            "Logged in"
        );
        let mut response = go(&own_path(team.config.home(), &to));
        let set = cookie::set(team.config.home(), cookie::LOGIN, &secret, LONGEST);
        response.headers_mut().append(header::SET_COOKIE, set);
        Ok::<_, TeamError>(response)
    };
    entered.await.unwrap_or_else(|error| back(&team, &error))
}
