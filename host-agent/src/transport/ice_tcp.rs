//! ICE over TCP on the HTTPS port (RFC 6544 passive candidates, RFC 4571 framing).
//!
//! A stranger gets [`FIRST_FRAME`] to send one STUN binding request that names an expected user; anything
//! else is closed without an answer. What an accepted connection brings goes to the transport's task.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::str0m::ice::StunMessage;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const FIRST_FRAME: Duration = Duration::from_secs(5);
/// Longer frames than any datagram of ours end the connection.
const MAX_FRAME: usize = 2048;
/// Frames that may wait in each direction. Outgoing ones beyond it are lost, as on a full link.
const INBOX: usize = 256;
const OUTBOX: usize = 256;

/// One frame that came in.
#[derive(Debug)]
pub struct Incoming {
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub data: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    /// ICE user name fragments that may connect now, and how many connections each has.
    expected: BTreeMap<String, usize>,
    open: BTreeMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
}

/// Connections that one user name fragment may hold: a browser tries each address.
const PER_UFRAG: usize = 8;

/// The connections' common desk, shared by the listening port and the transport.
#[derive(Clone, Debug)]
pub struct IceTcp {
    shared: Arc<Mutex<Shared>>,
    inbox: mpsc::Sender<Incoming>,
}

impl IceTcp {
    pub fn new() -> (Self, mpsc::Receiver<Incoming>) {
        let (inbox, frames) = mpsc::channel(INBOX);
        (
            Self {
                shared: Arc::default(),
                inbox,
            },
            frames,
        )
    }

    pub fn expect(&self, ufrag: &str) {
        self.lock().expected.insert(ufrag.to_owned(), 0);
    }

    pub fn forget(&self, ufrag: &str) {
        self.lock().expected.remove(ufrag);
    }

    /// Whether the frame was taken; a full or closed connection loses it.
    pub fn send(&self, peer: SocketAddr, data: &[u8]) -> bool {
        let sender = self.lock().open.get(&peer).cloned();
        sender.is_some_and(|sender| sender.try_send(data.to_vec()).is_ok())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, ufrag: &str) -> bool {
        let mut shared = self.lock();
        let Some(open) = shared.expected.get_mut(ufrag) else {
            return false;
        };
        *open += 1;
        *open <= PER_UFRAG
    }
}

impl router::net::RawHandler for IceTcp {
    fn handle(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        guard: Box<dyn std::any::Any + Send>,
    ) {
        let desk = self.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(&desk, stream, peer, local).await {
                tracing::debug!(%error, "ICE connection over TCP ended");
            }
            desk.lock().open.remove(&peer);
            drop(guard);
        });
    }
}

async fn converse(
    desk: &IceTcp,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
) -> std::io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
    let (peer_at, local_at) = (canonical(peer), canonical(local));
    let timed_out = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let first = tokio::time::timeout(FIRST_FRAME, read_frame(&mut reader))
        .await
        .map_err(timed_out)??;
    let expected = StunMessage::parse(&first).is_ok_and(|message| {
        message.is_binding_request() && message.split_username().is_some_and(|(ours, _)| desk.admit(ours))
    });
    if !expected {
        return Ok(());
    }
    let (sender, mut outbox) = mpsc::channel::<Vec<u8>>(OUTBOX);
    desk.lock().open.insert(peer_at, sender);
    let write = async {
        while let Some(data) = outbox.recv().await {
            let Ok(len) = u16::try_from(data.len()) else {
                continue;
            };
            let mut framed = Vec::with_capacity(data.len() + 2);
            framed.extend_from_slice(&len.to_be_bytes());
            framed.extend_from_slice(&data);
            writer.write_all(&framed).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    let read = async {
        let mut data = first;
        loop {
            if desk
                .inbox
                .send(Incoming {
                    peer: peer_at,
                    local: local_at,
                    data,
                })
                .await
                .is_err()
            {
                return Ok::<(), std::io::Error>(());
            }
            data = read_frame(&mut reader).await?;
        }
    };
    let ended = tokio::select! { ended = write => ended, ended = read => ended };
    desk.lock().open.remove(&peer_at);
    ended
}

async fn read_frame(reader: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let len = usize::from(reader.read_u16().await?);
    if len > MAX_FRAME {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "frame is longer than any of ours",
        ));
    }
    let mut data = vec![0; len];
    reader.read_exact(&mut data).await?;
    Ok(data)
}
