//! The log as syslog messages (RFC 5424), to the machine's own daemon or to one in the network (RFC 5426, RFC 6587).
//!
//! A message is one line around a row's line, so no library stands here. The network's two kinds are not encrypted: the
//! machine's daemon is who carries logs over networks.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use super::Line;

/// Facility `authpriv` (RFC 5424 §6.2.1).
const FACILITY: u8 = 10;
const WARNING: u8 = 4;
const INFORMATIONAL: u8 = 6;
/// Longer datagrams are cut by common daemons, so the row's text stays away.
const DATAGRAM: usize = 8000;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A datagram socket of this machine, as `/dev/log`.
    Local(PathBuf),
    /// Host and port.
    Udp(String),
    /// Host and port.
    Tcp(String),
}

impl Address {
    /// Reads `/dev/log`, `udp:HOST:PORT` or `tcp:HOST:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        let site = |site: &str| {
            let (host, port) = site.rsplit_once(':')?;
            (!host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)).then(|| site.to_owned())
        };
        match text.split_once(':') {
            Some(("udp", rest)) => site(rest).map(Self::Udp),
            Some(("tcp", rest)) => site(rest).map(Self::Tcp),
            Some(_) | None => text.starts_with('/').then(|| Self::Local(text.into())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Udp(site) => write!(f, "udp:{site}"),
            Self::Tcp(site) => write!(f, "tcp:{site}"),
        }
    }
}

#[derive(Debug)]
enum Socket {
    Local(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// See the module documentation.
#[derive(Debug)]
pub(super) struct Syslog {
    address: Address,
    /// Our name in its messages.
    host: String,
    socket: Option<Socket>,
}

impl Syslog {
    pub(super) fn new(address: Address, host: String) -> Self {
        Self {
            address,
            host,
            socket: None,
        }
    }

    /// What was on the way when a connection broke may come twice, or, by UDP, not at all.
    pub(super) async fn write(&mut self, lines: &[Line]) -> Result<()> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.connect().await?,
        };
        for line in lines {
            send(&mut socket, line, &self.host).await?;
        }
        if let Socket::Tcp(stream) = &mut socket {
            stream.flush().await?;
        }
        self.socket = Some(socket);
        Ok(())
    }

    async fn connect(&self) -> Result<Socket> {
        match &self.address {
            Address::Local(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Socket::Local(socket))
            }
            Address::Udp(site) => {
                let mut last = Error::from(ErrorKind::NotFound);
                for address in tokio::net::lookup_host(site.as_str()).await? {
                    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                    let socket = UdpSocket::bind(any).await?;
                    match socket.connect(address).await {
                        Ok(()) => return Ok(Socket::Udp(socket)),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Address::Tcp(site) => Ok(Socket::Tcp(TcpStream::connect(site.as_str()).await?)),
        }
    }
}

async fn send(socket: &mut Socket, line: &Line, host: &str) -> Result<()> {
    let text = message(line, host);
    match socket {
        Socket::Local(socket) => socket.send(datagram(line, host, text).as_bytes()).await.map(drop),
        Socket::Udp(socket) => socket.send(datagram(line, host, text).as_bytes()).await.map(drop),
        // Counted octets (RFC 6587 §3.4.1).
        Socket::Tcp(stream) => {
            stream
                .write_all(format!("{} {text}", text.len()).as_bytes())
                .await
        }
    }
}

fn datagram(line: &Line, host: &str, text: String) -> String {
    match line {
        Line::Row(row) if text.len() > DATAGRAM => {
            let mut short = row.clone();
            short.text = String::new();
            message(&Line::Row(short), host)
        }
        Line::Row(_) | Line::Checkpoint(_) => text,
    }
}

/// One message (RFC 5424 §6): who, when, the row's code as its kind, and the row's line.
fn message(line: &Line, host: &str) -> String {
    let (code, at) = match line {
        Line::Row(row) => (row.code.as_str(), Some(row.at)),
        Line::Checkpoint(_) => ("CHECKPOINT", None),
    };
    let severity = if code.ends_with('W') {
        WARNING
    } else {
        INFORMATIONAL
    };
    let at = at
        .and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)))
        .map_or_else(
            || "-".to_owned(),
            |at| humantime::format_rfc3339_seconds(at).to_string(),
        );
    let code: String = code.chars().filter(char::is_ascii_graphic).take(32).collect();
    let code = if code.is_empty() { "-" } else { &code };
    let priority = FACILITY * 8 + severity;
    let text = line.to_text();
    format!(
        "<{priority}>1 {at} {host} removid-router - {code} - {}",
        text.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(
            Address::parse("/dev/log"),
            Some(Address::Local("/dev/log".into()))
        );
        assert_eq!(
            Address::parse("udp:[::1]:514"),
            Some(Address::Udp("[::1]:514".to_owned()))
        );
        for site in ["tcp:a:514", "udp:logs.example.org:514"] {
            assert_eq!(Address::parse(site).unwrap().to_string(), site);
        }
        for wrong in [
            "",
            "dev/log",
            "tcp:a",
            "tcp::514",
            "udp:a:0",
            "udp:a:70000",
            "tls:a:6514",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_message_is_one_line() {
        let row = crate::audit::line::Row {
            seq: 3,
            at: 1_700_000_000,
            code: "RMV1001W".to_owned(),
            text: serde_json::json!({ "fields": { "why": "two\nlines" } }).to_string(),
            before: "b".to_owned(),
            hash: "h".to_owned(),
        };
        let said = message(&Line::Row(row.clone()), "desk.example.org");
        assert!(
            said.starts_with(
                "<84>1 2023-11-14T22:13:20Z desk.example.org removid-router - RMV1001W - {\"seq\":3,"
            ),
            "{said}"
        );
        assert!(!said.contains('\n'), "{said}");
        let long = crate::audit::line::Row {
            text: "x".repeat(DATAGRAM),
            ..row
        };
        let line = Line::Row(long);
        let cut = datagram(&line, "a", message(&line, "a"));
        assert!(cut.len() < 300 && cut.contains("\"hash\":\"h\""), "{cut}");
        let signed = message(&Line::checkpoint("t".to_owned()), "a");
        assert_eq!(
            signed,
            "<86>1 - a removid-router - CHECKPOINT - {\"checkpoint\":\"t\"}"
        );
    }
}
