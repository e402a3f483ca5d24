//! Several at one desktop: whose keys reach it (`session_core::control`), and where the others point.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use session_core::control::{Control, State};
use signaling_spec::channel::control::{ControlMode, FromHost, FromViewer};
use signaling_spec::channel::input::{Code, Input, Motion, Position};
use signaling_spec::{Refusal, Right, ViewerId};

use super::Hub;

/// Between two words about one viewer's pointer.
const POINT_EVERY: Duration = Duration::from_millis(40);
const BACKSPACE: &[&str] = &["Backspace"];
const CONTROLS: &[&str] = &["ControlLeft", "ControlRight"];
const ALTS: &[&str] = &["AltLeft", "AltRight"];
const SHIFTS: &[&str] = &["ShiftLeft", "ShiftRight"];

/// What the hub remembers of it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    control: Control,
    /// What everybody was told last.
    told: Option<State>,
    /// Where viewers point whose word has not been passed on yet.
    points: BTreeMap<ViewerId, Position>,
    next_points: Option<Instant>,
}

impl Shared {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let points = self.next_points.filter(|_| !self.points.is_empty());
        self.control.poll_timeout().into_iter().chain(points).min()
    }
}

impl Hub {
    pub(super) fn join_control(&mut self, viewer: ViewerId) {
        let Some(session) = self.sessions.get(&viewer) else {
            return;
        };
        let manages = session.rights.has(Right::SessionManage);
        self.shared.control.join(viewer, session.controls(), manages);
    }

    pub(super) fn leave_control(&mut self, viewer: ViewerId) {
        self.shared.control.leave(viewer, Instant::now());
        self.point_nowhere(viewer);
        self.tell_control();
    }

    /// What a newcomer has to know.
    pub(super) fn tell_control_to(&mut self, viewer: ViewerId) {
        self.tell(viewer, words(&self.shared.control.state()));
    }

    pub(super) fn control_message(&mut self, viewer: ViewerId, message: FromViewer) -> Result<(), Refusal> {
        let (control, now) = (&mut self.shared.control, Instant::now());
        let done = match message {
            FromViewer::ControlAsk {} => control.ask(viewer, now),
            FromViewer::ControlGive { viewer: to } => control.give(viewer, to, now),
            FromViewer::ControlDecline { viewer: to } => control.decline(viewer, to),
            FromViewer::ControlTake {} => control.take(viewer, now),
            FromViewer::ControlRelease {} => {
                control.release(viewer, now);
                Ok(())
            }
            FromViewer::ControlStop {} => control.stop(viewer, now),
            FromViewer::DisplayResize { .. }
            | FromViewer::QualityLimit { .. }
            | FromViewer::QualitySave { .. }
            | FromViewer::VideoShown { .. }
            | FromViewer::PageHidden { .. }
            | FromViewer::VideoRefresh {}
            | FromViewer::ViewerDismiss { .. }
            | FromViewer::ClipOffer { .. }
            | FromViewer::ClipGet { .. }
            | FromViewer::FilePut { .. }
            | FromViewer::FileDone { .. }
            | FromViewer::FileFolder { .. }
            | FromViewer::FileBrowse { .. }
            | FromViewer::FileGet { .. }
            | FromViewer::SoundListen { .. }
            | FromViewer::MicrophoneUse { .. }
            | FromViewer::Ping { .. } => Err(Refusal::Unsupported),
        };
        self.tell_control();
        done
    }

    /// The person at the host pressed the panic key.
    pub(super) fn panic_key(&mut self) {
        self.shared.control.toggle_block(Instant::now());
        self.tell_control();
        let blocked = self.shared.control.state().mode == ControlMode::Blocked;
        self.courtesy.sign().block(blocked);
    }

    pub(super) fn time_control(&mut self, now: Instant) {
        self.shared.control.handle_timeout(now);
        self.tell_control();
        if self.shared.next_points.is_some_and(|at| at <= now) {
            self.pass_points(now);
        }
    }

    /// Says what has changed; who may press nothing any more holds nothing any more.
    fn tell_control(&mut self) {
        let state = self.shared.control.state();
        if self.shared.told.as_ref() == Some(&state) {
            return;
        }
        let before = self.shared.told.replace(state.clone());
        let now = Instant::now();
        let holding = |state: &State| (state.mode, state.holder);
        if before.as_ref().map(holding) != Some(holding(&state)) {
            let viewers: Vec<ViewerId> = self.sessions.keys().copied().collect();
            for viewer in viewers {
                if !self.shared.control.may_use(viewer) {
                    // Of one who is not live yet there is nothing to let go.
                    let _ = self.gate.handle_input(viewer, Input::Release, now);
                }
            }
            self.inject();
            let subject = state.holder.and_then(|holder| self.sessions.get(&holder));
            let subject = subject.map(|session| session.subject.as_str());
            router::audit!("RMV3022I", mode = ?state.mode, holder = subject.unwrap_or_default(), "Control changed");
        }
        self.tell_all(&words(&state));
    }

    /// Whether this press may be passed on.
    ///
    /// # Errors
    /// `OutOfTurn` while another has the lease, for the panic key, and for a click that would answer the question to
    /// the person at the host.
    pub(super) fn admit_input(&mut self, viewer: ViewerId, input: &Input) -> Result<(), Refusal> {
        if matches!(input, Input::Release) {
            return Ok(());
        }
        if let Input::Key { code, down: true, .. } = input
            && self.is_panic(code)
        {
            // The host must not take it for the key of the person who sits there.
            let stopped = self.shared.control.stop(viewer, Instant::now());
            self.tell_control();
            stopped?;
            return Err(Refusal::OutOfTurn);
        }
        if !self.shared.control.may_use(viewer) {
            return Err(Refusal::OutOfTurn);
        }
        if let Input::Button { down: true, at, .. } = input {
            let (width, height) = self.screen.size();
            let pixel = at.to_pixel(width, height);
            let unknown = self.gate.is_locked(viewer) && self.is_asking();
            if unknown || self.courtesy.sign().asks_at(pixel) {
                return Err(Refusal::OutOfTurn);
            }
        }
        Ok(())
    }

    fn is_panic(&self, code: &Code) -> bool {
        let all = [BACKSPACE, CONTROLS, ALTS, SHIFTS];
        let named = |names: &[&str]| names.contains(&code.as_str());
        all.iter().any(|names| named(names)) && all.iter().all(|names| self.gate.any_holds(names, Some(code)))
    }

    /// Whether this motion may be passed on; where it points is shown to the others in any case.
    pub(super) fn admit_motion(&mut self, viewer: ViewerId, motion: &Motion) -> bool {
        let now = Instant::now();
        let mine = self.shared.control.may_use(viewer);
        if let Motion::Move { at, .. } = motion {
            self.point(viewer, *at, now);
            if mine {
                self.shared.control.used(viewer, now);
            }
        }
        mine
    }

    /// This viewer's press reached the host.
    pub(super) fn used_control(&mut self, viewer: ViewerId) {
        self.shared.control.used(viewer, Instant::now());
    }

    fn point(&mut self, viewer: ViewerId, at: Position, now: Instant) {
        let pointing = self
            .sessions
            .get(&viewer)
            .is_some_and(|session| session.live && session.rights.has(Right::InputPointer));
        // Alone, nobody needs to be told.
        if !pointing || self.sessions.len() < 2 {
            return;
        }
        self.shared.points.insert(viewer, at);
        if self.shared.next_points.is_none_or(|next| next <= now) {
            self.pass_points(now);
        }
    }

    fn pass_points(&mut self, now: Instant) {
        self.shared.next_points = (!self.shared.points.is_empty()).then(|| now + POINT_EVERY);
        for (viewer, at) in std::mem::take(&mut self.shared.points) {
            self.tell_others(
                viewer,
                &FromHost::PointerAt {
                    viewer,
                    at: Some([at.x, at.y]),
                },
            );
        }
    }

    pub(super) fn point_nowhere(&mut self, viewer: ViewerId) {
        self.shared.points.remove(&viewer);
        self.tell_others(viewer, &FromHost::PointerAt { viewer, at: None });
    }

    /// Whoever does not keep up is told the next place.
    fn tell_others(&mut self, viewer: ViewerId, message: &FromHost) {
        let others: Vec<ViewerId> = self
            .sessions
            .iter()
            .filter(|(other, session)| **other != viewer && session.live && session.backlog.is_empty())
            .map(|(other, _)| *other)
            .collect();
        for other in others {
            self.tell(other, message.clone());
        }
    }
}

fn words(state: &State) -> FromHost {
    FromHost::ControlState {
        mode: state.mode,
        holder: state.holder,
        asking: state.asking.clone(),
    }
}
