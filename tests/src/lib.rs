//! What the whole-system tests share: the repository's own files, an agent to test, and a viewer without a browser.

pub mod agent;
pub mod frames;
pub mod https;
pub mod peer;
pub mod picture;
pub mod seen;
pub mod viewer;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A file of the repository: its path from the root, and its text.
#[derive(Debug)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// Every text file that git would take, by path. Without git (a source archive), nothing is known.
///
/// # Errors
/// There is no git, or this is no clone.
pub fn files() -> anyhow::Result<Vec<File>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout)?;
    Ok(names
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            let text = std::fs::read_to_string(root().join(path)).ok()?;
            Some(File {
                path: path.to_owned(),
                text,
            })
        })
        .collect())
}
