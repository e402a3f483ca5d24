//! Every query, on SQLite and on PostgreSQL: the same rows, and of those who race for one thing, one winner.

#[path = "tests/append_only.rs"]
mod append_only;
#[path = "tests/factors.rs"]
mod factors;
#[path = "tests/keys.rs"]
mod keys;
#[path = "tests/sessions.rs"]
mod sessions;
#[path = "tests/shares.rs"]
mod shares;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use router::auth::random_bytes;
use router::tls::private_file;

use super::*;
use crate::roles::{Labels, Role};

pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    server: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // Immediate shutdown: nothing of it is kept. The server, not whoever started it as another user.
            let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap_or_default();
            let pid = file
                .lines()
                .next()
                .map_or_else(|| server.id().to_string(), str::to_owned);
            let _ = Command::new("kill").args(["-QUIT", &pid]).status();
            let _ = server.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn place() -> Place {
    let name: String = random_bytes::<6>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let dir = std::env::temp_dir().join(format!("removid-store-{name}"));
    private_file::directory(&dir).unwrap();
    Place { dir, server: None }
}

pub(crate) async fn sqlite() -> (Store, Place) {
    let place = place();
    let store = Store::open(&format!("sqlite:{}", place.dir.join("router.db").display()))
        .await
        .unwrap();
    (store, place)
}

/// A server of our own in a directory of its own, reached by a socket in it. It refuses to run as root.
pub(crate) async fn postgres() -> (Store, Place) {
    let mut place = place();
    let bin = std::fs::read_dir("/usr/lib/postgresql")
        .unwrap()
        .map(|entry| entry.unwrap().path().join("bin"))
        .max()
        .unwrap();
    let data = place.dir.join("data");
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let as_owner = |program: &str| {
        let path = bin.join(program);
        if root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        }
    };
    if root {
        let given = Command::new("chown")
            .arg("postgres")
            .arg(&place.dir)
            .status()
            .unwrap();
        assert!(given.success());
    }
    let made = as_owner("initdb")
        .args(["-A", "trust", "-U", "removid", "-E", "UTF8", "--no-sync", "-D"])
        .arg(&data)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    let server = as_owner("postgres")
        .args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=30",
            "-k",
        ])
        .arg(&place.dir)
        .arg("-D")
        .arg(&data)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    place.server = Some(server);
    let url = format!("postgres:///postgres?host={}&user=removid", place.dir.display());
    for _ in 0..100 {
        if let Ok(store) = Store::open(&url).await {
            return (store, place);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("PostgreSQL does not answer");
}

fn labels(text: &str) -> Labels {
    serde_json::from_str(text).unwrap()
}

fn ada(groups: &[String]) -> Person<'_> {
    Person {
        provider: "corp",
        subject: "ada",
        name: "Ada",
        email: "ada@example.org",
        groups,
    }
}

fn login<'a>(hash: &'a str, account: &'a str, auth_time: u64, expires: u64) -> NewLogin<'a> {
    NewLogin {
        hash,
        account,
        auth_time,
        expires,
        provider_sid: "sid-1",
    }
}

async fn people(store: &Store) {
    let account = store.greet(&ada(&["dev".to_owned()]), "u-1", 100).await.unwrap();
    assert_eq!(account.id, "u-1");
    let again = store.greet(&ada(&["ops".to_owned()]), "u-2", 200).await.unwrap();
    assert_eq!(
        (again.id.as_str(), &again.groups),
        ("u-1", &vec!["ops".to_owned()])
    );
    store
        .add_login(&login("hash", "u-1", 90, 300), "l-1", 200)
        .await
        .unwrap();
    let login = store.login("hash", 299).await.unwrap().unwrap();
    assert_eq!(
        (
            login.account.groups,
            login.auth_time,
            login.created,
            login.expires
        ),
        (vec!["ops".to_owned()], 90, 200, 300)
    );
    assert!(store.login("hash", 300).await.unwrap().is_none());
    assert!(store.login("other", 200).await.unwrap().is_none());
    store.touch_login("hash", 250, 400).await.unwrap();
    assert!(store.login("hash", 399).await.unwrap().is_some());
    assert!(store.account_of("u-1", "l-1", 399).await.unwrap().is_some());
    assert!(store.account_of("u-1", "l-2", 399).await.unwrap().is_none());
    assert!(store.account_of("u-2", "l-1", 399).await.unwrap().is_none());
    assert!(store.end_login("hash").await.unwrap());
    assert!(!store.end_login("hash").await.unwrap());
    assert!(store.account_of("u-1", "l-1", 399).await.unwrap().is_none());
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

async fn hosts(store: &Store) {
    let env = labels(r#"{"env": "dev"}"#);
    store
        .add_enroll_token("t1", "abc", &env, "console", 100, 200)
        .await
        .unwrap();
    let enroll = |token: &'static str, id: &'static str, now| store.enroll(token, id, id, "PUB", "box", now);
    assert_eq!(
        enroll("t1", "h1", 200).await.unwrap(),
        Enrolled::BadToken,
        "too late"
    );
    assert_eq!(store.held("console", Held::EnrollTokens, 150).await.unwrap(), 1);
    assert_eq!(enroll("t1", "h1", 150).await.unwrap(), Enrolled::Done);
    assert_eq!(store.held("console", Held::EnrollTokens, 150).await.unwrap(), 0);
    assert_eq!(enroll("t1", "h2", 150).await.unwrap(), Enrolled::BadToken, "used");
    store
        .add_enroll_token("t2", "abc", &env, "console", 100, 200)
        .await
        .unwrap();
    assert_eq!(enroll("t2", "h1", 150).await.unwrap(), Enrolled::Known);
    assert_eq!(
        enroll("t2", "h2", 150).await.unwrap(),
        Enrolled::Done,
        "that did not use it up"
    );
    let host = store.host("h1").await.unwrap().unwrap();
    assert_eq!((host.labels, host.last_seen), (env, 0));
    let reach = Reach {
        from: "192.0.2.1".to_owned(),
        links: vec![signaling_spec::Link {
            mac: "00:1a:2b:3c:4d:5e".to_owned(),
            net: "10.0.0.0/8".to_owned(),
        }],
    };
    assert_eq!(host.reach, Reach::default());
    store
        .host_seen("h1", "new name", "0.2.0", &reach, 500)
        .await
        .unwrap();
    let host = store.host("h1").await.unwrap().unwrap();
    assert_eq!(
        (host.name.as_str(), host.version.as_str(), host.last_seen),
        ("new name", "0.2.0", 500)
    );
    assert_eq!(host.reach, reach);
    assert_eq!(store.host_key("h1").await.unwrap().unwrap().public, "PUB");
    assert_eq!(store.active_key("h1").await.unwrap().as_deref(), Some("PUB"));
    keys::follow(store).await;
    assert!(
        store
            .set_labels("h1", &labels(r#"{"env": "prod"}"#))
            .await
            .unwrap()
    );
    assert!(!store.set_labels("h9", &Labels::new()).await.unwrap());
    assert!(store.remove_host("h1").await.unwrap());
    assert!(
        store.host_key("k4").await.unwrap().is_none(),
        "its key goes with it"
    );
    assert_eq!(store.hosts().await.unwrap().len(), 1);
}

async fn policy(store: &Store) {
    let version = store.policy_version().await.unwrap();
    store.set_role("all", &Role::everything(), 1).await.unwrap();
    store.set_role("all", &Role::administrator(), 2).await.unwrap();
    assert_eq!(
        store.roles().await.unwrap(),
        [("all".to_owned(), Role::administrator())]
    );
    let binding = |subject| Binding {
        provider: "corp".to_owned(),
        subject,
        role: "all".to_owned(),
    };
    let (person, group) = (
        binding(Subject::Account("ada".to_owned())),
        binding(Subject::Group("ops".to_owned())),
    );
    for binding in [&person, &group, &group] {
        store.bind_role(binding).await.unwrap();
    }
    assert_eq!(store.bindings().await.unwrap(), [person.clone(), group.clone()]);
    assert!(store.unbind_role(&person).await.unwrap());
    assert!(!store.unbind_role(&person).await.unwrap());
    assert!(store.remove_role("all").await.unwrap());
    assert!(
        store.bindings().await.unwrap().is_empty(),
        "they go with the role"
    );
    let lock = |id: &str, expires| Lock {
        id: id.to_owned(),
        kind: LockKind::Host,
        target: "h1".to_owned(),
        reason: "because".to_owned(),
        expires,
    };
    store.add_lock(&lock("a", None), "console", 10).await.unwrap();
    store
        .add_lock(&lock("b", Some(100)), "console", 11)
        .await
        .unwrap();
    assert_eq!(
        store.locks(99).await.unwrap(),
        [lock("a", None), lock("b", Some(100))]
    );
    assert_eq!(store.locks(100).await.unwrap(), [lock("a", None)]);
    assert!(store.lift_lock("a").await.unwrap());
    assert!(!store.lift_lock("a").await.unwrap());
    assert!(
        store.policy_version().await.unwrap() >= version + 9,
        "every change is seen"
    );
}

async fn audit_log(store: &Store) {
    let entry = |seq: u64| Entry {
        seq,
        at: 100 + seq,
        code: if seq == 2 { "RMV6005I" } else { "RMV1001I" }.to_owned(),
        account: format!("u-{}", seq % 2),
        host: if seq == 3 { "box" } else { "" }.to_owned(),
        text: format!("{{\"seq\":{seq},\"\u{fc}\":\"\u{1f600}\"}}"),
        hash: format!("h{seq}"),
    };
    assert_eq!(store.audit_end().await.unwrap(), None);
    store.append_audit(&[entry(1), entry(2), entry(3)]).await.unwrap();
    assert!(
        store.append_audit(&[entry(4), entry(3)]).await.is_err(),
        "a number is given once"
    );
    assert_eq!(store.audit_after(0, 2).await.unwrap(), [entry(1), entry(2)]);
    assert_eq!(
        store.audit_after(2, 9).await.unwrap(),
        [entry(3)],
        "all of a batch or nothing"
    );
    assert_eq!(store.audit_end().await.unwrap().unwrap().seq, 3);
    audit_found(store).await;
    audit_signed(store).await;
}

async fn audit_found(store: &Store) {
    let all = Wanted::default();
    let wanted = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = all.clone();
        change(&mut wanted);
        wanted
    };
    let text = |text: &str| Some(text.to_owned());
    for (what, wanted, seqs) in [
        ("all", all.clone(), vec![3, 2, 1]),
        ("a code", wanted(&|w| w.code = text("RMV6005I")), vec![2]),
        ("its beginning", wanted(&|w| w.code = text("RMV1")), vec![3, 1]),
        ("every code", wanted(&|w| w.code = text("RMV")), vec![3, 2, 1]),
        ("no code", wanted(&|w| w.code = text("RMV1001IX")), vec![]),
        ("an account", wanted(&|w| w.account = text("u-1")), vec![3, 1]),
        ("a host", wanted(&|w| w.host = text("box")), vec![3]),
        (
            "two things",
            wanted(&|w| (w.account, w.host) = (text("u-0"), text("box"))),
            vec![],
        ),
        ("from a time", wanted(&|w| w.from = Some(102)), vec![3, 2]),
        ("until a time", wanted(&|w| w.until = Some(102)), vec![1]),
        ("before a row", wanted(&|w| w.before = Some(3)), vec![2, 1]),
        (
            "beyond all numbers",
            wanted(&|w| w.before = Some(u64::MAX)),
            vec![3, 2, 1],
        ),
        ("a trick", wanted(&|w| w.account = text("' OR '1'='1")), vec![]),
        ("a wild card", wanted(&|w| w.account = text("u-%")), vec![]),
    ] {
        let found = store.audit_find(&wanted, Order::Newest, 9).await.unwrap();
        let found: Vec<u64> = found.iter().map(|(row, _)| row.seq).collect();
        assert_eq!(found, seqs, "{what}");
    }
    let found = store.audit_find(&all, Order::Oldest, 2).await.unwrap();
    let before: Vec<&str> = found.iter().map(|(_, before)| before.as_str()).collect();
    assert_eq!(before, ["", "h1"], "each comes with the hash before it");
}

async fn audit_signed(store: &Store) {
    let made = |seq: u64, kid: &str| Checkpoint {
        seq,
        kid: kid.to_owned(),
        token: format!("t{seq}"),
    };
    for checkpoint in [made(2, "a"), made(3, "a"), made(3, "b"), made(3, "b")] {
        store.add_checkpoint(&checkpoint).await.unwrap();
    }
    assert_eq!(store.last_checkpoint("a").await.unwrap(), Some(made(3, "a")));
    assert_eq!(store.last_checkpoint("c").await.unwrap(), None);
    assert_eq!(
        store.checkpoints(2, u64::MAX, 9).await.unwrap(),
        [made(3, "a"), made(3, "b")]
    );
    assert_eq!(store.checkpoints(0, 2, 9).await.unwrap(), [made(2, "a")]);
    assert_eq!(store.sink("file").await.unwrap(), None);
    store.set_sink("file", 1, 0).await.unwrap();
    store.set_sink("file", 3, 2).await.unwrap();
    assert_eq!(store.sink("file").await.unwrap(), Some((3, 2)));
}

/// Many take one token at the same time; a round is won once.
async fn races(store: &Store, rounds: u32) {
    for round in 0..rounds {
        let token = format!("race-{round}");
        store
            .add_enroll_token(&token, "x", &Labels::new(), "console", 1, 1000)
            .await
            .unwrap();
        let mut takers = tokio::task::JoinSet::new();
        for taker in 0..4 {
            let (store, token, id) = (store.clone(), token.clone(), format!("r{round}-{taker}"));
            takers.spawn(async move { store.enroll(&token, &id, &id, "PUB", "box", 10).await });
        }
        let ends = takers.join_all().await;
        let won = ends
            .iter()
            .filter(|end| matches!(end, Ok(Enrolled::Done)))
            .count();
        assert_eq!(won, 1, "round {round}: {ends:?}");
    }
}

async fn everything(store: &Store, rounds: u32) {
    store.ping().await.unwrap();
    people(store).await;
    hosts(store).await;
    policy(store).await;
    sessions::all(store).await;
    factors::all(store).await;
    audit_log(store).await;
    append_only::all(store).await;
    shares::all(store, rounds).await;
    races(store, rounds).await;
}

fn rounds() -> u32 {
    if std::env::var("REMOVID_FULL").is_ok_and(|full| !full.is_empty()) {
        10_000
    } else {
        50
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_sqlite() {
    let (store, place) = sqlite().await;
    everything(&store, rounds()).await;
    // What is there stays when the tables are up to date already.
    let again = Store::open(&format!("sqlite:{}", place.dir.join("router.db").display()))
        .await
        .unwrap();
    assert_eq!(again.accounts().await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_postgresql() {
    let (store, _place) = postgres().await;
    everything(&store, rounds()).await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_what_helps() {
    let place = place();
    std::fs::write(
        place.dir.join("router.db"),
        "this is no database, and was written by somebody else",
    )
    .unwrap();
    let error = Store::open(&format!("sqlite:{}", place.dir.join("router.db").display()))
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("router.db cannot be opened as a database"),
        "{error:#}"
    );
    let error = Store::open("postgres://nobody@127.0.0.1:1/x").await.unwrap_err();
    assert!(format!("{error:#}").contains("check `database`"), "{error:#}");
}
