//! A host's connection, its encoder as a model, and a viewer of the same library, with a link between them, in a time of
//! their own: what the rate controller does is seen without waiting for it, and the same each time.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::path::Path;
use session_core::quality::{DEFAULT_CEILING_BPS, Quality};
use session_core::queue::TRICKLE;
use signaling_spec::{Sdp, ViewerId};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::Extension;
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::peer::Peer;
use crate::transport::addresses::Local;
use crate::transport::{Codec, EncodedFrame, PagePath, TransportEvent};

/// A page tells of frames so often.
const TELLS: Duration = Duration::from_millis(33);
const FRAME: Duration = Duration::from_micros(16_667);
const HOST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 4000);
const VIEWER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 5000);

/// What the way to the viewer is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) bps: u64,
    /// One way, the same back.
    pub(super) delay: Duration,
    /// Of a thousand packets so many are lost, both ways.
    pub(super) loss: u64,
    /// Bytes that wait before the link; more are lost.
    pub(super) queue: usize,
}

/// Numbers that are the same each time (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most
    }
}

/// One direction.
pub(super) struct Link {
    pub(super) way: Way,
    pub(super) up: bool,
    waiting: VecDeque<Vec<u8>>,
    queued: usize,
    free_at: Instant,
    flying: VecDeque<(Instant, Vec<u8>)>,
    pub(super) overrun: usize,
}

impl Link {
    fn new(way: Way, now: Instant) -> Self {
        Self {
            way,
            up: true,
            waiting: VecDeque::new(),
            queued: 0,
            free_at: now,
            flying: VecDeque::new(),
            overrun: 0,
        }
    }

    fn send(&mut self, data: Vec<u8>, noise: &mut Noise, now: Instant) {
        self.serve(now);
        if !self.up || noise.below(1000) < self.way.loss {
            return;
        }
        if self.queued + data.len() > self.way.queue {
            self.overrun += 1;
            return;
        }
        self.queued += data.len();
        self.waiting.push_back(data);
        self.serve(now);
    }

    /// What waited until `now` goes onto the link.
    fn serve(&mut self, now: Instant) {
        while self.free_at <= now
            && let Some(data) = self.waiting.pop_front()
        {
            self.queued -= data.len();
            let began = if self.waiting.is_empty() && self.queued == 0 {
                self.free_at.max(now)
            } else {
                self.free_at
            };
            let micros = (data.len() as u64 + 28) * 8_000_000 / self.way.bps;
            self.free_at = began + Duration::from_micros(micros);
            self.flying.push_back((self.free_at + self.way.delay, data));
        }
        if self.waiting.is_empty() {
            self.free_at = self.free_at.max(now);
        }
    }

    fn next(&self) -> Option<Instant> {
        let arrival = self.flying.front().map(|(at, _)| *at);
        let served = (!self.waiting.is_empty()).then_some(self.free_at);
        [arrival, served].into_iter().flatten().min()
    }

    fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.serve(now);
        let (at, _) = self.flying.front()?;
        if *at > now {
            return None;
        }
        self.flying.pop_front().map(|(_, data)| data)
    }
}

/// What was seen in a tenth of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tick {
    /// Bits that the host gave to the link, and that came out.
    pub(super) sent: u64,
    pub(super) came: u64,
    pub(super) overrun: usize,
    /// The longest way of a frame that arrived, from its capture.
    pub(super) age: Duration,
    pub(super) frames: u32,
    /// Frames after some that never came whole.
    pub(super) torn: u32,
    pub(super) target: u64,
}

pub(super) struct World {
    now: Instant,
    began: Instant,
    host: Peer,
    viewer: Rtc,
    pub(super) there: Link,
    pub(super) back: Link,
    noise: Noise,
    path: Path,
    quality: Quality<ViewerId>,
    goal: u64,
    next_frame: Instant,
    /// Frames are this much of what the bitrate allows, in percent: a desktop may need less.
    need: u64,
    key: bool,
    frames: u64,
    captured: VecDeque<(u64, Instant)>,
    pub(super) ticks: Vec<Tick>,
    /// What the page says of frames, on its way: when it comes, the frame, and when that arrived.
    seen: VecDeque<(Instant, u32, f64)>,
    /// When the page says so, the last time.
    told: Option<Instant>,
    last_frame: Option<Instant>,
}

impl World {
    pub(super) fn new(way: Way, seed: u64) -> Self {
        let now = Instant::now();
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let cert = crypto
            .dtls_provider
            .generate_certificate()
            .expect("a certificate");
        let mut viewer = Rtc::builder()
            .set_crypto_provider(Arc::clone(&crypto))
            .clear_codecs()
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            // A browser waits for what it asked for.
            .set_reordering_size_video(1_000)
            .build(now);
        let own = Candidate::host(VIEWER, "udp").expect("a candidate");
        viewer.add_local_candidate(own);
        let mut change = viewer.sdp_api();
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        change.add_channel("ctl".to_owned());
        let (offer, pending) = change.apply().expect("an offer");
        let all = [Local {
            interface: "eth0".to_owned(),
            address: HOST.ip(),
        }];
        let offer = Sdp(offer.to_sdp_string());
        let path = PagePath::default();
        let (host, answer) =
            Peer::answer(ViewerId(1), &crypto, &cert, &offer, &all, &path, HOST.port()).expect("an answer");
        let answer = SdpAnswer::from_sdp_string(&answer.0).expect("an answer");
        viewer
            .sdp_api()
            .accept_answer(pending, answer)
            .expect("it is taken");
        let open = Way {
            bps: 1_000_000_000,
            queue: usize::MAX,
            ..way
        };
        Self {
            now,
            began: now,
            host,
            viewer,
            there: Link::new(way, now),
            back: Link::new(open, now),
            noise: Noise(seed | 1),
            path: Path::default(),
            quality: Quality::new(DEFAULT_CEILING_BPS),
            goal: 0,
            next_frame: now,
            need: 100,
            key: true,
            frames: 0,
            captured: VecDeque::new(),
            ticks: vec![Tick::default()],
            seen: VecDeque::new(),
            told: None,
            last_frame: None,
        }
    }

    fn tick(&mut self) -> &mut Tick {
        let number = usize::try_from((self.now - self.began).as_millis() / 100).unwrap_or(0);
        while self.ticks.len() <= number {
            self.ticks.push(Tick::default());
        }
        self.ticks.last_mut().expect("there is one")
    }

    /// Goes on for so long.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let viewer_at = self.drain();
            let next = [
                Some(self.host.deadline()),
                Some(viewer_at),
                Some(self.next_frame),
                self.there.next(),
                self.back.next(),
                self.seen.front().map(|(at, _, _)| *at),
                Some(end),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            self.now = next.max(self.now + Duration::from_micros(20));
            self.step(viewer_at);
        }
    }

    fn step(&mut self, viewer_at: Instant) {
        let now = self.now;
        self.there.serve(now);
        while let Some(data) = self.there.arrived(now) {
            let bits = data.len() as u64 * 8;
            self.tick().came += bits;
            let receive = Receive {
                proto: Protocol::Udp,
                source: HOST,
                destination: VIEWER,
                contents: data.as_slice().try_into().expect("a datagram of ours"),
            };
            self.viewer
                .handle_input(Input::Receive(now, receive))
                .expect("the viewer goes on");
            self.drain();
        }
        while let Some(data) = self.back.arrived(now) {
            self.host.receive(now, Protocol::Udp, VIEWER, HOST, &data);
            self.drain();
        }
        while let Some((_, rtp, at_ms)) = self.seen.front().filter(|(at, _, _)| *at <= now).copied() {
            self.seen.pop_front();
            self.path.handle_seen(rtp, at_ms, now);
            self.adapt();
        }
        if self.host.deadline() <= now {
            self.host.handle_timeout(now);
            self.drain();
        }
        if viewer_at <= now {
            self.viewer
                .handle_input(Input::Timeout(now))
                .expect("the viewer goes on");
        }
        if self.next_frame <= now {
            self.next_frame += FRAME;
            self.encode();
        }
    }

    /// The model of an encoder: it holds its bitrate, a keyframe is as large as its buffer.
    fn encode(&mut self) {
        if !self.host.connected {
            return;
        }
        let target = self.quality.target(false).bps;
        self.tick().target = target;
        let held = self.path.closes(self.now).is_some_and(|at| at <= self.now);
        if held && self.last_frame.is_some_and(|last| last + TRICKLE > self.now) {
            return;
        }
        self.last_frame = Some(self.now);
        self.path.handle_promise(self.now);
        let key = std::mem::take(&mut self.key);
        let share = if key {
            target * 8 / 100 / 8
        } else {
            target / 8 / 60 * (60 + self.noise.below(80)) / 100 * self.need / 100
        };
        self.frames += 1;
        let mut data = vec![0_u8; usize::try_from(share).unwrap_or(0).max(200)];
        // A NAL unit of a slice, IDR or not.
        data[..5].copy_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
        let rtp_time = self.frames * 1500;
        self.captured.push_back((rtp_time, self.now));
        self.path
            .handle_frame(u32::try_from(rtp_time).unwrap_or(0), data.len(), self.now);
        let frame = EncodedFrame {
            codec: Codec::H264,
            key,
            rtp_time,
            captured: self.now,
            data: data.into(),
        };
        self.host.send_frame(&frame);
        self.drain();
    }

    /// Takes all output of both ends. Returns when the viewer wants to hear the time.
    fn drain(&mut self) -> Instant {
        let (now, mut events) = (self.now, VecDeque::new());
        let mut out = Vec::new();
        let mut transmit = |datagram: &Transmit| out.push(datagram.contents.to_vec());
        let alive = self.host.drain(&mut transmit, &mut events);
        assert!(alive, "the host goes on");
        for data in out {
            let bits = data.len() as u64 * 8;
            self.tick().sent += bits;
            let before = self.there.overrun;
            self.there.send(data, &mut self.noise, now);
            let more = self.there.overrun - before;
            self.tick().overrun += more;
        }
        for event in events {
            if let TransportEvent::Path { report, .. } = event {
                self.report(report);
            } else if let TransportEvent::KeyframeWish { .. } = event {
                self.key = true;
            }
        }
        loop {
            match self.viewer.poll_output().expect("the viewer goes on") {
                Output::Timeout(at) => return at,
                Output::Transmit(datagram) => {
                    self.back.send(datagram.contents.to_vec(), &mut self.noise, now);
                }
                Output::Event(Event::MediaData(data)) => {
                    let time = data.time.numer();
                    while self.captured.front().is_some_and(|(rtp, _)| *rtp < time) {
                        self.captured.pop_front();
                    }
                    // The page shows the newest frame a little later, and tells thirty times a second which.
                    let at_ms = (now - self.began).as_secs_f64() * 1000.0 + 12_345.0;
                    let shown = now + Duration::from_millis(15 + self.noise.below(20));
                    let told = self.told.map_or(shown, |told| shown.max(told + TELLS));
                    let comes = told + self.back.way.delay;
                    let rtp = u32::try_from(time).unwrap_or(0);
                    match self
                        .seen
                        .back_mut()
                        .filter(|_| self.told.is_some_and(|told| told > now))
                    {
                        Some(last) => (last.1, last.2) = (rtp, at_ms),
                        None => {
                            self.told = Some(told);
                            self.seen.push_back((comes, rtp, at_ms));
                        }
                    }
                    let age = self.captured.front().map(|(_, at)| now - *at);
                    let tick = self.tick();
                    tick.age = tick.age.max(age.unwrap_or_default());
                    tick.frames += 1;
                    tick.torn += u32::from(!data.contiguous);
                }
                Output::Event(_) => {}
            }
        }
    }

    /// As the hub does.
    fn report(&mut self, report: session_core::path::Report) {
        self.path.handle_report(report, self.now);
        let goal = self.path.goal(DEFAULT_CEILING_BPS, self.now);
        if goal.abs_diff(self.goal) * 5 > self.goal {
            self.goal = goal;
            self.host.set_desired_bitrate(goal);
        }
        self.adapt();
    }

    fn adapt(&mut self) {
        if let Some(bps) = self.path.poll_afresh() {
            self.host.set_estimate(bps);
        }
        if let Some(rate) = self.path.rate() {
            self.quality.handle_estimate(ViewerId(1), rate, self.now);
            self.quality.poll_target(false, self.now);
        }
    }
}
