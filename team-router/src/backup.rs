//! A backup: one text file with the database's rows and the keys that hosts and browsers know this router by.
//!
//! One JSON value a line: the head, the keys, the rows, and at the end the SHA-256 of every line before it. It does not
//! depend on the database that it came from: what SQLite held may be restored into PostgreSQL. Whoever has the file
//! can be this router to its hosts, so it is written for its owner's eyes alone.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use router::auth::direct::unix_now;
use router::tls::private_file;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::store::{Row, Store, latest};

/// Files of the state directory that go along. Tokens live for minutes: their key does not.
const KEYS: [&str; 4] = ["grant-key.pk8", "audit-key.pk8", "tls-key.pem", "tls-cert.pem"];
const FORMAT: u32 = 1;
/// Longer than any row.
const MAX_LINE: u64 = 1 << 20;

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Head {
        format: u32,
        /// Of the program that wrote it.
        version: String,
        /// Of the tables.
        tables: i64,
        at: u64,
    },
    Key {
        name: String,
        base64: String,
    },
    Row {
        table: String,
        columns: Row,
    },
    End {
        rows: u64,
        sha256: String,
    },
}

/// Writes lines and counts what they come to.
struct Writer<W: Write> {
    to: W,
    digest: Digest,
}

impl<W: Write> Writer<W> {
    fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        self.digest.update(text.as_bytes());
        self.to
            .write_all(text.as_bytes())
            .context("the backup cannot be written")
    }
}

/// Writes a backup to a file that is not there yet, or to standard output for `-`. Returns the number of rows.
///
/// # Errors
/// The file is there or cannot be written (then nothing is left of it), or the database does not answer.
pub async fn write(config: &Config, path: &Path) -> anyhow::Result<u64> {
    if path.as_os_str() == "-" {
        return write_to(config, std::io::stdout().lock()).await;
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "{} cannot be made; a backup never replaces a file",
                path.display()
            )
        })?;
    let written = async {
        let rows = write_to(config, BufWriter::new(&file)).await?;
        file.sync_all()?;
        Ok(rows)
    };
    let written = written.await;
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

async fn write_to(config: &Config, to: impl Write) -> anyhow::Result<u64> {
    let store = Store::open(&config.database).await?;
    let mut writer = Writer {
        to,
        digest: Digest::new(&SHA256),
    };
    writer.line(&Line::Head {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tables: latest(),
        at: unix_now(),
    })?;
    for name in KEYS {
        let path = config.state_dir.join(name);
        if path.exists() {
            let base64 =
                B64.encode(fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?);
            let name = name.to_owned();
            writer.line(&Line::Key { name, base64 })?;
        }
    }
    let mut rows = 0;
    store
        .dump(|table, columns| {
            rows += 1;
            let table = table.to_owned();
            writer.line(&Line::Row { table, columns })
        })
        .await?;
    let sha256 = B64.encode(writer.digest.clone().finish());
    writer.line(&Line::End { rows, sha256 })?;
    writer.to.flush().context("the backup cannot be written")?;
    Ok(rows)
}

/// Reads lines; [`Self::check`] reads all of them and says whether they are whole.
struct Reader(BufReader<File>);

impl Reader {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self(BufReader::new(file)))
    }

    fn text(&mut self) -> anyhow::Result<Option<String>> {
        let mut text = String::new();
        self.0.by_ref().take(MAX_LINE).read_line(&mut text)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn line(&mut self) -> anyhow::Result<Option<Line>> {
        let parse = |text: String| serde_json::from_str(&text).context("this is no backup of a router");
        self.text()?.map(parse).transpose()
    }

    fn check(mut self) -> anyhow::Result<i64> {
        let mut digest = Digest::new(&SHA256);
        let (mut tables, mut counted) = (None, 0);
        while let Some(text) = self.text()? {
            match serde_json::from_str(&text).context("this is no backup of a router")? {
                Line::Head {
                    format,
                    tables: at,
                    version,
                    ..
                } => {
                    ensure!(
                        format == FORMAT && at <= latest(),
                        "the backup is of a newer router ({version}); restore it with that one"
                    );
                    tables = Some(at);
                }
                Line::Key { .. } => {}
                Line::Row { .. } => counted += 1,
                Line::End { rows, sha256 } => {
                    ensure!(
                        rows == counted && sha256 == B64.encode(digest.finish()),
                        "the backup was changed after it was written; nothing was restored"
                    );
                    ensure!(self.text()?.is_none(), "something follows the end of the backup");
                    return tables.context("this is no backup of a router");
                }
            }
            digest.update(text.as_bytes());
        }
        bail!("the backup ends before its end: it was cut off; nothing was restored")
    }
}

/// Puts a backup into an empty place: a database without people, hosts and events, a state directory without keys.
///
/// # Errors
/// The place is not empty, or the backup is not whole: then nothing was changed.
pub async fn restore(config: &Config, path: &Path) -> anyhow::Result<u64> {
    let tables = Reader::open(path)?.check()?;
    private_file::directory(&config.state_dir)?;
    for name in KEYS {
        let key = config.state_dir.join(name);
        ensure!(
            !key.exists(),
            "{} is there: a backup is restored into an empty place; move it away, or name another state-dir",
            key.display()
        );
    }
    let store = Store::connect(&config.database).await?;
    store.migrate(tables).await?;
    ensure!(
        !store.in_use().await?,
        "the database is in use: a backup is restored into an empty one; name another with `database`"
    );
    let (mut reader, mut keys, mut rows) = (Reader::open(path)?, Vec::new(), 0);
    let filled = store.fill(|| {
        loop {
            match reader.line()? {
                Some(Line::Key { name, base64 }) => {
                    ensure!(
                        KEYS.contains(&name.as_str()),
                        "the backup holds a key that is none of ours"
                    );
                    keys.push((config.state_dir.join(name), B64.decode(base64)?));
                }
                Some(Line::Row { table, columns }) => {
                    rows += 1;
                    return Ok(Some((table, columns)));
                }
                Some(Line::Head { .. } | Line::End { .. }) => {}
                None => break,
            }
        }
        for (path, key) in &keys {
            private_file::write(path, key)?;
        }
        Ok(None)
    });
    let filled = filled.await.context("nothing was restored");
    if filled.is_err() {
        for (path, _) in &keys {
            let _ = fs::remove_file(path);
        }
    }
    filled?;
    store.migrate(latest()).await?;
    Ok(rows)
}

#[cfg(test)]
mod tests;
