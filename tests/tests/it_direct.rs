//! The whole system: the program itself, and viewers that share none of its code for media.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::{Duration, Instant};

use signaling_spec::channel::control::FromHost;
use signaling_spec::limits::MAX_CONTROL_RATE;
use signaling_spec::{EndReason, Refusal, Rights, Signal, ViewerId};
use tests::agent::Agent;
use tests::peer::{Ask, Wish};
use tests::viewer::{STEP, Viewer};

const PATTERN: [&str; 4] = ["--desktop", "test", "--size", "640x360"];

/// One message of each kind that asks for more than to look, beside those that change the desktop itself.
const SERVICES: [(&str, &str); 9] = [
    (
        "clip.offer",
        r#"{"type":"clip.offer","serial":1,"formats":["text/plain"]}"#,
    ),
    (
        "clip.get",
        r#"{"type":"clip.get","transfer":1,"serial":7,"format":"text/plain","max":100}"#,
    ),
    (
        "file.put",
        r#"{"type":"file.put","transfer":3,"path":"a.txt","size":5,"modified":1700000000000}"#,
    ),
    ("file.done", r#"{"type":"file.done","transfer":3,"sum":"00"}"#),
    ("file.folder", r#"{"type":"file.folder","transfer":5,"path":"a"}"#),
    ("file.browse", r#"{"type":"file.browse","path":"","after":null}"#),
    (
        "file.get",
        r#"{"type":"file.get","transfer":7,"path":"a.txt","from":0}"#,
    ),
    ("sound.listen", r#"{"type":"sound.listen","on":true}"#),
    ("microphone.use", r#"{"type":"microphone.use","on":true}"#),
];

fn id(viewer: &Viewer) -> ViewerId {
    let facts = viewer.seen.facts();
    let hello = facts.told.iter().find_map(|told| {
        if let FromHost::Hello { viewer, .. } = told {
            Some(*viewer)
        } else {
            None
        }
    });
    hello.unwrap()
}

async fn lives(viewer: &Viewer, t: u32) {
    viewer.lives(t).await.unwrap();
}

async fn refused(viewer: &Viewer, label: &str, data: &[u8], code: Refusal, reference: &str) {
    viewer.refused(label, data, code, reference).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moving_screen_is_seen_whole_and_without_delay() {
    let agent = Agent::start("moving", &PATTERN).unwrap();
    let viewer = Viewer::connect(&agent.link).await.unwrap();
    assert_eq!(viewer.rights, Rights::all());
    viewer.first_picture().await.unwrap();
    // The trials of encoders beside the first pictures are over when the rate is steady.
    let mut best = 0;
    for _ in 0..6 {
        let before = viewer.seen.facts().picture.frames;
        tokio::time::sleep(Duration::from_secs(2)).await;
        best = best.max(viewer.seen.facts().picture.frames - before);
        if best >= 108 {
            break;
        }
    }
    assert!(best >= 108, "{best} frames in the best two seconds");
    let facts = viewer.seen.facts();
    assert_eq!(facts.picture.delayed, 0, "packets without the playout delay 0/0");
    assert_eq!(facts.garbled, 0);
    assert!(
        facts.picture.keyframes <= 3,
        "{} keyframes",
        facts.picture.keyframes
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_ask_gets_a_keyframe_of_each_codec() {
    for codec in ["VP8", "VP9", "H264"] {
        let agent = Agent::start(&format!("ask-{codec}"), &PATTERN).unwrap();
        for (pli, ask) in [(true, Ask::Pli), (false, Ask::Fir(1))] {
            let wish = Wish {
                codecs: vec![codec],
                pli,
                fir: !pli,
                ..Wish::default()
            };
            let viewer = Box::pin(Viewer::connect_with(&agent.link, &wish)).await.unwrap();
            viewer.first_picture().await.unwrap();
            assert_eq!(viewer.seen.facts().picture.codec, codec);
            // Longer than keyframes are kept apart, so that the next one is not the first one's echo.
            tokio::time::sleep(Duration::from_millis(700)).await;
            let before = viewer.seen.facts().picture.keyframes;
            viewer.peer.ask(ask).await.unwrap();
            let came = viewer.seen.holds(
                "the keyframe that was asked for",
                Duration::from_secs(3),
                |facts| facts.picture.keyframes > before,
            );
            came.await
                .unwrap_or_else(|error| panic!("{codec} {ask:?}: {error}"));
            viewer.leave().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_viewers_at_once_cost_few_keyframes() {
    let agent = Agent::start("ten", &PATTERN).unwrap();
    let first = Viewer::connect(&agent.link).await.unwrap();
    first.first_picture().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = first.seen.facts().picture.keyframes;
    let joins: Vec<_> = (0..10)
        .map(|_| {
            let link = agent.link.clone();
            tokio::spawn(async move {
                let viewer = Viewer::connect(&link).await?;
                viewer.first_picture().await?;
                anyhow::Ok(viewer)
            })
        })
        .collect();
    let start = Instant::now();
    let mut viewers = Vec::new();
    for join in joins {
        viewers.push(join.await.unwrap().unwrap());
    }
    let made = first.seen.facts().picture.keyframes - before;
    // One for all who wait together; joins on a busy machine are seconds apart.
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(made <= 4 + seconds, "{made} keyframes in {seconds} s");
    let told = first.seen.holds("everybody is on the list", STEP, |facts| {
        facts
            .told
            .iter()
            .any(|told| matches!(told, FromHost::Viewers { list } if list.len() == 11))
    });
    told.await.unwrap();
    for viewer in &viewers {
        let before = viewer.seen.facts().picture.frames;
        let moves = viewer.seen.holds("it moves for each of them", STEP, |facts| {
            facts.picture.frames > before + 10
        });
        moves.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_still_screen_sends_next_to_nothing() {
    let still = [
        "--desktop",
        "virtual",
        "--size",
        "640x360",
        "--session",
        "exec sleep 1000000",
    ];
    let agent = Agent::start("still", &still).unwrap();
    let viewer = Viewer::connect(&agent.link).await.unwrap();
    viewer.first_picture().await.unwrap();
    // It is sharpened first, and probes find out what the path carries.
    let mut least = u64::MAX;
    for _ in 0..8 {
        let before = viewer.peer.bytes_received().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        least = least.min(viewer.peer.bytes_received().await - before);
        if least < 6_000 {
            return;
        }
    }
    panic!("{least} bytes in the quietest three seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_look_can_do_nothing() {
    let shared = std::env::temp_dir().join(format!("removid-system-look-files-{}", std::process::id()));
    std::fs::create_dir_all(&shared).unwrap();
    let shared_flag = shared.to_str().unwrap();
    let args = [&PATTERN[..], &["--files", shared_flag]].concat();
    let agent = Agent::start("look", &args).unwrap();
    let owner = Viewer::connect(&agent.link).await.unwrap();
    let guest = agent.token(&["--view-only", "--ttl", "1h"]).unwrap();
    let guest = Viewer::connect(&guest).await.unwrap();
    assert_eq!(guest.rights, Rights::view_only());
    let inputs: [(&str, &[u8]); 6] = [
        ("input", b"\x01\x01\x00\x04KeyQ\x01q"),
        ("input", b"\x02\x00\x01\x00\x01\x00\x01"),
        ("input", b"\x03\x00\x78\x00\x00\x00\x01\x00\x01"),
        ("motion", b"\x10\x00\x01\x00\x01\x00\x01"),
        ("motion", b"\x11\x00\x01\x01\x00\x00\x00\x01\x00\x00\x00\x01"),
        ("motion", b"\x12\x00\x01\x01\x00\x01\x04KeyQ"),
    ];
    for (label, data) in inputs {
        refused(&guest, label, data, Refusal::Forbidden, label).await;
    }
    let dismiss = format!(r#"{{"type":"viewer.dismiss","viewer":{}}}"#, id(&owner).0);
    for (kind, text) in [
        (
            "display.resize",
            r#"{"type":"display.resize","width":800,"height":600,"density":100,"asked":true}"#,
        ),
        ("quality.limit", r#"{"type":"quality.limit","max_kbps":500}"#),
        ("viewer.dismiss", dismiss.as_str()),
    ]
    .into_iter()
    .chain(SERVICES)
    {
        refused(&guest, "ctl", text.as_bytes(), Refusal::Forbidden, kind).await;
    }
    // The same messages of whoever may: nothing of them is forbidden.
    for (_, text) in SERVICES {
        owner.peer.send("ctl", text.as_bytes()).await.unwrap();
        // Of five refusals a second each is told.
        tokio::time::sleep(Duration::from_millis(220)).await;
    }
    lives(&guest, 1).await;
    lives(&owner, 2).await;
    let facts = owner.seen.facts();
    assert_eq!(facts.ended(), None);
    assert!(
        !facts
            .refused()
            .iter()
            .any(|(code, _)| *code == Refusal::Forbidden)
    );
    let sizes: Vec<(u32, u32)> = facts
        .told
        .iter()
        .filter_map(|told| {
            if let FromHost::DisplayState { width, height, .. } = told {
                Some((*width, *height))
            } else {
                None
            }
        })
        .collect();
    assert!(
        sizes.iter().all(|size| *size == (640, 360) || *size == (0, 0)),
        "{sizes:?}"
    );
    let limited = facts.told.iter().any(|told| {
        matches!(
            told,
            FromHost::VideoState {
                max_kbps: Some(_),
                ..
            }
        )
    });
    assert!(!limited);
    drop(agent);
    std::fs::remove_dir_all(shared).unwrap();
}

/// The owner's own link gives everything; what the host itself does not permit it does not give.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_itself_has_the_last_word() {
    let args = [&PATTERN[..], &["--permit", "view,input_pointer"]].concat();
    let agent = Agent::start("permit", &args).unwrap();
    let owner = Viewer::connect(&agent.link).await.unwrap();
    assert_eq!(owner.rights.canonical(), "input_pointer,view");
    let key = b"\x01\x01\x00\x04KeyQ\x01q";
    refused(&owner, "input", key, Refusal::Forbidden, "input").await;
    for (kind, text) in SERVICES {
        refused(&owner, "ctl", text.as_bytes(), Refusal::Forbidden, kind).await;
    }
    owner
        .peer
        .send("motion", b"\x10\x00\x01\x00\x01\x00\x01")
        .await
        .unwrap();
    lives(&owner, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_no_message_is_refused_and_nobody_is_hurt() {
    let agent = Agent::start("garbage", &PATTERN).unwrap();
    let wish = Wish {
        further: vec!["stranger"],
        ..Wish::default()
    };
    let rude = Box::pin(Viewer::connect_with(&agent.link, &wish)).await.unwrap();
    let other = Viewer::connect(&agent.link).await.unwrap();
    let long = vec![1; 513];
    let text = format!(r#"{{"type":"ping","t":1,"x":"{}"}}"#, "x".repeat(5_000));
    for (label, data, code, reference) in [
        ("input", &b"\x99"[..], Refusal::Malformed, "input"),
        ("input", b"\x01\x01", Refusal::Malformed, "input"),
        (
            "input",
            b"\x02\x07\x01\x00\x01\x00\x01",
            Refusal::Malformed,
            "input",
        ),
        ("input", &long, Refusal::Malformed, "input"),
        ("motion", b"\x10\x00", Refusal::Malformed, "motion"),
        ("motion", &long, Refusal::Malformed, "motion"),
        ("ctl", b"{", Refusal::Malformed, "ctl"),
        ("ctl", b"\xff\xfe", Refusal::Malformed, "ctl"),
        ("ctl", br#"{"type":"ping","t":-1}"#, Refusal::Malformed, "ctl"),
        (
            "ctl",
            br#"{"type":"ping","t":1,"more":1}"#,
            Refusal::Malformed,
            "ctl",
        ),
        (
            "ctl",
            br#"{"type":"shell","command":"id"}"#,
            Refusal::Unsupported,
            "ctl",
        ),
        ("ctl", text.as_bytes(), Refusal::TooLarge, "ctl"),
        ("bulk", b"anything", Refusal::Malformed, "bulk"),
    ] {
        refused(&rude, label, data, code, reference).await;
    }
    lives(&rude, 1).await;

    for _ in 0..8 * MAX_CONTROL_RATE {
        rude.peer.send("ctl", br#"{"type":"ping","t":9}"#).await.unwrap();
    }
    let many = rude.seen.holds("too many are refused", STEP, |facts| {
        facts.refused().contains(&(Refusal::TooMany, "ctl"))
    });
    many.await.unwrap();
    // A channel that nobody asked for is nobody's: what comes on it has no effect.
    rude.peer
        .send("stranger", br#"{"type":"ping","t":77}"#)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    lives(&rude, 2).await;
    lives(&other, 3).await;
    let facts = other.seen.facts();
    assert!(facts.refused().is_empty() && facts.ended().is_none());
    let facts = rude.seen.facts();
    assert!(
        !facts
            .told
            .iter()
            .any(|told| matches!(told, FromHost::Pong { t: 77, .. }))
    );
    assert_eq!(facts.ended(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_refuses_what_a_viewer_may_not_say() {
    let agent = Agent::start("socket", &PATTERN).unwrap();
    let viewer = Viewer::connect(&agent.link).await.unwrap();
    viewer.say(r#"{"type":"session.dance"}"#).unwrap();
    let told = viewer.seen.holds("an unknown type is refused", STEP, |facts| {
        facts.signals.iter().any(|signal| {
            matches!(
                signal,
                Signal::Error {
                    code: Refusal::Unsupported,
                    ..
                }
            )
        })
    });
    told.await.unwrap();
    lives(&viewer, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_sent_away_or_loses_the_token_is_told_and_cut_off() {
    let agent = Agent::start("away", &PATTERN).unwrap();
    let owner = Viewer::connect(&agent.link).await.unwrap();
    let link = agent.token(&["--label", "guest", "--ttl", "1h"]).unwrap();
    let dismissed = Viewer::connect(&link).await.unwrap();
    let revoked = Viewer::connect(&link).await.unwrap();
    let dismiss = format!(r#"{{"type":"viewer.dismiss","viewer":{}}}"#, id(&dismissed).0);
    owner.peer.send("ctl", dismiss.as_bytes()).await.unwrap();
    let told = dismissed
        .seen
        .until("it is told why", Duration::from_secs(2), |facts| facts.ended());
    assert_eq!(told.await.unwrap(), EndReason::Dismissed);
    assert_eq!(revoked.seen.facts().ended(), None);

    agent.revoke("guest").unwrap();
    let start = Instant::now();
    let told = revoked
        .seen
        .until("the other is told why", Duration::from_secs(5), |facts| {
            facts.ended()
        });
    assert_eq!(told.await.unwrap(), EndReason::Revoked);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let again = Viewer::connect(&link).await;
    let words = format!("{:#}", again.unwrap_err());
    assert!(words.contains("TokenRevoked"), "{words}");
    lives(&owner, 1).await;
}
