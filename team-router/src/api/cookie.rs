//! Cookies (RFC 6265): two of our own, each bound to this host, to https, and to the path that is ours.
//!
//! At the root of a site they have the prefix `__Host-`, which no other host can set. Under a path of somebody's site
//! that prefix is not possible (it demands the root), and the root would show our secrets to the other applications of
//! the site: there it is `__Secure-` with our path.

use axum::http::{HeaderMap, HeaderValue, header};

/// Holds a login's secret.
pub(super) const LOGIN: &str = "removid";
/// Ties a login that is under way to the browser that began it.
pub(super) const BEGUN: &str = "removid-begun";

fn full(home: &str, name: &str) -> String {
    let prefix = if home == "/" { "__Host-" } else { "__Secure-" };
    format!("{prefix}{name}")
}

/// A cookie's value, if it is there once: two of one name are somebody's trick.
pub(super) fn read(home: &str, headers: &HeaderMap, name: &str) -> Option<String> {
    let name = full(home, name);
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, value)| *key == name.as_str() && !value.is_empty())
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `Set-Cookie` for a secret that lives so many seconds; 0 takes it away.
pub(super) fn set(home: &str, name: &str, value: &str, seconds: u64) -> HeaderValue {
    let name = full(home, name);
    let text = format!("{name}={value}; Path={home}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_cookie_is_read_once_or_not_at_all() {
        assert_eq!(
            read("/", &headers(&["a=1; __Host-removid=x; b=2"]), LOGIN).as_deref(),
            Some("x")
        );
        assert_eq!(
            read("/", &headers(&["__Host-removid=x; __Host-removid=y"]), LOGIN),
            None
        );
        assert_eq!(
            read("/", &headers(&["__Host-removid=x", "__Host-removid=x"]), LOGIN),
            None
        );
        assert_eq!(read("/", &headers(&["__Host-removid="]), LOGIN), None);
        assert_eq!(read("/", &headers(&["x__Host-removid=x"]), LOGIN), None);
        assert_eq!(read("/", &headers(&[]), LOGIN), None);
        assert_eq!(read("/desk/", &headers(&["__Host-removid=x"]), LOGIN), None);
        assert_eq!(
            read(
                "/desk/",
                &headers(&["__Host-removid=x; __Secure-removid=y"]),
                LOGIN
            )
            .as_deref(),
            Some("y")
        );
    }

    #[test]
    fn under_a_path_the_rest_of_the_site_never_sees_it() {
        assert_eq!(
            set("/", LOGIN, "x", 9),
            "__Host-removid=x; Path=/; Max-Age=9; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            set("/desk/", LOGIN, "x", 9),
            "__Secure-removid=x; Path=/desk/; Max-Age=9; Secure; HttpOnly; SameSite=Lax"
        );
    }
}
