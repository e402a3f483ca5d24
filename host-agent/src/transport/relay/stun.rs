//! The address at which a STUN server sees our port (RFC 8489): how a viewer finds a host behind a NAT that keeps to one
//! address for all peers. Asked anew for each viewer, from the very port that media comes to.
//!
//! Datagrams and time come in, datagrams go out; only names are looked up by tasks of their own.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use signaling_spec::{IceServer, ViewerId};
use tokio::sync::mpsc;
use turn_client_proto::stun::types::attribute::XorMappedAddress;
use turn_client_proto::stun::types::message::{
    BINDING, Message, MessageClass, MessageType, MessageWriteVec, TransactionId,
};
use turn_client_proto::stun::types::prelude::MessageWrite as _;

use super::url::stun_server;

/// Servers that are asked for one viewer, whatever a router names.
const MOST_SERVERS: usize = 2;
/// Requests under way at a time.
const MOST_ASKS: usize = 64;
/// Until a request is sent again; it doubles each time (RFC 8489 §6.2.1).
const AGAIN: Duration = Duration::from_millis(500);
/// After so many a server does not answer.
const TRIES: u32 = 4;

#[derive(Debug)]
struct Ask {
    viewer: ViewerId,
    server: SocketAddr,
    id: TransactionId,
    tries: u32,
    due: Instant,
}

/// See the module documentation.
#[derive(Debug)]
pub(in super::super) struct Stun {
    asks: Vec<Ask>,
    say: mpsc::Sender<(ViewerId, SocketAddr)>,
    found: mpsc::Receiver<(ViewerId, SocketAddr)>,
    is_v6: bool,
}

impl Stun {
    /// `is_v6` says whether the port takes both families.
    pub(in super::super) fn new(is_v6: bool) -> Self {
        let (say, found) = mpsc::channel(MOST_ASKS);
        Self {
            asks: Vec::new(),
            say,
            found,
            is_v6,
        }
    }

    /// Asks the servers that are STUN servers.
    pub(in super::super) fn begin(&mut self, viewer: ViewerId, servers: &[IceServer], now: Instant) {
        let urls = servers.iter().flat_map(|server| &server.urls);
        for (host, port) in urls.filter_map(|url| stun_server(url)).take(MOST_SERVERS) {
            if let Ok(address) = host.parse::<IpAddr>() {
                self.ask(viewer, SocketAddr::new(address, port), now);
                continue;
            }
            let say = self.say.clone();
            tokio::spawn(async move {
                match tokio::net::lookup_host((host.as_str(), port)).await {
                    // One of each family: a name may have many.
                    Ok(all) => {
                        let all: Vec<SocketAddr> = all.collect();
                        for family in [SocketAddr::is_ipv4, SocketAddr::is_ipv6] {
                            if let Some(server) = all.iter().find(|at| family(at)) {
                                let _ = say.try_send((viewer, *server));
                            }
                        }
                    }
                    Err(error) => tracing::info!(%error, host, "A STUN server has no address"),
                }
            });
        }
    }

    fn ask(&mut self, viewer: ViewerId, server: SocketAddr, now: Instant) {
        if self.asks.len() >= MOST_ASKS || (server.is_ipv6() && !self.is_v6) {
            return;
        }
        self.asks.push(Ask {
            viewer,
            server,
            id: TransactionId::generate(),
            tries: 0,
            due: now,
        });
    }

    pub(in super::super) fn forget(&mut self, viewer: ViewerId) {
        self.asks.retain(|ask| ask.viewer != viewer);
    }

    /// A name's address was found. Dropping the future loses none.
    pub(in super::super) async fn looked_up(&mut self) {
        if let Some((viewer, server)) = self.found.recv().await {
            self.ask(viewer, server, Instant::now());
        }
    }

    /// When there is something to send.
    pub(in super::super) fn deadline(&self) -> Option<Instant> {
        self.asks.iter().map(|ask| ask.due).min()
    }

    /// What is to be sent now.
    pub(in super::super) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        self.asks.retain(|ask| {
            let over = ask.due <= now && ask.tries >= TRIES;
            if over {
                tracing::info!(server = %ask.server, "A STUN server does not answer");
            }
            !over
        });
        let ask = self.asks.iter_mut().find(|ask| ask.due <= now)?;
        ask.due = now + AGAIN * 2u32.pow(ask.tries);
        ask.tries += 1;
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let request = Message::builder(kind, ask.id, MessageWriteVec::new()).finish();
        Some((ask.server, request))
    }

    /// Whose answer that is, and where the server sees us; each is taken once.
    pub(in super::super) fn answer(
        &mut self,
        source: SocketAddr,
        data: &[u8],
    ) -> Option<(ViewerId, SocketAddr)> {
        // Media comes here too, and there is a lot of it.
        if self.asks.is_empty() {
            return None;
        }
        let message = Message::from_bytes(data).ok()?;
        let id = message.transaction_id();
        let at = self
            .asks
            .iter()
            .position(|ask| ask.server == source && ask.id == id)?;
        if message.class() != MessageClass::Success || message.method() != BINDING {
            return None;
        }
        let seen = message.attribute::<XorMappedAddress>().ok()?.addr(id);
        let ask = self.asks.swap_remove(at);
        Some((ask.viewer, seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> IceServer {
        IceServer {
            urls: vec![url.to_owned()],
            username: None,
            credential: None,
        }
    }

    /// A binding success response with XOR-MAPPED-ADDRESS (RFC 8489 §14.2) for 203.0.113.7:40000.
    fn response(request: &[u8]) -> Vec<u8> {
        let mut response = vec![0x01, 0x01, 0x00, 0x0c];
        response.extend(&request[4..]);
        response.extend([0x00, 0x20, 0x00, 0x08, 0x00, 0x01]);
        response.extend((40_000u16 ^ 0x2112).to_be_bytes());
        response.extend([203 ^ 0x21, 0x12, 113 ^ 0xa4, 7 ^ 0x42]);
        response
    }

    #[tokio::test]
    async fn the_answer_to_our_question_counts_and_counts_once() {
        let (mut stun, now) = (Stun::new(false), Instant::now());
        let viewer = ViewerId(3);
        stun.begin(
            viewer,
            &[server("stun:192.0.2.9:99"), server("turn:192.0.2.8")],
            now,
        );
        let (to, request) = stun.poll(now).unwrap();
        assert_eq!(to, SocketAddr::from(([192, 0, 2, 9], 99)));
        assert!(stun.poll(now).is_none(), "one server, one question");
        let good = response(&request);
        assert_eq!(
            stun.answer(SocketAddr::from(([192, 0, 2, 1], 99)), &good),
            None,
            "another's"
        );
        let mut forged = good.clone();
        forged[19] ^= 1;
        assert_eq!(stun.answer(to, &forged), None, "to another question");
        for cut in 0..good.len() {
            assert_eq!(stun.answer(to, &good[..cut]), None, "{cut} bytes of it");
        }
        assert_eq!(
            stun.answer(to, &good),
            Some((viewer, SocketAddr::from(([203, 0, 113, 7], 40_000))))
        );
        assert_eq!(stun.answer(to, &good), None, "twice");
        assert_eq!(stun.deadline(), None);
    }

    #[tokio::test]
    async fn a_silent_server_is_asked_four_times() {
        let (mut stun, start) = (Stun::new(false), Instant::now());
        stun.begin(
            ViewerId(1),
            &[server("stun:192.0.2.9"), server("stun:[2001:db8::1]")],
            start,
        );
        let mut sent = Vec::new();
        while let Some(now) = stun.deadline() {
            while stun.poll(now).is_some() {
                sent.push(now.duration_since(start).as_millis());
            }
        }
        assert_eq!(sent, [0, 500, 1500, 3500], "and none that this port cannot reach");
        stun.begin(ViewerId(1), &[server("stun:192.0.2.9")], start);
        stun.forget(ViewerId(1));
        assert_eq!(stun.deadline(), None);
    }
}
