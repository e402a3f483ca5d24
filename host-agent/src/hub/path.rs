//! What a viewer's connection can carry: the codecs that it decodes, and how many bits a second.

use std::time::Instant;

use session_core::answerer::Input as AnswererInput;
use session_core::path::Report;
use session_core::quality::SAVER_BPS;
use signaling_spec::{EndReason, Refusal, Signal, ViewerId};

use super::Hub;
use crate::media::studio::Command;
use crate::transport::Codec;

impl Hub {
    pub(super) fn connected(&mut self, viewer: ViewerId, codecs: Vec<Codec>) {
        if codecs.is_empty() {
            if let Some(session) = self.sessions.get(&viewer) {
                let error = Signal::Error {
                    code: Refusal::Codec,
                    reference: Some("sdp.offer".to_owned()),
                };
                tracing::info!(sid = %session.sid, "Viewer decodes none of our codecs");
                self.say(error);
            }
            return self.end(viewer, EndReason::Policy);
        }
        if let Some(session) = self.sessions.get_mut(&viewer) {
            session.codecs = codecs;
        }
        self.step(viewer, AnswererInput::Connected);
    }

    pub(super) fn path(&mut self, viewer: ViewerId, report: Report) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        let now = Instant::now();
        session.path_rate.handle_report(report, now);
        tracing::trace!(
            viewer = viewer.0,
            ?report,
            rate = session.path_rate.rate(),
            used = session.path_rate.used(),
            "Path"
        );
        let goal = if session.hidden {
            0
        } else {
            let most = if self.quality.saves(&viewer) {
                SAVER_BPS.min(self.max_bps)
            } else {
                self.max_bps
            };
            session.path_rate.goal(most, now)
        };
        if goal.abs_diff(session.goal) * 5 > session.goal {
            session.goal = goal;
            self.transport.set_desired_bitrate(viewer, goal);
        }
        self.adapt(viewer, now);
    }

    /// The viewer's page will tell of frames.
    pub(super) fn frames_promised(&mut self, viewer: ViewerId) {
        if let Some(session) = self.sessions.get_mut(&viewer) {
            session.path_rate.handle_promise(Instant::now());
        }
    }

    /// The viewer's page has that frame since `at_ms` by its clock.
    pub(super) fn frame_seen(&mut self, viewer: ViewerId, rtp: u32, at_ms: f64) {
        let now = Instant::now();
        if let Some(session) = self.sessions.get_mut(&viewer) {
            session.path_rate.handle_seen(rtp, at_ms, now);
            self.adapt(viewer, now);
        }
    }

    /// What is known of a path may have changed.
    fn adapt(&mut self, viewer: ViewerId, now: Instant) {
        let Some(session) = self.sessions.get_mut(&viewer) else {
            return;
        };
        if let Some(bps) = session.path_rate.poll_afresh() {
            self.transport.set_estimate(viewer, bps);
        }
        self.quality.handle_flow(viewer, session.path_rate.flow(now));
        if let Some(rate) = session.path_rate.rate() {
            self.quality.handle_estimate(viewer, rate, now);
            self.update_bitrate();
        }
        self.set_gate(now);
    }

    /// No encode makes a frame that would wait on all its viewers' paths.
    pub(super) fn set_gate(&self, now: Instant) {
        for slow in [false, true] {
            let watching = self.sessions.values().filter(|session| {
                let gets = session.assigned.is_some_and(|stream| stream.slow == slow);
                gets && session.live && !session.hidden
            });
            let closes: Option<Vec<Instant>> =
                watching.map(|session| session.path_rate.closes(now)).collect();
            let closes = closes.and_then(|closes| closes.into_iter().max());
            self.studio.set_gate(slow, closes, now);
        }
    }

    pub(super) fn update_bitrate(&mut self) {
        let now = Instant::now();
        for slow in [false, true] {
            if let Some(target) = self.quality.poll_target(slow, now) {
                self.studio.try_tell(Command::Target { slow, target });
            }
        }
        if self.quality.poll_moved() {
            self.tell_viewers_to_studio();
        }
    }

    /// That viewer saves data, or no longer.
    pub(super) fn save_data(&mut self, viewer: ViewerId, on: bool) {
        self.quality.handle_saver(viewer, on);
        self.update_bitrate();
    }
}
