//! `POST /api/v1/sessions`: a token buys a seat and the one-time ticket that takes it.

use std::time::Instant;

use axum::Extension;
use axum::extract::{Json, State, rejection::JsonRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signaling_spec::api::{SessionCreate, SessionCreated};
use signaling_spec::claims::AccessClaims;
use signaling_spec::{Object, Right};

use super::App;
use crate::audit;
use crate::auth::origin::Origins;
use crate::broker::{Seat, new_sid};
use crate::error::RouterError;
use crate::net::Ends;

/// Of a header; empty when it is absent or not text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

/// Lets a page of a named foreign origin read the response. Credentials are never allowed: there are none.
pub(super) fn add_cors(origins: &Origins, origin: Option<&str>, host: &str, fields: &mut HeaderMap) {
    fields.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin.filter(|origin| origins.is_foreign_but_named(origin, host)) else {
        return;
    };
    if let Ok(value) = HeaderValue::from_str(origin) {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    }
}

pub(super) async fn preflight(State(app): State<App>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let (origin, host) = (text(&headers, header::ORIGIN), text(&headers, header::HOST));
    add_cors(&app.origins, Some(origin), host, response.headers_mut());
    if response
        .headers()
        .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    {
        let fields = response.headers_mut();
        fields.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("POST"),
        );
        fields.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type"),
        );
        fields.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

pub(super) async fn create(
    State(app): State<App>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Object<SessionCreate>>, JsonRejection>,
) -> Response {
    let (origin, host) = (text(&headers, header::ORIGIN), text(&headers, header::HOST));
    let mut response = match admit(&app, ends, &headers, body).await {
        Ok(created) => (StatusCode::CREATED, Json(created)).into_response(),
        Err(error) => error.into_response(),
    };
    add_cors(&app.origins, Some(origin), host, response.headers_mut());
    response
}

async fn admit(
    app: &App,
    ends: Ends,
    headers: &HeaderMap,
    body: Result<Json<Object<SessionCreate>>, JsonRejection>,
) -> Result<SessionCreated, RouterError> {
    check_origin(app, headers, false)?;
    let claims = bearer(app, ends, headers)?;
    let Json(Object(create)) = body.map_err(refused_body)?;
    check_nonce(&create.viewer_nonce)?;
    let seat = Seat {
        sid: new_sid(),
        claims,
        viewer_fp: create.viewer_fp,
        viewer_nonce: create.viewer_nonce,
        resume: create.resume,
    };
    let sid = seat.sid.clone();
    let ticket = app
        .broker
        .admit(seat)
        .await
        .map_err(|_| RouterError::HostOffline)?;
    Ok(SessionCreated {
        sid,
        ticket,
        ice_servers: app.config.ice_servers.clone(),
        host_id: app.host.id.clone(),
        host_name: app.host.name.clone(),
        host_pub: app.host.public_key.clone(),
    })
}

/// The host signs it, so it is held to one form wherever it comes from.
pub(super) fn check_nonce(nonce: &str) -> Result<(), RouterError> {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    if (16..=128).contains(&nonce.len()) && nonce.bytes().all(base64url) {
        Ok(())
    } else {
        Err(RouterError::Malformed(
            "the viewer's nonce has 16 to 128 characters of base64url".to_owned(),
        ))
    }
}

fn refused_body(error: JsonRejection) -> RouterError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        RouterError::TooLarge
    } else {
        RouterError::Malformed(error.body_text())
    }
}

/// A browser always names its page's origin on these calls; without one it is no browser, and shows a token.
pub(super) fn check_origin(app: &App, headers: &HeaderMap, required: bool) -> Result<(), RouterError> {
    let host = text(headers, header::HOST);
    match headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or("?"))
    {
        None if !required => Ok(()),
        Some(origin) if app.origins.permits(origin, host) => Ok(()),
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
pub(super) fn bearer(app: &App, ends: Ends, headers: &HeaderMap) -> Result<AccessClaims, RouterError> {
    let (address, now) = (ends.peer.ip(), Instant::now());
    if !app.failures.may_try(address, now) {
        audit!("RMV7001W", "Too many failed attempts from one address");
        return Err(RouterError::TooMany);
    }
    let verified = match text(headers, header::AUTHORIZATION).split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => app
            .authority
            .verify(token.trim())
            .map_err(RouterError::TokenRefused),
        _ => Err(RouterError::TokenMissing),
    };
    let claims = verified.inspect_err(|error| {
        app.failures.count(address, now);
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        audit!("RMV1004W", why, "Token refused");
    })?;
    if claims.rights.has(Right::View) {
        Ok(claims)
    } else {
        Err(RouterError::Forbidden)
    }
}
