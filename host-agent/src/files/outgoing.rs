//! A file that goes to a viewer, and the lists of folders. Links are neither followed nor shown.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use signaling_spec::channel::bulk::Abort;
use signaling_spec::channel::files::FileEntry;
use signaling_spec::limits::{HASH_BLOCK_BYTES, MAX_CONTROL_BYTES, MAX_FILE_ENTRIES};

use super::{Sum, code_of, incoming};

/// Bytes that were read and not yet passed on.
const AHEAD: usize = 512 * 1024;
const PIECE: usize = 256 * 1024;

pub(super) struct Outgoing {
    file: File,
    size: u64,
    modified: u64,
    left: u64,
    ahead: usize,
    sum: Option<Sum>,
}

pub(super) enum Next {
    Wait,
    Data(Vec<u8>),
    /// The checksum of all of the file.
    End(String),
}

impl Outgoing {
    /// Opens a file for its bytes from there on; those before are read for the checksum.
    pub(super) fn open(root: &Path, path: &str, from: u64) -> Result<Self, Abort> {
        let path = below(root, path)?;
        let mut file = OpenOptions::new()
            .read(true)
            // Neither a link nor a pipe, which would be waited for.
            .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
            .open(&path)
            .map_err(|error| code_of(&error))?;
        let about = file.metadata().map_err(|error| code_of(&error))?;
        if !about.is_file() || from > about.len() {
            return Err(Abort::Gone);
        }
        let mut sum = Sum::new();
        let mut buffer = vec![0; HASH_BLOCK_BYTES];
        let mut before = from;
        while before > 0 {
            let len = usize::try_from(before).unwrap_or(usize::MAX).min(buffer.len());
            let piece = buffer.get_mut(..len).unwrap_or_default();
            file.read_exact(piece).map_err(|error| code_of(&error))?;
            sum.update(piece);
            before -= u64::try_from(len).unwrap_or(u64::MAX);
        }
        file.seek(SeekFrom::Start(from))
            .map_err(|error| code_of(&error))?;
        Ok(Self {
            size: about.len(),
            modified: millis(about.modified().ok()),
            left: about.len() - from,
            file,
            ahead: 0,
            sum: Some(sum),
        })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn modified(&self) -> u64 {
        self.modified
    }

    pub(super) fn taken(&mut self, len: usize) {
        self.ahead = self.ahead.saturating_sub(len);
    }

    pub(super) fn next(&mut self) -> Result<Next, Abort> {
        if self.left == 0 {
            return Ok(self.sum.take().map_or(Next::Wait, |sum| Next::End(sum.hex())));
        }
        if self.ahead >= AHEAD {
            return Ok(Next::Wait);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE);
        let mut data = vec![0; most];
        let len = self.file.read(&mut data).map_err(|error| code_of(&error))?;
        if len == 0 {
            // It was cut short while it was read: what came is not the file.
            return Err(Abort::Gone);
        }
        data.truncate(len);
        if let Some(sum) = &mut self.sum {
            sum.update(&data);
        }
        self.ahead += len;
        self.left -= u64::try_from(len).unwrap_or(u64::MAX);
        Ok(Next::Data(data))
    }
}

/// The entries of a folder after a name, and whether there are more than one answer holds.
pub(super) fn list(root: &Path, path: &str, after: Option<&str>) -> Result<(Vec<FileEntry>, bool), Abort> {
    let folder = below(root, path)?;
    let found = match std::fs::read_dir(&folder) {
        Ok(found) => found,
        // Nothing was ever put there.
        Err(error) if path.is_empty() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((Vec::new(), false));
        }
        Err(error) => return Err(code_of(&error)),
    };
    let mut names: Vec<String> = found
        .flatten()
        // A name that is no text could not be asked for.
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !incoming::is_part(name) && after.is_none_or(|after| name.as_str() > after))
        .collect();
    names.sort();
    let mut entries = Vec::new();
    let mut bytes = 0;
    for name in names {
        let Ok(about) = std::fs::symlink_metadata(folder.join(&name)) else {
            continue;
        };
        if !about.is_file() && !about.is_dir() {
            continue;
        }
        // In JSON a character may take six bytes.
        bytes += 6 * name.len() + 120;
        if entries.len() == MAX_FILE_ENTRIES || bytes > MAX_CONTROL_BYTES / 2 {
            return Ok((entries, true));
        }
        entries.push(FileEntry {
            name,
            folder: about.is_dir(),
            size: if about.is_dir() { 0 } else { about.len() },
            modified: millis(about.modified().ok()),
        });
    }
    Ok((entries, false))
}

/// A path as a list gave it; nothing that climbs, and no link on the way.
fn below(root: &Path, path: &str) -> Result<PathBuf, Abort> {
    let mut at = root.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") || part.contains('\0') {
            return Err(Abort::Gone);
        }
        at.push(part);
        let about = std::fs::symlink_metadata(&at).map_err(|error| code_of(&error))?;
        if about.is_symlink() {
            return Err(Abort::Gone);
        }
    }
    Ok(at)
}

fn millis(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
