//! What stands in front of this router: proxies that may tell a client's address, and a path of somebody's site.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Request, Uri};
use ipnet::IpNet;

/// How many addresses of one header are looked at; a longer chain is nobody's.
const CHAIN: usize = 32;

/// See the module documentation. The default trusts nobody and stands at the root.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Networks of the proxies that are believed.
    pub trusted: Vec<IpNet>,
    /// The path that stands before all of ours, with slashes at both ends; `/` where there is none.
    pub prefix: Option<String>,
}

impl Front {
    /// Whether this peer is a proxy of ours. Whoever may open our Unix socket is.
    pub fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.is_none_or(|peer| {
            let peer = peer.to_canonical();
            self.trusted.iter().any(|net| net.contains(&peer))
        })
    }

    /// The client's address: the last one in `X-Forwarded-For` that is no proxy of ours, if a proxy of ours says so.
    ///
    /// What stands before it was written by anybody, and is not read.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        if !self.trusts(peer) {
            return client;
        }
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for word in said.iter().rev().take(CHAIN) {
            let Some(address) = address(word.trim()) else {
                break;
            };
            client = address;
            if !self.trusts(Some(address)) {
                break;
            }
        }
        client
    }

    /// Takes the prefix off a request's path. A proxy may have done so already: both are understood.
    pub fn strip<B>(&self, request: &mut Request<B>) {
        let Some(prefix) = &self.prefix else { return };
        let Some(whole) = request.uri().path_and_query() else {
            return;
        };
        let Some(rest) = whole.as_str().strip_prefix(prefix.as_str()) else {
            return;
        };
        if let Ok(own) = format!("/{rest}").parse::<PathAndQuery>() {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(own);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
}

/// With or without a port: proxies write both.
fn address(word: &str) -> Option<IpAddr> {
    let word = word.trim_matches('"');
    let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    bare.unwrap_or(word)
        .parse::<IpAddr>()
        .or_else(|_| word.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front() -> Front {
        Front {
            trusted: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            prefix: Some("/desk/".to_owned()),
        }
    }

    fn says(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    fn client(peer: &str, values: &[&'static str]) -> String {
        front()
            .client(Some(peer.parse().unwrap()), &says(values))
            .to_string()
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed() {
        assert_eq!(client("192.0.2.7", &["203.0.113.1"]), "192.0.2.7");
        assert_eq!(client("10.1.1.1", &["203.0.113.1"]), "203.0.113.1");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("::ffff:10.1.1.1", &["203.0.113.1:4711"]), "203.0.113.1");
        assert_eq!(client("fd00::1", &["[2001:db8::5]:443"]), "2001:db8::5");
        let nobody = Front::default();
        assert_eq!(
            nobody.client(None, &says(&["203.0.113.1"])).to_string(),
            "203.0.113.1"
        );
        assert_eq!(nobody.client(None, &says(&[])).to_string(), "::");
    }

    #[test]
    fn a_client_cannot_write_its_own_address() {
        // What the client sent comes first; the proxy adds what it saw.
        assert_eq!(client("10.1.1.1", &["127.0.0.1, 203.0.113.1"]), "203.0.113.1");
        assert_eq!(
            client("10.1.1.1", &["10.9.9.9", "203.0.113.1, 10.2.2.2"]),
            "203.0.113.1"
        );
        assert_eq!(client("10.1.1.1", &["203.0.113.1, unknown"]), "10.1.1.1");
        assert_eq!(
            client("10.1.1.1", &["203.0.113.1, _hidden, 10.2.2.2"]),
            "10.2.2.2"
        );
    }

    #[test]
    fn the_prefix_is_taken_off_once_and_only_where_it_is() {
        let path = |uri: &str| {
            let mut request = Request::builder().uri(uri).body(()).unwrap();
            front().strip(&mut request);
            request.uri().to_string()
        };
        assert_eq!(path("/desk/"), "/");
        assert_eq!(path("/desk/api/v1/hosts?x=1"), "/api/v1/hosts?x=1");
        assert_eq!(path("/api/v1/hosts"), "/api/v1/hosts");
        assert_eq!(path("/desktop?host=a"), "/desktop?host=a");
        assert_eq!(path("/desk/desk/x"), "/desk/x");
        assert_eq!(path("/desk//evil.example"), "//evil.example");
    }

    proptest::proptest! {
        #[test]
        fn any_header_gives_an_address(said in "\\PC{0,80}") {
            let mut headers = HeaderMap::new();
            if let Ok(value) = said.parse() {
                headers.append("x-forwarded-for", value);
            }
            let _ = front().client(Some("10.0.0.1".parse().unwrap()), &headers);
        }
    }
}
