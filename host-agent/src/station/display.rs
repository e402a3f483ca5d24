//! The desktop that is shared: found, or started, and opened again after it was lost.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::{User, geteuid};

use crate::clipboard::{self, Clipboard, NoClipboard};
use crate::config::Desktop;
use crate::courtesy::{self, Manners, NoSign, PersonTeller, Sign};
use crate::desktop::{DesktopOptions, DesktopState, VirtualDesktop};
use crate::files::Shared;
use crate::hub::InputOpener;
use crate::input::{InputSink, Recorder};
use crate::media::studio::Opener;
use crate::screen::{Source, SourceError};
use crate::sound::Finder;
use crate::sound::server::Server;
use crate::test_pattern::TestPattern;
use crate::x11::{Target, WatchSign, X11Clipboard, X11Source, XtestSink};

/// The least that a virtual display can grow to.
const ROOM: (u32, u32) = (3840, 2400);

/// See the module documentation.
#[derive(Debug)]
pub(super) enum Display {
    X11(Target),
    Virtual(Arc<Mutex<VirtualDesktop>>),
    Test((u32, u32)),
}

impl Display {
    /// # Errors
    /// The display cannot be used, or no desktop can be started; each says what helps.
    pub(super) fn open(desktop: &Desktop, sound: bool) -> anyhow::Result<Self> {
        match desktop {
            Desktop::X11 { display } => {
                let target = Target {
                    display: display.clone(),
                    xauthority: None,
                    ours: false,
                };
                target.check()?;
                Ok(Self::X11(target))
            }
            Desktop::Virtual {
                display,
                size,
                session,
                user,
            } => {
                let options = DesktopOptions {
                    size: *size,
                    max: (size.0.max(ROOM.0), size.1.max(ROOM.1)),
                    session: session.clone(),
                    user: user.clone(),
                    display: *display,
                    sound,
                    ..DesktopOptions::default()
                };
                Ok(Self::Virtual(Arc::new(Mutex::new(VirtualDesktop::start(
                    options,
                )?))))
            }
            Desktop::Test { size } => Ok(Self::Test(*size)),
        }
    }

    /// Whether nobody sits in front of it, so that a viewer's window may size it.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Virtual(_) | Self::Test(_))
    }

    /// What the person at the host gets to see of it. Nobody sits at a desktop of the agent's own.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn courtesy(
        &self,
        sign: bool,
        lock: Option<&Option<String>>,
        person: PersonTeller,
    ) -> anyhow::Result<courtesy::Host> {
        let (sign, environment): (Box<dyn Sign>, _) = match self {
            Self::X11(target) => (
                Box::new(WatchSign::start(target.clone(), sign, person)?),
                vec![("DISPLAY".to_owned(), target.display.clone())],
            ),
            Self::Virtual(desktop) => {
                let desktop = desktop.lock().unwrap_or_else(PoisonError::into_inner);
                let target = desktop.target();
                let cookie = target
                    .xauthority
                    .iter()
                    .map(|path| ("XAUTHORITY".to_owned(), path.display().to_string()));
                let environment =
                    std::iter::once(("DISPLAY".to_owned(), target.display.clone())).chain(cookie);
                (Box::new(NoSign), environment.collect())
            }
            Self::Test(_) => (Box::new(NoSign), Vec::new()),
        };
        let manners = lock.map_or_else(Manners::default, |command| {
            Manners::locking(command.clone(), environment)
        });
        Ok(courtesy::Host::new(sign, manners))
    }

    /// # Errors
    /// The system gives no thread.
    pub(super) fn clipboard(&self, tell: clipboard::Tell) -> anyhow::Result<Box<dyn Clipboard>> {
        Ok(match self {
            Self::X11(target) => {
                let target = target.clone();
                Box::new(X11Clipboard::start(Box::new(move || target.clone()), tell)?)
            }
            Self::Virtual(desktop) => {
                let desktop = Arc::clone(desktop);
                let find = move || {
                    let desktop = desktop.lock().unwrap_or_else(PoisonError::into_inner);
                    desktop.target().clone()
                };
                Box::new(X11Clipboard::start(Box::new(find), tell)?)
            }
            Self::Test(_) => Box::new(NoClipboard),
        })
    }

    /// The folder that is shared: `Some(None)` is the usual one, in the home of whose desktop it is.
    pub(super) fn shared(&self, wanted: Option<&Option<PathBuf>>) -> Option<Shared> {
        let wanted = wanted?;
        let (user, home) = match self {
            Self::Virtual(desktop) => {
                let desktop = desktop.lock().unwrap_or_else(PoisonError::into_inner);
                let account = User::from_name(desktop.user()).ok().flatten()?;
                let switch = geteuid() != account.uid;
                (switch.then_some((account.uid, account.gid)), Some(account.dir))
            }
            Self::X11(_) | Self::Test(_) => (None, std::env::home_dir()),
        };
        let folder = match (wanted, home) {
            (Some(folder), _) => folder.clone(),
            (None, Some(home)) => home.join("Downloads").join("REMOVID"),
            (None, None) => return None,
        };
        Some(Shared { folder, user })
    }

    /// Where the desktop's sound server is. A pattern makes no sound.
    pub(super) fn sound(&self) -> Option<Finder> {
        match self {
            Self::X11(_) => Some(Box::new(Server::default)),
            Self::Virtual(desktop) => {
                let desktop = Arc::clone(desktop);
                Some(Box::new(move || {
                    desktop
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .sound()
                        .clone()
                }))
            }
            Self::Test(_) => None,
        }
    }

    pub(super) fn source_opener(&self) -> Opener {
        match self {
            Self::X11(target) => {
                let target = target.clone();
                Box::new(move || Ok(Box::new(X11Source::open(&target)?) as Box<dyn Source>))
            }
            Self::Virtual(desktop) => {
                let desktop = Arc::clone(desktop);
                Box::new(move || {
                    let target = living(&desktop).map_err(SourceError::Gone)?;
                    Ok(Box::new(X11Source::open(&target)?) as Box<dyn Source>)
                })
            }
            Self::Test((width, height)) => {
                let (width, height) = (*width, *height);
                Box::new(move || Ok(Box::new(TestPattern::new(width, height)?) as Box<dyn Source>))
            }
        }
    }

    pub(super) fn sink_opener(&self) -> InputOpener {
        let open = |target: &Target| Ok(Box::new(XtestSink::open(target)?) as Box<dyn InputSink>);
        match self {
            Self::X11(target) => {
                let target = target.clone();
                Box::new(move || open(&target))
            }
            Self::Virtual(desktop) => {
                let desktop = Arc::clone(desktop);
                Box::new(move || {
                    let target = desktop
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .target()
                        .clone();
                    open(&target)
                })
            }
            Self::Test(_) => Box::new(|| Ok(Box::new(Recorder::default()) as Box<dyn InputSink>)),
        }
    }
}

/// The display of a desktop that runs, started again if its X server has ended.
fn living(desktop: &Mutex<VirtualDesktop>) -> anyhow::Result<Target> {
    let mut desktop = desktop.lock().unwrap_or_else(PoisonError::into_inner);
    if let DesktopState::Gone(why) = desktop.poll() {
        tracing::warn!(why, "The virtual desktop ended; starting it again");
        desktop.restart()?;
    }
    Ok(desktop.target().clone())
}
