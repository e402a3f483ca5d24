//! A plain HTTPS client for tests: it says exactly what it is told, trusts one certificate, and keeps nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value, if it is there.
    pub fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().skip(1).filter_map(move |line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Calls one server on loopback, from an address of its own each time, so that one caller's failures do not close the
/// door to the next.
#[derive(Clone)]
pub struct Https {
    address: SocketAddr,
    connector: TlsConnector,
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

static CALLERS: AtomicU32 = AtomicU32::new(1);

impl Https {
    /// # Errors
    /// The certificate cannot be read.
    pub fn new(address: SocketAddr, certificate: &Path) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(certificate)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            address,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// `HOST:PORT`, as a browser writes it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub fn origin(&self) -> String {
        format!("https://{}", self.host())
    }

    /// # Errors
    /// No connection.
    pub async fn connect(&self) -> anyhow::Result<TlsStream<TcpStream>> {
        let [_, b, c, d] = CALLERS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        self.connect_from(Ipv4Addr::new(127, b + 1, c, d)).await
    }

    /// # Errors
    /// No connection.
    pub async fn connect_from(&self, from: Ipv4Addr) -> anyhow::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from.into(), 0))?;
        let tcp = socket.connect(self.address).await?;
        let name = ServerName::try_from("localhost")?;
        Ok(self.connector.connect(name, tcp).await?)
    }

    /// One request, e.g. `GET /`, with these headers beside `Host`.
    ///
    /// # Errors
    /// No connection, or no answer in time.
    pub async fn request(&self, line: &str, headers: &[(&str, &str)], body: &str) -> anyhow::Result<Answer> {
        let tls = self.connect().await?;
        self.request_on(tls, line, headers, body).await
    }

    /// # Errors
    /// As [`Self::request`].
    pub async fn request_on(
        &self,
        mut tls: TlsStream<TcpStream>,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answer> {
        let mut text = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.host()
        );
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        tls.write_all(format!("{text}\r\n{body}").as_bytes()).await?;
        let mut bytes = Vec::new();
        let reading = async {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = tls.read(&mut some).await {
                bytes.extend_from_slice(some.get(..n).unwrap_or_default());
            }
        };
        if tokio::time::timeout(PATIENCE, reading).await.is_err() {
            bail!("{line}: no answer in time");
        }
        let text = String::from_utf8(bytes)?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).context("no answer")?.parse()?;
        Ok(Answer {
            status,
            head: head.to_owned(),
            body: unchunked(head, body),
        })
    }
}

/// Joins chunks (RFC 9112 §7.1).
fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut rest, mut text) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        if size == 0 || after.len() < size {
            break;
        }
        text += &after[..size];
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}
