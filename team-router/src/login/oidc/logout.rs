//! Logging out: at the provider from here, and here by the provider's word.

use std::time::Duration;

use router::auth::{TokenError, foreign};
use serde_json::Value;

use super::{LoginError, MAX_TEXT, Metadata, OpenId};

/// How long a logout waits for what the provider says of itself.
const SOON: Duration = Duration::from_secs(2);
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Whom a provider has logged out: a subject, one of its own sessions, or both; an empty text names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub subject: String,
    pub sid: String,
    /// The token's name, which comes once.
    pub jti: String,
    /// In seconds since 1970.
    pub issued: u64,
}

impl OpenId {
    /// Where a browser goes to log out at the provider as well, and comes back from: `None` if it has no such place, is
    /// not to be told, or does not answer at once.
    pub async fn end_session(&self, back: &str) -> Option<String> {
        if !self.config.end_session {
            return None;
        }
        let metadata = tokio::time::timeout(SOON, self.metadata(false))
            .await
            .ok()?
            .ok()?;
        let place = metadata.additional_metadata().end_session_endpoint.as_deref()?;
        let mut url = reqwest::Url::parse(place).ok()?;
        if url.scheme() != metadata.issuer().url().scheme() {
            return None;
        }
        url.query_pairs_mut()
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", back);
        Some(url.into())
    }

    /// Whom the provider has logged out: the claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).
    /// Whether it is new is left to the caller.
    ///
    /// # Errors
    /// It is no such token of this provider for this router.
    pub async fn logged_out(&self, token: &str) -> Result<Ended, LoginError> {
        let read = |metadata: &Metadata| {
            let keys = serde_json::to_value(metadata.jwks()).unwrap_or_default();
            let (issuer, client) = (metadata.issuer().as_str(), &self.config.client_id);
            foreign::verify(token, &["logout+jwt", "JWT"], &keys, issuer, client)
        };
        let claims = match read(&self.metadata(false).await?) {
            // It may have a new key since it was last asked.
            Err(TokenError::UnknownKey) => read(&self.metadata(true).await?),
            read => read,
        }
        .map_err(|_| LoginError::NoToken)?;
        let text = |name: &str| match claims.get(name) {
            None => Some(String::new()),
            Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_TEXT => Some(text.clone()),
            Some(_) => None,
        };
        let is_logout = claims
            .get("events")
            .and_then(|events| events.get(LOGOUT_EVENT))
            .is_some_and(Value::is_object);
        let ended = || {
            Some(Ended {
                subject: text("sub")?,
                sid: text("sid")?,
                jti: text("jti").filter(|jti| !jti.is_empty())?,
                issued: claims.get("iat")?.as_u64()?,
            })
        };
        ended()
            .filter(|_| is_logout && !claims.contains_key("nonce"))
            .filter(|ended| !ended.subject.is_empty() || !ended.sid.is_empty())
            .ok_or(LoginError::NoToken)
    }
}
