//! How a link is told: as text for people, as one JSON line for programs.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use anyhow::Context as _;
use router::tls::private_file;
use serde::{Deserialize, Serialize};
use signaling_spec::KeyHash;

use crate::cli::Announce;
use crate::transport::addresses::{self, Local};

/// Where a running agent is reached: kept in the state directory, for `removid token`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// `https://HOST:PORT`, best first.
    pub bases: Vec<String>,
    pub cert_sha256: String,
    pub host_key: KeyHash,
}

/// The JSON line. Scripts depend on it.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    token: &'a str,
    cert_sha256: &'a str,
    host_key: &'a str,
}

impl Place {
    pub fn new(listen: SocketAddr, public_url: Option<&str>, cert_sha256: String, host_key: KeyHash) -> Self {
        let mut bases: Vec<String> = public_url
            .map(|url| url.trim_end_matches('/').to_owned())
            .into_iter()
            .collect();
        bases.extend(
            reachable(listen)
                .iter()
                .map(|address| format!("https://{}", SocketAddr::new(*address, listen.port()))),
        );
        Self {
            bases,
            cert_sha256,
            host_key,
        }
    }

    fn path(dir: &Path) -> std::path::PathBuf {
        dir.join("place.json")
    }

    /// # Errors
    /// The state directory cannot be written.
    pub fn keep(&self, dir: &Path) -> anyhow::Result<()> {
        private_file::write(&Self::path(dir), &serde_json::to_vec_pretty(self)?)
    }

    /// # Errors
    /// No agent has run with this state directory.
    pub fn kept(dir: &Path) -> anyhow::Result<Self> {
        let bytes = private_file::read(&Self::path(dir)).context(
            "nothing is known of an agent here; start `removid direct` once, with the same --state-dir",
        )?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn link(&self, base: &str, token: &str) -> String {
        format!("{base}/#k={}&t={token}", self.host_key)
    }

    /// Tells the link on standard output. Where that is no terminal, text mode writes it to a file that
    /// only its owner reads and tells the path: a journal would keep it for others.
    ///
    /// # Errors
    /// Standard output is closed, or the file cannot be written.
    pub fn announce(&self, how: Announce, token: &str, dir: &Path) -> anyhow::Result<()> {
        let first = self.bases.first().context("this machine has no address")?;
        let url = self.link(first, token);
        let mut out = std::io::stdout().lock();
        match how {
            Announce::Json => {
                let line = Line {
                    url: &url,
                    token,
                    cert_sha256: &self.cert_sha256,
                    host_key: &self.host_key.0,
                };
                writeln!(out, "{}", serde_json::to_string(&line)?)?;
            }
            Announce::Text if !out.is_terminal() => {
                let path = dir.join("access-url");
                private_file::write(&path, format!("{url}\n").as_bytes())?;
                writeln!(out, "The link is in {} (only you can read it).", path.display())?;
            }
            Announce::Text => {
                if let Some(code) = qr(&url) {
                    writeln!(out, "{code}")?;
                }
                writeln!(out, "Open this link in Chromium or Firefox:\n\n  {url}\n")?;
                for base in self.bases.iter().skip(1) {
                    writeln!(out, "  or {}", self.link(base, token))?;
                }
                writeln!(
                    out,
                    "\nThe browser warns once of the certificate; its SHA-256 is\n  {}",
                    self.cert_sha256
                )?;
                writeln!(
                    out,
                    "Whoever has the link has this desktop. `removid token rotate` makes it void."
                )?;
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// The addresses that others may reach this machine at, best first; loopback last.
fn reachable(listen: SocketAddr) -> Vec<IpAddr> {
    if !listen.ip().is_unspecified() {
        return vec![listen.ip()];
    }
    let all: Vec<Local> = addresses::all()
        .into_iter()
        .filter(|local| listen.is_ipv6() || local.address.is_ipv4())
        .collect();
    let mut found = addresses::offered(&all, &crate::transport::PagePath::default());
    // The address on the way to the world is the one that others most likely know.
    if let Some(way) = way_out() {
        found.retain(|address| *address != way);
        found.insert(0, way);
    }
    if !found.iter().any(IpAddr::is_loopback) {
        found.push(IpAddr::from([127, 0, 0, 1]));
    }
    found
}

/// The local address of the default route. Nothing is sent: connecting a UDP socket only looks it up.
fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// A QR code in half blocks, if the terminal is wide enough.
fn qr(url: &str) -> Option<String> {
    let code = qrcode::QrCode::with_error_correction_level(url, qrcode::EcLevel::L).ok()?;
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size()?;
    let quiet = 2;
    let side = code.width() + 2 * quiet;
    if side > usize::from(columns) {
        return None;
    }
    let dark = |x: usize, y: usize| {
        let inside = |v: usize| (quiet..quiet + code.width()).contains(&v);
        inside(x) && inside(y) && code[(x - quiet, y - quiet)] == qrcode::Color::Dark
    };
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        for x in 0..side {
            text.push(match (dark(x, y), dark(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        text.push('\n');
    }
    Some(text)
}
