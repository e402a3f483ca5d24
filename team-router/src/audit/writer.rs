//! The one task that writes rows, watches what others write between them, and signs where the log stands.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use router::auth::direct::unix_now;
use router::auth::signed::Signer;
use tokio::sync::{mpsc, watch};

use super::chain::{beginning, chain};
use super::{Event, Keys, Tampered, Verifier, checkpoint};
use crate::store::{Link, Store, StoreError};

/// Rows that are written in one go.
const BATCH: usize = 256;
/// Rows that are read in one go.
const PART: u32 = 1000;
/// How often the end is signed while something is written.
const SIGN_EVERY: Duration = Duration::from_secs(60);
/// Or after so many rows.
const SIGN_AFTER: u64 = 1000;

/// Whether rows find their way into the database.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<Option<Instant>>>);

impl Pulse {
    /// For how long nothing could be written, if that is so.
    pub fn failing_for(&self, now: Instant) -> Option<Duration> {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| now.saturating_duration_since(since))
    }

    fn fails(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(Instant::now);
    }

    /// It is over; since when it failed.
    fn works(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// See the module documentation.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    signer: Signer,
    end: Link,
    /// The last row that was signed.
    signed: u64,
    /// Tells the sinks how far the log has come.
    told: watch::Sender<u64>,
    pulse: Pulse,
}

impl Writer {
    /// Takes up where the last run signed, and looks at what was written since.
    ///
    /// # Errors
    /// The log cannot be read, or the last checkpoint is not ours.
    pub async fn open(store: Store, signer: Signer, public: &str) -> anyhow::Result<Self> {
        let mut keys = Keys::default();
        keys.add(public)?;
        let end = match store.last_checkpoint(signer.kid()).await? {
            Some(last) => keys.check(&last).unwrap_or_else(|error| {
                alarm(&error);
                beginning()
            }),
            None => beginning(),
        };
        let mut writer = Self {
            signed: end.seq,
            store,
            signer,
            end,
            told: watch::Sender::new(0),
            pulse: Pulse::default(),
        };
        writer.catch_up().await?;
        Ok(writer)
    }

    /// Where sinks hear of new rows.
    pub fn told(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Where others see whether it can write.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Writes what comes, until all senders are gone.
    pub async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut tick = tokio::time::interval(SIGN_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = events.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.write(&batch).await;
                    batch.clear();
                    if self.end.seq >= self.signed + SIGN_AFTER {
                        self.sign_or_say().await;
                    }
                }
                _ = tick.tick() => {
                    if let Err(error) = self.catch_up().await {
                        tracing::warn!(%error, "The audit log cannot be read");
                    }
                    self.sign_or_say().await;
                }
            }
        }
    }

    /// Writes these rows, however long the database makes us wait.
    pub async fn write(&mut self, batch: &[Event]) {
        loop {
            let mut entries = chain(&self.end, batch);
            let Err(error) = self.store.append_audit(&entries).await else {
                if let Some(last) = entries.pop() {
                    self.end = Link {
                        seq: last.seq,
                        hash: last.hash,
                    };
                    self.told.send_replace(self.end.seq);
                }
                if let Some(since) = self.pulse.works() {
                    let seconds = since.elapsed().as_secs();
                    tracing::info!(
                        seconds,
                        "The audit log is written again; nothing that waited is lost"
                    );
                    router::audit!(
                        "RMV7007W",
                        seconds,
                        "The audit log could not be written for a while"
                    );
                }
                return;
            };
            let before = self.end.seq;
            // A command beside the router may have written meanwhile.
            if !(self.catch_up().await.is_ok() && self.end.seq != before) {
                self.pulse.fails();
                tracing::error!(
                    error = chain_of(&error),
                    waiting = batch.len(),
                    "The audit log cannot be written; trying again"
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Joins the rows that others wrote after ours. One that does not fit is told, and the log goes on from there.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut verifier = Verifier::after(self.end.clone());
        loop {
            let rows = self.store.audit_after(verifier.end().seq, PART).await?;
            if rows.is_empty() {
                break;
            }
            if let Err(error) = verifier.rows(&rows) {
                alarm(&error);
                self.end = self.store.audit_end().await?.unwrap_or_else(beginning);
                return Ok(());
            }
        }
        self.end = verifier.end().clone();
        let found = self.store.audit_end().await?.unwrap_or_else(beginning);
        if found.seq < self.end.seq {
            alarm(&Tampered::Cut {
                end: found.seq,
                head: self.end.seq,
            });
            self.end = found;
            self.signed = self.signed.min(self.end.seq);
        }
        self.told.send_replace(self.end.seq);
        Ok(())
    }

    async fn sign_or_say(&mut self) {
        if let Err(error) = self.sign().await {
            tracing::error!(%error, "A checkpoint of the audit log cannot be written");
        }
    }

    /// Signs the end, if anything was written since the last time.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sign(&mut self) -> anyhow::Result<()> {
        if self.end.seq == self.signed {
            return Ok(());
        }
        let made = checkpoint::sign(&self.signer, &self.end, unix_now())?;
        self.store.add_checkpoint(&made).await?;
        self.signed = self.end.seq;
        self.told.send_replace(self.end.seq);
        Ok(())
    }
}

/// The words of an error and of what caused it.
fn chain_of(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn alarm(error: &Tampered) {
    tracing::error!(%error, "The audit log was tampered with");
    router::audit!("RMV7005W", why = %error, "The audit log was tampered with");
}
