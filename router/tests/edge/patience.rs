//! Who is slow: strangers that hold a connection, and viewers that do not read.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use signaling_spec::{Negotiation, Sdp, SessionId, Signal};
use tokio::io::AsyncWriteExt as _;

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
    for _ in 0..1_000 {
        within(5, world.host.to_router.send(answer.clone()))
            .await
            .unwrap();
    }
    let end = Signal::IceEnd { sid: SessionId(sid) };
    world.host.to_router.send(end.clone()).await.unwrap();
    assert_eq!(heard(&mut other).await, end, "others are served meanwhile");
    // The deaf one sleeps on. Its connection is gone all the same: what it finds later ends early.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let ended = async {
        while let Some(Ok(message)) = deaf.next().await {
            assert!(!message.is_close(), "it was still being waited for");
        }
    };
    within(5, ended).await;
    say(&mut other, end.encode()).await;
    assert_eq!(world.told().await, end);
}
