//! Whose desktop it is, and the clean environment that its programs get.
//!
//! An agent that runs as root never runs a desktop as root unless told to: whoever is let in would be root.

use std::ffi::{CString, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist};

use super::place::Place;

const USER: &str = "removid";
/// What programs may inherit of the agent's environment: language and time, no secrets.
const INHERITED: [&str; 5] = ["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ"];

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) groups: Vec<Gid>,
    home: PathBuf,
    shell: PathBuf,
    /// Whether children have to change to it.
    pub(super) switch: bool,
}

impl Account {
    /// The named one, or the user `removid`, or who called `sudo`; without root, the agent's own.
    pub(super) fn choose(named: Option<&str>) -> Result<Self> {
        let own = geteuid();
        if !own.is_root() {
            let user = User::from_uid(own)?.with_context(|| format!("user {own} has no account"))?;
            if let Some(other) = named.filter(|named| *named != user.name) {
                bail!(
                    "only root can start a desktop as {other}; this agent runs as {}",
                    user.name
                );
            }
            return Self::of(user, false);
        }
        if let Some(named) = named {
            let user = User::from_name(named)?.with_context(|| format!("there is no user {named}"))?;
            return Self::of(user, true);
        }
        if let Some(user) = User::from_name(USER)? {
            return Self::of(user, true);
        }
        let sudo = std::env::var("SUDO_UID")
            .ok()
            .and_then(|uid| uid.parse().ok())
            .filter(|uid| *uid != 0);
        if let Some(user) = sudo.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten()) {
            return Self::of(user, true);
        }
        bail!(
            "a desktop should not run as root, and there is no user {USER} to run it as; make one with: useradd \
             --system --create-home --shell /bin/bash {USER}"
        )
    }

    fn of(user: User, switch: bool) -> Result<Self> {
        let groups = if switch {
            getgrouplist(&CString::new(user.name.clone())?, user.gid)?
        } else {
            Vec::new()
        };
        let User {
            name,
            uid,
            gid,
            dir,
            shell,
            ..
        } = user;
        Ok(Self {
            name,
            uid,
            gid,
            groups,
            home: dir,
            shell,
            switch,
        })
    }

    /// A service account's home may not be there; the desktop's own folder will do.
    pub(super) fn home<'a>(&'a self, place: &'a Place) -> &'a Path {
        if self.home.is_dir() {
            &self.home
        } else {
            place.folder()
        }
    }

    pub(super) fn environment(&self, place: &Place) -> Vec<(&'static str, OsString)> {
        let no_shell = |path: &Path| path.ends_with("nologin") || path.ends_with("false") || !path.exists();
        let shell = if no_shell(&self.shell) {
            Path::new("/bin/sh")
        } else {
            &self.shell
        };
        let path = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
        let own_path = std::env::var_os("PATH").filter(|_| !self.switch);
        let mut environment = vec![
            ("PATH", own_path.unwrap_or_else(|| path.into())),
            ("HOME", self.home(place).into()),
            ("USER", self.name.clone().into()),
            ("LOGNAME", self.name.clone().into()),
            ("SHELL", shell.into()),
            ("XDG_RUNTIME_DIR", place.runtime().into()),
            ("XDG_SESSION_TYPE", "x11".into()),
            (super::place::MARK, place.folder().into()),
        ];
        environment.extend(
            INHERITED
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
        // Without any, programs take all but ASCII for rubbish.
        if std::env::var_os("LANG").is_none() {
            environment.push(("LANG", "C.UTF-8".into()));
        }
        environment
    }
}
