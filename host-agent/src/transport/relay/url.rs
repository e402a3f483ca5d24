//! Addresses of STUN servers, `stun:HOST[:PORT]` (RFC 7064), and of TURN servers (RFC 7065): `turn:HOST[:PORT][?transport=udp|tcp]`, `turns:HOST[:PORT]`.

/// How a server is reached, the cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Udp,
    Tcp,
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TurnUrl {
    pub(super) way: Way,
    pub(super) host: String,
    pub(super) port: u16,
}

impl TurnUrl {
    /// `None` for what is no TURN server, or is one over DTLS, which we do not speak.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (place, transport) = match rest.split_once('?') {
            None => (rest, None),
            Some((place, query)) => (place, Some(query.strip_prefix("transport=")?)),
        };
        let (way, default) = match (scheme.to_ascii_lowercase().as_str(), transport) {
            ("turn", None | Some("udp")) => (Way::Udp, 3478),
            ("turn", Some("tcp")) => (Way::Tcp, 3478),
            ("turns", None | Some("tcp")) => (Way::Tls, 5349),
            _ => return None,
        };
        let (host, port) = site(place, default)?;
        Some(Self { way, host, port })
    }
}

/// The name or address and the port of `stun:HOST[:PORT]` (RFC 7064); `None` for what is no STUN server, or one by TLS.
pub(super) fn stun_server(text: &str) -> Option<(String, u16)> {
    let (scheme, place) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("stun").then(|| site(place, 3478))?
}

/// `HOST[:PORT]`.
fn site(place: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':')?)
                },
            )
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) {
        return None;
    }
    let port = port.map_or(Some(default), |port| port.parse().ok().filter(|port| *port > 0))?;
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        let read = |text: &str| TurnUrl::parse(text).map(|url| (url.way, url.host, url.port));
        let at = |way, host: &str, port| Some((way, host.to_owned(), port));
        assert_eq!(read("turn:a.example"), at(Way::Udp, "a.example", 3478));
        assert_eq!(
            read("turn:a.example:99?transport=udp"),
            at(Way::Udp, "a.example", 99)
        );
        assert_eq!(
            read("turn:192.0.2.1?transport=tcp"),
            at(Way::Tcp, "192.0.2.1", 3478)
        );
        assert_eq!(read("turns:a.example"), at(Way::Tls, "a.example", 5349));
        assert_eq!(
            read("turns:[2001:db8::1]:443?transport=tcp"),
            at(Way::Tls, "2001:db8::1", 443)
        );
        for other in [
            "stun:a.example",
            "turns:a.example?transport=udp",
            "turn:",
            "turn:a:b",
            "turn:a:0",
            "turn:a?transport=sctp",
            "turn:a?x=y",
            "turn:me@a",
            "turn:[::1",
            "turn:[::1]x",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(
            stun_server("stun:a.example"),
            Some(("a.example".to_owned(), 3478))
        );
        assert_eq!(
            stun_server("STUN:[2001:db8::1]:9"),
            Some(("2001:db8::1".to_owned(), 9))
        );
        for other in [
            "turn:a",
            "stuns:a",
            "stun:",
            "stun:a?transport=udp",
            "stun:a:0",
            "stun:me@a",
            "stun",
        ] {
            assert_eq!(stun_server(other), None, "{other}");
        }
    }
}
