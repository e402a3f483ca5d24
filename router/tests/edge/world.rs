//! A router on loopback with a certificate of its own, the host's end of its link, and a client that trusts it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::{SinkExt as _, StreamExt as _};
use router::auth::direct::{DirectStore, unix_now};
use router::auth::token::{Key, Tokens};
use router::link::{RouterLink, in_memory};
use router::net::Listener;
use router::tls::{Certificate, private_file};
use router::{Config, HostFacts, Running};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use signaling_spec::claims::{AccessClaims, DIRECT_ISSUER};
use signaling_spec::{Fingerprint, HostId, Rights, Signal, TokenId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::{self, Message};

pub(crate) type Tls = TlsStream<TcpStream>;
pub(crate) type Socket = tokio_tungstenite::WebSocketStream<Tls>;

pub(crate) const NONCE: &str = "nonceNONCEnonceNONCE00";
/// A page that the configuration names.
pub(crate) const NAMED: &str = "https://wiki.example";

pub(crate) struct World {
    pub(crate) dir: PathBuf,
    pub(crate) store: Arc<DirectStore>,
    pub(crate) token: String,
    pub(crate) address: SocketAddr,
    pub(crate) host: RouterLink,
    connector: TlsConnector,
    callers: AtomicU32,
    _running: Running,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint::from_digest(&[7; 32])
}

pub(crate) fn start() -> World {
    let dir = std::env::temp_dir().join(format!(
        "removid-edge-{}",
        B64.encode(router::auth::random_bytes::<9>())
    ));
    private_file::directory(&dir).unwrap();
    let store = Arc::new(DirectStore::open(&dir, HostId("host-a".to_owned())).unwrap());
    let token = store.permanent().unwrap().unwrap();
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let certificate = Certificate::self_signed(&dir, &["localhost".to_owned()], &[here]).unwrap();
    let config = Config {
        listen: SocketAddr::new(here, 0),
        origins: vec![NAMED.to_owned()],
        public_url: None,
        ice_servers: vec![],
        assets_dir: None,
    };
    let listener = Listener::bind(config.listen).unwrap();
    let facts = HostFacts {
        id: HostId("host-a".to_owned()),
        name: "box".to_owned(),
        public_key: "K".repeat(43),
    };
    let (router_end, host) = in_memory();
    let authority = Arc::<DirectStore>::clone(&store);
    let running = router::start(
        config,
        listener,
        Arc::new(certificate),
        authority,
        facts,
        router_end,
        None,
    )
    .unwrap();

    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(dir.join("tls-cert.pem")).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    World {
        dir,
        store,
        token,
        address: running.local_addr,
        host,
        connector: TlsConnector::from(Arc::new(client)),
        callers: AtomicU32::new(1),
        _running: running,
    }
}

impl World {
    /// From an address of its own each time, so that one test's failures do not close the door to the next.
    pub(crate) async fn tcp(&self) -> TcpStream {
        let n = self.callers.fetch_add(1, Ordering::Relaxed);
        let [_, b, c, d] = n.to_be_bytes();
        self.tcp_from(Ipv4Addr::new(127, b + 1, c, d)).await
    }

    pub(crate) async fn tcp_from(&self, from: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.into(), 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    pub(crate) async fn secure(&self, tcp: TcpStream) -> Tls {
        let name = ServerName::try_from("localhost").unwrap();
        self.connector.connect(name, tcp).await.unwrap()
    }

    pub(crate) fn host_header(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.host_header())
    }

    pub(crate) async fn request(&self, line: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let tcp = self.tcp().await;
        self.request_on(tcp, line, fields, body).await
    }

    pub(crate) async fn request_on(
        &self,
        tcp: TcpStream,
        line: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut tls = self.secure(tcp).await;
        let host = self.host_header();
        let mut text = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in fields {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        tls.write_all(format!("{text}\r\n{body}").as_bytes())
            .await
            .unwrap();
        let bytes = until_closed(&mut tls).await;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        Answer {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) async fn create_with(&self, fields: &[(&str, &str)], body: &str) -> Answer {
        self.request("POST /api/v1/sessions", fields, body).await
    }

    /// The honest call of a browser.
    pub(crate) async fn create(&self, token: &str) -> Answer {
        let (bearer, origin) = (format!("Bearer {token}"), self.origin());
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Origin", &origin),
            ("Content-Type", "application/json"),
        ];
        self.create_with(&fields, &body()).await
    }

    pub(crate) async fn ticket(&self) -> (String, String) {
        let created = self.create(&self.token).await;
        assert_eq!(created.status, 201, "{created:?}");
        let created = created.json();
        let text = |field: &str| created[field].as_str().unwrap().to_owned();
        (text("sid"), text("ticket"))
    }

    /// Asks for the signalling socket; the status and code of a refusal.
    pub(crate) async fn upgrade(&self, fields: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        let tcp = self.tcp().await;
        let tls = self.secure(tcp).await;
        let uri = format!("wss://{}/api/v1/signal", self.host_header());
        let mut request = tungstenite::client::IntoClientRequest::into_client_request(uri).unwrap();
        for (name, value) in fields {
            let name: tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match tokio_tungstenite::client_async(request, tls).await {
            Ok((socket, response)) => {
                let selected = response.headers().get("sec-websocket-protocol").unwrap();
                assert_eq!(selected, "removid.v1", "the ticket is never selected");
                Ok(socket)
            }
            Err(tungstenite::Error::Http(response)) => {
                let body: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or(b"null")).unwrap_or_default();
                let code = body["code"].as_str().unwrap_or_default().to_owned();
                Err((response.status().as_u16(), code))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The honest socket of a browser.
    pub(crate) async fn take(&self, ticket: &str) -> Result<Socket, (u16, String)> {
        let (protocols, origin) = (protocols(ticket), self.origin());
        self.upgrade(&[("Sec-WebSocket-Protocol", &protocols), ("Origin", &origin)])
            .await
    }

    /// A viewer that was let in, and its session's name.
    pub(crate) async fn viewer(&mut self) -> (Socket, String) {
        let (sid, ticket) = self.ticket().await;
        let socket = self.take(&ticket).await.unwrap();
        let Signal::SessionRequest { sid: asked, .. } = self.told().await else {
            panic!("the host was told something else");
        };
        assert_eq!(asked.0, sid);
        (socket, sid)
    }

    /// The next message that reaches the host.
    pub(crate) async fn told(&mut self) -> Signal {
        *within(2, self.host.from_router.recv()).await.unwrap()
    }

    /// A token that this host's key has signed, with claims of the test's choice.
    pub(crate) fn signed(&self, change: impl FnOnce(&mut AccessClaims)) -> String {
        let keyring: Value =
            serde_json::from_slice(&private_file::read(&self.dir.join("keyring.json")).unwrap()).unwrap();
        let (kid, key) = (
            keyring[0]["kid"].as_str().unwrap(),
            keyring[0]["key"].as_str().unwrap(),
        );
        let key = Key::from_bytes(kid.to_owned(), B64.decode(key).unwrap()).unwrap();
        let mut claims = AccessClaims {
            iss: DIRECT_ISSUER.to_owned(),
            aud: "host-a".to_owned(),
            sub: "me".to_owned(),
            jti: TokenId("t1".to_owned()),
            iat: unix_now(),
            nbf: unix_now(),
            exp: unix_now() + 600,
            rights: Rights::all(),
        };
        change(&mut claims);
        Tokens::new(vec![key], "x", "x").mint(&claims).unwrap()
    }
}

pub(crate) fn protocols(ticket: &str) -> String {
    format!("removid.v1, removid.ticket.{ticket}")
}

pub(crate) fn body() -> String {
    json!({ "viewer_fp": fingerprint(), "viewer_nonce": NONCE }).to_string()
}

pub(crate) async fn within<F: Future>(seconds: u64, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .unwrap_or_else(|_| panic!("nothing came for {seconds} s"))
}

/// Everything until the peer closes, in whichever way.
pub(crate) async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let (mut bytes, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = within(30, stream.read(&mut some)).await {
        bytes.extend_from_slice(&some[..n]);
    }
    bytes
}

pub(crate) async fn say(socket: &mut Socket, text: impl Into<String>) {
    let text: String = text.into();
    within(5, socket.send(Message::Text(text.into()))).await.unwrap();
}

/// The next signal for the viewer.
pub(crate) async fn heard(socket: &mut Socket) -> Signal {
    loop {
        match within(5, socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => return Signal::decode(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => panic!("{other:?}"),
        }
    }
}

/// The code and word that the socket was closed with; messages before it are passed over.
pub(crate) async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match within(5, socket.next()).await {
            Some(Ok(Message::Close(frame))) => {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
            Some(Ok(_)) => {}
            other => panic!("closed without a word: {other:?}"),
        }
    }
}
