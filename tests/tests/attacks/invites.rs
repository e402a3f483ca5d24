//! Accounts with passkeys alone: links that are used, guessed, raced for, and passkeys that log nobody in.

use serde_json::{Value, json};
use tests::https::Answer;

use super::authenticator::{Authenticator, Trick};
use super::count::Count;
use super::world::{Browser, World};

async fn world() -> World {
    World::start_as("", |_| "passkeys = true".to_owned()).await
}

/// A call of our own page by a browser.
async fn page(world: &World, browser: &Browser, path: &str, body: &Value) -> Answer {
    let (cookies, origin) = (browser.header(), world.https.origin());
    let headers = [
        ("Cookie", cookies.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", &origin),
        ("Content-Type", "application/json"),
    ];
    world
        .https
        .request(&format!("POST {path}"), &headers, &body.to_string())
        .await
        .unwrap()
}

async fn invite(world: &World, admin: &str, name: &str, administers: bool) -> String {
    let body = json!({ "name": name, "admin": administers }).to_string();
    let answer = world.call("POST /api/v1/invites", admin, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let link = answer.json()["link"].as_str().unwrap().to_owned();
    let (at, secret) = link.split_once('#').unwrap();
    assert_eq!(at, format!("{}invite", world.url));
    secret.to_owned()
}

async fn made(world: &World, secret: &str, device: &mut Authenticator, trick: Trick) -> Answer {
    let asked = page(
        world,
        &Browser::default(),
        "/api/v1/invites/begin",
        &json!({ "secret": secret }),
    )
    .await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let asked = asked.json();
    let body = json!({ "secret": secret, "ceremony": asked["ceremony"], "credential": device.create(&asked, trick) });
    page(world, &Browser::default(), "/api/v1/invites/finish", &body).await
}

async fn log_in(world: &World, browser: &mut Browser, device: &mut Authenticator, trick: Trick) -> Answer {
    let asked = page(world, browser, "/auth/passkey/begin", &json!({}))
        .await
        .json();
    assert_eq!(
        asked["options"]["allowCredentials"],
        json!([]),
        "nobody is named to a stranger"
    );
    let body = json!({ "ceremony": asked["ceremony"], "credential": device.get(&asked, trick) });
    let answer = page(world, browser, "/auth/passkey", &body).await;
    browser.take(&answer);
    answer
}

#[tokio::test]
async fn an_invitation_makes_one_account() {
    let (world, mut count) = (world().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let secret = invite(&world, &admin, "Grace", false).await;
    let look = page(
        &world,
        &Browser::default(),
        "/api/v1/invites/look",
        &json!({ "secret": secret }),
    )
    .await;
    assert_eq!(look.json()["name"], "Grace");
    let mallory = world.person("mallory", &[]).await;
    let body = json!({ "name": "Eve", "admin": true }).to_string();
    count.refused(
        "an invitation by nobody",
        &world.call("POST /api/v1/invites", &mallory, &body).await,
        403,
        "forbidden",
    );
    let accept = json!({ "secret": secret }).to_string();
    count.refused(
        "an ordinary link makes no administrator",
        &world.call("POST /api/v1/invites/accept", &mallory, &accept).await,
        401,
        "invite",
    );

    for trick in [Trick::OtherOrigin, Trick::NoVerification, Trick::OtherChallenge] {
        let mut device = Authenticator::new(&world.https.origin());
        count.refused(
            &format!("joining with {trick:?}"),
            &made(&world, &secret, &mut device, trick).await,
            403,
            "passkey_refused",
        );
    }
    let cross = [
        ("Content-Type", "application/json"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    let answer = world
        .https
        .request("POST /api/v1/invites/begin", &cross, &accept)
        .await
        .unwrap();
    count.refused("another site begins it", &answer, 403, "origin");

    // Two who have the link, and both a good answer.
    let begun = |secret: String| {
        let world = &world;
        async move {
            page(
                world,
                &Browser::default(),
                "/api/v1/invites/begin",
                &json!({ "secret": secret }),
            )
            .await
            .json()
        }
    };
    let (first, second) = (begun(secret.clone()).await, begun(secret.clone()).await);
    let finish = |asked: Value| {
        let (world, secret) = (&world, &secret);
        async move {
            let mut device = Authenticator::new(&world.https.origin());
            let body = json!({ "secret": secret, "ceremony": asked["ceremony"], "credential": device.create(&asked, Trick::None) });
            (
                page(world, &Browser::default(), "/api/v1/invites/finish", &body).await,
                device,
            )
        }
    };
    let ((one, device_one), (two, device_two)) = tokio::join!(finish(first), finish(second));
    let (winner, loser, mut device) = if one.status == 204 {
        (one, two, device_one)
    } else {
        (two, one, device_two)
    };
    assert_eq!(winner.status, 204, "the honest twin: {winner:?}");
    count.refused("of two with one link, the second", &loser, 401, "invite");
    let mut grace = Browser::default();
    grace.take(&winner);
    let token = world.token(&grace).await;
    count.refused(
        "who was invited administers nothing",
        &world.call("GET /api/v1/roles", &token, "").await,
        403,
        "forbidden",
    );
    let look = page(
        &world,
        &Browser::default(),
        "/api/v1/invites/look",
        &json!({ "secret": secret }),
    )
    .await;
    count.refused("a link that was used", &look, 401, "invite");
    let look = page(
        &world,
        &Browser::default(),
        "/api/v1/invites/look",
        &json!({ "secret": "A".repeat(43) }),
    )
    .await;
    count.refused("a link that was guessed", &look, 401, "invite");

    // Logging in with it.
    for trick in [
        Trick::OtherOrigin,
        Trick::NoVerification,
        Trick::OtherChallenge,
        Trick::OtherKey,
        Trick::OtherName,
    ] {
        let mut browser = Browser::default();
        let answer = log_in(&world, &mut browser, &mut device, trick).await;
        count.refused(
            &format!("logging in with {trick:?}"),
            &answer,
            403,
            "passkey_refused",
        );
        assert!(browser.cookies.is_empty());
    }
    let mut browser = Browser::default();
    assert_eq!(
        log_in(&world, &mut browser, &mut device, Trick::None)
            .await
            .status,
        204,
        "the honest twin"
    );
    let again = world.ask_token(&browser).await;
    assert_eq!(again.json()["account"]["name"], "Grace", "{again:?}");
    let token = world.token(&browser).await;
    let remove = format!("DELETE /api/v1/passkeys/{}", device.id());
    count.refused(
        "the last passkey of somebody without a provider",
        &world.call(&remove, &token, "").await,
        409,
        "last_passkey",
    );
    count.say("invitations");
}

#[tokio::test]
async fn whom_a_provider_knows_logs_in_there() {
    let (world, mut count) = (world().await, Count::default());
    let mut bob = world.log_in("bob", &[]).await;
    let token = world.token(&bob).await;
    let cookies = bob.header();
    let answer = world.get("/auth/step-up", &[("Cookie", &cookies)]).await;
    bob.take(&answer);
    let authorize = answer.header("location").unwrap().to_owned();
    let code = world.provider.log_in(&authorize, "bob", &[]);
    bob.take(&world.come_back(&bob, &world.back(&authorize, &code)).await);
    let asked = world
        .call("POST /api/v1/passkeys/register", &token, "")
        .await
        .json();
    let mut device = Authenticator::new(&world.https.origin());
    let body = json!({ "ceremony": asked["ceremony"], "credential": device.create(&asked, Trick::None) });
    assert_eq!(
        world
            .call("POST /api/v1/passkeys", &token, &body.to_string())
            .await
            .status,
        201
    );
    let answer = log_in(&world, &mut Browser::default(), &mut device, Trick::None).await;
    count.refused("a second factor for a first one", &answer, 403, "passkey_refused");
    count.say("passkeys instead of a provider");
}

#[tokio::test]
async fn a_link_makes_the_first_administrator() {
    let (world, mut count) = (world().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let secret = invite(&world, &admin, "Grace", true).await;
    let accept = json!({ "secret": secret }).to_string();
    let bob = world.person("bob", &[]).await;
    count.refused(
        "before the link",
        &world.call("GET /api/v1/roles", &bob, "").await,
        403,
        "forbidden",
    );
    assert_eq!(
        world
            .call("POST /api/v1/invites/accept", &bob, &accept)
            .await
            .status,
        204,
        "the honest twin"
    );
    assert_eq!(world.call("GET /api/v1/roles", &bob, "").await.status, 200);
    let mallory = world.person("mallory", &[]).await;
    count.refused(
        "the same link again",
        &world.call("POST /api/v1/invites/accept", &mallory, &accept).await,
        401,
        "invite",
    );
    let secret = invite(&world, &admin, "Linus", true).await;
    let mut device = Authenticator::new(&world.https.origin());
    let answer = made(&world, &secret, &mut device, Trick::None).await;
    let mut linus = Browser::default();
    linus.take(&answer);
    let token = world.token(&linus).await;
    assert_eq!(world.call("GET /api/v1/roles", &token, "").await.status, 200);
    count.say("links for administrators");
}
