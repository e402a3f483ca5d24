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
    /// The agent: in its own log, under the target `audit`, and by its router in the team's.
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

// Named, because `xtask` reads this file from elsewhere.
#[path = "codes/joining.rs"]
mod joining;
#[path = "codes/table.rs"]
mod table;

const FIRST: usize = joining::ROWS.len();

/// Every code, in the order of their numbers.
pub const CODES: &[Code] = &{
    let mut all = [joining::ROWS[0]; FIRST + table::ROWS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < FIRST {
            joining::ROWS[at]
        } else {
            table::ROWS[at - FIRST]
        };
        at += 1;
    }
    all
};

/// The table for people.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Audit log: every code\n\nMade of `team-router/src/audit/codes.rs` by `cargo run -p xtask -- codegen`; do not edit.\n\n\
         Each row has a number, a time (seconds since 1970, UTC), a code and its fields. A code never changes its meaning; \
         its letter says whether something was done (I) or refused (W). There are no secrets in it, and nothing of what \
         people typed, copied or saw. Beside its fields a row has `message`, the same in words. `account` is whoever did it: an account's number, or `console`. Codes of the agent \
         are in the agent's own log, and a host tells them to its team's router: there their rows have `host`, `account` and \
         `sid` as well, and `when`, by the host's clock, if they came late.\n\n| code | name | when | fields | written by |\n|---|---|---|---|---|\n",
    );
    for code in CODES {
        let by = match code.by {
            By::Router => "router",
            By::Agent => "agent",
            By::Both => "both",
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
