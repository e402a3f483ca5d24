//! The X server in memory: finding a free display, starting it, and clearing away what dead ones left.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::geteuid;

use super::account::Account;
use super::place::Place;
use super::{DesktopOptions, child};

const PROGRAM: &str = "Xvfb";
/// Above the numbers that people's own sessions have.
const NUMBERS: std::ops::Range<u16> = 20..120;
/// Free numbers to try: another program may take one at the same moment.
const TRIES: usize = 4;
const READY: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) number: u16,
}

impl Server {
    pub(super) fn start(place: &mut Place, account: &Account, options: &DesktopOptions) -> Result<Self> {
        make_socket_folder();
        if let Some(number) = options.display {
            if !clear_stale(number) {
                bail!("display :{number} is taken by another X server; choose another number, or none");
            }
            return Self::run(place, account, options, number);
        }
        let mut failure = anyhow::anyhow!("no display number from {NUMBERS:?} is free");
        for number in NUMBERS.filter(|number| clear_stale(*number)).take(TRIES) {
            match Self::run(place, account, options, number) {
                Ok(server) => return Ok(server),
                Err(error) if error.is::<std::io::Error>() => return Err(error),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn run(place: &mut Place, account: &Account, options: &DesktopOptions, number: u16) -> Result<Self> {
        let log_path = place.folder().join("xserver.log");
        let _ = fs::remove_file(&log_path);
        let log = File::create_new(&log_path)?;
        place.set_number(number)?;
        let (width, height) = (
            options.max.0.max(options.size.0),
            options.max.1.max(options.size.1),
        );
        let mut command = Command::new(PROGRAM);
        command
            .arg(format!(":{number}"))
            .args(["-screen", "0", &format!("{width}x{height}x24"), "-dpi", "96"])
            .arg("-auth")
            .arg(place.cookie())
            // Its standard output is where it says that it is ready.
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-s", "0"])
            .env_clear()
            .envs(account.environment(place))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?);
        let child = child::spawn(&mut command, account).map_err(|error| {
            let missing = error.kind() == ErrorKind::NotFound;
            anyhow::Error::new(error).context(if missing {
                "Xvfb, the X server for virtual desktops, is not installed (Debian: apt install xvfb)"
            } else {
                "cannot start Xvfb"
            })
        })?;
        let mut server = Self { child, number };
        if !server.is_ready()? {
            server.end();
            // Read through our own descriptor: the folder is its user's, and the path could be a link by now.
            let mut said = String::new();
            let _ = File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&log)))
                .and_then(|log| log.take(64 << 10).read_to_string(&mut said));
            let said = said
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .take(5);
            bail!(
                "Xvfb did not start on display :{number}: {}",
                said.collect::<Vec<_>>().join(" ")
            );
        }
        Ok(server)
    }

    /// Waits for the line with the display's number; its end without one is the server's end.
    fn is_ready(&mut self) -> Result<bool> {
        let mut output = self.child.stdout.take().context("Xvfb has no output")?;
        let deadline = Instant::now() + READY;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            if poll(&mut [PollFd::new(output.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
                return Ok(false);
            }
            let mut some = [0; 16];
            match output.read(&mut some)? {
                0 => return Ok(false),
                n => line.extend(&some[..n]),
            }
        }
        Ok(true)
    }

    /// Why it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(format!("Xvfb ended: {status}")),
            Err(error) => Some(format!("Xvfb cannot be watched: {error}")),
        }
    }

    fn end(&mut self) {
        child::end(&mut self.child, PATIENCE);
        clear_stale(self.number);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where X servers put their sockets. Made by an unprivileged server it would be that user's.
fn make_socket_folder() {
    let folder = "/tmp/.X11-unix";
    if geteuid().is_root() && fs::DirBuilder::new().mode(0o1777).create(folder).is_ok() {
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o1777));
    }
}

/// Removes the lock and the socket of a display whose server is dead; whether the number is free now.
///
/// A server that lives is known by its answering, not by its lock: a dead one's process number may be another
/// program's by now.
pub(super) fn clear_stale(number: u16) -> bool {
    let (lock, socket) = (
        format!("/tmp/.X{number}-lock"),
        format!("/tmp/.X11-unix/X{number}"),
    );
    let exists = |path: &str| fs::symlink_metadata(path).is_ok();
    if answers(&socket) || (exists(&lock) && is_starting(&lock)) {
        return false;
    }
    for path in [&lock, &socket] {
        let _ = fs::remove_file(path);
    }
    !exists(&lock) && !exists(&socket)
}

fn answers(socket: &str) -> bool {
    let refused =
        |error: std::io::Error| matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound);
    let by_path = UnixStream::connect(socket).map_or_else(|error| !refused(error), |_| true);
    let name = SocketAddr::from_abstract_name(socket);
    by_path || name.is_ok_and(|name| UnixStream::connect_addr(&name).is_ok())
}

/// A server writes its lock before it listens. The command line of a dead process is empty, even while nobody
/// has waited for it.
fn is_starting(lock: &str) -> bool {
    // Anybody may put anything there, also something that blocks its reader.
    if !fs::symlink_metadata(lock).is_ok_and(|found| found.is_file() && found.len() < 64) {
        return false;
    }
    let pid = fs::read_to_string(lock).unwrap_or_default();
    let command = fs::read(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    let program = command.split(|byte| *byte == 0).next().unwrap_or_default();
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    !pid.trim().is_empty() && name.starts_with(b"X")
}
