//! Many hosts on one router: what an idle one costs it in memory, and how long a join takes among them.
//!
//! A few hundred by default; `REMOVID_FULL=1` takes 15,000, and prints what it measured.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use futures_util::{SinkExt as _, StreamExt as _};
use router::auth::direct::unix_now;
use router::auth::random_bytes;
use router::auth::signed::{Signer, kid};
use router::tls::private_file;
use serde_json::json;
use signaling_spec::claims::{ASSERTION_TYPE, AssertionClaims};
use signaling_spec::{EndReason, Fingerprint, Rights, Signal, TokenId};
use team_router::roles::{Labels, Role};
use team_router::store::{Binding, NewLogin, Person, Store, Subject};
use tests::https::Https;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// The most that an idle host may cost, in bytes of the router's resident memory. The aim is 16,000; what the
/// allocator and the page cache of so few add is in the rest.
const MOST: u64 = 24_000;

struct Router {
    child: Child,
    dir: PathBuf,
    https: Https,
    url: String,
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

struct Member {
    id: String,
    signer: Signer,
}

fn text() -> String {
    B64.encode(random_bytes::<9>())
}

fn count() -> usize {
    let full = std::env::var("REMOVID_FULL").is_ok_and(|full| !full.is_empty());
    if full { 15_000 } else { 300 }
}

impl Router {
    /// A router, its members and the cookie of somebody who may use them all.
    async fn start(hosts: usize) -> (Self, Vec<Member>, String) {
        let dir = std::env::temp_dir().join(format!("removid-many-{}", text()));
        private_file::directory(&dir).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let url = format!("https://localhost:{port}/");
        let config = dir.join("router.toml");
        let lines = format!(
            "public-url = \"{url}\"\nlisten = \"127.0.0.1:{port}\"\nstate-dir = {dir:?}\npasskeys = true\n\
             # One person stands for many here.\n[limits]\ncalls-per-account = 1000\njoins-per-account = 100000\n\
             sessions-per-account = 100000\n"
        );
        std::fs::write(&config, lines).unwrap();
        let (members, secret) = members(&dir, hosts).await;
        let program = std::env::current_exe().unwrap();
        let program = program.parent().unwrap().parent().unwrap().join("removid-router");
        let child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .env("REMOVID_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("there is no program to test: cargo build --release --workspace");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the router does not start"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let https = Https::new(address, &dir.join("tls-cert.pem")).unwrap();
        (
            Self {
                child,
                dir,
                https,
                url,
            },
            members,
            secret,
        )
    }

    /// Resident memory in bytes.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024
    }

    async fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Socket {
        let tls = self.https.connect().await.unwrap();
        let uri = format!("wss://{}/{path}", self.https.host());
        let mut request = uri.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(
                tokio_tungstenite::tungstenite::http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        tokio_tungstenite::client_async(request, tls).await.unwrap().0
    }

    async fn connect(&self, member: &Member) -> Socket {
        let now = unix_now();
        let claims = AssertionClaims {
            iss: member.id.clone(),
            sub: member.id.clone(),
            aud: self.url.clone(),
            jti: TokenId(text()),
            iat: now,
            exp: now + 60,
        };
        let bearer = format!("Bearer {}", member.signer.sign(ASSERTION_TYPE, &claims).unwrap());
        let headers = [
            ("authorization", bearer.as_str()),
            ("sec-websocket-protocol", "removid.v1"),
        ];
        let mut socket = self.socket("api/v1/host", &headers).await;
        let status = Signal::HostStatus {
            name: "box".to_owned(),
            version: "0.1.0".to_owned(),
            sessions: vec![],
            links: vec![],
        };
        socket.send(Message::Text(status.encode().into())).await.unwrap();
        socket
    }

    /// From the wish for a seat to the host's acceptance; the session ends with it.
    async fn join(&self, token: &str, host: &str) -> Duration {
        let began = Instant::now();
        let (bearer, origin) = (format!("Bearer {token}"), self.https.origin());
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Origin", &origin),
            ("Content-Type", "application/json"),
        ];
        let body = json!({ "viewer_fp": Fingerprint::from_digest(&[7; 32]), "viewer_nonce": "nonceNONCEnonceNONCE00" });
        let line = format!("POST /api/v1/hosts/{host}/sessions");
        let answer = self
            .https
            .request(&line, &headers, &body.to_string())
            .await
            .unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        let seat = answer.json();
        let protocols = format!("removid.v1, removid.ticket.{}", seat["ticket"].as_str().unwrap());
        let headers = [
            ("sec-websocket-protocol", protocols.as_str()),
            ("origin", &origin),
        ];
        let mut socket = self.socket("api/v1/signal", &headers).await;
        let said = loop {
            match socket.next().await {
                Some(Ok(Message::Text(said))) => break said,
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("no acceptance: {other:?}"),
            }
        };
        let Ok(Signal::SessionAccept { sid, .. }) = Signal::decode(&said) else {
            panic!("{said}");
        };
        let took = began.elapsed();
        let reason = EndReason::Closed;
        let end = Signal::SessionEnd { sid, reason };
        let _ = socket.send(Message::Text(end.encode().into())).await;
        took
    }
}

/// Hosts as enrolment would have made them, and a login as a provider would have brought it.
async fn members(dir: &std::path::Path, hosts: usize) -> (Vec<Member>, String) {
    let store = Store::open(&format!("sqlite:{}", dir.join("router.db").display()))
        .await
        .unwrap();
    let (now, far) = (unix_now(), unix_now() + 3600);
    let mut members = Vec::new();
    for n in 0..hosts {
        let (signer, public) = Signer::open(&dir.join("host-key")).unwrap();
        std::fs::remove_file(dir.join("host-key")).unwrap();
        let (kid, token) = (kid(&public), format!("t{n}"));
        let id = kid[..16].to_owned();
        let labels: Labels = [("env".to_owned(), "dev".to_owned())].into();
        store
            .add_enroll_token(&token, "p", &labels, "test", now, far)
            .await
            .unwrap();
        store
            .enroll(&token, &id, &kid, &B64.encode(&public), &format!("box {n}"), now)
            .await
            .unwrap();
        members.push(Member { id, signer });
    }
    let person = Person {
        provider: "passkeys",
        subject: "ada",
        name: "Ada",
        email: "",
        groups: &[],
    };
    let account = store.greet(&person, "u-1", now).await.unwrap();
    let secret = router::auth::random_secret();
    let login = NewLogin {
        hash: &team_router::api::token_hash(&secret),
        account: &account.id,
        auth_time: now,
        expires: far,
        provider_sid: "",
    };
    store.add_login(&login, "l-1", now).await.unwrap();
    let role = Role::parse(r#"{"allow":{"labels":{"*":["*"]}},"rights":{"view":true}}"#).unwrap();
    store.set_role("all", &role, now).await.unwrap();
    let binding = Binding {
        provider: "passkeys".to_owned(),
        subject: Subject::Account("ada".to_owned()),
        role: "all".to_owned(),
    };
    store.bind_role(&binding).await.unwrap();
    (members, secret)
}

/// Answers pings, and lets in whoever asks.
async fn live(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(said) = message else { continue };
        let answer = match Signal::decode(&said) {
            Ok(Signal::SessionRequest { sid, .. }) => Signal::SessionAccept {
                sid,
                host_fp: Fingerprint::from_digest(&[9; 32]),
                rights: Rights::view_only(),
            },
            Ok(Signal::SessionEnd { sid, reason }) => Signal::SessionEnd { sid, reason },
            Ok(_) | Err(_) => continue,
        };
        if socket.send(Message::Text(answer.encode().into())).await.is_err() {
            return;
        }
    }
}

/// So many joins, so many a second; the middle and the ninety-ninth hundredth.
async fn joins(router: &Arc<Router>, token: &str, members: &[Member], many: usize) -> (Duration, Duration) {
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / 30));
    let mut under_way = tokio::task::JoinSet::new();
    for n in 0..many {
        tick.tick().await;
        let (router, token, host) = (
            Arc::clone(router),
            token.to_owned(),
            members[n % members.len()].id.clone(),
        );
        under_way.spawn(async move { router.join(&token, &host).await });
    }
    let mut took = under_way.join_all().await;
    took.sort_unstable();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_host_costs_little_and_slows_nobody() {
    let (router, members, secret) = Router::start(count()).await;
    let (router, members) = (Arc::new(router), Arc::new(members));
    let cookie = format!("__Host-removid={secret}");
    let origin = router.https.origin();
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", &origin),
    ];
    let answer = router
        .https
        .request("POST /api/v1/token", &headers, "")
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    // A few of them warm up what every router has.
    let few = 20;
    for member in &members[..few] {
        tokio::spawn(live(router.connect(member).await));
    }
    let many = if count() > 1000 { 300 } else { 30 };
    let (middle, slow) = joins(&router, &token, &members[..few], many).await;
    println!("joins with {few} hosts: p50 {middle:?}, p99 {slow:?}");
    let before = router.memory();
    let limit = Arc::new(Semaphore::new(16));
    let began = Instant::now();
    let mut connecting = tokio::task::JoinSet::new();
    for n in few..members.len() {
        let permit = Arc::clone(&limit).acquire_owned().await.unwrap();
        let (router, members) = (Arc::clone(&router), Arc::clone(&members));
        connecting.spawn(async move {
            let socket = router.connect(&members[n]).await;
            drop(permit);
            tokio::spawn(live(socket));
        });
    }
    connecting.join_all().await;
    println!("{} hosts connected in {:?}", members.len(), began.elapsed());
    let added = u64::try_from(members.len() - few).unwrap();
    let each = router.memory().saturating_sub(before) / added;
    println!("{each} bytes of resident memory for each idle host");
    let (middle, slow) = joins(&router, &token, &members, many).await;
    println!("joins with {} hosts: p50 {middle:?}, p99 {slow:?}", members.len());
    assert!(each <= MOST, "{each} bytes for each idle host");
}
