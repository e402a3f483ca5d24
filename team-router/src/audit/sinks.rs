//! Where the log goes beside the database: a file, a syslog. Each is fed from the database by a task of its own that
//! remembers how far it has come. So one that fails loses nothing and holds up nobody; it catches up when it is back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use router::auth::signed::Signer;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::file::LogFile;
use super::syslog::{Address, Syslog};
use super::{Line, Tampered};
use crate::store::{Store, StoreError, Wanted};

/// Lines that are given to a sink in one go.
const BATCH: u32 = 256;
/// How long nothing is heard before the database is asked: commands write beside the router.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// A sink that takes nothing for this long has failed.
const TAKE_WITHIN: Duration = Duration::from_secs(10);

/// How a sink is.
#[derive(Debug)]
pub struct Health {
    pub name: String,
    /// Rows that it has not taken yet.
    behind: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Health {
    pub fn behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Why it takes nothing, if so.
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, why: Option<String>) -> Option<String> {
        std::mem::replace(
            &mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner),
            why,
        )
    }
}

/// Every sink's health.
#[derive(Clone, Debug, Default)]
pub struct Sinks(pub Arc<Vec<Arc<Health>>>);

enum Kind {
    File(Arc<Mutex<LogFile>>),
    Syslog(Box<Syslog>),
}

impl Kind {
    async fn write(&mut self, lines: Vec<Line>) -> std::io::Result<()> {
        match self {
            Self::File(file) => {
                let file = Arc::clone(file);
                // A file system may hang; then only this sink does.
                tokio::task::spawn_blocking(move || {
                    file.lock().unwrap_or_else(PoisonError::into_inner).write(&lines)
                })
                .await?
            }
            Self::Syslog(syslog) => tokio::time::timeout(TAKE_WITHIN, syslog.write(&lines))
                .await
                .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())),
        }
    }

    fn reopen(&self) {
        if let Self::File(file) = self {
            file.lock().unwrap_or_else(PoisonError::into_inner).close();
        }
    }
}

/// Starts a task for each sink that the configuration names.
///
/// # Errors
/// The database does not answer, or signals cannot be heard.
pub async fn start(
    store: &Store,
    signer: &Signer,
    (file, syslog): (Option<PathBuf>, Option<(Address, String)>),
    told: &watch::Receiver<u64>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Sinks> {
    let node: String = signer.kid().chars().take(8).collect();
    let mut kinds = Vec::new();
    if let Some(path) = file {
        let name = format!("file {}", path.display());
        kinds.push((name, Kind::File(Arc::new(Mutex::new(LogFile::new(path))))));
    }
    if let Some((address, host)) = syslog {
        kinds.push((
            format!("syslog {address}"),
            Kind::Syslog(Box::new(Syslog::new(address, host))),
        ));
    }
    let mut all = Vec::new();
    for (name, kind) in kinds {
        let health = Arc::new(Health {
            name: name.clone(),
            behind: AtomicU64::new(0),
            trouble: Mutex::default(),
        });
        let key = format!("{node} {name}");
        let from = match store.sink(&key).await? {
            Some(from) => from,
            // A new sink begins with what comes.
            None => {
                let end = store.audit_end().await?.map_or(0, |end| end.seq);
                store.set_sink(&key, end, end).await?;
                (end, end)
            }
        };
        let from = resume(store, &kind, from).await?;
        let feeder = Feeder {
            store: store.clone(),
            key,
            kind,
            health: Arc::clone(&health),
            from,
        };
        tasks.spawn(feeder.run(told.clone(), signal(SignalKind::hangup())?));
        all.push(health);
    }
    Ok(Sinks(Arc::new(all)))
}

/// A file knows best what it holds. One that holds more than the database is a witness.
async fn resume(store: &Store, kind: &Kind, from: (u64, u64)) -> Result<(u64, u64), StoreError> {
    let Kind::File(file) = kind else { return Ok(from) };
    let held = file.lock().unwrap_or_else(PoisonError::into_inner).held();
    let end = store.audit_end().await?.map_or(0, |end| end.seq);
    let Some(held) = held.filter(|held| held.0 > 0) else {
        return Ok(from);
    };
    if held.0 > end {
        let error = Tampered::Cut { end, head: held.0 };
        tracing::error!(%error, "The audit log's file holds rows that the database has lost");
        router::audit!("RMV7005W", why = %error, "The audit log was tampered with");
        return Ok((from.0.min(end), from.1.min(end)));
    }
    Ok((from.0.max(held.0), from.1.max(held.1)))
}

struct Feeder {
    store: Store,
    key: String,
    kind: Kind,
    health: Arc<Health>,
    /// The last row and the last checkpoint that it took.
    from: (u64, u64),
}

impl Feeder {
    async fn run(mut self, mut told: watch::Receiver<u64>, mut hangup: Signal) {
        let mut retry = FIRST_RETRY;
        loop {
            match self.feed().await {
                Ok(true) => retry = FIRST_RETRY,
                Ok(false) => {
                    retry = FIRST_RETRY;
                    tokio::select! {
                        changed = told.changed() => if changed.is_err() {
                            // The writer is gone; commands may still write.
                            tokio::time::sleep(LOOK_EVERY).await;
                        },
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        _ = hangup.recv() => self.kind.reopen(),
                    }
                }
                Err(error) => {
                    if error.is::<StoreError>() {
                        tracing::warn!(%error, "Audit sinks wait for the database");
                    } else {
                        self.failed(&error.to_string());
                    }
                    let end = *told.borrow();
                    self.health
                        .behind
                        .store(end.saturating_sub(self.from.0), Ordering::Relaxed);
                    tokio::select! {
                        () = tokio::time::sleep(retry) => {}
                        _ = hangup.recv() => self.kind.reopen(),
                    }
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
        }
    }

    /// Says it once, and again when it is over.
    fn failed(&self, why: &str) {
        let sink = self.health.name.as_str();
        if self.health.set(Some(why.to_owned())).is_none() {
            tracing::error!(
                sink,
                why,
                "An audit sink takes nothing; what it misses waits in the database"
            );
            router::audit!("RMV7006W", sink, why, "Audit sink failed");
        }
    }

    /// Gives it what comes next; whether there was anything.
    async fn feed(&mut self) -> anyhow::Result<bool> {
        let wanted = Wanted {
            after: self.from.0,
            ..Wanted::default()
        };
        let rows = self
            .store
            .audit_find(&wanted, crate::store::Order::Oldest, BATCH)
            .await?;
        let last = rows.last().map_or(self.from.0, |(row, _)| row.seq);
        let signed = self.store.checkpoints(self.from.1, last, BATCH).await?;
        let last_signed = signed.last().map_or(self.from.1, |signed| signed.seq);
        // A checkpoint follows its row.
        let mut lines: Vec<(u64, bool, Line)> = rows
            .into_iter()
            .map(|(row, before)| (row.seq, false, Line::row(row, before)))
            .chain(
                signed
                    .into_iter()
                    .map(|signed| (signed.seq, true, Line::checkpoint(signed.token))),
            )
            .collect();
        if lines.is_empty() {
            return Ok(false);
        }
        lines.sort_by_key(|(seq, signed, _)| (*seq, *signed));
        self.kind
            .write(lines.into_iter().map(|(_, _, line)| line).collect())
            .await?;
        self.from = (last, last_signed);
        self.store.set_sink(&self.key, last, last_signed).await?;
        self.health.behind.store(0, Ordering::Relaxed);
        if self.health.set(None).is_some() {
            let sink = self.health.name.as_str();
            tracing::info!(sink, "An audit sink takes rows again");
            router::audit!("RMV7006I", sink, "Audit sink works again");
        }
        Ok(true)
    }
}
