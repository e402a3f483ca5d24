//! `removid direct` as a program: what it prints, how it refuses, and what it leaves behind.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("removid-direct-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Self(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn removid(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_removid"));
    command
        .args(args)
        .args(["--state-dir".as_ref(), dir.as_os_str()])
        .stdin(Stdio::null());
    command
}

/// An agent that has announced itself; killed at the end.
struct Agent {
    child: Child,
    line: Value,
    out: BufReader<std::process::ChildStdout>,
}

impl Agent {
    fn start(dir: &Path, args: &[&str]) -> Self {
        let mut command = removid(dir, &["direct", "--announce", "json"]);
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        Self {
            child,
            line: serde_json::from_str(&line).unwrap_or_else(|_| panic!("no announcement: {line:?}")),
            out,
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        std::thread::yield_now();
    }
}

/// Runs until it ends by itself, and returns its one line of complaint and its exit code.
fn refusal(command: &mut Command) -> (String, i32) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("removid: "))
        .unwrap_or_else(|| panic!("no words: {text}"));
    (line.to_owned(), output.status.code().unwrap())
}

const TEST: [&str; 4] = ["--desktop", "test", "--listen", "127.0.0.1:0"];

#[test]
fn the_announcement_is_one_json_line_with_four_members() {
    let dir = Dir::new("announce");
    let mut agent = Agent::start(&dir.0, &TEST);
    let members: Vec<&String> = agent.line.as_object().unwrap().keys().collect();
    assert_eq!(members, ["cert_sha256", "host_key", "token", "url"]);
    let text = |name: &str| agent.line[name].as_str().unwrap().to_owned();
    assert_eq!(
        text("url").split('#').nth(1).unwrap(),
        format!("k={}&t={}", text("host_key"), text("token"))
    );
    assert!(!text("url").split('#').next().unwrap().contains(&text("token")));

    let output = removid(
        &dir.0,
        &["token", "new", "--view-only", "--ttl", "1h", "--announce", "json"],
    )
    .output()
    .unwrap();
    let guest: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        guest.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["cert_sha256", "host_key", "token", "url"]
    );
    assert_ne!(guest["token"], agent.line["token"]);
    assert_eq!(guest["host_key"], agent.line["host_key"]);

    agent.signal(Signal::SIGTERM);
    let mut rest = String::new();
    agent.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nothing but the line");
    assert!(agent.child.wait().unwrap().success());
}

#[test]
fn tokens_are_listed_and_struck() {
    let dir = Dir::new("tokens");
    let _agent = Agent::start(&dir.0, &TEST);
    let token = |args: &[&str]| {
        let output = removid(&dir.0, &[&["token"], args].concat()).output().unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            output.status.success(),
        )
    };
    assert!(token(&["new", "--label", "anna", "--announce", "json"]).2);
    let listed: Value = serde_json::from_str(&token(&["list", "--json"]).0).unwrap();
    let labels: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["permanent", "anna"]);
    assert!(token(&["revoke", "anna"]).2);
    let (_, words, well) = token(&["revoke", "anna"]);
    assert!(!well && words.contains("removid token list"), "{words}");
    assert!(!token(&["new", "--label", "", "--announce", "json"]).2);
    assert!(!token(&["new", "--ttl", "0s", "--announce", "json"]).2);
    let before = token(&["show", "--announce", "json"]).0;
    let after = token(&["rotate", "--announce", "json"]).0;
    assert_ne!(before, after);
}

#[test]
fn without_a_terminal_the_link_goes_to_a_private_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new("private");
    let mut child = removid(&dir.0, &["direct"])
        .args(TEST)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert!(child.wait().unwrap().success());
    let path = dir.0.join("access-url");
    assert!(
        line.contains(path.to_str().unwrap()) && !line.contains("t="),
        "{line}"
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(path).unwrap().contains("&t="));
}

#[test]
fn each_mistake_is_one_sentence_with_its_remedy() {
    let dir = Dir::new("mistakes");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    fs::create_dir_all(std::env::temp_dir()).unwrap();
    let config = std::env::temp_dir().join(format!("removid-mistake-{}.toml", std::process::id()));
    fs::write(&config, "listen = \"[::]:1\"\nszie = \"1x1\"\n").unwrap();
    let file = config.to_str().unwrap();
    for (args, words, code) in [
        (
            vec!["direct", "--desktop", "test", "--listen", &taken],
            "--listen",
            1,
        ),
        (
            vec!["direct", "--desktop", "test", "--listen", "192.0.2.250:0"],
            "--listen",
            1,
        ),
        (
            vec![
                "direct",
                "--desktop",
                "x11",
                "--display",
                ":986",
                "--listen",
                "127.0.0.1:0",
            ],
            ":986",
            1,
        ),
        (
            vec!["direct", "--desktop", "test", "--size", "9x9"],
            "smallest",
            2,
        ),
        (vec!["direct", "--codec", "h266"], "h264, vp9, vp8", 2),
        (vec!["direct", "--config", file], "configuration", 2),
        (
            vec!["direct", "--config", "/nonexistent.toml"],
            "/nonexistent.toml",
            2,
        ),
        (
            vec![
                "direct",
                "--desktop",
                "test",
                "--listen",
                "127.0.0.1:0",
                "--tls-cert",
                file,
                "--tls-key",
                file,
            ],
            "PEM",
            1,
        ),
        (vec!["token", "list"], "removid direct", 1),
    ] {
        let (line, status) = refusal(&mut removid(&dir.0, &args));
        assert!(line.contains(words), "{args:?}: {line}");
        assert_eq!(status, code, "{args:?}: {line}");
        if words != "removid direct" {
            let _ = fs::remove_dir_all(&dir.0);
        }
    }
    let whole = removid(&dir.0, &["direct", "--config", file]).output().unwrap();
    let text = String::from_utf8(whole.stderr).unwrap();
    assert!(
        text.contains("line 2") && text.contains("szie") && text.contains("size"),
        "{text}"
    );
    fs::remove_file(config).unwrap();
}

#[test]
fn a_state_directory_has_one_agent_and_one_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new("owner");
    let agent = Agent::start(&dir.0, &TEST);
    let (line, _) = refusal(removid(&dir.0, &["direct"]).args(TEST));
    assert!(line.contains("another removid"), "{line}");
    drop(agent);
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).unwrap();
    let (line, _) = refusal(removid(&dir.0, &["direct"]).args(TEST));
    assert!(line.contains("chmod 700"), "{line}");
}

/// Needs the right to mount, for a small file system of its own.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let may = Command::new("unshare").args(["--mount", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    }
    let dir = Dir::new("full");
    fs::create_dir_all(&dir.0).unwrap();
    let script = "set -e
        mount -t tmpfs -o size=200k,mode=700 none \"$2\"
        fill() { dd if=/dev/zero of=\"$2/filling\" bs=1k 2>/dev/null || true; }
        fill \"$@\"
        \"$1\" direct --desktop test --listen 127.0.0.1:0 --state-dir \"$2\" && exit 90
        rm \"$2/filling\"
        \"$1\" direct --desktop test --listen 127.0.0.1:0 --state-dir \"$2\" >/dev/null 2>&1 &
        until [ -f \"$2/place.json\" ]; do sleep 0.05; done
        kill $! && wait $! || true
        \"$1\" token new --label kept --ttl 1h --state-dir \"$2\" >/dev/null
        fill \"$@\"
        for words in 'new --label lost' rotate 'revoke kept'; do
            \"$1\" token $words --state-dir \"$2\" && exit 91
        done
        rm \"$2/filling\"
        \"$1\" token list --state-dir \"$2\"";
    let done = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_removid")])
        .arg(&dir.0)
        .output()
        .unwrap();
    let (out, told) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{out}{told}");
    let sentences: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("removid: "))
        .collect();
    assert_eq!(sentences.len(), 4, "{told}");
    assert!(
        sentences.iter().all(|line| line.contains("free some space")),
        "{told}"
    );
    assert!(
        out.contains("permanent") && out.contains("kept") && !out.contains("lost"),
        "{out}"
    );
}

/// Processes whose command line has all of these words.
fn processes(words: &[&str]) -> usize {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            let line = String::from_utf8_lossy(line);
            words.iter().all(|word| line.contains(word))
        })
        .count()
}

#[test]
fn nothing_is_left_however_it_ends() {
    let dir = Dir::new("ends");
    let number = 60 + std::process::id() % 40;
    let display = format!(":{number}");
    let args = [
        "--desktop",
        "virtual",
        "--display",
        &display,
        "--listen",
        "127.0.0.1:0",
    ];
    let lock = PathBuf::from(format!("/tmp/.X{number}-lock"));
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGKILL,
        Signal::SIGTERM,
    ] {
        // After SIGKILL the next start sweeps what was left; the display is the same one again.
        let mut agent = Agent::start(&dir.0, &args);
        let id = agent.child.id().to_string();
        assert_eq!(processes(&["Xvfb", &format!("{display}\0")]), 1);
        until("the encoder stands ready", || processes(&["encoder-worker"]) > 0);
        agent.signal(signal);
        agent.child.wait().unwrap();
        until("the X server is gone", || {
            processes(&["Xvfb", &format!("{display}\0")]) == 0
        });
        if signal != Signal::SIGKILL {
            until("its lock is gone", || !lock.exists());
        }
        assert!(!Path::new("/proc").join(id).exists());
    }
}
