//! The pages and their headers, and what a stranger learns.

use super::count::Count;
use super::world::World;

#[tokio::test]
async fn every_page_has_its_policy() {
    let world = World::start().await;
    for path in [
        "/",
        "/desktop?host=x",
        "/admin",
        "/audit",
        "/api/v1/providers",
        "/api/v1/hosts",
        "/nothing",
        "/src/team/main.js",
        "/readyz",
    ] {
        let answer = world.get(path, &[]).await;
        let policy = answer
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{path}: {answer:?}"));
        for needed in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(needed), "{path}: {policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
    assert!(world.get("/", &[]).await.body.contains("team/main.js"));
    assert!(world.get("/desktop", &[]).await.body.contains("app/main.js"));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let (world, mut count) = (World::start().await, Count::default());
    for path in [
        "/api/v1/hosts",
        "/api/v1/roles",
        "/api/v1/bindings",
        "/api/v1/locks",
        "/api/v1/accounts",
        "/api/v1/audit",
    ] {
        count.refused(path, &world.get(path, &[]).await, 401, "login_required");
    }
    for path in [
        "/../router.db",
        "/router.db",
        "/src/../../Cargo.toml",
        "/%2e%2e/token-key",
        "/src/%2e%2e/%2e%2e/secret",
        "/token-key",
    ] {
        let answer = world.get(path, &[]).await;
        count.refused(path, &answer, 404, "not_found");
    }
    let providers = world.get("/api/v1/providers", &[]).await.json();
    assert_eq!(
        providers["providers"][0]["id"], "corp",
        "the honest twin: whom to log in with"
    );
    count.say("strangers");
}

/// Whatever the document of the calls says to need a token gives a stranger nothing.
#[tokio::test]
async fn every_call_of_the_document_is_closed() {
    let (world, mut count) = (World::start().await, Count::default());
    let document = world.get("/api/v1/openapi.json", &[]).await.json();
    let token = world.person("eve", &[]).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, call) in methods.as_object().unwrap() {
            let closed = call["security"][0].get("bearer").is_some();
            if !closed {
                continue;
            }
            let line = format!("{} {}", method.to_uppercase(), path.replace(['{', '}'], ""));
            let headers = [
                ("Content-Type", "application/json"),
                ("Sec-Fetch-Site", "same-origin"),
            ];
            let answer = world.https.request(&line, &headers, "{}").await.unwrap();
            count.refused(&line, &answer, 401, "login_required");
            // Whoever is logged in and has no role gets no further than that.
            let answer = world.call(&line, &token, "{}").await;
            assert!(answer.status < 500, "{line}: {answer:?}");
        }
    }
    assert!(count.refusals > 25, "{count:?}");
    count.say("calls without a token");
}

#[tokio::test]
async fn figures_are_for_whoever_has_their_token() {
    let secret = "a-long-token-for-figures";
    let world = World::start_as("", |dir| {
        router::tls::private_file::write(&dir.join("figures"), secret.as_bytes()).unwrap();
        format!("metrics-token-file = {:?}", dir.join("figures"))
    })
    .await;
    let mut count = Count::default();
    let admin = world.person("ada", &["admins"]).await;
    for (what, header) in [
        ("no token", String::new()),
        ("another token", "Bearer a-long-token-for-figurez".to_owned()),
        ("a part of it", format!("Bearer {}", &secret[..20])),
        ("an administrator's token", format!("Bearer {admin}")),
    ] {
        let answer = world.get("/metrics", &[("Authorization", &header)]).await;
        count.refused(what, &answer, 401, "login_required");
    }
    let host = world.host(&admin, &serde_json::json!({})).await;
    let _socket = world.connect(&host).await.unwrap();
    let header = format!("Bearer {secret}");
    let answer = world.get("/metrics", &[("Authorization", &header)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for line in [
        "removid_up 1",
        "removid_database_up 1",
        "removid_hosts_online 1",
        "# TYPE removid_events_total counter",
    ] {
        assert!(answer.body.contains(line), "{line}: {}", answer.body);
    }
    assert!(!answer.body.contains(&host.id), "no names");
    let other = World::start().await;
    let answer = other.get("/metrics", &[("Authorization", &header)]).await;
    count.refused("where the configuration names none", &answer, 404, "not_found");
    count.say("figures");
}

/// Ten wrong tokens from one address, and it has to wait; others do not.
#[tokio::test]
async fn guessing_is_slow() {
    let (world, mut count) = (World::start().await, Count::default());
    let address = std::net::Ipv4Addr::new(127, 77, 0, 1);
    let mut last = None;
    for _ in 0..12 {
        let tls = world.https.connect_from(address).await.unwrap();
        let headers = [("Authorization", "Bearer a.b.c")];
        last = Some(
            world
                .https
                .request_on(tls, "GET /api/v1/hosts", &headers, "")
                .await
                .unwrap(),
        );
    }
    count.refused("the twelfth guess", &last.unwrap(), 429, "too_many");
    let honest = world.person("ada", &["admins"]).await;
    assert_eq!(
        world.call("GET /api/v1/hosts", &honest, "").await.status,
        200,
        "the honest twin"
    );
    count.say("guesses");
}
