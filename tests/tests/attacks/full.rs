//! A router whose disk is full: who comes in, who stays, and what is known of it afterwards.
//!
//! The disks are real: file systems in memory of their own, which whoever may mount has (`./test.sh` as root).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use signaling_spec::{EndReason, Rights, SessionId, Signal};
use team_router::audit::{self, FileVerifier, Keys, verify_store};
use team_router::store::{Entry, Session};
use tracing_subscriber::layer::SubscriberExt as _;

use super::count::Count;
use super::world::{Socket, World, fingerprint, heard, say, within};

/// A file system of its own; it goes with whoever has it.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size},mode=0700"))
            .arg("tmpfs")
            .arg(&path)
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(path))
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Has something written again and again until the router says that of itself.
async fn says(world: &World, token: &str, words: &str) {
    let mut said = String::new();
    for _ in 0..400 {
        let refused = world.call("GET /api/v1/audit", token, "").await;
        assert_eq!(refused.status, 403, "{refused:?}");
        said = world.get("/readyz", &[]).await.body;
        if said == words {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("not {words:?}: {said}");
}

/// A live session: its number and the viewer's socket.
async fn live(world: &World, host: &mut Socket, token: &str, id: &str) -> (SessionId, Socket) {
    let joined = world.join(token, id).await;
    assert_eq!(joined.status, 201, "{joined:?}");
    let mut viewer = world
        .take(joined.json()["ticket"].as_str().unwrap())
        .await
        .unwrap();
    let Ok(Signal::SessionRequest { sid, .. }) = heard(host).await else {
        panic!("no request");
    };
    let accept = Signal::SessionAccept {
        sid: sid.clone(),
        host_fp: fingerprint(),
        rights: Rights::all(),
    };
    say(host, &accept).await;
    assert_eq!(heard(&mut viewer).await, Ok(accept));
    (sid, viewer)
}

fn role(env: &str, more: Value) -> Value {
    let mut role = json!({ "allow": { "labels": { "env": [env] } }, "rights": { "view": true } });
    role.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    role
}

fn file_is_whole(file: &Path, public: &str) -> Option<u64> {
    let mut keys = Keys::default();
    keys.add(public).unwrap();
    let mut verifier = FileVerifier::new(keys);
    for line in std::fs::read_to_string(file).ok()?.lines() {
        verifier.line(line).ok()?;
    }
    verifier.finish().ok().map(|(_, end, _)| end.seq)
}

#[tokio::test]
async fn a_full_disk_lets_nobody_in_and_loses_nothing() {
    let (layer, events) = audit::channel();
    let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let mut disks = Vec::new();
    let mut more = |dir: &Path| {
        for (name, size) in [("db", "3m"), ("log", "256k")] {
            disks.extend(Disk::mount(dir.join(name), size));
        }
        format!(
            "database = \"sqlite:{0}/db/router.db\"\naudit = {{ file = \"{0}/log/audit.jsonl\" }}",
            dir.display()
        )
    };
    let world = World::start_logged("", &mut more, Some(events)).await;
    let [db, log] = disks.as_slice() else {
        println!("no file system can be mounted here: full disks were not tried");
        return;
    };
    let (mut count, store) = (Count::default(), &world.router.team.store);
    let admin = world.person("ada", &["admins"]).await;
    let host = world.host(&admin, &json!({ "env": "dev" })).await;
    world.role(&admin, "staff", &role("dev", json!({}))).await;
    world
        .role(&admin, "strict", &role("dev", json!({ "require_audit": true })))
        .await;
    world.give(&admin, "staff", "staff").await;
    world.give(&admin, "strict", "strict").await;
    let bob = world.person("bob", &["staff"]).await;
    let eve = world.person("eve", &["staff", "strict"]).await;
    let mut socket = world.connect(&host).await.unwrap();
    says(&world, &bob, "ready").await;

    // The file's disk alone: that is named, and nothing else changes.
    log.fill();
    let (bobs, mut bob_sees) = live(&world, &mut socket, &bob, &host.id).await;
    says(&world, &bob, "ready, but an audit sink takes nothing").await;
    let (eves, mut eve_sees) = live(&world, &mut socket, &eve, &host.id).await;
    log.make_room();
    says(&world, &bob, "ready").await;

    db.fill();
    let set = || world.call("PUT /api/v1/roles/new", &admin, "{}");
    count.refused("a new role", &set().await, 503, "disk_full");
    says(&world, &bob, "ready, but the audit log cannot be written").await;
    count.refused(
        "a new session",
        &world.join(&bob, &host.id).await,
        503,
        "disk_full",
    );
    count.refused(
        "a session that is not to be without the audit log",
        &world.join(&eve, &host.id).await,
        503,
        "audit_unwritten",
    );
    let hosts = world.call("GET /api/v1/hosts", &bob, "").await;
    assert_eq!(hosts.status, 200, "what is read is there: {hosts:?}");
    // The one whose role wants the log goes, and nobody else.
    let end = |sid: &SessionId, reason| Signal::SessionEnd {
        sid: sid.clone(),
        reason,
    };
    assert_eq!(heard(&mut socket).await, Ok(end(&eves, EndReason::Revoked)));
    assert_eq!(heard(&mut eve_sees).await, Ok(end(&eves, EndReason::Revoked)));
    count.one();
    say(&mut socket, &end(&eves, EndReason::Revoked)).await;
    // Whoever leaves now is told so, written or not.
    say(&mut socket, &end(&bobs, EndReason::Closed)).await;
    assert_eq!(heard(&mut bob_sees).await, Ok(end(&bobs, EndReason::Closed)));

    db.make_room();
    says(&world, &bob, "ready").await;
    assert_eq!(set().await.status, 204, "the honest twin");
    for token in [&bob, &eve] {
        live(&world, &mut socket, token, &host.id).await;
    }
    let mut found = Vec::new();
    let mut rows = 0;
    for _ in 0..600 {
        let all = store.audit_after(0, 9999).await.unwrap();
        let of = |code: &str, what: &str| {
            let found = |row: &&Entry| row.code == code && row.text.contains(what);
            all.iter().filter(found).count()
        };
        found = vec![
            of("RMV3007I", &eves.0),
            of("RMV3007I", &bobs.0),
            of("RMV7007W", "seconds"),
            of("RMV3002W", "audit_unwritten"),
        ];
        rows = all.len() as u64;
        if found.iter().all(|found| *found > 0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(found.iter().all(|found| *found > 0), "{found:?} of {rows} rows");
    let mut live = Vec::new();
    for _ in 0..200 {
        let now = router::auth::direct::unix_now();
        live = store.live_sessions(None, now).await.unwrap();
        if live.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let over = |session: &Session| [&bobs.0, &eves.0].contains(&&session.id);
    assert!(live.len() == 2 && !live.iter().any(over), "{live:?}");
    let public = audit::open_public(&world.dir).unwrap().unwrap();
    let mut keys = Keys::default();
    keys.add(&public).unwrap();
    verify_store(store, &keys, None).await.unwrap();
    let caught_up = async {
        while file_is_whole(&log.0.join("audit.jsonl"), &public).is_none_or(|end| end < rows) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    within(60, caught_up).await;
    count.say("full disks");
}
