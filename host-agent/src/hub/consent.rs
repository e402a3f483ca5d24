//! Who waits for the word of the person at the host before they come in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use signaling_spec::limits::MAX_VIEWERS;
use signaling_spec::{Refusal, SessionId, Signal};

use super::Hub;
use crate::courtesy::{FromPerson, Question};

/// How long the person has to answer: shorter than a router waits for the host's word.
const ANSWER: Duration = Duration::from_secs(45);

/// One who waits.
pub(super) struct Waiting {
    number: u64,
    sid: SessionId,
    name: String,
    controls: bool,
    request: Signal,
    until: Instant,
}

/// Everybody who waits; the first is who is asked about.
#[derive(Default)]
pub(super) struct Consents {
    waiting: VecDeque<Waiting>,
    asked: u64,
}

impl Consents {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.iter().map(|one| one.until).min()
    }
}

impl Hub {
    pub(super) fn is_asking(&self) -> bool {
        !self.consents.waiting.is_empty()
    }

    /// Asks the person at the host; `request` comes in with their yes.
    pub(super) fn ask_person(&mut self, request: Signal, name: String, controls: bool) {
        let Some(sid) = request.sid().cloned() else { return };
        if !self.courtesy.sign().can_ask() {
            tracing::warn!(
                "A session needs the consent of the person at this host, and nobody can be asked here"
            );
            return self.refuse_consent(sid, "nobody can be asked");
        }
        if self.consents.waiting.len() >= MAX_VIEWERS {
            return self.refuse_consent(sid, "too many wait");
        }
        self.consents.asked = self.consents.asked.wrapping_add(1);
        let first = self.consents.waiting.is_empty();
        self.consents.waiting.push_back(Waiting {
            number: self.consents.asked,
            sid: sid.clone(),
            name,
            controls,
            request,
            until: Instant::now() + ANSWER,
        });
        let seconds = u32::try_from(ANSWER.as_secs()).unwrap_or(u32::MAX);
        self.say(Signal::SessionWaiting { sid, seconds });
        if first {
            self.ask_next();
        }
    }

    pub(super) fn handle_person(&mut self, event: FromPerson) {
        match event {
            FromPerson::PanicKey => self.panic_key(),
            FromPerson::Answer { number, yes } => {
                // An answer that comes too late is none.
                let Some(waiting) = self.consents.waiting.pop_front_if(|first| first.number == number) else {
                    return;
                };
                if yes {
                    router::audit!("RMV3024I", sid = %waiting.sid, subject = waiting.name, "The person at the host let somebody in");
                    self.admit(waiting.request, true);
                } else {
                    self.refuse_consent(waiting.sid, "refused");
                }
                self.ask_next();
            }
        }
    }

    /// Whoever waited for too long has not been let in.
    pub(super) fn time_consent(&mut self, now: Instant) {
        let (late, waiting): (VecDeque<_>, _) = std::mem::take(&mut self.consents.waiting)
            .into_iter()
            .partition(|one| one.until <= now);
        self.consents.waiting = waiting;
        if late.is_empty() {
            return;
        }
        for one in late {
            self.refuse_consent(one.sid, "no answer");
        }
        self.ask_next();
    }

    /// Who asked in has gone, or may not come any more.
    pub(super) fn forget_waiting(&mut self, sid: &SessionId) {
        let before = self.consents.waiting.len();
        self.consents.waiting.retain(|one| one.sid != *sid);
        if self.consents.waiting.len() < before {
            self.ask_next();
        }
    }

    fn ask_next(&mut self) {
        let question = self.consents.waiting.front().map(|one| Question {
            number: one.number,
            name: one.name.clone(),
            controls: one.controls,
        });
        self.courtesy.sign().ask(question);
    }

    fn refuse_consent(&mut self, sid: SessionId, why: &str) {
        router::audit!("RMV3025W", sid = %sid, why, "Session refused: the person at the host did not consent");
        self.say(Signal::SessionReject {
            sid,
            code: Refusal::Consent,
        });
    }
}
