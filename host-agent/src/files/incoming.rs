//! A file that comes: written beside its place, and put there when it is whole and its checksum is right.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use session_core::filenames::numbered;
use signaling_spec::channel::bulk::Abort;
use signaling_spec::limits::HASH_BLOCK_BYTES;

use super::{Sum, code_of};

/// Part files that nobody came back to are removed after this long.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3600);
const ENDING: &str = ".removid-part";
/// Names that are tried for a file whose own is taken.
const NAMES: u32 = 10_000;
/// Viewers that may bring the same file at once.
const WRITERS: u32 = 64;

pub(super) struct Incoming {
    file: File,
    part: PathBuf,
    folder: PathBuf,
    /// Below the shared folder, for the viewer.
    shown: Vec<String>,
    name: String,
    len: u64,
    size: u64,
    modified: u64,
    sum: Sum,
}

impl Incoming {
    /// Begins a file, or goes on where the same one (by path, size and time) was broken off.
    pub(super) fn open(root: &Path, parts: &[String], size: u64, modified: u64) -> Result<Self, Abort> {
        let (name, folders) = parts.split_last().ok_or(Abort::Failed)?;
        let folder = make_folders(root, folders)?;
        let (mut file, part) = part_file(&folder, &format!(".{name}.{size}.{modified}"))?;
        let mut sum = Sum::new();
        let len = resume(&mut file, size, &mut sum).map_err(|error| code_of(&error))?;
        if room(&folder).is_some_and(|room| room < size - len) {
            return Err(Abort::Full);
        }
        Ok(Self {
            file,
            part,
            folder,
            shown: folders.to_vec(),
            name: name.clone(),
            len,
            size,
            modified,
            sum,
        })
    }

    /// Bytes that are here.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn write(&mut self, data: &[u8]) -> Result<(), Abort> {
        self.file.write_all(data).map_err(|error| code_of(&error))?;
        self.sum.update(data);
        self.len += u64::try_from(data.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Puts the file in its place. Returns its path below the shared folder: a file that is there keeps its name.
    pub(super) fn finish(self, sum: &str) -> Result<String, Abort> {
        if self.len != self.size || self.sum.hex() != sum {
            // What is wrong once is wrong for ever; the next try begins anew.
            let _ = std::fs::remove_file(&self.part);
            return Err(Abort::Checksum);
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(self.modified);
        // A file system without such a time keeps the file all the same.
        let _ = self.file.set_modified(time);
        self.file.sync_all().map_err(|error| code_of(&error))?;
        for number in 1..NAMES {
            let name = if number == 1 {
                self.name.clone()
            } else {
                numbered(&self.name, number)
            };
            // A link fails where there is something; a rename would replace it.
            match std::fs::hard_link(&self.part, self.folder.join(&name)) {
                Ok(()) => {
                    std::fs::remove_file(&self.part).map_err(|error| code_of(&error))?;
                    let mut shown = self.shown;
                    shown.push(name);
                    return Ok(shown.join("/"));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(code_of(&error)),
            }
        }
        Err(Abort::Full)
    }
}

/// Makes those folders within each other, as far as they are not there. Returns the innermost.
pub(super) fn make_folders(root: &Path, folders: &[String]) -> Result<PathBuf, Abort> {
    std::fs::create_dir_all(root).map_err(|error| code_of(&error))?;
    let mut folder = root.to_owned();
    for part in folders {
        folder.push(part);
        match std::fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(code_of(&error)),
        }
        // A link may lead anywhere.
        let kind = std::fs::symlink_metadata(&folder).map_err(|error| code_of(&error))?;
        if !kind.is_dir() {
            return Err(Abort::Failed);
        }
    }
    Ok(folder)
}

/// The file that waits beside its place: one that nobody else is writing.
fn part_file(folder: &Path, stem: &str) -> Result<(File, PathBuf), Abort> {
    for number in 1..WRITERS {
        let turn = if number == 1 {
            String::new()
        } else {
            format!(".{number}")
        };
        let part = folder.join(format!("{stem}{turn}{ENDING}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&part)
            .map_err(|error| code_of(&error))?;
        match file.try_lock() {
            Ok(()) => return Ok((file, part)),
            Err(TryLockError::WouldBlock) => {}
            // A file system without locks: as if there were one writer.
            Err(TryLockError::Error(_)) => return Ok((file, part)),
        }
    }
    Err(Abort::Failed)
}

/// Takes over the whole blocks of what is there.
fn resume(file: &mut File, size: u64, sum: &mut Sum) -> std::io::Result<u64> {
    let block = u64::try_from(HASH_BLOCK_BYTES).unwrap_or(u64::MAX);
    let len = file.metadata()?.len().min(size) / block * block;
    file.set_len(len)?;
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0; HASH_BLOCK_BYTES];
    for _ in 0..len / block {
        file.read_exact(&mut buffer)?;
        sum.update(&buffer);
    }
    Ok(len)
}

/// Bytes that the file system has for us.
fn room(folder: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

/// Removes what nobody came back to.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.metadata() else { continue };
        if kind.is_dir() {
            sweep(&entry.path());
            continue;
        }
        let old = kind
            .modified()
            .ok()
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|age| age > FORGOTTEN);
        if old && entry.file_name().to_string_lossy().ends_with(ENDING) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether that name is one of a file that is not whole.
pub(super) fn is_part(name: &str) -> bool {
    name.ends_with(ENDING)
}
