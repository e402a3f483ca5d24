//! Getting a seat at a host, and what its grant says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use router::auth::direct::unix_now;
use router::auth::signed::verify;
use router::auth::token::{KEY_BYTES, Key};
use router::auth::{Tokens, random_bytes};
use serde_json::json;
use signaling_spec::claims::{AccessClaims, GRANT_TYPE, GrantClaims};
use signaling_spec::{Rights, Signal, TokenId};

use super::count::Count;
use super::world::{NONCE, World, fingerprint, heard, seat};

#[tokio::test]
async fn an_honest_viewer_gets_a_grant_that_its_host_believes() {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let mut socket = world.connect(&host).await.unwrap();
    let joined = world.join(&admin, &host.id).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let joined = joined.json();
    assert_eq!(joined["host_pub"], B64.encode(&host.public));
    world.take(joined["ticket"].as_str().unwrap()).await.unwrap();
    let Ok(Signal::SessionRequest { sid, grant, .. }) = heard(&mut socket).await else {
        panic!("no request");
    };
    let key = B64.decode(&world.router.team.grants_public).unwrap();
    let claims: GrantClaims = verify(&grant.unwrap(), GRANT_TYPE, &key, &host.id).unwrap();
    assert_eq!((claims.sid, claims.sub.as_str()), (sid, "ADA"));
    assert_eq!(claims.cnf.x5t_s256, B64.encode([7; 32]));
    assert_eq!(
        (claims.viewer_nonce.as_str(), claims.rights),
        (NONCE, Rights::all())
    );
    let now = unix_now();
    assert!(claims.exp <= now + 60 && claims.until > now && claims.lease > 0);
}

#[tokio::test]
async fn tokens_that_this_router_did_not_make_open_nothing() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let _socket = world.connect(&host).await.unwrap();
    let account = world.call("GET /api/v1/accounts", &admin, "").await.json()["accounts"][0]["id"].clone();
    let claims = AccessClaims {
        iss: world.url.clone(),
        aud: world.url.clone(),
        sub: account.as_str().unwrap().to_owned(),
        jti: TokenId("l-guessed".to_owned()),
        iat: unix_now(),
        nbf: unix_now(),
        exp: unix_now() + 60,
        rights: Rights::all(),
    };
    let secret = B64
        .decode(std::fs::read(world.dir.join("token-key")).unwrap())
        .unwrap();
    let name = B64.encode(&router::auth::sha256(&secret)[..6]);
    let ours = Key::from_bytes(name.clone(), secret).unwrap();
    let other = Key::from_bytes(name, random_bytes::<KEY_BYTES>().to_vec()).unwrap();
    let mint =
        |key: &Key, claims: &AccessClaims| Tokens::new(vec![key.clone()], "", "").mint(claims).unwrap();
    let parts: Vec<&str> = admin.split('.').collect();
    let header = |text: &str| format!("{}.{}.{}", B64.encode(text), parts[1], parts[2]);
    let change = |change: fn(&mut AccessClaims)| {
        let mut claims = claims.clone();
        change(&mut claims);
        claims
    };
    for (what, token) in [
        ("nothing", String::new()),
        ("words", "let me in".to_owned()),
        ("another's signature", mint(&other, &claims)),
        ("a login that does not exist, well signed", mint(&ours, &claims)),
        (
            "an account that does not exist, well signed",
            mint(&ours, &change(|c| c.sub = "u-x".to_owned())),
        ),
        (
            "another issuer, well signed",
            mint(&ours, &change(|c| c.iss = "x".to_owned())),
        ),
        (
            "another audience, well signed",
            mint(&ours, &change(|c| c.aud = "x".to_owned())),
        ),
        (
            "an hour too old, well signed",
            mint(&ours, &change(|c| c.exp = c.iat - 3600)),
        ),
        (
            "an hour too early, well signed",
            mint(&ours, &change(|c| c.nbf += 3600)),
        ),
        (
            "no algorithm",
            header(r#"{"alg":"none","typ":"rmv-access+jwt","kid":"x"}"#),
        ),
        (
            "a weaker algorithm",
            header(r#"{"alg":"HS256","typ":"rmv-access+jwt","kid":"x"}"#),
        ),
        ("a host's proof", world.assertion(&host, |_| {})),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "another's claims",
            format!("{}.{}.{}", parts[0], B64.encode("{}"), parts[2]),
        ),
    ] {
        let answer = world.join(&token, &host.id).await;
        count.refused(what, &answer, 401, "login_required");
    }
    assert_eq!(world.join(&admin, &host.id).await.status, 201, "the honest twin");
    count.say("tokens");
}

#[tokio::test]
async fn a_ticket_opens_one_seat_once() {
    let many =
        |_: &std::path::Path| "limits = { sessions-per-account = 99, joins-per-account = 99 }".to_owned();
    let (world, mut count) = (World::start_as("", many).await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let _socket = world.connect(&host).await.unwrap();
    let ticket = || async {
        world.join(&admin, &host.id).await.json()["ticket"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let used = ticket().await;
    world.take(&used).await.unwrap();
    count.shut("a ticket that was used", &world.take(&used).await, 401, "ticket");
    count.shut(
        "a ticket that nobody gave",
        &world.take(&"A".repeat(43)).await,
        401,
        "ticket",
    );
    let fresh = ticket().await;
    for (what, origin) in [
        ("another site", "https://evil.example"),
        ("no site", "null"),
        ("plain http", "http://localhost"),
    ] {
        let protocols = format!("removid.v1, removid.ticket.{fresh}");
        let headers = [("Sec-WebSocket-Protocol", protocols.as_str()), ("Origin", origin)];
        count.shut(
            what,
            &world.socket("api/v1/signal", &headers).await,
            403,
            "origin",
        );
    }
    let bearer = format!("Bearer {admin}");
    let fp = fingerprint();
    let native = [
        ("Authorization", bearer.as_str()),
        ("Removid-Viewer-Fp", fp.as_str()),
        ("Removid-Viewer-Nonce", NONCE),
    ];
    count.shut(
        "a socket for no host",
        &world.socket("api/v1/signal", &native).await,
        401,
        "unauthorized",
    );
    world.take(&fresh).await.unwrap();
    let all: Vec<_> = futures_util::future::join_all((0..20).map(|_| ticket())).await;
    for ticket in all {
        let takers = futures_util::future::join_all((0..6).map(|_| world.take(&ticket))).await;
        assert_eq!(takers.iter().filter(|taken| taken.is_ok()).count(), 1);
    }
    count.say("tickets");
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let _socket = world.connect(&host).await.unwrap();
    let line = format!("POST /api/v1/hosts/{}/sessions", host.id);
    for (what, body) in [
        ("no body", String::new()),
        ("no JSON", "{".to_owned()),
        ("a list", "[]".to_owned()),
        ("no certificate", json!({ "viewer_nonce": NONCE }).to_string()),
        (
            "a certificate that is none",
            json!({ "viewer_fp": "AA", "viewer_nonce": NONCE }).to_string(),
        ),
        (
            "a nonce that is short",
            json!({ "viewer_fp": fingerprint(), "viewer_nonce": "x" }).to_string(),
        ),
        (
            "a nonce with other signs",
            json!({ "viewer_fp": fingerprint(), "viewer_nonce": "nonce nonce nonce!" }).to_string(),
        ),
        (
            "a resume that is a number",
            json!({ "viewer_fp": fingerprint(), "viewer_nonce": NONCE, "resume": 7 }).to_string(),
        ),
    ] {
        let answer = world.call(&line, &admin, &body).await;
        count.refused(what, &answer, 400, "malformed");
    }
    let (bearer, body) = (format!("Bearer {admin}"), seat());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Origin", "https://evil.example"),
        ("Content-Type", "application/json"),
    ];
    let answer = world.https.request(&line, &headers, &body).await.unwrap();
    count.refused("another site's page with my token", &answer, 403, "origin");
    assert_eq!(
        world.call(&line, &admin, &body).await.status,
        201,
        "the honest twin"
    );
    count.say("bodies");
}
