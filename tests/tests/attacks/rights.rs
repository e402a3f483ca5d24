//! Doing what no role permits, and staying where one is not wanted any more.

use std::time::{Duration, Instant};

use serde_json::json;
use signaling_spec::{EndReason, Right, Rights, Signal};

use super::count::Count;
use super::world::{World, heard};

#[tokio::test]
async fn a_host_is_none_for_whoever_may_not_see_it() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let (dev, prod) = (
        world.host(&admin, &json!({ "env": "dev" })).await,
        world.host(&admin, &json!({ "env": "prod" })).await,
    );
    let _sockets = (
        world.connect(&dev).await.unwrap(),
        world.connect(&prod).await.unwrap(),
    );
    let bob = world.person("bob", &["staff"]).await;
    let (at_dev, unknown) = (
        world.join(&bob, &dev.id).await,
        world.join(&bob, "0000000000000000").await,
    );
    count.refused("no role", &at_dev, 404, "not_found");
    count.refused("a host that does not exist", &unknown, 404, "not_found");
    assert_eq!(at_dev.body, unknown.body, "the two cannot be told apart");

    world
        .role(
            &admin,
            "staff",
            &json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true, "sound": true } }),
        )
        .await;
    world.give(&admin, "staff", "staff").await;
    assert_eq!(world.join(&bob, &dev.id).await.status, 201, "the honest twin");
    count.refused(
        "another label",
        &world.join(&bob, &prod.id).await,
        404,
        "not_found",
    );
    let hosts = world.call("GET /api/v1/hosts", &bob, "").await.json();
    let seen: Vec<&str> = hosts["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["id"].as_str().unwrap())
        .collect();
    assert_eq!(seen, [dev.id.as_str()]);

    let eve = world.person("eve", &["Staff", "staff ", "admin", ""]).await;
    count.refused(
        "a group of nearly the name",
        &world.join(&eve, &dev.id).await,
        404,
        "not_found",
    );
    world
        .role(
            &admin,
            "no-dev",
            &json!({ "deny": { "labels": { "env": ["dev"] } } }),
        )
        .await;
    world.give(&admin, "no-dev", "staff").await;
    count.refused(
        "a role that denies beside one that allows",
        &world.join(&bob, &dev.id).await,
        404,
        "not_found",
    );
    count.say("hosts of others");
}

#[tokio::test]
async fn nobody_is_granted_more_than_the_roles_say() {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({ "env": "dev" })).await;
    let mut socket = world.connect(&host).await.unwrap();
    let covers = json!({ "labels": { "env": ["dev"] } });
    world
        .role(
            &admin,
            "look",
            &json!({ "allow": covers, "rights": { "view": true, "sound": true, "input_keyboard": true } }),
        )
        .await;
    world
        .role(
            &admin,
            "hush",
            &json!({ "allow": covers, "rights": { "sound": false } }),
        )
        .await;
    world.give(&admin, "look", "staff").await;
    world.give(&admin, "hush", "staff").await;
    let bob = world.person("bob", &["staff"]).await;
    let joined = world.join(&bob, &host.id).await.json();
    let _viewer = world.take(joined["ticket"].as_str().unwrap()).await.unwrap();
    let Ok(Signal::SessionRequest { rights, .. }) = heard(&mut socket).await else {
        panic!("no request");
    };
    let expected: Rights = [Right::View, Right::InputKeyboard].into_iter().collect();
    assert_eq!(rights, expected);
}

#[tokio::test]
async fn administration_is_for_administrators() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    world
        .role(
            &admin,
            "all",
            &json!({ "allow": { "labels": { "*": ["*"] } }, "rights": { "view": true } }),
        )
        .await;
    world.give(&admin, "all", "staff").await;
    let bob = world.person("bob", &["staff"]).await;
    let grab = json!({ "admin": true }).to_string();
    let bind = json!({ "provider": "corp", "group": "staff", "role": "administrator" }).to_string();
    let lock = json!({ "kind": "host", "target": host.id, "reason": "x" }).to_string();
    for (line, body) in [
        ("GET /api/v1/roles".to_owned(), ""),
        ("PUT /api/v1/roles/all".to_owned(), grab.as_str()),
        ("DELETE /api/v1/roles/all".to_owned(), ""),
        ("GET /api/v1/bindings".to_owned(), ""),
        ("POST /api/v1/bindings".to_owned(), &bind),
        ("DELETE /api/v1/bindings".to_owned(), &bind),
        ("GET /api/v1/locks".to_owned(), ""),
        ("POST /api/v1/locks".to_owned(), &lock),
        ("DELETE /api/v1/locks/x".to_owned(), ""),
        ("GET /api/v1/accounts".to_owned(), ""),
        ("GET /api/v1/audit".to_owned(), ""),
        (
            format!("PUT /api/v1/hosts/{}/labels", host.id),
            r#"{"labels":{}}"#,
        ),
        (format!("DELETE /api/v1/hosts/{}", host.id), ""),
    ] {
        count.refused(
            &format!("{line} by bob"),
            &world.call(&line, &bob, body).await,
            403,
            "forbidden",
        );
        count.refused(
            &format!("{line} by nobody"),
            &world.call(&line, "", body).await,
            401,
            "login_required",
        );
    }
    for role in [
        json!({ "rights": { "usb": true } }),
        json!({ "record": "strict" }),
        json!({ "allow": { "labels": {}, "logins": ["root"] } }),
        json!({ "max_session": 0 }),
        json!([]),
    ] {
        let answer = world.call("PUT /api/v1/roles/x", &admin, &role.to_string()).await;
        count.refused(&format!("a role that says {role}"), &answer, 400, "malformed");
    }
    let answer = world.call("PUT /api/v1/roles/Not%20a%20name", &admin, "{}").await;
    count.refused("a role without a name", &answer, 400, "malformed");
    assert_eq!(
        world.call("GET /api/v1/roles", &admin, "").await.status,
        200,
        "the honest twin"
    );
    count.say("administration");
}

/// Locks of every kind, a role that shrinks, one that is taken away, a logout: each ends a live session within two
/// seconds, at both ends, and nothing begins after it.
#[tokio::test]
async fn whoever_is_locked_out_goes() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({ "env": "dev" })).await;
    let mut socket = world.connect(&host).await.unwrap();
    let role =
        json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true, "sound": true } });
    let less = json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true } });
    world.role(&admin, "staff", &role).await;
    world.give(&admin, "staff", "staff").await;
    let bob = world.person("bob", &["staff"]).await;
    let accounts = world.call("GET /api/v1/accounts", &admin, "").await.json();
    let account = accounts["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["subject"] == "bob")
        .unwrap()["id"]
        .clone();
    let lock = |kind: &str, target: &str| {
        json!({ "kind": kind, "target": target, "reason": "away with you" }).to_string()
    };
    let bind = json!({ "provider": "corp", "group": "staff", "role": "staff" }).to_string();
    let labels = format!("PUT /api/v1/hosts/{}/labels", host.id);
    for (what, line, body, code) in [
        (
            "a lock on the person",
            "POST /api/v1/locks",
            lock("account", account.as_str().unwrap()),
            (403, "locked"),
        ),
        (
            "a lock on the role",
            "POST /api/v1/locks",
            lock("role", "staff"),
            (403, "locked"),
        ),
        (
            "a lock on the host",
            "POST /api/v1/locks",
            lock("host", &host.id),
            (403, "locked"),
        ),
        (
            "a role that shrinks",
            "PUT /api/v1/roles/staff",
            less.to_string(),
            (201, ""),
        ),
        (
            "a role that is taken",
            "DELETE /api/v1/bindings",
            bind,
            (404, "not_found"),
        ),
        (
            "a host that moves",
            labels.as_str(),
            json!({ "labels": { "env": "prod" } }).to_string(),
            (404, "not_found"),
        ),
    ] {
        let joined = world.join(&bob, &host.id).await;
        assert_eq!(joined.status, 201, "{what}: {joined:?}");
        let mut viewer = world
            .take(joined.json()["ticket"].as_str().unwrap())
            .await
            .unwrap();
        let Ok(Signal::SessionRequest { sid, .. }) = heard(&mut socket).await else {
            panic!("{what}: no request");
        };
        let done = world.call(line, &admin, &body).await;
        assert!(done.status < 300, "{what}: {done:?}");
        let began = Instant::now();
        let revoked = Signal::SessionEnd {
            sid,
            reason: EndReason::Revoked,
        };
        assert_eq!(heard(&mut socket).await, Ok(revoked.clone()), "{what}: the host");
        assert_eq!(heard(&mut viewer).await, Ok(revoked), "{what}: the viewer");
        assert_eq!(heard(&mut viewer).await, Err(4007), "{what}: the viewer's socket");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            began.elapsed()
        );
        let again = world.join(&bob, &host.id).await;
        assert_eq!((again.status, again.code().as_str()), code, "{what}: {again:?}");
        count.one();
        // As it was.
        if let Some(id) = done.json()["id"].as_str() {
            assert_eq!(
                world
                    .call(&format!("DELETE /api/v1/locks/{id}"), &admin, "")
                    .await
                    .status,
                204
            );
        }
        world.role(&admin, "staff", &role).await;
        world.give(&admin, "staff", "staff").await;
        let back = json!({ "labels": { "env": "dev" } }).to_string();
        assert_eq!(world.call(&labels, &admin, &back).await.status, 204);
    }
    count.say("locks");
}

/// A person who logs out and a host that is removed leave no session behind.
#[tokio::test]
async fn what_is_gone_takes_its_sessions_along() {
    let (world, mut count) = (World::start().await, Count::default());
    let ada = world.log_in("ada", &["admins"]).await;
    let admin = world.token(&ada).await;
    let other = world.person("eve", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let mut socket = world.connect(&host).await.unwrap();
    for (what, who) in [("a logout", &admin), ("a removed host", &other)] {
        let joined = world.join(who, &host.id).await.json();
        let mut viewer = world.take(joined["ticket"].as_str().unwrap()).await.unwrap();
        let Ok(Signal::SessionRequest { sid, .. }) = heard(&mut socket).await else {
            panic!("{what}: no request");
        };
        let done = if what == "a logout" {
            let (cookies, origin) = (ada.header(), world.https.origin());
            let headers = [
                ("Cookie", cookies.as_str()),
                ("Sec-Fetch-Site", "same-origin"),
                ("Origin", &origin),
            ];
            world
                .https
                .request("POST /auth/logout", &headers, "")
                .await
                .unwrap()
        } else {
            let line = format!("DELETE /api/v1/hosts/{}", host.id);
            world.call(&line, &other, "").await
        };
        assert!([200, 204].contains(&done.status), "{what}: {done:?}");
        let began = Instant::now();
        let revoked = Signal::SessionEnd {
            sid,
            reason: EndReason::Revoked,
        };
        assert_eq!(heard(&mut socket).await, Ok(revoked.clone()), "{what}: the host");
        assert_eq!(heard(&mut viewer).await, Ok(revoked), "{what}: the viewer");
        assert_eq!(heard(&mut viewer).await, Err(4007), "{what}: the viewer's socket");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            began.elapsed()
        );
        count.one();
    }
    count.say("what is gone");
}
