//! The audit log: every event under the target `audit` becomes a row that is chained to the one before it.
//!
//! A row keeps the text that was written, byte for byte; its hash is SHA-256 over the hash before it, a newline and the
//! text. So whoever changes, removes or reorders a row breaks every hash after it. What is cut off at the end shows
//! against a head that was kept elsewhere: `audit verify --head`.

mod layer;

use router::auth::{direct::unix_now, sha256};
use tokio::sync::mpsc;

use crate::store::{Entry, Link, Store, StoreError};

pub use layer::AuditLayer;

/// Events that may wait; one that finds no place is counted, and the count is written.
const WAITING: usize = 4096;
/// Rows that are written in one go.
const BATCH: usize = 256;
/// Before the first row.
const GENESIS: &str = "removid-audit-v1";

/// What happened, before it is chained.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: u64,
    pub code: String,
    /// A JSON object.
    pub text: String,
}

/// The way in for the layer and the way out for the writer.
pub fn channel() -> (AuditLayer, mpsc::Receiver<Event>) {
    let (tell, events) = mpsc::channel(WAITING);
    (AuditLayer::new(tell), events)
}

/// Writes what comes, until all senders are gone.
///
/// # Errors
/// The end of the chain cannot be read.
pub async fn write(store: Store, mut events: mpsc::Receiver<Event>) -> Result<(), StoreError> {
    let mut end = store.audit_end().await?.unwrap_or_else(beginning);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if events.recv_many(&mut batch, BATCH).await == 0 {
            return Ok(());
        }
        let mut entries = chain(&end, &batch);
        while let Err(error) = store.append_audit(&entries).await {
            // A command beside the router may have written meanwhile.
            let found = store
                .audit_end()
                .await
                .map(|found| found.unwrap_or_else(beginning));
            match found {
                Ok(found) if found != end => {
                    end = found;
                    entries = chain(&end, &batch);
                }
                Ok(_) | Err(_) => {
                    tracing::error!(%error, waiting = batch.len(), "The audit log cannot be written; trying again");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
        if let Some(last) = entries.pop() {
            end = Link {
                seq: last.seq,
                hash: last.hash,
            };
        }
        batch.clear();
    }
}

/// Writes one event of a command that runs beside the router.
///
/// # Errors
/// The database does not answer.
pub async fn note(store: &Store, code: &str, fields: &serde_json::Value) -> Result<(), StoreError> {
    let event = Event {
        at: unix_now(),
        code: code.to_owned(),
        text: serde_json::json!({ "code": code, "at": unix_now(), "fields": fields }).to_string(),
    };
    for attempt in 0.. {
        let end = store.audit_end().await?.unwrap_or_else(beginning);
        match store
            .append_audit(&chain(&end, std::slice::from_ref(&event)))
            .await
        {
            Ok(()) => break,
            // The router was faster to the same number.
            Err(_) if attempt < 20 => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn beginning() -> Link {
    Link {
        seq: 0,
        hash: hash("", GENESIS),
    }
}

fn hash(before: &str, text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(format!("{before}\n{text}").as_bytes()))
}

fn chain(end: &Link, events: &[Event]) -> Vec<Entry> {
    let (mut seq, mut before) = (end.seq, end.hash.clone());
    let link = |event: &Event| {
        seq += 1;
        before = hash(&before, &event.text);
        Entry {
            seq,
            at: event.at,
            code: event.code.clone(),
            text: event.text.clone(),
            hash: before.clone(),
        }
    };
    events.iter().map(link).collect()
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampered {
    #[error("row {0} is missing")]
    Missing(u64),
    #[error("row {0} was changed, or stands in another's place")]
    Changed(u64),
    #[error("row {0} says {1} in its text and something else beside it")]
    Differs(u64, &'static str),
    #[error("the log ends at row {end}, before row {head}, which was seen: rows were cut off")]
    Cut { end: u64, head: u64 },
    #[error("row {0} is not the one that was seen: the log was written anew")]
    Rewritten(u64),
}

/// Checks rows in their order, a part at a time.
#[derive(Debug)]
pub struct Verifier {
    end: Link,
    /// A row that was seen earlier, kept where whoever writes the log cannot write.
    head: Option<Link>,
}

impl Verifier {
    pub fn new(head: Option<Link>) -> Self {
        Self {
            end: beginning(),
            head,
        }
    }

    /// # Errors
    /// The first row that is not what it was.
    pub fn rows(&mut self, entries: &[Entry]) -> Result<(), Tampered> {
        for entry in entries {
            let seq = self.end.seq + 1;
            if entry.seq != seq {
                return Err(Tampered::Missing(seq));
            }
            if entry.hash != hash(&self.end.hash, &entry.text) {
                return Err(Tampered::Changed(seq));
            }
            let text: serde_json::Value = serde_json::from_str(&entry.text).unwrap_or_default();
            if text["code"] != entry.code.as_str() {
                return Err(Tampered::Differs(seq, "its code"));
            }
            if text["at"].as_u64() != Some(entry.at) {
                return Err(Tampered::Differs(seq, "its time"));
            }
            self.end = Link {
                seq,
                hash: entry.hash.clone(),
            };
            if self
                .head
                .as_ref()
                .is_some_and(|head| head.seq == seq && head.hash != entry.hash)
            {
                return Err(Tampered::Rewritten(seq));
            }
        }
        Ok(())
    }

    /// The log's end, which is worth keeping elsewhere.
    ///
    /// # Errors
    /// The log ends before what was seen of it.
    pub fn finish(self) -> Result<Link, Tampered> {
        match self.head {
            Some(head) if head.seq > self.end.seq => Err(Tampered::Cut {
                end: self.end.seq,
                head: head.seq,
            }),
            _ => Ok(self.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<Entry> {
        let events: Vec<Event> = (1..=5u64)
            .map(|n| Event {
                at: 100 + n,
                code: format!("RMV100{n}I"),
                text: serde_json::json!({ "code": format!("RMV100{n}I"), "at": 100 + n, "fields": {} })
                    .to_string(),
            })
            .collect();
        chain(&beginning(), &events)
    }

    fn verify(entries: &[Entry], head: Option<Link>) -> Result<Link, Tampered> {
        let mut verifier = Verifier::new(head);
        verifier.rows(entries)?;
        verifier.finish()
    }

    fn head(entry: &Entry) -> Option<Link> {
        Some(Link {
            seq: entry.seq,
            hash: entry.hash.clone(),
        })
    }

    #[test]
    fn an_honest_log_is_whole() {
        let log = log();
        assert_eq!(verify(&log, None).unwrap().seq, 5);
        assert_eq!(verify(&log, head(&log[3])).unwrap().hash, log[4].hash);
        assert_eq!(verify(&[], None).unwrap().seq, 0);
    }

    #[test]
    fn every_change_is_named() {
        let mut changed = log();
        changed[2].text = changed[2].text.replace("103", "999");
        assert_eq!(verify(&changed, None), Err(Tampered::Changed(3)));
        let mut missing = log();
        missing.remove(1);
        assert_eq!(verify(&missing, None), Err(Tampered::Missing(2)));
        let mut renumbered = missing;
        for (entry, seq) in renumbered.iter_mut().zip(1..) {
            entry.seq = seq;
        }
        assert_eq!(verify(&renumbered, None), Err(Tampered::Changed(2)));
        let mut swapped = log();
        swapped.swap(0, 1);
        assert_eq!(verify(&swapped, None), Err(Tampered::Missing(1)));
        let mut beside = log();
        beside[0].code = "RMV9999I".to_owned();
        assert_eq!(verify(&beside, None), Err(Tampered::Differs(1, "its code")));
        let mut time = log();
        time[4].at += 1;
        assert_eq!(verify(&time, None), Err(Tampered::Differs(5, "its time")));
        let whole = log();
        assert_eq!(
            verify(&whole[..3], head(&whole[4])),
            Err(Tampered::Cut { end: 3, head: 5 })
        );
        let mut anew = whole.clone();
        anew[0].text = anew[0].text.replace("fields", "faults");
        let events: Vec<Event> = anew
            .iter()
            .map(|entry| Event {
                at: entry.at,
                code: entry.code.clone(),
                text: entry.text.clone(),
            })
            .collect();
        let anew = chain(&beginning(), &events);
        assert!(verify(&anew, None).is_ok(), "a chain alone does not show it");
        assert_eq!(verify(&anew, head(&whole[4])), Err(Tampered::Rewritten(5)));
    }
}
