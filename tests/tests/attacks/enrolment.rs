//! Becoming a host of the team without being asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::json;

use super::world::{Count, World};

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
