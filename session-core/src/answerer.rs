//! The host's half of one exchange with one viewer.
//!
//! ```text
//!   Waiting ──offer(n)──▶ Answering(n) ──answer──▶ Connecting ──connected──▶ Live ──offer(n+1)──▶ Answering
//!      │                      │                        │                      │
//!      └────── deadline ──────┴──────── deadline ──────┘      silence, bye    │
//!                             ▼                                               ▼
//!                           Closed ◀──────────────────────────────────────────┘
//! ```
//! An offer is taken only with a higher number than the last, and only with the certificate that the
//! viewer announced before it got its ticket. `Closed` is permanent: who returns gets a new session.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use signaling_spec::limits::MAX_CANDIDATES;
use signaling_spec::{EndReason, Fingerprint, Negotiation, Refusal, Sdp, SessionId, Signal, ViewerCaps};

/// How long a viewer may take to offer, and then to connect.
pub const STEP_DEADLINE: Duration = Duration::from_secs(20);

/// What the driver tells us.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time is handed over, and never kept"
)]
#[derive(Clone, Debug)]
pub enum Input {
    /// The viewer said something.
    Signal(Signal),
    /// The peer connection made the answer to the offer of that number.
    Answer { negotiation: Negotiation, sdp: Sdp },
    /// The peer connection could not answer.
    AnswerFailed { negotiation: Negotiation, code: Refusal },
    /// ICE and DTLS are up.
    Connected,
    /// The path is dead.
    Lost,
    /// Somebody or something ends this session.
    End(EndReason),
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Give this offer to the peer connection; answer with [`Input::Answer`].
    Offer {
        negotiation: Negotiation,
        sdp: Sdp,
        caps: ViewerCaps,
    },
    /// Sign and send this answer.
    Answer { negotiation: Negotiation, sdp: Sdp },
    /// Give this candidate to the peer connection.
    Candidate(String),
    /// Send this to the viewer.
    Send(Signal),
    /// The viewer sees and may act from now on.
    Live,
    /// Release everything that belongs to this session.
    Close(EndReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Answering,
    Connecting,
    Live,
    Closed,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Answerer {
    sid: SessionId,
    viewer_fp: Fingerprint,
    state: State,
    /// INVARIANT: the newest offer's number; 0 before the first.
    negotiation: Negotiation,
    /// INVARIANT: `Some` exactly in `Waiting`, `Answering` and `Connecting`.
    deadline: Option<Instant>,
    /// Whether the peer connection was up once: a renewed negotiation does not end that.
    was_live: bool,
    candidates: usize,
    outputs: VecDeque<Output>,
}

impl Answerer {
    pub fn new(sid: SessionId, viewer_fp: Fingerprint, now: Instant) -> Self {
        Self {
            sid,
            viewer_fp,
            state: State::Waiting,
            negotiation: Negotiation(0),
            deadline: Some(now + STEP_DEADLINE),
            was_live: false,
            candidates: 0,
            outputs: VecDeque::new(),
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match (self.state, input) {
            (State::Closed, _) => {}
            (_, Input::End(reason)) => {
                self.push(Output::Send(Signal::SessionEnd {
                    sid: self.sid.clone(),
                    reason,
                }));
                self.close(reason);
            }
            (_, Input::Signal(Signal::SessionEnd { .. })) => self.close(EndReason::Closed),
            (_, Input::Lost) => self.close(EndReason::Lost),
            (
                State::Waiting | State::Live | State::Connecting,
                Input::Signal(Signal::SdpOffer {
                    negotiation,
                    sdp,
                    caps,
                    ..
                }),
            ) => {
                self.offer(negotiation, sdp, caps, now);
            }
            (State::Answering, Input::Answer { negotiation, sdp }) if negotiation == self.negotiation => {
                self.push(Output::Answer { negotiation, sdp });
                if self.was_live {
                    self.enter(State::Live, None);
                } else {
                    self.enter(State::Connecting, Some(now + STEP_DEADLINE));
                }
            }
            (State::Answering, Input::AnswerFailed { negotiation, code })
                if negotiation == self.negotiation =>
            {
                self.refuse(code, "sdp.offer");
                self.close(EndReason::Policy);
            }
            (State::Waiting, Input::Signal(Signal::IceCandidate { .. } | Signal::IceEnd { .. })) => {
                self.refuse(Refusal::OutOfTurn, "ice.candidate");
            }
            (_, Input::Signal(Signal::IceCandidate { candidate, .. })) => {
                self.candidates += 1;
                match self.candidates {
                    n if n <= MAX_CANDIDATES => self.push(Output::Candidate(candidate)),
                    n if n == MAX_CANDIDATES + 1 => self.refuse(Refusal::TooMany, "ice.candidate"),
                    _ => {}
                }
            }
            (_, Input::Signal(Signal::IceEnd { .. })) => {}
            (State::Connecting | State::Answering, Input::Connected) => {
                self.was_live = true;
                if self.state == State::Connecting {
                    self.enter(State::Live, None);
                }
                self.push(Output::Live);
            }
            (_, Input::Signal(signal)) => self.refuse(Refusal::OutOfTurn, signal.kind()),
            (state, Input::Answer { .. } | Input::AnswerFailed { .. } | Input::Connected) => {
                tracing::debug!(sid = %self.sid, ?state, "Ignored an input out of turn");
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.handle_input(Input::End(EndReason::Lost), now);
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn offer(&mut self, negotiation: Negotiation, sdp: Sdp, caps: ViewerCaps, now: Instant) {
        if negotiation <= self.negotiation {
            return self.refuse(Refusal::OutOfTurn, "sdp.offer");
        }
        if Fingerprint::of_sdp(&sdp).as_ref() != Ok(&self.viewer_fp) {
            self.refuse(Refusal::Fingerprint, "sdp.offer");
            return self.close(EndReason::Policy);
        }
        self.negotiation = negotiation;
        self.enter(State::Answering, Some(now + STEP_DEADLINE));
        self.push(Output::Offer {
            negotiation,
            sdp,
            caps,
        });
    }

    fn refuse(&mut self, code: Refusal, reference: &str) {
        self.push(Output::Send(Signal::Error {
            code,
            reference: Some(reference.to_owned()),
        }));
    }

    fn close(&mut self, reason: EndReason) {
        self.enter(State::Closed, None);
        self.push(Output::Close(reason));
    }

    fn enter(&mut self, state: State, deadline: Option<Instant>) {
        tracing::debug!(sid = %self.sid, from = ?self.state, to = ?state, "Changed state");
        self.state = state;
        self.deadline = deadline;
    }

    fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}
