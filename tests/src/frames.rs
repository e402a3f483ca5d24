//! Received frames put together again, to compare them with what was sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use rtc::rtp::codec::vp9::Vp9Packet;
use rtc::rtp::packetizer::Depacketizer;

use crate::picture;

/// Frames that are remembered; older ones are forgotten.
const MEMORY: usize = 128;

#[derive(Clone, Debug)]
struct Piece {
    sequence: u16,
    marker: bool,
    payload: Bytes,
}

/// The packets of the newest frames by their RTP time.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    pieces: BTreeMap<u32, (String, Vec<Piece>)>,
}

impl Frames {
    pub fn take(&mut self, codec: &str, sequence: u16, time: u32, marker: bool, payload: &Bytes) {
        if payload.is_empty() {
            return;
        }
        let (_, pieces) = self
            .pieces
            .entry(time)
            .or_insert_with(|| (codec.to_owned(), Vec::new()));
        if !pieces.iter().any(|piece| piece.sequence == sequence) {
            pieces.push(Piece {
                sequence,
                marker,
                payload: payload.clone(),
            });
        }
        while self.pieces.len() > MEMORY {
            self.pieces.pop_first();
        }
    }

    /// The times of all frames of which anything came.
    pub fn times(&self) -> Vec<u32> {
        self.pieces.keys().copied().collect()
    }

    /// The frame of this time as it was sent, once every packet of it has come.
    pub fn whole(&self, time: u32) -> Option<Vec<u8>> {
        let (codec, pieces) = self.pieces.get(&time)?;
        let last = pieces.iter().find(|piece| piece.marker)?.sequence;
        let mut pieces: Vec<&Piece> = pieces.iter().collect();
        // Numbers wrap, so they are counted back from the last.
        pieces.sort_by_key(|piece| std::cmp::Reverse(last.wrapping_sub(piece.sequence)));
        let has_no_hole = pieces
            .iter()
            .rev()
            .enumerate()
            .all(|(back, piece)| usize::from(last.wrapping_sub(piece.sequence)) == back);
        let first = &pieces.first()?.payload;
        if !has_no_hole || !begins(codec, first) {
            return None;
        }
        let mut vp9 = Vp9Packet::default();
        let mut frame = Vec::new();
        for Piece { payload, .. } in pieces {
            match codec.as_str() {
                "VP8" => frame.extend_from_slice(picture::content(codec, payload)),
                "VP9" => frame.extend_from_slice(&vp9.depacketize(payload).ok()?),
                _ => units(payload, &mut frame)?,
            }
        }
        Some(frame)
    }
}

/// Whether a payload is the first of its frame, as far as it says. H.264 says so of each unit only.
fn begins(codec: &str, payload: &[u8]) -> bool {
    let at = |index: usize| payload.get(index).copied().unwrap_or(0);
    match codec {
        "VP8" => at(0) & 0x17 == 0x10,
        "VP9" => at(0) & 0x08 != 0,
        _ => at(0) & 31 != 28 || at(1) & 0x80 != 0,
    }
}

/// Appends what one H.264 payload holds, in Annex B form (RFC 6184 §5.6 to §5.8).
fn units(payload: &[u8], frame: &mut Vec<u8>) -> Option<()> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let (first, mut rest) = payload.split_first()?;
    match first & 31 {
        24 => {
            while let Some((length, more)) = rest.split_first_chunk() {
                let (unit, more) = more.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                frame.extend_from_slice(&START);
                frame.extend_from_slice(unit);
                rest = more;
            }
        }
        28 => {
            let (second, piece) = rest.split_first()?;
            if second & 0x80 != 0 {
                frame.extend_from_slice(&START);
                frame.push(first & 0xe0 | second & 31);
            }
            frame.extend_from_slice(piece);
        }
        _ => {
            frame.extend_from_slice(&START);
            frame.extend_from_slice(payload);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_when_its_last_hole_is_filled() {
        let mut frames = Frames::default();
        let mut take = |sequence, marker, payload: &'static [u8]| {
            frames.take("VP8", sequence, 9, marker, &Bytes::from_static(payload));
            frames.whole(9)
        };
        assert_eq!(take(65_535, false, &[0x10, 1, 2]), None);
        assert_eq!(take(1, true, &[0, 5]), None);
        assert_eq!(take(1, true, &[0, 5]), None);
        assert_eq!(take(0, false, &[0, 3, 4]), Some(vec![1, 2, 3, 4, 5]));
    }
}
