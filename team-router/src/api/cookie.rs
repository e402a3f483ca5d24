//! Cookies (RFC 6265): two of our own, each bound to this host, to https and to the root.

use axum::http::{HeaderMap, HeaderValue, header};

/// Holds a login's secret.
pub(super) const LOGIN: &str = "__Host-removid";
/// Ties a login that is under way to the browser that began it.
pub(super) const BEGUN: &str = "__Host-removid-begun";

/// A cookie's value, if it is there once: two of one name are somebody's trick.
pub(super) fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value.to_owned());
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// `Set-Cookie` for a secret that lives so many seconds; 0 takes it away.
pub(super) fn set(name: &str, value: &str, seconds: u64) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
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
            read(&headers(&["a=1; __Host-removid=x; b=2"]), LOGIN).as_deref(),
            Some("x")
        );
        assert_eq!(
            read(&headers(&["__Host-removid=x; __Host-removid=y"]), LOGIN),
            None
        );
        assert_eq!(
            read(&headers(&["__Host-removid=x", "__Host-removid=x"]), LOGIN),
            None
        );
        assert_eq!(read(&headers(&["__Host-removid="]), LOGIN), None);
        assert_eq!(read(&headers(&["x__Host-removid=x"]), LOGIN), None);
        assert_eq!(read(&headers(&[]), LOGIN), None);
    }
}
