//! The log as a file of lines, for whoever may not see the database: 0600, opened anew when somebody moved it away.

use std::fs::{File, OpenOptions};
use std::io::{Error, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use super::{Keys, Line};

/// The end of a file in which its last row is looked for.
const TAIL: u64 = 256 * 1024;

/// See the module documentation.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    open: Option<File>,
}

impl LogFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// The next line opens it anew.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// The last row and the last checkpoint that it holds, if it can be read.
    pub(super) fn held(&self) -> Option<(u64, u64)> {
        let mut file = File::open(&self.path).ok()?;
        let from = file.metadata().ok()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut tail = String::new();
        file.take(TAIL).read_to_string(&mut tail).ok()?;
        let mut held = (0, 0);
        for line in tail.lines() {
            match serde_json::from_str(line) {
                Ok(Line::Row(row)) => held.0 = row.seq,
                // Whose it is matters to whoever verifies, not here.
                Ok(Line::Checkpoint(signed)) => held.1 = Keys::claimed(&signed.checkpoint).unwrap_or(held.1),
                Err(_) => {}
            }
        }
        Some(held)
    }

    /// Adds these lines, all of them or none, and waits until the disk has them.
    pub(super) fn write(&mut self, lines: &[Line]) -> Result<()> {
        let text: String = lines.iter().map(Line::to_text).collect();
        let file = self.ready()?;
        let length = file.metadata()?.len();
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line would spoil the next one.
            let _ = file.set_len(length);
            self.open = None;
        }
        written
    }

    fn ready(&mut self) -> Result<&mut File> {
        let same = |file: &File| {
            let (held, named) = (file.metadata().ok()?, std::fs::metadata(&self.path).ok()?);
            Some((held.dev(), held.ino()) == (named.dev(), named.ino()))
        };
        if !self.open.as_ref().and_then(same).unwrap_or(false) {
            self.open = Some(self.opened()?);
        }
        self.open.as_mut().ok_or_else(|| Error::other("it is not open"))
    }

    fn opened(&self) -> Result<File> {
        let said = |error: Error| Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(said)?;
        let meta = file.metadata()?;
        if meta.mode() & 0o007 != 0 {
            let why = format!("everybody can read it; run: chmod 600 {}", self.path.display());
            return Err(Error::other(why));
        }
        // A crash in the middle of a line: it is written again.
        let whole = whole(&mut file, meta.len()).map_err(said)?;
        if whole < meta.len() {
            file.set_len(whole)?;
        }
        Ok(file)
    }
}

/// How far the file's lines are whole.
fn whole(file: &mut File, length: u64) -> Result<u64> {
    let from = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let lines = tail
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    Ok(from + u64::try_from(lines).unwrap_or_default())
}
