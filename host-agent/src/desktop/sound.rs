//! The sound server of a virtual desktop: PulseAudio, or PipeWire where that is not installed, with a sink that nobody
//! hears but viewers and a source that is a viewer's microphone.
//!
//! It touches none of the machine's own devices, and none of the account's own settings.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::place::Place;
use crate::sound::server::{FEED, MICROPHONE, SPEAKER, Server, microphone_modules};

/// What PipeWire needs of them; its session manager needs a bus.
const PIPEWIRE: [&str; 4] = ["pipewire", "wireplumber", "pipewire-pulse", "dbus-run-session"];
/// Keeps PipeWire's session manager from the machine's devices: version 0.4, and 0.5.
const NO_DEVICES_OLD: &str =
    "alsa_monitor.enabled = false\nv4l2_monitor.enabled = false\nlibcamera_monitor.enabled = false\n";
const NO_BLUETOOTH_OLD: &str = "bluez_monitor.enabled = false\n";
const NO_DEVICES: &str = "wireplumber.profiles = { main = { monitor.alsa = disabled, monitor.alsa-midi = disabled, \
                          monitor.bluez = disabled, monitor.bluez-midi = disabled, monitor.v4l2 = disabled, \
                          monitor.libcamera = disabled } }\n";

fn socket(place: &Place) -> PathBuf {
    place.runtime().join("pulse").join("native")
}

/// The variable by which clients find it.
pub(super) fn address(place: &Place) -> [(&'static str, OsString); 1] {
    let mut address = OsString::from("unix:");
    address.push(socket(place));
    [("PULSE_SERVER", address)]
}

/// How the agent reaches it.
pub(super) fn server(place: &Place, account: &Account) -> Server {
    let mut environment = account.environment(place);
    environment.extend(address(place));
    Server {
        ours: true,
        environment: Some(environment),
        user: account.switch.then_some((account.uid, account.gid)),
    }
}

/// The commands of the programs that make it up; none when there are none installed.
pub(super) fn commands(place: &Place, path: &OsStr) -> Vec<Vec<String>> {
    let is_there = |program: &str| std::env::split_paths(path).any(|folder| folder.join(program).exists());
    if is_there("pulseaudio") {
        vec![pulseaudio(place)]
    } else if PIPEWIRE.into_iter().all(is_there) {
        pipewire(place)
    } else {
        tracing::warn!(
            "The desktop goes without sound; install a sound server (Debian: apt install pulseaudio)"
        );
        Vec::new()
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn speaker_module() -> Vec<String> {
    words(&[
        "module-null-sink",
        &format!("sink_name={SPEAKER}"),
        "rate=48000",
        "sink_properties=device.description=REMOVID",
    ])
}

fn pulseaudio(place: &Place) -> Vec<String> {
    let mut command = words(&[
        "env",
        // It would start a bus of its own.
        "DBUS_SESSION_BUS_ADDRESS=disabled:",
        "pulseaudio",
        "-n",
        "--daemonize=no",
        "--use-pid-file=no",
        "--exit-idle-time=-1",
        "--disallow-exit",
        "--realtime=no",
        "--high-priority=no",
    ]);
    let protocol = vec![
        "module-native-protocol-unix".to_owned(),
        format!("socket={}", socket(place).display()),
        // Whoever can open the socket is of this desktop: its folder is closed to others.
        "auth-cookie-enabled=0".to_owned(),
    ];
    // The first sink and the first source that is no monitor become the defaults.
    for module in [speaker_module()]
        .into_iter()
        .chain(microphone_modules())
        .chain([protocol])
    {
        command.push("-L".to_owned());
        command.push(module.join(" "));
    }
    command
}

fn pipewire(place: &Place) -> Vec<Vec<String>> {
    let config = format!("XDG_CONFIG_HOME={}", config(place.folder()).display());
    let state = format!("XDG_STATE_HOME={}", place.runtime().display());
    let with = |program: &[&str]| {
        let mut command = words(&["env", &config, &state]);
        command.extend(words(program));
        command
    };
    vec![
        with(&["pipewire"]),
        with(&["dbus-run-session", "--", "wireplumber"]),
        with(&["pipewire-pulse"]),
    ]
}

fn config(folder: &Path) -> PathBuf {
    folder.join("sound")
}

/// Writes what PipeWire is told. To be called while the folder is the agent's alone.
pub(super) fn write_config(folder: &Path) -> std::io::Result<()> {
    let config = config(folder);
    let load = |module: Vec<String>, priority: u32| {
        let properties = format!("'priority.session={priority}'");
        let kind = if module.iter().any(|word| word.contains(MICROPHONE)) {
            "source"
        } else {
            "sink"
        };
        let kept = module.iter().filter(|word| !word.contains("_properties="));
        let arguments: Vec<&str> = kept.map(String::as_str).collect();
        format!(
            "  {{ cmd = \"load-module\" args = \"{} {kind}_properties={properties}\" }}\n",
            arguments.join(" ")
        )
    };
    let [feed, microphone] = microphone_modules();
    let pulse = format!(
        "pulse.cmd = [\n{}{}{}]\n",
        load(speaker_module(), 3_000),
        load(feed, 1),
        load(microphone, 3_000)
    );
    debug_assert!(pulse.contains(FEED));
    for (name, text) in [
        ("pipewire/pipewire-pulse.conf.d/removid.conf", pulse.as_str()),
        ("wireplumber/main.lua.d/60-removid.lua", NO_DEVICES_OLD),
        ("wireplumber/bluetooth.lua.d/60-removid.lua", NO_BLUETOOTH_OLD),
        ("wireplumber/wireplumber.conf.d/60-removid.conf", NO_DEVICES),
    ] {
        let path = config.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
