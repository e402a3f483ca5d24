//! Proxies in front, honest and not; a path of somebody's site; certificates of one's own; and the end in good order.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use router::tls::Certificate;
use serde_json::json;
use team_router::audit;
use tests::https::{Answer, Https};
use tracing_subscriber::layer::SubscriberExt as _;

use super::count::Count;
use super::world::{World, heard, within};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 60, 0, 1);

fn behind_proxies(_: &Path) -> String {
    "trusted-proxies = [\"127.60.0.0/16\"]".to_owned()
}

/// A wrong token from `from`, for whom it claims to come.
async fn guess(world: &World, from: Ipv4Addr, forwarded: &str) -> Answer {
    let tls = world.https.connect_from(from).await.unwrap();
    let headers = [("Authorization", "Bearer a.b.c"), ("X-Forwarded-For", forwarded)];
    world
        .https
        .request_on(tls, "GET /api/v1/hosts", &headers, "")
        .await
        .unwrap()
}

#[tokio::test]
async fn nobody_borrows_an_address() {
    let (world, mut count) = (World::start_as("", behind_proxies).await, Count::default());
    // A stranger names another address at each attempt, and is known by its own.
    let stranger = Ipv4Addr::new(127, 61, 0, 1);
    for n in 0..10 {
        guess(&world, stranger, &format!("203.0.113.{n}")).await;
    }
    let answer = guess(&world, stranger, "203.0.113.99").await;
    count.refused("a stranger that names others", &answer, 429, "too_many");
    // Behind a proxy a client writes addresses of its own before what the proxy saw.
    for n in 0..10 {
        guess(&world, PROXY, &format!("198.51.100.{n}, 203.0.113.7")).await;
    }
    let answer = guess(&world, PROXY, "198.51.100.99, 203.0.113.7").await;
    count.refused("a client that writes the header itself", &answer, 429, "too_many");
    // Nor do its guesses shut out whoever it names, or the proxy's other clients.
    for honest in ["203.0.113.8", "198.51.100.1, 203.0.113.9", "203.0.113.99"] {
        let answer = guess(&world, PROXY, honest).await;
        assert_eq!(answer.status, 401, "the honest twin {honest}: {answer:?}");
    }
    count.say("borrowed addresses");
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> Vec<String> {
    answer
        .headers("set-cookie")
        .filter_map(|cookie| cookie.split_once(';').map(|(pair, _)| pair.to_owned()))
        .filter(|pair| !pair.ends_with('='))
        .collect()
}

#[tokio::test]
async fn everything_stays_under_its_path() {
    let (world, mut count) = (
        World::start_as("/desk", |_| String::new()).await,
        Count::default(),
    );
    assert!(world.url.ends_with("/desk/"));
    // A proxy that keeps the path, and one that takes it off.
    for at in ["/desk", ""] {
        let begun = world
            .get(
                &format!("{at}/auth/login?provider=corp&to=/desk/desktop?host=x"),
                &[],
            )
            .await;
        let authorize = begun.header("location").unwrap().to_owned();
        assert!(authorize.contains("desk%2Fauth%2Fcallback%2Fcorp"), "{authorize}");
        let code = world.provider.log_in(&authorize, "ada", &["admins"]);
        let own = cookies(&begun).join("; ");
        let back = world.back(&authorize, &code);
        let answer = world
            .get(&format!("{at}/auth/callback/corp?{back}"), &[("Cookie", &own)])
            .await;
        assert_eq!(
            answer.header("location"),
            Some("/desk/desktop?host=x"),
            "{answer:?}"
        );
        for cookie in begun.headers("set-cookie").chain(answer.headers("set-cookie")) {
            assert!(cookie.starts_with("__Secure-removid"), "{cookie}");
            assert!(cookie.contains("; Path=/desk/;"), "{cookie}");
        }
        let page = world.get(&format!("{at}/"), &[]).await;
        assert!(page.body.contains("team/main.js") && !page.body.contains("src=\"/"));
    }
    for to in [
        "/mail/",
        "/desk/../mail/",
        "/desk/%252e%252e/mail/",
        "//evil.example/desk/",
    ] {
        let begun = world
            .get(&format!("/desk/auth/login?provider=corp&to={to}"), &[])
            .await;
        let authorize = begun.header("location").unwrap().to_owned();
        let code = world.provider.log_in(&authorize, "ada", &["admins"]);
        let own = cookies(&begun).join("; ");
        let query = world.back(&authorize, &code);
        let answer = world
            .get(&format!("/desk/auth/callback/corp?{query}"), &[("Cookie", &own)])
            .await;
        let led = answer.header("location").unwrap();
        assert!(
            led == "/desk/" || (led.starts_with("/desk/%252e") && !led.contains("%2e%2e/")),
            "{to}: {led}"
        );
        count.one();
    }
    let answer = world.get("/desk/../token-key", &[]).await;
    count.refused("out of the path", &answer, 404, "not_found");
    count.say("paths of a site");
}

#[tokio::test]
async fn an_own_certificate_is_read_again() {
    let own = |dir: &Path, name: &str| {
        let dir = dir.join(name);
        router::tls::private_file::directory(&dir).unwrap();
        Certificate::self_signed(&dir, &["localhost".to_owned()], &[]).unwrap();
        (dir.join("tls-cert.pem"), dir.join("tls-key.pem"))
    };
    let world = World::start_as("", |dir| {
        let (cert, key) = own(dir, "one");
        std::fs::copy(&cert, dir.join("tls-cert.pem")).unwrap();
        format!("tls = {{ cert = {cert:?}, key = {key:?} }}")
    })
    .await;
    assert_eq!(world.get("/readyz", &[]).await.status, 200);
    let (cert, key) = own(&world.dir, "two");
    std::fs::rename(&key, world.dir.join("one/tls-key.pem")).unwrap();
    std::fs::copy(&cert, world.dir.join("one/tls-cert.pem")).unwrap();
    let https = Https::new(world.router.local_addr, &cert).unwrap();
    let began = Instant::now();
    while https.request("GET /readyz", &[], "").await.is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the new certificate is not served"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Puts a certificate that ends so many seconds from now in place of the one that is there.
fn renew(dir: &Path, seconds: u64) -> (PathBuf, PathBuf) {
    let (cert, key) = (dir.join("own.pem"), dir.join("own-key.pem"));
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let now = std::time::SystemTime::now();
    params.not_before = (now - Duration::from_secs(60 * 24 * 3600)).into();
    params.not_after = (now + Duration::from_secs(seconds)).into();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let made = params.self_signed(&pair).unwrap();
    std::fs::write(dir.join("new.pem"), made.pem()).unwrap();
    std::fs::rename(dir.join("new.pem"), &cert).unwrap();
    (cert, key)
}

#[tokio::test]
async fn a_certificate_that_ends_is_said_in_good_time() {
    const DAY: i64 = 24 * 3600;
    let (layer, events) = audit::channel();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let own = |dir: &Path| {
        let (cert, key) = renew(dir, 3 * 24 * 3600);
        std::fs::copy(&cert, dir.join("tls-cert.pem")).unwrap();
        router::tls::private_file::write(&dir.join("figures"), b"a-token-for-figures").unwrap();
        let metrics = dir.join("figures");
        format!("metrics-token-file = {metrics:?}\ntls = {{ cert = {cert:?}, key = {key:?} }}")
    };
    let world = World::start_logged("", own, Some(events)).await;
    let left = async || -> Option<i64> {
        let https = Https::new(world.router.local_addr, &world.dir.join("own.pem")).unwrap();
        let bearer = [("Authorization", "Bearer a-token-for-figures")];
        let page = https.request("GET /metrics", &bearer, "").await.ok()?.body;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("removid_certificate_seconds_left "))?;
        line.parse().ok()
    };
    let said = async || {
        let rows = world.router.team.store.audit_after(0, 99).await.unwrap();
        rows.iter().filter(|row| row.code == "RMV6013W").count()
    };
    // Until the router has read the file, its figure is that of the one before.
    let until = async |days: std::ops::Range<i64>, words: usize| {
        let began = Instant::now();
        while !(left().await.is_some_and(|left| days.contains(&(left / DAY))) && said().await == words) {
            let found = (left().await, said().await);
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{days:?}, {words}: {found:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until(2..4, 1).await;
    assert_eq!(
        world.get("/readyz", &[]).await.body,
        "ready",
        "it is ready all the same"
    );
    renew(&world.dir, 90 * 24 * 3600);
    until(89..91, 1).await;
    renew(&world.dir, 5 * 24 * 3600);
    until(4..6, 2).await;

    // As `check-config` says it.
    let config = &world.router.team.config;
    let check = || team_router::certificate::check(config, router::auth::direct::unix_now());
    assert!(check().unwrap().unwrap().contains("ends in 4 days: renew it"));
    renew(&world.dir, 90 * 24 * 3600 - 60);
    assert!(check().unwrap().unwrap().ends_with("ends in 89 days"));
    renew(&world.dir, 0);
    assert!(check().unwrap_err().to_string().contains("is over"));
}

#[tokio::test]
async fn the_end_is_told_to_everybody() {
    let world = World::start_as("", |_| "drain-delay = 1".to_owned()).await;
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let mut at_host = world.connect(&host).await.unwrap();
    world
        .role(&admin, "all", &json!({ "rights": { "view": true } }))
        .await;
    world.give(&admin, "all", "admins").await;
    let answer = world.join(&admin, &host.id).await;
    let ticket = answer.json()["ticket"].as_str().unwrap_or_default().to_owned();
    let mut viewer = world.take(&ticket).await.unwrap();
    heard(&mut at_host).await.unwrap();
    // A request whose body is still under way when the end begins.
    let mut slow = world.https.connect().await.unwrap();
    let head = format!(
        "POST /api/v1/enroll HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n",
        world.https.host()
    );
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes())
        .await
        .unwrap();

    let World {
        router, https, dir, ..
    } = world;
    let address = router.local_addr;
    let end = tokio::spawn(router.drain());
    let began = Instant::now();
    loop {
        let answer = https.request("GET /readyz", &[], "").await.unwrap();
        if answer.status == 503 {
            assert_eq!(answer.code(), "stopping");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(heard(&mut viewer).await, Err(1012));
    assert_eq!(heard(&mut at_host).await, Err(1012));
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"null")
        .await
        .unwrap();
    let mut said = Vec::new();
    within(10, tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut said))
        .await
        .unwrap();
    assert!(said.starts_with(b"HTTP/1.1 4"), "what was under way is answered");
    drop((viewer, at_host));
    within(10, end).await.unwrap();
    assert!(
        tokio::net::TcpStream::connect(address).await.is_err(),
        "nobody listens"
    );
    drop(dir);
}
