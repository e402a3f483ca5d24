//! How strongly a second factor was given: what the provider must say of it, and what a host itself wants to know.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use signaling_spec::claims::{GRANT_TYPE, GrantClaims};
use signaling_spec::{Refusal, Signal};
use tests::agent::program;
use tests::https::Answer;

use super::count::Count;
use super::provider::query;
use super::told::Killed;
use super::world::{Browser, Socket, World, heard};

const STRONG: &str = "urn:example:mfa";
const STRONGER: &str = "urn:example:hardware";

async fn step_up(world: &World, browser: &mut Browser) -> (String, Answer) {
    let cookies = browser.header();
    let begun = world
        .get("/auth/step-up?to=/desktop", &[("Cookie", &cookies)])
        .await;
    browser.take(&begun);
    let authorize = begun.header("location").unwrap().to_owned();
    let code = world.provider.log_in(&authorize, "bob", &["staff"]);
    let answer = world.come_back(browser, &world.back(&authorize, &code)).await;
    browser.take(&answer);
    (authorize, answer)
}

fn role(factor: &str) -> Value {
    json!({ "allow": { "labels": { "*": ["*"] } }, "rights": { "view": true }, "require_session_mfa": factor })
}

#[tokio::test]
async fn the_provider_says_how_it_was_proven_or_it_was_not() {
    let line = format!("acr-values = [\"{STRONG}\", \"{STRONGER}\"]");
    let world = World::start_with(("", &line), |_| String::new(), None).await;
    let mut count = Count::default();
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({})).await;
    let mut up = world.connect(&host).await.unwrap();
    world.role(&admin, "staff", &role("step_up")).await;
    world.give(&admin, "staff", "staff").await;
    let mut bob = world.log_in("bob", &["staff"]).await;
    let token = world.token(&bob).await;
    for (what, acr) in [
        ("a provider that does not say how", None),
        ("a password alone", Some(json!("urn:example:password"))),
        ("nearly the name", Some(json!("urn:example:mfa "))),
        ("other letters", Some(json!("URN:EXAMPLE:MFA"))),
        ("nothing as its name", Some(json!(""))),
        ("both names as one", Some(json!(format!("{STRONG} {STRONGER}")))),
    ] {
        world.provider.strength(acr);
        let (authorize, answer) = step_up(&world, &mut bob).await;
        assert_eq!(
            query(&authorize)["acr_values"],
            format!("{STRONG} {STRONGER}"),
            "it was asked"
        );
        count.turned_away(what, &answer, "step_up_refused");
        count.refused(what, &world.join(&token, &host.id).await, 401, "step_up_required");
    }
    for (what, acr) in [
        ("a list of names", json!([STRONG])),
        ("a name that is a number", json!(1)),
    ] {
        world.provider.strength(Some(acr));
        let (_, answer) = step_up(&world, &mut bob).await;
        count.turned_away(what, &answer, "login_refused");
    }
    world.provider.strength(Some(json!(STRONGER)));
    let (_, answer) = step_up(&world, &mut bob).await;
    assert_eq!(
        answer.header("location"),
        Some("/desktop"),
        "the honest twin: {answer:?}"
    );
    let before = router::auth::direct::unix_now();
    let joined = world.join(&token, &host.id).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    // The host is told when that was, under the router's signature.
    let _viewer = world
        .take(joined.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    let at = grant(&world, &mut up, &host.id).await.mfa_at.unwrap();
    assert!(at <= before && at + 60 > before, "{at} {before}");
    // Whoever gave none is said to have given none.
    let joined = world.join(&admin, &host.id).await;
    let _other = world
        .take(joined.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(grant(&world, &mut up, &host.id).await.mfa_at, None);
    count.say("how strongly a provider proves");
}

/// The grant that comes to a host.
async fn grant(world: &World, up: &mut Socket, host: &str) -> GrantClaims {
    loop {
        if let Ok(Signal::SessionRequest { grant, .. }) = heard(up).await {
            let key = &world.router.team.grants_public;
            let key = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key).unwrap();
            return router::auth::signed::verify(&grant.unwrap(), GRANT_TYPE, &key, host).unwrap();
        }
    }
}

/// A host that wants a fresh factor lets nobody in without, although no role asks for one.
#[tokio::test]
async fn a_host_has_a_limit_of_its_own() {
    let (world, mut count) = (World::start().await, Count::default());
    let admin = world.person("ada", &["admins"]).await;
    let token = world.enroll_token(&admin, &json!({})).await;
    let (file, state) = (world.dir.join("enrol-token"), world.dir.join("agent"));
    router::tls::private_file::write(&file, token.as_bytes()).unwrap();
    let mut enroll = tokio::process::Command::new(program().unwrap());
    enroll
        .arg("enroll")
        .arg(&world.url)
        .arg("--token-file")
        .arg(&file);
    enroll
        .arg("--ca")
        .arg(world.dir.join("tls-cert.pem"))
        .arg("--state-dir")
        .arg(&state);
    let done = enroll.output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let agent = Command::new(program().unwrap())
        .args(["agent", "--desktop", "test", "--mfa-within", "300", "--state-dir"])
        .arg(&state)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _agent = Killed(agent);
    world.role(&admin, "staff", &role("off")).await;
    world.give(&admin, "staff", "staff").await;
    let mut bob = world.log_in("bob", &["staff"]).await;
    let token = world.token(&bob).await;
    let id = loop {
        let hosts = world.call("GET /api/v1/hosts", &token, "").await.json();
        let host = &hosts["hosts"][0];
        if host["online"] == true {
            break host["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let answer = async |token: &str| {
        let joined = world.join(token, &id).await;
        assert_eq!(joined.status, 201, "{joined:?}");
        let mut viewer = world
            .take(joined.json()["ticket"].as_str().unwrap())
            .await
            .unwrap();
        heard(&mut viewer).await.unwrap()
    };
    let refused = answer(&token).await;
    assert!(
        matches!(
            refused,
            Signal::SessionReject {
                code: Refusal::Factor,
                ..
            }
        ),
        "{refused:?}"
    );
    count.one();
    let (_, done) = step_up(&world, &mut bob).await;
    assert_eq!(done.header("location"), Some("/desktop"), "{done:?}");
    let taken = answer(&token).await;
    assert!(
        matches!(taken, Signal::SessionAccept { .. }),
        "the honest twin: {taken:?}"
    );
    // Not what another login of the same person gave.
    let other = world.person("bob", &["staff"]).await;
    let refused = answer(&other).await;
    assert!(
        matches!(
            refused,
            Signal::SessionReject {
                code: Refusal::Factor,
                ..
            }
        ),
        "{refused:?}"
    );
    count.one();
    count.say("a host's own limit");
}
