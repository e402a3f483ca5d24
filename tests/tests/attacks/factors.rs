//! The second factor of a session: the provider that is asked anew, and passkeys.

use serde_json::{Value, json};

use super::authenticator::{Authenticator, Trick};
use super::count::Count;
use super::provider::{Lie, query};
use super::world::{Browser, Host, NONCE, Socket, World, fingerprint, say};
use signaling_spec::{EndReason, Rights, SessionId, Signal};
use tests::https::Answer;

/// A team with one host that everybody may see who gives that factor.
struct Scene {
    world: World,
    admin: String,
    host: Host,
    up: Socket,
}

async fn scene(factor: &str) -> Scene {
    let world = World::start().await;
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({ "env": "dev" })).await;
    let role = json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true }, "require_session_mfa": factor });
    world.role(&admin, "staff", &role).await;
    world.give(&admin, "staff", "staff").await;
    let up = world.connect(&host).await.unwrap();
    Scene {
        world,
        admin,
        host,
        up,
    }
}

/// Begins to prove anew who this browser's person is; where that leads.
async fn begin(world: &World, browser: &mut Browser) -> Answer {
    let cookies = browser.header();
    let answer = world
        .get("/auth/step-up?to=/desktop", &[("Cookie", &cookies)])
        .await;
    browser.take(&answer);
    answer
}

async fn step_up(world: &World, browser: &mut Browser, subject: &str) -> Answer {
    let answer = begin(world, browser).await;
    let authorize = answer.header("location").unwrap().to_owned();
    assert_eq!(query(&authorize)["max_age"], "0", "{authorize}");
    let code = world.provider.log_in(&authorize, subject, &["staff"]);
    let answer = world.come_back(browser, &world.back(&authorize, &code)).await;
    browser.take(&answer);
    answer
}

#[tokio::test]
async fn a_session_waits_for_the_provider_to_ask_again() {
    let (scene, mut count) = (scene("step_up").await, Count::default());
    let (world, host) = (&scene.world, &scene.host.id);
    let mut bob = world.log_in("bob", &["staff"]).await;
    let token = world.token(&bob).await;
    count.refused(
        "a login alone",
        &world.join(&token, host).await,
        401,
        "step_up_required",
    );
    let _ = world.try_login(&mut bob, "bob", &["staff"]).await;
    count.refused(
        "an ordinary login once more",
        &world.join(&token, host).await,
        401,
        "step_up_required",
    );

    for (what, lie, subject, code) in [
        (
            "a provider that remembers",
            Lie::OldProof,
            "bob",
            "step_up_refused",
        ),
        (
            "a provider that does not say when",
            Lie::NoProof,
            "bob",
            "step_up_refused",
        ),
        (
            "a proof from the future",
            Lie::ProofToCome,
            "bob",
            "step_up_refused",
        ),
        ("somebody else's proof", Lie::None, "mallory", "other_account"),
    ] {
        world.provider.lie(lie);
        let answer = step_up(world, &mut bob, subject).await;
        count.turned_away(what, &answer, code);
        count.refused(what, &world.join(&token, host).await, 401, "step_up_required");
        world.provider.lie(Lie::None);
    }
    let answer = begin(world, &mut Browser::default()).await;
    count.turned_away("nobody's step-up", &answer, "login_required");
    // Begun by one login, finished by another.
    let authorize = begin(world, &mut bob)
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let code = world.provider.log_in(&authorize, "bob", &["staff"]);
    let mut elsewhere = world.log_in("bob", &["staff"]).await;
    elsewhere.cookies.retain(|(name, _)| name == "__Host-removid");
    let begun = bob
        .cookies
        .iter()
        .find(|(name, _)| name == "__Host-removid-begun");
    elsewhere.cookies.extend(begun.cloned());
    let answer = world.come_back(&elsewhere, &world.back(&authorize, &code)).await;
    count.turned_away("another login's step-up", &answer, "other_account");

    // The honest twin, in the browser that began it; an older login of the same person gets nothing of it.
    let other = world.person("bob", &["staff"]).await;
    let answer = step_up(world, &mut bob, "bob").await;
    assert_eq!(answer.header("location"), Some("/desktop"), "{answer:?}");
    assert_eq!(world.join(&token, host).await.status, 201, "the honest twin");
    count.refused(
        "a proof of another login",
        &world.join(&other, host).await,
        401,
        "step_up_required",
    );
    count.say("step-up");
}

/// Asks until that comes; the last answer in any case.
async fn until_status(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let mut answer = ask().await;
    for _ in 0..50 {
        if answer.status == status {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = ask().await;
    }
    answer
}

async fn passkey(world: &World, browser: &mut Browser, token: &str) -> Authenticator {
    let answer = step_up(world, browser, "bob").await;
    assert_eq!(answer.header("location"), Some("/desktop"), "{answer:?}");
    let mut device = Authenticator::new(&world.https.origin());
    let asked = world
        .call("POST /api/v1/passkeys/register", token, "")
        .await
        .json();
    let body = answered(&asked, device.create(&asked, Trick::None));
    let answer = world
        .call("POST /api/v1/passkeys", token, &body.to_string())
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    device
}

fn answered(asked: &Value, credential: Value) -> Value {
    json!({ "ceremony": asked["ceremony"], "credential": credential })
}

async fn ask(world: &World, token: &str, host: &str) -> Value {
    let answer = world
        .call(&format!("POST /api/v1/hosts/{host}/passkey"), token, "")
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn join_with(world: &World, token: &str, host: &str, passkey: &Value) -> Answer {
    let body = json!({ "viewer_fp": fingerprint(), "viewer_nonce": NONCE, "passkey": passkey });
    world
        .call(
            &format!("POST /api/v1/hosts/{host}/sessions"),
            token,
            &body.to_string(),
        )
        .await
}

#[tokio::test]
async fn a_session_waits_for_its_passkey() {
    let (mut scene, mut count) = (scene("webauthn").await, Count::default());
    let (world, host) = (&scene.world, &scene.host.id);
    let mut bob = world.log_in("bob", &["staff"]).await;
    let token = world.token(&bob).await;
    count.refused(
        "somebody without a passkey",
        &world.join(&token, host).await,
        403,
        "passkey_missing",
    );
    let mut device = passkey(world, &mut bob, &token).await;
    count.refused(
        "no answer, after a step-up",
        &world.join(&token, host).await,
        401,
        "passkey_required",
    );

    for trick in [
        Trick::OtherOrigin,
        Trick::OtherSite,
        Trick::NoPresence,
        Trick::NoVerification,
        Trick::OtherChallenge,
        Trick::OtherKey,
        Trick::OtherSignature,
        Trick::OtherKind,
        Trick::OtherName,
        Trick::NoSignature,
    ] {
        let asked = ask(world, &token, host).await;
        let bad = answered(&asked, device.get(&asked, trick));
        count.refused(
            &format!("{trick:?}"),
            &join_with(world, &token, host, &bad).await,
            403,
            "passkey_refused",
        );
        let good = answered(&asked, device.get(&asked, Trick::None));
        let late = join_with(world, &token, host, &good).await;
        assert_eq!(late.status, 403, "{trick:?}: the challenge was used up");
    }
    let asked = ask(world, &token, host).await;
    let good = answered(&asked, device.get(&asked, Trick::None));
    let first = join_with(world, &token, host, &good).await;
    assert_eq!(first.status, 201, "the honest twin: {first:?}");
    count.refused(
        "the same answer again",
        &join_with(world, &token, host, &good).await,
        403,
        "passkey_refused",
    );
    count.refused(
        "the next session without one",
        &world.join(&token, host).await,
        401,
        "passkey_required",
    );
    let asked = ask(world, &token, host).await;
    let copied = answered(&asked, device.get(&asked, Trick::Copied));
    count.refused(
        "a copy of the authenticator",
        &join_with(world, &token, host, &copied).await,
        403,
        "passkey_refused",
    );
    let _ = device.get(&asked, Trick::None);

    // Whoever comes back to a session that lives, or that was lost, need not show it again.
    let sid = SessionId(first.json()["sid"].as_str().unwrap().to_owned());
    let resume = async |token: &str, sid: &SessionId| {
        let body = json!({ "viewer_fp": fingerprint(), "viewer_nonce": NONCE, "resume": sid });
        world
            .call(
                &format!("POST /api/v1/hosts/{host}/sessions"),
                token,
                &body.to_string(),
            )
            .await
    };
    count.refused(
        "coming back to what no host has accepted",
        &resume(&token, &sid).await,
        401,
        "passkey_required",
    );
    let _viewer = world
        .take(first.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    let accept = Signal::SessionAccept {
        sid: sid.clone(),
        host_fp: fingerprint(),
        rights: Rights::view_only(),
    };
    say(&mut scene.up, &accept).await;
    let back = until_status(201, async || resume(&token, &sid).await).await;
    assert_eq!(back.status, 201, "{back:?}");
    let another = world.person("bob", &["staff"]).await;
    count.refused(
        "coming back to another login's session",
        &resume(&another, &sid).await,
        401,
        "passkey_required",
    );
    let end = Signal::SessionEnd {
        sid: sid.clone(),
        reason: EndReason::Closed,
    };
    say(&mut scene.up, &end).await;
    let gone = until_status(401, async || resume(&token, &sid).await).await;
    count.refused("coming back to what is over", &gone, 401, "passkey_required");

    // A prompt for one thing is no answer to another.
    let asked = world
        .call("POST /api/v1/passkeys/confirm", &token, "")
        .await
        .json();
    let for_list = answered(&asked, device.get(&asked, Trick::None));
    count.refused(
        "an answer for the list of passkeys",
        &join_with(world, &token, host, &for_list).await,
        403,
        "passkey_refused",
    );
    let second = world.host(&scene.admin, &json!({ "env": "dev" })).await;
    let _up = world.connect(&second).await.unwrap();
    let asked = ask(world, &token, host).await;
    let elsewhere = answered(&asked, device.get(&asked, Trick::None));
    count.refused(
        "an answer for another host",
        &join_with(world, &token, &second.id, &elsewhere).await,
        403,
        "passkey_refused",
    );

    // Somebody else's login, with the ceremony and the answer of this one.
    let other = world.person("bob", &["staff"]).await;
    let asked = ask(world, &token, host).await;
    let stolen = answered(&asked, device.get(&asked, Trick::None));
    count.refused(
        "another login's answer",
        &join_with(world, &other, host, &stolen).await,
        403,
        "passkey_refused",
    );
    let carol = world.person("carol", &["staff"]).await;
    count.refused(
        "a prompt for somebody without passkeys",
        &world
            .call(&format!("POST /api/v1/hosts/{host}/passkey"), &carol, "")
            .await,
        403,
        "passkey_missing",
    );
    let mallory = world.person("mallory", &[]).await;
    count.refused(
        "a prompt for a host of others",
        &world
            .call(&format!("POST /api/v1/hosts/{host}/passkey"), &mallory, "")
            .await,
        404,
        "not_found",
    );
    for (what, bad) in [
        ("no ceremony", json!({ "ceremony": "", "credential": {} })),
        (
            "no credential",
            json!({ "ceremony": asked["ceremony"], "credential": null }),
        ),
    ] {
        count.refused(
            what,
            &join_with(world, &token, host, &bad).await,
            403,
            "passkey_refused",
        );
    }
    count.refused(
        "a list for an answer",
        &join_with(world, &token, host, &json!([])).await,
        400,
        "malformed",
    );
    count.say("passkeys of sessions");
}

#[tokio::test]
async fn passkeys_are_registered_by_their_owner_alone() {
    let (scene, mut count) = (scene("webauthn").await, Count::default());
    let world = &scene.world;
    let mut bob = world.log_in("bob", &["staff"]).await;
    let token = world.token(&bob).await;
    let register = async || world.call("POST /api/v1/passkeys/register", &token, "").await;
    count.refused(
        "the first one, by a login of whenever",
        &register().await,
        401,
        "step_up_required",
    );
    let _ = step_up(world, &mut bob, "bob").await;
    for trick in [
        Trick::OtherOrigin,
        Trick::OtherSite,
        Trick::NoPresence,
        Trick::NoVerification,
        Trick::OtherChallenge,
        Trick::OtherKind,
    ] {
        let asked = register().await.json();
        let mut device = Authenticator::new(&world.https.origin());
        let body = answered(&asked, device.create(&asked, trick)).to_string();
        let answer = world.call("POST /api/v1/passkeys", &token, &body).await;
        count.refused(&format!("made with {trick:?}"), &answer, 403, "passkey_refused");
    }
    let mut device = passkey(world, &mut bob, &token).await;
    count.refused(
        "a second one, by the provider's word",
        &register().await,
        401,
        "passkey_required",
    );
    let remove = format!("DELETE /api/v1/passkeys/{}", device.id());
    count.refused(
        "removing it, by the provider's word",
        &world.call(&remove, &token, "").await,
        401,
        "passkey_required",
    );
    let carol = world.person("carol", &["staff"]).await;
    count.refused(
        "somebody else removes it",
        &world.call(&remove, &carol, "").await,
        404,
        "not_found",
    );
    let rename = format!("PUT /api/v1/passkeys/{}", device.id());
    let named = world.call(&rename, &carol, r#"{"name": "mine"}"#).await;
    count.refused("somebody else names it", &named, 404, "not_found");
    // An answer to a prompt for something else does not register.
    let asked = world
        .call("POST /api/v1/passkeys/confirm", &token, "")
        .await
        .json();
    let mut second = Authenticator::new(&world.https.origin());
    let shown = answered(&asked, device.get(&asked, Trick::None));
    let confirmed = world
        .call("POST /api/v1/passkeys/confirmed", &token, &shown.to_string())
        .await;
    assert_eq!(confirmed.status, 204, "{confirmed:?}");
    let again = world
        .call("POST /api/v1/passkeys/confirmed", &token, &shown.to_string())
        .await;
    count.refused("the same answer again", &again, 403, "passkey_refused");
    let asked = register().await.json();
    let made = answered(&asked, second.create(&asked, Trick::None)).to_string();
    let other = world.person("bob", &["staff"]).await;
    let theirs = world.call("POST /api/v1/passkeys", &other, &made).await;
    count.refused("another login's ceremony", &theirs, 401, "passkey_required");
    let mine = world.call("POST /api/v1/passkeys", &token, &made).await;
    assert_eq!(mine.status, 201, "the honest twin: {mine:?}");
    assert_eq!(
        world.call(&rename, &token, r#"{"name": "key"}"#).await.status,
        204
    );
    let listed = world.call("GET /api/v1/passkeys", &token, "").await.json();
    assert_eq!(listed["passkeys"].as_array().unwrap().len(), 2, "{listed}");
    assert!(listed.to_string().contains("\"key\""), "{listed}");
    assert_eq!(world.call(&remove, &token, "").await.status, 204);
    count.say("registering passkeys");
}

#[tokio::test]
async fn a_role_that_asks_for_more_ends_what_was_given_less() {
    let scene = scene("off").await;
    let (world, host) = (&scene.world, &scene.host.id);
    let bob = world.person("bob", &["staff"]).await;
    let seat = world.join(&bob, host).await;
    assert_eq!(seat.status, 201);
    let mut viewer = world.take(seat.json()["ticket"].as_str().unwrap()).await.unwrap();
    let role = json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "view": true }, "require_session_mfa": "step_up" });
    world.role(&scene.admin, "staff", &role).await;
    let told = super::world::heard(&mut viewer).await;
    assert!(
        matches!(&told, Ok(Signal::SessionEnd { .. }) | Err(4007)),
        "{told:?}"
    );
}
