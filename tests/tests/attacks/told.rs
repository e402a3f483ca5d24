//! What hosts tell for the audit log: a real agent whose word is written, and hosts that would write what is not theirs.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use signaling_spec::{EventField, Rights, SessionId, Signal};
use team_router::audit;
use tests::agent::program;
use tracing_subscriber::layer::SubscriberExt as _;

use super::count::Count;
use super::world::{World, fingerprint, heard, say, within};

/// Rows of that code, as soon as there are so many.
async fn rows(world: &World, code: &str, many: usize) -> Vec<Value> {
    let found = async {
        loop {
            let all = world.router.team.store.audit_after(0, 9999).await.unwrap();
            let rows = all.iter().filter(|row| row.code == code);
            let rows: Vec<Value> = rows.map(|row| serde_json::from_str(&row.text).unwrap()).collect();
            if rows.len() >= many {
                return rows;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(60, found).await
}

fn event(code: &str, fields: &[(&str, &str)]) -> Signal {
    let field = |(name, value): &(&str, &str)| EventField {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Signal::HostEvent {
        code: code.to_owned(),
        at: router::auth::direct::unix_now(),
        fields: fields.iter().map(field).collect(),
        lost: 0,
    }
}

#[tokio::test]
async fn a_host_writes_of_itself_and_of_nobody_else() {
    let (layer, events) = audit::channel();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (world, mut count) = (
        World::start_logged("", |_| String::new(), Some(events)).await,
        Count::default(),
    );
    let admin = world.person("ada", &["admins"]).await;
    let (mine, other) = (
        world.host(&admin, &json!({})).await,
        world.host(&admin, &json!({})).await,
    );
    let mut honest = world.connect(&mine).await.unwrap();
    let mut liar = world.connect(&other).await.unwrap();
    let joined = world.join(&admin, &mine.id).await.json();
    let _viewer = world.take(joined["ticket"].as_str().unwrap()).await.unwrap();
    let Ok(Signal::SessionRequest { sid, .. }) = heard(&mut honest).await else {
        panic!("no request");
    };
    let accept = Signal::SessionAccept {
        sid: SessionId(sid.0.clone()),
        host_fp: fingerprint(),
        rights: Rights::all(),
    };
    say(&mut honest, &accept).await;
    let lies = [
        ("a code of the router's", event("RMV6001I", &[])),
        ("the end of a session", event("RMV3007I", &[("sid", &sid.0)])),
        ("a code that there is not", event("RMV3999I", &[])),
        ("a field of another code", event("RMV3010I", &[("why", "x")])),
        ("another host's name", event("RMV3010I", &[("host", &mine.id)])),
        ("somebody's account", event("RMV3010I", &[("account", "u-1")])),
        (
            "a field twice",
            event("RMV3010I", &[("size", "1"), ("size", "2")]),
        ),
        (
            "another host's session",
            event("RMV3010I", &[("sid", &sid.0), ("size", "1")]),
        ),
    ];
    let many = lies.len();
    for (_, lie) in &lies {
        say(&mut liar, lie).await;
    }
    let refused = rows(&world, "RMV7003W", many).await;
    for (what, _) in &lies {
        assert!(
            refused
                .iter()
                .all(|row| row["fields"]["host"] == other.id.as_str()),
            "{what}: {refused:?}"
        );
        count.one();
    }
    say(
        &mut honest,
        &event("RMV3010I", &[("sid", &sid.0), ("viewer", "1"), ("size", "7")]),
    )
    .await;
    say(&mut liar, &event("RMV3021I", &[])).await;
    let stored = rows(&world, "RMV3010I", 1).await;
    let fields = &stored[0]["fields"];
    assert_eq!(stored.len(), 1, "only the honest one's: {stored:?}");
    assert_eq!((&fields["host"], &fields["size"]), (&json!(mine.id), &json!(7)));
    assert!(
        fields["account"].as_str().unwrap().starts_with("u-"),
        "the honest twin: {fields}"
    );
    let locked = rows(&world, "RMV3021I", 1).await;
    assert_eq!(
        locked[0]["fields"]["host"],
        other.id.as_str(),
        "a liar's own word is its own"
    );

    // Faster than a host may: what is left out is counted, and nobody else's row waits.
    for _ in 0..900 {
        say(&mut liar, &event("RMV3021I", &[])).await;
    }
    say(
        &mut honest,
        &event("RMV3011I", &[("sid", &sid.0), ("viewer", "1"), ("size", "9")]),
    )
    .await;
    rows(&world, "RMV3011I", 1).await;
    drop(liar);
    rows(&world, "RMV2004I", 1).await;
    let written = rows(&world, "RMV3021I", 1).await.len();
    assert!((1..800).contains(&written), "{written}");
    let lost = &rows(&world, "RMV7009W", 1).await[0]["fields"];
    assert_eq!(lost["host"], other.id.as_str(), "{lost}");
    count.one();
    count.say("what hosts tell");
}

pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        let _ = self.0.wait();
    }
}

/// Nobody can be asked at a test pattern: the agent refuses, and the team's log has it.
#[tokio::test]
async fn a_real_agent_tells_what_it_alone_knows() {
    let (layer, events) = audit::channel();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let world = World::start_logged("", |_| String::new(), Some(events)).await;
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
    let id = rows(&world, "RMV2001I", 1).await[0]["fields"]["host"]
        .as_str()
        .unwrap()
        .to_owned();
    let agent = Command::new(program().unwrap())
        .args(["agent", "--desktop", "test", "--consent", "ask", "--state-dir"])
        .arg(&state)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _agent = Killed(agent);
    rows(&world, "RMV2003I", 1).await;
    let joined = world.join(&admin, &id).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let _viewer = world
        .take(joined.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    let refused = &rows(&world, "RMV3025W", 1).await[0]["fields"];
    assert_eq!(
        (&refused["host"], &refused["sid"]),
        (&json!(id), &joined.json()["sid"])
    );
    assert!(
        refused["account"].as_str().unwrap().starts_with("u-"),
        "{refused}"
    );
    assert!(!refused["why"].as_str().unwrap().is_empty(), "{refused}");
}
