//! The table of routes.

pub mod assets;
pub mod guard;
mod headers;
mod refused;
pub(crate) mod sessions;
mod signal;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use signaling_spec::HostId;
use signaling_spec::api::SIGNAL_PATH;

pub use refused::Refused;

use crate::Config;
use crate::auth::Authority;
use crate::auth::origin::Origins;
use crate::broker::Broker;
use crate::error::RouterError;
use crate::net::{Drain, Failures};

/// Larger than any body of ours.
const MAX_BODY: usize = 16 * 1024;
/// How long a request may take from its header to our answer. Sockets live on after theirs.
const ANSWER: Duration = Duration::from_secs(10);

/// What every handler may use.
#[derive(Clone, Debug)]
pub struct Edge {
    pub authority: Arc<dyn Authority>,
    pub broker: Broker,
    pub origins: Arc<Origins>,
    pub failures: Failures,
    /// The host that a native client means with its token, where there is only one.
    pub only_host: Option<HostId>,
    pub config: Arc<Config>,
    /// Tells sockets that the router stops.
    pub drain: Drain,
}

/// The calls of one kind of router.
pub type Routes = Router;

/// A header comes in time or not at all (`net`); this is for bodies.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ([(header::CONNECTION, "close")], RouterError::TooSlow).into_response(),
    }
}

/// What every router serves, and `own`: the calls of this one.
pub(crate) fn routes(edge: Edge, own: Router) -> Router {
    let headers = headers::Headers::new(&edge.origins);
    Router::new()
        .route(headers::HEALTH_PATH, get(|| async { "ok" }))
        .route(SIGNAL_PATH, get(signal::upgrade))
        .route("/{*path}", get(assets::file))
        .with_state(edge.clone())
        .merge(own)
        .fallback(|| async { RouterError::NotFound })
        .layer(axum::middleware::from_fn_with_state(edge, refused::in_words))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn(in_time))
        .layer(axum::middleware::from_fn_with_state(
            Arc::new(headers),
            headers::add,
        ))
}
