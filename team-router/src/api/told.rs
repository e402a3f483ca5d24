//! What hosts tell for the audit log: each code and field that the table of codes has for the agent, and nothing else.
//!
//! A host is believed about itself. The row has the host's number from its proven connection, whatever it says, and a
//! session is named only if it is on that host.

use std::collections::BTreeMap;
use std::time::Instant;

use router::auth::direct::unix_now;
use session_core::rate::Bucket;
use signaling_spec::{EventField, HostId, SessionId};

use super::Team;
use crate::audit::codes::{By, CODES};

/// Events a second that one host may tell; what waits at the host comes at once when it is back.
const PER_SECOND: u32 = 40;
const AT_ONCE: u32 = 600;
/// A host's clock may differ so much, in seconds, before a row has the host's time beside our own.
const SAME_TIME: u64 = 5;

/// Why an event is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWritten {
    #[error("the audit log has no such code for a host")]
    Code,
    #[error("the event has a field that its code has not, or has one twice")]
    Field,
    #[error("the event names a session of another host")]
    Session,
}

/// One event as it is told.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) code: &'a str,
    pub(super) at: u64,
    pub(super) fields: &'a [EventField],
}

/// The fields of an event, if its code and all of them are known.
fn known<'a>(event: &Event<'a>) -> Result<(&'static str, BTreeMap<&'a str, &'a str>), NotWritten> {
    let row = CODES
        .iter()
        .find(|row| row.code == event.code && row.by == By::Agent)
        .ok_or(NotWritten::Code)?;
    let mut fields = BTreeMap::new();
    for field in event.fields {
        // The agent names the session of every viewer.
        let known = field.name == "sid" || row.fields.contains(&field.name.as_str());
        if !known || fields.insert(field.name.as_str(), field.value.as_str()).is_some() {
            return Err(NotWritten::Field);
        }
    }
    Ok((row.code, fields))
}

/// What one host tells over one connection.
#[derive(Debug)]
pub(super) struct Events {
    bucket: Bucket,
    /// So many were not written: they came too fast, or found no place at the host.
    pub(super) lost: u64,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            bucket: Bucket::with_burst(PER_SECOND, AT_ONCE),
            lost: 0,
        }
    }
}

impl Events {
    /// Writes one, if it may be.
    pub(super) fn write(&mut self, team: &Team, host: &HostId, event: &Event<'_>) {
        if !self.bucket.take(Instant::now()) {
            self.lost += 1;
            return;
        }
        if let Err(error) = write(team, host, event) {
            router::audit!("RMV7003W", host = %host, error = %error, "A host's event refused");
        }
    }

    /// Says how many were lost since the last time.
    pub(super) fn say_lost(&mut self, host: &HostId) {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            router::audit!("RMV7009W", host = %host, lost, "Events of a host were lost");
        }
    }
}

fn write(team: &Team, host: &HostId, event: &Event<'_>) -> Result<(), NotWritten> {
    let (code, fields) = known(event)?;
    let sid = fields.get("sid").map(|sid| SessionId((*sid).to_owned()));
    let account = match sid.as_ref().and_then(|sid| team.access.whose(sid)) {
        Some((account, on)) if on == host.0 => Some(account),
        Some(_) => return Err(NotWritten::Session),
        // It has ended, or never was: the host alone says so.
        None => None,
    };
    let text = |name: &str| fields.get(name).copied();
    let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
    let when = Some(event.at).filter(|at| at.abs_diff(unix_now()) > SAME_TIME);
    // Every field that a row of the agent has; what is not there is not written.
    tracing::info!(
        target: "audit",
        code,
        host = %host,
        account,
        sid = text("sid"),
        viewer = number("viewer"),
        by = number("by"),
        size = number("size"),
        error = text("error"),
        reason = text("reason"),
        mode = text("mode"),
        holder = text("holder"),
        subject = text("subject"),
        why = text("why"),
        refusal = text("refusal"),
        reference = text("reference"),
        format = text("format"),
        when,
        "A host tells"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use signaling_spec::HOST_EVENTS;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<EventField> {
        let field = |(name, value): &(&str, &str)| EventField {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        pairs.iter().map(field).collect()
    }

    #[test]
    fn hosts_tell_what_the_table_gives_to_the_agent() {
        let of_the_table: BTreeSet<&str> = CODES
            .iter()
            .filter(|row| row.by == By::Agent)
            .map(|row| row.code)
            .collect();
        assert_eq!(of_the_table, BTreeSet::from(HOST_EVENTS));
        let written = [
            "sid",
            "viewer",
            "by",
            "size",
            "error",
            "reason",
            "mode",
            "holder",
            "subject",
            "why",
            "refusal",
            "reference",
            "format",
        ];
        for row in CODES.iter().filter(|row| row.by == By::Agent) {
            for field in row.fields {
                assert!(
                    written.contains(field),
                    "{}: {field} is written nowhere",
                    row.code
                );
            }
        }
    }

    #[test]
    fn nothing_else_is_written() {
        let try_it = |code: &str, pairs: &[(&str, &str)]| {
            let fields = fields(pairs);
            let event = Event {
                code,
                at: 0,
                fields: &fields,
            };
            known(&event).map(|_| ())
        };
        assert_eq!(
            try_it("RMV3010I", &[("viewer", "1"), ("size", "2"), ("sid", "s")]),
            Ok(())
        );
        for code in ["RMV3007I", "RMV6001I", "RMV7005W", "RMV3010W", "", "RMV3010I "] {
            assert_eq!(try_it(code, &[]), Err(NotWritten::Code), "{code}");
        }
        for pairs in [
            &[("host", "another")][..],
            &[("account", "u-1")],
            &[("code", "RMV6001I")],
            &[("size", "1"), ("size", "2")],
            &[("reason", "of another code")],
        ] {
            assert_eq!(try_it("RMV3010I", pairs), Err(NotWritten::Field), "{pairs:?}");
        }
    }
}
