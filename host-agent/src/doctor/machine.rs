//! Ports, addresses, clock, and the device for physical input.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Finding, quoted};
use crate::announce::Place;
use crate::config::Config;
use crate::transport::addresses;

/// A clock that is this much behind the program's own file is wrong.
const BEHIND: Duration = Duration::from_secs(24 * 3600);

pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let listen = config.listen;
    if listen.port() == 0 {
        return vec![Finding::ok("ports", "one that is free will be picked")];
    }
    let free = |at: SocketAddr| {
        let tcp = TcpListener::bind(at).map(drop);
        let udp = UdpSocket::bind(at).map(drop);
        [("TCP", tcp), ("UDP", udp)]
    };
    let mut findings = Vec::new();
    for (name, bound) in free(listen) {
        match bound {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && is_ours(config) => {
                findings.push(Finding::ok(
                    "ports",
                    format!("{name} port {} is served by a removid that runs", listen.port()),
                ));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                let other = (listen.port()..listen.port().saturating_add(100)).find(|port| {
                    free(SocketAddr::new(listen.ip(), *port))
                        .iter()
                        .all(|(_, bound)| bound.is_ok())
                });
                let port = other.map_or_else(|| "0".to_owned(), |port| port.to_string());
                let host = if listen.is_ipv6() {
                    format!("[{}]", listen.ip())
                } else {
                    listen.ip().to_string()
                };
                findings.push(Finding::failure(
                    "ports",
                    format!("{name} port {} is in use by another program", listen.port()),
                    format!("removid direct --listen {}", quoted(format!("{host}:{port}"))),
                ));
            }
            Err(error) => findings.push(Finding::failure(
                "ports",
                format!("{name} {listen} cannot be opened: {error}"),
                "removid direct --listen '[::]:8443'",
            )),
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "ports",
            format!("TCP and UDP {} are free", listen.port()),
        ));
    }
    findings
}

/// Whether an agent with this state directory runs on that port.
fn is_ours(config: &Config) -> bool {
    let held = std::fs::File::open(config.state_dir.join("lock")).is_ok_and(|file| {
        nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).is_err()
    });
    let port = format!(":{}", config.listen.port());
    held && Place::kept(&config.state_dir)
        .is_ok_and(|place| place.bases.iter().any(|base| base.ends_with(&port)))
}

pub(super) fn addresses() -> Finding {
    let all = addresses::all();
    let offered = addresses::offered(&all, &crate::transport::PagePath::default());
    if offered.iter().all(std::net::IpAddr::is_loopback) {
        // Firefox refuses loopback candidates, and nobody else could reach them.
        return Finding::failure(
            "addresses",
            "this machine has loopback only: browsers cannot connect for pictures",
            "ip address show",
        );
    }
    let list: Vec<String> = offered.iter().map(ToString::to_string).collect();
    Finding::ok("addresses", list.join(", "))
}

pub(super) fn clock() -> Finding {
    let now = SystemTime::now();
    let made = std::env::current_exe()
        .ok()
        .and_then(|path| path.metadata().ok()?.modified().ok());
    if made.is_some_and(|made| now + BEHIND < made) {
        return Finding::failure(
            "clock",
            "the clock is behind this program's own file",
            "timedatectl set-ntp true",
        );
    }
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Finding::ok(
        "clock",
        humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string(),
    )
}

pub(super) fn uinput() -> Finding {
    let path = std::path::Path::new("/dev/uinput");
    if !path.exists() {
        return Finding::ok(
            "uinput",
            "no /dev/uinput; not needed: input goes through the X server",
        );
    }
    let writable = nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok();
    Finding::ok(
        "uinput",
        if writable {
            "/dev/uinput can be used"
        } else {
            "/dev/uinput is not ours; not needed for X11"
        },
    )
}
