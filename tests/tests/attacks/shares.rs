//! Coming by somebody else's share, staying after its end, and getting more out of it than its inviter may do.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use router::auth::direct::unix_now;
use serde_json::{Value, json};
use signaling_spec::{EndReason, Rights, SessionId, Signal};
use team_router::shares::Kind;
use team_router::store::NewShare;
use tests::https::Answer;

use super::count::Count;
use super::world::{Host, Socket, World, heard};

/// Ada may share the host and work there; bob, eve and mallory have no role.
struct Scene {
    world: World,
    count: Count,
    admin: String,
    host: Host,
    socket: Socket,
    ada: String,
    bob: String,
}

fn role(more: &Value) -> Value {
    let mut role = json!({
        "allow": { "labels": { "env": ["dev"] } }, "share": true,
        "rights": { "view": true, "input_keyboard": true, "session_manage": true },
    });
    let given = more.as_object().unwrap().clone();
    role.as_object_mut().unwrap().extend(given);
    role
}

impl Scene {
    async fn open() -> Self {
        let world = World::start().await;
        let admin = world.person("root", &["admins"]).await;
        let host = world.host(&admin, &json!({ "env": "dev" })).await;
        let socket = world.connect(&host).await.unwrap();
        world.role(&admin, "staff", &role(&json!({}))).await;
        world.give(&admin, "staff", "staff").await;
        let ada = world.person("ada", &["staff"]).await;
        let bob = world.person("bob", &["guests"]).await;
        Self {
            world,
            count: Count::default(),
            admin,
            host,
            socket,
            ada,
            bob,
        }
    }

    async fn ask(&self, who: &str, body: &Value) -> Answer {
        let line = format!("POST /api/v1/hosts/{}/shares", self.host.id);
        self.world.call(&line, who, &body.to_string()).await
    }

    /// A share's number and its link's secret.
    async fn share(&self, who: &str, body: &Value) -> (String, String) {
        let made = self.ask(who, body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        let (at, secret) = made["link"].as_str().unwrap().split_once('#').unwrap();
        assert_eq!(at, format!("{}share", self.world.url));
        (made["id"].as_str().unwrap().to_owned(), secret.to_owned())
    }

    async fn show(&self, what: &str, who: &str, secret: &str) -> Answer {
        let body = json!({ "secret": secret }).to_string();
        let line = format!("POST /api/v1/shares/{what}");
        self.world.call(&line, who, &body).await
    }

    async fn accept(&self, who: &str, secret: &str) -> Answer {
        self.show("accept", who, secret).await
    }

    /// A member of a new share for control; its number.
    async fn member(&self, who: &str) -> String {
        let (id, secret) = self.share(&self.ada, &json!({ "kind": "control" })).await;
        let accepted = self.accept(who, &secret).await;
        assert_eq!(accepted.status, 200, "{accepted:?}");
        assert_eq!(accepted.json()["host"], self.host.id.as_str());
        id
    }

    /// A session that lives; what it may do.
    async fn session(&mut self, who: &str) -> (Socket, SessionId, Rights) {
        let joined = self.world.join(who, &self.host.id).await;
        assert_eq!(joined.status, 201, "{joined:?}");
        let ticket = joined.json()["ticket"].as_str().unwrap().to_owned();
        let viewer = self.world.take(&ticket).await.unwrap();
        let Ok(Signal::SessionRequest { sid, rights, .. }) = heard(&mut self.socket).await else {
            panic!("no request");
        };
        (viewer, sid, rights)
    }

    /// Both ends hear within seconds that a session is over, and there is no way back.
    async fn ends(&mut self, what: &str, viewer: &mut Socket, sid: SessionId) {
        let began = Instant::now();
        let reason = EndReason::Revoked;
        let revoked = Signal::SessionEnd { sid, reason };
        assert_eq!(
            heard(&mut self.socket).await,
            Ok(revoked.clone()),
            "{what}: the host"
        );
        assert_eq!(heard(viewer).await, Ok(revoked), "{what}: the viewer");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{what}: {:?}",
            began.elapsed()
        );
        self.count.one();
    }

    async fn sees(&self, who: &str) -> Value {
        let hosts = self.world.call("GET /api/v1/hosts", who, "").await.json();
        hosts["hosts"].clone()
    }

    async fn account(&self, subject: &str) -> String {
        let accounts = self
            .world
            .call("GET /api/v1/accounts", &self.admin, "")
            .await
            .json();
        let all = accounts["accounts"].as_array().unwrap().clone();
        let found = all.iter().find(|account| account["subject"] == subject).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_link_lets_in_whom_it_is_for() {
    let mut scene = Scene::open().await;
    let (ada, bob) = (scene.ada.clone(), scene.bob.clone());
    let view = json!({ "kind": "view" });
    // Making one.
    let no_role = scene.ask(&bob, &view).await;
    scene
        .count
        .refused("sharing a host of others", &no_role, 404, "not_found");
    let nobody = scene.ask("", &view).await;
    scene
        .count
        .refused("sharing by nobody", &nobody, 401, "login_required");
    for wrong in [
        json!({ "kind": "all" }),
        json!({ "kind": "view", "expires_in": 899 }),
        json!({ "kind": "view", "expires_in": 7 * 24 * 3600 + 1 }),
        json!({ "kind": "view", "uses": 0 }),
        json!({ "kind": "view", "uses": 51 }),
        json!({ "kind": "view", "rights": ["files_to_host"] }),
    ] {
        let answer = scene.ask(&ada, &wrong).await;
        scene
            .count
            .refused(&format!("a share that says {wrong}"), &answer, 400, "malformed");
    }
    let (id, secret) = scene.share(&ada, &view).await;

    // Having the link alone.
    for what in ["look", "accept"] {
        let stranger = scene.show(what, "", &secret).await;
        scene.count.refused(
            &format!("{what} without a login"),
            &stranger,
            401,
            "login_required",
        );
        let guessed = scene.show(what, &bob, &"A".repeat(43)).await;
        scene
            .count
            .refused(&format!("{what} at a guess"), &guessed, 404, "share");
        let (bearer, body) = (format!("Bearer {bob}"), json!({ "secret": secret }).to_string());
        let cross = [
            ("Authorization", bearer.as_str()),
            ("Origin", "https://evil.example"),
            ("Content-Type", "application/json"),
        ];
        let line = format!("POST /api/v1/shares/{what}");
        let answer = scene.world.https.request(&line, &cross, &body).await.unwrap();
        scene
            .count
            .refused(&format!("{what} by another site"), &answer, 403, "origin");
    }
    let hash = scene.accept(&bob, &team_router::api::token_hash(&secret)).await;
    scene
        .count
        .refused("what the database keeps of it", &hash, 404, "share");
    assert_eq!(
        scene.sees(&bob).await,
        json!([]),
        "nothing of that made bob a member"
    );

    let look = scene.show("look", &bob, &secret).await.json();
    assert_eq!(
        (&look["kind"], &look["by"], &look["host"]),
        (&json!("view"), &json!("ADA"), &json!("box"))
    );
    assert_eq!(scene.accept(&bob, &secret).await.status, 200, "the honest twin");
    assert_eq!(
        scene.accept(&bob, &secret).await.status,
        200,
        "once more is no harm"
    );
    let seen = scene.sees(&bob).await;
    assert_eq!(
        (&seen[0]["shared_by"], &seen[0]["share"], &seen[0]["rights"]),
        (&json!("ADA"), &json!(false), &json!(["view"]))
    );
    let eve = scene.world.person("eve", &["guests"]).await;
    for what in ["look", "accept"] {
        let late = scene.show(what, &eve, &secret).await;
        scene
            .count
            .refused(&format!("{what} of a link that was used"), &late, 404, "share");
    }
    let join = scene.world.join(&eve, &scene.host.id).await;
    scene
        .count
        .refused("joining beside a member", &join, 404, "not_found");

    // What is not one's own.
    let on = scene.ask(&bob, &view).await;
    scene.count.refused("a member shares on", &on, 403, "forbidden");
    let line = format!("DELETE /api/v1/shares/{id}");
    let ended = scene.world.call(&line, &bob, "").await;
    scene.count.refused("a member ends it", &ended, 404, "not_found");
    let list = format!("GET /api/v1/hosts/{}/shares", scene.host.id);
    let theirs = scene.world.call(&list, &bob, "").await.json();
    assert_eq!((&theirs["shares"], &theirs["share"]), (&json!([]), &json!(false)));
    for who in [&ada, &scene.admin] {
        let all = scene.world.call(&list, who, "").await.json();
        assert_eq!(all["shares"][0]["members"][0]["name"], "BOB", "{all}");
        assert!(!all.to_string().contains(&secret), "a link is shown once");
    }
    assert_eq!(
        scene.world.call(&line, &scene.admin, "").await.status,
        204,
        "an administrator may"
    );
    let gone = scene.accept(&bob, &secret).await;
    scene.count.refused("a link that was ended", &gone, 404, "share");
    scene.count.say("shares");
}

#[tokio::test]
async fn a_share_ends_with_what_it_rests_on() {
    let mut scene = Scene::open().await;
    let (admin, bob) = (scene.admin.clone(), scene.bob.clone());
    let id = scene.member(&bob).await;
    let (mut viewer, sid, rights) = scene.session(&bob).await;
    assert_eq!(
        rights.canonical(),
        "input_keyboard,view",
        "not managing the session, nor more"
    );
    let line = format!("DELETE /api/v1/shares/{id}");
    let ada = scene.ada.clone();
    assert_eq!(scene.world.call(&line, &ada, "").await.status, 204);
    scene.ends("an ended share", &mut viewer, sid).await;
    let again = scene.world.join(&bob, &scene.host.id).await;
    scene.count.refused("coming back", &again, 404, "not_found");

    let lock =
        |kind: &str, target: &str| json!({ "kind": kind, "target": target, "reason": "away" }).to_string();
    let (account, member) = (scene.account("ada").await, scene.account("bob").await);
    let bind = json!({ "provider": "corp", "group": "staff", "role": "staff" }).to_string();
    for (what, line, body) in [
        (
            "the inviter may not share",
            "PUT /api/v1/roles/staff",
            role(&json!({ "share": false })).to_string(),
        ),
        (
            "the inviter presses no keys",
            "PUT /api/v1/roles/staff",
            role(&json!({ "rights": { "view": true } })).to_string(),
        ),
        ("the inviter has no role", "DELETE /api/v1/bindings", bind),
        (
            "the inviter is locked",
            "POST /api/v1/locks",
            lock("account", &account),
        ),
        (
            "the inviter's role is locked",
            "POST /api/v1/locks",
            lock("role", "staff"),
        ),
        (
            "the host is locked",
            "POST /api/v1/locks",
            lock("host", &scene.host.id),
        ),
        (
            "the member is locked",
            "POST /api/v1/locks",
            lock("account", &member),
        ),
        (
            "the member's role denies",
            "PUT /api/v1/roles/guests",
            json!({ "deny": { "labels": { "env": ["dev"] } } }).to_string(),
        ),
        (
            "the member's role takes a right",
            "PUT /api/v1/roles/guests",
            json!({ "allow": { "labels": { "env": ["dev"] } }, "rights": { "input_keyboard": false } })
                .to_string(),
        ),
    ] {
        scene.world.role(&admin, "guests", &json!({})).await;
        scene.world.give(&admin, "guests", "guests").await;
        let id = scene.member(&bob).await;
        let (mut viewer, sid, _) = scene.session(&bob).await;
        let done = scene.world.call(line, &admin, &body).await;
        assert!(done.status < 300, "{what}: {done:?}");
        scene.ends(what, &mut viewer, sid).await;
        // As it was.
        if let Some(lock) = done.json()["id"].as_str() {
            let line = format!("DELETE /api/v1/locks/{lock}");
            assert_eq!(scene.world.call(&line, &admin, "").await.status, 204);
        }
        scene.world.role(&admin, "staff", &role(&json!({}))).await;
        scene.world.give(&admin, "staff", "staff").await;
        let line = format!("DELETE /api/v1/shares/{id}");
        assert_eq!(scene.world.call(&line, &admin, "").await.status, 204);
    }

    // A login of the inviter's that says that they left the group.
    scene.world.role(&admin, "guests", &json!({})).await;
    scene.member(&bob).await;
    let (mut viewer, sid, _) = scene.session(&bob).await;
    scene.world.log_in("ada", &[]).await;
    scene
        .ends("the inviter has left the group", &mut viewer, sid)
        .await;
    scene.count.say("what shares rest on");
}

#[tokio::test]
async fn a_share_ends_at_its_time() {
    let mut scene = Scene::open().await;
    let (bob, now) = (scene.bob.clone(), unix_now());
    let account = scene.account("ada").await;
    // Shorter than a call may ask for.
    let share = NewShare {
        id: "s-short",
        hash: &team_router::api::token_hash("secret"),
        host: &scene.host.id,
        account: &account,
        kind: Kind::View,
        uses: 2,
        until: now + 4,
    };
    let store = &scene.world.router.team.store;
    store.add_share(&share, now).await.unwrap();
    scene.world.router.team.access.refresh().await.unwrap();
    assert_eq!(scene.accept(&bob, "secret").await.status, 200);
    let (mut viewer, sid, _) = scene.session(&bob).await;
    scene.ends("the end of its time", &mut viewer, sid).await;
    assert!(unix_now() >= now + 4, "not before");
    let eve = scene.world.person("eve", &[]).await;
    let late = scene.accept(&eve, "secret").await;
    scene
        .count
        .refused("a link whose time is over", &late, 404, "share");
    let again = scene.world.join(&bob, &scene.host.id).await;
    scene
        .count
        .refused("coming back after its time", &again, 404, "not_found");
    assert_eq!(scene.sees(&bob).await, json!([]));
    scene.count.say("the time of shares");
}

#[tokio::test]
async fn a_share_gives_nothing_that_is_denied() {
    let mut scene = Scene::open().await;
    let (ada, bob, admin) = (scene.ada.clone(), scene.bob.clone(), scene.admin.clone());
    let deny = json!({ "deny": { "labels": { "env": ["dev"] } } });
    scene.world.role(&admin, "guests", &deny).await;
    scene.world.give(&admin, "guests", "guests").await;
    let (_, secret) = scene.share(&ada, &json!({ "kind": "view" })).await;
    for what in ["look", "accept"] {
        let answer = scene.show(what, &bob, &secret).await;
        scene
            .count
            .refused(&format!("{what} where a role denies"), &answer, 403, "forbidden");
    }
    let lock =
        json!({ "kind": "account", "target": scene.account("bob").await, "reason": "away" }).to_string();
    scene.world.role(&admin, "guests", &json!({})).await;
    let lock = scene.world.call("POST /api/v1/locks", &admin, &lock).await.json();
    let locked = scene.accept(&bob, &secret).await;
    scene
        .count
        .refused("accepting while locked out", &locked, 403, "locked");
    let lift = format!("DELETE /api/v1/locks/{}", lock["id"].as_str().unwrap());
    assert_eq!(scene.world.call(&lift, &admin, "").await.status, 204);
    scene
        .world
        .role(&admin, "staff", &role(&json!({ "share": false })))
        .await;
    let idle = scene.accept(&bob, &secret).await;
    scene
        .count
        .refused("a link whose inviter may not share any more", &idle, 404, "share");
    let none = scene.ask(&ada, &json!({ "kind": "view" })).await;
    scene
        .count
        .refused("sharing where a role takes it", &none, 403, "forbidden");

    // The inviter's demands are the member's, too.
    let strict = role(&json!({ "require_session_mfa": "step_up", "host_consent": "ask", "max_session": 60 }));
    scene.world.role(&admin, "staff", &strict).await;
    assert_eq!(
        scene.accept(&bob, &secret).await.status,
        200,
        "none of that used the link up"
    );
    let factor = scene.world.join(&bob, &scene.host.id).await;
    scene.count.refused(
        "without the factor that the inviter needs",
        &factor,
        401,
        "step_up_required",
    );
    scene
        .world
        .role(&admin, "staff", &role(&json!({ "host_consent": "ask" })))
        .await;
    let joined = scene.world.join(&bob, &scene.host.id).await.json();
    let _viewer = scene
        .world
        .take(joined["ticket"].as_str().unwrap())
        .await
        .unwrap();
    let Ok(Signal::SessionRequest {
        grant: Some(grant), ..
    }) = heard(&mut scene.socket).await
    else {
        panic!("no request with a grant");
    };
    let claims = grant.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&B64.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["consent"], "ask", "{claims}");
    scene.count.say("what denies beside shares");
}

#[tokio::test]
async fn guessing_links_is_limited() {
    let mut scene = Scene::open().await;
    let (ada, bob) = (scene.ada.clone(), scene.bob.clone());
    let (_, secret) = scene.share(&ada, &json!({ "kind": "view" })).await;
    let address = std::net::Ipv4Addr::new(127, 78, 0, 1);
    let (bearer, origin) = (format!("Bearer {bob}"), scene.world.https.origin());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Origin", &origin),
        ("Content-Type", "application/json"),
    ];
    let show = async |secret: &str| {
        let tls = scene.world.https.connect_from(address).await.unwrap();
        let (line, body) = (
            "POST /api/v1/shares/accept",
            json!({ "secret": secret }).to_string(),
        );
        let https = &scene.world.https;
        https.request_on(tls, line, &headers, &body).await.unwrap()
    };
    for guess in 0..10_u32 {
        let answer = show(&format!("{guess:043}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "share"), "{guess}");
    }
    let shut = show(&secret).await;
    scene
        .count
        .refused("the true link after ten guesses", &shut, 429, "too_many");
    let elsewhere = scene.accept(&bob, &secret).await;
    assert_eq!(elsewhere.status, 200, "the honest twin");
    scene.count.say("guessed links");
}
