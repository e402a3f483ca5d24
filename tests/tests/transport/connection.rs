//! How connections begin, go on and end.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use host_agent::transport::{Codec, EncodedFrame, Sent, TransportEvent};
use signaling_spec::channel::Channel;
use signaling_spec::{Fingerprint, Negotiation, Refusal, Sdp, ViewerId};
use tests::peer::{Peer, Wish};

use crate::host::{FIRST, Host, Open, STEP};

const ONE: ViewerId = ViewerId(1);
const TWO: ViewerId = ViewerId(2);

pub(crate) async fn both_sides_know_the_certificates(open: Open) {
    let host = Host::start(open);
    let wish = Wish::default();
    for id in [ONE, TWO] {
        let peer = host.connect(id, &wish).await;
        let answer = host.answer(id, FIRST).await;
        // The same for everybody: the host's key signs it.
        assert_eq!(Fingerprint::of_sdp(&answer).unwrap(), host.fingerprint);
        host.lives(id, &peer, 1).await;
    }
    let codecs = host.until("the codecs", STEP, |event| match event {
        TransportEvent::Connected { peer, codecs } if *peer == TWO => Some(codecs.clone()),
        _ => None,
    });
    assert_eq!(codecs.await, [Codec::H264, Codec::Vp9, Codec::Vp8]);
}

pub(crate) async fn an_offer_with_another_certificate_never_connects(open: Open) {
    let host = Host::start(open);
    let other = |offer: Sdp| {
        let print = Fingerprint::of_sdp(&offer).unwrap();
        let (first, rest) = print.as_str().split_at(1);
        let changed = format!("{}{rest}", if first == "0" { "1" } else { "0" });
        let lower = print.as_str().to_lowercase();
        Sdp(offer
            .0
            .replace(print.as_str(), &changed)
            .replace(&lower, &changed))
    };
    let peer = host.introduce(ONE, &Wish::default(), other).await;
    let lost = |event: &TransportEvent| matches!(event, TransportEvent::Lost { peer } if *peer == ONE);
    let shut = peer
        .seen
        .holds("the viewer is turned away", STEP * 3, |facts| facts.disconnected);
    tokio::select! {
        () = host.until("it is lost", STEP * 3, |event| lost(event).then_some(())) => {}
        shut = shut => shut.unwrap(),
    }
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Connected { .. })),
        0
    );
    assert_eq!(
        host.send(ONE, Channel::Ctl, false, b"{}".to_vec()).await,
        Sent::Closed
    );
}

pub(crate) async fn it_negotiates_again(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let again = Negotiation(7);
    host.accept(ONE, again, peer.offer().await.unwrap()).await;
    peer.answer(&host.answer(ONE, again).await).await.unwrap();
    host.lives(ONE, &peer, 1).await;
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Lost { .. })),
        0
    );
}

pub(crate) async fn garbage_offers_are_refused(open: Open) {
    let host = Host::start(open);
    let (peer, _trickle) = Box::pin(Peer::new(&Wish::default())).await.unwrap();
    let good = peer.offer().await.unwrap().0;
    let without = |word: &str| {
        good.lines()
            .filter(|line| !line.contains(word))
            .fold(String::new(), |text, line| text + line + "\r\n")
    };
    let garbage = [
        String::new(),
        "x".to_owned(),
        "v=0".to_owned(),
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".to_owned(),
        good.replace("v=0", "v=9"),
        "\0\u{7f}\u{ffff}".repeat(500),
        without("a=fingerprint"),
        without("a=ice-"),
    ];
    for (index, text) in (0..).zip(garbage) {
        let id = ViewerId(100 + index);
        host.accept(id, FIRST, Sdp(text.clone())).await;
        let refused = host.until("it is refused", STEP, |event| match event {
            TransportEvent::AnswerFailed { peer, code, .. } if *peer == id => Some(Some(*code)),
            TransportEvent::Answer { peer, .. } if *peer == id => Some(None),
            _ => None,
        });
        assert_eq!(refused.await, Some(Refusal::Malformed), "{text:?}");
    }
    // Whoever was refused may come again.
    let peer = host.connect(ViewerId(1_000), &Wish::default()).await;
    host.lives(ViewerId(1_000), &peer, 1).await;
}

pub(crate) async fn garbage_candidates_and_datagrams_do_no_harm(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let long = "x".repeat(512);
    let garbage = [
        "",
        "candidate:",
        "garbage",
        "candidate:1 1 udp 2130706431 c0ffee00-0000-4000-8000-000000000000.local 9 typ host",
        "candidate:1 1 udp 1 999.999.999.999 99999 typ host",
        "candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active",
        "\0\r\na=candidate:1",
        &long,
    ]
    .map(str::to_owned);
    for candidate in garbage {
        host.call(move |transport| transport.add_candidate(ONE, &candidate))
            .await;
    }
    let mut targets: Vec<SocketAddr> = Vec::new();
    let answer = host.answer(ONE, FIRST).await.0;
    let in_answer = answer
        .lines()
        .filter(|line| line.starts_with("a=candidate"))
        .map(str::to_owned);
    for line in host.candidates(ONE).into_iter().chain(in_answer) {
        let words: Vec<&str> = line.split(' ').collect();
        let at = format!("{}:{}", words[4], words[5]).parse();
        targets.extend(at.into_iter().filter(SocketAddr::is_ipv4));
    }
    assert!(!targets.is_empty());
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    for target in targets {
        // First bytes of STUN, DTLS, RTP, and of nothing.
        for (first, len) in [
            (0, 20),
            (0, 1),
            (1, 1_500),
            (20, 60),
            (22, 13),
            (23, 900),
            (128, 12),
            (200, 40),
            (255, 3),
        ] {
            let mut datagram: Vec<u8> = (0..len).map(|n: u32| (n * 31 % 251) as u8).collect();
            datagram[0] = first;
            let _ = socket.send_to(&datagram, target);
        }
        let _ = socket.send_to(&[], target);
    }
    host.lives(ONE, &peer, 1).await;
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Lost { .. })),
        0
    );
}

pub(crate) async fn a_close_is_noticed_by_the_viewer(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let other = host.connect(TWO, &Wish::default()).await;
    host.call(|transport| transport.close(ONE)).await;
    assert_eq!(
        host.send(ONE, Channel::Ctl, false, b"{}".to_vec()).await,
        Sent::Closed
    );
    let shut = peer.seen.holds("the viewer notices", STEP * 2, |facts| {
        facts.disconnected || facts.shut.len() >= Channel::ALL.len()
    });
    shut.await.unwrap();
    host.lives(TWO, &other, 1).await;
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Lost { .. })),
        0
    );
}

pub(crate) async fn a_viewer_that_vanishes_is_lost_once(open: Open) {
    let host = Host::start(open);
    let stays = host.connect(TWO, &Wish::default()).await;
    // In a runtime of its own, whose end takes the sockets away without a word.
    let theirs = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (at, wish) = (host.clone(), Wish::default());
    let vanishes = theirs
        .spawn(async move { at.connect(ONE, &wish).await })
        .await
        .unwrap();
    host.lives(ONE, &vanishes, 1).await;
    theirs.shutdown_background();
    let lost = |event: &TransportEvent| matches!(event, TransportEvent::Lost { peer } if *peer == ONE);
    let limit = Duration::from_secs(25);
    let alive = async {
        // The one that stays does what a page does.
        loop {
            stays.send("input", b"ping").await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = host.until("it is lost", limit, |event| lost(event).then_some(())) => {}
        () = alive => {}
    }
    assert_eq!(
        host.send(ONE, Channel::Ctl, false, b"{}".to_vec()).await,
        Sent::Closed
    );
    drop(vanishes);
    host.lives(TWO, &stays, 1).await;
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Lost { .. })),
        1
    );
}

pub(crate) async fn two_viewers_do_not_mix(open: Open) {
    let host = Host::start(open);
    let wish = Wish::default();
    let (one, two) = tokio::join!(host.connect(ONE, &wish), host.connect(TWO, &wish));
    host.lives(ONE, &one, 11).await;
    host.lives(TWO, &two, 22).await;
    let marks = |peer: &Peer| -> Vec<u8> {
        peer.seen
            .facts()
            .messages
            .iter()
            .map(|(_, data)| data[0])
            .collect()
    };
    assert_eq!((marks(&one), marks(&two)), (vec![11], vec![22]));
    let mixed = |event: &TransportEvent| match event {
        TransportEvent::Message { peer, data, .. } => (*peer == ONE) != (data[0] == 11),
        _ => false,
    };
    assert_eq!(host.count(mixed), 0);
}

pub(crate) async fn whoever_is_not_there_gets_nothing(open: Open) {
    let host = Host::start(open);
    let nobody = ViewerId(99);
    for channel in Channel::ALL {
        assert_eq!(host.send(nobody, channel, true, vec![1]).await, Sent::Closed);
    }
    host.call(move |transport| {
        transport.add_candidate(nobody, "candidate:1 1 udp 1 127.0.0.1 9 typ host");
        transport.set_desired_bitrate(nobody, 1_000_000);
        transport.send_frame(
            nobody,
            &EncodedFrame {
                codec: Codec::Vp8,
                key: true,
                rtp_time: 0,
                captured: std::time::Instant::now(),
                data: vec![0; 9].into(),
            },
        );
        transport.close(nobody);
    })
    .await;
    let peer = host.connect(ONE, &Wish::default()).await;
    host.lives(ONE, &peer, 1).await;
    assert_eq!(
        host.count(|event| matches!(event, TransportEvent::Lost { .. })),
        0
    );
}
