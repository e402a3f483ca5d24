//! The codecs of one viewer's connection: ours, and which of them its browser takes, in its order.

use signaling_spec::Sdp;
use str0m::Rtc;
use str0m::format::CodecConfig;
use str0m::media::{Mid, Pt};

use crate::transport::Codec;

/// `profile_idc` of High 4:4:4 Predictive (H.264 annex A), and its payload types here: what the browser offers is answered
/// with its own.
const HIGH_444: u32 = 0xf4;
const HIGH_444_TYPES: (u8, u8) = (116, 117);

/// What we can send.
pub(super) fn set(config: &mut CodecConfig) {
    config.clear();
    config.enable_h264(true);
    let (own, rtx) = HIGH_444_TYPES;
    config.add_h264(own.into(), Some(rtx.into()), true, HIGH_444 << 16 | 0x1f);
    config.enable_vp9(true);
    config.enable_vp8(true);
    config.enable_opus(true, false);
}

/// Payload types of the offer's video line, as its browser prefers them.
pub(super) fn order(offer: &Sdp) -> Vec<u8> {
    let mut lines = offer.0.lines().map(str::trim_end);
    let video = lines
        .find(|line| line.starts_with("m=video "))
        .unwrap_or_default();
    video
        .split(' ')
        .skip(3)
        .filter_map(|pt| pt.parse().ok())
        .collect()
}

/// What was agreed on for the video line, best payload type per codec, in that order.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all but three of the library's codecs are none of ours"
)]
pub(super) fn negotiated(rtc: &mut Rtc, video: Option<Mid>, order: &[u8]) -> Vec<(Codec, Pt)> {
    let Some(writer) = video.and_then(|mid| rtc.writer(mid)) else {
        return Vec::new();
    };
    let mut found: Vec<(Codec, Pt)> = Vec::new();
    for params in writer.payload_params() {
        let spec = params.spec();
        let format = spec.format;
        let full = format.profile_level_id.is_some_and(|id| id >> 16 == HIGH_444);
        let codec = match spec.codec {
            str0m::format::Codec::H264 if format.packetization_mode == Some(1) && full => Codec::H264High444,
            str0m::format::Codec::H264 if format.packetization_mode == Some(1) => Codec::H264,
            str0m::format::Codec::Vp9 if format.profile_id.unwrap_or(0) == 0 => Codec::Vp9,
            str0m::format::Codec::Vp8 => Codec::Vp8,
            _ => continue,
        };
        if !found.iter().any(|(known, _)| *known == codec) {
            found.push((codec, params.pt()));
        }
    }
    // It takes turns with the usual profile.
    if !found.iter().any(|(known, _)| *known == Codec::H264) {
        found.retain(|(known, _)| *known != Codec::H264High444);
    }
    found.sort_by_key(|(_, pt)| order.iter().position(|known| *known == **pt));
    found
}
