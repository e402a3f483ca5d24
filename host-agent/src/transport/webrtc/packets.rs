//! Pictures into RTP packets. The library's own samples have a clock of their own and number header
//! extensions as before the negotiation, so packets are made here and its payload formats are used.

use bytes::Bytes;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::codec::vp8::Vp8Payloader;
use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp::packetizer::Payloader as _;

use crate::transport::{Codec, EncodedFrame};

/// Of one payload: with headers, extensions and SRTP's tag it stays below 1200 bytes.
const PAYLOAD: usize = 1_140;
/// 0/0: the browser then shows a frame as soon as it is decoded.
const NO_DELAY: [u8; 3] = [0; 3];

/// The state of one outgoing stream.
#[derive(Debug)]
pub(super) struct Packets {
    ssrc: u32,
    sequence: u16,
    h264: H264Payloader,
    vp8: Vp8Payloader,
    vp9: Vp9,
}

impl Packets {
    pub(super) fn new(ssrc: u32, first: u16) -> Self {
        Self {
            ssrc,
            sequence: first,
            h264: H264Payloader::default(),
            vp8: Vp8Payloader::default(),
            vp9: Vp9 {
                picture: first,
                base: 0,
            },
        }
    }

    /// The packets of one picture, each with the playout delay under its negotiated number.
    pub(super) fn of(
        &mut self,
        frame: &EncodedFrame,
        pt: u8,
        playout_delay: Option<u8>,
    ) -> Result<Vec<Packet>, rtc::shared::error::Error> {
        let data = Bytes::from_owner(std::sync::Arc::clone(&frame.data));
        let payloads = match frame.codec {
            Codec::H264 | Codec::H264High444 => self.h264.payload(PAYLOAD, &data)?,
            Codec::Vp8 => self.vp8.payload(PAYLOAD, &data)?,
            Codec::Vp9 => self.vp9.payloads(frame.key, &data),
        };
        #[expect(clippy::cast_possible_truncation, reason = "RTP's clock wraps")]
        let timestamp = frame.rtp_time as u32;
        let last = payloads.len().saturating_sub(1);
        let packet = |(index, payload): (usize, Bytes)| {
            let mut header = Header {
                version: 2,
                marker: index == last,
                payload_type: pt,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Header::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            if let Some(id) = playout_delay {
                header.set_extension(id, Bytes::from_static(&NO_DELAY))?;
            }
            Ok(Packet { header, payload })
        };
        payloads.into_iter().enumerate().map(packet).collect()
    }
}

/// VP9 in non-flexible mode (RFC 9628 §4.2). The library's form is flexible and never says that a picture
/// is predicted from others, so a receiver would take each for a keyframe.
#[derive(Debug)]
struct Vp9 {
    picture: u16,
    base: u8,
}

impl Vp9 {
    fn payloads(&mut self, key: bool, data: &Bytes) -> Vec<Bytes> {
        self.picture = self.picture.wrapping_add(1) & 0x7fff;
        self.base = self.base.wrapping_add(1);
        let [high, low] = self.picture.to_be_bytes();
        let pieces = data.chunks(PAYLOAD - 6);
        let last = pieces.len().saturating_sub(1);
        let payload = |(index, piece): (usize, &[u8])| {
            // I and L: a picture number and layers follow. P, B, E: predicted, begins, ends.
            let mut flags = 0xa0;
            flags |= if key { 0 } else { 0x40 };
            flags |= if index == 0 { 0x08 } else { 0 };
            flags |= if index == last { 0x04 } else { 0 };
            let structure = key && index == 0;
            flags |= if structure { 0x02 } else { 0 };
            let mut payload = vec![flags, high | 0x80, low, 0x10, self.base];
            // One layer, no sizes, no groups of pictures.
            payload.extend(structure.then_some(0));
            payload.extend_from_slice(piece);
            Bytes::from(payload)
        };
        pieces.enumerate().map(payload).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    fn frame(codec: Codec, key: bool, len: usize) -> EncodedFrame {
        EncodedFrame {
            codec,
            key,
            rtp_time: 0x1_0000_0005,
            captured: Instant::now(),
            data: Arc::from(vec![0x65; len]),
        }
    }

    #[test]
    fn one_marker_one_time_and_no_hole_in_the_numbers() {
        let mut packets = Packets::new(7, 65_530);
        let mut expected: u16 = 65_530;
        for codec in Codec::ALL {
            for len in [1, 1_133, 1_134, 1_135, 300_000] {
                let made = packets.of(&frame(codec, true, len), 96, Some(3)).unwrap();
                let markers: Vec<bool> = made.iter().map(|packet| packet.header.marker).collect();
                assert!(markers.iter().rev().skip(1).all(|marker| !marker) && markers.last() == Some(&true));
                for packet in made {
                    assert_eq!(packet.header.sequence_number, expected);
                    assert_eq!((packet.header.timestamp, packet.header.ssrc), (5, 7));
                    assert_eq!(packet.header.get_extension(3).as_deref(), Some(&[0, 0, 0][..]));
                    assert!(packet.payload.len() <= PAYLOAD);
                    expected = expected.wrapping_add(1);
                }
            }
        }
    }

    #[test]
    fn vp9_says_what_is_predicted() {
        let mut packets = Packets::new(7, 0);
        let key = packets.of(&frame(Codec::Vp9, true, 2_000), 98, None).unwrap();
        let next = packets.of(&frame(Codec::Vp9, false, 10), 98, None).unwrap();
        let flags: Vec<u8> = key.iter().chain(&next).map(|packet| packet.payload[0]).collect();
        assert_eq!(flags, [0xaa, 0xa4, 0xec]);
    }
}
