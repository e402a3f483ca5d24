//! `POST /api/v1/sessions`: a token buys a seat and the one-time ticket that takes it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Json, State, rejection::JsonRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use signaling_spec::Object;
use signaling_spec::api::{SESSIONS_PATH, SessionCreate, SessionCreated};

use super::guard::{bearer, check_nonce, check_origin, refused_body, text};
use super::{Edge, assets};
use crate::auth::origin::Origins;
use crate::broker::{Seat, new_sid};
use crate::error::RouterError;
use crate::net::Ends;

/// Who the host behind this router is.
#[derive(Clone, Debug)]
pub struct HostFacts {
    pub id: signaling_spec::HostId,
    pub name: String,
    /// Ed25519 public key in base64url.
    pub public_key: String,
}

/// What the calls of direct mode use.
#[derive(Clone, Debug)]
struct Direct {
    edge: Edge,
    host: Arc<HostFacts>,
}

/// The calls of direct mode: its one host is joined by a token of its own.
pub(crate) fn routes(edge: Edge, host: HostFacts) -> axum::Router {
    let host = Arc::new(host);
    axum::Router::new()
        .route("/", get(index))
        .route(SESSIONS_PATH, post(create).options(preflight))
        .with_state(Direct { edge, host })
}

async fn index(State(app): State<Direct>, headers: HeaderMap) -> Response {
    assets::page(&app.edge, &headers, "index.html")
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

async fn preflight(State(app): State<Direct>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let (origin, host) = (text(&headers, header::ORIGIN), text(&headers, header::HOST));
    add_cors(&app.edge.origins, Some(origin), host, response.headers_mut());
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

async fn create(
    State(app): State<Direct>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    body: Result<Json<Object<SessionCreate>>, JsonRejection>,
) -> Response {
    let (origin, host) = (text(&headers, header::ORIGIN), text(&headers, header::HOST));
    let mut response = match admit(&app, ends, &headers, body).await {
        Ok(created) => (StatusCode::CREATED, Json(created)).into_response(),
        Err(error) => error.into_response(),
    };
    add_cors(&app.edge.origins, Some(origin), host, response.headers_mut());
    response
}

async fn admit(
    app: &Direct,
    ends: Ends,
    headers: &HeaderMap,
    body: Result<Json<Object<SessionCreate>>, JsonRejection>,
) -> Result<SessionCreated, RouterError> {
    check_origin(&app.edge, headers, false)?;
    let claims = bearer(&app.edge, ends, headers)?;
    let Json(Object(create)) = body.map_err(refused_body)?;
    check_nonce(&create.viewer_nonce)?;
    let seat = Seat {
        sid: new_sid(),
        host: app.host.id.clone(),
        claims,
        viewer_fp: create.viewer_fp,
        viewer_nonce: create.viewer_nonce,
        resume: create.resume,
        ice_servers: app.edge.config.ice_servers.clone(),
        relay_only: false,
        grant: None,
    };
    let sid = seat.sid.clone();
    let ticket = app
        .edge
        .broker
        .admit(seat)
        .await
        .map_err(|_| RouterError::HostOffline)?;
    Ok(SessionCreated {
        sid,
        ticket,
        ice_servers: app.edge.config.ice_servers.clone(),
        relay_only: None,
        host_id: app.host.id.clone(),
        host_name: app.host.name.clone(),
        host_pub: app.host.public_key.clone(),
        key_chain: Vec::new(),
    })
}
