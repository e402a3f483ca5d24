//! The chain itself: how a row is joined to the one before it, and how each way of tampering shows. Pure.

use std::collections::BTreeMap;

use router::auth::sha256;
use serde_json::Value;

use super::Event;
use crate::store::{Entry, Link};

/// Before the first row.
const GENESIS: &str = "removid-audit-v1";
/// Hashes of rows that a checkpoint may still name when it comes late.
const RECENT: usize = 1024;

pub(super) fn beginning() -> Link {
    Link {
        seq: 0,
        hash: hash("", GENESIS),
    }
}

fn hash(before: &str, text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(format!("{before}\n{text}").as_bytes()))
}

pub(super) fn chain(end: &Link, events: &[Event]) -> Vec<Entry> {
    let (mut seq, mut before) = (end.seq, end.hash.clone());
    let link = |event: &Event| {
        seq += 1;
        before = hash(&before, &event.text);
        let (account, host) = about(&event.text);
        Entry {
            seq,
            at: event.at,
            code: event.code.clone(),
            account,
            host,
            text: event.text.clone(),
            hash: before.clone(),
        }
    };
    events.iter().map(link).collect()
}

/// The account and the host that a row speaks of, by which it is found.
pub(super) fn about(text: &str) -> (String, String) {
    let text: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| text["fields"][name].as_str().unwrap_or_default().to_owned();
    (field("account"), field("host"))
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
    #[error("the checkpoint of row {0} is not what a router signed")]
    Checkpoint(u64),
    #[error(
        "a checkpoint is signed by the key {0}, which is not known here: name its public half with --key"
    )]
    UnknownKey(String),
    #[error("line {0} is neither a row nor a checkpoint")]
    Line(u64),
}

/// Checks rows in their order, a part at a time.
#[derive(Debug)]
pub struct Verifier {
    end: Link,
    /// Rows that were seen earlier, kept where whoever writes the log cannot write, or signed.
    heads: BTreeMap<u64, String>,
    recent: BTreeMap<u64, String>,
}

impl Verifier {
    /// From the first row on.
    pub fn new() -> Self {
        Self::after(beginning())
    }

    /// From the row after this one on.
    pub fn after(end: Link) -> Self {
        Self {
            recent: [(end.seq, end.hash.clone())].into(),
            end,
            heads: BTreeMap::new(),
        }
    }

    /// The log has had this row.
    ///
    /// # Errors
    /// It went by, and was another.
    pub fn expect(&mut self, head: Link) -> Result<(), Tampered> {
        if head.seq > self.end.seq {
            self.heads.insert(head.seq, head.hash);
            return Ok(());
        }
        match self.recent.get(&head.seq) {
            Some(hash) if *hash != head.hash => Err(Tampered::Rewritten(head.seq)),
            _ => Ok(()),
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
            let text: Value = serde_json::from_str(&entry.text).unwrap_or_default();
            if text["code"] != entry.code.as_str() {
                return Err(Tampered::Differs(seq, "its code"));
            }
            if text["at"].as_u64() != Some(entry.at) {
                return Err(Tampered::Differs(seq, "its time"));
            }
            let (account, host) = about(&entry.text);
            if account != entry.account {
                return Err(Tampered::Differs(seq, "its account"));
            }
            if host != entry.host {
                return Err(Tampered::Differs(seq, "its host"));
            }
            self.end = Link {
                seq,
                hash: entry.hash.clone(),
            };
            if self.heads.remove(&seq).is_some_and(|head| head != entry.hash) {
                return Err(Tampered::Rewritten(seq));
            }
            self.recent.insert(seq, entry.hash.clone());
            if self.recent.len() > RECENT {
                self.recent.pop_first();
            }
        }
        Ok(())
    }

    /// Where it stands.
    pub fn end(&self) -> &Link {
        &self.end
    }

    /// The log's end, which is worth keeping elsewhere.
    ///
    /// # Errors
    /// The log ends before what was seen of it.
    pub fn finish(self) -> Result<Link, Tampered> {
        match self.heads.last_key_value() {
            Some((head, _)) => Err(Tampered::Cut {
                end: self.end.seq,
                head: *head,
            }),
            None => Ok(self.end),
        }
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
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
                text: serde_json::json!({ "code": format!("RMV100{n}I"), "at": 100 + n, "fields": { "account": "u-1" } })
                    .to_string(),
            })
            .collect();
        chain(&beginning(), &events)
    }

    fn verify(entries: &[Entry], head: Option<Link>) -> Result<Link, Tampered> {
        let mut verifier = Verifier::new();
        if let Some(head) = head {
            verifier.expect(head)?;
        }
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
        let mut hidden = log();
        hidden[1].account = String::new();
        assert_eq!(verify(&hidden, None), Err(Tampered::Differs(2, "its account")));
        let mut moved = log();
        moved[1].host = "h".to_owned();
        assert_eq!(verify(&moved, None), Err(Tampered::Differs(2, "its host")));
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

    #[test]
    fn a_head_that_comes_late_counts_too() {
        let log = log();
        let mut verifier = Verifier::after(head(&log[1]).unwrap());
        verifier.rows(&log[2..]).unwrap();
        assert_eq!(verifier.expect(head(&log[3]).unwrap()), Ok(()));
        let forged = Link {
            seq: 4,
            hash: log[0].hash.clone(),
        };
        assert_eq!(verifier.expect(forged), Err(Tampered::Rewritten(4)));
    }
}
