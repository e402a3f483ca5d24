//! The program under test, started with a state directory of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde::Deserialize;

/// What the program announces: where it is, and how to get in.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    pub url: String,
    pub token: String,
    pub cert_sha256: String,
    pub host_key: String,
}

impl Link {
    /// The port; the tests always come by 127.0.0.1.
    ///
    /// # Errors
    /// The URL has none.
    pub fn port(&self) -> anyhow::Result<u16> {
        let authority = self.url.split('/').nth(2).context("no authority in the link")?;
        let port = authority.rsplit(':').next().context("no port in the link")?;
        Ok(port.parse()?)
    }
}

/// See the module documentation. Killed, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    dir: PathBuf,
    pub link: Link,
}

/// `REMOVID_PROGRAM`, or the one that was built beside this test.
///
/// # Errors
/// There is none.
pub fn program() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("REMOVID_PROGRAM") {
        return Ok(named.into());
    }
    let test = std::env::current_exe()?;
    let beside = test
        .parent()
        .and_then(Path::parent)
        .map(|dir| dir.join("removid"));
    beside
        .filter(|path| path.exists())
        .context("there is no program to test: cargo build --release --workspace")
}

fn run(args: &[&str], dir: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(program()?);
    let output = command
        .args(args)
        .arg("--state-dir")
        .arg(dir)
        .stdin(Stdio::null())
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

impl Agent {
    /// Starts `removid direct` and waits for its link.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(name: &str, args: &[&str]) -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("removid-system-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let mut command = Command::new(program()?);
        command
            .args(["direct", "--listen", "[::]:0", "--announce", "json"])
            .args(args)
            .arg("--state-dir")
            .arg(&dir);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("REMOVID_LOG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()?;
        let out = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let link = serde_json::from_str(&line).with_context(|| format!("no announcement: {line:?}"))?;
        Ok(Self { child, dir, link })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A further token.
    ///
    /// # Errors
    /// It is refused.
    pub fn token(&self, args: &[&str]) -> anyhow::Result<Link> {
        let all = [&["token", "new", "--announce", "json"], args].concat();
        let mut link: Link = serde_json::from_str(&run(&all, &self.dir)?)?;
        // The link may name another of the machine's addresses first; the port is the same.
        link.url.clone_from(&self.link.url);
        Ok(link)
    }

    /// Strikes a token from the list.
    ///
    /// # Errors
    /// There is none of that label.
    pub fn revoke(&self, label: &str) -> anyhow::Result<()> {
        run(&["token", "revoke", label], &self.dir).map(drop)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        // Asked politely, it ends its X server and its encoders too.
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
