//! Who somebody is: the provider's `sub` and nothing else; and people with very many groups.

use serde_json::json;

use super::count::Count;
use super::provider::Lie;
use super::world::World;

#[tokio::test]
async fn a_name_is_no_identity() {
    let (world, mut count) = (World::start().await, Count::default());
    let root = world.person("root", &["admins"]).await;
    let body = json!({ "provider": "corp", "subject": "ada", "role": "administrator" }).to_string();
    assert_eq!(
        world.call("POST /api/v1/bindings", &root, &body).await.status,
        204
    );
    let roles = async |token: &str| world.call("GET /api/v1/roles", token, "").await;
    let ada = world.person("ada", &[]).await;
    assert_eq!(roles(&ada).await.status, 200, "the honest twin");
    world.provider.lie(Lie::AdasName);
    // Another subject with her name and address; her subject in capitals, with a blank, and in look-alike letters.
    for subject in [
        "mallory",
        "Ada",
        "ADA",
        "ada ",
        "\u{430}da",
        "ada@example.org",
        "a\u{301}da",
    ] {
        let token = world.person(subject, &[]).await;
        count.refused(
            &format!("{subject:?} as Ada"),
            &roles(&token).await,
            403,
            "forbidden",
        );
    }
    world.provider.lie(Lie::NewAddress);
    let moved = world.person("ada", &[]).await;
    assert_eq!(
        roles(&moved).await.status,
        200,
        "another address, the same person"
    );
    let accounts = world.call("GET /api/v1/accounts", &moved, "").await.json();
    let of = |subject: &str| {
        let all = accounts["accounts"].as_array().unwrap();
        all.iter().filter(|account| account["subject"] == subject).count()
    };
    assert_eq!((of("ada"), of("Ada"), of("mallory")), (1, 1, 1), "{accounts}");
    count.say("names");
}

#[tokio::test]
async fn very_many_groups_are_no_trouble() {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    let _host = world.host(&admin, &json!({ "env": "dev" })).await;
    let role = json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true } });
    world.role(&admin, "staff", &role).await;
    for many in [0, 1, 30, 300, 3000] {
        let groups: Vec<String> = (0..many)
            .map(|n| format!("cn=department-{n:04},ou=groups,dc=a-rather-long-name,dc=example,dc=org"))
            .collect();
        let names: Vec<&str> = groups.iter().map(String::as_str).collect();
        if let Some(last) = names.last() {
            world.give(&admin, "staff", last).await;
        }
        let mut bob = super::world::Browser::default();
        let answer = world.try_login(&mut bob, "bob", &names).await;
        assert!(answer.headers("set-cookie").all(|cookie| cookie.len() < 4096));
        assert!(bob.header().len() < 4096);
        let token = world.token(&bob).await;
        assert!(token.len() < 4096);
        let hosts = world.call("GET /api/v1/hosts", &token, "").await.json();
        let seen = hosts["hosts"].as_array().unwrap().len();
        assert_eq!(seen, usize::from(many > 0), "{many} groups");
    }
}
