//! What runs on a virtual desktop: a window manager and a terminal, or the command that was asked for.
//!
//! A part that ends is started again, so that nobody is left before an empty screen; one that keeps ending
//! at once is given more and more time.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::account::Account;
use super::child;
use super::place::Place;
use super::sound;

const WINDOW_MANAGERS: [&[&str]; 4] = [&["openbox"], &["xfwm4"], &["metacity"], &["twm"]];
const TERMINALS: [&[&str]; 2] = [
    &[
        "xterm",
        "-fa",
        "Monospace",
        "-fs",
        "11",
        "-bg",
        "#1e1e1e",
        "-fg",
        "#e6e6e6",
        "-geometry",
        "100x30+40+40",
        "-title",
        "Terminal",
        "-sl",
        "5000",
    ],
    &["x-terminal-emulator"],
];
/// What lives that long did not fail at its start.
const SETTLED: Duration = Duration::from_secs(5);
const LEAST_WAIT: Duration = Duration::from_millis(500);
const MOST_WAIT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Session {
    parts: Vec<Part>,
    context: Context,
}

/// How a part is started.
#[derive(Debug)]
struct Context {
    account: Account,
    environment: Vec<(&'static str, std::ffi::OsString)>,
    home: std::path::PathBuf,
}

#[derive(Debug)]
struct Part {
    command: Vec<String>,
    child: Option<Child>,
    started: Instant,
    wait: Duration,
    next: Instant,
}

impl Session {
    pub(super) fn start(place: &Place, account: &Account, command: Option<&str>, with_sound: bool) -> Self {
        let target = place.target();
        let mut environment = account.environment(place);
        environment.push(("DISPLAY", target.display.into()));
        environment.push(("XAUTHORITY", place.cookie().into()));
        let home = account.home(place).to_owned();
        let path = environment
            .iter()
            .find(|(name, _)| *name == "PATH")
            .map(|(_, path)| path.clone())
            .unwrap_or_default();
        let mut commands = if with_sound {
            environment.extend(sound::address(place));
            sound::commands(place, &path)
        } else {
            Vec::new()
        };
        match command {
            Some(command) => commands.push(["sh", "-c", command].map(str::to_owned).to_vec()),
            None => {
                commands.extend(installed(&WINDOW_MANAGERS, &path, "a window manager", "openbox"));
                commands.extend(installed(&TERMINALS, &path, "a terminal", "xterm"));
            }
        }
        let mut session = Self {
            parts: commands.into_iter().map(Part::new).collect(),
            context: Context {
                account: account.clone(),
                environment,
                home,
            },
        };
        session.keep_up();
        session
    }

    /// Starts what is not running and due.
    pub(super) fn keep_up(&mut self) {
        for part in &mut self.parts {
            part.keep_up(&self.context);
        }
    }

    pub(super) fn end(&mut self) {
        for mut child in self.parts.drain(..).filter_map(|part| part.child) {
            child::end(&mut child, PATIENCE);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

impl Part {
    fn new(command: Vec<String>) -> Self {
        let now = Instant::now();
        Self {
            command,
            child: None,
            started: now,
            wait: Duration::ZERO,
            next: now,
        }
    }

    fn keep_up(&mut self, context: &Context) {
        let now = Instant::now();
        if let Some(child) = &mut self.child {
            let ended = match child.try_wait() {
                Ok(None) => return,
                Ok(Some(status)) => status.to_string(),
                Err(error) => error.to_string(),
            };
            self.child = None;
            self.end_of_run(now, &ended);
        }
        if now >= self.next {
            self.started = now;
            match context.spawn(&self.command) {
                Ok(child) => self.child = Some(child),
                Err(error) => self.end_of_run(now, &error.to_string()),
            }
        }
    }

    fn end_of_run(&mut self, now: Instant, ended: &str) {
        self.wait = if now - self.started >= SETTLED {
            Duration::ZERO
        } else {
            (self.wait * 2).clamp(LEAST_WAIT, MOST_WAIT)
        };
        self.next = now + self.wait;
        let program = self.command.first();
        tracing::info!(program, ended, wait = ?self.wait, "A part of the desktop ended and is started again");
    }
}

impl Context {
    fn spawn(&self, command: &[String]) -> std::io::Result<Child> {
        let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(&self.home);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        child::spawn(&mut command, &self.account)
    }
}

/// The first of them that is there.
fn installed(known: &[&[&str]], path: &std::ffi::OsStr, what: &str, package: &str) -> Option<Vec<String>> {
    let is_there =
        |program: &str| std::env::split_paths(path).any(|folder| Path::new(&folder).join(program).exists());
    let found = known
        .iter()
        .find(|command| command.first().is_some_and(|program| is_there(program)));
    if found.is_none() {
        tracing::warn!("The desktop goes without {what}; install one (Debian: apt install {package})");
    }
    found.map(|command| command.iter().map(|&word| word.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_ending_is_given_more_time_and_what_lived_none() {
        let mut part = Part::new(vec!["program".to_owned()]);
        let mut waits = Vec::new();
        for lived in [0, 0, 0, 0, 0, 0, 0, 0, 60, 0] {
            let ended = part.started + Duration::from_secs(lived);
            part.end_of_run(ended, "ended");
            waits.push(part.wait.as_millis());
            part.started = part.next;
        }
        assert_eq!(
            waits,
            [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 0, 500]
        );
    }
}
