//! The headers that every response carries.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

use crate::auth::origin::Origins;

const PERMISSIONS: &str = "clipboard-read=(self), clipboard-write=(self), fullscreen=(self), keyboard-map=(self), \
    gamepad=(self), microphone=(self), camera=(self), display-capture=(), geolocation=(), local-network=(self)";

/// Says that the host is there, and nothing else.
pub(super) const HEALTH_PATH: &str = "/healthz";

/// The fixed headers, with the policy for this configuration.
#[derive(Debug)]
pub(crate) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    pub(crate) fn new(origins: &Origins) -> Self {
        let ancestors = match origins.named() {
            [] => "'none'".to_owned(),
            named => named.join(" "),
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
             connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
             frame-ancestors {ancestors}; require-trusted-types-for 'script'"
        );
        let foreign = !origins.named().is_empty();
        let fixed = [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("permissions-policy"), PERMISSIONS),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                if foreign { "cross-origin" } else { "same-origin" },
            ),
        ];
        let value = |text: &str| HeaderValue::from_str(text).ok();
        Self(
            fixed
                .into_iter()
                .filter_map(|(name, text)| value(text).map(|value| (name, value)))
                .collect(),
        )
    }
}

pub(crate) async fn add(State(fixed): State<Arc<Headers>>, request: Request, next: Next) -> Response {
    let is_health = request.uri().path() == HEALTH_PATH;
    let mut response = next.run(request).await;
    for (name, value) in &fixed.0 {
        response.headers_mut().insert(name, value.clone());
    }
    if is_health {
        // The one answer that any page may know of, though not read: so that an embedding page can tell a
        // host that refuses it from one that is away.
        let name = HeaderName::from_static("cross-origin-resource-policy");
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static("cross-origin"));
    }
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
