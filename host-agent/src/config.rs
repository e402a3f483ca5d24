//! From flags and file to a checked configuration.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use signaling_spec::claims::Consent;
use signaling_spec::limits::{MAX_DISPLAY_HEIGHT, MAX_DISPLAY_WIDTH, MIN_DISPLAY_SIDE};
use signaling_spec::{IceServer, Right, Rights};

use crate::cli::{Announce, DesktopKind, DirectArgs, HowConsent};
use crate::media::rungs::RUNGS;
use crate::transport::Codec;

pub const DEFAULT_PORT: u16 = 8443;

/// A configuration that has passed every check.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub desktop: Desktop,
    pub state_dir: PathBuf,
    /// The operator's own chain and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub announce: Announce,
    pub codec: Option<String>,
    pub max_bps: u64,
    pub ice_servers: Vec<IceServer>,
    pub origins: Vec<String>,
    pub public_url: Option<String>,
    pub assets_dir: Option<PathBuf>,
    /// Whether the host's screen shows who watches.
    pub sign: bool,
    /// The shared folder; `None` shares none, `Some(None)` the usual one.
    pub files: Option<Option<PathBuf>>,
    /// Whether sound and microphone are shared.
    pub sound: bool,
    /// Whether exact pixels go over the video.
    pub tiles: bool,
    /// Whether the screen is locked in the end, and by which command if not the usual one.
    pub lock: Option<Option<String>>,
    /// The most that anybody may do here.
    pub permitted: Rights,
    /// What the person at the host is owed before somebody comes in.
    pub consent: Option<Consent>,
    /// How long ago a second factor may have been given, in seconds, for a router's viewers; nothing: none is wanted here.
    pub mfa_within: Option<u64>,
}

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desktop {
    X11 {
        display: String,
    },
    Virtual {
        display: Option<u16>,
        size: (u32, u32),
        session: Option<String>,
        user: Option<String>,
    },
    Test {
        size: (u32, u32),
    },
}

impl Config {
    /// Reads the file that the flags name, and checks the whole.
    ///
    /// # Errors
    /// One sentence that names the flag or the line, and what is allowed.
    pub fn load(flags: DirectArgs) -> anyhow::Result<Self> {
        let file = match &flags.config {
            None => DirectArgs::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("configuration {} cannot be read", path.display()))?;
                // The parser names line, key and what is allowed.
                toml::from_str(&text)
                    .map_err(|error| anyhow::anyhow!("configuration {} is wrong:\n{error}", path.display()))?
            }
        };
        Self::check(
            merge(flags, file),
            std::env::var("DISPLAY").ok().filter(|name| !name.is_empty()),
        )
    }

    /// `seat` is the display that this process was started on.
    fn check(args: DirectArgs, seat: Option<String>) -> anyhow::Result<Self> {
        let size = args.size.as_deref().map_or(Ok((1920, 1080)), parse_size)?;
        let kind = args.desktop.unwrap_or(match (&args.display, &seat) {
            (Some(_), _) | (None, Some(_)) => DesktopKind::X11,
            (None, None) => DesktopKind::Virtual,
        });
        let desktop = match kind {
            DesktopKind::X11 => Desktop::X11 {
                display: args
                    .display
                    .or(seat)
                    .context("--desktop x11 needs --display :N where DISPLAY is not set")?,
            },
            DesktopKind::Virtual => {
                let number = |name: &str| {
                    name.strip_prefix(':')
                        .and_then(|n| n.parse::<u16>().ok())
                        .with_context(|| {
                            format!("--display {name} is no display for a virtual desktop; give one like :20")
                        })
                };
                let display = args.display.as_deref().map(number).transpose()?;
                Desktop::Virtual {
                    display,
                    size,
                    session: args.session,
                    user: args.user,
                }
            }
            DesktopKind::Test => Desktop::Test { size },
        };
        if let Some(name) = &args.codec {
            // All colours take turns with the usual profile, and cannot be had alone.
            let alone = || RUNGS.iter().filter(|rung| rung.codec != Codec::H264High444);
            let known = alone().any(|rung| rung.name == name)
                || Codec::ALL
                    .iter()
                    .any(|codec| codec.name().eq_ignore_ascii_case(name));
            let elements: Vec<&str> = alone().map(|rung| rung.name).collect();
            ensure!(
                known,
                "--codec {name} is unknown; allowed are h264, vp9, vp8, or one of: {}",
                elements.join(", ")
            );
        }
        ensure!(
            args.permit.is_empty() || args.permit.contains(&Right::View),
            "--permit without `view` would let nobody in; name it, or leave --permit out"
        );
        ensure!(
            args.mfa_within
                .is_none_or(|within| (30..=86_400).contains(&within)),
            "--mfa-within is 30 to 86400 seconds: what somebody has just given has to reach this host"
        );
        ensure!(
            args.lock_command.is_none() || args.lock_on_disconnect,
            "lock-command says how to lock; lock-on-disconnect, which says that it is to be done, is missing"
        );
        let mbit = args.max_bitrate.unwrap_or(20.0);
        ensure!(
            (0.3..=500.0).contains(&mbit),
            "--max-bitrate {mbit} is out of range; give 0.3 to 500 Mbit/s"
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range, checked above"
        )]
        let max_bps = (mbit * 1e6) as u64;
        for origin in &args.origin {
            ensure!(
                origin.starts_with("https://"),
                "--origin {origin} is no origin that may embed; give one like https://wiki.example.org"
            );
        }
        if let Some(url) = &args.public_url {
            ensure!(
                url.starts_with("https://"),
                "--public-url {url} must begin with https://"
            );
        }
        Ok(Self {
            listen: args
                .listen
                .unwrap_or(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), DEFAULT_PORT)),
            desktop,
            state_dir: args.state_dir.map_or_else(default_state_dir, Ok)?,
            tls: args.tls_cert.zip(args.tls_key),
            announce: args.announce.unwrap_or_default(),
            codec: args.codec,
            max_bps,
            ice_servers: args
                .ice_server
                .iter()
                .map(|url| parse_ice_server(url))
                .collect::<anyhow::Result<_>>()?,
            origins: args.origin,
            public_url: args.public_url,
            assets_dir: args.assets_dir,
            sign: !args.no_sign,
            files: (!args.no_files).then_some(args.files),
            sound: !args.no_sound,
            tiles: !args.no_tiles,
            permitted: if args.permit.is_empty() {
                Rights::all()
            } else {
                args.permit.into_iter().collect()
            },
            consent: args.consent.map(|how| match how {
                HowConsent::Notify => Consent::Notify,
                HowConsent::Ask => Consent::Ask,
            }),
            mfa_within: args.mfa_within,
            lock: args.lock_on_disconnect.then_some(args.lock_command),
        })
    }
}

fn merge(flags: DirectArgs, file: DirectArgs) -> DirectArgs {
    let list = |flags: Vec<String>, file: Vec<String>| if flags.is_empty() { file } else { flags };
    DirectArgs {
        config: flags.config,
        listen: flags.listen.or(file.listen),
        desktop: flags.desktop.or(file.desktop),
        display: flags.display.or(file.display),
        size: flags.size.or(file.size),
        session: flags.session.or(file.session),
        user: flags.user.or(file.user),
        state_dir: flags.state_dir.or(file.state_dir),
        tls_cert: flags.tls_cert.or(file.tls_cert),
        tls_key: flags.tls_key.or(file.tls_key),
        announce: flags.announce.or(file.announce),
        codec: flags.codec.or(file.codec),
        max_bitrate: flags.max_bitrate.or(file.max_bitrate),
        ice_server: list(flags.ice_server, file.ice_server),
        origin: list(flags.origin, file.origin),
        public_url: flags.public_url.or(file.public_url),
        assets_dir: flags.assets_dir.or(file.assets_dir),
        no_sign: flags.no_sign || file.no_sign,
        no_files: flags.no_files || (flags.files.is_none() && file.no_files),
        files: flags.files.or(file.files),
        permit: if flags.permit.is_empty() {
            file.permit
        } else {
            flags.permit
        },
        no_sound: flags.no_sound || file.no_sound,
        no_tiles: flags.no_tiles || file.no_tiles,
        consent: flags.consent.or(file.consent),
        mfa_within: flags.mfa_within.or(file.mfa_within),
        lock_on_disconnect: flags.lock_on_disconnect || file.lock_on_disconnect,
        lock_command: flags.lock_command.or(file.lock_command),
    }
}

/// `1920x1080`, made even.
fn parse_size(text: &str) -> anyhow::Result<(u32, u32)> {
    let parsed = text
        .split_once('x')
        .and_then(|(w, h)| Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?)));
    let Some((width, height)) = parsed else {
        bail!("--size {text} is no size; give one like 1920x1080")
    };
    ensure!(
        (MIN_DISPLAY_SIDE..=MAX_DISPLAY_WIDTH).contains(&width)
            && (MIN_DISPLAY_SIDE..=MAX_DISPLAY_HEIGHT).contains(&height),
        "--size {text} is out of range; the smallest is {MIN_DISPLAY_SIDE}x{MIN_DISPLAY_SIDE}, the largest {MAX_DISPLAY_WIDTH}x{MAX_DISPLAY_HEIGHT}"
    );
    Ok((width & !1, height & !1))
}

/// `stun:host[:port]`, or `turn:user:password@host[:port][?transport=tcp]`.
fn parse_ice_server(text: &str) -> anyhow::Result<IceServer> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    match (scheme, rest.rsplit_once('@')) {
        ("stun" | "stuns", None) => Ok(IceServer {
            urls: vec![text.to_owned()],
            username: None,
            credential: None,
        }),
        ("turn" | "turns", Some((who, place))) => {
            let (user, password) = who
                .split_once(':')
                .context("a TURN server in --ice-server is written turn:USER:PASSWORD@HOST[:PORT]")?;
            Ok(IceServer {
                urls: vec![format!("{scheme}:{place}")],
                username: Some(user.to_owned()),
                credential: Some(password.to_owned()),
            })
        }
        // The text may hold a password: it is not repeated.
        _ => bail!("an --ice-server begins with stun:, or is turn:USER:PASSWORD@HOST[:PORT]"),
    }
}

/// # Errors
/// Neither root nor a user with a home.
pub fn default_state_dir() -> anyhow::Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(Path::new("/var/lib/removid").to_owned());
    }
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("removid"))
        .context("no HOME is set; name a directory with --state-dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str, seat: Option<&str>) -> anyhow::Result<Config> {
        let file: DirectArgs = toml::from_str(toml)?;
        let with_dir = DirectArgs {
            state_dir: Some("/tmp/x".into()),
            ..file
        };
        Config::check(with_dir, seat.map(str::to_owned))
    }

    #[test]
    fn the_desktop_follows_from_what_is_there() {
        assert_eq!(
            check("", Some(":3")).unwrap().desktop,
            Desktop::X11 { display: ":3".into() }
        );
        assert!(matches!(
            check("", None).unwrap().desktop,
            Desktop::Virtual {
                size: (1920, 1080),
                ..
            }
        ));
        assert!(matches!(
            check("desktop = 'virtual'\ndisplay = ':20'", Some(":3"))
                .unwrap()
                .desktop,
            Desktop::Virtual {
                display: Some(20),
                ..
            }
        ));
    }

    #[test]
    fn mistakes_are_named() {
        for (toml, words) in [
            ("size = '10x10'", "smallest"),
            ("size = 'big'", "1920x1080"),
            ("codec = 'h266'", "h264, vp9, vp8"),
            ("codec = 'x264enc-444'", "or one of"),
            ("max-bitrate = 0.1", "0.3 to 500"),
            ("origin = ['http://a']", "https://"),
            ("desktop = 'x11'", "DISPLAY"),
            ("desktop = 'wayland'", "x11"),
            ("lock-command = 'slock'", "lock-on-disconnect"),
            ("lisen = ':1'", "listen"),
            ("listen = 'nowhere'", "line 1"),
            ("ice-server = ['turn:user:hunter2host']", "turn:USER"),
        ] {
            let error = format!("{:#}", check(toml, None).unwrap_err());
            assert!(error.contains(words), "{toml}: {error}");
            assert!(!error.contains("hunter2"));
        }
    }

    #[test]
    fn the_example_is_right_and_names_every_word() {
        let example = include_str!("../../deploy/example/direct.toml");
        let uncommented: String = example
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.contains(" = "))
            .map(|line| format!("{line}\n"))
            .collect();
        let args: DirectArgs = toml::from_str(&uncommented).unwrap();
        let debug = format!("{args:?}");
        let unset: Vec<&str> = debug
            .split(", ")
            .filter(|field| field.ends_with("None") || field.ends_with("[]"))
            .collect();
        assert!(
            unset
                .iter()
                .all(|field| field.contains("assets_dir") || field.contains("config")),
            "not in the example: {unset:?}"
        );
        check(&uncommented, None).unwrap();
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let flags = DirectArgs {
            size: Some("800x600".into()),
            ..DirectArgs::default()
        };
        let file = DirectArgs {
            size: Some("640x480".into()),
            codec: Some("vp8".into()),
            ..DirectArgs::default()
        };
        let merged = merge(flags, file);
        assert_eq!(
            (merged.size.as_deref(), merged.codec.as_deref()),
            (Some("800x600"), Some("vp8"))
        );
    }
}
