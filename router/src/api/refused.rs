//! Refusals for people: whoever opens a refused address in a browser gets a page in our looks instead of JSON.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::guard::text;
use super::{Edge, assets};

/// Stands in a refusal's response beside its body: its stable code.
#[derive(Clone, Debug)]
pub struct Refused(pub String);

pub(super) async fn in_words(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let person =
        request.method() == Method::GET && !api && takes_pages(text(request.headers(), header::ACCEPT));
    let response = next.run(request).await;
    let code = response.extensions().get::<Refused>().filter(|_| person);
    let Some(page) = code.and_then(|Refused(code)| assets::error_page(&edge, code)) else {
        return response;
    };
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (response.status(), [(header::CONTENT_TYPE, kind)], page).into_response()
}

/// Whether `Accept` (RFC 9110 §12.5.1) names HTML, as browsers do where a person goes to an address.
fn takes_pages(accept: &str) -> bool {
    accept.split(',').any(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::takes_pages;

    #[test]
    fn who_gets_a_page() {
        assert!(takes_pages("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(takes_pages("application/xml, text/html;q=0.9"));
        for accept in ["", "*/*", "application/json", "text/htmlx", "text/css,*/*;q=0.1"] {
            assert!(!takes_pages(accept), "{accept}");
        }
    }
}
