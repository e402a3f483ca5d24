//! Whatever a stranger sends, a decoder answers; whatever we write, we read.

use proptest::prelude::*;
use signaling_spec::channel::bulk::Bulk;
use signaling_spec::channel::control::{FromHost, FromViewer};
use signaling_spec::channel::input::{Input, Motion};
use signaling_spec::claims::Consent;
use signaling_spec::limits::{MAX_CANDIDATE_BYTES, MAX_INPUT_BYTES};
use signaling_spec::{
    EndReason, EventField, Fingerprint, IceServer, Link, Negotiation, Refusal, Right, Rights, Sdp, SessionId,
    Signal, TokenId, ViewerCaps, ViewerId,
};

/// Texts that look like messages more often than chance would have it.
fn nearly_json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("type"),
        Just("sid"),
        Just("ice.end"),
        Just("sdp.offer"),
        Just("ping"),
        Just("caps"),
        Just("t"),
        Just("viewers"),
    ];
    let piece = prop_oneof![
        word.prop_map(|word| format!("\"{word}\"")),
        "[\\[\\]{}:,]",
        "-?[0-9]{1,20}(\\.[0-9])?(e[0-9]{1,3})?",
        "true|false|null",
        ".{0,3}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn rights() -> impl Strategy<Value = Rights> {
    proptest::sample::subsequence(Right::ALL.to_vec(), 0..=9).prop_map(Rights::from_iter)
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    any::<[u8; 32]>().prop_map(|digest| Fingerprint::from_digest(&digest))
}

fn signals() -> impl Strategy<Value = Signal> {
    let sid = || ".{0,30}".prop_map(SessionId);
    prop_oneof![
        (
            (sid(), ".*", rights(), fingerprint()),
            proptest::option::of(".*"),
            proptest::option::of(sid())
        )
            .prop_map(|((sid, subject, rights, viewer_fp), page, resume)| {
                Signal::SessionRequest {
                    sid,
                    token: TokenId(subject.clone()),
                    subject,
                    rights,
                    viewer_fp,
                    viewer_nonce: "n".to_owned(),
                    local: page.clone(),
                    grant: page.clone(),
                    ice_servers: page.clone().map(|url| {
                        vec![IceServer {
                            urls: vec![url],
                            username: None,
                            credential: None,
                        }]
                    }),
                    relay_only: page.as_ref().map(|page| page.len() % 2 == 0),
                    consent: page.as_ref().map(|page| {
                        if page.is_empty() {
                            Consent::Notify
                        } else {
                            Consent::Ask
                        }
                    }),
                    page,
                    resume,
                }
            }),
        (sid(), any::<u32>()).prop_map(|(sid, seconds)| Signal::SessionLease { sid, seconds }),
        (sid(), any::<u32>()).prop_map(|(sid, seconds)| Signal::SessionWaiting { sid, seconds }),
        (".*", proptest::collection::vec(sid(), 0..32)).prop_map(|(name, sessions)| Signal::HostStatus {
            version: name.clone(),
            links: vec![Link {
                mac: name.clone(),
                net: name.clone()
            }],
            name,
            sessions
        }),
        (
            ".{0,4}",
            any::<u64>(),
            proptest::collection::vec(".{0,4}", 0..8),
            any::<u32>()
        )
            .prop_map(|(code, at, fields, lost)| Signal::HostEvent {
                code,
                at,
                fields: fields
                    .into_iter()
                    .map(|name| EventField {
                        value: name.clone(),
                        name
                    })
                    .collect(),
                lost
            }),
        proptest::collection::vec(".*", 0..8).prop_map(|macs| Signal::HostWake { macs }),
        any::<[u32; 10]>().prop_map(|n| Signal::HostFrames {
            made: n[0],
            capture_us: n[1],
            convert_us: n[2],
            encode_us: n[3],
            send_us: n[4],
            shown: n[5],
            way_us: n[6],
            decode_us: n[7],
            show_us: n[8],
            age_us: n[9]
        }),
        (sid(), fingerprint(), rights()).prop_map(|(sid, host_fp, rights)| Signal::SessionAccept {
            sid,
            host_fp,
            rights
        }),
        (
            sid(),
            any::<u32>(),
            ".*",
            ".*",
            proptest::option::of(any::<[u32; 2]>())
        )
            .prop_map(|(sid, n, sdp, browser, size)| Signal::SdpOffer {
                sid,
                negotiation: Negotiation(n),
                sdp: Sdp(sdp),
                caps: ViewerCaps {
                    browser,
                    size,
                    density: None
                }
            }),
        (sid(), any::<u32>(), ".*", any::<u64>()).prop_map(|(sid, n, sdp, bind_iat)| Signal::SdpAnswer {
            sid,
            negotiation: Negotiation(n),
            bind_sig: sdp.clone(),
            sdp: Sdp(sdp),
            bind_iat
        }),
        (sid(), ".{0,100}", proptest::option::of(".*")).prop_map(|(sid, candidate, mid)| {
            assert!(candidate.len() <= MAX_CANDIDATE_BYTES);
            Signal::IceCandidate { sid, candidate, mid }
        }),
        sid().prop_map(|sid| Signal::IceEnd { sid }),
        sid().prop_map(|sid| Signal::SessionEnd {
            sid,
            reason: EndReason::Lost
        }),
        sid().prop_map(|sid| Signal::SessionReject {
            sid,
            code: Refusal::Full
        }),
        proptest::option::of(".*").prop_map(|reference| Signal::Error {
            code: Refusal::TooMany,
            reference
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in prop_oneof![any::<String>(), nearly_json()]) {
        let _ = Signal::decode(&text);
        let _ = FromViewer::decode(&text);
        let _ = FromHost::decode(&text);
        let _ = Fingerprint::parse(&text);
        let _ = Fingerprint::of_sdp(&Sdp(text.clone()));
        let _ = Fingerprint::of_sdp(&Sdp(format!("a=fingerprint:{text}\r\na=fingerprint:sha-256 {text}")));
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..MAX_INPUT_BYTES + 20), kind in any::<u8>()) {
        let _ = Input::decode(&bytes);
        let _ = Motion::decode(&bytes);
        if let Ok(message) = Bulk::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes.clone());
        }
        let mut typed = bytes;
        typed.insert(0, kind % 0x20);
        let _ = Input::decode(&typed);
        let _ = Motion::decode(&typed);
    }

    #[test]
    fn a_signal_is_read_as_it_was_written(signal in signals()) {
        prop_assert_eq!(Signal::decode(&signal.encode()).expect("what we write, we read"), signal);
    }

    #[test]
    fn a_host_message_is_read_as_it_was_written(viewer in any::<u32>(), rights in rights(), host_name in ".*", id in proptest::option::of(any::<u32>())) {
        for message in [
            FromHost::Hello { viewer: ViewerId(viewer), rights: rights.clone(), host_name },
            FromHost::CursorUse { id },
        ] {
            prop_assert_eq!(FromHost::decode(&message.encode()).expect("what we write, we read"), message);
        }
    }

    #[test]
    fn a_cut_message_is_never_taken_for_a_whole_one(cut in 1usize..30) {
        let whole = b"\x12\x00\x01\x00\x00\x02\x04KeyQ\x09ShiftLeft";
        prop_assert!(Motion::decode(whole).is_ok());
        prop_assert!(Motion::decode(&whole[..whole.len().saturating_sub(cut)]).is_err());
    }
}
