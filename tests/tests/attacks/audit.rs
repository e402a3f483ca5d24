//! Reading the audit log without the right to, asking it for what it must not do, and pages for refused addresses.

use serde_json::{Value, json};
use team_router::audit::{FileVerifier, Keys, note};

use super::count::Count;
use super::world::World;

async fn with_rows() -> World {
    let world = World::start().await;
    for (code, account) in [
        ("RMV6001I", "u-ada"),
        ("RMV6005I", "u-ada"),
        ("RMV3002W", "u-bob"),
    ] {
        let fields = json!({ "account": account, "host": "h-1" });
        note(&world.router.team.store, code, &fields).await.unwrap();
    }
    world
}

fn rows(answer: &tests::https::Answer) -> Vec<u64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json()["rows"].as_array().unwrap().clone();
    rows.iter().map(|row| row["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_for_whoever_may_read_it() {
    let (world, mut count) = (with_rows().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let bob_here = world.log_in("bob", &["staff"]).await;
    let bob = world.token(&bob_here).await;
    let calls = [
        "GET /api/v1/audit",
        "GET /api/v1/audit/export",
        "GET /api/v1/audit/sinks",
    ];
    for line in calls {
        count.refused(
            &format!("{line} by bob"),
            &world.call(line, &bob, "").await,
            403,
            "forbidden",
        );
        count.refused(
            &format!("{line} by nobody"),
            &world.call(line, "", "").await,
            401,
            "login_required",
        );
        let (cookie, path) = (bob_here.header(), line.trim_start_matches("GET "));
        let foreign = [
            ("Cookie", cookie.as_str()),
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        count.refused(
            &format!("{line} by another site, with the cookie"),
            &world.get(path, &foreign).await,
            401,
            "login_required",
        );
    }
    world.role(&admin, "auditor", &json!({ "audit": true })).await;
    world.give(&admin, "auditor", "staff").await;
    for line in calls {
        assert_eq!(
            world.call(line, &bob, "").await.status,
            200,
            "the honest twin: {line}"
        );
    }
    let me = world.ask_token(&bob_here).await.json();
    assert_eq!((&me["admin"], &me["audit"]), (&json!(false), &json!(true)));
    for (line, body) in [
        ("GET /api/v1/accounts", ""),
        ("PUT /api/v1/roles/auditor", r#"{"admin":true}"#),
    ] {
        count.refused(
            &format!("{line} by an auditor"),
            &world.call(line, &bob, body).await,
            403,
            "forbidden",
        );
    }
    let lock = json!({ "kind": "role", "target": "auditor", "reason": "no" }).to_string();
    assert_eq!(world.call("POST /api/v1/locks", &admin, &lock).await.status, 201);
    count.refused(
        "an auditor whose role is locked",
        &world.call("GET /api/v1/audit", &bob, "").await,
        403,
        "forbidden",
    );
    count.say("readers of the audit log");
}

#[tokio::test]
async fn what_is_asked_of_the_log_is_data() {
    let (world, mut count) = (with_rows().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    for query in [
        "code=RMV'%20OR%201=1--",
        "code=rmv1",
        "code=RMV%25",
        "code=RMV1001IX",
        "code=RMV1&code=RMV6",
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=4294967297",
        "before=0",
        "before=-1",
        "before=99999999999999999999",
        "before=1;DROP%20TABLE%20audit",
        "from=5&until=5",
        "from=later",
        "order=seq",
        &format!("account={}", "a".repeat(200)),
    ] {
        let line = format!("GET /api/v1/audit?{query}");
        count.refused(&line, &world.call(&line, &admin, "").await, 400, "malformed");
    }
    let line = "GET /api/v1/audit/export?limit=5";
    count.refused(line, &world.call(line, &admin, "").await, 400, "malformed");
    for query in [
        "account='%20OR%20'1'='1",
        "account=u-%25",
        "account=u_ada",
        "host=';%20DROP%20TABLE%20audit;--",
        "from=18446744073709551615",
    ] {
        let found = rows(
            &world
                .call(&format!("GET /api/v1/audit?{query}"), &admin, "")
                .await,
        );
        assert!(found.is_empty(), "{query}: {found:?}");
        count.one();
    }
    for (query, found) in [
        ("", vec![3, 2, 1]),
        ("code=RMV6", vec![2, 1]),
        ("account=u-bob&host=h-1", vec![3]),
        ("limit=2", vec![3, 2]),
        ("limit=2&before=2", vec![1]),
        ("until=18446744073709551615", vec![3, 2, 1]),
    ] {
        let answer = world
            .call(&format!("GET /api/v1/audit?{query}"), &admin, "")
            .await;
        assert_eq!(rows(&answer), found, "the honest twin: {query}");
        let next = if query == "limit=2" { json!(2) } else { Value::Null };
        assert_eq!(answer.json()["next"], next, "{query}");
    }
    let file = world.call("GET /api/v1/audit/export", &admin, "").await;
    assert!(
        file.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let mut verifier = FileVerifier::new(Keys::default());
    for line in file.body.lines() {
        verifier.line(line).unwrap();
    }
    assert_eq!(
        verifier.finish().unwrap().1.seq,
        3,
        "an export is whole: {file:?}"
    );
    count.say("questions to the audit log");
}

#[tokio::test]
async fn a_token_that_was_taken_back_enrols_nobody() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let bob = world.person("bob", &["staff"]).await;
    let (lost, kept) = (
        world.enroll_token(&admin, &json!({ "env": "dev" })).await,
        world.enroll_token(&admin, &json!({})).await,
    );
    let prefix = &lost["rmve_".len()..][..6];
    let line = format!("DELETE /api/v1/enroll-tokens/{prefix}");
    for (who, token, status, code) in [
        ("bob", bob.as_str(), 403, "forbidden"),
        ("nobody", "", 401, "login_required"),
    ] {
        for line in ["GET /api/v1/enroll-tokens", line.as_str()] {
            let answer = world.call(line, token, "").await;
            count.refused(&format!("{line} by {who}"), &answer, status, code);
        }
    }
    let list = world.call("GET /api/v1/enroll-tokens", &admin, "").await;
    assert!(list.body.contains(prefix), "{list:?}");
    for token in [&lost, &kept] {
        assert!(!list.body.contains(&token[5..]), "a list of tokens holds a token");
    }
    count.one();
    assert_eq!(world.call(&line, &admin, "").await.status, 204);
    let host = world.new_host();
    let answer = world.enroll(&world.enrolment(&host, &lost)).await;
    count.refused("a token that was taken back", &answer, 401, "enroll_token");
    let answer = world.call(&line, &admin, "").await;
    count.refused("a token that is gone", &answer, 404, "not_found");
    let twin = world.enroll(&world.enrolment(&host, &kept)).await;
    assert_eq!(twin.status, 201, "the honest twin");
    count.say("enrolment tokens");
}

#[tokio::test]
async fn a_refused_address_is_a_page_that_repeats_nothing() {
    let (world, mut count) = (World::start().await, Count::default());
    let person = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    for path in [
        "/nothing",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/a/b/%22%20data-root=%22//evil.example",
        "/error.html",
        "/admin/alert(1)",
    ] {
        let page = world.get(path, &person).await;
        assert_eq!(page.status, 404, "{path}: {page:?}");
        assert!(
            page.header("content-type").unwrap().starts_with("text/html"),
            "{path}"
        );
        assert!(
            page.body.contains(r#"data-code="not_found" data-root="""#),
            "{path}: {page:?}"
        );
        for bad in ["alert(1)", "evil", "{root}", "{code}"] {
            assert!(!page.body.contains(bad), "{path}: {page:?}");
        }
        assert!(page.header("content-security-policy").is_some(), "{path}");
        count.one();
        count.refused(path, &world.get(path, &[]).await, 404, "not_found");
    }
    let call = world.get("/api/v1/audit", &person).await;
    count.refused("a call stays a call", &call, 401, "login_required");
    for path in ["/", "/admin", "/audit", "/desktop?host=x"] {
        assert_eq!(
            world.get(path, &person).await.status,
            200,
            "the honest twin: {path}"
        );
    }
    count.say("refused addresses");
}
