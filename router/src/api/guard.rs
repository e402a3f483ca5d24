//! What is checked before a call is looked at: where it comes from, whose it is, what its body is.

use std::time::Instant;

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use signaling_spec::Right;
use signaling_spec::claims::AccessClaims;

use super::Edge;
use crate::audit;
use crate::error::RouterError;
use crate::net::Ends;

/// Of a header; empty when it is absent or not text.
pub fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

/// The host signs it, so it is held to one form wherever it comes from.
///
/// # Errors
/// It has another form.
pub fn check_nonce(nonce: &str) -> Result<(), RouterError> {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    if (16..=128).contains(&nonce.len()) && nonce.bytes().all(base64url) {
        Ok(())
    } else {
        Err(RouterError::Malformed(
            "the viewer's nonce has 16 to 128 characters of base64url".to_owned(),
        ))
    }
}

/// Why a body was refused.
pub fn refused_body(error: JsonRejection) -> RouterError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        RouterError::TooLarge
    } else {
        RouterError::Malformed(error.body_text())
    }
}

/// A browser always names its page's origin on these calls; without one it is no browser, and shows a token.
///
/// # Errors
/// The origin is not one that may call, or there is none where one is `required`.
pub fn check_origin(edge: &Edge, headers: &HeaderMap, required: bool) -> Result<(), RouterError> {
    let host = text(headers, header::HOST);
    match headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or("?"))
    {
        None if !required => Ok(()),
        Some(origin) if edge.origins.permits(origin, host) => Ok(()),
        origin => {
            let origin = origin.unwrap_or("(none)").to_owned();
            audit!("RMV7002W", origin, host, "Origin refused");
            Err(RouterError::Origin {
                origin,
                host: host.to_owned(),
            })
        }
    }
}

/// The claims of the request's bearer token (RFC 6750 §2.1), if it opens this host.
///
/// # Errors
/// There is none, it is refused, or its address failed too often.
pub fn bearer(edge: &Edge, ends: Ends, headers: &HeaderMap) -> Result<AccessClaims, RouterError> {
    let (address, now) = (ends.peer.ip(), Instant::now());
    if !edge.failures.may_try(address, now) {
        audit!("RMV7001W", "Too many failed attempts from one address");
        return Err(RouterError::TooMany);
    }
    let verified = match text(headers, header::AUTHORIZATION).split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => edge
            .authority
            .verify(token.trim())
            .map_err(RouterError::TokenRefused),
        _ => Err(RouterError::TokenMissing),
    };
    let claims = verified.inspect_err(|error| {
        edge.failures.count(address, now);
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        audit!("RMV1004W", why, "Token refused");
    })?;
    if claims.rights.has(Right::View) {
        Ok(claims)
    } else {
        Err(RouterError::Forbidden)
    }
}
