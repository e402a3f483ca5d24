//! The listening socket: a port, or a file that a proxy of the same machine opens.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Who may open the Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// The listening socket, before it is served.
#[derive(Debug)]
pub struct Listener {
    pub(super) way: Way,
    local: SocketAddr,
}

#[derive(Debug)]
pub(super) enum Way {
    Tcp(TcpListener),
    Unix { socket: UnixListener, _file: SocketFile },
}

/// What came in.
pub(super) enum Incoming {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// Taken away when nobody listens any more.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// `[::]` takes IPv4 too; where the machine has no IPv6 it means `0.0.0.0`.
    ///
    /// # Errors
    /// The port is taken, or the address is not this machine's.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let any = address.ip() == Ipv6Addr::UNSPECIFIED;
        let socket = match bind(address) {
            Err(error) if any && error.kind() != io::ErrorKind::AddrInUse => {
                bind(SocketAddr::from(([0, 0, 0, 0], address.port())))?
            }
            other => other?,
        };
        let tcp = TcpListener::from_std(socket.into())?;
        let local = tcp.local_addr()?;
        Ok(Self {
            way: Way::Tcp(tcp),
            local,
        })
    }

    /// A Unix socket, over which a proxy of this machine speaks plain HTTP: the proxy ends TLS. A file that a router
    /// left behind is taken away; one that is answered stays.
    ///
    /// # Errors
    /// Somebody listens there, something else lies there, or the directory cannot be written.
    pub fn bind_unix(path: &Path) -> io::Result<Self> {
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
                Err(error) => return Err(error),
                Ok(_) => return Err(io::Error::from(io::ErrorKind::AddrInUse)),
            }
        }
        let socket = UnixListener::bind(path)?;
        let _file = SocketFile(path.to_owned());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
        Ok(Self {
            way: Way::Unix { socket, _file },
            local: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
        })
    }

    /// Where it listens; `[::]:0` for a Unix socket.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) async fn accept(&self) -> io::Result<Incoming> {
        match &self.way {
            Way::Tcp(tcp) => tcp
                .accept()
                .await
                .map(|(stream, peer)| Incoming::Tcp(stream, peer)),
            Way::Unix { socket, .. } => socket.accept().await.map(|(stream, _)| Incoming::Unix(stream)),
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_file_is_taken_from_the_dead_only() {
        let dir = std::env::temp_dir().join(format!("removid-bind-{}", crate::auth::random_secret()));
        crate::tls::private_file::directory(&dir).unwrap();
        let path = dir.join("http.sock");
        let first = Listener::bind_unix(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        let second = Listener::bind_unix(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse, "the living one stays");
        drop(first);
        assert!(!path.exists(), "it goes with its listener");
        // What a killed router leaves.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Listener::bind_unix(&path).unwrap());
        std::fs::write(&path, "something else").unwrap();
        let other = Listener::bind_unix(&path).unwrap_err();
        assert_eq!(other.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"something else");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
