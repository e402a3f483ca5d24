//! `audit`: whether the log is whole, in the database or in a file.
#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, ensure};
use team_router::Config;
use team_router::audit::{FileVerifier, Keys, Tampered, open_public, verify_store};
use team_router::store::{Link, Store};

use crate::cli::Verify;

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
    let seen = asked.head.as_deref().map(head).transpose()?;
    let (end, signed) = verify_store(store, &keys, seen).await?;
    println!(
        "whole: {} rows, signed up to row {signed}; head {}:{}",
        end.seq, end.seq, end.hash
    );
    Ok(())
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
