//! Whoever is logged in and asks for too much: too fast, or more than one may have. Others notice nothing.

use std::path::Path;

use serde_json::json;
use tests::https::Answer;

use super::count::Count;
use super::world::World;

/// Small, so that a test is short.
fn few(_: &Path) -> String {
    "limits = { calls-per-account = 3, calls-per-address = 2, joins-per-account = 4, sessions-per-account = 3, \
     shares-per-account = 2, invitations-per-account = 2, enroll-tokens-per-account = 2 }"
        .to_owned()
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").unwrap().parse().unwrap()
}

/// Calls until it is refused; how often it was not.
async fn until_refused(call: impl AsyncFn() -> Answer, most: u32) -> (u32, Answer) {
    for calls in 0..=most {
        let answer = call().await;
        if answer.status >= 400 {
            return (calls, answer);
        }
    }
    panic!("{most} calls, and none was refused");
}

#[tokio::test]
async fn whoever_calls_too_fast_waits_alone() {
    let (world, mut count) = (World::start_as("", few).await, Count::default());
    let here = world.log_in("bob", &["staff"]).await;
    let (bob, ada) = (world.token(&here).await, world.person("ada", &["admins"]).await);
    let (calls, answer) = until_refused(|| world.call("GET /api/v1/hosts", &bob, ""), 100).await;
    assert!(calls >= 25, "ten seconds of calls at once: {calls}");
    count.refused("calls of one account", &answer, 429, "too_fast");
    assert!((1..=2).contains(&retry_after(&answer)), "{answer:?}");
    // Another token and another way in are the same account.
    count.refused("its login", &world.ask_token(&here).await, 429, "too_fast");
    let hosts = world.call("GET /api/v1/hosts", &ada, "").await;
    assert_eq!(hosts.status, 200, "the honest twin is somebody else");
    tokio::time::sleep(std::time::Duration::from_secs(retry_after(&answer))).await;
    let hosts = world.call("GET /api/v1/hosts", &bob, "").await;
    assert_eq!(hosts.status, 200, "and whoever waited");
    count.say("calls of one account");
}

#[tokio::test]
async fn one_address_does_not_take_all_of_the_router() {
    let (world, mut count) = (World::start_as("", few).await, Count::default());
    let from = std::net::Ipv4Addr::new(127, 77, 0, 1);
    let call = async |line: &str| {
        let tls = world.https.connect_from(from).await.unwrap();
        world.https.request_on(tls, line, &[], "").await.unwrap()
    };
    let (calls, answer) = until_refused(async || call("GET /api/v1/providers").await, 100).await;
    assert!(calls >= 20, "{calls}");
    count.refused("calls of one address", &answer, 429, "too_fast");
    assert!(retry_after(&answer) >= 1);
    for line in [
        "GET /auth/login?provider=corp",
        "POST /api/v1/enroll",
        "POST /api/v1/token",
    ] {
        count.refused(line, &call(line).await, 429, "too_fast");
    }
    for line in ["GET /", "GET /readyz", "GET /healthz"] {
        assert_eq!(call(line).await.status, 200, "{line} is no call");
    }
    // A host that lives there comes in: its door says what it lacks.
    let answer = call("GET /api/v1/host").await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "host_key"));
    let other = world.get("/api/v1/providers", &[]).await;
    assert_eq!(other.status, 200, "the honest twin is elsewhere");
    count.say("calls of one address");
}

#[tokio::test]
async fn nobody_has_more_than_one_may() {
    let more = |dir: &Path| {
        few(dir)
            .replace("calls-per-account = 3,", "")
            .replace("calls-per-address = 2,", "")
    };
    let (world, mut count) = (World::start_as("", more).await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let other = world.person("eve", &["admins"]).await;
    let role = json!({ "allow": { "labels": { "*": ["*"] } }, "rights": { "view": true }, "share": true });
    world.role(&admin, "staff", &role).await;
    world.give(&admin, "staff", "staff").await;
    let host = world.host(&admin, &json!({})).await;
    let _socket = world.connect(&host).await.unwrap();
    let share = json!({ "kind": "view", "expires_in": 3600, "uses": 1 }).to_string();
    let shares = format!("POST /api/v1/hosts/{}/shares", host.id);
    let invite = json!({ "name": "Grace" }).to_string();
    for (line, body, code) in [
        (shares.as_str(), share.as_str(), "too_many_shares"),
        ("POST /api/v1/invites", &invite, "too_many_invites"),
        (
            "POST /api/v1/enroll-tokens",
            r#"{"labels":{}}"#,
            "too_many_enroll_tokens",
        ),
    ] {
        // At once: what counts is not what each of them saw.
        let calls = (0..6).map(|_| world.call(line, &admin, body));
        let answers = futures_util::future::join_all(calls).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 2, "{line}: {answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201).take(1) {
            count.refused(line, answer, 409, code);
        }
        assert_eq!(
            world.call(line, &other, body).await.status,
            201,
            "the honest twin: {line}"
        );
    }

    let bob = world.person("bob", &["staff"]).await;
    let joins = (0..6).map(|_| world.join(&bob, &host.id));
    let answers = futures_util::future::join_all(joins).await;
    let let_in = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(let_in, 3, "{answers:?}");
    let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
    count.refused("a fourth session", refused, 409, "too_many_sessions");
    let (calls, answer) = until_refused(
        async || {
            let answer = world.join(&bob, &host.id).await;
            assert!([409, 429].contains(&answer.status), "{answer:?}");
            Answer {
                status: if answer.status == 409 { 200 } else { answer.status },
                ..answer
            }
        },
        20,
    )
    .await;
    assert!(calls <= 3, "eight joins at once, of which six are done: {calls}");
    count.refused("joins without end", &answer, 429, "too_fast");
    assert_eq!(world.join(&admin, &host.id).await.status, 201, "the honest twin");
    count.say("what one account has");
}
