//! Sound: is there a server, and is there what speaks to it? Without it a desktop is silent, and nothing else.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use session_core::sound::Demand;
use signaling_spec::channel::control::SoundHealth;

use super::{Finding, install};
use crate::config::{Config, Desktop};
use crate::media::encoder::Launcher;
use crate::sound::server::Server;
use crate::sound::{Sound, SoundEvent};
use crate::station::launcher;

/// How long a sound server may take to give its first sound.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn check(config: &Config) -> Option<Finding> {
    if !config.sound {
        return Some(Finding::ok("sound", "not shared (--no-sound)"));
    }
    if matches!(config.desktop, Desktop::Test { .. }) {
        return None;
    }
    // No list of plug-ins is kept for so few of them.
    let scratch = std::env::temp_dir().join(format!("removid-doctor-sound-{}", std::process::id()));
    let launcher = launcher(&scratch).ok()?;
    let made = std::fs::create_dir(&scratch).is_ok();
    let finding = examine(config, launcher);
    if made {
        let _ = std::fs::remove_dir_all(&scratch);
    }
    Some(finding)
}

fn examine(config: &Config, launcher: Launcher) -> Finding {
    let elements = Command::new(&launcher.program)
        .args(["sound-worker", "--check"])
        .env("GST_REGISTRY", &launcher.registry)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let missing = elements.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    if !missing.is_empty() {
        return Finding::warning(
            "sound",
            format!("GStreamer lacks {missing}: the desktop is silent"),
            install("gstreamer1.0-plugins-base gstreamer1.0-pulseaudio"),
        );
    }
    match config.desktop {
        Desktop::Virtual { .. } => own(),
        Desktop::X11 { .. } | Desktop::Test { .. } => found(launcher),
    }
}

fn there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

fn own() -> Finding {
    if there("pulseaudio") {
        return Finding::ok("sound", "by a PulseAudio of the desktop's own");
    }
    let pipewire = ["pipewire", "wireplumber", "pipewire-pulse", "dbus-run-session"];
    let missing: Vec<&str> = pipewire.into_iter().filter(|program| !there(program)).collect();
    if missing.is_empty() {
        return Finding::ok("sound", "by a PipeWire of the desktop's own");
    }
    Finding::warning(
        "sound",
        "no sound server is installed: the desktop is silent",
        if there("pipewire") {
            install("wireplumber pipewire-pulse dbus-daemon")
        } else {
            install("pulseaudio")
        },
    )
}

/// Listens for a moment, as for a viewer.
fn found(launcher: Launcher) -> Finding {
    let (tell, told) = sync_channel(16);
    let tell = Arc::new(move |event| {
        let _ = tell.try_send(event);
    });
    let heard = Sound::start(launcher, Box::new(Server::default), tell).map(|sound| {
        sound.demand(Demand {
            listen: true,
            microphone: false,
        });
        loop {
            match told.recv_timeout(PATIENCE) {
                Ok(SoundEvent::State(state)) => return state == SoundHealth::Live,
                Ok(SoundEvent::Packet(_)) => {}
                Err(_) => return false,
            }
        }
    });
    match (heard, there("pactl")) {
        (Ok(true), true) => Finding::ok(
            "sound",
            "the sound server gives its sound, and takes a microphone",
        ),
        (Ok(true), false) => Finding::warning(
            "sound",
            "heard; without pactl there is no microphone, and a change of the output is not noticed",
            install("pulseaudio-utils"),
        ),
        (Ok(false) | Err(_), _) => Finding::warning(
            "sound",
            "no sound server answers: viewers hear nothing until one does",
            "systemctl --user start pipewire-pulse || pulseaudio --start",
        ),
    }
}
