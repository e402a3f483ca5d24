//! `removid doctor`: tries what this machine offers, and names the command that mends each fault.
//!
//! Every check does the real thing (opens, binds, grabs, encodes) as `removid direct` would, with the same
//! flags. Only a failure makes the exit code non-zero; a warning is something that can be done without.

mod desktop;
mod encoders;
mod files;
mod machine;
mod sound;

use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::config::Config;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Works, with something missing.
    Warning,
    /// `removid direct` cannot do its work.
    Failure,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable: programs may depend on it.
    pub check: &'static str,
    pub level: Level,
    pub found: String,
    /// A shell command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            found: found.into(),
            fix: None,
        }
    }
    fn warning(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Warning,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }
    fn failure(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Failure,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }
}

/// Makes a word safe to stand in a shell command.
fn quoted(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The command that installs Debian packages.
fn install(packages: &str) -> String {
    let sudo = if nix::unistd::geteuid().is_root() {
        ""
    } else {
        "sudo "
    };
    format!("{sudo}apt-get update && {sudo}apt-get install -y {packages}")
}

/// Runs all checks and prints the report.
///
/// # Errors
/// Standard output is closed.
pub fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = match Config::load(args.direct) {
        Ok(config) => examine(&config),
        Err(error) => vec![Finding {
            check: "configuration",
            level: Level::Failure,
            found: format!("{error:#}"),
            fix: None,
        }],
    };
    let worst = findings
        .iter()
        .map(|finding| finding.level)
        .max()
        .unwrap_or(Level::Ok);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&findings)?)?;
    } else {
        for finding in &findings {
            let sign = match finding.level {
                Level::Ok => "ok     ",
                Level::Warning => "warning",
                Level::Failure => "FAILURE",
            };
            writeln!(out, "{sign}  {:<12} {}", finding.check, finding.found)?;
            if let Some(fix) = &finding.fix {
                writeln!(out, "         mend it with: {fix}")?;
            }
        }
    }
    Ok(if worst == Level::Failure {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// All checks, in the order in which a start would meet them.
pub fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = files::check(config);
    let state_is_usable = findings.iter().all(|finding| finding.level != Level::Failure);
    findings.extend(machine::ports(config));
    findings.push(machine::addresses());
    findings.push(machine::clock());
    findings.extend(desktop::check(&config.desktop));
    findings.extend(encoders::check(config, state_is_usable));
    findings.extend(sound::check(config));
    findings.push(machine::uinput());
    findings
}
