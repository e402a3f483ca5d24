//! What the person at the host gets: a sign while somebody watches, a machine that stays awake, a locked screen.
//!
//! When, is `session_core::courtesy`; how, is here and in `x11/sign.rs`. Nothing of it can hold the session up:
//! what does not work is said in the log once.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use session_core::courtesy::{Courtesies, Courtesy};
use signaling_spec::{EndReason, ViewerId};

/// Something on the host that shows who watches, and that the person at it answers by.
pub trait Sign: Send {
    /// These watch now; nobody when empty. Takes effect soon; does not wait.
    fn show(&mut self, names: &[String]);

    /// From now on it is shown, even if the operator wanted none.
    fn insist(&mut self) {}

    /// Whether anybody can be asked here.
    fn can_ask(&self) -> bool {
        false
    }

    /// Asks this instead of what was asked before; `None` asks nothing any more.
    fn ask(&mut self, _question: Option<Question>) {}

    /// Whether a viewer's click on this pixel of the screen would be an answer to the question.
    fn asks_at(&self, _pixel: (u32, u32)) -> bool {
        false
    }

    /// Whether the person at the host lets nobody's keys through.
    fn block(&mut self, _blocked: bool) {}
}

/// May somebody come in?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Comes back with the answer.
    pub number: u64,
    pub name: String,
    /// Whether they may press keys or buttons, too.
    pub controls: bool,
}

/// What the person at the host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromPerson {
    /// The answer to that question.
    Answer { number: u64, yes: bool },
    /// Stops everybody's keys, or lets them again.
    PanicKey,
}

/// Where what the person does is told; drops it when nobody listens.
pub type PersonTeller = Box<dyn Fn(FromPerson) + Send>;

/// For a host where nobody sits: a desktop of the agent's own, or a pattern.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSign;

impl Sign for NoSign {
    fn show(&mut self, _names: &[String]) {}
}

/// How the screen is locked, unless another command is given: by the session's own locker.
const LOCK: &str = "loginctl lock-session || xdg-screensaver lock";

/// What the operator wants of it.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// The command that locks the screen when the last who controls has gone; `None` leaves it open.
    pub lock: Option<String>,
    /// What that command needs to know of the display, such as `DISPLAY`.
    pub environment: Vec<(String, String)>,
}

impl Manners {
    /// Locks by the operator's command, or by the session's own locker.
    pub fn locking(command: Option<String>, environment: Vec<(String, String)>) -> Self {
        Self {
            lock: Some(command.unwrap_or_else(|| LOCK.to_owned())),
            environment,
        }
    }
}

/// Does what the rules say.
pub struct Host {
    rules: Courtesies,
    sign: Box<dyn Sign>,
    manners: Manners,
    awake: Option<Child>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    pub fn new(sign: Box<dyn Sign>, manners: Manners) -> Self {
        Self {
            rules: Courtesies::new(manners.lock.is_some()),
            sign,
            manners,
            awake: None,
        }
    }

    /// Somebody watches from now on.
    pub fn join(&mut self, viewer: ViewerId, name: String, controls: bool) {
        self.rules.join(viewer, name, controls);
        self.perform();
    }

    pub fn leave(&mut self, viewer: ViewerId, reason: EndReason, now: Instant) {
        self.rules.leave(viewer, reason, now);
        self.perform();
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.rules.handle_timeout(now);
        self.perform();
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.rules.poll_timeout()
    }

    /// The agent ends.
    pub fn stop(&mut self) {
        self.rules.stop();
        self.perform();
    }

    /// Its question, its answer, its panic key.
    pub fn sign(&mut self) -> &mut dyn Sign {
        self.sign.as_mut()
    }

    fn perform(&mut self) {
        while let Some(courtesy) = self.rules.poll_output() {
            match courtesy {
                Courtesy::Watched(names) => self.sign.show(&names),
                Courtesy::Awake(true) => self.awake = inhibit(),
                Courtesy::Awake(false) => self.rest(),
                Courtesy::Lock => self.lock(),
            }
        }
    }

    fn rest(&mut self) {
        if let Some(mut child) = self.awake.take() {
            // It ends with its input, but need not be waited for here.
            drop(child.stdin.take());
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn lock(&self) {
        let Some(command) = &self.manners.lock else { return };
        let started = Command::new("sh")
            .args(["-c", command])
            .envs(self.manners.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let lock = match started {
            Ok(mut child) => std::thread::Builder::new()
                .name("lock".to_owned())
                .spawn(move || match child.wait() {
                    Ok(status) if status.success() => router::audit!("RMV3021I", "Screen locked"),
                    ended => tracing::error!(
                        ?ended,
                        "The screen was not locked; give a command that does with --lock-command"
                    ),
                })
                .map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = lock {
            tracing::error!(%error, "The screen was not locked: no process or thread could be started");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.rest();
    }
}

/// Keeps the machine awake as long as the process lives, which ends with its input: also when the agent is killed.
fn inhibit() -> Option<Child> {
    let started = Command::new("systemd-inhibit")
        .args([
            "--what=idle:sleep",
            "--who=REMOVID",
            "--why=Somebody works here from afar",
            "--mode=block",
            "cat",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(child) => Some(child),
        Err(error) => {
            // A machine without systemd has no one to tell.
            tracing::debug!(%error, "Nobody keeps this machine awake");
            None
        }
    }
}
