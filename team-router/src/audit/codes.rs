//! Every code of the audit log: its name, when it is written, and its fields. `docs/audit.md` is made of this table.
//!
//! A code never changes its meaning. The letter says whether something was done (`I`) or refused (`W`). The first digit:
//! 1 who somebody is, 2 hosts that join, 3 sessions, 4 channels, 6 administration, 7 security.

use std::fmt::Write as _;

/// Who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A team's router: in its audit log.
    Router,
    /// The agent: in its own log, under the target `audit`.
    Agent,
    Both,
}

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    /// One word with a dot, for people and filters.
    pub name: &'static str,
    pub when: &'static str,
    pub fields: &'static [&'static str],
    pub by: By,
}

const fn code(
    code: &'static str,
    name: &'static str,
    when: &'static str,
    fields: &'static [&'static str],
    by: By,
) -> Code {
    Code {
        code,
        name,
        when,
        fields,
        by,
    }
}

use By::{Agent, Both, Router};

/// In the order of their numbers.
pub const CODES: &[Code] = &[
    code(
        "RMV1001I",
        "login.ok",
        "Somebody logged in",
        &["provider", "account", "login"],
        Router,
    ),
    code(
        "RMV1001W",
        "login.refused",
        "A login was refused",
        &["provider", "refusal", "why"],
        Router,
    ),
    code(
        "RMV1002I",
        "logout",
        "Somebody logged out, here or at the provider; so many logins ended",
        &["provider", "account", "login", "ended"],
        Router,
    ),
    code(
        "RMV1002W",
        "logout.refused",
        "A provider's word that somebody logged out was refused",
        &["provider", "why"],
        Router,
    ),
    code(
        "RMV1003I",
        "token.made",
        "A page got its token of five minutes",
        &["account", "login"],
        Router,
    ),
    code("RMV1004W", "token.refused", "A token was refused", &["why"], Both),
    code(
        "RMV1005W",
        "ticket.refused",
        "A ticket was unknown, used or too old",
        &[],
        Both,
    ),
    code(
        "RMV1006I",
        "factor.given",
        "A second factor was given",
        &["account", "login", "factor"],
        Router,
    ),
    code(
        "RMV1006W",
        "factor.refused",
        "A second factor was refused",
        &["account", "why", "cause"],
        Router,
    ),
    code(
        "RMV1007I",
        "passkey.registered",
        "A passkey was registered",
        &["account", "passkey"],
        Router,
    ),
    code(
        "RMV1008I",
        "passkey.removed",
        "A passkey was removed",
        &["account", "passkey"],
        Router,
    ),
    code(
        "RMV1009I",
        "invited",
        "Somebody was invited to an account with passkeys",
        &["account", "person", "admin"],
        Router,
    ),
    code(
        "RMV1010W",
        "invitation.refused",
        "An invitation was unknown, used or too old",
        &[],
        Router,
    ),
    code(
        "RMV2000I",
        "enroll_token.made",
        "An enrolment token was made; `token` is its beginning",
        &["account", "token"],
        Router,
    ),
    code(
        "RMV2001I",
        "host.enrolled",
        "A host joined the team",
        &["host", "name"],
        Router,
    ),
    code(
        "RMV2001W",
        "host.enrol_refused",
        "A host came with no good enrolment token",
        &["host"],
        Router,
    ),
    code(
        "RMV2002W",
        "host.known",
        "A host that is enrolled tried it again",
        &["host"],
        Router,
    ),
    code(
        "RMV2003I",
        "host.connected",
        "A host proved its key and is connected",
        &["host"],
        Router,
    ),
    code(
        "RMV2004I",
        "host.left",
        "A host's connection ended",
        &["host", "why"],
        Router,
    ),
    code(
        "RMV2005W",
        "host.replay",
        "A host's proof was shown twice",
        &["host"],
        Router,
    ),
    code(
        "RMV2006W",
        "host.clock",
        "A host's clock differs by `skew` seconds",
        &["host", "skew"],
        Router,
    ),
    code(
        "RMV2007W",
        "host.proof_refused",
        "A host's proof was not signed by its key",
        &["why"],
        Router,
    ),
    code(
        "RMV2008W",
        "host.twice",
        "A second connection of the same host took the first one's place: a restart, or a copied key",
        &["host"],
        Both,
    ),
    code(
        "RMV2009I",
        "host.labels",
        "A host's labels were set",
        &["account", "host"],
        Router,
    ),
    code(
        "RMV2010I",
        "host.removed",
        "A host was removed",
        &["account", "host"],
        Router,
    ),
    code(
        "RMV2011I",
        "enroll_token.removed",
        "An enrolment token was taken back",
        &["account", "token"],
        Router,
    ),
    code(
        "RMV3001I",
        "session.requested",
        "A viewer took its seat; `token` is the login's or the token's name",
        &["sid", "host", "subject", "token"],
        Both,
    ),
    code(
        "RMV3002W",
        "session.refused",
        "Somebody asked for a host that is locked, or not for them",
        &["account", "host", "why"],
        Router,
    ),
    code(
        "RMV3003W",
        "session.rejected",
        "The host took no session: it is full, or did not believe its router",
        &["sid", "error"],
        Agent,
    ),
    code(
        "RMV3004I",
        "session.started",
        "The host accepted a session",
        &["sid", "host", "account", "subject", "viewer"],
        Both,
    ),
    code(
        "RMV3006I",
        "session.left",
        "A viewer left the host",
        &["sid", "viewer", "reason"],
        Agent,
    ),
    code(
        "RMV3007I",
        "session.ended",
        "A session ended after `seconds`",
        &["sid", "host", "account", "reason", "seconds"],
        Both,
    ),
    code(
        "RMV3008W",
        "session.revoked",
        "A session ends because its token, role or login is no longer in force",
        &["sid"],
        Both,
    ),
    code(
        "RMV3009I",
        "viewer.dismissed",
        "A viewer ended another's session",
        &["by", "viewer"],
        Agent,
    ),
    code(
        "RMV3009W",
        "session.lapsed",
        "A session ends because nobody renewed its lease",
        &["sid"],
        Agent,
    ),
    code(
        "RMV3010I",
        "file.stored",
        "A file of `size` bytes came from a viewer",
        &["viewer", "size"],
        Agent,
    ),
    code(
        "RMV3011I",
        "file.read",
        "A file of `size` bytes went to a viewer",
        &["viewer", "size"],
        Agent,
    ),
    code(
        "RMV3012I",
        "microphone.on",
        "A viewer's microphone is on",
        &["viewer"],
        Agent,
    ),
    code(
        "RMV3013I",
        "microphone.off",
        "A viewer's microphone is off",
        &["viewer"],
        Agent,
    ),
    code(
        "RMV3021I",
        "screen.locked",
        "The host's screen was locked after the last viewer left",
        &[],
        Agent,
    ),
    code(
        "RMV4001W",
        "message.refused",
        "A viewer's message was refused",
        &["sid", "viewer", "refusal", "reference"],
        Agent,
    ),
    code(
        "RMV4002I",
        "clip.pasted",
        "What a viewer copied was pasted on the host",
        &["viewer", "format"],
        Agent,
    ),
    code(
        "RMV4003I",
        "clip.read",
        "What was copied on the host went to a viewer",
        &["viewer", "format"],
        Agent,
    ),
    code(
        "RMV6001I",
        "role.set",
        "A role was made or changed",
        &["account", "role"],
        Router,
    ),
    code(
        "RMV6002I",
        "role.removed",
        "A role was removed, from everybody too",
        &["account", "role"],
        Router,
    ),
    code(
        "RMV6003I",
        "role.given",
        "A role was given",
        &["account", "role", "binding"],
        Router,
    ),
    code(
        "RMV6004I",
        "role.taken",
        "A role was taken",
        &["account", "role", "binding"],
        Router,
    ),
    code(
        "RMV6005I",
        "lock.added",
        "A person, a role or a host was locked",
        &["account", "lock", "kind", "target"],
        Router,
    ),
    code(
        "RMV6006I",
        "lock.lifted",
        "A lock was lifted",
        &["account", "lock"],
        Router,
    ),
    code(
        "RMV6007I",
        "audit.read",
        "Somebody read the audit log",
        &["account"],
        Router,
    ),
    code(
        "RMV6008I",
        "router.started",
        "The router started; `audit_key` is the public key of its checkpoints",
        &["version", "audit_key"],
        Router,
    ),
    code(
        "RMV6009W",
        "admin.refused",
        "Somebody without the right to tried to administer, or to read the audit log",
        &["account"],
        Router,
    ),
    code("RMV6010I", "backup", "A backup was made", &["account"], Router),
    code(
        "RMV6011W",
        "restored",
        "The database was restored from a backup",
        &["account"],
        Router,
    ),
    code(
        "RMV6012I",
        "audit.exported",
        "Somebody took the audit log as a file",
        &["account"],
        Router,
    ),
    code(
        "RMV7001W",
        "rate.limited",
        "Too many attempts of one address, or messages of one session",
        &["sid"],
        Both,
    ),
    code(
        "RMV7002W",
        "origin.refused",
        "A call of another site was refused",
        &["origin", "host", "site"],
        Both,
    ),
    code(
        "RMV7003W",
        "message.malformed",
        "A signalling message was not what the protocol takes",
        &["sid", "host", "error"],
        Both,
    ),
    code(
        "RMV7005W",
        "audit.tampered",
        "The audit log was changed or cut",
        &["why"],
        Router,
    ),
    code(
        "RMV7006I",
        "sink.works",
        "An audit sink takes rows again",
        &["sink"],
        Router,
    ),
    code(
        "RMV7006W",
        "sink.failed",
        "An audit sink takes nothing",
        &["sink", "why"],
        Router,
    ),
    code(
        "RMV7998W",
        "audit.lost",
        "So many events found no place while the database did not answer",
        &["lost"],
        Router,
    ),
    code(
        "RMV7999W",
        "audit.unknown",
        "An event without a code",
        &[],
        Router,
    ),
];

/// The table for people.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Audit log: every code\n\nMade of `team-router/src/audit/codes.rs` by `cargo run -p xtask -- codegen`; do not edit.\n\n\
         Each row has a number, a time (seconds since 1970, UTC), a code and its fields. A code never changes its meaning; \
         its letter says whether something was done (I) or refused (W). There are no secrets in it, and nothing of what \
         people typed, copied or saw. Beside its fields a row has `message`, the same in words. `account` is whoever did it: an account's number, or `console`. Codes of the agent \
         are in the agent's own log.\n\n| code | name | when | fields | written by |\n|---|---|---|---|---|\n",
    );
    for code in CODES {
        let by = match code.by {
            Router => "router",
            Agent => "agent",
            Both => "both",
        };
        let fields = code.fields.join(", ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {fields} | {by} |",
            code.code, code.name, code.when
        );
    }
    text
}
