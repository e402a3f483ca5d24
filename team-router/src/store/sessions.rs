//! Sessions: who is on which host, also after a restart.

use sqlx::Row as _;

use super::{Result, Store, signed, unsigned};
use crate::access::PENDING;

/// How long somebody may take to come back after a lost path, in seconds.
const COME_BACK: u64 = 120;

/// A session that has not ended, or whose end nobody has told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub host: String,
    pub account: String,
    /// The login that opened it.
    pub holder: String,
    /// Names joined by commas.
    pub rights: String,
    pub created: u64,
    /// Its last moment, in seconds since 1970.
    pub until: u64,
    /// What was given for it beside the login: the name of a factor.
    pub factor: String,
    /// When that was; 0 is never.
    pub mfa_at: u64,
}

impl Store {
    /// # Errors
    /// The database does not answer.
    pub async fn add_session(&self, session: &Session) -> Result<()> {
        sqlx::query(
            "INSERT INTO session (id, host, account, holder, rights, created, until, factor, mfa_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&session.id)
        .bind(&session.host)
        .bind(&session.account)
        .bind(&session.holder)
        .bind(&session.rights)
        .bind(signed(session.created))
        .bind(signed(session.until))
        .bind(&session.factor)
        .bind(signed(session.mfa_at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The host has accepted it: from now on its last moment is this.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn session_up(&self, id: &str, until: u64) -> Result<()> {
        sqlx::query("UPDATE session SET until = $2 WHERE id = $1 AND ended IS NULL")
            .bind(id)
            .bind(signed(until))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes an end of a session on that host; the first one counts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_session(&self, id: &str, host: &str, reason: &str, now: u64) -> Result<bool> {
        let ended = sqlx::query(
            "UPDATE session SET ended = $3, reason = $4 WHERE id = $1 AND host = $2 AND ended IS NULL",
        )
        .bind(id)
        .bind(host)
        .bind(signed(now))
        .bind(reason)
        .execute(&self.pool)
        .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// What was given, and when, for a session of this login on this host that lives, or whose path was lost a moment ago: whoever
    /// comes back to it need not give it again. A session that no host has accepted yet is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn given_for(
        &self,
        id: &str,
        host: &str,
        holder: &str,
        now: u64,
    ) -> Result<Option<(String, u64)>> {
        let row = sqlx::query(
            "SELECT factor, mfa_at FROM session WHERE id = $1 AND host = $2 AND holder = $3 AND until > $4 \
             AND until > created + $5 AND (ended IS NULL OR (reason = 'lost' AND ended > $6))",
        )
        .bind(id)
        .bind(host)
        .bind(holder)
        .bind(signed(now))
        .bind(signed(PENDING))
        .bind(signed(now.saturating_sub(COME_BACK)))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((row.try_get("factor")?, unsigned(row.try_get("mfa_at")?))))
            .transpose()
    }

    /// The sessions on one host, or on all, that can still be alive.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn live_sessions(&self, host: Option<&str>, now: u64) -> Result<Vec<Session>> {
        let rows = sqlx::query(
            "SELECT id, host, account, holder, rights, created, until, factor, mfa_at FROM session \
             WHERE ended IS NULL AND until > $1 AND (host = $2 OR $2 = '') ORDER BY created, id",
        )
        .bind(signed(now))
        .bind(host.unwrap_or_default())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Session {
                    id: row.try_get("id")?,
                    host: row.try_get("host")?,
                    account: row.try_get("account")?,
                    holder: row.try_get("holder")?,
                    rights: row.try_get("rights")?,
                    created: unsigned(row.try_get("created")?),
                    until: unsigned(row.try_get("until")?),
                    factor: row.try_get("factor")?,
                    mfa_at: unsigned(row.try_get("mfa_at")?),
                })
            })
            .collect()
    }
}
