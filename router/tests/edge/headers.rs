//! What every response carries, and what none does.

use super::world::start;

#[tokio::test]
async fn every_route_carries_the_same_headers() {
    let world = start();
    let big = "x".repeat(20_000);
    for (line, body, status) in [
        ("GET /", "", 200),
        ("HEAD /", "", 200),
        ("GET /src/app/main.js", "", 200),
        ("GET /src/app/style.css", "", 200),
        ("GET /healthz", "", 200),
        ("GET /nothing", "", 404),
        ("GET /src/../../Cargo.toml", "", 404),
        ("GET /src/%2e%2e/%2e%2e/Cargo.toml", "", 404),
        ("GET /%00", "", 404),
        ("GET /test/app.test.js", "", 404),
        ("POST /", "", 405),
        ("POST /api/v1/sessions", "{}", 401),
        ("POST /api/v1/sessions", big.as_str(), 401),
        ("GET /api/v1/sessions", "", 405),
        ("OPTIONS /api/v1/sessions", "", 204),
        ("GET /api/v1/signal", "", 401),
        ("DELETE /api/v1/signal", "", 405),
    ] {
        let answer = world.request(line, &[], body).await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        let field = |name: &str| {
            let value = answer.header(name);
            value.unwrap_or_else(|| panic!("{line} has no {name}: {}", answer.head))
        };
        let policy = field("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "base-uri 'none'",
            "frame-ancestors https://wiki.example",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{line}: {rule} is not in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{line}: {policy}");
        assert_eq!(field("x-content-type-options"), "nosniff", "{line}");
        assert_eq!(field("referrer-policy"), "no-referrer", "{line}");
        assert_eq!(field("cross-origin-opener-policy"), "same-origin", "{line}");
        assert_eq!(
            field("cross-origin-resource-policy"),
            "cross-origin",
            "{line}: a page is named"
        );
        assert!(field("permissions-policy").contains("geolocation=()"), "{line}");
        assert!(
            ["no-store", "no-cache"].contains(&field("cache-control")),
            "{line}"
        );
        for absent in [
            "set-cookie",
            "server",
            "x-powered-by",
            "access-control-allow-credentials",
        ] {
            assert_eq!(answer.header(absent), None, "{line}");
        }
    }
}

#[tokio::test]
async fn only_a_named_page_may_ask_from_elsewhere() {
    let world = start();
    let named = world
        .request(
            "OPTIONS /api/v1/sessions",
            &[("Origin", "https://wiki.example")],
            "",
        )
        .await;
    assert_eq!(
        named.header("access-control-allow-origin"),
        Some("https://wiki.example")
    );
    assert_eq!(
        named.header("access-control-allow-headers"),
        Some("authorization, content-type")
    );
    for origin in ["null", "https://evil.example", "*"] {
        let answer = world
            .request("OPTIONS /api/v1/sessions", &[("Origin", origin)], "")
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        assert_eq!(answer.header("vary"), Some("origin"), "{origin}");
    }
}
