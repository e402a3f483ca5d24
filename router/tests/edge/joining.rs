//! Getting in: the honest way, and what is refused before the upgrade.

use signaling_spec::{EndReason, Negotiation, Right, Rights, Sdp, SessionId, Signal, ViewerCaps};

use super::world::{NAMED, NONCE, body, closed, fingerprint, heard, protocols, say, start};

#[tokio::test]
async fn an_honest_viewer_gets_from_its_token_to_an_answer() {
    let mut world = start();
    let created = world.create(&world.token).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    assert_eq!(
        (&created["host_id"], &created["host_name"]),
        (&"host-a".into(), &"box".into())
    );
    let sid = SessionId(created["sid"].as_str().unwrap().to_owned());
    let mut viewer = world.take(created["ticket"].as_str().unwrap()).await.unwrap();
    let Signal::SessionRequest {
        sid: asked,
        subject,
        rights,
        viewer_fp,
        viewer_nonce,
        page,
        local,
        ..
    } = world.told().await
    else {
        panic!("the host was told something else");
    };
    assert_eq!((asked, subject.as_str()), (sid.clone(), "permanent"));
    assert_eq!(
        (rights, viewer_fp, viewer_nonce.as_str()),
        (Rights::all(), fingerprint(), NONCE)
    );
    assert_eq!(
        (page, local),
        (Some(world.host_header()), Some(world.address.to_string()))
    );

    let (host_fp, rights) = (fingerprint(), Rights::view_only());
    let accept = Signal::SessionAccept {
        sid: sid.clone(),
        host_fp,
        rights,
    };
    world.host.to_router.send(accept.clone()).await.unwrap();
    assert_eq!(heard(&mut viewer).await, accept);
    let offer = Signal::SdpOffer {
        sid: sid.clone(),
        negotiation: Negotiation(1),
        sdp: Sdp("v=0\r\n".to_owned()),
        caps: ViewerCaps::default(),
    };
    say(&mut viewer, offer.encode()).await;
    assert_eq!(world.told().await, offer);
    let end = Signal::SessionEnd {
        sid,
        reason: EndReason::Dismissed,
    };
    world.host.to_router.send(end.clone()).await.unwrap();
    assert_eq!(heard(&mut viewer).await, end);
    assert_eq!(closed(&mut viewer).await, (4009, "dismissed".to_owned()));
}

#[tokio::test]
async fn each_bad_token_is_refused_with_its_own_code() {
    let world = start();
    let (listed, revoked) = world
        .store
        .issue("gone", Rights::all(), std::time::Duration::from_secs(60))
        .unwrap();
    assert_eq!(
        world.create(&revoked).await.status,
        201,
        "the honest twin of a revoked token"
    );
    world.store.revoke(&listed.jti.0).unwrap();
    let blind: Rights = [Right::InputKeyboard].into_iter().collect();
    let (_, blind) = world
        .store
        .issue("blind", blind, std::time::Duration::from_secs(60))
        .unwrap();
    let now = router::auth::direct::unix_now();
    let mut forged = world.token.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    forged.replace_range(forged.len() - 20..forged.len() - 19, "_");
    for (name, token, status, code) in [
        ("empty", String::new(), 401, "unauthorized"),
        ("a word", "hello".to_owned(), 401, "unauthorized"),
        ("forged", forged, 401, "unauthorized"),
        (
            "expired",
            world.signed(|claims| claims.exp = now - 60),
            401,
            "token_expired",
        ),
        (
            "from the future",
            world.signed(|claims| claims.nbf = now + 600),
            401,
            "token_not_yet_valid",
        ),
        (
            "another host's",
            world.signed(|claims| claims.aud = "host-b".to_owned()),
            401,
            "unauthorized",
        ),
        (
            "another issuer's",
            world.signed(|claims| claims.iss = "someone".to_owned()),
            401,
            "unauthorized",
        ),
        ("never listed", world.signed(|_| {}), 401, "token_revoked"),
        ("revoked", revoked, 401, "token_revoked"),
        ("without the right to see", blind, 403, "forbidden"),
    ] {
        let answer = world.create(&token).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{name}: {answer:?}"
        );
        let (bearer, fp) = (format!("Bearer {token}"), fingerprint());
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Sec-WebSocket-Protocol", "removid.v1"),
            ("Removid-Viewer-Fp", fp.as_str()),
            ("Removid-Viewer-Nonce", NONCE),
        ];
        let refused = world.upgrade(&fields).await.err();
        assert_eq!(refused, Some((status, code.to_owned())), "{name}, on the socket");
        assert_eq!(
            world.create(&world.token).await.status,
            201,
            "the honest twin of {name}"
        );
    }
}

#[tokio::test]
async fn a_token_counts_in_its_header_only() {
    let world = start();
    let (origin, token) = (world.origin(), world.token.clone());
    let json = ("Content-Type", "application/json");
    for (name, line, field) in [
        (
            "nowhere",
            "POST /api/v1/sessions".to_owned(),
            ("X-Nothing", String::new()),
        ),
        (
            "in the address",
            format!("POST /api/v1/sessions?access_token={token}"),
            ("X-Nothing", String::new()),
        ),
        (
            "in a cookie",
            "POST /api/v1/sessions".to_owned(),
            ("Cookie", format!("token={token}")),
        ),
        (
            "as a password",
            "POST /api/v1/sessions".to_owned(),
            ("Authorization", format!("Basic {token}")),
        ),
        (
            "without its scheme",
            "POST /api/v1/sessions".to_owned(),
            ("Authorization", token.clone()),
        ),
    ] {
        let fields = [("Origin", origin.as_str()), json, (field.0, field.1.as_str())];
        let answer = world.request(&line, &fields, &body()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "unauthorized"),
            "{name}"
        );
    }
    let bearer = format!("bearer {token}");
    let fields = [("Origin", origin.as_str()), json, ("authorization", &bearer)];
    assert_eq!(
        world.create_with(&fields, &body()).await.status,
        201,
        "schemes have no case"
    );
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let world = start();
    let bearer = format!("Bearer {}", world.token);
    let own = world.origin();
    for origin in [
        "null",
        "https://evil.example",
        "https://localhost",
        "http://localhost",
        "https://wiki.example.evil",
        "",
        "file://",
    ] {
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Origin", origin),
            ("Content-Type", "application/json"),
        ];
        let answer = world.create_with(&fields, &body()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "origin"),
            "{origin:?}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin:?}");
        // The ticket is still good: a page that may not use it cannot spoil it either.
        let (_, ticket) = world.ticket().await;
        let offered = protocols(&ticket);
        let refused = world
            .upgrade(&[("Sec-WebSocket-Protocol", &offered), ("Origin", origin)])
            .await
            .err();
        assert_eq!(refused, Some((403, "origin".to_owned())), "{origin:?}");
        assert!(world.take(&ticket).await.is_ok(), "the honest twin of {origin:?}");
    }
    let (_, ticket) = world.ticket().await;
    let offered = protocols(&ticket);
    let refused = world.upgrade(&[("Sec-WebSocket-Protocol", &offered)]).await.err();
    assert_eq!(
        refused,
        Some((403, "origin".to_owned())),
        "a ticket is a browser's, and a browser names its page"
    );
    assert!(world.take(&ticket).await.is_ok());

    let fields = [
        ("Authorization", bearer.as_str()),
        ("Origin", NAMED),
        ("Content-Type", "application/json"),
    ];
    let answer = world.create_with(&fields, &body()).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (201, Some(NAMED))
    );
    let answer = world.create(&world.token).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (201, None),
        "{own} needs none"
    );
    let native = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    assert_eq!(
        world.create_with(&native, &body()).await.status,
        201,
        "no page at all"
    );
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let world = start();
    let (bearer, origin) = (format!("Bearer {}", world.token), world.origin());
    let good = body();
    let json = "application/json";
    for (name, kind, text, status, code) in [
        ("nothing", json, String::new(), 400, "malformed"),
        ("not JSON", json, "{".to_owned(), 400, "malformed"),
        (
            "a list",
            json,
            format!("[\"{}\",\"{NONCE}\"]", fingerprint().as_str()),
            400,
            "malformed",
        ),
        (
            "no fingerprint",
            json,
            format!("{{\"viewer_nonce\":\"{NONCE}\"}}"),
            400,
            "malformed",
        ),
        (
            "a short nonce",
            json,
            good.replace(NONCE, "short"),
            400,
            "malformed",
        ),
        (
            "a long nonce",
            json,
            good.replace(NONCE, &"n".repeat(129)),
            400,
            "malformed",
        ),
        (
            "a nonce with a line break",
            json,
            good.replace(NONCE, "nonce\\nnonce\\nnonce\\n"),
            400,
            "malformed",
        ),
        ("another type", "text/plain", good.clone(), 400, "malformed"),
        (
            "too large",
            json,
            format!("{good}{}", " ".repeat(20_000)),
            413,
            "too_large",
        ),
    ] {
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Origin", origin.as_str()),
            ("Content-Type", kind),
        ];
        let answer = world.create_with(&fields, &text).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{name}: {answer:?}"
        );
    }
    assert_eq!(world.create(&world.token).await.status, 201);
}

#[tokio::test]
async fn a_ticket_opens_once() {
    let world = start();
    let (_, ticket) = world.ticket().await;
    let _first = world.take(&ticket).await.unwrap();
    let wanted = Some((401, "ticket".to_owned()));
    assert_eq!(world.take(&ticket).await.err(), wanted, "twice");
    assert_eq!(world.take(&"A".repeat(43)).await.err(), wanted, "unknown");
    assert_eq!(world.take("").await.err(), wanted, "empty");
    let refused = world
        .upgrade(&[
            ("Sec-WebSocket-Protocol", "removid.v1"),
            ("Origin", &world.origin()),
        ])
        .await
        .err();
    assert_eq!(refused, Some((401, "unauthorized".to_owned())), "none");
    let (listed, token) = world
        .store
        .issue("gone", Rights::all(), std::time::Duration::from_secs(60))
        .unwrap();
    let created = world.create(&token).await.json();
    world.store.revoke(&listed.jti.0).unwrap();
    assert_eq!(
        world.take(created["ticket"].as_str().unwrap()).await.err(),
        wanted,
        "its token was revoked since"
    );
}

#[tokio::test]
async fn of_twenty_who_show_one_ticket_one_gets_in() {
    let world = start();
    for _ in 0..5 {
        let (_, ticket) = world.ticket().await;
        let takers = (0..20).map(|_| world.take(&ticket));
        let results = futures_util::future::join_all(takers).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    }
}

#[tokio::test]
async fn a_native_client_shows_its_token_and_its_certificate() {
    let mut world = start();
    let (bearer, fp) = (format!("Bearer {}", world.token), fingerprint());
    let auth = ("Authorization", bearer.as_str());
    let offered = ("Sec-WebSocket-Protocol", "removid.v1");
    let nonce = ("Removid-Viewer-Nonce", NONCE);
    let print = ("Removid-Viewer-Fp", fp.as_str());
    let socket = world.upgrade(&[auth, offered, print, nonce]).await;
    assert!(socket.is_ok());
    let Signal::SessionRequest {
        viewer_fp,
        viewer_nonce,
        ..
    } = world.told().await
    else {
        panic!("the host was told something else");
    };
    assert_eq!((viewer_fp, viewer_nonce.as_str()), (fingerprint(), NONCE));
    let wanted = Some((400, "malformed".to_owned()));
    for (name, fields) in [
        ("no certificate", vec![auth, offered, nonce]),
        ("no nonce", vec![auth, offered, print]),
        (
            "another hash",
            vec![auth, offered, ("Removid-Viewer-Fp", "AB:CD"), nonce],
        ),
        (
            "a nonce of other letters",
            vec![
                auth,
                offered,
                print,
                ("Removid-Viewer-Nonce", "nonce nonce nonce nonce"),
            ],
        ),
    ] {
        assert_eq!(world.upgrade(&fields).await.err(), wanted, "{name}");
    }
}

#[tokio::test]
async fn who_guesses_must_wait() {
    let world = start();
    let from = std::net::Ipv4Addr::new(127, 200, 0, 1);
    let attempt = async |token: &str| {
        let (tcp, bearer) = (world.tcp_from(from).await, format!("Bearer {token}"));
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        world
            .request_on(tcp, "POST /api/v1/sessions", &fields, &body())
            .await
    };
    for _ in 0..10 {
        assert_eq!(attempt("a.b.c").await.code(), "unauthorized");
    }
    let answer = attempt(&world.token).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (429, "too_many"),
        "even with the right one"
    );
    assert_eq!(
        world.create(&world.token).await.status,
        201,
        "others are not kept out"
    );
}
