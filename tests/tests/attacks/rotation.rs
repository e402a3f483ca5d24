//! A host's change of keys: in another's name, by half a signature, and back again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use router::auth::direct::unix_now;
use serde_json::{Value, json};
use session_core::bind::succession;
use signaling_spec::HostId;

use super::count::Count;
use super::world::{Host, World};

/// What a host says to take the key of another `Host`.
fn rotation(world: &World, id: &str, old: &Host, next: &Host, change: impl FnOnce(&mut Value)) -> Value {
    let iat = unix_now();
    let [old_pub, new_pub] = [old, next].map(|one| B64.encode(&one.public));
    let bytes = succession(&HostId(id.to_owned()), &old_pub, &new_pub, iat);
    let mut body = json!({
        "proof": world.assertion(old, |claims| { claims.sub = id.to_owned(); claims.iss = id.to_owned(); }),
        "succession": {
            "old_pub": old_pub, "new_pub": new_pub, "iat": iat,
            "old_sig": old.sign(&bytes), "new_sig": next.sign(&bytes),
        },
    });
    change(&mut body);
    body
}

#[tokio::test]
async fn a_key_is_followed_by_whom_it_names_and_by_nobody_else() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let other = world.host(&admin, &json!({})).await;
    let (next, stranger) = (world.new_host(), world.new_host());
    let good = |change: fn(&mut Value)| rotation(&world, &host.id, &host, &next, change);
    let ask = async |body: Value| {
        let headers = [("Content-Type", "application/json")];
        let line = "POST /api/v1/host/rotate";
        world
            .https
            .request(line, &headers, &body.to_string())
            .await
            .unwrap()
    };
    let stolen = rotation(&world, &host.id, &stranger, &next, |_| {});
    let anothers = rotation(&world, &host.id, &other, &next, |_| {});
    let mut unsigned = good(|_| {});
    unsigned["proof"] = json!(world.assertion(&other, |_| {}));
    let mut misled = good(|_| {});
    misled["succession"]["new_pub"] = json!(B64.encode(&stranger.public));
    let foreign = |change: fn(&mut signaling_spec::claims::AssertionClaims)| {
        let mut body = good(|_| {});
        body["proof"] = json!(world.assertion(&host, change));
        body
    };
    for (what, body, status, code) in [
        ("a key that is not enrolled", stolen, 401, "host_key"),
        ("another host's key", anothers, 401, "host_key"),
        ("another host's proof", unsigned, 400, "malformed"),
        (
            "a proof for another router",
            foreign(|c| c.aud = "https://evil.example/".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof of long ago",
            foreign(|c| {
                c.iat -= 3600;
                c.exp -= 3600;
            }),
            401,
            "clock",
        ),
        ("no proof", good(|b| b["proof"] = json!("")), 401, "host_key"),
        ("a key that was swapped", misled, 400, "malformed"),
        (
            "no key",
            good(|b| b["succession"]["new_pub"] = json!("AAAA")),
            400,
            "malformed",
        ),
        (
            "no word of the old key",
            good(|b| b["succession"]["old_sig"] = json!("")),
            400,
            "malformed",
        ),
        (
            "the new key's word twice",
            good(|b| b["succession"]["old_sig"] = b["succession"]["new_sig"].clone()),
            400,
            "malformed",
        ),
        (
            "no word of the new key",
            good(|b| b["succession"]["new_sig"] = json!("")),
            400,
            "malformed",
        ),
        (
            "another time",
            good(|b| b["succession"]["iat"] = json!(1_000_000)),
            400,
            "malformed",
        ),
        (
            "a moment later",
            good(|b| b["succession"]["iat"] = json!(b["succession"]["iat"].as_u64().unwrap() + 1)),
            400,
            "malformed",
        ),
        (
            "itself",
            rotation(&world, &host.id, &host, &host, |_| {}),
            400,
            "malformed",
        ),
        (
            "another's key as the next",
            rotation(&world, &host.id, &host, &other, |_| {}),
            400,
            "malformed",
        ),
    ] {
        count.refused(what, &ask(body).await, status, code);
    }
    let by_a_page = world
        .call("POST /api/v1/host/rotate", &admin, &good(|_| {}).to_string())
        .await;
    assert_eq!(
        by_a_page.status, 204,
        "a proof is enough, whoever brings it: {by_a_page:?}"
    );

    // Until the new key is used the old one is good; a key that waits cannot name another.
    let _there = world.connect(&host).await.unwrap();
    let early = rotation(&world, &host.id, &next, &stranger, |_| {});
    count.refused("a key that waits", &ask(early).await, 409, "key_waits");
    let joined = world.join(&admin, &host.id).await.json();
    assert_eq!(
        (joined["host_pub"].as_str(), joined["key_chain"].is_null()),
        (Some(B64.encode(&host.public).as_str()), true)
    );
    let body = good(|_| {});
    assert_eq!(ask(body.clone()).await.status, 204, "said again");
    count.refused("what was said before", &ask(body).await, 401, "replay");

    let renewed = Host {
        id: host.id.clone(),
        ..next
    };
    let _live = world.connect(&renewed).await.unwrap();
    count.shut(
        "the old key, once the new one was used",
        &world.connect(&host).await,
        401,
        "host_key",
    );
    let back = rotation(&world, &host.id, &renewed, &host, |_| {});
    count.refused("a way back", &ask(back).await, 400, "malformed");
    let again = rotation(&world, &host.id, &host, &stranger, |_| {});
    count.refused("the old key as a parent", &ask(again).await, 401, "host_key");
    let joined = world.join(&admin, &host.id).await.json();
    assert_eq!(joined["host_pub"], B64.encode(&renewed.public));
    assert_eq!(joined["key_chain"].as_array().unwrap().len(), 1);
    assert_eq!(joined["key_chain"][0]["old_pub"], B64.encode(&host.public));
    count.say("a host's change of keys");
}
