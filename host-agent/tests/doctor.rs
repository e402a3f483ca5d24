//! `removid doctor` finds each fault that is made on purpose, and the command that it prints mends it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A state directory with keys and a certificate in it, removed at the end.
struct Bench {
    dir: PathBuf,
    flags: Vec<String>,
    env: Vec<(&'static str, String)>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("removid-doctor-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        router::tls::private_file::directory(&dir).unwrap();
        let identity = host_agent::identity::Identity::open(&dir).unwrap();
        router::auth::direct::DirectStore::open(&dir, identity.id.clone()).unwrap();
        router::tls::Certificate::self_signed(&dir, &["localhost".to_owned()], &[]).unwrap();
        let flags = ["--desktop", "test", "--listen", "127.0.0.1:0"]
            .map(str::to_owned)
            .to_vec();
        Self {
            dir,
            flags,
            env: Vec::new(),
        }
    }

    fn with(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    /// The report, and whether the program said that all is well.
    fn examine(&self) -> (Vec<Value>, bool) {
        let output = Command::new(env!("CARGO_BIN_EXE_removid"))
            .args(["doctor", "--json", "--state-dir"])
            .arg(&self.dir)
            .args(&self.flags)
            .envs(self.env.iter().cloned())
            .output()
            .unwrap();
        (
            serde_json::from_slice(&output.stdout).unwrap(),
            output.status.success(),
        )
    }

    /// The one failure of that check, with its command.
    fn failure(&self, check: &str) -> (String, String) {
        let (report, well) = self.examine();
        assert!(!well, "nothing was found: {report:?}");
        let found: Vec<&Value> = report.iter().filter(|line| line["level"] == "failure").collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["check"], check);
        (
            found[0]["found"].as_str().unwrap().to_owned(),
            found[0]["fix"].as_str().unwrap().to_owned(),
        )
    }

    fn is_well(&self) {
        let (report, well) = self.examine();
        let bad: Vec<&Value> = report.iter().filter(|line| line["level"] == "failure").collect();
        assert!(well && bad.is_empty(), "{bad:?}");
    }

    /// Finds it, does what is printed, and finds it no more.
    fn is_mended(&self, check: &str) {
        let (_, fix) = self.failure(check);
        run(&fix);
        self.is_well();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The flags of a `removid direct …` that was printed.
fn flags_of(fix: &str) -> Vec<String> {
    let words = fix.strip_prefix("removid direct ").unwrap().split(' ');
    words.map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn a_machine_without_faults_is_well() {
    Bench::new("well").is_well();
}

#[test]
fn open_directories_and_files_are_closed() {
    let bench = Bench::new("modes");
    chmod(&bench.dir, 0o755);
    bench.is_mended("state");
    for file in ["host-key.pk8", "keyring.json", "tokens.json", "tls-key.pem"] {
        chmod(&bench.dir.join(file), 0o644);
        bench.is_mended("state");
    }
}

#[test]
fn damaged_keys_and_certificates_are_put_aside() {
    let bench = Bench::new("damage");
    for (file, check) in [
        ("keyring.json", "keys"),
        ("tokens.json", "keys"),
        ("host-key.pk8", "keys"),
        ("tls-cert.pem", "certificate"),
    ] {
        let path = bench.dir.join(file);
        fs::write(&path, "{ \"hunter2\": ").unwrap();
        chmod(&path, 0o600);
        let (found, _) = bench.failure(check);
        assert!(
            !found.contains("hunter2"),
            "a damaged file may hold a secret: {found}"
        );
        bench.is_mended(check);
    }
}

#[test]
fn a_file_in_the_directorys_place_is_moved() {
    let bench = Bench::new("file");
    fs::remove_dir_all(&bench.dir).unwrap();
    fs::write(&bench.dir, "").unwrap();
    bench.is_mended("state");
    run(&format!("rm -f {}.old", bench.dir.display()));
}

#[test]
fn another_port_is_named_when_one_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let bench = Bench::new("port").with(&["--desktop", "test", "--listen", &at]);
    let (found, fix) = bench.failure("ports");
    assert!(found.contains("in use"), "{found}");
    let mut flags = flags_of(&fix);
    flags.extend(["--desktop".to_owned(), "test".to_owned()]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    bench.with(&flags).is_well();
}

#[test]
fn a_display_that_is_not_there_is_replaced_by_one_of_its_own() {
    let bench =
        Bench::new("display").with(&["--desktop", "x11", "--display", ":987", "--listen", "127.0.0.1:0"]);
    let (found, fix) = bench.failure("display");
    assert!(found.contains(":987"), "{found}");
    let mut flags = flags_of(&fix);
    flags.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    bench.with(&flags).is_well();
}

#[test]
fn missing_packages_are_named_as_debian_has_them() {
    let mut bench = Bench::new("packages");
    bench.env = vec![
        ("GST_PLUGIN_SYSTEM_PATH_1_0", "/nonexistent".to_owned()),
        ("GST_PLUGIN_PATH_1_0", String::new()),
    ];
    let (found, fix) = bench.failure("encoders");
    assert!(found.contains("no encoder works"), "{found}");
    let mut bench = Bench::new("xvfb").with(&["--desktop", "virtual", "--listen", "127.0.0.1:0"]);
    bench.env = vec![("PATH", "/nonexistent".to_owned())];
    let (_, other) = bench.failure("display");
    for fix in [fix, other] {
        let packages: Vec<&str> = fix.split("install -y ").nth(1).unwrap().split(' ').collect();
        for package in packages {
            // They are installed here: the tests need them. So the name is right.
            run(&format!("dpkg -s {package} >/dev/null"));
        }
    }
}

#[test]
fn a_desktop_gets_somebody_to_belong_to() {
    if !nix::unistd::geteuid().is_root() {
        // Only root needs another user for its desktop; others are that user.
        return;
    }
    let name = format!("rmv-test-{}", std::process::id() % 100_000);
    let bench =
        Bench::new("user").with(&["--desktop", "virtual", "--user", &name, "--listen", "127.0.0.1:0"]);
    bench.is_mended("account");
    run(&format!("userdel --remove {name} 2>/dev/null"));
}

#[test]
fn a_wrong_flag_is_one_sentence() {
    let (report, well) = Bench::new("flag").with(&["--size", "huge"]).examine();
    assert!(!well);
    assert_eq!(
        (report.len(), &report[0]["check"]),
        (1, &Value::from("configuration"))
    );
    assert!(report[0]["found"].as_str().unwrap().contains("1920x1080"));
}
