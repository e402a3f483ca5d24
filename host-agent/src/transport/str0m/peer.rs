//! One viewer's connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_core::path::Report;
use signaling_spec::channel::Channel;
use signaling_spec::limits::MAX_CONTROL_BYTES;
use signaling_spec::{Refusal, Sdp, ViewerId};
use str0m::bwe::Bitrate;
use str0m::change::SdpOffer;
use str0m::channel::ChannelId;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::{MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc};

use super::sound::Sound;
use super::{PeerError, codecs};
use crate::transport::addresses::{self, Local};
use crate::transport::{Codec, EncodedFrame, PagePath, Sent, TransportEvent};

/// Before the first feedback; probing finds more within a second.
const START: Bitrate = Bitrate::kbps(4_000);
/// So many packets may be asked for again, for so long; and the share of all that is sent for that. The library's own, 0.15,
/// forgets what was asked for in the moment of a large loss, and a browser waits three seconds before it asks for a keyframe.
const SENT: (usize, Duration) = (1_000, Duration::from_secs(3));
const AGAIN: f32 = 0.5;
/// The estimate while nothing is sent: the library pads up to 50 kbit/s, but never beyond its estimate. It
/// raises this one with each report of the peer, so it is set anew each time.
const RESTING: Bitrate = Bitrate::bps(8);
/// How often the path is reported on while frames are sent.
const REPORT: Duration = Duration::from_millis(100);
/// After this long without a frame the estimator stops probing: a still screen stays still.
const REST: Duration = Duration::from_secs(1);
/// While it rests, the library's clock is wound this often: each time it may send a packet of padding,
/// which cannot be switched off. After input, often enough for SCTP's acknowledgements (RFC 9260 §6.2).
const TICK: Duration = Duration::from_secs(1);
const TICK_AFTER_INPUT: Duration = Duration::from_millis(80);
/// A viewer that nothing comes from for this long is gone: its browser acknowledges a heartbeat each second. One whose path
/// was cut longer comes back in a new session, since browsers that missed frames for long may go on
/// decoding without them (Chromium 156 shows grey).
const SILENCE: Duration = Duration::from_secs(7);
/// A connection that ICE calls disconnected may come back for this long.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: ViewerId,
    pub(super) rtc: Rtc,
    ufrag: String,
    deadline: Instant,
    pub(super) video: Option<Mid>,
    pub(super) sound: Sound,
    codecs: Vec<(Codec, Pt)>,
    /// Payload types of the video line as the viewer prefers them.
    order: Vec<u8>,
    channels: Vec<(Channel, ChannelId)>,
    pub(super) connected: bool,
    announced: bool,
    /// Frames are not sent before the first keyframe of their codec.
    started: Option<Codec>,
    disconnected_at: Option<Instant>,
    dead: bool,
    /// When the last frame was written; `None` while the estimator rests.
    last_frame: Option<Instant>,
    /// When a message last came in on a channel.
    last_message: Instant,
    last_tick: Instant,
    /// When a datagram last came in.
    last_heard: Instant,
    /// Up to which bitrate to probe, and what the path carried when it was last measured.
    desired: Bitrate,
    estimate: Bitrate,
}

fn random<const N: usize>() -> String {
    URL_SAFE_NO_PAD
        .encode(router::auth::random_bytes::<N>())
        .replace(['-', '_'], "+")
}

impl Peer {
    pub(super) fn answer(
        id: ViewerId,
        crypto: &Arc<CryptoProvider>,
        cert: &DtlsCert,
        offer: &Sdp,
        all: &[Local],
        path: &PagePath,
        port: u16,
    ) -> Result<(Self, Sdp), Refusal> {
        let now = Instant::now();
        let creds = IceCreds {
            ufrag: random::<9>(),
            pass: random::<24>(),
        };
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::clone(crypto))
            .set_dtls_cert(cert.clone())
            .set_local_ice_credentials(creds.clone())
            .set_extension(5, Extension::PlayoutDelay)
            .enable_bwe(Some(START))
            .set_sctp_max_message_size(u32::try_from(MAX_CONTROL_BYTES).unwrap_or(u32::MAX))
            .set_stats_interval(Some(REPORT));
        codecs::set(config.codec_config());
        let mut rtc = config.build(now);
        let offered = addresses::offered(all, path);
        for address in &offered {
            let at = SocketAddr::new(*address, port);
            let udp = Candidate::builder().udp().host(at).build();
            let tcp = Candidate::builder()
                .tcp()
                .host(at)
                .tcptype(TcpType::Passive)
                .build();
            for candidate in [udp, tcp].into_iter().flatten() {
                rtc.add_local_candidate(candidate);
            }
        }
        let parsed = SdpOffer::from_sdp_string(&offer.0).map_err(|_| Refusal::Malformed)?;
        let answer = rtc
            .sdp_api()
            .accept_offer(parsed)
            .map_err(|error| Refusal::from(PeerError(error)))?;
        // Known, but not offered: datagrams that come to them are still ours.
        for local in all.iter().filter(|local| !offered.contains(&local.address)) {
            let at = SocketAddr::new(local.address, port);
            let udp = Candidate::builder().udp().host(at).build();
            let tcp = Candidate::builder()
                .tcp()
                .host(at)
                .tcptype(TcpType::Passive)
                .build();
            for candidate in [udp, tcp].into_iter().flatten() {
                rtc.add_local_candidate(candidate);
            }
        }
        let sdp = Sdp(answer.to_sdp_string());
        let peer = Self {
            id,
            rtc,
            ufrag: creds.ufrag,
            deadline: now,
            video: None,
            sound: Sound::default(),
            codecs: Vec::new(),
            order: codecs::order(offer),
            channels: Vec::new(),
            connected: false,
            announced: false,
            started: None,
            disconnected_at: None,
            dead: false,
            last_frame: Some(now),
            last_message: now,
            last_tick: now,
            last_heard: now,
            desired: Bitrate::ZERO,
            estimate: START,
        };
        Ok((peer, sdp))
    }

    pub(super) fn renegotiate(&mut self, offer: &Sdp) -> Result<Sdp, Refusal> {
        let parsed = SdpOffer::from_sdp_string(&offer.0).map_err(|_| Refusal::Malformed)?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(parsed)
            .map_err(|error| Refusal::from(PeerError(error)))?;
        Ok(Sdp(answer.to_sdp_string()))
    }

    pub(super) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn accepts(
        &self,
        now: Instant,
        proto: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        data: &[u8],
    ) -> bool {
        input(now, proto, source, destination, data).is_some_and(|input| self.rtc.accepts(&input))
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        proto: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        data: &[u8],
    ) {
        self.last_heard = now;
        if let Some(input) = input(now, proto, source, destination, data)
            && let Err(error) = self.rtc.handle_input(input)
        {
            tracing::debug!(viewer = self.id.0, %error, "Peer connection refused a datagram");
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.last_tick = now;
        if self.connected && self.last_frame.is_none() {
            self.rtc.bwe().reset(RESTING);
        }
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            tracing::debug!(viewer = self.id.0, %error, "Peer connection failed");
            self.dead = true;
        }
        if self.disconnected_at.is_some_and(|since| since + GRACE <= now) {
            self.dead = true;
        }
        if self.connected && self.last_heard + SILENCE <= now {
            self.dead = true;
        }
        if self.last_frame.is_some_and(|last| last + REST <= now) {
            self.last_frame = None;
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::ZERO);
        }
    }

    pub(super) fn add_remote_candidate(&mut self, candidate: &str) {
        match Candidate::from_sdp_string(candidate) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            // Browsers hide addresses behind mDNS names; the path is found from their checks instead.
            Err(error) => tracing::trace!(%error, "Candidate not used"),
        }
    }

    /// An address at a TURN server is ours now; returns its candidate for the viewer.
    pub(super) fn add_relayed(&mut self, relayed: SocketAddr, local: SocketAddr) -> Option<String> {
        let candidate = Candidate::relayed(relayed, local, Protocol::Udp).ok()?;
        self.rtc
            .add_local_candidate(candidate)
            .map(|candidate| candidate.to_sdp_string())
    }

    pub(super) fn send_frame(&mut self, frame: &EncodedFrame) {
        let Some(mid) = self.video.filter(|_| self.connected) else {
            return;
        };
        let Some((_, pt)) = self
            .codecs
            .iter()
            .find(|(codec, _)| *codec == frame.codec)
            .copied()
        else {
            return;
        };
        if self.started != Some(frame.codec) {
            if !frame.key {
                return;
            }
            self.started = Some(frame.codec);
        }
        if self.last_frame.is_none() {
            let mut bwe = self.rtc.bwe();
            bwe.reset(self.estimate);
            bwe.set_bitrate(Bitrate::ZERO, self.desired);
        }
        self.last_frame = Some(frame.captured);
        let Some(writer) = self.rtc.writer(mid) else {
            return;
        };
        let time = MediaTime::from_90khz(frame.rtp_time);
        // 0/0 on every packet: the browser then shows a frame as soon as it is decoded.
        let writer = writer.playout_delay(MediaTime::ZERO, MediaTime::ZERO);
        if let Err(error) = writer.write(pt, frame.captured, time, Arc::clone(&frame.data)) {
            tracing::debug!(viewer = self.id.0, %error, "Frame not written");
        }
    }

    pub(super) fn send(&mut self, channel: Channel, binary: bool, data: &[u8]) -> Sent {
        let Some((_, id)) = self.channels.iter().find(|(known, _)| *known == channel).copied() else {
            return Sent::Closed;
        };
        match self
            .rtc
            .channel(id)
            .map(|mut channel| channel.write(binary, data))
        {
            Some(Ok(true)) => Sent::Taken,
            Some(Ok(false)) => Sent::Full,
            Some(Err(_)) | None => Sent::Closed,
        }
    }

    /// The path carries so much: what was thought of it before is forgotten.
    pub(super) fn set_estimate(&mut self, bps: u64) {
        self.estimate = Bitrate::from(bps);
        if self.last_frame.is_some() {
            let mut bwe = self.rtc.bwe();
            bwe.reset(self.estimate);
            bwe.set_bitrate(Bitrate::ZERO, self.desired);
        }
    }

    pub(super) fn set_desired_bitrate(&mut self, bps: u64) {
        self.desired = Bitrate::from(bps);
        if self.last_frame.is_some() {
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, self.desired);
        }
    }

    pub(super) fn close(&mut self) {
        let _ = self.rtc.close();
    }

    /// Takes all output until the library names a time. Returns whether the connection lives.
    pub(super) fn drain(
        &mut self,
        transmit: &mut impl FnMut(&Transmit),
        events: &mut VecDeque<TransportEvent>,
    ) -> bool {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.announce(events);
                    self.deadline = self
                        .disconnected_at
                        .map_or(self.slowed(at), |since| at.min(since + GRACE));
                    return !self.dead && self.rtc.is_alive();
                }
                Ok(Output::Transmit(datagram)) => transmit(&datagram),
                Ok(Output::Event(event)) => self.note(event, events),
                Err(error) => {
                    tracing::debug!(viewer = self.id.0, %error, "Peer connection failed");
                    return false;
                }
            }
        }
    }

    /// When to wind the library's clock that wants it at `at`.
    fn slowed(&self, at: Instant) -> Instant {
        if !self.connected || self.last_frame.is_some() || self.sound.is_awake() {
            return at;
        }
        let after_input = self.last_message + REST > self.last_tick;
        at.max(self.last_tick + if after_input { TICK_AFTER_INPUT } else { TICK })
    }

    /// Says that it is connected, once: the video line is known only after the connection is.
    fn announce(&mut self, events: &mut VecDeque<TransportEvent>) {
        if self.connected && !self.announced {
            self.announced = true;
            self.codecs = codecs::negotiated(&mut self.rtc, self.video, &self.order);
            // Frames leave at once: the encoder's buffer model bounds their size, and a pacer would hold
            // each back for as long as the estimate is low, which it is whenever little was sent.
            if let Some(mid) = self.video
                && let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None)
            {
                stream.set_unpaced(true);
                stream.set_rtx_cache(SENT.0, SENT.1, Some(AGAIN));
            }
            let codecs = self.codecs.iter().map(|(codec, _)| *codec).collect();
            events.push_back(TransportEvent::Connected {
                peer: self.id,
                codecs,
            });
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library adds events in every release; these are the ones we act on"
    )]
    fn note(&mut self, event: Event, events: &mut VecDeque<TransportEvent>) {
        let peer = self.id;
        match event {
            Event::Connected => self.connected = true,
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.disconnected_at
                    .get_or_insert(self.last_tick.max(self.last_heard));
            }
            Event::IceConnectionStateChange(_) => self.disconnected_at = None,
            Event::MediaAdded(media) if media.kind.is_video() => self.video = Some(media.mid),
            Event::MediaAdded(media) => self.sound.line = self.sound.line.or(Some(media.mid)),
            Event::MediaData(data) if Some(data.mid) == self.sound.line => {
                events.push_back(TransportEvent::Sound {
                    peer,
                    data: data.data,
                });
            }
            Event::ChannelOpen(id, label) => match Channel::from_label(&label) {
                Some(channel) if !self.channels.iter().any(|(known, _)| *known == channel) => {
                    self.channels.push((channel, id));
                    events.push_back(TransportEvent::ChannelOpen { peer, channel });
                }
                _ => tracing::info!(viewer = peer.0, "Ignored a data channel that is not ours"),
            },
            Event::ChannelData(data) => {
                self.last_message = self.last_tick.max(self.last_heard);
                let channel = self
                    .channels
                    .iter()
                    .find(|(_, id)| *id == data.id)
                    .map(|(channel, _)| *channel);
                events.push_back(TransportEvent::Message {
                    peer,
                    channel,
                    data: data.data,
                });
            }
            Event::ChannelClose(id) => self.channels.retain(|(_, known)| *known != id),
            Event::KeyframeRequest(_) => events.push_back(TransportEvent::KeyframeWish { peer }),
            // Its own event tells the average of three seconds; this is the estimate as it is.
            Event::PeerStats(stats) => {
                let awake = self.last_frame.is_some();
                self.estimate = stats.bwe_tx.filter(|_| awake).unwrap_or(self.estimate);
                if self.announced {
                    let report = Report {
                        bps: self.estimate.as_u64(),
                        loss: stats.egress_loss_fraction.unwrap_or(0.0),
                        rtt: stats.rtt,
                    };
                    events.push_back(TransportEvent::Path { peer, report });
                }
            }
            Event::Closed => self.dead = true,
            _ => {}
        }
    }
}

fn input<'a>(
    now: Instant,
    proto: Protocol,
    source: SocketAddr,
    destination: SocketAddr,
    data: &'a [u8],
) -> Option<Input<'a>> {
    let contents = data.try_into().ok()?;
    Some(Input::Receive(
        now,
        Receive {
            proto,
            source,
            destination,
            contents,
        },
    ))
}
