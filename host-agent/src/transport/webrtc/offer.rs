//! What a description says of the video line, read before the library sees it: its payload types, in the
//! viewer's order, and the number that a header extension got.

use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};

use crate::transport::Codec;

const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// What a viewer may say about a stream: lost packets, lost pictures, arrival times.
const FEEDBACK: [(&str, &str); 4] = [
    ("nack", ""),
    ("nack", "pli"),
    ("ccm", "fir"),
    ("transport-cc", ""),
];

/// One codec of ours that a description holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offered {
    pub(super) codec: Codec,
    pub(super) pt: u8,
    fmtp: String,
    /// The payload type of its retransmissions.
    pub(super) rtx: Option<u8>,
}

impl Offered {
    fn mime(&self) -> &'static str {
        match self.codec {
            Codec::H264 | Codec::H264High444 => MIME_TYPE_H264,
            Codec::Vp9 => MIME_TYPE_VP9,
            Codec::Vp8 => MIME_TYPE_VP8,
        }
    }

    pub(super) fn rtp_codec(&self) -> RTCRtpCodec {
        let feedback = FEEDBACK.map(|(typ, parameter)| RTCPFeedback {
            typ: typ.to_owned(),
            parameter: parameter.to_owned(),
        });
        RTCRtpCodec {
            mime_type: self.mime().to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: self.fmtp.clone(),
            rtcp_feedback: feedback.into(),
        }
    }

    fn parameters(&self) -> Vec<RTCRtpCodecParameters> {
        let mut all = vec![RTCRtpCodecParameters {
            rtp_codec: self.rtp_codec(),
            payload_type: self.pt,
        }];
        all.extend(self.rtx.map(|rtx| RTCRtpCodecParameters {
            rtp_codec: RTCRtpCodec {
                mime_type: MIME_TYPE_RTX.to_owned(),
                clock_rate: 90_000,
                channels: 0,
                sdp_fmtp_line: format!("apt={}", self.pt),
                rtcp_feedback: Vec::new(),
            },
            payload_type: rtx,
        }));
        all
    }
}

/// The lines of the first video section; empty where there is none.
fn video(sdp: &str) -> impl Iterator<Item = &str> {
    let mut lines = sdp.lines().map(str::trim_end).peekable();
    while lines.next_if(|line| !line.starts_with("m=video ")).is_some() {}
    let mut first = true;
    lines.take_while(move |line| std::mem::take(&mut first) || !line.starts_with("m="))
}

/// `PT value` of every line `a=NAME:PT value`.
fn by_pt<'a>(sdp: &'a str, name: &'a str) -> impl Iterator<Item = (u8, &'a str)> {
    video(sdp).filter_map(move |line| {
        let rest = line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':')?;
        let (pt, value) = rest.split_once(' ')?;
        Some((pt.parse().ok()?, value.trim()))
    })
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    let mut all = fmtp.split(';').filter_map(|one| one.trim().split_once('='));
    all.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Codecs of ours in the description's order, the best payload type of each.
pub(super) fn codecs(sdp: &str) -> Vec<Offered> {
    let order = video(sdp)
        .next()
        .into_iter()
        .flat_map(|line| line.split(' ').skip(3));
    let mut found: Vec<Offered> = Vec::new();
    for pt in order.filter_map(|pt| pt.parse::<u8>().ok()) {
        let fmtp = by_pt(sdp, "fmtp")
            .find(|(known, _)| *known == pt)
            .map_or("", |(_, text)| text);
        let Some((_, map)) = by_pt(sdp, "rtpmap").find(|(known, _)| *known == pt) else {
            continue;
        };
        let name = map.split('/').next().unwrap_or_default();
        let Some(codec) = Codec::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
        else {
            continue;
        };
        let fits = match codec {
            Codec::H264 => {
                let full = parameter(fmtp, "profile-level-id").is_some_and(|id| id.starts_with("f4"));
                !full && parameter(fmtp, "packetization-mode") == Some("1")
            }
            Codec::H264High444 => false,
            Codec::Vp9 => parameter(fmtp, "profile-id").is_none_or(|profile| profile == "0"),
            Codec::Vp8 => true,
        };
        if fits && !found.iter().any(|known| known.codec == codec) {
            let apt = pt.to_string();
            let rtx = by_pt(sdp, "fmtp").find(|(_, text)| parameter(text, "apt") == Some(&apt));
            found.push(Offered {
                codec,
                pt,
                fmtp: fmtp.to_owned(),
                rtx: rtx.map(|(pt, _)| pt),
            });
        }
    }
    found
}

/// The number under which the description knows the playout delay.
pub(super) fn playout_delay(sdp: &str) -> Option<u8> {
    video(sdp).find_map(|line| {
        let (id, uri) = line.strip_prefix("a=extmap:")?.split_once(' ')?;
        let id = id.split('/').next().unwrap_or_default().parse().ok()?;
        (uri.split(' ').next() == Some(PLAYOUT_DELAY)).then_some(id)
    })
}

/// What the library is to answer: the very codecs that were offered, and two header extensions.
pub(super) fn media(offered: &[Offered]) -> Result<MediaEngine, rtc::shared::error::Error> {
    let mut media = MediaEngine::default();
    for parameters in offered.iter().flat_map(Offered::parameters) {
        media.register_codec(parameters, RtpCodecKind::Video)?;
    }
    for uri in [PLAYOUT_DELAY, TRANSPORT_CC] {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        media.register_header_extension(extension, RtpCodecKind::Video, None)?;
    }
    Ok(media)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 98 99 103 104 96 97 100\r\n\
        a=extmap:3/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n\
        a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\n\
        a=rtpmap:100 VP9/90000\r\na=fmtp:100 profile-id=0\r\n\
        a=rtpmap:103 H264/90000\r\na=fmtp:103 packetization-mode=0;profile-level-id=42001f\r\n\
        a=rtpmap:104 H264/90000\r\na=fmtp:104 level-asymmetry-allowed=1; packetization-mode=1\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 VP8/90000\r\n";

    #[test]
    fn the_best_payload_type_of_each_codec_is_taken_in_their_order() {
        let found = codecs(SDP);
        let short: Vec<(Codec, u8, Option<u8>)> =
            found.iter().map(|one| (one.codec, one.pt, one.rtx)).collect();
        assert_eq!(
            short,
            [
                (Codec::H264, 104, None),
                (Codec::Vp8, 96, Some(97)),
                (Codec::Vp9, 100, None)
            ]
        );
        assert_eq!(playout_delay(SDP), Some(3));
    }

    #[test]
    fn what_is_no_description_holds_nothing() {
        for text in [
            "",
            "m=video",
            "m=video \n",
            "garbage\nm=audio 9 x 1\na=rtpmap:1 VP8/90000",
        ] {
            assert!(codecs(text).is_empty(), "{text:?}");
            assert_eq!(playout_delay(text), None);
        }
    }
}
