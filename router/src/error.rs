//! Why a request was refused, and what the caller may know about it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use signaling_spec::Refusal;
use signaling_spec::api::ErrorBody;

use crate::api::Refused;
use crate::auth::TokenError;

/// INVARIANT: `Display` never holds a secret and never repeats its source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    #[error("access token is missing")]
    TokenMissing,
    #[error("access token was refused")]
    TokenRefused(#[source] TokenError),
    #[error("ticket is unknown, used or too old")]
    Ticket,
    #[error(
        "origin {origin:?} is not allowed here: this host is {host:?}; name the origin in `origins`, or set `public_url`"
    )]
    Origin { origin: String, host: String },
    #[error("too many failed attempts; wait a minute")]
    TooMany,
    #[error("request body is not what this call takes: {0}")]
    Malformed(String),
    #[error("request body is larger than any that this host takes")]
    TooLarge,
    #[error("the request did not arrive in time")]
    TooSlow,
    #[error("the token does not permit that")]
    Forbidden,
    #[error("the host is not connected")]
    HostOffline,
    #[error("no such page")]
    NotFound,
    #[error("the signalling socket is a WebSocket with the subprotocol removid.v1")]
    NotASocket,
}

impl RouterError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TokenMissing | Self::TokenRefused(_) | Self::Ticket => StatusCode::UNAUTHORIZED,
            Self::Origin { .. } | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Malformed(_) | Self::NotASocket => StatusCode::BAD_REQUEST,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HostOffline => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    /// Stable; programs depend on it.
    pub fn code(&self) -> Refusal {
        match self {
            Self::TokenMissing => Refusal::Unauthorized,
            Self::TokenRefused(error) => error.code(),
            Self::Ticket => Refusal::Ticket,
            Self::Origin { .. } => Refusal::Origin,
            Self::Forbidden => Refusal::Forbidden,
            Self::TooMany => Refusal::TooMany,
            Self::TooLarge => Refusal::TooLarge,
            Self::Malformed(_) | Self::NotASocket | Self::TooSlow => Refusal::Malformed,
            Self::HostOffline => Refusal::HostOffline,
            Self::NotFound => Refusal::NotFound,
        }
    }
}

impl IntoResponse for RouterError {
    fn into_response(self) -> Response {
        // Only whoever holds a well-signed token learns more than that it was refused.
        let signed = if let Self::TokenRefused(error) = &self {
            Some(error)
        } else {
            None
        };
        let message = match signed.filter(|error| error.is_of_a_signed_token()) {
            Some(error) => error.to_string(),
            None => self.to_string(),
        };
        let body = ErrorBody {
            code: self.code(),
            message,
        };
        let code = serde_json::to_value(body.code).unwrap_or_default();
        let mut response = (self.status(), axum::Json(body)).into_response();
        if let Some(code) = code.as_str() {
            response.extensions_mut().insert(Refused(code.to_owned()));
        }
        response
    }
}
