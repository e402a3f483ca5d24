//! The writer, its checkpoints and its sinks together, on a real database: what is tampered with is named, and what a
//! sink missed it gets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use router::auth::random_bytes;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use super::chain::beginning;
use super::*;
use crate::store::{Link, Wanted};

struct Log {
    dir: PathBuf,
    store: Store,
    signer: router::auth::signed::Signer,
    public: String,
    tasks: JoinSet<()>,
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn event(n: u64) -> Event {
    let text = serde_json::json!({ "code": "RMV1001I", "at": n, "fields": { "account": "u-1", "n": n } });
    Event {
        at: n,
        code: "RMV1001I".to_owned(),
        text: text.to_string(),
    }
}

impl Log {
    async fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("removid-audit-{:x?}", random_bytes::<8>()));
        router::tls::private_file::directory(&dir).unwrap();
        Self {
            store: Store::open(&format!("sqlite:{}", dir.join("db").display()))
                .await
                .unwrap(),
            signer: open_key(&dir).unwrap(),
            public: open_public(&dir).unwrap().unwrap(),
            dir,
            tasks: JoinSet::new(),
        }
    }

    async fn writer(&self) -> Writer {
        Writer::open(self.store.clone(), self.signer.clone(), &self.public)
            .await
            .unwrap()
    }

    async fn sinks(&mut self, writer: &Writer, file: Option<&Path>, syslog: Option<Address>) -> Sinks {
        let to = (
            file.map(Path::to_owned),
            syslog.map(|address| (address, "desk".to_owned())),
        );
        start(&self.store, &self.signer, to, &writer.told(), &mut self.tasks)
            .await
            .unwrap()
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        keys.add(&self.public).unwrap();
        keys
    }

    fn verify(&self, file: &Path) -> Result<(u64, Link, u64), Tampered> {
        let mut verifier = FileVerifier::new(self.keys());
        for line in std::fs::read_to_string(file).unwrap().lines() {
            verifier.line(line)?;
        }
        verifier.finish()
    }

    /// Waits until the file holds that row and checkpoint.
    async fn holds(&self, file: &Path, row: u64, signed: u64) {
        let mut found = None;
        for _ in 0..500 {
            if file.exists() {
                found = Some(self.verify(file));
                if matches!(&found, Some(Ok((_, end, at))) if (end.seq, *at) == (row, signed)) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not row {row} signed up to {signed}: {found:?}");
    }
}

fn batch(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

#[tokio::test]
async fn a_checkpoint_names_what_was_cut_off() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    writer.write(&batch(0..5)).await;
    writer.sign().await.unwrap();
    writer.sign().await.unwrap();
    let made = log.store.checkpoints(0, u64::MAX, 9).await.unwrap();
    assert_eq!(made.len(), 1, "what did not grow is not signed again");
    writer.write(&batch(5..7)).await;
    let whole = verify_store(&log.store, &log.keys(), None).await.unwrap();
    assert_eq!((whole.0.seq, whole.1), (7, 5), "the honest twin");

    let cut = Log::new().await;
    let rows = log.store.audit_after(0, 3).await.unwrap();
    cut.store.append_audit(&rows).await.unwrap();
    assert!(
        verify_store(&cut.store, &log.keys(), None).await.is_ok(),
        "a chain alone does not show it"
    );
    cut.store.add_checkpoint(&made[0]).await.unwrap();
    let error = verify_store(&cut.store, &log.keys(), None).await.unwrap_err();
    assert_eq!(
        error.downcast::<Tampered>().unwrap(),
        Tampered::Cut { end: 3, head: 5 }
    );
    let error = verify_store(&cut.store, &cut.keys(), None).await.unwrap_err();
    let other = log.signer.kid().to_owned();
    assert_eq!(error.downcast::<Tampered>().unwrap(), Tampered::UnknownKey(other));
    let error = verify_store(&cut.store, &log.keys(), Some(whole.0))
        .await
        .unwrap_err();
    assert!(matches!(
        error.downcast::<Tampered>().unwrap(),
        Tampered::Cut { .. }
    ));
}

#[tokio::test]
async fn the_log_goes_on_after_a_restart_and_beside_commands() {
    let log = Log::new().await;
    let mut writer = log.writer().await;
    writer.write(&batch(0..2)).await;
    note(
        &log.store,
        "RMV6001I",
        &serde_json::json!({ "account": "console" }),
    )
    .await
    .unwrap();
    // The command took the number that comes next.
    writer.write(&batch(2..4)).await;
    writer.sign().await.unwrap();
    let mut writer = log.writer().await;
    writer.write(&batch(4..5)).await;
    writer.sign().await.unwrap();
    let mut verifier = Verifier::new();
    for made in log.store.checkpoints(0, u64::MAX, 9).await.unwrap() {
        verifier.expect(log.keys().check(&made).unwrap()).unwrap();
    }
    verifier
        .rows(&log.store.audit_after(0, 99).await.unwrap())
        .unwrap();
    assert_eq!(verifier.finish().unwrap().seq, 6);
}

#[tokio::test]
async fn a_file_is_whole_after_it_was_moved_and_after_a_restart() {
    let mut log = Log::new().await;
    let (file, old) = (log.dir.join("audit.jsonl"), log.dir.join("audit.1"));
    let mut writer = log.writer().await;
    log.sinks(&writer, Some(&file), None).await;
    writer.write(&batch(0..300)).await;
    writer.sign().await.unwrap();
    log.holds(&file, 300, 300).await;
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);

    std::fs::rename(&file, &old).unwrap();
    writer.write(&batch(300..310)).await;
    log.holds(&file, 310, 0).await;
    assert_eq!(
        log.verify(&file).unwrap().0,
        301,
        "the new file begins where the old one ends"
    );
    assert_eq!(log.verify(&old).unwrap().1.seq, 300);

    // A crash in the middle of a line, and before the place was noted.
    log.tasks.shutdown().await;
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    log.store
        .set_sink(
            &format!("{} file {}", &log.signer.kid()[..8], file.display()),
            305,
            300,
        )
        .await
        .unwrap();
    let mut writer = log.writer().await;
    writer.write(&batch(310..311)).await;
    writer.sign().await.unwrap();
    log.sinks(&writer, Some(&file), None).await;
    log.holds(&file, 311, 311).await;
}

#[tokio::test]
async fn what_is_done_to_a_file_is_named() {
    let mut log = Log::new().await;
    let file = log.dir.join("audit.jsonl");
    let mut writer = log.writer().await;
    log.sinks(&writer, Some(&file), None).await;
    writer.write(&batch(0..5)).await;
    writer.sign().await.unwrap();
    log.holds(&file, 5, 5).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let verify = |lines: &[String]| {
        std::fs::write(&file, lines.join("\n")).unwrap();
        log.verify(&file).map(|_| ())
    };
    let owned = |lines: &[&str]| -> Vec<String> { lines.iter().map(|line| (*line).to_owned()).collect() };
    assert_eq!(verify(&owned(&lines)), Ok(()), "the honest twin");
    let mut changed = owned(&lines);
    changed[2] = changed[2].replace("u-1", "u-2");
    assert_eq!(verify(&changed), Err(Tampered::Changed(3)));
    let mut missing = owned(&lines);
    missing.remove(1);
    assert_eq!(verify(&missing), Err(Tampered::Missing(2)));
    let cut: Vec<String> = [&lines[..3], &lines[5..]]
        .concat()
        .iter()
        .map(|line| (*line).to_owned())
        .collect();
    assert_eq!(verify(&cut), Err(Tampered::Cut { end: 3, head: 5 }));
    assert_eq!(verify(&owned(&lines[2..])), Ok(()), "a file may begin anywhere");
    let mut first = owned(&lines[2..]);
    first[0] = first[0].replace("u-1", "u-2");
    assert_eq!(
        verify(&first),
        Err(Tampered::Changed(3)),
        "but its first row counts, too"
    );
    let mut torn = owned(&lines);
    torn[4].truncate(30);
    assert_eq!(verify(&torn), Err(Tampered::Line(5)));
    let mut twice = owned(&lines);
    twice[0] = twice[0].replace("\"seq\":1", "\"seq\":1,\"seq\":1");
    assert_eq!(verify(&twice), Err(Tampered::Line(1)));
}

#[tokio::test]
async fn a_sink_that_fails_is_named_loses_nothing_and_holds_up_nobody() {
    let mut log = Log::new().await;
    let file = log.dir.join("not yet/audit.jsonl");
    let mut writer = log.writer().await;
    let sinks = log.sinks(&writer, Some(&file), None).await;
    writer.write(&batch(0..3)).await;
    assert_eq!(
        log.store
            .audit_find(&Wanted::default(), crate::store::Order::Oldest, 9)
            .await
            .unwrap()
            .len(),
        3,
        "the rows are in the database"
    );
    for _ in 0..250 {
        if sinks.0[0].trouble().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(sinks.0[0].trouble().unwrap().contains("not yet"), "{sinks:?}");
    std::fs::create_dir(log.dir.join("not yet")).unwrap();
    log.holds(&file, 3, 0).await;
    for _ in 0..250 {
        if sinks.0[0].trouble().is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{sinks:?}");
}

#[tokio::test]
async fn syslog_by_every_way() {
    let mut log = Log::new().await;
    let mut writer = log.writer().await;
    let path = log.dir.join("log");
    let local = tokio::net::UnixDatagram::bind(&path).unwrap();
    let udp = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (udp_at, tcp_at) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    for address in [
        Address::Local(path),
        Address::Udp(udp_at.to_string()),
        Address::Tcp(tcp_at.to_string()),
    ] {
        log.sinks(&writer, None, Some(address)).await;
    }
    writer.write(&batch(0..1)).await;
    let mut first = [0; 2000];
    let length = within(local.recv(&mut first)).await;
    let said = std::str::from_utf8(&first[..length]).unwrap().to_owned();
    assert!(
        said.starts_with("<86>1 1970-01-01T00:00:00Z desk removid-router - RMV1001I - {\"seq\":1,"),
        "{said}"
    );
    let mut other = [0; 2000];
    let length = within(udp.recv(&mut other)).await;
    assert_eq!(std::str::from_utf8(&other[..length]).unwrap(), said);
    let (mut stream, _) = within(tcp.accept()).await;
    let mut counted = vec![0; said.len() + said.len().to_string().len() + 1];
    within(stream.read_exact(&mut counted)).await;
    assert_eq!(
        String::from_utf8(counted).unwrap(),
        format!("{} {said}", said.len())
    );
    // A daemon that starts anew gets what comes then.
    drop(stream);
    writer.write(&batch(1..2)).await;
    writer.write(&batch(2..3)).await;
    let (mut stream, _) = within(tcp.accept()).await;
    let mut next = [0; 10];
    within(stream.read_exact(&mut next)).await;
}

async fn within<T>(come: impl Future<Output = std::io::Result<T>>) -> T {
    tokio::time::timeout(Duration::from_secs(20), come)
        .await
        .unwrap()
        .unwrap()
}

#[test]
fn an_empty_log_begins_somewhere() {
    assert_eq!(
        FileVerifier::new(Keys::default()).finish().unwrap().1,
        beginning()
    );
}
