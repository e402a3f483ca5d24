//! Who is slow: strangers that hold a connection, and viewers that do not read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use signaling_spec::{Negotiation, Sdp, SessionId, Signal};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::world::{heard, say, start, until_closed, within};

#[tokio::test]
async fn nobody_holds_a_connection_by_being_slow() {
    let world = start();
    let silent = async {
        let mut tcp = world.tcp().await;
        assert!(until_closed(&mut tcp).await.is_empty());
    };
    let half_a_handshake = async {
        let mut tcp = world.tcp().await;
        tcp.write_all(&[0x16, 3, 1, 2, 0, 1, 0]).await.unwrap();
        assert!(until_closed(&mut tcp).await.is_empty());
    };
    let no_request = async {
        let mut tls = world.secure(world.tcp().await).await;
        until_closed(&mut tls).await;
    };
    let half_a_header = async {
        let mut tls = world.secure(world.tcp().await).await;
        tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            .await
            .unwrap();
        until_closed(&mut tls).await;
    };
    let drops = async {
        let mut tls = world.secure(world.tcp().await).await;
        for byte in b"GET / HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
            if tls.write_all(&[*byte]).await.is_err() || tls.flush().await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        until_closed(&mut tls).await;
    };
    let half_a_body = async {
        let mut tls = world.secure(world.tcp().await).await;
        let head = format!(
            "POST /api/v1/sessions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{",
            world.host_header(),
            world.token
        );
        tls.write_all(head.as_bytes()).await.unwrap();
        until_closed(&mut tls).await;
    };
    let kept_alive = async {
        let mut tls = world.secure(world.tcp().await).await;
        tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        assert!(!until_closed(&mut tls).await.is_empty());
    };
    let timed = async |name: &str, future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
        let since = Instant::now();
        future.await;
        (name.to_owned(), since.elapsed())
    };
    let all = futures_util::future::join_all([
        timed("silent", Box::pin(silent)),
        timed("half a handshake", Box::pin(half_a_handshake)),
        timed("no request", Box::pin(no_request)),
        timed("half a header", Box::pin(half_a_header)),
        timed("byte by byte", Box::pin(drops)),
        timed("half a body", Box::pin(half_a_body)),
        timed("kept alive", Box::pin(kept_alive)),
    ]);
    for (name, took) in all.await {
        assert!(took < Duration::from_secs(22), "{name} was held for {took:?}");
    }
}

#[tokio::test]
async fn plain_http_is_not_answered() {
    let world = start();
    for text in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\r\n\r\n",
        "SSH-2.0-x\r\n",
    ] {
        let mut tcp = world.tcp().await;
        tcp.write_all(text.as_bytes()).await.unwrap();
        assert!(within(3, until_closed(&mut tcp)).await.is_empty(), "{text:?}");
    }
}

/// Messages of 48 kB for the deaf viewer: far more than the kernel's buffers and the router's queue hold.
const SENT: usize = 1_000;

#[tokio::test]
async fn a_viewer_that_does_not_read_is_cut_off_and_harms_nobody() {
    let mut world = start();
    let (mut deaf, deaf_sid) = world.viewer().await;
    let (mut other, sid) = world.viewer().await;
    let answer = Signal::SdpAnswer {
        sid: SessionId(deaf_sid),
        negotiation: Negotiation(1),
        sdp: Sdp("x".repeat(48_000)),
        bind_sig: String::new(),
        bind_iat: 0,
    };
    for _ in 0..SENT {
        within(5, world.host.to_router.send(answer.clone()))
            .await
            .unwrap();
        // Let the router write each one out, so that the kernel's buffers fill before its own queue does.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let end = Signal::IceEnd { sid: SessionId(sid) };
    world.host.to_router.send(end.clone()).await.unwrap();
    assert_eq!(heard(&mut other).await, end, "others are served meanwhile");
    // The deaf one sleeps on: the router lets go of it all the same.
    let ends = deaf.get_ref().get_ref().0;
    let (client, server) = (ends.local_addr().unwrap(), ends.peer_addr().unwrap());
    within(20, async {
        while established(server, client) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    // Whether the words why it was cut off still fitted into the socket's buffers is the kernel's affair.
    let mut found = 0;
    let last = within(10, async {
        loop {
            match deaf.next().await {
                Some(Ok(Message::Text(_))) => found += 1,
                Some(Ok(Message::Close(words))) => return words,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    })
    .await;
    assert!(found < SENT, "all of it had waited for the deaf one");
    if let Some(words) = last {
        assert_eq!((u16::from(words.code), words.reason.as_str()), (1013, "overload"));
    }
    say(&mut other, end.encode()).await;
    assert_eq!(world.told().await, end);
}

/// Whether the kernel's table has an open connection from `local` to `remote` (proc_net_tcp(5), state 01).
fn established(local: SocketAddr, remote: SocketAddr) -> bool {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(v4) => {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port())
        }
        SocketAddr::V6(_) => panic!("the test's router listens on IPv4"),
    };
    let row = format!(" {} {} 01 ", hex(local), hex(remote));
    std::fs::read_to_string("/proc/net/tcp").unwrap().contains(&row)
}
