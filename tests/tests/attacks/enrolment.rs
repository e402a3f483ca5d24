//! Becoming a host of the team without being asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::json;

use super::count::Count;
use super::world::World;

#[tokio::test]
async fn an_enrolment_token_makes_one_host() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let token = world.enroll_token(&admin, &json!({ "env": "dev" })).await;
    let host = world.new_host();
    assert_eq!(world.enroll(&world.enrolment(&host, &token)).await.status, 201);
    let thief = world.new_host();
    let answer = world.enroll(&world.enrolment(&thief, &token)).await;
    count.refused("a token that was used", &answer, 401, "enroll_token");
    for (what, token) in [
        ("a token that nobody made", format!("rmve_{}", "A".repeat(43))),
        ("no token", String::new()),
        ("its beginning", token[..20].to_owned()),
        ("one with blanks", format!(" {token} ")),
    ] {
        let answer = world.enroll(&world.enrolment(&thief, &token)).await;
        count.refused(what, &answer, 401, "enroll_token");
    }
    let fresh = world.enroll_token(&admin, &json!({})).await;
    let answer = world.enroll(&world.enrolment(&host, &fresh)).await;
    count.refused("a host that is known", &answer, 409, "host_known");
    // That did not use it up.
    assert_eq!(world.enroll(&world.enrolment(&thief, &fresh)).await.status, 201);
    count.say("enrolment tokens");
}

#[tokio::test]
async fn a_key_must_be_proven() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let token = world.enroll_token(&admin, &json!({})).await;
    let (host, other) = (world.new_host(), world.new_host());
    let with = |field: &str, value: serde_json::Value| {
        let mut body = world.enrolment(&host, &token);
        body[field] = value;
        body
    };
    let proof = |change: fn(&mut signaling_spec::claims::AssertionClaims)| {
        with("proof", json!(world.assertion(&host, change)))
    };
    let others = world.assertion(&other, |_| {});
    for (what, body, status, code) in [
        ("another's proof", with("proof", json!(others)), 401, "host_key"),
        (
            "another's key",
            with("host_pub", json!(B64.encode(&other.public))),
            401,
            "host_key",
        ),
        ("no proof", with("proof", json!("")), 401, "host_key"),
        (
            "a proof for another router",
            proof(|c| c.aud = "https://evil.example/".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof in another's name",
            proof(|c| c.sub = "host-b".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof that lives for ever",
            proof(|c| c.exp = c.iat + 100_000),
            401,
            "host_key",
        ),
        (
            "a proof that ends before it begins",
            proof(|c| c.exp = c.iat - 1),
            401,
            "host_key",
        ),
        (
            "an old proof",
            proof(|c| {
                c.iat -= 3600;
                c.exp -= 3600;
            }),
            401,
            "clock",
        ),
        (
            "a proof of the future",
            proof(|c| {
                c.iat += 3600;
                c.exp += 3600;
            }),
            401,
            "clock",
        ),
        (
            "a key that is none",
            with("host_pub", json!("AAAA")),
            400,
            "malformed",
        ),
        (
            "a key that is a number",
            with("host_pub", json!(7)),
            400,
            "malformed",
        ),
    ] {
        let answer = world.enroll(&body).await;
        count.refused(what, &answer, status, code);
    }
    let body = world.enrolment(&host, &token);
    assert_eq!(world.enroll(&body).await.status, 201, "the honest twin");
    let token = world.enroll_token(&admin, &json!({})).await;
    let mut again = world.enrolment(&other, &token);
    assert_eq!(world.enroll(&again).await.status, 201);
    again["token"] = json!(world.enroll_token(&admin, &json!({})).await);
    let answer = world.enroll(&again).await;
    count.refused("a proof that was shown before", &answer, 401, "replay");
    count.say("proofs of enrolment");
}

#[tokio::test]
async fn only_administrators_ask_hosts_in() {
    let (world, mut count) = (World::start().await, Count::default());
    let bob = world.person("bob", &["staff"]).await;
    let body = json!({ "labels": {} }).to_string();
    let answer = world.call("POST /api/v1/enroll-tokens", &bob, &body).await;
    count.refused("somebody without the role", &answer, 403, "forbidden");
    let answer = world.call("POST /api/v1/enroll-tokens", "", &body).await;
    count.refused("nobody", &answer, 401, "login_required");
    let admin = world.person("ada", &["admins"]).await;
    for labels in [
        json!({ "a b": "c" }),
        json!({ "": "c" }),
        json!({ "a": "" }),
        json!({ "a": "<script>" }),
        json!({ "a": "x".repeat(65) }),
    ] {
        let body = json!({ "labels": labels }).to_string();
        let answer = world.call("POST /api/v1/enroll-tokens", &admin, &body).await;
        count.refused(&format!("labels {labels}"), &answer, 400, "malformed");
    }
    world.enroll_token(&admin, &json!({ "env": "dev" })).await;
    count.say("asking hosts in");
}

#[tokio::test]
async fn of_many_who_take_one_token_one_wins() {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    for round in 0..20 {
        let token = world.enroll_token(&admin, &json!({})).await;
        let bodies: Vec<_> = (0..8)
            .map(|_| world.enrolment(&world.new_host(), &token))
            .collect();
        let answers = futures_util::future::join_all(bodies.iter().map(|body| world.enroll(body))).await;
        let won = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(won, 1, "round {round}: {answers:?}");
    }
}

/// A host that asks without a token.
fn asking(world: &World, host: &super::world::Host) -> serde_json::Value {
    json!({ "host_pub": B64.encode(&host.public), "name": "box", "proof": world.assertion(host, |_| {}) })
}

#[tokio::test]
async fn a_host_without_a_token_waits_for_an_administrator() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let ben = world.person("ben", &["dev"]).await;
    let host = world.new_host();
    let first = world.ask(&asking(&world, &host)).await;
    assert_eq!(first.status, 202, "{first:?}");
    let code = first.json()["user_code"].as_str().unwrap().to_owned();

    // Its key opens nothing yet.
    let bearer = format!("Bearer {}", world.assertion(&host, |_| {}));
    let socket = world.uplink(&[("Authorization", &bearer)]).await;
    count.shut("a host that waits", &socket, 401, "host_key");

    // Who may not administer, or is nobody, neither sees nor decides it.
    let typed = json!({ "user_code": code }).to_string();
    let labelled = json!({ "user_code": code, "labels": {} }).to_string();
    for (line, body) in [
        ("POST /api/v1/enroll/look", &typed),
        ("POST /api/v1/enroll/approve", &labelled),
        ("POST /api/v1/enroll/refuse", &typed),
    ] {
        let answer = world.call(line, &ben, body).await;
        count.refused("one without administration", &answer, 403, "forbidden");
        let answer = world.call(line, "", body).await;
        count.refused("nobody", &answer, 401, "login_required");
    }
    for (what, code) in [
        ("a code that nobody has", "BBBB-BBBB"),
        ("no code", ""),
        ("half a code", &code[..4]),
    ] {
        let body = json!({ "user_code": code, "labels": {} }).to_string();
        let answer = world.call("POST /api/v1/enroll/approve", &admin, &body).await;
        count.refused(what, &answer, 404, "user_code");
    }

    // Another cannot ask in its name, nor hear of its fate.
    let thief = world.new_host();
    let mut stolen = asking(&world, &thief);
    stolen["host_pub"] = json!(B64.encode(&host.public));
    let answer = world.ask(&stolen).await;
    count.refused("another's key", &answer, 401, "host_key");
    let mut replayed = asking(&world, &host);
    assert_eq!(world.ask(&replayed).await.status, 202);
    let answer = world.ask(&replayed).await;
    count.refused("a proof that was shown", &answer, 401, "replay");
    replayed["proof"] = json!(world.assertion(&host, |claims| claims.aud =
        "https://elsewhere.example/".to_owned()));
    let answer = world.ask(&replayed).await;
    count.refused("a proof for another router", &answer, 401, "host_key");

    // The honest twin.
    let look = world.call("POST /api/v1/enroll/look", &admin, &typed).await;
    assert_eq!(look.json()["host"], host.id.as_str());
    let body = json!({ "user_code": code.to_lowercase(), "labels": { "env": "dev" } }).to_string();
    assert_eq!(
        world
            .call("POST /api/v1/enroll/approve", &admin, &body)
            .await
            .status,
        201
    );
    let answer = world.call("POST /api/v1/enroll/approve", &admin, &body).await;
    count.refused("a code that was used", &answer, 404, "user_code");
    let done = world.ask(&asking(&world, &host)).await;
    assert_eq!(
        (done.status, done.json()["host_id"].as_str()),
        (201, Some(host.id.as_str()))
    );
    let bearer = format!("Bearer {}", world.assertion(&host, |_| {}));
    world.uplink(&[("Authorization", &bearer)]).await.unwrap();

    // One that is refused hears so, and its code is none any more.
    let other = world.ask(&asking(&world, &thief)).await.json();
    let typed = json!({ "user_code": other["user_code"] }).to_string();
    assert_eq!(
        world
            .call("POST /api/v1/enroll/refuse", &admin, &typed)
            .await
            .status,
        204
    );
    let answer = world.ask(&asking(&world, &thief)).await;
    count.refused("a host that was refused", &answer, 403, "enroll_refused");
    let body = json!({ "user_code": other["user_code"], "labels": {} }).to_string();
    let answer = world.call("POST /api/v1/enroll/approve", &admin, &body).await;
    count.refused("a code that was refused", &answer, 404, "user_code");
    count.say("enrolment by a code");
}

#[tokio::test]
async fn hosts_that_ask_fill_no_memory_and_codes_are_not_guessed() {
    let (world, mut count) = (World::start().await, Count::default());
    let from = std::net::Ipv4Addr::new(127, 77, 0, 1);
    let send = async |line: &str, token: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", bearer.as_str()),
        ];
        let tls = world.https.connect_from(from).await.unwrap();
        world.https.request_on(tls, line, &headers, body).await.unwrap()
    };
    for _ in 0..20 {
        let body = asking(&world, &world.new_host()).to_string();
        assert_eq!(send("POST /api/v1/enroll/ask", "", &body).await.status, 202);
    }
    let body = asking(&world, &world.new_host()).to_string();
    let answer = send("POST /api/v1/enroll/ask", "", &body).await;
    count.refused("one address's twenty-first host", &answer, 429, "too_many");
    let twin = world.ask(&asking(&world, &world.new_host())).await;
    assert_eq!(twin.status, 202, "others are let ask");
    let admin = world.person("ada", &["admins"]).await;
    let body = json!({ "user_code": "BBBB-BBBB" }).to_string();
    for _ in 0..100 {
        let answer = send("POST /api/v1/enroll/look", &admin, &body).await;
        if answer.status == 429 {
            count.refused("guessing codes", &answer, 429, "too_many");
            return count.say("enrolment by a code: limits");
        }
        assert_eq!(answer.status, 404);
    }
    panic!("guessing goes on for ever");
}
