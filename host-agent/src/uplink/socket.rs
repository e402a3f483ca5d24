//! TLS to the router, the WebSocket over it, and the one HTTP call that enrols.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use signaling_spec::api::SUBPROTOCOL;
use signaling_spec::limits::MAX_SIGNAL_BYTES;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::membership::Membership;
use crate::trust;

pub(super) type Socket = WebSocketStream<TlsStream<TcpStream>>;

const SOCKET_PATH: &str = "api/v1/host";
/// The most that an answer to a call may have.
const MAX_ANSWER: usize = 64 * 1024;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("no connection: {0}")]
    Network(#[from] std::io::Error),
    #[error("the router refused this host ({code}): {message}")]
    Refused { code: String, message: String },
    #[error("no WebSocket: {0}")]
    Socket(String),
}

/// A router's address, ready to be called.
pub(super) struct Address {
    url: String,
    host: String,
    port: u16,
    /// Where the router's own paths begin, with slashes at both ends.
    home: String,
    connector: TlsConnector,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Address {
    /// # Errors
    /// The address is none, or the certificates cannot be read.
    pub(super) fn new(membership: &Membership) -> anyhow::Result<Self> {
        let (host, port, home) = parts(&membership.url)?;
        let mut config = trust::client_config(membership.ca.as_deref())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            url: membership.url.clone(),
            host,
            port,
            home,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    async fn tls(&self) -> Result<TlsStream<TcpStream>, std::io::Error> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        self.connector.connect(name, tcp).await
    }

    /// Opens the socket of a host that proves itself by that assertion.
    pub(super) async fn connect(&self, assertion: &str) -> Result<Socket, ConnectError> {
        let url = format!("{}{SOCKET_PATH}", self.url).replacen("https:", "wss:", 1);
        let wrong = |error: &dyn fmt::Display| ConnectError::Socket(error.to_string());
        let mut request = url.into_client_request().map_err(|error| wrong(&error))?;
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {assertion}")).map_err(|error| wrong(&error))?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL),
        );
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .max_message_size(Some(MAX_SIGNAL_BYTES))
            .max_frame_size(Some(MAX_SIGNAL_BYTES));
        let tls = self.tls().await?;
        match client_async_with_config(request, tls, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => {
                let status = response.status().as_u16();
                Err(refusal(status, response.body().as_deref().unwrap_or_default()))
            }
            Err(error) => Err(wrong(&error)),
        }
    }

    /// `POST` with JSON, for JSON.
    pub(super) async fn post(&self, path: &str, body: String) -> Result<Bytes, ConnectError> {
        let wrong = |error: &dyn fmt::Display| ConnectError::Socket(error.to_string());
        let tls = self.tls().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .map_err(|error| wrong(&error))?;
        let driving = tokio::spawn(connection);
        let request = hyper::Request::post(format!("{}{path}", self.home))
            .header(header::HOST.as_str(), format!("{}:{}", self.host, self.port))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| wrong(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| wrong(&error))?;
        let status = response.status();
        let read = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        driving.abort();
        let bytes = read.map_err(|error| wrong(&error))?.to_bytes();
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(refusal(status.as_u16(), &bytes))
        }
    }
}

/// A router's own words, if it gave any.
fn refusal(status: u16, body: &[u8]) -> ConnectError {
    #[derive(serde::Deserialize)]
    struct Words {
        code: String,
        message: String,
    }
    let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(300).collect();
    match serde_json::from_slice::<Words>(body) {
        Ok(words) => ConnectError::Refused {
            code: plain(words.code),
            message: plain(words.message),
        },
        Err(_) => ConnectError::Refused {
            code: status.to_string(),
            message: "it is no router of this kind, or something stands in front of it".to_owned(),
        },
    }
}

/// Host, port and path of `https://HOST[:PORT]/[PATH/]`.
fn parts(url: &str) -> anyhow::Result<(String, u16, String)> {
    let wrong = || format!("{url:?} is not the https address of a router, like https://desk.example.org/");
    let rest = url.strip_prefix("https://").with_context(wrong)?;
    let (site, path) = rest.split_once('/').with_context(wrong)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    ensure!(
        !site.is_empty()
            && !site.contains(['@', '?', '#'])
            && path.bytes().all(plain)
            && (path.is_empty() || path.ends_with('/')),
        wrong()
    );
    let (host, port) = match site.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').with_context(wrong)?;
            (host, rest.strip_prefix(':'))
        }
        None => match site.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (site, None),
        },
    };
    let port = port.map_or(Ok(443), str::parse).with_context(wrong)?;
    Ok((host.to_owned(), port, format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let good = |url: &str| parts(url).unwrap();
        let at = |host: &str, port, home: &str| (host.to_owned(), port, home.to_owned());
        assert_eq!(good("https://desk.example/"), at("desk.example", 443, "/"));
        assert_eq!(good("https://desk.example:8443/"), at("desk.example", 8443, "/"));
        assert_eq!(good("https://[::1]:8443/"), at("::1", 8443, "/"));
        assert_eq!(good("https://a/b/c/"), at("a", 443, "/b/c/"));
        for bad in [
            "http://desk.example/",
            "https://desk.example",
            "https:///",
            "https://a/b",
            "https://a/b?c/",
            "https://a/b c/",
            "https://a:x/",
            "https://me@a/",
            "",
        ] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
