//! Messages on the data channels.

use host_agent::transport::{Sent, TransportEvent};
use signaling_spec::ViewerId;
use signaling_spec::channel::Channel;
use signaling_spec::limits::MAX_CONTROL_BYTES;
use tests::peer::Wish;

use crate::host::{Host, Open, STEP};

const ONE: ViewerId = ViewerId(1);

/// A message that differs from others of its length.
fn message(len: usize, mark: u8) -> Vec<u8> {
    let letter = |n: usize| b'a' + u8::try_from((n * 7 + usize::from(mark)) % 26).unwrap();
    (0..len).map(letter).collect()
}

pub(crate) async fn messages_go_both_ways_up_to_the_limit(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let mut texts = 0;
    for len in [1, 1_000, 20_000, 65_536, MAX_CONTROL_BYTES] {
        for (channel, binary) in [
            (Channel::Ctl, false),
            (Channel::Input, true),
            (Channel::Bulk, true),
        ] {
            let label = channel.label();
            let down = message(len, 1);
            let taken = || async { host.send(ONE, channel, binary, down.clone()).await == Sent::Taken };
            // What the message before took up is free only when the last of it is acknowledged.
            tokio::time::timeout(STEP, async {
                while !taken().await {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .unwrap_or_else(|_| panic!("{label} never took {len} bytes"));
            texts += usize::from(!binary);
            let what = format!("{len} bytes to the viewer on {label}");
            let came = peer.seen.holds(&what, STEP, |facts| {
                facts.messages.contains(&(label.to_owned(), down.clone()))
            });
            came.await.unwrap();
            assert_eq!(peer.seen.facts().texts, texts, "{label}");

            let up = message(len, 2);
            peer.send(label, &up).await.unwrap();
            host.holds(&format!("{len} bytes from the viewer on {label}"), |event| {
                matches!(event, TransportEvent::Message { peer, channel: Some(on), data }
                    if *peer == ONE && *on == channel && *data == up)
            })
            .await;
        }
    }
    // Not reliable, so the first may be lost.
    peer.send("motion", b"move").await.unwrap();
    host.holds("a move", |event| {
        matches!(event, TransportEvent::Message { channel: Some(Channel::Motion), data, .. } if data == b"move")
    })
    .await;
}

pub(crate) async fn a_full_channel_says_so_and_recovers(open: Open) {
    const LEN: usize = 60_000;
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    // Within one call nothing can drain: what was taken is what there is room for.
    let taken = host.call(|transport| {
        let data = message(LEN, 3);
        let mut send = || transport.send(ONE, Channel::Bulk, true, &data);
        (0..2_000).take_while(|_| send() == Sent::Taken).count()
    });
    let taken = taken.await;
    assert!((1..1_000).contains(&taken), "{taken} messages were taken at once");
    let all = peer.seen.holds("all that was taken arrives", STEP, |facts| {
        facts
            .messages
            .iter()
            .filter(|(_, data)| data.len() == LEN)
            .count()
            == taken
    });
    all.await.unwrap();
    host.lives(ONE, &peer, 1).await;
}

pub(crate) async fn a_channel_that_is_not_ours_is_nobodys(open: Open) {
    let host = Host::start(open);
    let wish = Wish {
        further: vec!["stranger"],
        ..Wish::default()
    };
    let peer = host.connect(ONE, &wish).await;
    let open = peer.seen.holds("the strange channel opens", STEP, |facts| {
        facts.open.contains(&"stranger".to_owned())
    });
    open.await.unwrap();
    peer.send("stranger", b"hello").await.unwrap();
    host.holds(
        "what comes on it is nobody's",
        |event| matches!(event, TransportEvent::Message { channel: None, data, .. } if data == b"hello"),
    )
    .await;
    host.lives(ONE, &peer, 1).await;
}
