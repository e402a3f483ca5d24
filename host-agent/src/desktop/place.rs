//! A desktop's folder: its cookie, its runtime folder, its X server's log; and sweeping those of dead agents.
//!
//! `BASE/desktop-N.lock` is held locked by the living agent and holds the display's number; the folder
//! `BASE/desktop-N` belongs to the desktop's user. The kernel lets go of the lock when the agent dies in
//! whatever way, so that no process number has to be trusted.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::rand;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid, getpid};

use super::account::Account;
use super::server;
use crate::x11::Target;

/// The variable by which all processes of a desktop are known; its value is the folder.
pub(super) const MARK: &str = "REMOVID_DESKTOP";

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
    lock: Flock<File>,
    number: Option<u16>,
}

impl Place {
    pub(super) fn new(account: &Account) -> Result<Self> {
        let base = base()?;
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let folder = base.join(format!("desktop-{}-{nanos}", getpid()));
        let create = || -> Result<Self> {
            let lock = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(lock_of(&folder))?;
            let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
            let place = Self {
                folder: folder.clone(),
                lock,
                number: None,
            };
            for folder in [&place.folder, &place.runtime()] {
                DirBuilder::new().mode(0o700).create(folder)?;
            }
            place.write_cookie()?;
            super::sound::write_config(&place.folder)?;
            if account.switch {
                let (uid, gid) = (Some(account.uid.as_raw()), Some(account.gid.as_raw()));
                // The folder last: until then its user cannot put anything else in the others' places.
                for path in [&place.cookie(), &place.runtime(), &place.folder] {
                    chown(path, uid, gid)?;
                }
            }
            Ok(place)
        };
        create().with_context(|| format!("cannot make the folder {} for a desktop", folder.display()))
    }

    /// One record for any host and that cookie. An X server whose file has none lets everybody in.
    fn write_cookie(&self) -> Result<()> {
        const NAME: &[u8] = b"MIT-MAGIC-COOKIE-1";
        let mut cookie = [0; 16];
        rand::fill(&mut cookie).context("no random bytes are to be had")?;
        let mut record = vec![0xff, 0xff];
        for field in [&[], &[], NAME, &cookie] {
            record.extend(u16::try_from(field.len())?.to_be_bytes());
            record.extend(field);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.cookie())?;
        Ok(file.write_all(&record)?)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn cookie(&self) -> PathBuf {
        self.folder.join("Xauthority")
    }

    pub(super) fn runtime(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Says which display is in use here, so that its files can be swept.
    pub(super) fn set_number(&mut self, number: u16) -> Result<()> {
        self.number = Some(number);
        self.lock.set_len(0)?;
        nix::sys::uio::pwrite(&*self.lock, number.to_string().as_bytes(), 0)?;
        Ok(())
    }

    pub(super) fn target(&self) -> Target {
        let display = format!(":{}", self.number.unwrap_or_default());
        Target {
            display,
            xauthority: Some(self.cookie()),
            ours: true,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        remove(&self.folder, self.number);
    }
}

/// Removes what agents that were killed left: processes, display locks, folders.
pub(super) fn sweep() {
    let Ok(entries) = base().and_then(|base| Ok(fs::read_dir(base)?)) else {
        return;
    };
    for lock in entries.flatten().map(|entry| entry.path()) {
        if lock.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let Ok(file) = File::open(&lock) else { continue };
        let Ok(mut file) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            continue;
        };
        let mut number = String::new();
        // Fresh and not written yet: its agent is just about to lock it.
        let young = file
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() < 2));
        if file.read_to_string(&mut number).is_err() || (number.is_empty() && young) {
            continue;
        }
        tracing::info!(?lock, "Swept a desktop that outlived its agent");
        remove(&lock.with_extension(""), number.parse().ok());
    }
}

fn remove(folder: &Path, number: Option<u16>) {
    let deadline = Instant::now() + PATIENCE;
    // The kernel takes a moment to end a process and to close its sockets.
    while (end_marked(folder) || number.is_some_and(|number| !server::clear_stale(number)))
        && Instant::now() < deadline
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(?folder, ?error, "Could not remove a desktop's folder");
    }
    let _ = fs::remove_file(lock_of(folder));
}

/// Ends all processes that carry the desktop's mark, also those that left their groups; whether there were any.
fn end_marked(folder: &Path) -> bool {
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_encoded_bytes()].concat();
    let own = getpid().as_raw();
    let mut any = false;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok())
        else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if pid != own
            && environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark)
        {
            any |= kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok();
        }
    }
    any
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// The folder of all desktops, which only the agent's user can write.
fn base() -> Result<PathBuf> {
    let own = geteuid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_dir());
    let base = match runtime {
        _ if own.is_root() => PathBuf::from("/run/removid"),
        Some(runtime) => runtime.join("removid"),
        None => std::env::temp_dir().join(format!("removid-{own}")),
    };
    if let Err(error) = DirBuilder::new().mode(0o711).create(&base)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error).with_context(|| format!("cannot make {}", base.display()));
    }
    let found = fs::symlink_metadata(&base)?;
    if !found.is_dir() || found.uid() != own.as_raw() || found.mode() & 0o022 != 0 {
        bail!(
            "{} is not a folder that only this user can write; remove it",
            base.display()
        );
    }
    // The desktop's user must get through, also when a service manager made it.
    fs::set_permissions(&base, Permissions::from_mode(found.mode() & 0o7777 | 0o011))?;
    Ok(base)
}
