//! What a viewer says about the stream: packets to send again, wishes for a keyframe, and how much the path
//! carries. The library drops the wishes unless an interceptor takes them, and its own way of sending again
//! knows one payload type a stream, while ours change with the codec.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut as _, BytesMut};
use rtc::interceptor::{
    Attribute, AttributedPacket, BandwidthEstimator, Gcc, Interceptor, Packet, PacketReport, StreamInfo,
    TaggedPacket,
};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp::packet::Packet as RtpPacket;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use session_core::path::Report;
use tokio::sync::{Notify, watch};

use super::offer::Offered;

/// Packets that can be sent again: a keyframe and a second of pictures after it.
const MEMORY: usize = 2_048;
/// Packets sent again for one report, whatever it asks for.
const MOST_AGAIN: usize = 512;
/// How often one packet is sent again: some viewers ask for ever.
const MOST_TIMES: u8 = 5;

/// The stream of retransmissions (RFC 4588) beside the one of pictures.
pub(super) struct Feedback {
    ssrc: u32,
    rtx_ssrc: u32,
    rtx_sequence: u16,
    /// Payload types of pictures and of their retransmissions.
    rtx: Vec<(u8, u8)>,
    /// Each with how often it was sent again.
    sent: VecDeque<(RtpPacket, u8)>,
    wish: Arc<Notify>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl Feedback {
    pub(super) fn new(ssrc: u32, rtx_ssrc: u32, offered: &[Offered], wish: Arc<Notify>) -> Self {
        let rtx = offered.iter().filter_map(|one| Some((one.pt, one.rtx?)));
        Self {
            ssrc,
            rtx_ssrc,
            rtx_sequence: 0,
            rtx: rtx.collect(),
            sent: VecDeque::new(),
            wish,
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
        }
    }

    fn hear(&mut self, now: Instant, packets: &[Box<dyn rtc::rtcp::Packet>]) {
        for packet in packets.iter().map(|packet| packet.as_any()) {
            if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                self.send_again(now, nack);
            }
            let pli = packet.downcast_ref::<PictureLossIndication>();
            let fir = packet.downcast_ref::<FullIntraRequest>();
            if pli.is_some_and(|pli| pli.media_ssrc == self.ssrc)
                || fir.is_some_and(|fir| fir.fir.iter().any(|entry| entry.ssrc == self.ssrc))
            {
                self.wish.notify_one();
            }
        }
    }

    /// As retransmissions only: a packet that went out twice under one number would be encrypted twice with
    /// one nonce, since its transport-wide number differs.
    fn send_again(&mut self, now: Instant, nack: &TransportLayerNack) {
        if nack.media_ssrc != self.ssrc {
            return;
        }
        let wanted = nack.nacks.iter().flat_map(|pair| {
            let more = (0..16).filter(|bit| pair.lost_packets & (1 << bit) != 0);
            std::iter::once(pair.packet_id).chain(more.map(|bit| pair.packet_id.wrapping_add(bit + 1)))
        });
        let first = self
            .sent
            .front()
            .map_or(0, |(packet, _)| packet.header.sequence_number);
        for sequence in wanted.take(MOST_AGAIN) {
            let at = usize::from(sequence.wrapping_sub(first));
            let Some((packet, times)) = self.sent.get_mut(at).filter(|(_, times)| *times < MOST_TIMES) else {
                continue;
            };
            *times += 1;
            let Some((_, pt)) = self.rtx.iter().find(|(pt, _)| *pt == packet.header.payload_type) else {
                continue;
            };
            let mut again = packet.clone();
            again.header.payload_type = *pt;
            again.header.ssrc = self.rtx_ssrc;
            again.header.sequence_number = self.rtx_sequence;
            self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
            let mut payload = BytesMut::with_capacity(packet.payload.len() + 2);
            payload.put_u16(sequence);
            payload.extend_from_slice(&packet.payload);
            again.payload = payload.freeze();
            self.outbound.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtp(again)).with(Attribute::Retransmission),
            });
        }
    }

    /// Numbers are taken one after another, so the place in the list is the distance from the first.
    fn remember(&mut self, packet: &RtpPacket) {
        let follows = self.sent.back().is_none_or(|(last, _)| {
            last.header.sequence_number.wrapping_add(1) == packet.header.sequence_number
        });
        if !follows {
            self.sent.clear();
        }
        if self.sent.len() == MEMORY {
            self.sent.pop_front();
        }
        self.sent.push_back((packet.clone(), 0));
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Feedback {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &msg.message.packet {
            self.hear(msg.now, packets);
        }
        self.inbound.push_back(msg);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &msg.message.packet
            && packet.header.ssrc == self.ssrc
        {
            self.remember(packet);
        }
        self.outbound.push_back(msg);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }
}

impl Interceptor for Feedback {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

/// The library's estimator, whose results are told to a task of ours.
pub(super) struct Estimator {
    inner: Gcc,
    tell: watch::Sender<Report>,
}

impl Estimator {
    pub(super) fn new(start: u32, least: u32, most: u32) -> (Self, watch::Receiver<Report>) {
        let (tell, told) = watch::channel(Report {
            bps: u64::from(start),
            ..Report::default()
        });
        let inner = Gcc::new(f64::from(start), f64::from(least), f64::from(most));
        (Self { inner, tell }, told)
    }

    fn publish(&self) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the estimator keeps one between its bounds, the other is a fraction"
        )]
        let (bps, loss) = (
            self.inner.target_bitrate() as u64,
            self.inner.stats().packet_loss.unwrap_or(0.0) as f32,
        );
        let report = Report { bps, loss, rtt: None };
        self.tell.send_replace(report);
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        self.inner.on_reports(now, reports);
        self.publish();
    }

    fn target_bitrate(&self) -> f64 {
        self.inner.target_bitrate()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
        self.publish();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::NackPair;
    use rtc::rtp::header::Header;

    use super::*;
    use crate::transport::webrtc::offer;

    #[test]
    fn lost_packets_are_sent_again_with_their_own_payload_type() {
        let offered = offer::codecs(
            "m=video 9 x 96 97 98 99\r\na=rtpmap:96 VP8/90000\r\na=fmtp:97 apt=96\r\n\
             a=rtpmap:98 VP9/90000\r\na=fmtp:99 apt=98\r\n",
        );
        let mut feedback = Feedback::new(1, 2, &offered, Arc::default());
        for (sequence, pt) in [(65_534, 96), (65_535, 96), (0, 98), (1, 98)] {
            feedback.remember(&RtpPacket {
                header: Header {
                    ssrc: 1,
                    sequence_number: sequence,
                    payload_type: pt,
                    ..Header::default()
                },
                payload: Bytes::from_static(b"x"),
            });
        }
        let nack = TransportLayerNack {
            sender_ssrc: 9,
            media_ssrc: 1,
            nacks: vec![NackPair {
                packet_id: 65_535,
                lost_packets: 0b101,
            }],
        };
        feedback.hear(Instant::now(), &[Box::new(nack)]);
        let again: Vec<(u8, u32, u16, Vec<u8>)> = std::iter::from_fn(|| feedback.poll_write())
            .filter_map(|msg| {
                let Packet::Rtp(packet) = msg.message.packet else {
                    return None;
                };
                let header = packet.header;
                let payload = packet.payload.to_vec();
                Some((header.payload_type, header.ssrc, header.sequence_number, payload))
            })
            .collect();
        // The third of them was never sent.
        assert_eq!(
            again,
            [(97, 2, 0, vec![255, 255, b'x']), (99, 2, 1, vec![0, 0, b'x'])]
        );
    }
}
