//! Login by the word of an access proxy: only by the one that knows the secret.

use super::count::Count;
use super::world::{Browser, World};
use tests::https::Answer;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn world() -> World {
    World::start_as("", |dir| {
        std::fs::write(dir.join("proxy-secret"), SECRET).unwrap();
        format!(
            "trusted-header = {{ user = \"X-User\", name = \"X-Name\", groups = \"X-Groups\", secret-header = \"X-Proxy-Secret\", secret-file = \"{}\" }}",
            dir.join("proxy-secret").display()
        )
    })
    .await
}

async fn enter(world: &World, headers: &[(&str, &str)]) -> Answer {
    world.get("/auth/header?to=/desktop", headers).await
}

#[tokio::test]
async fn only_the_proxy_names_people() {
    let (world, mut count) = (world().await, Count::default());
    let short = &SECRET[1..];
    for (what, headers) in [
        ("a stranger with the header", vec![("X-User", "ada")]),
        (
            "a wrong secret",
            vec![("X-User", "ada"), ("X-Proxy-Secret", "guess")],
        ),
        (
            "a part of the secret",
            vec![("X-User", "ada"), ("X-Proxy-Secret", short)],
        ),
        ("an empty secret", vec![("X-User", "ada"), ("X-Proxy-Secret", "")]),
        (
            "two secrets",
            vec![
                ("X-User", "ada"),
                ("X-Proxy-Secret", SECRET),
                ("X-Proxy-Secret", "x"),
            ],
        ),
        ("nobody's name", vec![("X-Proxy-Secret", SECRET)]),
        ("an empty name", vec![("X-User", ""), ("X-Proxy-Secret", SECRET)]),
        (
            "two names",
            vec![("X-User", "ada"), ("X-User", "root"), ("X-Proxy-Secret", SECRET)],
        ),
    ] {
        count.turned_away(what, &enter(&world, &headers).await, "proxy");
    }
    let proxied = [
        ("X-User", "ada"),
        ("X-Name", "Ada"),
        ("X-Groups", "dev, ops"),
        ("X-Proxy-Secret", SECRET),
    ];
    let answer = enter(&world, &proxied).await;
    assert_eq!(
        answer.header("location"),
        Some("/desktop"),
        "the honest twin: {answer:?}"
    );
    let mut ada = Browser::default();
    ada.take(&answer);
    // The page's token is given through the proxy as well, for as long as that names the same person.
    let (cookies, origin) = (ada.header(), world.https.origin());
    let own = [
        ("Cookie", cookies.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", &origin),
    ];
    let token = async |more: &[(&str, &str)]| {
        let headers: Vec<(&str, &str)> = own.iter().chain(more).copied().collect();
        world
            .https
            .request("POST /api/v1/token", &headers, "")
            .await
            .unwrap()
    };
    let good = token(&[("X-User", "ada"), ("X-Proxy-Secret", SECRET)]).await;
    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(good.json()["account"]["name"], "Ada");
    let around = token(&[("X-User", "ada")]).await;
    count.refused("her cookie around the proxy", &around, 401, "login_required");
    let again = token(&[("X-User", "ada"), ("X-Proxy-Secret", SECRET)]).await;
    count.refused("and that ended the login", &again, 401, "login_required");
    count.say("an access proxy");
}

#[tokio::test]
async fn without_a_configuration_no_header_counts() {
    let (world, mut count) = (World::start().await, Count::default());
    let answer = enter(&world, &[("X-User", "ada"), ("X-Proxy-Secret", SECRET)]).await;
    count.turned_away("a header that nobody asked for", &answer, "no_provider");
    count.say("no access proxy");
}
