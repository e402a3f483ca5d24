//! Logging out: exactly what is concerned ends, and nobody ends what is not theirs.

use serde_json::{Value, json};
use tests::https::Answer;

use super::count::Count;
use super::world::{Browser, World};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

async fn tell(world: &World, token: &str) -> Answer {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    world
        .https
        .request(
            "POST /auth/backchannel/corp",
            &headers,
            &format!("logout_token={token}"),
        )
        .await
        .unwrap()
}

async fn is_in(world: &World, browser: &Browser) -> bool {
    world.ask_token(browser).await.status == 200
}

/// The provider's own name of its session with this login: the n-th that began.
fn sid(subject: &str, number: u32) -> String {
    format!("sid-{subject}-{number}")
}

#[tokio::test]
async fn a_provider_ends_exactly_whom_it_names() {
    let (world, mut count) = (World::start().await, Count::default());
    let desk = world.log_in("ada", &[]).await;
    let phone = world.log_in("ada", &[]).await;
    let bob = world.log_in("bob", &[]).await;
    let good = |claims: &mut Value| claims["sub"] = json!("ada");
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 17] = [
        ("of another issuer", |claims| {
            claims["iss"] = json!("https://login.example.org")
        }),
        ("for another client", |claims| claims["aud"] = json!("another")),
        ("without an audience", |claims| {
            drop(claims.as_object_mut().unwrap().remove("aud"))
        }),
        ("without an issuer", |claims| {
            drop(claims.as_object_mut().unwrap().remove("iss"))
        }),
        ("an hour old", |claims| {
            claims["iat"] = json!(claims["iat"].as_u64().unwrap() - 3600)
        }),
        ("from the future", |claims| {
            claims["iat"] = json!(claims["iat"].as_u64().unwrap() + 3600)
        }),
        ("without a time", |claims| {
            drop(claims.as_object_mut().unwrap().remove("iat"))
        }),
        ("expired", |claims| {
            claims["exp"] = json!(claims["iat"].as_u64().unwrap() - 600)
        }),
        ("without a name", |claims| {
            drop(claims.as_object_mut().unwrap().remove("jti"))
        }),
        ("with an empty name", |claims| claims["jti"] = json!("")),
        ("of another event", |claims| {
            claims["events"] = json!({ "http://schemas.openid.net/event/other": {} })
        }),
        ("without events", |claims| {
            drop(claims.as_object_mut().unwrap().remove("events"))
        }),
        ("with an event that is none", |claims| {
            claims["events"][EVENT] = json!(true)
        }),
        ("with a nonce, as an ID token", |claims| {
            claims["nonce"] = json!("n")
        }),
        ("for nobody", |claims| {
            drop(claims.as_object_mut().unwrap().remove("sub"))
        }),
        ("for an empty subject", |claims| claims["sub"] = json!("")),
        ("for a list of subjects", |claims| claims["sub"] = json!(["ada"])),
    ];
    for (what, change) in changes {
        let token = world.provider.logout(|claims| {
            good(claims);
            change(claims);
        });
        count.refused(what, &tell(&world, &token).await, 400, "logout_token");
    }
    let mut claims = Value::Null;
    let honest = world.provider.logout(|made| {
        good(made);
        claims = made.clone();
    });
    let (head, rest) = honest.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let other = world.provider.logout(|claims| claims["sub"] = json!("bob"));
    for (what, token) in [
        (
            "by another key",
            world.provider.sign(false, "logout+jwt", &claims),
        ),
        ("of another kind", world.provider.sign(true, "at+jwt", &claims)),
        (
            "with another's signature",
            format!("{head}.{body}.{}", other.rsplit('.').next().unwrap()),
        ),
        ("without a signature", format!("{head}.{body}.")),
        ("that is none", "x".to_owned()),
    ] {
        count.refused(what, &tell(&world, &token).await, 400, "logout_token");
    }
    assert!(!signature.is_empty());
    for browser in [&desk, &phone, &bob] {
        assert!(is_in(&world, browser).await, "nobody was thrown out");
    }
    let none = tell(&world, "").await;
    count.refused("an empty one", &none, 400, "logout_token");

    // One of Ada's two browsers, by the name of the provider's session with it.
    let token = world
        .provider
        .logout(|claims| claims["sid"] = json!(sid("ada", 0)));
    assert_eq!(tell(&world, &token).await.status, 200, "the honest twin");
    assert!(!is_in(&world, &desk).await);
    assert!(
        is_in(&world, &phone).await && is_in(&world, &bob).await,
        "exactly that one"
    );
    count.refused(
        "the same token again",
        &tell(&world, &token).await,
        400,
        "logout_token",
    );
    // Bob's session under Ada's name: nothing of either ends.
    let token = world.provider.logout(|claims| {
        claims["sub"] = json!("ada");
        claims["sid"] = json!(sid("bob", 2));
    });
    assert_eq!(tell(&world, &token).await.status, 200);
    assert!(is_in(&world, &phone).await && is_in(&world, &bob).await);
    assert_eq!(tell(&world, &honest).await.status, 200, "all of Ada");
    assert!(!is_in(&world, &phone).await);
    assert!(is_in(&world, &bob).await, "exactly hers");
    count.say("logouts by a provider");
}

#[tokio::test]
async fn logging_out_ends_what_it_says() {
    let world = World::start().await;
    let leave = async |browser: &Browser, how: &str| {
        let (cookies, origin) = (browser.header(), world.https.origin());
        let headers = [
            ("Cookie", cookies.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
            ("Origin", &origin),
        ];
        let answer = world
            .https
            .request(&format!("POST /auth/logout{how}"), &headers, "")
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let browsers = [
        world.log_in("ada", &[]).await,
        world.log_in("ada", &[]).await,
        world.log_in("ada", &[]).await,
    ];
    let bob = world.log_in("bob", &[]).await;
    leave(&browsers[0], "").await;
    assert!(!is_in(&world, &browsers[0]).await);
    assert!(is_in(&world, &browsers[1]).await && is_in(&world, &browsers[2]).await);
    leave(&browsers[1], "?everywhere=true").await;
    assert!(!is_in(&world, &browsers[1]).await && !is_in(&world, &browsers[2]).await);
    assert!(is_in(&world, &bob).await);
}

/// Ten tabs that all begin a login, and finish in the opposite order: each gets to its own page, and what the first one
/// opened goes on.
#[tokio::test]
async fn tabs_of_one_browser_log_in_in_any_order() {
    let world = World::start().await;
    let mut browser = Browser::default();
    let mut begun = Vec::new();
    for tab in 0..10 {
        let cookies = browser.header();
        let answer = world
            .get(
                &format!("/auth/login?provider=corp&to=/desktop?host={tab}"),
                &[("Cookie", &cookies)],
            )
            .await;
        browser.take(&answer);
        begun.push(answer.header("location").unwrap().to_owned());
    }
    let mut first = None;
    for (tab, authorize) in begun.iter().enumerate().rev() {
        let code = world.provider.log_in(authorize, "ada", &[]);
        let answer = world.come_back(&browser, &world.back(authorize, &code)).await;
        assert_eq!(
            answer.header("location"),
            Some(format!("/desktop?host={tab}").as_str()),
            "{answer:?}"
        );
        browser.take(&answer);
        let token = world.token(&browser).await;
        let held = first.get_or_insert(token).clone();
        assert_eq!(
            world.call("GET /api/v1/hosts", &held, "").await.status,
            200,
            "the first tab goes on"
        );
    }
    // Another person in the same browser: the first one's login ends.
    let held = first.unwrap();
    let _ = world.try_login(&mut browser, "bob", &[]).await;
    let mut count = Count::default();
    count.refused(
        "who was in this browser before",
        &world.call("GET /api/v1/hosts", &held, "").await,
        401,
        "login_required",
    );
    count.say("tabs");
}
