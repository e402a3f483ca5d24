//! Speaking to the router in a host's name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::json;
use signaling_spec::claims::AssertionClaims;
use signaling_spec::{EndReason, SessionId, Signal};

use super::count::Count;
use super::world::{World, fingerprint, heard, say};

#[tokio::test]
async fn a_host_proves_its_key_at_every_connection() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let stranger = world.new_host();
    let bearer = |token: String| format!("Bearer {token}");
    let claims = |change: fn(&mut AssertionClaims)| bearer(world.assertion(&host, change));
    let good = world.assertion(&host, |_| {});
    let (head, rest) = good.split_once('.').unwrap();
    let header = |text: &str| bearer(format!("{}.{rest}", B64.encode(text)));
    let kid = serde_json::from_slice::<serde_json::Value>(&B64.decode(head).unwrap()).unwrap()["kid"].clone();
    for (what, authorization, status, code) in [
        ("nothing", String::new(), 401, "host_key"),
        ("another scheme", good.clone(), 401, "host_key"),
        (
            "a key that is not enrolled",
            bearer(world.assertion(&stranger, |_| {})),
            401,
            "host_key",
        ),
        (
            "another's name under its own key",
            claims(|c| {
                c.sub = "x".to_owned();
                c.iss = "x".to_owned();
            }),
            401,
            "host_key",
        ),
        (
            "a proof of two names",
            claims(|c| c.iss = "x".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof for another router",
            claims(|c| c.aud = "https://evil.example/".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof for everybody",
            claims(|c| c.aud = "*".to_owned()),
            401,
            "host_key",
        ),
        (
            "a proof that lives long",
            claims(|c| c.exp += 3600),
            401,
            "host_key",
        ),
        (
            "an old proof",
            claims(|c| {
                c.iat -= 600;
                c.exp -= 600;
            }),
            401,
            "clock",
        ),
        (
            "a proof of the future",
            claims(|c| {
                c.iat += 600;
                c.exp += 600;
            }),
            401,
            "clock",
        ),
        (
            "no algorithm",
            header(&format!(r#"{{"alg":"none","typ":"rmv-host+jwt","kid":{kid}}}"#)),
            401,
            "host_key",
        ),
        (
            "another algorithm",
            header(&format!(r#"{{"alg":"HS512","typ":"rmv-host+jwt","kid":{kid}}}"#)),
            401,
            "host_key",
        ),
        (
            "another kind of token",
            header(&format!(
                r#"{{"alg":"EdDSA","typ":"rmv-access+jwt","kid":{kid}}}"#
            )),
            401,
            "host_key",
        ),
        (
            "a key in the header",
            header(&format!(
                r#"{{"alg":"EdDSA","typ":"rmv-host+jwt","kid":{kid},"jwk":{{}}}}"#
            )),
            401,
            "host_key",
        ),
        (
            "a critical extension",
            header(&format!(
                r#"{{"alg":"EdDSA","typ":"rmv-host+jwt","kid":{kid},"crit":["x"]}}"#
            )),
            401,
            "host_key",
        ),
        (
            "a path for a key",
            header(r#"{"alg":"EdDSA","typ":"rmv-host+jwt","kid":"../../host"}"#),
            401,
            "host_key",
        ),
        ("a person's token", bearer(admin.clone()), 401, "host_key"),
    ] {
        let headers = [("Authorization", authorization.as_str())];
        let headers = if authorization.is_empty() {
            &headers[..0]
        } else {
            &headers[..]
        };
        let socket = world.uplink(headers).await;
        count.shut(what, &socket, status, code);
    }
    let (good, origin) = (bearer(good), world.https.origin());
    let page = world
        .uplink(&[("Authorization", &good), ("Origin", &origin)])
        .await;
    count.shut("a page that has a host's proof", &page, 403, "origin");
    world.uplink(&[("Authorization", &good)]).await.unwrap();
    let again = world.uplink(&[("Authorization", &good)]).await;
    count.shut("the same proof again", &again, 401, "replay");
    count.say("hosts' proofs");
}

#[tokio::test]
async fn a_removed_host_stays_out() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    world.connect(&host).await.unwrap();
    let answer = world
        .call(&format!("DELETE /api/v1/hosts/{}", host.id), &admin, "")
        .await;
    assert_eq!(answer.status, 204);
    count.shut(
        "a host that was removed",
        &world.connect(&host).await,
        401,
        "host_key",
    );
    count.say("removed hosts");
}

#[tokio::test]
async fn of_two_with_one_key_the_newer_stays() {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let mut first = world.connect(&host).await.unwrap();
    let mut second = world.connect(&host).await.unwrap();
    assert_eq!(heard(&mut first).await, Err(4006));
    let joined = world.join(&admin, &host.id).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    world
        .take(joined.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    assert!(matches!(
        heard(&mut second).await,
        Ok(Signal::SessionRequest { .. })
    ));
}

#[tokio::test]
async fn a_host_speaks_for_its_own_sessions_only() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let (mine, other) = (
        world.host(&admin, &json!({})).await,
        world.host(&admin, &json!({})).await,
    );
    let mut honest = world.connect(&mine).await.unwrap();
    let mut liar = world.connect(&other).await.unwrap();
    let joined = world.join(&admin, &mine.id).await.json();
    let mut viewer = world.take(joined["ticket"].as_str().unwrap()).await.unwrap();
    let Ok(Signal::SessionRequest { sid, .. }) = heard(&mut honest).await else {
        panic!("no request");
    };
    assert_eq!(sid.0, joined["sid"]);
    let rights = signaling_spec::Rights::all();
    let accept = |sid: &SessionId| Signal::SessionAccept {
        sid: sid.clone(),
        host_fp: fingerprint(),
        rights: rights.clone(),
    };
    // The liar's words come first and change nothing; the first thing that the viewer hears is the honest host's.
    for lie in [
        accept(&sid),
        Signal::SessionEnd {
            sid: sid.clone(),
            reason: EndReason::Closed,
        },
        Signal::IceCandidate {
            sid: sid.clone(),
            candidate: "candidate:1 1 udp 1 192.0.2.1 1 typ host".to_owned(),
            mid: None,
        },
        Signal::SessionRequest {
            sid: sid.clone(),
            subject: "x".to_owned(),
            token: signaling_spec::TokenId("x".to_owned()),
            rights: rights.clone(),
            viewer_fp: fingerprint(),
            viewer_nonce: "n".to_owned(),
            page: None,
            local: None,
            resume: None,
            ice_servers: None,
            relay_only: None,
            consent: None,
            grant: None,
        },
        Signal::SessionLease {
            sid: sid.clone(),
            seconds: 1,
        },
    ] {
        say(&mut liar, &lie).await;
        count.one();
    }
    // Its own word goes the same way, after the lies.
    let pong = Signal::HostStatus {
        name: "liar".to_owned(),
        version: "1".to_owned(),
        sessions: vec![sid.clone()],
        links: vec![],
    };
    say(&mut liar, &pong).await;
    count.one();
    let told = loop {
        let hosts = world.call("GET /api/v1/hosts", &admin, "").await.json();
        // Who asks too often is told to wait.
        let named = hosts["hosts"]
            .as_array()
            .is_some_and(|hosts| hosts.iter().any(|host| host["name"] == "liar"));
        if named {
            break hosts;
        }
        tokio::task::yield_now().await;
    };
    let mine = told["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|host| host["id"] == mine.id.as_str())
        .unwrap()
        .clone();
    assert_eq!(mine["viewers"].as_array().unwrap().len(), 1, "the session lives");
    let end = Signal::SessionEnd {
        sid: sid.clone(),
        reason: EndReason::Stopping,
    };
    say(&mut honest, &end).await;
    assert_eq!(heard(&mut viewer).await, Ok(end), "the honest twin");
    count.say("words of another host");
}
