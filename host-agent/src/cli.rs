//! The command line: what can be said to `removid`, and nothing about how it is done.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;
use signaling_spec::Right;

/// Sit at any browser and work on this machine as if it were local.
#[derive(Debug, Parser)]
#[command(name = "removid", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// What to log, e.g. `debug` or `host_agent=trace`; the variable REMOVID_LOG says the same.
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Share this machine's desktop, or one of its own, by a link.
    Direct(Box<DirectArgs>),
    /// Make this machine one of a router's hosts.
    Enroll(EnrollArgs),
    /// Give this host another key; its number stays, and whoever knew the old one knows the new one.
    RotateKey(RotateArgs),
    /// Share this machine's desktop through the router that it is enrolled at.
    Agent(Box<DirectArgs>),
    /// Check what this machine offers, and say how to mend what is missing.
    Doctor(Box<DoctorArgs>),
    /// The tokens that open this host.
    Token(TokenArgs),
    /// Start with every boot, as a service of this user.
    Install(InstallArgs),
    #[command(hide = true, name = "encoder-worker")]
    EncoderWorker { element: String },
    #[command(hide = true, name = "sound-worker")]
    SoundWorker {
        #[arg(long)]
        ours: bool,
        #[arg(long = "as")]
        account: Option<String>,
        #[arg(long)]
        check: bool,
    },
    #[command(hide = true, name = "encoder-list")]
    EncoderList,
    #[command(hide = true, name = "encoder-check")]
    EncoderCheck { element: String },
}

#[derive(Clone, Debug, Args)]
pub struct EnrollArgs {
    /// The router's address, e.g. https://desk.example.org.
    pub url: String,
    /// A file with the token that an administrator made; it is used up. Without one an administrator approves this host by
    /// a code that is shown here.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates in PEM to trust for this router beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The machine's name in lists. [default: its own]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Which desktop is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DesktopKind {
    /// The X11 display of whoever sits here.
    X11,
    /// A desktop of its own, in memory.
    Virtual,
    /// A moving pattern, to try the path without any X server.
    Test,
}

/// How the link is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announce {
    #[default]
    Text,
    /// One line on standard output: `{"url":…,"token":…,"cert_sha256":…,"host_key":…}`.
    Json,
}

/// What the person at the host is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HowConsent {
    /// To be shown who watches.
    Notify,
    /// To be asked; without a yes nobody comes in.
    Ask,
}

/// Flags of `removid direct`. The configuration file has the same words; a flag wins.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DirectArgs {
    /// A TOML file with the words of these flags.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where to listen, for everything: HTTPS, WSS and media. Port 0 picks one. [default: [::]:8443]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Which desktop. Without this: the display in DISPLAY, or a virtual one where there is none.
    #[arg(long, value_enum)]
    pub desktop: Option<DesktopKind>,
    /// The X display, e.g. :0.
    #[arg(long, value_name = ":N")]
    pub display: Option<String>,
    /// Size of a virtual desktop or of the pattern. [default: 1920x1080]
    #[arg(long, value_name = "WxH")]
    pub size: Option<String>,
    /// What runs on a virtual desktop instead of a window manager and a terminal.
    #[arg(long, value_name = "CMD")]
    pub session: Option<String>,
    /// Whose a virtual desktop is, when this is started as root.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Where keys and tokens are kept. [default: /var/lib/removid as root, else ~/.local/state/removid]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Your own certificate chain, in PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// How to tell the link. [default: text]
    #[arg(long, value_enum)]
    pub announce: Option<Announce>,
    /// Only this codec (h264, vp9, vp8) or this encoder (as `removid doctor` names it).
    #[arg(long, value_name = "NAME")]
    pub codec: Option<String>,
    /// The most that is sent, in Mbit/s. [default: 20]
    #[arg(long, value_name = "MBIT")]
    pub max_bitrate: Option<f64>,
    /// A STUN or TURN server for viewers, e.g. stun:stun.example.org; may be given more than once.
    #[arg(long, value_name = "URL")]
    pub ice_server: Vec<String>,
    /// The origin of another site that may embed this desktop; may be given more than once.
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Vec<String>,
    /// The address that browsers use when a proxy stands in front, e.g. https://desk.example.org.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Show no sign on the host's screen while somebody watches.
    #[arg(long)]
    pub no_sign: bool,
    /// The folder that viewers put files into and take files from. [default: Downloads/REMOVID in the home of the
    /// desktop's user]
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Share no folder.
    #[arg(long, conflicts_with = "files")]
    pub no_files: bool,
    /// Share neither the desktop's sound nor a microphone.
    #[arg(long)]
    pub no_sound: bool,
    /// Send video alone: what changes little, or rests, does not go over it as exact pixels.
    #[arg(long)]
    pub no_tiles: bool,
    /// The most that anybody may do here, whatever a token or a router says, e.g. view,input_keyboard. [default: all]
    #[arg(long, value_name = "RIGHT,…", value_delimiter = ',', value_parser = right)]
    pub permit: Vec<Right>,
    /// Whether the person at this host is shown who comes, or asked first; a router can ask for more, never for less.
    /// [default: as the router says]
    #[arg(long, value_name = "HOW", value_enum)]
    pub consent: Option<HowConsent>,
    /// `removid agent`: let nobody in who did not give a second factor at most so many seconds ago, whatever the router
    /// asks for. [default: as the router says]
    #[arg(long, value_name = "SECONDS")]
    pub mfa_within: Option<u64>,
    /// Lock the screen when the last viewer who may use it has gone.
    #[arg(long)]
    pub lock_on_disconnect: bool,
    /// How to lock it. [default: the session's own locker]
    #[arg(long, value_name = "CMD", requires = "lock_on_disconnect")]
    pub lock_command: Option<String>,
    /// Serve the page from this folder instead of from the program, to work on it.
    #[arg(long, value_name = "DIR", hide = true)]
    pub assets_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Args)]
pub struct DoctorArgs {
    /// For programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub direct: DirectArgs,
}

#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    pub command: TokenCommand,
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// The permanent link again.
    Show {
        #[arg(long, value_enum, default_value = "text")]
        announce: Announce,
    },
    /// A further token, for somebody else or for a while.
    New {
        /// Its holder can look, and nothing else.
        #[arg(long)]
        view_only: bool,
        /// How long it lives, e.g. 90m, 8h, 7d.
        #[arg(long, value_name = "TIME", default_value = "8h")]
        ttl: humantime::Duration,
        /// Whom it is for, as other viewers see it.
        #[arg(long, value_name = "NAME", default_value = "guest")]
        label: String,
        #[arg(long, value_enum, default_value = "text")]
        announce: Announce,
    },
    /// A new key: every link made so far is void.
    Rotate {
        #[arg(long, value_enum, default_value = "text")]
        announce: Announce,
    },
    /// The tokens in force.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Strike a token by its id or label; sessions that it opened end at once.
    Revoke { token: String },
}

#[derive(Clone, Debug, Args)]
pub struct InstallArgs {
    /// Only print the unit that would be written.
    #[arg(long)]
    pub print: bool,
    /// Further flags for `removid direct`, after `--`.
    #[arg(last = true)]
    pub flags: Vec<String>,
}

fn right(name: &str) -> Result<Right, String> {
    let known = Right::ALL.into_iter().find(|right| right.name() == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = Right::ALL.into_iter().map(Right::name).collect();
        format!("that is no right; there are {}", names.join(", "))
    })
}
