//! The channel `ctl`: what viewers may ask for, and what they are told.

use std::time::{Duration, Instant};

use signaling_spec::channel::Channel;
use signaling_spec::channel::control::{FromHost, FromViewer, ViewerInfo};
use signaling_spec::{DecodeError, EndReason, Refusal, Right, ViewerId};

use super::Hub;
use super::picture::wall_ms;
use super::session::BACKLOG;
use crate::transport::Sent;

impl Hub {
    pub(super) fn channel_open(&mut self, viewer: ViewerId, channel: Channel) {
        if channel != Channel::Ctl {
            return;
        }
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        session.ctl_open = true;
        let hello = FromHost::Hello {
            viewer,
            rights: session.rights.clone(),
            host_name: self.identity.name.clone(),
        };
        self.tell(viewer, hello);
        self.announce_viewers();
        self.tell_control_to(viewer);
        self.tell_screen(viewer);
        self.join_clipboard(viewer);
        self.join_sound(viewer);
    }

    /// Sends one message, after those that wait.
    pub(super) fn tell(&mut self, viewer: ViewerId, message: FromHost) {
        let Some(session) = self.sessions.get_mut(&viewer).filter(|session| session.ctl_open) else {
            return;
        };
        session.backlog.push_back(message);
        if session.backlog.len() > BACKLOG {
            tracing::info!(viewer = viewer.0, "Viewer takes no messages; it is cut off");
            return self.end(viewer, EndReason::Error);
        }
        self.flush(viewer);
    }

    pub(super) fn flush(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        while let Some(message) = session.backlog.front() {
            match self
                .transport
                .send(viewer, Channel::Ctl, false, message.encode().as_bytes())
            {
                Sent::Taken => drop(session.backlog.pop_front()),
                Sent::Full | Sent::Closed => return,
            }
        }
    }

    pub(super) fn tell_all(&mut self, message: &FromHost) {
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        for viewer in viewers {
            self.tell(viewer, message.clone());
        }
    }

    pub(super) fn announce_viewers(&mut self) {
        let now = Instant::now();
        let list = self
            .sessions
            .iter()
            .filter(|(_, session)| session.live)
            .map(|(viewer, session)| ViewerInfo {
                viewer: *viewer,
                subject: session.subject.clone(),
                browser: session.browser.clone(),
                controls: session.controls(),
                since: u32::try_from(now.saturating_duration_since(session.since).as_secs())
                    .unwrap_or(u32::MAX),
            })
            .collect();
        self.tell_all(&FromHost::Viewers { list });
    }

    pub(super) fn handle_heartbeat(&mut self) {
        self.beats = self.beats.wrapping_add(1);
        let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
        viewers.into_iter().for_each(|viewer| self.beat(viewer));
        self.flush_traces();
        self.tell_figures();
        self.wish_keyframes();
    }

    fn beat(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        session.told_last = true;
        let rtp = session.last_frame.map(|(rtp, _)| rtp);
        self.tell(viewer, FromHost::Heartbeat { n: self.beats, rtp });
    }

    /// Names frames that none followed, so that a lost one is asked for soon.
    pub(super) fn beat_tails(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let viewers: Vec<ViewerId> = self
            .sessions
            .iter()
            .filter(|(_, session)| due(session.tail_due()))
            .map(|(viewer, _)| *viewer)
            .collect();
        viewers.into_iter().for_each(|viewer| self.beat(viewer));
    }

    pub(super) fn message(&mut self, viewer: ViewerId, channel: Option<Channel>, data: &[u8]) {
        let now = Instant::now();
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        let rate = match channel {
            Some(Channel::Input | Channel::Motion | Channel::Tiles) => &mut session.input_rate,
            Some(Channel::Ctl) | None => &mut session.control_rate,
            Some(Channel::Bulk) => &mut session.bulk_rate,
        };
        if !rate.take(now) {
            return self.refuse(
                viewer,
                Refusal::TooMany,
                channel.map_or("channel", Channel::label),
            );
        }
        match channel {
            Some(Channel::Input) => self.input(viewer, data),
            Some(Channel::Motion) => self.motion(viewer, data),
            Some(Channel::Ctl) => self.control(viewer, data),
            Some(Channel::Bulk) => self.bulk(viewer, data),
            Some(Channel::Tiles) => self.tiles(viewer, data),
            None => self.refuse(viewer, Refusal::Unsupported, "channel"),
        }
    }

    fn control(&mut self, viewer: ViewerId, data: &[u8]) {
        let decoded = std::str::from_utf8(data)
            .map_err(|_| Refusal::Malformed)
            .and_then(|text| {
                FromViewer::decode(text).map_err(|error| {
                    tracing::debug!(viewer = viewer.0, %error, "Refused a control message");
                    if let DecodeError::Malformed(why) = &error {
                        tracing::trace!(%why, "Control message is malformed");
                    }
                    error.code()
                })
            });
        let message = match decoded {
            Ok(message) => message,
            Err(code) => return self.refuse(viewer, code, "ctl"),
        };
        let kind = message.kind();
        let need = message.needs();
        let has = self
            .sessions
            .get(&viewer)
            .is_some_and(|session| session.rights.has(need));
        if !has && matches!(need, Right::ClipboardToHost | Right::ClipboardFromHost) {
            return self.refuse_clip(viewer, need, kind);
        }
        if !has {
            return self.refuse(viewer, Refusal::Forbidden, kind);
        }
        let done = match message {
            FromViewer::DisplayResize {
                width,
                height,
                density,
                asked,
            } => self.resize(viewer, (width, height), density, asked),
            FromViewer::QualityLimit { max_kbps } => self.limit(max_kbps),
            FromViewer::VideoShown {
                frames,
                way_us,
                decode_us,
                show_us,
                age_us,
            } => {
                self.figures.shown(frames, [way_us, decode_us, show_us, age_us]);
                Ok(())
            }
            FromViewer::QualitySave { on } => {
                self.save_data(viewer, on);
                Ok(())
            }
            FromViewer::PageHidden { hidden } => self.hide(viewer, hidden),
            FromViewer::VideoRefresh {} => {
                self.wish_keyframe(viewer);
                Ok(())
            }
            FromViewer::ViewerDismiss { viewer: other } => self.dismiss(viewer, other),
            FromViewer::ClipOffer { serial, formats } => {
                self.clip_offer(viewer, serial, formats);
                Ok(())
            }
            FromViewer::ClipGet {
                transfer,
                serial,
                format,
                max,
            } => self.clip_get(viewer, transfer, (serial, format), max),
            FromViewer::FilePut {
                transfer,
                path,
                size,
                modified,
            } => self.file_put((viewer, transfer), path, size, modified),
            FromViewer::FileDone { transfer, sum } => self.file_done((viewer, transfer), sum),
            FromViewer::FileFolder { transfer, path } => self.file_folder((viewer, transfer), path),
            FromViewer::FileBrowse { path, after } => self.file_browse(viewer, path, after),
            FromViewer::FileGet { transfer, path, from } => self.file_get((viewer, transfer), path, from),
            FromViewer::SoundListen { on } => self.sound_listen(viewer, on),
            FromViewer::MicrophoneUse { on } => self.microphone_use(viewer, on),
            message @ (FromViewer::ControlAsk {}
            | FromViewer::ControlGive { .. }
            | FromViewer::ControlDecline { .. }
            | FromViewer::ControlTake {}
            | FromViewer::ControlRelease {}
            | FromViewer::ControlStop {}) => self.control_message(viewer, message),
            FromViewer::Ping { t } => {
                let at_ms = wall_ms(Duration::ZERO);
                self.tell(viewer, FromHost::Pong { t, at_ms });
                Ok(())
            }
        };
        self.refuse_if(viewer, done, kind);
    }

    fn limit(&mut self, max_kbps: Option<u32>) -> Result<(), Refusal> {
        let bps = max_kbps.map_or(self.max_bps, |kbps| (u64::from(kbps) * 1000).min(self.max_bps));
        self.quality.set_ceiling(bps);
        self.screen.limit = max_kbps;
        self.update_bitrate();
        self.tell_video_state();
        Ok(())
    }

    fn hide(&mut self, viewer: ViewerId, hidden: bool) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return Ok(());
        };
        if session.hidden != hidden {
            session.hidden = hidden;
            session.delivery.handle_break();
            session.path_rate.handle_break();
            // Whoever sees nothing needs no path measured: probes would be most of what is sent.
            session.goal = 0;
            self.transport.set_desired_bitrate(viewer, 0);
            self.tell_viewers_to_studio();
            if hidden {
                self.point_nowhere(viewer);
            } else {
                self.wish_keyframe(viewer);
            }
        }
        Ok(())
    }

    fn dismiss(&mut self, by: ViewerId, other: ViewerId) -> Result<(), Refusal> {
        if !self.sessions.contains_key(&other) {
            return Err(Refusal::NotFound);
        }
        router::audit!("RMV3009I", by = by.0, viewer = other.0, "Viewer dismissed");
        self.end(other, EndReason::Dismissed);
        Ok(())
    }

    pub(super) fn refuse_if(&mut self, viewer: ViewerId, done: Result<(), Refusal>, reference: &str) {
        if let Err(code) = done {
            self.refuse(viewer, code, reference);
        }
    }

    /// Says no, and writes it down; not more often than anybody could read.
    pub(super) fn refuse(&mut self, viewer: ViewerId, code: Refusal, reference: &str) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        if session.refusal_rate.take(Instant::now()) {
            router::audit!("RMV4001W", sid = %session.sid, viewer = viewer.0, refusal = ?code, reference, "Message refused");
            self.tell(
                viewer,
                FromHost::Refused {
                    code,
                    reference: reference.to_owned(),
                },
            );
        }
    }
}
