//! Which pages may talk to this host (RFC 6454 origins; the answer to cross-site WebSocket hijacking).

/// The origins that are let in: the page's own, and those that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    allowed: Vec<String>,
    public: Option<String>,
}

impl Origins {
    pub fn new(allowed: &[String], public_url: Option<&str>) -> Self {
        Self {
            allowed: allowed
                .iter()
                .filter_map(|origin| normal_origin(origin))
                .collect(),
            public: public_url.and_then(normal_origin),
        }
    }

    /// Whether a page of that origin may call a host that is addressed by that `Host` header.
    pub fn permits(&self, origin: &str, host: &str) -> bool {
        let Some(origin) = normal_origin(origin) else {
            return false;
        };
        self.is_own(&origin, host) || self.allowed.contains(&origin)
    }

    /// Whether the origin is another site's that the configuration names: it needs CORS headers.
    pub fn is_foreign_but_named(&self, origin: &str, host: &str) -> bool {
        normal_origin(origin)
            .is_some_and(|origin| !self.is_own(&origin, host) && self.allowed.contains(&origin))
    }

    /// The named origins, for `frame-ancestors`.
    pub fn named(&self) -> &[String] {
        &self.allowed
    }

    fn is_own(&self, origin: &str, host: &str) -> bool {
        normal_origin(&format!("https://{host}")).as_deref() == Some(origin)
            || self.public.as_deref() == Some(origin)
    }
}

/// The one form of an origin, if it is one that may be let in.
///
/// `https://host[:port]` in lower case, without a default port, a trailing dot or a path. Nothing else than
/// https is an origin here: a page that came over plain HTTP could have been written by anybody.
pub fn normal_origin(text: &str) -> Option<String> {
    let rest = strip_https(text.trim())?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (name, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (name, rest) = v6.split_once(']')?;
            let name: std::net::Ipv6Addr = name.parse().ok()?;
            (
                format!("[{name}]"),
                rest.strip_prefix(':')
                    .or(if rest.is_empty() { Some("443") } else { None })?,
            )
        }
        None => {
            let (name, port) = authority.split_once(':').unwrap_or((authority, "443"));
            (name.trim_end_matches('.').to_ascii_lowercase(), port)
        }
    };
    // A browser writes names in ASCII (punycode). Whatever else could end a name early somewhere is none.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let named = name.starts_with('[') || (!name.is_empty() && name.bytes().all(plain));
    if !named || !port.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    Some(if port == 443 {
        format!("https://{name}")
    } else {
        format!("https://{name}:{port}")
    })
}

fn strip_https(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(8)?;
    scheme.eq_ignore_ascii_case("https://").then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_pages_are_let_in() {
        let origins = Origins::new(
            &["https://wiki.example/".to_owned()],
            Some("https://Desk.Example:8443/"),
        );
        for (origin, host) in [
            ("https://box:8443", "box:8443"),
            ("https://box:8443", "BOX.:8443"),
            ("https://box", "box:443"),
            ("https://box:443", "box"),
            ("https://[fe80:0::1]:8443", "[fe80::1]:8443"),
            ("https://desk.example:8443", "127.0.0.1:9000"),
            ("https://wiki.example", "box:8443"),
        ] {
            assert!(origins.permits(origin, host), "{origin} on {host}");
        }
    }

    #[test]
    fn foreign_pages_are_not() {
        let origins = Origins::new(&["https://wiki.example".to_owned()], None);
        for (origin, host) in [
            ("https://evil.example", "box:8443"),
            ("https://box:8444", "box:8443"),
            ("http://box:8443", "box:8443"),
            ("null", "box:8443"),
            ("", "box:8443"),
            ("https://sub.wiki.example", "box:8443"),
            ("https://wiki.example.evil", "box:8443"),
            ("https://user@box:8443", "box:8443"),
            ("https://box:8443@evil.example", "box:8443"),
            ("https://box:+8443", "box:8443"),
            ("https://box\t:8443", "box:8443"),
            ("https://box;script-src *", "box;script-src *"),
            ("https://b\u{f6}x:8443", "b\u{f6}x:8443"),
        ] {
            assert!(!origins.permits(origin, host), "{origin} on {host}");
        }
    }
}
