//! `audit`: whether the log is whole, in the database or in a file.
#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, ensure};
use team_router::Config;
use team_router::audit::{FileVerifier, Keys, Tampered, Verifier, open_public};
use team_router::store::{Link, Store};

use crate::cli::Verify;

/// Rows that are checked at a time.
const PART: u32 = 1000;
/// A line of a file that is longer is none of ours.
const MAX_LINE: u64 = 1024 * 1024;

pub(super) fn key(state_dir: &Path) -> anyhow::Result<()> {
    let public =
        open_public(state_dir)?.context("there is no key yet: the router makes it at its first start")?;
    println!("{public}");
    Ok(())
}

fn keys(state_dir: Option<&Path>, named: &[String]) -> anyhow::Result<Keys> {
    let mut keys = Keys::default();
    for key in named {
        keys.add(key)?;
    }
    if let Some(own) = state_dir.map(open_public).transpose()?.flatten() {
        keys.add(&own)?;
    }
    Ok(keys)
}

fn head(text: &str) -> anyhow::Result<Link> {
    let (seq, hash) = text.split_once(':').context("--head is NUMBER:HASH")?;
    Ok(Link {
        seq: seq.parse().context("--head is NUMBER:HASH")?,
        hash: hash.to_owned(),
    })
}

pub(super) async fn verify(store: &Store, state_dir: &Path, asked: Verify) -> anyhow::Result<()> {
    let keys = keys(Some(state_dir), &asked.key)?;
    let mut verifier = Verifier::new();
    if let Some(text) = &asked.head {
        verifier.expect(head(text)?)?;
    }
    let mut signed = 0;
    loop {
        let after = verifier.end().seq;
        let rows = store.audit_after(after, PART).await?;
        let Some(last) = rows.last() else { break };
        signed = expect(store, &keys, &mut verifier, (after, last.seq))
            .await?
            .max(signed);
        verifier.rows(&rows)?;
    }
    // Whoever cut rows off left the word of a later one.
    let end = verifier.end().seq;
    signed = expect(store, &keys, &mut verifier, (end, u64::MAX))
        .await?
        .max(signed);
    let end = verifier.finish()?;
    println!(
        "whole: {} rows, signed up to row {signed}; head {}:{}",
        end.seq, end.seq, end.hash
    );
    Ok(())
}

/// Tells the verifier of every checkpoint between two rows; the last row that one names.
async fn expect(
    store: &Store,
    keys: &Keys,
    verifier: &mut Verifier,
    (after, last): (u64, u64),
) -> anyhow::Result<u64> {
    let mut from = after;
    loop {
        let found = store.checkpoints(from, last, PART).await?;
        let Some(end) = found.last() else { return Ok(from) };
        from = end.seq;
        for checkpoint in &found {
            verifier.expect(keys.check(checkpoint)?)?;
        }
    }
}

/// Needs no database; the configuration only to find this node's own key.
pub(super) fn verify_file(config: &Path, asked: &Verify) -> anyhow::Result<()> {
    let Some(path) = &asked.file else { return Ok(()) };
    let state_dir = match Config::load(config) {
        Ok(config) => Some(config.state_dir),
        Err(_) if !asked.key.is_empty() => None,
        Err(error) => {
            return Err(error.context("name the key of the checkpoints with --key, or the configuration"));
        }
    };
    let mut verifier = FileVerifier::new(keys(state_dir.as_deref(), &asked.key)?);
    let read: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("{} cannot be read", path.display()))?)
    };
    let wanted = asked.head.as_deref().map(head).transpose()?;
    let mut read = BufReader::new(read);
    let mut line = String::new();
    loop {
        line.clear();
        if read.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            break;
        }
        verifier.line(line.trim_end_matches('\n'))?;
    }
    let (first, end, signed) = verifier.finish()?;
    if let Some(wanted) = wanted {
        ensure!(
            wanted.seq <= end.seq,
            Tampered::Cut {
                end: end.seq,
                head: wanted.seq
            }
        );
        ensure!(
            wanted.seq != end.seq || wanted.hash == end.hash,
            Tampered::Rewritten(end.seq)
        );
    }
    println!(
        "whole: rows {first} to {}, signed up to row {signed}; head {}:{}",
        end.seq, end.seq, end.hash
    );
    Ok(())
}
