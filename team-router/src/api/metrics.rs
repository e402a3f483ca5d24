//! `GET /metrics`: figures for Prometheus (text format 0.0.4). Numbers alone, without names and addresses; for whoever
//! knows the token that the configuration names, and for nobody where it names none.

use std::fmt::Write as _;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use router::api::guard::text;
use router::auth::sha256;
use router::net::Ends;

use super::Team;
use crate::audit::COUNTS;
use crate::certificate::Life;
use crate::error::TeamError;

pub(super) async fn show(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> Result<Response, TeamError> {
    let Some(wanted) = &team.metrics_token else {
        return Err(TeamError::NotFound("page"));
    };
    team.may_try(ends)?;
    let shown = match text(&headers, header::AUTHORIZATION).split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    };
    // Of hashes, so that the time of a comparison tells nothing.
    if sha256(shown.as_bytes()) != *wanted {
        return Err(team.failed(ends, TeamError::LoginRequired));
    }
    let mut page = Page::default();
    page.one("removid_up", "gauge", "Whether the router serves.", 1);
    let up = team.store.ping().await.is_ok();
    page.one(
        "removid_database_up",
        "gauge",
        "Whether the database answers.",
        u64::from(up),
    );
    page.one(
        "removid_audit_log_up",
        "gauge",
        "Whether the audit log can be written.",
        u64::from(team.access.is_audited()),
    );
    page.one(
        "removid_hosts_online",
        "gauge",
        "Hosts whose sockets are here.",
        number(team.directory.count()),
    );
    page.one(
        "removid_sessions",
        "gauge",
        "Sessions that live, or were let in just now.",
        number(team.access.sessions()),
    );
    page.one(
        "removid_resident_bytes",
        "gauge",
        "Resident memory of the process.",
        resident(),
    );
    if let Some(life) = team.certificate.as_deref().and_then(Life::of) {
        let left = life.left(router::auth::direct::unix_now());
        page.one(
            "removid_certificate_seconds_left",
            "gauge",
            "Until the router's own certificate ends; below zero it is over.",
            left,
        );
    }
    page.0.push_str(&team.frames.text());
    page.head(
        "removid_events_total",
        "counter",
        "Events of the audit log since the start, by code.",
    );
    for (code, count) in COUNTS.all() {
        let _ = writeln!(page.0, "removid_events_total{{code=\"{code}\"}} {count}");
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], page.0).into_response())
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// In bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
