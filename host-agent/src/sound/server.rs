//! Where a desktop's sound server is, and what it is asked by `pactl`, which PulseAudio and PipeWire both obey.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use nix::unistd::{Gid, Uid};

/// The sink that applications on a desktop of the agent's own play to.
pub const SPEAKER: &str = "removid-speaker";
/// The sink that a viewer's microphone is played to; its monitor is the source [`MICROPHONE`].
pub const FEED: &str = "removid-feed";
/// What applications find as a microphone.
pub const MICROPHONE: &str = "removid-microphone";

/// How the worker reaches the sound server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Whether the agent started it, with its sinks and sources.
    pub ours: bool,
    /// Its clients' whole environment; `None`: the agent's own.
    pub environment: Option<Vec<(&'static str, OsString)>>,
    /// Whose it is, when not the agent's user's.
    pub user: Option<(Uid, Gid)>,
}

impl Server {
    /// Arguments and environment of a worker.
    pub fn prepare(&self, command: &mut Command) {
        command.arg("sound-worker");
        if self.ours {
            command.arg("--ours");
        }
        if let Some((uid, gid)) = self.user {
            command.arg("--as").arg(format!("{uid}:{gid}"));
        }
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().cloned());
        }
        // Otherwise the client library looks for a bus, and starts one where there is none.
        command.env("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    }
}

/// Asks the sound server something; returns what it says.
///
/// # Errors
/// `pactl` is not installed, or there is no server, or it refuses.
pub fn ask(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("pactl")
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .context("pactl cannot be started; install it (Debian: apt install pulseaudio-utils)")?;
    if !output.status.success() {
        bail!(
            "pactl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Adds the virtual microphone to a server that is not ours. What an agent that died left there is removed before.
///
/// # Errors
/// As [`ask`].
pub fn add_microphone() -> anyhow::Result<Modules> {
    for line in ask(&["list", "short", "modules"])?.lines() {
        if let Some((number, _)) = line.split_once('\t')
            && (line.contains(FEED) || line.contains(MICROPHONE))
        {
            // Removing one may have removed the other.
            let _ = ask(&["unload-module", number]);
        }
    }
    let mut modules = Modules::default();
    let [feed, microphone] = microphone_modules();
    for module in [feed, microphone] {
        let words: Vec<&str> = std::iter::once("load-module")
            .chain(module.iter().map(String::as_str))
            .collect();
        modules.0.push(ask(&words)?);
    }
    Ok(modules)
}

/// The two modules that make a virtual microphone, as words of a command.
pub fn microphone_modules() -> [Vec<String>; 2] {
    [
        vec![
            "module-null-sink".to_owned(),
            format!("sink_name={FEED}"),
            "rate=48000".to_owned(),
            "channels=1".to_owned(),
            "sink_properties=device.description=REMOVID-feed".to_owned(),
        ],
        vec![
            "module-remap-source".to_owned(),
            format!("source_name={MICROPHONE}"),
            format!("master={FEED}.monitor"),
            "source_properties=device.description=REMOVID-microphone".to_owned(),
        ],
    ]
}

/// Modules that this process loaded; they go with it.
#[derive(Debug, Default)]
pub struct Modules(Vec<String>);

impl Drop for Modules {
    fn drop(&mut self) {
        for number in self.0.drain(..).rev() {
            let _ = ask(&["unload-module", &number]);
        }
    }
}
