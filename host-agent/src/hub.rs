//! The one task that everything of this host meets in: viewers, peer connections, screen and input.
//!
//! It owns all state, so nothing is locked; each thing that can wake it is one arm of its loop. Rules are
//! in `session_core`; this file and its rooms only carry things to and fro.

mod admit;
mod bulk;
mod clipboard;
mod consent;
mod control;
mod display;
mod figures;
mod files;
mod inject;
mod lease;
mod path;
mod picture;
mod session;
mod sound;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use router::link::RouterLink;
use session_core::answerer::{Input as AnswererInput, Output};
use session_core::clipboard::Clipboards;
use session_core::confined::Confined;
use session_core::input_gate::InputGate;
use session_core::quality::Quality;
use session_core::sizing::Sizing;
use session_core::sound::{Demand, Sounds};
use signaling_spec::channel::control::SoundHealth;
use signaling_spec::claims::Consent;
use signaling_spec::limits::HOST_HEARTBEAT;
use signaling_spec::{EndReason, Rights, SessionId, Signal, ViewerId};
use tokio::sync::mpsc;

use self::bulk::Transfers;
use self::consent::Consents;
use self::figures::Figures;
use self::inject::SinkOpener;
use self::lease::Shared;
use self::picture::Screen;
use self::session::Session;
use crate::clipboard::{ClipEvent, Clipboard, RequestId};
use crate::courtesy::{self, FromPerson};
use crate::files::{FileEvent, Folder};
use crate::identity::Identity;
use crate::input::InputSink;
use crate::media::studio::{Command, Desk, StudioEvent};
use crate::sound::{Sound, SoundEvent};
use crate::transport::{Transport, TransportEvent};

pub use self::inject::SinkOpener as InputOpener;

/// Everything the hub works with.
pub struct Parts {
    pub identity: Arc<Identity>,
    pub transport: Box<dyn Transport>,
    pub link: RouterLink,
    pub studio: Desk,
    pub studio_events: mpsc::Receiver<StudioEvent>,
    pub open_sink: SinkOpener,
    pub courtesy: courtesy::Host,
    pub person_events: mpsc::Receiver<FromPerson>,
    pub clipboard: Box<dyn Clipboard>,
    pub clip_events: mpsc::Receiver<ClipEvent>,
    /// The shared folder, if there is one.
    pub folder: Option<Folder>,
    pub file_events: mpsc::Receiver<FileEvent>,
    /// The desktop's sound, if it is shared.
    pub sound: Option<Sound>,
    pub sound_events: mpsc::Receiver<SoundEvent>,
    /// Bits a second that the encoder never goes beyond.
    pub max_bps: u64,
    /// Whether a viewer's window may size the desktop without being asked.
    pub follow_window: bool,
    /// Whether exact pixels go over the video.
    pub hybrid: bool,
    /// What this host permits at all, whatever a token or a router says.
    pub permitted: Rights,
    /// What the person at this host is owed at the least, whatever a router says.
    pub consent: Option<Consent>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

struct Hub {
    identity: Arc<Identity>,
    transport: Box<dyn Transport>,
    link: RouterLink,
    studio: Desk,
    open_sink: SinkOpener,
    courtesy: courtesy::Host,
    clipboard: Box<dyn Clipboard>,
    clips: Clipboards,
    transfers: Transfers,
    folder: Option<Folder>,
    jobs: BTreeMap<RequestId, files::Job>,
    sound: Option<Sound>,
    sounds: Sounds,
    sound_demand: Demand,
    sound_health: SoundHealth,
    /// Requests to clipboard and folder so far.
    reads: u64,
    sink: Option<Box<dyn InputSink>>,
    confined: Confined,
    sessions: BTreeMap<ViewerId, Session>,
    next_viewer: u32,
    gate: InputGate,
    quality: Quality<ViewerId>,
    figures: Figures,
    max_bps: u64,
    sizing: Sizing,
    follow_window: bool,
    hybrid: bool,
    permitted: Rights,
    consent: Option<Consent>,
    consents: Consents,
    shared: Shared,
    screen: Screen,
    beats: u32,
}

/// Runs until `stop` is told or the router is gone; then says goodbye to everybody.
pub async fn run(parts: Parts, mut stop: tokio::sync::oneshot::Receiver<()>) {
    let mut studio_events = parts.studio_events;
    let mut clip_events = parts.clip_events;
    let mut file_events = parts.file_events;
    let mut sound_events = parts.sound_events;
    let mut person_events = parts.person_events;
    let carries_sound = parts.transport.carries_sound();
    let mut hub = Hub {
        identity: parts.identity,
        transport: parts.transport,
        link: parts.link,
        studio: parts.studio,
        open_sink: parts.open_sink,
        courtesy: parts.courtesy,
        clipboard: parts.clipboard,
        clips: Clipboards::default(),
        transfers: Transfers::default(),
        folder: parts.folder,
        jobs: BTreeMap::new(),
        sound: parts.sound.filter(|_| carries_sound),
        sounds: Sounds::default(),
        sound_demand: Demand::default(),
        sound_health: SoundHealth::Idle,
        reads: 0,
        sink: None,
        confined: Confined::default(),
        sessions: BTreeMap::new(),
        next_viewer: 1,
        gate: InputGate::default(),
        quality: Quality::new(parts.max_bps),
        figures: Figures::default(),
        max_bps: parts.max_bps,
        sizing: Sizing::new(parts.follow_window),
        follow_window: parts.follow_window,
        hybrid: parts.hybrid,
        permitted: parts.permitted,
        consent: parts.consent,
        consents: Consents::default(),
        shared: Shared::default(),
        screen: Screen::default(),
        beats: 0,
    };
    let mut heartbeat = tokio::time::interval(HOST_HEARTBEAT);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let deadline = hub
            .poll_timeout()
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            biased;
            _ = &mut stop => break,
            event = hub.transport.next() => hub.handle_transport(event),
            signal = hub.link.from_router.recv() => match signal {
                Some(signal) => hub.handle_signal(*signal),
                None => break,
            },
            event = studio_events.recv() => match event {
                Some(event) => hub.handle_studio(event),
                None => break,
            },
            Some(event) = person_events.recv() => hub.handle_person(event),
            Some(event) = sound_events.recv() => hub.handle_sound(event),
            Some(event) = clip_events.recv() => hub.handle_clip(event),
            Some(event) = file_events.recv() => hub.handle_file(event),
            _ = heartbeat.tick() => hub.handle_heartbeat(),
            () = tokio::time::sleep_until(deadline.into()) => hub.handle_timeout(),
        }
    }
    hub.stop();
}

impl Hub {
    fn poll_timeout(&self) -> Option<Instant> {
        let steps = self
            .sessions
            .values()
            .filter_map(|session| session.answerer.poll_timeout());
        let tails = self.sessions.values().filter_map(Session::tail_due);
        let input = self.gate.poll_timeout().into_iter().chain(self.sink_due());
        let manners = self
            .courtesy
            .poll_timeout()
            .into_iter()
            .chain(self.sizing.poll_timeout())
            .chain(self.transfers.poll_timeout())
            .chain(self.shared.poll_timeout())
            .chain(self.consents.poll_timeout());
        steps.chain(tails).chain(input).chain(manners).min()
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        self.gate.handle_timeout(now);
        self.inject();
        self.flush_sink();
        self.beat_tails(now);
        self.courtesy.handle_timeout(now);
        self.order_size();
        self.handle_transfers(now);
        self.time_control(now);
        self.time_consent(now);
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            if let Some(session) = self.sessions.get_mut(&viewer) {
                session.answerer.handle_timeout(now);
            }
            self.perform(viewer);
        }
    }

    fn viewer_of(&self, sid: &SessionId) -> Option<ViewerId> {
        self.sessions
            .iter()
            .find(|(_, session)| session.sid == *sid)
            .map(|(viewer, _)| *viewer)
    }

    fn handle_signal(&mut self, signal: Signal) {
        let Some(sid) = signal.sid().cloned() else { return };
        match signal {
            Signal::SessionRequest { .. } => self.admit(signal, false),
            Signal::SessionEnd { .. } if self.viewer_of(&sid).is_none() => self.forget_waiting(&sid),
            // From the router it is an order, from the viewer (reason `closed`) a farewell.
            Signal::SessionEnd { reason, .. } if reason != EndReason::Closed => {
                if let Some(viewer) = self.viewer_of(&sid) {
                    self.end(viewer, reason);
                }
            }
            // Of those who bring them to this hub.
            Signal::SessionLease { .. }
            | Signal::HostStatus { .. }
            | Signal::HostEvent { .. }
            | Signal::HostFrames { .. }
            | Signal::HostWake { .. } => {}
            Signal::SessionWaiting { .. }
            | Signal::SessionAccept { .. }
            | Signal::SessionReject { .. }
            | Signal::SdpOffer { .. }
            | Signal::SdpAnswer { .. }
            | Signal::IceCandidate { .. }
            | Signal::IceEnd { .. }
            | Signal::SessionEnd { .. }
            | Signal::Error { .. } => {
                let Some(viewer) = self.viewer_of(&sid) else {
                    return;
                };
                self.step(viewer, AnswererInput::Signal(signal));
            }
        }
    }

    /// Gives a session's machine an input and does what it says.
    fn step(&mut self, viewer: ViewerId, input: AnswererInput) {
        if let Some(session) = self.sessions.get_mut(&viewer) {
            session.answerer.handle_input(input, Instant::now());
        }
        self.perform(viewer);
    }

    fn perform(&mut self, viewer: ViewerId) {
        while let Some(session) = self.sessions.get_mut(&viewer) {
            let Some(output) = session.answerer.poll_output() else {
                return;
            };
            match output {
                Output::Offer {
                    negotiation,
                    sdp,
                    caps,
                } => {
                    session.browser = caps
                        .browser
                        .chars()
                        .filter(|c| !c.is_control())
                        .take(64)
                        .collect();
                    session.wanted_size = caps.size.map(|size| (size, caps.density.unwrap_or(100)));
                    let path = session.path.clone();
                    self.transport.accept_offer(viewer, negotiation, sdp, &path);
                    // The desktop takes its new size while the connection is made.
                    self.size_to_newcomer(viewer);
                }
                Output::Answer { negotiation, sdp } => {
                    let iat = router::auth::direct::unix_now();
                    let host_fp = self.transport.fingerprint();
                    let bind_sig = self.identity.bind(
                        &session.sid,
                        host_fp,
                        &session.viewer_fp,
                        &session.viewer_nonce,
                        &session.rights,
                        iat,
                    );
                    let answer = Signal::SdpAnswer {
                        sid: session.sid.clone(),
                        negotiation,
                        sdp,
                        bind_sig,
                        bind_iat: iat,
                    };
                    self.say(answer);
                }
                Output::Candidate(candidate) => self.transport.add_candidate(viewer, &candidate),
                Output::Send(signal) => self.say(signal),
                Output::Live => self.go_live(viewer),
                Output::Close(reason) => return self.drop_session(viewer, reason),
            }
        }
    }

    fn say(&mut self, signal: Signal) {
        if self.link.to_router.try_send(signal).is_err() {
            tracing::warn!("Dropped a message to the router: it does not keep up");
        }
    }

    fn go_live(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        session.live = true;
        session.delivery.handle_break();
        session.goal = session.path_rate.goal(self.max_bps, Instant::now());
        let goal = session.goal;
        router::audit!("RMV3004I", sid = %session.sid, subject = session.subject, viewer = viewer.0, "Session started");
        self.gate.join(viewer, session.rights.clone());
        let (subject, controls) = (session.subject.clone(), session.controls());
        self.courtesy.join(viewer, subject, controls);
        self.join_control(viewer);
        self.transport.set_desired_bitrate(viewer, goal);
        self.tell_viewers_to_studio();
        self.announce_viewers();
    }

    fn end(&mut self, viewer: ViewerId, reason: EndReason) {
        self.step(viewer, AnswererInput::End(reason));
    }

    fn drop_session(&mut self, viewer: ViewerId, reason: EndReason) {
        let Some(session) = self.sessions.remove(&viewer) else {
            return;
        };
        router::audit!("RMV3006I", sid = %session.sid, viewer = viewer.0, ?reason, "Session ended");
        self.transport.close(viewer);
        self.gate.leave(viewer);
        self.leave_control(viewer);
        self.end_transfers(viewer);
        self.leave_files(viewer);
        self.leave_clipboard(viewer);
        self.leave_sound(viewer);
        self.inject();
        self.courtesy.leave(viewer, reason, Instant::now());
        self.sizing.handle_leave(viewer, reason, Instant::now());
        self.order_size();
        if self.sessions.is_empty() {
            self.rest_sink();
        }
        self.quality.handle_leave(&viewer);
        self.update_bitrate();
        self.tell_viewers_to_studio();
        self.announce_viewers();
        // The viewer or the path ended it: the router has not heard of that yet.
        if matches!(
            reason,
            EndReason::Closed | EndReason::Lost | EndReason::Policy | EndReason::Error
        ) {
            self.say(Signal::SessionEnd {
                sid: session.sid,
                reason,
            });
        }
    }

    fn handle_transport(&mut self, event: TransportEvent) {
        match event {
            TransportEvent::Answer {
                peer,
                negotiation,
                sdp,
            } => self.step(peer, AnswererInput::Answer { negotiation, sdp }),
            TransportEvent::AnswerFailed {
                peer,
                negotiation,
                code,
            } => {
                self.step(peer, AnswererInput::AnswerFailed { negotiation, code });
            }
            TransportEvent::Candidate { peer, candidate } => {
                if let Some(session) = self.sessions.get(&peer) {
                    self.say(Signal::IceCandidate {
                        sid: session.sid.clone(),
                        candidate,
                        mid: None,
                    });
                }
            }
            TransportEvent::Connected { peer, codecs } => self.connected(peer, codecs),
            TransportEvent::ChannelOpen { peer, channel } => self.channel_open(peer, channel),
            TransportEvent::Message { peer, channel, data } => self.message(peer, channel, &data),
            TransportEvent::Sound { peer, data } => self.microphone_packet(peer, &data),
            TransportEvent::KeyframeWish { peer } => self.picture_lost(peer),
            TransportEvent::Path { peer, report } => self.path(peer, report),
            TransportEvent::Lost { peer } => self.step(peer, AnswererInput::Lost),
        }
    }

    fn stop(&mut self) {
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            self.end(viewer, EndReason::Stopping);
        }
        self.courtesy.stop();
        self.studio.try_tell(Command::Stop);
    }
}
