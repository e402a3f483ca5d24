//! A team's router on loopback with its provider, and everybody who comes to it: browsers, hosts, strangers.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::{SinkExt as _, StreamExt as _};
use router::auth::direct::unix_now;
use router::auth::random_bytes;
use router::auth::signed::{Signer, kid};
use router::tls::private_file;
use serde_json::{Value, json};
use signaling_spec::claims::{ASSERTION_TYPE, AssertionClaims};
use signaling_spec::{Fingerprint, Signal, TokenId};
use team_router::Config;
use team_router::audit::Event;
use team_router::run::{self, TeamRouter};
use tests::https::{Answer, Https};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use super::provider::{CLIENT, Provider, query};

pub(crate) type Socket = tokio_tungstenite::WebSocketStream<TlsStream<TcpStream>>;

pub(crate) const NONCE: &str = "nonceNONCEnonceNONCE00";

pub(crate) struct World {
    pub(crate) dir: Folder,
    pub(crate) provider: Provider,
    pub(crate) https: Https,
    /// With a slash at the end.
    pub(crate) url: String,
    pub(crate) router: TeamRouter,
}

/// Goes with whoever has it.
pub(crate) struct Folder(PathBuf);

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Somebody's browser, with its cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn header(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    pub(crate) fn take(&mut self, answer: &Answer) {
        for cookie in answer.headers("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            for needed in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(needed), "{cookie}");
            }
            let (name, value) = pair.split_once('=').unwrap();
            assert!(name.starts_with("__Host-"), "{cookie}");
            self.cookies.retain(|(other, _)| other != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// A workstation with a key.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) id: String,
    pub(crate) signer: Signer,
    pub(crate) public: Vec<u8>,
    /// The key's file.
    pub(crate) file: PathBuf,
}

impl Host {
    /// Its signature over anything, in base64url.
    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        let pkcs8 = private_file::read(&self.file).unwrap();
        let key = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
        B64.encode(key.sign(bytes))
    }
}

pub(crate) fn text() -> String {
    B64.encode(random_bytes::<9>())
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_as("", |_| String::new()).await
    }

    /// Under a path, and with further lines of configuration; these may name files in the state directory.
    pub(crate) async fn start_as(path: &str, more: impl FnOnce(&Path) -> String) -> Self {
        Self::start_logged(path, more, None).await
    }

    /// As [`Self::start_as`], with the audit log that these events make.
    pub(crate) async fn start_logged(
        path: &str,
        more: impl FnOnce(&Path) -> String,
        events: Option<mpsc::Receiver<Event>>,
    ) -> Self {
        Self::start_with((path, ""), more, events).await
    }

    /// As [`Self::start_logged`], and with a further line about the provider.
    pub(crate) async fn start_with(
        (path, of_provider): (&str, &str),
        more: impl FnOnce(&Path) -> String,
        events: Option<mpsc::Receiver<Event>>,
    ) -> Self {
        let dir = Folder(std::env::temp_dir().join(format!("removid-attacks-{}", text())));
        private_file::directory(&dir).unwrap();
        let provider = Provider::start(&dir).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        std::fs::write(dir.join("secret"), "s3cret-of-the-client\n").unwrap();
        let config = format!(
            "public-url = \"https://localhost:{port}{path}\"\nlisten = \"127.0.0.1:{port}\"\nstate-dir = \"{}\"\n{}\n\
             admins = [{{ provider = \"corp\", group = \"admins\" }}]\n\
             [[provider]]\nid = \"corp\"\nissuer = \"{}\"\nclient-id = \"{CLIENT}\"\nclient-secret-file = \"{}\"\n{of_provider}\n",
            dir.display(),
            more(&dir),
            provider.issuer,
            dir.join("secret").display(),
        );
        let config = Config::parse(&config).unwrap();
        let url = config.public_url.clone();
        let router = run::start(config, events).await.unwrap();
        let https = Https::new(router.local_addr, &dir.join("tls-cert.pem")).unwrap();
        Self {
            dir,
            provider,
            https,
            url,
            router,
        }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.https
            .request(&format!("GET {path}"), headers, "")
            .await
            .unwrap()
    }

    /// Begins a login: the answer that sends the browser away.
    pub(crate) async fn begin(&self, browser: &mut Browser, to: &str) -> String {
        let answer = self.get(&format!("/auth/login?provider=corp&to={to}"), &[]).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser.take(&answer);
        answer.header("location").unwrap().to_owned()
    }

    /// Comes back from the provider.
    pub(crate) async fn come_back(&self, browser: &Browser, query: &str) -> Answer {
        let cookies = browser.header();
        self.get(&format!("/auth/callback/corp?{query}"), &[("Cookie", &cookies)])
            .await
    }

    pub(crate) fn back(&self, authorize: &str, code: &str) -> String {
        let state = &query(authorize)["state"];
        format!(
            "code={code}&state={state}&iss={}",
            self.provider.issuer.replace(':', "%3A").replace('/', "%2F")
        )
    }

    /// An honest login from beginning to end.
    pub(crate) async fn log_in(&self, subject: &str, groups: &[&str]) -> Browser {
        let mut browser = Browser::default();
        let answer = self.try_login(&mut browser, subject, groups).await;
        assert_eq!(answer.header("location"), Some("/"), "{answer:?}");
        assert!(
            browser.cookies.iter().any(|(name, _)| name == "__Host-removid"),
            "{answer:?}"
        );
        browser
    }

    pub(crate) async fn try_login(&self, browser: &mut Browser, subject: &str, groups: &[&str]) -> Answer {
        let authorize = self.begin(browser, "/").await;
        let code = self.provider.log_in(&authorize, subject, groups);
        let answer = self.come_back(browser, &self.back(&authorize, &code)).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        browser.take(&answer);
        answer
    }

    pub(crate) async fn ask_token(&self, browser: &Browser) -> Answer {
        let (cookies, origin) = (browser.header(), self.https.origin());
        let headers = [
            ("Cookie", cookies.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
            ("Origin", &origin),
        ];
        self.https
            .request("POST /api/v1/token", &headers, "")
            .await
            .unwrap()
    }

    pub(crate) async fn token(&self, browser: &Browser) -> String {
        let answer = self.ask_token(browser).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// A logged-in person's token.
    pub(crate) async fn person(&self, subject: &str, groups: &[&str]) -> String {
        self.token(&self.log_in(subject, groups).await).await
    }

    pub(crate) async fn call(&self, line: &str, token: &str, body: &str) -> Answer {
        let (bearer, origin) = (format!("Bearer {token}"), self.https.origin());
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Origin", &origin),
            ("Content-Type", "application/json"),
        ];
        self.https.request(line, &headers, body).await.unwrap()
    }

    pub(crate) async fn enroll_token(&self, admin: &str, labels: &Value) -> String {
        let body = json!({ "labels": labels }).to_string();
        let answer = self.call("POST /api/v1/enroll-tokens", admin, &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn new_host(&self) -> Host {
        let file = self.dir.join(format!("host-{}", text()));
        let (signer, public) = Signer::open(&file).unwrap();
        Host {
            file,
            id: kid(&public)[..16].to_owned(),
            signer,
            public,
        }
    }

    pub(crate) fn assertion(&self, host: &Host, change: impl FnOnce(&mut AssertionClaims)) -> String {
        let now = unix_now();
        let mut claims = AssertionClaims {
            iss: host.id.clone(),
            sub: host.id.clone(),
            aud: self.url.clone(),
            jti: TokenId(text()),
            iat: now,
            exp: now + 60,
        };
        change(&mut claims);
        host.signer.sign(ASSERTION_TYPE, &claims).unwrap()
    }

    pub(crate) fn enrolment(&self, host: &Host, token: &str) -> Value {
        json!({
            "token": token, "host_pub": B64.encode(&host.public), "name": "box",
            "proof": self.assertion(host, |_| {}),
        })
    }

    pub(crate) async fn enroll(&self, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        self.https
            .request("POST /api/v1/enroll", &headers, &body.to_string())
            .await
            .unwrap()
    }

    pub(crate) async fn ask(&self, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json")];
        self.https
            .request("POST /api/v1/enroll/ask", &headers, &body.to_string())
            .await
            .unwrap()
    }

    /// A host that belongs to the team.
    pub(crate) async fn host(&self, admin: &str, labels: &Value) -> Host {
        let token = self.enroll_token(admin, labels).await;
        let host = self.new_host();
        let answer = self.enroll(&self.enrolment(&host, &token)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["host_id"], host.id.as_str());
        host
    }

    /// Asks for a host's socket; the status and code of a refusal.
    pub(crate) async fn uplink(&self, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        self.socket("api/v1/host", headers).await
    }

    pub(crate) async fn connect(&self, host: &Host) -> Result<Socket, (u16, String)> {
        let bearer = format!("Bearer {}", self.assertion(host, |_| {}));
        let mut socket = self.uplink(&[("Authorization", &bearer)]).await?;
        let status = Signal::HostStatus {
            name: "box".to_owned(),
            version: "0.1.0".to_owned(),
            sessions: vec![],
            links: vec![],
        };
        say(&mut socket, &status).await;
        Ok(socket)
    }

    pub(crate) async fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        let tls = self.https.connect().await.unwrap();
        self.socket_on(tls, path, headers).await
    }

    pub(crate) async fn socket_on(
        &self,
        tls: TlsStream<TcpStream>,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Socket, (u16, String)> {
        let uri = format!("wss://{}/{path}", self.https.host());
        let mut request = uri.into_client_request().unwrap();
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        if !request.headers().contains_key("sec-websocket-protocol") {
            let value = "removid.v1".parse().unwrap();
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        match tokio_tungstenite::client_async(request, tls).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => {
                let body: Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or(b"null")).unwrap_or_default();
                let code = body["code"].as_str().unwrap_or_default().to_owned();
                Err((response.status().as_u16(), code))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn join(&self, token: &str, host: &str) -> Answer {
        self.call(&format!("POST /api/v1/hosts/{host}/sessions"), token, &seat())
            .await
    }

    /// Takes a ticket as a browser does.
    pub(crate) async fn take(&self, ticket: &str) -> Result<Socket, (u16, String)> {
        let (protocols, origin) = (
            format!("removid.v1, removid.ticket.{ticket}"),
            self.https.origin(),
        );
        let headers = [
            ("Sec-WebSocket-Protocol", protocols.as_str()),
            ("Origin", &origin),
        ];
        self.socket("api/v1/signal", &headers).await
    }

    pub(crate) async fn role(&self, admin: &str, name: &str, role: &Value) {
        let answer = self
            .call(&format!("PUT /api/v1/roles/{name}"), admin, &role.to_string())
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    pub(crate) async fn give(&self, admin: &str, role: &str, group: &str) {
        let body = json!({ "provider": "corp", "group": group, "role": role }).to_string();
        let answer = self.call("POST /api/v1/bindings", admin, &body).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint::from_digest(&[7; 32])
}

pub(crate) fn seat() -> String {
    json!({ "viewer_fp": fingerprint(), "viewer_nonce": NONCE }).to_string()
}

pub(crate) async fn say(socket: &mut Socket, signal: &Signal) {
    socket.send(Message::Text(signal.encode().into())).await.unwrap();
}

pub(crate) async fn within<F: Future>(seconds: u64, future: F) -> F::Output {
    tokio::time::timeout(std::time::Duration::from_secs(seconds), future)
        .await
        .unwrap_or_else(|_| panic!("nothing came for {seconds} s"))
}

/// The next message, or the code of the close frame.
pub(crate) async fn heard(socket: &mut Socket) -> Result<Signal, u16> {
    loop {
        match within(10, socket.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(Signal::decode(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}
