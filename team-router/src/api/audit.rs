//! Reading the audit log: a page of rows, the whole of it as JSON lines, and how its sinks are.

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Json, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use router::auth::direct::unix_now;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Team;
use super::callers::Auditor;
use crate::audit::Line;
use crate::audit::codes::CODES;
use crate::error::TeamError;
use crate::store::{CODE, Order, Store, Wanted};

const MAX_PAGE: u32 = 200;
const PAGE: u32 = 50;
/// Rows of an export that are in memory at a time.
const PART: u32 = 500;
const MAX_TEXT: usize = 128;

/// What can be asked; unknown fields are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    code: String,
    account: String,
    host: String,
    from: Option<u64>,
    until: Option<u64>,
    /// Only rows with a smaller number: the next page.
    before: Option<u64>,
    limit: Option<u32>,
}

impl Asked {
    fn wanted(&self) -> Result<Wanted, TeamError> {
        let malformed = |why: &str| Err(TeamError::Malformed(why.to_owned()));
        let code = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        if self.code.len() > CODE || !self.code.bytes().all(code) {
            return malformed("code is the beginning of one, as RMV10 or RMV1001I");
        }
        if self.account.len() > MAX_TEXT || self.host.len() > MAX_TEXT {
            return malformed("account and host are numbers as the lists show them");
        }
        if matches!((self.from, self.until), (Some(from), Some(until)) if from >= until) {
            return malformed("from is before until, both in seconds since 1970");
        }
        if self.before == Some(0) {
            return malformed("before is the number of a row");
        }
        let named = |text: &String| (!text.is_empty()).then(|| text.clone());
        Ok(Wanted {
            after: 0,
            before: self.before,
            code: named(&self.code),
            account: named(&self.account),
            host: named(&self.host),
            from: self.from,
            until: self.until,
        })
    }
}

fn asked(query: Result<Query<Asked>, QueryRejection>) -> Result<Asked, TeamError> {
    query
        .map(|Query(asked)| asked)
        .map_err(|error| TeamError::Malformed(error.body_text()))
}

/// Rows that fit, the newest first.
pub(super) async fn list(
    Auditor(caller): Auditor,
    State(team): State<Team>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, TeamError> {
    let asked = asked(query)?;
    let wanted = asked.wanted()?;
    let limit = asked.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(TeamError::Malformed(format!("limit is 1 to {MAX_PAGE}")));
    }
    // One more says whether there is another page.
    let mut rows = team.store.audit_find(&wanted, Order::Newest, limit + 1).await?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        rows.pop();
    }
    router::audit!("RMV6007I", account = caller.account.id, "Audit log read");
    let next = rows.last().filter(|_| more).map(|(row, _)| row.seq);
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(row, _)| {
            let text: Value = serde_json::from_str(&row.text).unwrap_or_default();
            let code = CODES.iter().find(|code| code.code == row.code);
            json!({ "seq": row.seq, "at": row.at, "code": row.code, "name": code.map(|code| code.name), "fields": text["fields"] })
        })
        .collect();
    Ok(Json(json!({ "rows": rows, "next": next })))
}

/// Every row that fits, the oldest first, as the lines that `audit verify --file` takes, with the checkpoints if
/// nothing is left out.
pub(super) async fn export(
    Auditor(caller): Auditor,
    State(team): State<Team>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, TeamError> {
    let asked = asked(query)?;
    let wanted = asked.wanted()?;
    if asked.limit.is_some() {
        return Err(TeamError::Malformed("an export has no limit".to_owned()));
    }
    router::audit!("RMV6012I", account = caller.account.id, "Audit log exported");
    // It ends with what there is now: its own reading is written, too.
    let end = team.store.audit_end().await?.map_or(0, |end| end.seq);
    let whole = wanted == Wanted::default();
    let wanted = Wanted {
        before: Some(wanted.before.unwrap_or(u64::MAX).min(end.saturating_add(1))),
        ..wanted
    };
    let reader = Reader {
        store: team.store.clone(),
        wanted,
        whole,
    };
    let parts = stream::try_unfold(reader, Reader::next);
    let name = format!("attachment; filename=\"audit-{}.jsonl\"", unix_now());
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

struct Reader {
    store: Store,
    wanted: Wanted,
    whole: bool,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, crate::store::StoreError> {
        let rows = self.store.audit_find(&self.wanted, Order::Oldest, PART).await?;
        let Some(last) = rows.last().map(|(row, _)| row.seq) else {
            return Ok(None);
        };
        let signed = if self.whole {
            self.store.checkpoints(self.wanted.after, last, u32::MAX).await?
        } else {
            Vec::new()
        };
        let mut signed = signed.into_iter().peekable();
        let mut text = String::new();
        for (row, before) in rows {
            let seq = row.seq;
            text.push_str(&Line::row(row, before).to_text());
            while let Some(made) = signed.next_if(|made| made.seq <= seq) {
                text.push_str(&Line::checkpoint(made.token).to_text());
            }
        }
        self.wanted.after = last;
        Ok(Some((Bytes::from(text), self)))
    }
}

/// Where the log goes beside the database, and whether it arrives there.
pub(super) async fn sinks(_: Auditor, State(team): State<Team>) -> Json<Value> {
    let sinks: Vec<Value> = team
        .sinks
        .0
        .iter()
        .map(|sink| json!({ "name": sink.name, "behind": sink.behind(), "trouble": sink.trouble() }))
        .collect();
    Json(json!({ "sinks": sinks }))
}
