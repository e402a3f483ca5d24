//! Processes of a desktop: each leads a session of its own, and ends with the agent however that ends.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpid, getppid, setgid, setgroups, setsid, setuid};

use super::account::Account;

/// Starts it as that account, in a process group of its own.
pub(super) fn spawn(command: &mut Command, account: &Account) -> io::Result<Child> {
    let agent = getpid();
    let (switch, uid, gid, groups) = (account.switch, account.uid, account.gid, account.groups.clone());
    let prepare = move || {
        setsid()?;
        if switch {
            setgroups(&groups)?;
            setgid(gid)?;
            setuid(uid)?;
        }
        // After the change of user, which forgets it.
        set_pdeathsig(Signal::SIGTERM)?;
        // The agent may have died before the line above.
        if getppid() == agent {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    };
    #[expect(
        unsafe_code,
        reason = "there is no other way to change all groups and to die with the parent"
    )]
    // SAFETY: only system calls that may be made between fork and exec, and no allocation: `groups` was
    // allocated before, and the errors made here hold none.
    unsafe {
        command.pre_exec(prepare);
    }
    command.spawn()
}

/// Ends the whole group, by force when it does not listen, and waits for its leader.
pub(super) fn end(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    signal(child, Signal::SIGTERM);
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                signal(child, Signal::SIGKILL);
                break child.wait().ok();
            }
            Err(_) => break None,
        }
    };
    signal(child, Signal::SIGKILL);
    status
}

/// To the leader and all in its group. The number stays the group's while anybody is in it.
pub(super) fn signal(child: &Child, signal: Signal) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), signal);
    }
}
