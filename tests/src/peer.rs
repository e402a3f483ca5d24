//! A viewer's peer connection on the crate `webrtc`, which shares no line with the agent's default transport.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::BytesMut;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9,
};
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc::rtp_transceiver::RTCRtpTransceiverInit;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use signaling_spec::Sdp;
use signaling_spec::channel::Channel;
use signaling_spec::channel::control::FromHost;
use tokio::sync::{Mutex, mpsc};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
    StatsSelector, register_default_interceptors,
};
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;

use crate::seen::Seen;

/// The longest message that it takes: Chromium's.
const MAX_MESSAGE: u32 = 256 * 1024;
const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/// What a viewer offers.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Of `H264`, `VP9` and `VP8`, best first.
    pub codecs: Vec<&'static str>,
    /// Whether it says that it may ask by these.
    pub pli: bool,
    pub fir: bool,
    /// Channels beside the four.
    pub further: Vec<&'static str>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            codecs: vec!["H264", "VP9", "VP8"],
            pli: true,
            fir: true,
            further: Vec::new(),
        }
    }
}

/// What a viewer asks for: a keyframe, or a packet again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// RFC 4585 §6.3.1.
    Pli,
    /// RFC 5104 §4.3.1, with its sequence number.
    Fir(u8),
    /// RFC 4585 §6.2.1, with the packet's number.
    Nack(u16),
}

type Track = Arc<Mutex<Option<(Arc<dyn TrackRemote>, u32)>>>;

/// See the module documentation.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    channels: BTreeMap<String, Arc<dyn DataChannel>>,
    track: Track,
    pub seen: Seen,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("channels", &self.channels.keys())
            .finish_non_exhaustive()
    }
}

struct Handler {
    seen: Seen,
    track: Track,
    candidates: mpsc::UnboundedSender<String>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            let _ = self.candidates.send(candidate.candidate);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.seen.note(|facts| {
            facts.connected = state == RTCPeerConnectionState::Connected;
            facts.disconnected = matches!(
                state,
                RTCPeerConnectionState::Disconnected
                    | RTCPeerConnectionState::Failed
                    | RTCPeerConnectionState::Closed
            );
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let Some(ssrc) = track.ssrcs().await.first().copied() else {
            return;
        };
        *self.track.lock().await = Some((Arc::clone(&track), ssrc));
        tokio::spawn(watch(track, self.seen.clone()));
    }
}

async fn watch(track: Arc<dyn TrackRemote>, seen: Seen) {
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else {
            continue;
        };
        let header = &packet.header;
        // An agent that changes the codec in one stream changes the payload type.
        let codec = match CODECS.iter().find(|codec| codec.pt == header.payload_type) {
            Some(codec) => codec.name.to_owned(),
            None => names.entry(header.ssrc).or_default().clone(),
        };
        let delay = header
            .extensions
            .iter()
            .find(|extension| extension.payload.len() == 3);
        let delay = delay.map(|extension| extension.payload.to_vec());
        seen.note(|facts| {
            facts.frames.take(
                &codec,
                header.sequence_number,
                header.timestamp,
                header.marker,
                &packet.payload,
            );
            facts.picture.take(
                &codec,
                header.sequence_number,
                header.timestamp,
                header.marker,
                delay.as_deref(),
                &packet.payload,
            );
        });
    }
}

async fn listen(channel: Arc<dyn DataChannel>, label: String, seen: Seen) {
    while let Some(event) = channel.poll().await {
        if matches!(event, DataChannelEvent::OnOpen) {
            seen.note(|facts| facts.open.push(label.clone()));
        } else if matches!(event, DataChannelEvent::OnClose) {
            seen.note(|facts| facts.shut.push(label.clone()));
        } else if let DataChannelEvent::OnMessage(message) = event {
            seen.note(|facts| {
                if label == Channel::Ctl.label() {
                    let text = std::str::from_utf8(&message.data).unwrap_or_default();
                    match FromHost::decode(text) {
                        Ok(told) => facts.told.push(told),
                        Err(_) => facts.garbled += 1,
                    }
                }
                facts.texts += usize::from(message.is_string);
                facts.messages.push((label.clone(), message.data.to_vec()));
            });
        }
    }
}

struct Known {
    name: &'static str,
    mime: &'static str,
    pt: u8,
    fmtp: &'static str,
}

const CODECS: [Known; 4] = [
    Known {
        name: "H264",
        mime: MIME_TYPE_H264,
        pt: 102,
        fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    },
    Known {
        name: "H264-444",
        mime: MIME_TYPE_H264,
        pt: 112,
        fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f",
    },
    Known {
        name: "VP9",
        mime: MIME_TYPE_VP9,
        pt: 98,
        fmtp: "profile-id=0",
    },
    Known {
        name: "VP8",
        mime: MIME_TYPE_VP8,
        pt: 96,
        fmtp: "",
    },
];

fn media(wish: &Wish) -> anyhow::Result<MediaEngine> {
    let mut media = MediaEngine::default();
    let said = [
        ("nack", "", true),
        ("nack", "pli", wish.pli),
        ("ccm", "fir", wish.fir),
        ("transport-cc", "", true),
    ];
    let feedback: Vec<RTCPFeedback> = said
        .iter()
        .filter(|(_, _, wished)| *wished)
        .map(|(typ, parameter, _)| RTCPFeedback {
            typ: (*typ).to_owned(),
            parameter: (*parameter).to_owned(),
        })
        .collect();
    for name in &wish.codecs {
        let codec = CODECS
            .iter()
            .find(|codec| codec.name == *name)
            .context("no such codec")?;
        for (mime, fmtp, pt, feedback) in [
            (codec.mime, codec.fmtp.to_owned(), codec.pt, feedback.clone()),
            (
                MIME_TYPE_RTX,
                format!("apt={}", codec.pt),
                codec.pt + 1,
                Vec::new(),
            ),
        ] {
            let rtp_codec = RTCRtpCodec {
                mime_type: mime.to_owned(),
                clock_rate: 90_000,
                channels: 0,
                sdp_fmtp_line: fmtp,
                rtcp_feedback: feedback,
            };
            let parameters = RTCRtpCodecParameters {
                rtp_codec,
                payload_type: pt,
            };
            media.register_codec(parameters, RtpCodecKind::Video)?;
        }
    }
    let extension = RTCRtpHeaderExtensionCapability {
        uri: PLAYOUT_DELAY.to_owned(),
    };
    media.register_header_extension(extension, RtpCodecKind::Video, None)?;
    Ok(media)
}

impl Peer {
    /// A connection that waits to be offered; its candidates come out of the receiver.
    ///
    /// # Errors
    /// The library refuses.
    pub async fn new(wish: &Wish) -> anyhow::Result<(Self, mpsc::UnboundedReceiver<String>)> {
        let (candidates, trickle) = mpsc::unbounded_channel();
        let (seen, track) = (Seen::default(), Track::default());
        let handler = Handler {
            seen: seen.clone(),
            track: Arc::clone(&track),
            candidates,
        };
        let mut media = media(wish)?;
        let registry = register_default_interceptors(Registry::new(), &mut media)?;
        let builder = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(
                SettingEngineBuilder::new()
                    .with_include_loopback_candidate(true)
                    // The host offers no names, and looking for them needs a network.
                    .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
                    .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE))
                    .build(),
            )
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec!["0.0.0.0:0", "127.0.0.1:0"]);
        let connection: Arc<dyn PeerConnection> = Arc::new(Box::pin(builder.build()).await?);
        let receive = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            streams: Vec::new(),
            send_encodings: Vec::new(),
        };
        connection
            .add_transceiver_from_kind(RtpCodecKind::Video, Some(receive))
            .await?;
        let mut channels = BTreeMap::new();
        let ours = Channel::ALL.into_iter().map(Channel::label);
        for label in ours.chain(wish.further.iter().copied()) {
            let motion = label == Channel::Motion.label();
            let how = RTCDataChannelInit {
                ordered: !motion,
                max_retransmits: motion.then_some(0),
                ..RTCDataChannelInit::default()
            };
            let channel = connection.create_data_channel(label, Some(how)).await?;
            tokio::spawn(listen(Arc::clone(&channel), label.to_owned(), seen.clone()));
            channels.insert(label.to_owned(), channel);
        }
        let peer = Self {
            connection,
            channels,
            track,
            seen,
        };
        Ok((peer, trickle))
    }

    /// # Errors
    /// The library refuses.
    pub async fn offer(&self) -> anyhow::Result<Sdp> {
        let offer = self.connection.create_offer(None).await?;
        let sdp = Sdp(offer.sdp.clone());
        self.connection.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// # Errors
    /// The library refuses it.
    pub async fn answer(&self, sdp: &Sdp) -> anyhow::Result<()> {
        let answer = RTCSessionDescription::answer(sdp.0.clone())?;
        Ok(self.connection.set_remote_description(answer).await?)
    }

    /// Gives a candidate of the other side to the connection; those that it cannot use are passed over.
    pub async fn add_candidate(&self, candidate: &str) {
        add_candidate(&self.connection, candidate).await;
    }

    /// Adds every candidate that comes, in a task of its own.
    pub fn add_candidates(&self, mut coming: mpsc::UnboundedReceiver<String>) {
        let connection = Arc::clone(&self.connection);
        tokio::spawn(async move {
            while let Some(candidate) = coming.recv().await {
                add_candidate(&connection, &candidate).await;
            }
        });
    }

    /// # Errors
    /// There is no such channel, or it is closed.
    pub async fn send(&self, label: &str, data: &[u8]) -> anyhow::Result<()> {
        let channel = self.channels.get(label).context("no such channel")?;
        match std::str::from_utf8(data) {
            Ok(text) if label == Channel::Ctl.label() => channel.send_text(text).await?,
            Ok(_) | Err(_) => channel.send(BytesMut::from(data)).await?,
        }
        Ok(())
    }

    /// Asks for a keyframe, or for a packet again.
    ///
    /// # Errors
    /// No video has come yet, or the connection is closed.
    pub async fn ask(&self, how: Ask) -> anyhow::Result<()> {
        let track = self.track.lock().await.clone();
        let (track, media_ssrc) = track.context("no video has come")?;
        let packet: Box<dyn rtc::rtcp::Packet> = match how {
            Ask::Pli => Box::new(PictureLossIndication {
                sender_ssrc: 1,
                media_ssrc,
            }),
            Ask::Fir(sequence_number) => Box::new(FullIntraRequest {
                sender_ssrc: 1,
                media_ssrc: 0,
                fir: vec![FirEntry {
                    ssrc: media_ssrc,
                    sequence_number,
                }],
            }),
            Ask::Nack(packet_id) => Box::new(TransportLayerNack {
                sender_ssrc: 1,
                media_ssrc,
                nacks: vec![NackPair {
                    packet_id,
                    lost_packets: 0,
                }],
            }),
        };
        Ok(track.write_rtcp(vec![packet]).await?)
    }

    /// Everything that came in on the path, retransmissions, padding and feedback included.
    pub async fn bytes_received(&self) -> u64 {
        let report = self
            .connection
            .get_stats(std::time::Instant::now(), StatsSelector::None)
            .await;
        report.transport().map_or(0, |transport| transport.bytes_received)
    }

    pub async fn close(&self) {
        let _ = self.connection.close().await;
    }
}

async fn add_candidate(connection: &Arc<dyn PeerConnection>, candidate: &str) {
    let init = RTCIceCandidateInit {
        candidate: candidate.to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
        username_fragment: None,
        url: None,
    };
    let _ = connection.add_ice_candidate(init).await;
}
