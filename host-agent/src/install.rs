//! `removid install`: a service of this user that starts with the machine.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cli::InstallArgs;

/// The unit, with the program's path and flags to be filled in.
const UNIT: &str = include_str!("../../deploy/systemd/removid.service");
const NAME: &str = "removid.service";

/// # Errors
/// One sentence with the remedy.
pub fn run(args: &InstallArgs) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let unit = unit(&program.display().to_string(), &args.flags)?;
    let mut out = std::io::stdout().lock();
    if args.print {
        write!(out, "{unit}")?;
        return Ok(());
    }
    ensure!(
        !nix::unistd::geteuid().is_root(),
        "this is a service of the user whose desktop is shared; run it as that user, without sudo"
    );
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))
        .context("no HOME is set")?;
    let dir = config.join("systemd/user");
    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let path = dir.join(NAME);
    std::fs::write(&path, unit).with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(out, "Wrote {}", path.display())?;
    for (arguments, remedy) in [
        (
            ["--user", "daemon-reload"].as_slice(),
            "log in to a session with systemd and run: systemctl --user daemon-reload",
        ),
        (
            &["--user", "enable", "--now", NAME],
            "run: systemctl --user enable --now removid",
        ),
    ] {
        let done = Command::new("systemctl")
            .args(arguments)
            .status()
            .is_ok_and(|status| status.success());
        ensure!(
            done,
            "the unit is written, but systemctl did not take it; {remedy}"
        );
    }
    // Without lingering, a user's services start with the first login instead of with the machine.
    let me = nix::unistd::geteuid().to_string();
    let lingers = Command::new("loginctl")
        .args(["enable-linger", &me])
        .status()
        .is_ok_and(|status| status.success());
    if !lingers {
        writeln!(
            out,
            "It starts when you log in. To start it with the machine: sudo loginctl enable-linger $USER"
        )?;
    }
    writeln!(out, "It runs. The link: removid token show")?;
    Ok(())
}

fn unit(program: &str, flags: &[String]) -> anyhow::Result<String> {
    let plain = |text: &str| !text.chars().any(|c| c.is_control() || "\"\\%$".contains(c));
    ensure!(
        plain(program) && flags.iter().all(|flag| plain(flag)),
        "a path or flag with quotes, $ or % cannot stand in a unit"
    );
    let words: Vec<String> = std::iter::once(program.to_owned())
        .chain(["direct".to_owned()])
        .chain(flags.iter().cloned())
        .map(|word| {
            if word.contains(' ') {
                format!("\"{word}\"")
            } else {
                word
            }
        })
        .collect();
    Ok(UNIT.replace("@COMMAND@", &words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_the_program_and_its_flags() {
        let unit = unit(
            "/opt/a b/removid",
            &["--listen".to_owned(), "[::]:9000".to_owned()],
        )
        .unwrap();
        assert!(
            unit.contains("ExecStart=\"/opt/a b/removid\" direct --listen [::]:9000\n"),
            "{unit}"
        );
        assert!(!unit.contains("@COMMAND@"), "{unit}");
        assert!(super::unit("/x", &["$HOME".to_owned()]).is_err());
    }
}
