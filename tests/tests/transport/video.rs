//! Pictures, and what viewers say of them.

use std::time::{Duration, Instant};

use host_agent::transport::{Codec, EncodedFrame, TransportEvent};
use signaling_spec::ViewerId;
use tests::peer::{Ask, Peer, Wish};

use crate::host::{Host, Open, STEP};

const ONE: ViewerId = ViewerId(1);

/// A picture of that length, as far as a transport looks into it.
fn frame(codec: Codec, key: bool, time: u32, len: usize) -> EncodedFrame {
    let mut data: Vec<u8> = match (codec, key) {
        (Codec::H264 | Codec::H264High444, true) if len > 30 => {
            b"\0\0\0\x01\x67\x42\xe0\x1f\x8c\0\0\0\x01\x68\xce\x3c\x80\0\0\0\x01\x65".to_vec()
        }
        (Codec::H264 | Codec::H264High444, true) => b"\0\0\0\x01\x65".to_vec(),
        (Codec::H264 | Codec::H264High444, false) => b"\0\0\0\x01\x41".to_vec(),
        (Codec::Vp9, true) => vec![0x82],
        (Codec::Vp9, false) => vec![0x86],
        (Codec::Vp8, true) => vec![0x10],
        (Codec::Vp8, false) => vec![0x11],
    };
    // No zero: nothing in it may look like the beginning of a unit.
    let body = (0..).map(|n: usize| u8::try_from(n % 251 + 1).unwrap());
    data.extend(body.take(len.saturating_sub(data.len())));
    EncodedFrame {
        codec,
        key,
        rtp_time: u64::from(time),
        captured: Instant::now(),
        data: data.into(),
    }
}

async fn send(host: &Host, frame: &EncodedFrame) {
    let frame = frame.clone();
    host.call(move |transport| transport.send_frame(ONE, &frame))
        .await;
}

/// Waits until this very frame has come. Returns whether it did, for a frame that may be lost.
async fn arrives_within(peer: &Peer, frame: &EncodedFrame, limit: Duration) -> anyhow::Result<()> {
    let time = u32::try_from(frame.rtp_time).unwrap();
    let what = format!("a frame of {} bytes in {:?}", frame.data.len(), frame.codec);
    let came = peer
        .seen
        .until(&what, limit, |facts| facts.frames.whole(time))
        .await?;
    assert!(came == *frame.data, "{what} came as {} other bytes", came.len());
    Ok(())
}

async fn arrives(peer: &Peer, frame: &EncodedFrame) {
    arrives_within(peer, frame, STEP).await.unwrap();
}

pub(crate) async fn frames_of_every_size_arrive_whole(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let mut time = 0;
    for codec in Codec::ALL {
        // The largest is what the viewer's socket holds even if the viewer does not read meanwhile.
        for len in [1, 2, 100, 1_100, 1_200, 5_000, 50_000, 90_000] {
            time += 3_000;
            let frame = frame(codec, true, time, len);
            send(&host, &frame).await;
            arrives(&peer, &frame).await;
        }
    }
    assert_eq!(
        peer.seen.facts().picture.delayed,
        0,
        "packets without the playout delay 0/0"
    );
}

/// More than a socket holds is lost in part if the viewer does not read meanwhile, and what is sent again is
/// limited; then a viewer asks for another picture, as here.
pub(crate) async fn a_huge_frame_arrives_whole_in_the_end(open: Open) {
    for codec in Codec::ALL {
        let host = Host::start(open);
        let peer = host.connect(ONE, &Wish::default()).await;
        let mut came = false;
        for attempt in 1..120 {
            let huge = frame(codec, true, attempt * 90_000, 300_000);
            send(&host, &huge).await;
            came = arrives_within(&peer, &huge, Duration::from_millis(500))
                .await
                .is_ok();
            if came {
                break;
            }
        }
        assert!(came, "{codec:?}");
    }
}

pub(crate) async fn nothing_is_sent_before_a_keyframe(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let mut expected = Vec::new();
    for (index, codec) in (1..).zip([Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Vp8]) {
        let at = index * 100_000;
        for early in 0..5 {
            send(&host, &frame(codec, false, at + early, 2_000)).await;
        }
        for (later, key) in [(10, true), (11, false)] {
            let frame = frame(codec, key, at + later, 2_000);
            send(&host, &frame).await;
            arrives(&peer, &frame).await;
            expected.push(at + later);
        }
    }
    assert_eq!(peer.seen.facts().frames.times(), expected);
}

pub(crate) async fn sixty_frames_in_a_second_arrive(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    let frames: Vec<EncodedFrame> = (0..60)
        .map(|n| frame(Codec::Vp8, n == 0, 1_000 + n * 1_500, 8_000))
        .collect();
    let mut pace = tokio::time::interval(Duration::from_micros(16_000));
    for frame in &frames {
        pace.tick().await;
        send(&host, frame).await;
    }
    for frame in &frames {
        arrives(&peer, frame).await;
    }
    {
        let facts = peer.seen.facts();
        assert_eq!(facts.picture.delayed, 0, "packets without the playout delay 0/0");
        assert_eq!(facts.frames.times().len(), 60);
    }
    host.holds(
        "the path is reported on",
        |event| matches!(event, TransportEvent::Path { peer, report } if *peer == ONE && report.bps > 0),
    )
    .await;
}

pub(crate) async fn a_codec_that_was_not_agreed_on_is_passed_over(open: Open) {
    let host = Host::start(open);
    let wish = Wish {
        codecs: vec!["VP8", "H264"],
        ..Wish::default()
    };
    let peer = host.connect(ONE, &wish).await;
    let codecs = host.until("the codecs", STEP, |event| match event {
        TransportEvent::Connected { codecs, .. } => Some(codecs.clone()),
        _ => None,
    });
    assert_eq!(codecs.await, [Codec::Vp8, Codec::H264], "in the viewer's order");
    send(&host, &frame(Codec::Vp9, true, 1_000, 500)).await;
    for (time, codec) in [(2_000, Codec::Vp8), (3_000, Codec::H264)] {
        let frame = frame(codec, true, time, 500);
        send(&host, &frame).await;
        arrives(&peer, &frame).await;
    }
    assert_eq!(peer.seen.facts().frames.times(), [2_000, 3_000]);
}

/// They take turns with the usual profile: a browser that has nothing else has nothing of ours.
pub(crate) async fn all_colours_never_come_alone(open: Open) {
    let both = [Codec::H264High444, Codec::H264];
    for (codecs, want) in [
        (vec!["H264-444"], [].as_slice()),
        (vec!["H264-444", "H264"], both.as_slice()),
    ] {
        let host = Host::start(open);
        let wish = Wish {
            codecs,
            ..Wish::default()
        };
        let peer = host.connect(ONE, &wish).await;
        let codecs = host.until("the codecs", STEP, |event| match event {
            TransportEvent::Connected { codecs, .. } => Some(codecs.clone()),
            _ => None,
        });
        let codecs = codecs.await;
        // Not every transport has them.
        let usual = want.get(1..).unwrap_or_default();
        assert!(codecs == want || codecs == usual, "{codecs:?}");
        drop(peer);
    }
}

pub(crate) async fn wishes_for_a_keyframe_are_heard(open: Open) {
    for (pli, ask) in [(true, Ask::Pli), (false, Ask::Fir(1))] {
        let host = Host::start(open);
        let wish = Wish {
            pli,
            fir: !pli,
            ..Wish::default()
        };
        let peer = host.connect(ONE, &wish).await;
        let first = frame(Codec::Vp8, true, 1_000, 500);
        send(&host, &first).await;
        arrives(&peer, &first).await;
        let wished =
            |event: &TransportEvent| matches!(event, TransportEvent::KeyframeWish { peer } if *peer == ONE);
        assert_eq!(host.count(wished), 0);
        peer.ask(ask).await.unwrap();
        host.holds(&format!("{ask:?} is heard"), wished).await;
    }
}

/// The viewer reads from the payload type of what is sent again which codec it is.
pub(crate) async fn a_lost_packet_of_any_codec_is_sent_again(open: Open) {
    let host = Host::start(open);
    let peer = host.connect(ONE, &Wish::default()).await;
    for (time, codec) in (1..).zip([Codec::Vp8, Codec::Vp9, Codec::H264]) {
        let frame = frame(codec, true, time * 3_000, 500);
        send(&host, &frame).await;
        arrives(&peer, &frame).await;
        let (before, sequence) = {
            let picture = &peer.seen.facts().picture;
            (picture.packets, picture.sequence.unwrap())
        };
        peer.ask(Ask::Nack(sequence)).await.unwrap();
        let again = peer.seen.holds("the packet comes again", STEP, |facts| {
            let picture = &facts.picture;
            picture.packets > before && picture.sequence == Some(sequence) && picture.codec == codec.name()
        });
        again.await.unwrap();
    }
}
