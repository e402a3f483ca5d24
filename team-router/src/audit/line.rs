//! The log outside the database: one JSON object a line (JSONL), a row or a checkpoint each. A row carries the hash
//! before it, so that a file can begin anywhere.

use serde::{Deserialize, Serialize};

use super::chain::{about, beginning};
use super::{Keys, Tampered, Verifier};
use crate::store::{Entry, Link};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Checkpoint(Signed),
    Row(Row),
}

/// A checkpoint's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub checkpoint: String,
}

/// A row's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub seq: u64,
    pub at: u64,
    pub code: String,
    /// What was written, byte for byte.
    pub text: String,
    /// The hash of the row before it.
    pub before: String,
    pub hash: String,
}

impl Line {
    pub fn row(entry: Entry, before: String) -> Self {
        let before = if entry.seq == 1 { beginning().hash } else { before };
        Self::Row(Row {
            seq: entry.seq,
            at: entry.at,
            code: entry.code,
            text: entry.text,
            before,
            hash: entry.hash,
        })
    }

    pub fn checkpoint(token: String) -> Self {
        Self::Checkpoint(Signed { checkpoint: token })
    }

    /// With the end of the line.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Checks a file's lines in their order.
#[derive(Debug)]
pub struct FileVerifier {
    keys: Keys,
    verifier: Option<Verifier>,
    /// The first row that it holds.
    first: u64,
    line: u64,
    signed: u64,
}

impl FileVerifier {
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            verifier: None,
            first: 0,
            line: 0,
            signed: 0,
        }
    }

    /// # Errors
    /// The first line that is not what it was.
    pub fn line(&mut self, text: &str) -> Result<(), Tampered> {
        self.line += 1;
        match serde_json::from_str(text).map_err(|_| Tampered::Line(self.line))? {
            Line::Row(row) => self.row(row),
            Line::Checkpoint(Signed { checkpoint }) => {
                let head = self.keys.read(&checkpoint)?;
                self.signed = self.signed.max(head.seq);
                match &mut self.verifier {
                    Some(verifier) => verifier.expect(head),
                    // Of a row that an earlier file holds.
                    None => Ok(()),
                }
            }
        }
    }

    fn row(&mut self, row: Row) -> Result<(), Tampered> {
        let first = row.seq;
        let verifier = self.verifier.get_or_insert_with(|| {
            self.first = first;
            if first <= 1 {
                return Verifier::new();
            }
            Verifier::after(Link {
                seq: first - 1,
                hash: row.before.clone(),
            })
        });
        let (account, host) = about(&row.text);
        verifier.rows(&[Entry {
            seq: row.seq,
            at: row.at,
            code: row.code,
            account,
            host,
            text: row.text,
            hash: row.hash,
        }])
    }

    /// The first row, the last one, and the last that a checkpoint names.
    ///
    /// # Errors
    /// A checkpoint names a later row than there is.
    pub fn finish(self) -> Result<(u64, Link, u64), Tampered> {
        let end = match self.verifier {
            Some(verifier) => verifier.finish()?,
            None => beginning(),
        };
        Ok((self.first, end, self.signed))
    }
}
