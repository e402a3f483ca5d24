//! The web client's files: from the binary, or from a directory while somebody works on them.

use std::borrow::Cow;
use std::path::{Component, Path};

use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::Edge;
use crate::error::RouterError;

const PAGES: [&str; 3] = ["index.html", "team.html", ERROR_PAGE];
/// Holds the places of a code and of the site's root.
const ERROR_PAGE: &str = "error.html";

#[derive(RustEmbed)]
#[folder = "../web-client"]
#[include = "index.html"]
#[include = "team.html"]
#[include = "error.html"]
#[include = "src/**/*.js"]
#[include = "src/**/*.css"]
#[include = "src/**/*.svg"]
struct Embedded;

/// One of our pages, by its file's name.
pub fn page(edge: &Edge, headers: &HeaderMap, name: &str) -> Response {
    serve(edge, headers, name)
}

/// The page that stands for a refused address. Its script has words for the code.
pub(super) fn error_page(edge: &Edge, code: &str) -> Option<String> {
    let (page, _) = find(edge, ERROR_PAGE)?;
    let code: String = code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let site = edge.config.public_url.as_deref().unwrap_or_default();
    let root = site
        .splitn(4, '/')
        .nth(3)
        .unwrap_or_default()
        .trim_end_matches('/');
    let root = if root.is_empty() {
        String::new()
    } else {
        format!("/{root}")
    };
    let page = std::str::from_utf8(&page).ok()?;
    Some(page.replace("{code}", &code).replace("{root}", &root))
}

pub(super) async fn file(state: State<Edge>, UrlPath(path): UrlPath<String>, headers: HeaderMap) -> Response {
    // Without its code it is no page.
    if path == ERROR_PAGE {
        return RouterError::NotFound.into_response();
    }
    serve(&state, &headers, &path)
}

fn serve(app: &Edge, headers: &HeaderMap, path: &str) -> Response {
    let Some((body, tag)) = find(app, path) else {
        return RouterError::NotFound.into_response();
    };
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    // Modules are fetched by an embedding page's script from its own origin: that is CORS, too.
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let mut response = if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind(path))], body).into_response()
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, tag);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    super::sessions::add_cors(&app.origins, origin, host, fields);
    response
}

fn find(app: &Edge, path: &str) -> Option<(Cow<'static, [u8]>, String)> {
    let Some(dir) = &app.config.assets_dir else {
        let file = Embedded::get(path)?;
        return Some((file.data.clone(), tag(&file.data)));
    };
    let wanted = Path::new(path);
    let plain = wanted
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let shown = PAGES.contains(&path) || path.starts_with("src/");
    let bytes = if plain && shown {
        std::fs::read(dir.join(wanted)).ok()?
    } else {
        return None;
    };
    let tag = tag(&bytes);
    Some((Cow::Owned(bytes), tag))
}

fn tag(bytes: &[u8]) -> String {
    use base64::Engine as _;
    format!(
        "\"{}\"",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&crate::auth::sha256(bytes)[..12])
    )
}

fn kind(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|ext| ext.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
