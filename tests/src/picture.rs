//! What one received video stream consisted of, read from its RTP packets without a decoder.

use bytes::Bytes;

/// Counts of everything that came, and the newest whole frame.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// `H264`, `VP9` or `VP8`, by the negotiated payload type of the newest packet.
    pub codec: String,
    pub packets: usize,
    pub bytes: usize,
    /// Markers, of which each frame has one.
    pub frames: usize,
    pub keyframes: usize,
    /// Packets that did not carry the playout delay 0/0.
    pub delayed: usize,
    /// Sequence numbers that never came, or came late.
    pub gaps: usize,
    /// The payload of the newest frame; whole only for VP8, whose packets are plain pieces.
    pub last: Vec<u8>,
    /// The number of the newest packet.
    pub sequence: Option<u16>,
    partial: Vec<u8>,
    key_time: Option<u32>,
}

impl Picture {
    /// Takes one packet; `delay` is what its playout delay extension holds.
    pub fn take(
        &mut self,
        codec: &str,
        sequence: u16,
        time: u32,
        marker: bool,
        delay: Option<&[u8]>,
        payload: &Bytes,
    ) {
        if payload.is_empty() {
            return;
        }
        codec.clone_into(&mut self.codec);
        self.packets += 1;
        self.bytes += payload.len();
        self.delayed += usize::from(delay != Some(&[0, 0, 0]));
        let follows = self.sequence.is_none_or(|last| last.wrapping_add(1) == sequence);
        self.gaps += usize::from(!follows);
        self.sequence = Some(sequence);
        if is_key(codec, payload) && self.key_time != Some(time) {
            self.key_time = Some(time);
            self.keyframes += 1;
        }
        self.partial.extend_from_slice(content(codec, payload));
        if marker {
            self.frames += 1;
            self.last = std::mem::take(&mut self.partial);
        }
    }
}

/// Whether this packet begins a keyframe (RFC 6184 §5.4, RFC 7741 §4.3, RFC 9628 §4.2).
fn is_key(codec: &str, payload: &[u8]) -> bool {
    let at = |index: usize| payload.get(index).copied().unwrap_or(0);
    match codec {
        "H264" => match at(0) & 31 {
            5 | 7 => true,
            24 => matches!(at(3) & 31, 5 | 7),
            28 => at(1) & 0x80 != 0 && matches!(at(1) & 31, 5 | 7),
            _ => false,
        },
        "VP8" => at(0) & 0x17 == 0x10 && content(codec, payload).first().is_some_and(|byte| byte & 1 == 0),
        "VP9" => at(0) & 0x48 == 0x08,
        _ => false,
    }
}

/// The payload without VP8's descriptor; of other codecs, as it is.
pub(crate) fn content<'a>(codec: &str, payload: &'a [u8]) -> &'a [u8] {
    if codec != "VP8" {
        return payload;
    }
    let at = |index: usize| payload.get(index).copied().unwrap_or(0);
    let mut skip = 1;
    if at(0) & 0x80 != 0 {
        let extended = at(1);
        skip += 1;
        if extended & 0x80 != 0 {
            skip += if at(skip) & 0x80 != 0 { 2 } else { 1 };
        }
        skip += usize::from(extended & 0x40 != 0) + usize::from(extended & 0x30 != 0);
    }
    payload.get(skip..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_are_told_by_their_first_packet() {
        for (codec, payload, key) in [
            ("H264", &[0x67, 1][..], true),
            ("H264", &[0x18, 0, 9, 0x67], true),
            ("H264", &[0x7c, 0x85], true),
            ("H264", &[0x7c, 0x05], false),
            ("H264", &[0x41, 0], false),
            ("VP8", &[0x10, 0x00], true),
            ("VP8", &[0x10, 0x01], false),
            ("VP8", &[0x00, 0x00], false),
            ("VP8", &[0x90, 0x80, 0x81, 0x02, 0x00], true),
            ("VP9", &[0x88, 1], true),
            ("VP9", &[0xc8, 1], false),
        ] {
            assert_eq!(is_key(codec, payload), key, "{codec} {payload:x?}");
        }
    }
}
