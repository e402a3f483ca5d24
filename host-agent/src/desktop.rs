//! A desktop of the agent's own, on a machine where nobody sits: an X server in memory and a session on it.
//!
//! One thread starts everything and looks after it, because the kernel ends children with the *thread* that
//! made them. A part of the session that ends is started again; the X server's end is told, and the whole is
//! started again by `restart`. Nothing of it survives the agent: what a killed agent left is swept at the
//! next start.

mod account;
mod child;
mod place;
mod server;
mod session;
mod sound;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::sound::server::Server as SoundServer;
use crate::x11::Target;
use account::Account;
use place::Place;
use server::Server;
use session::Session;

/// How often the children are looked at.
const TICK: Duration = Duration::from_millis(200);

/// What desktop to start.
#[derive(Clone, Debug)]
pub struct DesktopOptions {
    pub size: (u32, u32),
    /// The largest size a later resize can ask for. The X server touches all of its memory: 4 bytes a pixel.
    pub max: (u32, u32),
    /// A shell command instead of a window manager and a terminal.
    pub session: Option<String>,
    /// Whose desktop it is, when the agent runs as root.
    pub user: Option<String>,
    /// The display's number; otherwise the first free one.
    pub display: Option<u16>,
    pub background: u32,
    /// Whether it has a sound server of its own.
    pub sound: bool,
}

impl Default for DesktopOptions {
    fn default() -> Self {
        let (size, max) = ((1280, 720), (3840, 2400));
        Self {
            size,
            max,
            session: None,
            user: None,
            display: None,
            background: 0x2e_3440,
            sound: true,
        }
    }
}

/// How a virtual desktop is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesktopState {
    Running,
    /// Its X server ended, for this reason; `restart` brings it back.
    Gone(String),
}

/// A running desktop; it ends when this is dropped.
#[derive(Debug)]
pub struct VirtualDesktop {
    options: DesktopOptions,
    number: u16,
    target: Target,
    user: String,
    sound: SoundServer,
    state: Arc<Mutex<DesktopState>>,
    /// Closed to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl VirtualDesktop {
    /// Starts it and waits until it can be looked at and typed on.
    ///
    /// # Errors
    /// No X server installed, no account to run it as, or it does not start; each says what helps.
    pub fn start(options: DesktopOptions) -> Result<Self> {
        let (stop, stopped) = channel();
        let (tell, told) = channel();
        let state = Arc::new(Mutex::new(DesktopState::Running));
        let (for_thread, wanted) = (Arc::clone(&state), options.clone());
        let start = move || {
            crate::priority::usual();
            Desktop::start(&wanted)
        };
        let run = move || match start() {
            Ok(desktop) => {
                let sound = sound::server(&desktop.place, &desktop.account);
                let _ = tell.send(Ok((
                    desktop.number(),
                    desktop.place.target(),
                    desktop.user(),
                    sound,
                )));
                desktop.look_after(&stopped, &for_thread);
            }
            Err(error) => drop(tell.send(Err(error))),
        };
        let thread = std::thread::Builder::new().name("desktop".into()).spawn(run)?;
        let (number, target, user, sound) = told.recv().context("the desktop's thread ended")??;
        tracing::info!(display = target.display, user, "Started a virtual desktop");
        Ok(Self {
            options,
            number,
            target,
            user,
            sound,
            state,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Ends what is left and starts again on the same display.
    ///
    /// # Errors
    /// As `start`.
    pub fn restart(&mut self) -> Result<()> {
        self.end();
        *self = Self::start(DesktopOptions {
            display: Some(self.number),
            ..self.options.clone()
        })?;
        Ok(())
    }

    pub fn poll(&self) -> DesktopState {
        self.state.lock().map_or_else(
            |_| DesktopState::Gone("its thread failed".into()),
            |state| state.clone(),
        )
    }

    /// Where to look and type: the display with its cookie's file.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whose desktop it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its sound server, if it has one.
    pub fn sound(&self) -> &SoundServer {
        &self.sound
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The desktop's thread panicked");
        }
    }
}

impl Drop for VirtualDesktop {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread holds; fields end in this order.
struct Desktop {
    session: Session,
    server: Server,
    place: Place,
    account: Account,
}

impl Desktop {
    fn start(options: &DesktopOptions) -> Result<Self> {
        let account = Account::choose(options.user.as_deref())?;
        place::sweep();
        let mut place = Place::new(&account)?;
        let mut server = Server::start(&mut place, &account, options)?;
        let (width, height) = options.size;
        if let Err(error) = place.target().furnish(width, height, options.background) {
            let why = server.ended().unwrap_or_default();
            return Err(error).with_context(|| format!("the new X server cannot be used {why}"));
        }
        let session = Session::start(&place, &account, options.session.as_deref(), options.sound);
        Ok(Self {
            session,
            server,
            place,
            account,
        })
    }

    fn number(&self) -> u16 {
        self.server.number
    }

    fn user(&self) -> String {
        self.account.name.clone()
    }

    fn look_after(mut self, stopped: &Receiver<()>, state: &Mutex<DesktopState>) {
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            if let Some(why) = self.server.ended() {
                tracing::warn!(display = self.number(), why, "The desktop's X server ended");
                if let Ok(mut state) = state.lock() {
                    *state = DesktopState::Gone(why);
                }
                self.session.end();
                let _ = stopped.recv();
                return;
            }
            self.session.keep_up();
        }
    }
}
