//! One viewer's connection: the task that the library's calls are made in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{CongestionControlBuilder, Registry, SenderReportBuilder, Slot, TwccSenderBuilder};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::shared::error::Error;
use session_core::path::Report;
use signaling_spec::limits::MAX_CONTROL_BYTES;
use signaling_spec::{Negotiation, Refusal, Sdp, ViewerId};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use webrtc::data_channel::DataChannel;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCCertificate,
    RTCConfigurationBuilder, RTCIceCandidateInit, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngineBuilder, StatsSelector,
};

use super::channels::{self, Channels};
use super::feedback::{Estimator, Feedback};
use super::offer::{self, Offered};
use super::packets::Packets;
use super::{Command, Teller};
use crate::transport::{Codec, EncodedFrame, TransportEvent};

/// Before the first feedback, and the bounds of every estimate after it, in bits a second. The library finds
/// less at once but more only by 8 % a second, so it starts from what is presumed before any estimate.
const START: u32 = 8_000_000;
const LEAST: u32 = 500_000;
const MOST: u32 = 40_000_000;
/// The path is reported on while frames are sent, and silence is measured, this often.
const TICK: Duration = Duration::from_millis(250);
/// After this long without a frame there is nothing to report.
const REST: Duration = Duration::from_secs(1);
/// A viewer that nothing comes from for this long is gone: its page pings every two seconds.
const SILENCE: Duration = Duration::from_secs(7);
/// A connection that is not up after this long never will be. The library does not say that it failed when
/// the viewer's certificate is not the one of its offer.
const CONNECT: Duration = Duration::from_secs(20);
/// A pair of addresses is tried this often, as many times: for 1.4 s, as the library does, but its 200 ms
/// between two tries are what most connections would wait for.
const CHECKS: Duration = Duration::from_millis(50);
const MOST_CHECKS: u16 = 28;
/// Data channels and candidates that may wait for the task. A viewer that opens more loses them.
const NEWS: usize = 64;
/// Data channels of one viewer, its own four included.
const MOST_CHANNELS: usize = 16;

enum News {
    Candidate(String),
    Channel(Arc<dyn DataChannel>),
}

/// What the library calls; it runs in the library's own task, so nothing here may wait.
struct Handler {
    news: mpsc::Sender<News>,
    state: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        if let Ok(candidate) = event.candidate.to_json() {
            let _ = self.news.try_send(News::Candidate(candidate.candidate));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if self.news.try_send(News::Channel(channel)).is_err() {
            tracing::info!("Too many data channels at once; one is not served");
        }
    }
}

/// What one connection is made from.
pub(super) struct Parts {
    pub(super) id: ViewerId,
    pub(super) certificate: RTCCertificate,
    /// Best first; the library binds a port on each.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) frames: mpsc::Receiver<EncodedFrame>,
    pub(super) channels: Channels,
    pub(super) teller: Teller,
}

/// The outgoing picture.
struct Video {
    track: Arc<TrackLocalStaticRTP>,
    packets: Packets,
    codecs: Vec<(Codec, u8)>,
    playout_delay: Option<u8>,
    /// Frames are not sent before the first keyframe of their codec.
    started: Option<Codec>,
}

struct Peer {
    id: ViewerId,
    connection: Arc<dyn PeerConnection>,
    offered: Vec<Offered>,
    video: Option<Video>,
    ssrcs: (u32, u32),
    news: mpsc::Receiver<News>,
    state: watch::Receiver<RTCPeerConnectionState>,
    wish: Arc<Notify>,
    path: watch::Receiver<Report>,
    /// When the last picture was written.
    last_frame: Option<Instant>,
    connected: bool,
    bytes: u64,
    heard: Instant,
}

/// Runs until the transport lets go of the connection or it dies. Returns whether it died.
pub(super) async fn run(mut parts: Parts) -> bool {
    let id = parts.id;
    let Some(Command::Offer(negotiation, sdp)) = parts.commands.recv().await else {
        return false;
    };
    let answered = match Box::pin(Peer::open(&parts, &sdp)).await {
        Ok(mut peer) => Box::pin(peer.answer(&sdp)).await.map(|answer| (peer, answer)),
        Err(error) => Err(error),
    };
    let (mut peer, answer) = match answered {
        Ok(both) => both,
        Err(error) => {
            refuse(&parts.teller, id, negotiation, &error).await;
            return false;
        }
    };
    tell_answer(&parts.teller, id, negotiation, answer).await;
    let died = Box::pin(peer.serve(&mut parts)).await;
    let _ = peer.connection.close().await;
    died
}

async fn tell_answer(teller: &Teller, peer: ViewerId, negotiation: Negotiation, sdp: Sdp) {
    let answer = TransportEvent::Answer {
        peer,
        negotiation,
        sdp,
    };
    teller.tell(answer).await;
}

/// The library's words stay out of the viewer's sight.
async fn refuse(teller: &Teller, peer: ViewerId, negotiation: Negotiation, error: &Error) {
    tracing::info!(viewer = peer.0, %error, "Peer connection refused a description");
    let failed = TransportEvent::AnswerFailed {
        peer,
        negotiation,
        code: Refusal::Malformed,
    };
    teller.tell(failed).await;
}

impl Peer {
    async fn open(parts: &Parts, sdp: &Sdp) -> Result<Self, Error> {
        let offered = offer::codecs(&sdp.0);
        let ssrcs = (number(), number());
        let wish: Arc<Notify> = Arc::default();
        let (estimator, path) = Estimator::new(START, LEAST, MOST);
        // No pacer: the encoder's buffer model bounds the size of pictures, and one would hold each back
        // for as long as the estimate is low, which it is whenever little was sent.
        let registry = Registry::new()
            .with(
                Slot::CongestionControl,
                CongestionControlBuilder::new(estimator).build(),
            )
            .with(Slot::TwccSender, TwccSenderBuilder::new().build())
            .with(
                Slot::NackResponder,
                Feedback::new(ssrcs.0, ssrcs.1, &offered, Arc::clone(&wish)),
            )
            .with(Slot::SenderReport, SenderReportBuilder::new().build());
        let (tell, news) = mpsc::channel(NEWS);
        let (tell_state, state) = watch::channel(RTCPeerConnectionState::New);
        let handler = Handler {
            news: tell,
            state: tell_state,
        };
        let largest = u32::try_from(MAX_CONTROL_BYTES).unwrap_or(u32::MAX);
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(parts.addresses.iter().any(|at| at.ip().is_loopback()))
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .with_ice_connection_attempts(Some(CHECKS), Some(MOST_CHECKS))
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(largest))
            .build();
        let configuration = RTCConfigurationBuilder::new()
            .with_certificates(vec![parts.certificate.clone()])
            .build();
        let builder = PeerConnectionBuilder::new()
            .with_configuration(configuration)
            .with_media_engine(offer::media(&offered)?)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_data_channel_send_buffer_limit(channels::ROOM)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(parts.addresses.clone());
        let connection: Arc<dyn PeerConnection> = Arc::new(Box::pin(builder.build()).await?);
        Ok(Self {
            id: parts.id,
            connection,
            offered,
            video: None,
            ssrcs,
            news,
            state,
            wish,
            path,
            last_frame: None,
            connected: false,
            bytes: 0,
            heard: Instant::now(),
        })
    }

    /// Answers an offer, the first or a later one.
    async fn answer(&mut self, sdp: &Sdp) -> Result<Sdp, Error> {
        if self.video.is_none() {
            self.video = self.add_video().await?;
        }
        let offer = RTCSessionDescription::offer(sdp.0.clone())?;
        self.connection.set_remote_description(offer).await?;
        let answer = self.connection.create_answer(None).await?;
        let text = answer.sdp.clone();
        self.connection.set_local_description(answer).await?;
        if let Some(video) = &mut self.video {
            let agreed = offer::codecs(&text);
            video.codecs = self
                .offered
                .iter()
                .filter(|one| agreed.iter().any(|agreed| agreed.pt == one.pt))
                .map(|one| (one.codec, one.pt))
                .collect();
            video.playout_delay = offer::playout_delay(&text);
        }
        Ok(Sdp(text))
    }

    /// One stream for all codecs; it is made with the first of them, and sends each that was agreed on.
    async fn add_video(&self) -> Result<Option<Video>, Error> {
        let Some(first) = self.offered.first() else {
            return Ok(None);
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(self.ssrcs.0),
                rtx: first.rtx.map(|_| RTCRtpRtxParameters { ssrc: self.ssrcs.1 }),
                ..RTCRtpCodingParameters::default()
            },
            active: true,
            codec: first.rtp_codec(),
            ..RTCRtpEncodingParameters::default()
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "removid".to_owned(),
            "screen".to_owned(),
            "screen".to_owned(),
            RtpCodecKind::Video,
            vec![encoding],
        )));
        self.connection
            .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
            .await?;
        let [first, second, ..] = number().to_be_bytes();
        Ok(Some(Video {
            track,
            packets: Packets::new(self.ssrcs.0, u16::from_be_bytes([first, second])),
            codecs: Vec::new(),
            playout_delay: None,
            started: None,
        }))
    }

    async fn serve(&mut self, parts: &mut Parts) -> bool {
        let mut served = JoinSet::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let teller = parts.teller.clone();
        loop {
            tokio::select! {
                command = parts.commands.recv() => match command {
                    Some(Command::Offer(negotiation, sdp)) => match Box::pin(self.answer(&sdp)).await {
                        Ok(answer) => tell_answer(&teller, self.id, negotiation, answer).await,
                        Err(error) => {
                            refuse(&teller, self.id, negotiation, &error).await;
                            return false;
                        }
                    },
                    Some(Command::Candidate(candidate)) => self.add_candidate(candidate).await,
                    None => return false,
                },
                Some(frame) = parts.frames.recv() => self.write(&frame).await,
                Some(news) = self.news.recv() => match news {
                    News::Candidate(candidate) => {
                        teller.tell(TransportEvent::Candidate { peer: self.id, candidate }).await;
                    }
                    News::Channel(channel) if served.len() < MOST_CHANNELS => {
                        served.spawn(channels::serve(parts.channels.clone(), channel, self.id, teller.clone()));
                    }
                    News::Channel(_) => tracing::info!(viewer = self.id.0, "Too many data channels; one is not served"),
                },
                Some(_) = served.join_next() => {}
                Ok(()) = self.state.changed() => if self.note_state(&teller).await { return true },
                () = self.wish.notified() => teller.tell(TransportEvent::KeyframeWish { peer: self.id }).await,
                _ = tick.tick() => if self.look(&teller).await { return true },
            }
        }
    }

    async fn add_candidate(&self, candidate: String) {
        let init = RTCIceCandidateInit {
            candidate,
            sdp_mid: Some("0".to_owned()),
            sdp_mline_index: Some(0),
            username_fragment: None,
            url: None,
        };
        // Browsers hide addresses behind mDNS names; the path is found from their checks instead.
        if let Err(error) = self.connection.add_ice_candidate(init).await {
            tracing::trace!(%error, "Candidate not used");
        }
    }

    /// Returns whether the connection is dead.
    async fn note_state(&mut self, teller: &Teller) -> bool {
        let state = *self.state.borrow_and_update();
        if state == RTCPeerConnectionState::Connected && !self.connected {
            self.connected = true;
            self.heard = Instant::now();
            let codecs = self.video.iter().flat_map(|video| &video.codecs);
            let codecs = codecs.map(|(codec, _)| *codec).collect();
            teller
                .tell(TransportEvent::Connected {
                    peer: self.id,
                    codecs,
                })
                .await;
        }
        matches!(
            state,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed
        )
    }

    /// Tells what the path carries, and returns whether the connection failed or was silent for too long.
    async fn look(&mut self, teller: &Teller) -> bool {
        if !self.connected {
            return self.heard.elapsed() > CONNECT;
        }
        let now = Instant::now();
        let stats = self.connection.get_stats(now, StatsSelector::None).await;
        if self.last_frame.is_some_and(|at| at + REST > now) {
            let pairs = stats.candidate_pairs().map(|pair| pair.current_round_trip_time);
            let rtt = pairs.filter(|seconds| *seconds > 0.0).min_by(f64::total_cmp);
            let report = Report {
                rtt: rtt.map(Duration::from_secs_f64),
                ..*self.path.borrow_and_update()
            };
            let peer = self.id;
            teller.tell(TransportEvent::Path { peer, report }).await;
        }
        let bytes = stats.transport().map_or(0, |transport| transport.bytes_received);
        if bytes != self.bytes {
            self.bytes = bytes;
            self.heard = now;
        }
        now.duration_since(self.heard) > SILENCE
    }

    async fn write(&mut self, frame: &EncodedFrame) {
        let Some(video) = self.video.as_mut().filter(|_| self.connected) else {
            return;
        };
        let Some((_, pt)) = video.codecs.iter().find(|(codec, _)| *codec == frame.codec) else {
            return;
        };
        if video.started != Some(frame.codec) {
            if !frame.key {
                return;
            }
            video.started = Some(frame.codec);
        }
        self.last_frame = Some(Instant::now());
        let written = match video.packets.of(frame, *pt, video.playout_delay) {
            Ok(packets) => write_all(&video.track, packets).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::debug!(viewer = self.id.0, %error, "Frame not written");
        }
    }
}

async fn write_all(track: &TrackLocalStaticRTP, packets: Vec<rtc::rtp::Packet>) -> Result<(), Error> {
    for packet in packets {
        track.write_rtp(packet).await?;
    }
    Ok(())
}

fn number() -> u32 {
    u32::from_be_bytes(router::auth::random_bytes())
}
