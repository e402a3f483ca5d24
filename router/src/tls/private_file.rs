//! Files with secrets: mode 0600, replaced in one step, and refused when others can read them.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};

/// # Errors
/// The file cannot be read, or others than its owner may read it.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let meta = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    ensure!(
        meta.mode() & 0o077 == 0,
        "{} can be read by others (mode {:o}); run: chmod 600 {}",
        path.display(),
        meta.mode() & 0o777,
        path.display()
    );
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Writes a neighbour and renames it, so that a full disk or a crash leaves the old file whole.
///
/// # Errors
/// The directory cannot be written.
pub fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let next = path.with_extension("new");
    let result = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)
        .and_then(|mut file| {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&next, path));
    if result.is_err() {
        let _ = fs::remove_file(&next);
    }
    result.map_err(|error| {
        let remedy = if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            "free some space there"
        } else {
            "make it yours and writable"
        };
        let what = format!(
            "{} cannot be written: {remedy}, or name another directory with --state-dir",
            path.display()
        );
        anyhow::Error::from(error).context(what)
    })
}

/// Makes a directory that only its owner can enter, or checks the one that is there.
///
/// # Errors
/// It cannot be made, or others may enter it.
pub fn directory(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| {
                format!(
                    "state directory {} cannot be made; name another with --state-dir",
                    path.display()
                )
            })?;
    }
    let meta =
        fs::metadata(path).with_context(|| format!("state directory {} cannot be read", path.display()))?;
    ensure!(
        meta.is_dir(),
        "state directory {} is a file; name another with --state-dir",
        path.display()
    );
    // Never mended silently: the path may have been mistyped, and be somebody else's.
    ensure!(
        meta.mode() & 0o077 == 0,
        "state directory {} can be entered by others (mode {:o}); run: chmod 700 {}",
        path.display(),
        meta.mode() & 0o777,
        path.display()
    );
    Ok(())
}
