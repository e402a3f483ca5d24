//! The desktop to be shared: can it be opened, seen, and typed on?

use std::time::Instant;

use super::{Finding, install, quoted};
use crate::config::Desktop;
use crate::screen::Source as _;
use crate::test_pattern::TestPattern;
use crate::x11::{Target, X11Source, XtestSink};

pub(super) fn check(desktop: &Desktop) -> Vec<Finding> {
    match desktop {
        Desktop::X11 { display } => seat(display),
        Desktop::Virtual { user, .. } => own(user.as_deref()),
        Desktop::Test {
            size: (width, height),
        } => vec![match TestPattern::new(*width, *height) {
            Ok(pattern) => Finding::ok("display", pattern.describe()),
            Err(error) => Finding::failure(
                "display",
                error.to_string(),
                "removid direct --desktop test --size 1920x1080",
            ),
        }],
    }
}

fn seat(display: &str) -> Vec<Finding> {
    let target = Target {
        display: display.to_owned(),
        xauthority: None,
        ours: false,
    };
    if let Err(error) = target.check() {
        let finding = Finding::failure(
            "display",
            format!("{:#}", anyhow::Error::from(error)),
            "removid direct --desktop virtual",
        );
        return vec![finding];
    }
    let mut findings = vec![Finding::ok("display", format!("X display {display}"))];
    let start = Instant::now();
    findings.push(match X11Source::open(&target) {
        Ok(mut source) => match source.grab().map(|picture| (picture.width, picture.height)) {
            Ok((width, height)) => {
                let found = format!(
                    "{width}x{height}, {} ms to the first picture; {}",
                    start.elapsed().as_millis(),
                    source.describe()
                );
                Finding::ok("capture", found)
            }
            Err(error) => Finding::failure("capture", error.to_string(), "removid direct --desktop virtual"),
        },
        Err(error) => Finding::failure(
            "capture",
            format!("{:#}", anyhow::Error::from(error)),
            "removid direct --desktop virtual",
        ),
    });
    findings.push(match XtestSink::open(&target) {
        Ok(_) => Finding::ok("input", "keys and pointer by XTEST"),
        Err(error) => Finding::failure(
            "input",
            format!("{:#}", anyhow::Error::from(error)),
            "removid direct --desktop virtual",
        ),
    });
    findings
}

fn own(user: Option<&str>) -> Vec<Finding> {
    let there = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    };
    let mut findings = Vec::new();
    findings.push(if there("Xvfb") {
        Finding::ok("display", "a virtual desktop by Xvfb")
    } else {
        Finding::failure(
            "display",
            "Xvfb is missing: no virtual desktop can be started",
            install("xvfb"),
        )
    });
    let windows = ["openbox", "xfwm4", "metacity", "twm"]
        .into_iter()
        .find(|name| there(name));
    findings.push(windows.map_or_else(
        || Finding::warning("session", "no window manager is installed", install("openbox")),
        |name| Finding::ok("session", format!("window manager {name}")),
    ));
    let terminal = ["xterm", "x-terminal-emulator"]
        .into_iter()
        .find(|name| there(name));
    findings.push(terminal.map_or_else(
        || Finding::warning("session", "no terminal is installed", install("xterm")),
        |name| Finding::ok("session", format!("terminal {name}")),
    ));
    findings.extend(account(user));
    findings
}

/// As root, the desktop needs somebody else to belong to.
fn account(user: Option<&str>) -> Option<Finding> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let exists = |name: &str| nix::unistd::User::from_name(name).is_ok_and(|found| found.is_some());
    let make = |name: &str| {
        format!(
            "useradd --system --create-home --shell /bin/bash {}",
            quoted(name)
        )
    };
    Some(match user {
        Some(name) if exists(name) => Finding::ok("account", format!("the desktop belongs to {name}")),
        Some(name) => Finding::failure("account", format!("there is no user {name}"), make(name)),
        None if exists("removid") => Finding::ok("account", "the desktop belongs to removid"),
        None if std::env::var_os("SUDO_UID").is_some() => {
            Finding::ok("account", "the desktop belongs to whoever called sudo")
        }
        None => Finding::failure(
            "account",
            "the desktop has nobody to belong to: it never runs as root",
            make("removid"),
        ),
    })
}
