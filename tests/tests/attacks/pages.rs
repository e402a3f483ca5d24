//! The pages and their headers, and what a stranger learns.

use super::world::{Count, World};

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
