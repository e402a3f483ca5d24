//! Logging in: the provider lies, the browser is somebody else's, the code was seen before.

use super::count::Count;
use super::provider::{Lie, query};
use super::world::{Browser, World};

#[tokio::test]
async fn a_provider_that_lies_lets_nobody_in() {
    let (world, mut count) = (World::start().await, Count::default());
    for (lie, code) in [
        (Lie::OtherIssuer, "login_refused"),
        (Lie::OtherAudience, "login_refused"),
        (Lie::TwoAudiences, "login_refused"),
        (Lie::NoAudience, "login_refused"),
        (Lie::OtherNonce, "login_refused"),
        (Lie::NoNonce, "login_refused"),
        (Lie::Expired, "login_refused"),
        (Lie::NoExpiry, "login_refused"),
        (Lie::NoSubject, "login_refused"),
        (Lie::FromTheFuture, "login_refused"),
        (Lie::ForgedKey, "login_refused"),
        (Lie::UnknownKey, "login_refused"),
        (Lie::Unsigned, "login_refused"),
        (Lie::Confused, "login_refused"),
        (Lie::OtherSignature, "login_refused"),
        (Lie::NoIdToken, "login_refused"),
        (Lie::NotJson, "login_refused"),
        (Lie::Huge, "login_refused"),
    ] {
        world.provider.lie(lie);
        let mut browser = Browser::default();
        let answer = world.try_login(&mut browser, "ada", &[]).await;
        count.turned_away(&format!("{lie:?}"), &answer, code);
        world.provider.lie(Lie::None);
        world.log_in("ada", &[]).await;
    }
    count.say("a lying provider");
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let world = World::start().await;
    world.log_in("ada", &[]).await;
    world.provider.lie(Lie::NewKey);
    // What the router knows of it is older than that by a moment; it asks again, but not without end.
    let mut browser = Browser::default();
    let mut answer = world.try_login(&mut browser, "ada", &[]).await;
    for _ in 0..20 {
        if answer.header("location") == Some("/") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        answer = world.try_login(&mut browser, "ada", &[]).await;
    }
    panic!("{answer:?}");
}

#[tokio::test]
async fn a_login_belongs_to_its_browser_and_is_used_once() {
    let (world, mut count) = (World::start().await, Count::default());
    let mut ada = Browser::default();
    let authorize = world.begin(&mut ada, "/").await;
    let code = world.provider.log_in(&authorize, "ada", &[]);
    let back = world.back(&authorize, &code);

    let nobody = world.come_back(&Browser::default(), &back).await;
    count.turned_away(
        "a link that somebody else finishes (login CSRF)",
        &nobody,
        "stale_login",
    );
    let honest = world.come_back(&ada, &back).await;
    assert_eq!(
        honest.header("location"),
        Some("/"),
        "the honest twin: {honest:?}"
    );
    let again = world.come_back(&ada, &back).await;
    count.turned_away("the same once more", &again, "stale_login");

    let mut mallory = Browser::default();
    let hers = world.begin(&mut mallory, "/").await;
    let code = world.provider.log_in(&hers, "mallory", &[]);
    let mut ada = Browser::default();
    let _ = world.begin(&mut ada, "/").await;
    let crossed = world.come_back(&ada, &world.back(&hers, &code)).await;
    count.turned_away("another's state and code in my browser", &crossed, "stale_login");

    let authorize = world.begin(&mut ada, "/").await;
    let stolen = world.provider.log_in(&hers, "mallory", &[]);
    let injected = world.come_back(&ada, &world.back(&authorize, &stolen)).await;
    count.turned_away("another's code under my state (PKCE)", &injected, "login_refused");

    for (what, query) in [
        ("nothing at all", String::new()),
        ("a state that nobody began", "code=x&state=x".to_owned()),
        ("an empty state", "code=x&state=".to_owned()),
        ("a code without a state", "code=x".to_owned()),
    ] {
        let mut browser = Browser::default();
        let _ = world.begin(&mut browser, "/").await;
        count.turned_away(what, &world.come_back(&browser, &query).await, "stale_login");
    }

    let asked = world.provider.asked();
    for (what, iss) in [
        (
            "the response of another provider (mix-up)",
            "&iss=https%3A%2F%2Flogin.example.org",
        ),
        ("a response without the issuer that was promised", ""),
        ("an issuer that is empty", "&iss="),
    ] {
        let mut browser = Browser::default();
        let authorize = world.begin(&mut browser, "/").await;
        let code = world.provider.log_in(&authorize, "ada", &[]);
        let back = format!("code={code}&state={}{iss}", query(&authorize)["state"]);
        count.turned_away(what, &world.come_back(&browser, &back).await, "login_refused");
    }
    assert_eq!(world.provider.asked(), asked, "no code was shown to anybody");

    let mut browser = Browser::default();
    let authorize = world.begin(&mut browser, "/").await;
    let back = format!("error=access_denied&state={}", query(&authorize)["state"]);
    count.turned_away(
        "a provider that says no",
        &world.come_back(&browser, &back).await,
        "declined",
    );

    world.log_in("ada", &[]).await;
    count.say("logins");
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let (world, mut count) = (World::start().await, Count::default());
    for to in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F%09%2Fevil.example",
        "javascript%3Aalert(1)",
        "%2Fauth%2Flogout",
        "%2Fa%0D%0ASet-Cookie%3A%20x%3D1",
    ] {
        let mut browser = Browser::default();
        let authorize = world.begin(&mut browser, to).await;
        let code = world.provider.log_in(&authorize, "ada", &[]);
        let answer = world.come_back(&browser, &world.back(&authorize, &code)).await;
        assert_eq!(answer.header("location"), Some("/"), "{to}: {answer:?}");
        count.one();
    }
    let mut browser = Browser::default();
    let authorize = world.begin(&mut browser, "%2Fdesktop%3Fhost%3Dabc").await;
    let code = world.provider.log_in(&authorize, "ada", &[]);
    let answer = world.come_back(&browser, &world.back(&authorize, &code)).await;
    assert_eq!(
        answer.header("location"),
        Some("/desktop?host=abc"),
        "the honest twin"
    );
    count.say("redirects");
}

#[tokio::test]
async fn a_cookie_alone_serves_no_other_site() {
    let (world, mut count) = (World::start().await, Count::default());
    let ada = world.log_in("ada", &[]).await;
    let (cookies, origin) = (ada.header(), world.https.origin());
    for (what, headers) in [
        (
            "a form of another site",
            vec![
                ("Sec-Fetch-Site", "cross-site"),
                ("Origin", "https://evil.example"),
            ],
        ),
        (
            "a sibling of the site",
            vec![("Sec-Fetch-Site", "same-site"), ("Origin", origin.as_str())],
        ),
        ("no word of where from", vec![("Origin", origin.as_str())]),
        ("no origin", vec![("Sec-Fetch-Site", "same-origin")]),
        (
            "an origin of nobody",
            vec![("Sec-Fetch-Site", "same-origin"), ("Origin", "null")],
        ),
        (
            "plain http",
            vec![("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost")],
        ),
        (
            "typed into the address",
            vec![("Sec-Fetch-Site", "none"), ("Origin", origin.as_str())],
        ),
    ] {
        for line in ["POST /api/v1/token", "POST /auth/logout"] {
            let mut headers = headers.clone();
            headers.push(("Cookie", &cookies));
            let answer = world.https.request(line, &headers, "").await.unwrap();
            count.refused(&format!("{line}: {what}"), &answer, 403, "origin");
        }
    }
    let get = world.get("/api/v1/token", &[("Cookie", &cookies)]).await;
    assert_eq!(get.status, 405);
    assert_eq!(
        world.ask_token(&ada).await.status,
        200,
        "the honest twin is still logged in"
    );
    count.say("cross-site calls");
}

#[tokio::test]
async fn a_login_ends_when_it_is_told_to() {
    let (world, mut count) = (World::start().await, Count::default());
    let ada = world.log_in("ada", &["admins"]).await;
    let token = world.token(&ada).await;
    assert_eq!(world.call("GET /api/v1/hosts", &token, "").await.status, 200);
    let (cookies, origin) = (ada.header(), world.https.origin());
    let headers = [
        ("Cookie", cookies.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", &origin),
    ];
    let out = world
        .https
        .request("POST /auth/logout", &headers, "")
        .await
        .unwrap();
    assert_eq!(out.status, 200, "{out:?}");
    let there = out.json()["url"].as_str().unwrap().to_owned();
    assert!(
        there.starts_with(&format!("{}/logout?client_id=removid&", world.provider.issuer)),
        "{there}"
    );
    assert_eq!(query(&there)["post_logout_redirect_uri"], world.url);
    count.refused(
        "the cookie after logging out",
        &world.ask_token(&ada).await,
        401,
        "login_required",
    );
    let answer = world.call("GET /api/v1/hosts", &token, "").await;
    count.refused("its token, which lives on", &answer, 401, "login_required");
    let guessed = Browser {
        cookies: vec![("__Host-removid".to_owned(), "A".repeat(43))],
    };
    count.refused(
        "a cookie that nobody gave",
        &world.ask_token(&guessed).await,
        401,
        "login_required",
    );
    let fixed = Browser {
        cookies: vec![
            ada.cookies[0].clone(),
            ("__Host-removid".to_owned(), "B".repeat(43)),
        ],
    };
    count.refused(
        "two cookies of one name",
        &world.ask_token(&fixed).await,
        401,
        "login_required",
    );
    count.say("logouts");
}
