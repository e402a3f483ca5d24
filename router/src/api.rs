//! The table of routes.

mod assets;
mod headers;
mod sessions;
mod signal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use signaling_spec::api::{SESSIONS_PATH, SIGNAL_PATH};

use crate::Config;
use crate::auth::Authority;
use crate::auth::origin::Origins;
use crate::broker::Broker;
use crate::error::RouterError;
use crate::net::Failures;

/// Larger than any body of ours.
const MAX_BODY: usize = 16 * 1024;
/// How long a request may take from its header to our answer. Sockets live on after theirs.
const ANSWER: Duration = Duration::from_secs(10);

/// Who the host behind this router is.
#[derive(Clone, Debug)]
pub struct HostFacts {
    pub id: signaling_spec::HostId,
    pub name: String,
    /// Ed25519 public key in base64url.
    pub public_key: String,
}

/// What every handler may use.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub authority: Arc<dyn Authority>,
    pub broker: Broker,
    pub origins: Arc<Origins>,
    pub failures: Failures,
    pub host: Arc<HostFacts>,
    pub config: Arc<Config>,
}

/// A header comes in time or not at all (`net`); this is for bodies.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ([(header::CONNECTION, "close")], RouterError::TooSlow).into_response(),
    }
}

pub(crate) fn routes(app: App) -> Router {
    let headers = headers::Headers::new(&app.origins);
    Router::new()
        .route(headers::HEALTH_PATH, get(|| async { "ok" }))
        .route(SESSIONS_PATH, post(sessions::create).options(sessions::preflight))
        .route(SIGNAL_PATH, get(signal::upgrade))
        .route("/", get(assets::index))
        .route("/{*path}", get(assets::file))
        .fallback(|| async { RouterError::NotFound })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn(in_time))
        .layer(axum::middleware::from_fn_with_state(
            Arc::new(headers),
            headers::add,
        ))
        .with_state(app)
}
