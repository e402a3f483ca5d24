//! On the socket: what a viewer may say, how it is refused, and how a session ends from outside.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use signaling_spec::{EndReason, Refusal, Rights, SessionId, Signal};
use tokio_tungstenite::tungstenite::Message;

use super::world::{closed, heard, say, start, within};

#[tokio::test]
async fn bad_messages_are_refused_and_the_socket_stays() {
    let mut world = start();
    let (mut viewer, sid) = world.viewer().await;
    let (_other, other_sid) = world.viewer().await;
    let long = "x".repeat(49_153);
    for (name, text, code, reference) in [
        ("not JSON", "hello".to_owned(), Refusal::Malformed, None),
        ("a list", json!(["ice.end", sid]).to_string(), Refusal::Malformed, None),
        ("no sid", json!({ "type": "ice.end" }).to_string(), Refusal::Malformed, None),
        ("an unknown type", json!({ "type": "later", "sid": sid }).to_string(), Refusal::Unsupported, Some("later")),
        ("a long description", json!({ "type": "sdp.offer", "sid": sid, "negotiation": 1, "sdp": long, "caps": {} }).to_string(), Refusal::TooLarge, None),
        ("another's session", json!({ "type": "ice.end", "sid": other_sid }).to_string(), Refusal::Forbidden, Some("ice.end")),
        ("nobody's session", json!({ "type": "ice.end", "sid": "x" }).to_string(), Refusal::Forbidden, Some("ice.end")),
        ("a session to end that is another's", json!({ "type": "session.end", "sid": other_sid, "reason": "closed" }).to_string(), Refusal::Forbidden, Some("session.end")),
        ("no session", json!({ "type": "error", "code": "failed" }).to_string(), Refusal::Forbidden, Some("error")),
        ("a host's message", json!({ "type": "session.accept", "sid": sid, "host_fp": super::world::fingerprint(), "rights": ["view"] }).to_string(), Refusal::OutOfTurn, Some("session.accept")),
        ("the router's message", json!({ "type": "session.request", "sid": sid, "subject": "root", "token": "t", "rights": ["view"], "viewer_fp": super::world::fingerprint(), "viewer_nonce": "n" }).to_string(), Refusal::OutOfTurn, Some("session.request")),
    ] {
        say(&mut viewer, text).await;
        let wanted = Signal::Error { code, reference: reference.map(str::to_owned) };
        assert_eq!(heard(&mut viewer).await, wanted, "{name}");
    }
    // The honest twin, and the first thing that the host has heard of all this.
    let end = Signal::IceEnd { sid: SessionId(sid) };
    say(&mut viewer, end.encode()).await;
    assert_eq!(world.told().await, end);
}

#[tokio::test]
async fn frames_that_no_message_needs_close_the_socket() {
    let mut world = start();
    let (mut viewer, sid) = world.viewer().await;
    let frame = |len: usize| {
        let empty = json!({ "type": "ice.end", "sid": sid, "later": "" }).to_string();
        json!({ "type": "ice.end", "sid": sid, "later": "x".repeat(len - empty.len()) }).to_string()
    };
    say(&mut viewer, frame(65_536)).await;
    assert!(
        matches!(world.told().await, Signal::IceEnd { .. }),
        "as long as may be"
    );
    say(&mut viewer, frame(65_537)).await;
    assert_eq!(closed(&mut viewer).await, (1009, "too_large".to_owned()));

    let (mut viewer, _) = world.viewer().await;
    within(5, viewer.send(Message::Binary(vec![1].into())))
        .await
        .unwrap();
    assert_eq!(closed(&mut viewer).await, (4004, "malformed".to_owned()));

    let (mut viewer, _) = world.viewer().await;
    // Far beyond, in one frame or in many: not even read to its end.
    let _ = viewer.send(Message::Text("x".repeat(8_000_000).into())).await;
    let ended = within(5, async { while let Some(Ok(_)) = viewer.next().await {} });
    ended.await;
}

#[tokio::test]
async fn too_many_messages_close_the_socket() {
    let mut world = start();
    let (mut viewer, sid) = world.viewer().await;
    let text = Signal::IceEnd { sid: SessionId(sid) }.encode();
    for _ in 0..200 {
        say(&mut viewer, text.clone()).await;
    }
    for _ in 0..200 {
        world.told().await;
    }
    for _ in 0..100 {
        let _ = viewer.send(Message::Text(text.clone().into())).await;
    }
    assert_eq!(closed(&mut viewer).await, (4005, "too_many".to_owned()));
}

#[tokio::test]
async fn a_revoked_token_ends_its_session_whether_the_host_answers_or_not() {
    let mut world = start();
    let (mut stays, _) = world.viewer().await;
    let (listed, token) = world
        .store
        .issue("guest", Rights::all(), Duration::from_secs(600))
        .unwrap();
    let created = world.create(&token).await.json();
    let mut viewer = world.take(created["ticket"].as_str().unwrap()).await.unwrap();
    let Signal::SessionRequest { sid, .. } = world.told().await else {
        panic!("the host was told something else");
    };
    world.store.revoke(&listed.jti.0).unwrap();
    let since = Instant::now();
    let end = Signal::SessionEnd {
        sid,
        reason: EndReason::Revoked,
    };
    assert_eq!(world.told().await, end, "the host is told");
    assert_eq!(heard(&mut viewer).await, end, "the viewer, too");
    assert_eq!(closed(&mut viewer).await, (4007, "revoked".to_owned()));
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "took {:?}",
        since.elapsed()
    );
    // Once is enough, and others are not touched.
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert!(world.host.from_router.try_recv().is_err());
    say(&mut stays, "x").await;
    assert!(matches!(heard(&mut stays).await, Signal::Error { .. }));
}

#[tokio::test]
async fn a_host_that_goes_away_ends_every_session() {
    let mut world = start();
    let (mut viewer, _) = world.viewer().await;
    let (_, gone) = router::link::in_memory();
    world.host = gone;
    assert_eq!(closed(&mut viewer).await, (4008, "host_offline".to_owned()));
    let ticket = world.create(&world.token).await.json()["ticket"].clone();
    let mut late = world.take(ticket.as_str().unwrap()).await.unwrap();
    assert_eq!(
        closed(&mut late).await,
        (4008, "host_offline".to_owned()),
        "and begins none"
    );
}
