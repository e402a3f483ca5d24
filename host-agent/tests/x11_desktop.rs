//! Virtual desktops: that they come up whatever a dead one left, and leave nothing themselves.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use host_agent::desktop::{DesktopOptions, DesktopState, VirtualDesktop};
use host_agent::screen::Source as _;
use host_agent::x11::{Target, X11Source, XtestSink};

/// Display numbers are the machine's: one test at a time.
static ONE: Mutex<()> = Mutex::new(());
/// Tells the test binary to be the agent that is killed.
const HOLD: &str = "REMOVID_TEST_HOLD";

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(|error| error.into_inner())
}

fn options() -> DesktopOptions {
    let root = nix::unistd::geteuid().is_root();
    DesktopOptions {
        user: root.then(|| "nobody".to_owned()),
        ..DesktopOptions::default()
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn folder(target: &Target) -> PathBuf {
    target.xauthority.as_ref().unwrap().parent().unwrap().to_owned()
}

fn number(target: &Target) -> u16 {
    target.display[1..].parse().unwrap()
}

/// The processes of that desktop that run a program of that name; of any name when it is empty.
fn processes(folder: &Path, program: &str) -> Vec<i32> {
    let mark = format!("REMOVID_DESKTOP={}", folder.display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let of_desktop = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        let marked = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes());
        (marked && (program.is_empty() || name.trim() == program)).then_some(pid)
    });
    of_desktop.collect()
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

fn lock(number: u16) -> PathBuf {
    format!("/tmp/.X{number}-lock").into()
}

fn assert_nothing_left(target: &Target) {
    let folder = folder(target);
    let number = number(target);
    assert_eq!(processes(&folder, ""), [0; 0]);
    let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
    for path in [lock(number), socket, folder.with_extension("lock"), folder] {
        assert!(!path.exists(), "{}", path.display());
    }
}

/// This process's children, the dead that nobody waited for among them.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    threads.map(of).map(|list| list.split_whitespace().count()).sum()
}

#[test]
fn five_starts_leave_nothing() {
    let _one = alone();
    for _ in 0..5 {
        let start = Instant::now();
        let desktop = VirtualDesktop::start(options()).unwrap();
        println!("started in {:?}", start.elapsed());
        let target = desktop.target().clone();
        let source = X11Source::open(&target).unwrap();
        assert_eq!(source.size(), (1280, 720));
        assert!(source.resizable());
        XtestSink::open(&target).unwrap();
        for program in ["openbox", "xterm"] {
            until(program, || processes(&folder(&target), program).first().copied());
        }
        for pid in processes(&folder(&target), "Xvfb") {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            println!(
                "Xvfb: {:?}",
                status.lines().find(|line| line.starts_with("VmRSS"))
            );
        }
        let start = Instant::now();
        drop(desktop);
        println!("ended in {:?}", start.elapsed());
        assert_nothing_left(&target);
    }
    assert_eq!(children(), 0);
}

#[test]
fn programs_run_as_the_user_without_the_agents_environment() {
    let _one = alone();
    let options = DesktopOptions {
        session: Some("exec sleep 1000".into()),
        ..options()
    };
    let desktop = VirtualDesktop::start(options).unwrap();
    let folder = folder(desktop.target());
    let user = nix::unistd::User::from_name(desktop.user()).unwrap().unwrap();
    for program in ["Xvfb", "sleep"] {
        let pid = until(program, || processes(&folder, program).first().copied());
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let ids = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .unwrap()
                .to_owned()
        };
        let uid = user.uid.to_string();
        assert!(
            ids("Uid:").split_whitespace().all(|id| id == uid),
            "{}",
            ids("Uid:")
        );
        assert!(
            ids("Groups:").split_whitespace().all(|id| id != "0"),
            "{}",
            ids("Groups:")
        );
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
        let names = environment
            .split(|b| *b == 0)
            .filter_map(|v| v.split(|b| *b == b'=').next());
        assert!(names.into_iter().all(|name| !name.starts_with(b"CARGO")));
    }
    let other = Target {
        xauthority: None,
        ..desktop.target().clone()
    };
    assert!(
        X11Source::open(&other).is_err(),
        "a display without its cookie must stay closed"
    );
}

#[test]
fn root_is_not_the_default_user() {
    let root = nix::unistd::geteuid().is_root();
    if !root
        || nix::unistd::User::from_name("removid").unwrap().is_some()
        || std::env::var_os("SUDO_UID").is_some()
    {
        return;
    }
    let error = VirtualDesktop::start(DesktopOptions::default()).unwrap_err();
    assert!(error.to_string().contains("useradd --system"), "{error}");
}

#[test]
fn what_ends_is_started_again() {
    let _one = alone();
    let mut desktop = VirtualDesktop::start(options()).unwrap();
    let target = desktop.target().clone();
    let first = until("a terminal", || {
        processes(&folder(&target), "xterm").first().copied()
    });
    kill(first);
    until("another terminal", || {
        processes(&folder(&target), "xterm")
            .first()
            .filter(|pid| **pid != first)
            .copied()
    });
    assert_eq!(desktop.poll(), DesktopState::Running);
    kill(processes(&folder(&target), "Xvfb")[0]);
    until("the end to be told", || {
        matches!(desktop.poll(), DesktopState::Gone(_)).then_some(())
    });
    desktop.restart().unwrap();
    assert_eq!(desktop.poll(), DesktopState::Running);
    assert_eq!(desktop.target().display, target.display);
    X11Source::open(desktop.target()).unwrap();
    let target = desktop.target().clone();
    drop(desktop);
    assert_nothing_left(&target);
}

#[test]
fn stale_locks_do_not_block_and_a_living_server_is_left_alone() {
    let _one = alone();
    let living = VirtualDesktop::start(options()).unwrap();
    let taken = number(living.target());
    let error = VirtualDesktop::start(DesktopOptions {
        display: Some(taken),
        ..options()
    })
    .unwrap_err();
    assert!(
        format!("{error:#}").contains("is taken by another X server"),
        "{error:#}"
    );
    // A dead process, this program, rubbish, nothing.
    let own = format!("{:>10}\n", std::process::id());
    // Other X servers may run here.
    let free = (taken + 1..).filter(|number| {
        !lock(*number).exists() && !Path::new(&format!("/tmp/.X11-unix/X{number}")).exists()
    });
    for (number, content) in free.zip(["   4194000\n", &own, "rubbish", ""]) {
        fs::write(lock(number), content).unwrap();
        let fixed = DesktopOptions {
            display: Some(number),
            ..options()
        };
        let desktop = VirtualDesktop::start(fixed).unwrap();
        assert_eq!(desktop.target().display, format!(":{number}"));
    }
    assert_eq!(living.poll(), DesktopState::Running);
    X11Source::open(living.target()).unwrap();
}

/// Not a test of its own: the agent that `nothing_is_left_of_a_killed_agent` kills.
#[test]
fn held_desktop() {
    let Some(file) = std::env::var_os(HOLD) else {
        return;
    };
    let command = "setsid sleep 1000 & exec sleep 1000".to_owned();
    let desktop = VirtualDesktop::start(DesktopOptions {
        session: Some(command),
        ..options()
    })
    .unwrap();
    fs::write(file, folder(desktop.target()).to_str().unwrap()).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn nothing_is_left_of_a_killed_agent() {
    let _one = alone();
    let file = std::env::temp_dir().join(format!("removid-held-{}", std::process::id()));
    let mut agent = Command::new(std::env::current_exe().unwrap());
    agent
        .args(["--exact", "held_desktop"])
        .env(HOLD, &file)
        .stdout(Stdio::null())
        .process_group(0);
    let mut agent = agent.spawn().unwrap();
    let folder: PathBuf = until("the desktop", || {
        fs::read_to_string(&file).ok().filter(|s| !s.is_empty())
    })
    .into();
    fs::remove_file(&file).unwrap();
    until("both programs", || {
        (processes(&folder, "sleep").len() == 2).then_some(())
    });
    let display = fs::read_to_string(folder.with_extension("lock")).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    until("the end of the server", || {
        processes(&folder, "Xvfb").is_empty().then_some(())
    });
    assert_eq!(
        processes(&folder, "sleep").len(),
        1,
        "the one that left its group"
    );
    let desktop = VirtualDesktop::start(options()).unwrap();
    let dead = Target {
        display: format!(":{display}"),
        ..desktop.target().clone()
    };
    assert_eq!(processes(&folder, ""), [0; 0]);
    assert!(!folder.exists());
    drop(desktop);
    assert_nothing_left(&Target {
        xauthority: Some(folder.join("Xauthority")),
        ..dead
    });
}
