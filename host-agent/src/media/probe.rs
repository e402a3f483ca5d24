//! Which encoders work on this machine: tried by really encoding and decoding, each in its own process.
//!
//! The result is kept until a plug-in changes. The child's half (`list`, `check`) runs GStreamer; the
//! agent's half starts children and believes them only within a time.

mod child;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

pub use self::child::{check, list};
use super::encoder::Launcher;
use super::rungs::{RUNGS, Rung};

/// How long one encoder may take to show that it works.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the list may take: the very first one reads every plug-in.
const LIST_PATIENCE: Duration = Duration::from_secs(60);

/// What a trial of one encoder showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub works: bool,
    /// Milliseconds for a picture of 640 by 480, the median.
    pub encode_ms: f32,
    /// Decoder that gave the picture back; `None` where the machine has none for the codec.
    pub decoder: Option<String>,
    /// Likeness of the decoded picture in dB, where there was a decoder.
    pub psnr: Option<f32>,
    /// Why it does not work, in words.
    pub why: Option<String>,
}

/// Elements that are installed, each with the version and time of its plug-in.
pub type Installed = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cache {
    agent: String,
    installed: Installed,
    trials: BTreeMap<String, Trial>,
}

/// The installed encoders, without trying them.
///
/// # Errors
/// GStreamer is missing or broken.
pub fn installed(launcher: &Launcher) -> anyhow::Result<Installed> {
    let text = run(launcher, &["encoder-list"], LIST_PATIENCE)?;
    serde_json::from_str(&text).context("the list of encoders is malformed")
}

/// Tries what is installed, or takes the last result if nothing changed since.
///
/// # Errors
/// GStreamer is missing or broken.
pub fn trials(launcher: &Launcher, cache: &Path) -> anyhow::Result<BTreeMap<String, Trial>> {
    let installed = installed(launcher)?;
    if let Some(kept) = read_cache(cache).filter(|kept| kept.installed == installed) {
        return Ok(kept.trials);
    }
    let trials: BTreeMap<String, Trial> = installed
        .keys()
        .map(|element| (element.clone(), trial(launcher, element)))
        .collect();
    let kept = Cache {
        agent: env!("CARGO_PKG_VERSION").to_owned(),
        installed,
        trials: trials.clone(),
    };
    if let Err(error) = serde_json::to_vec_pretty(&kept)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(std::fs::write(cache, text)?))
    {
        tracing::info!(%error, "Result of the encoder trials could not be kept");
    }
    Ok(trials)
}

fn read_cache(path: &Path) -> Option<Cache> {
    let cache: Cache = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (cache.agent == env!("CARGO_PKG_VERSION")).then_some(cache)
}

/// Tries one encoder.
pub fn trial(launcher: &Launcher, element: &str) -> Trial {
    let broken = |why: String| Trial {
        works: false,
        encode_ms: 0.0,
        decoder: None,
        psnr: None,
        why: Some(why),
    };
    match run(launcher, &["encoder-check", element], PATIENCE) {
        Ok(text) => serde_json::from_str(&text).unwrap_or_else(|_| broken("it answers nonsense".to_owned())),
        Err(error) => broken(format!("{error:#}")),
    }
}

/// The ladder from trials: what works, best first. `only` keeps one codec or element.
pub fn ladder(trials: &BTreeMap<String, Trial>, only: Option<&str>) -> Vec<Rung> {
    let wanted = |rung: &Rung| {
        only.is_none_or(|name| rung.name == name || rung.codec.name().eq_ignore_ascii_case(name))
    };
    RUNGS
        .into_iter()
        .filter(|rung| wanted(rung) && trials.get(rung.name).is_some_and(|trial| trial.works))
        .collect()
}

fn run(launcher: &Launcher, args: &[&str], patience: Duration) -> anyhow::Result<String> {
    let mut child = Command::new(&launcher.program)
        .args(args)
        .env("GST_REGISTRY", &launcher.registry)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} cannot be started", launcher.program.display()))?;
    let deadline = Instant::now() + patience;
    // The answers fit into a pipe's buffer, so the child never waits for us to read.
    loop {
        if let Some(status) = child.try_wait()? {
            let output = child.wait_with_output()?;
            anyhow::ensure!(status.success(), "its process ended with {status}");
            return Ok(String::from_utf8(output.stdout)?);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!("it gave no answer within {} s", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
