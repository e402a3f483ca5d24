//! The audit log's rows. What they hold is made in [`crate::audit`]; here they are only written and read.

use sqlx::Row as _;

use super::{Result, Store, signed, unsigned};

/// Signs in a code, as `RMV1001I`.
pub const CODE: usize = 8;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: u64,
    /// Seconds since 1970.
    pub at: u64,
    pub code: String,
    /// Whom it speaks of, as the text says it: the number of an account, or nothing.
    pub account: String,
    /// As the text says it: a host's number, or nothing.
    pub host: String,
    /// What was written, byte for byte.
    pub text: String,
    pub hash: String,
}

/// The end of the chain, where the next row joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub seq: u64,
    pub hash: String,
}

/// A router's signed word of where the log stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The row that it names.
    pub seq: u64,
    /// The key that signed it.
    pub kid: String,
    pub token: String,
}

/// Which rows are looked for; what is not named, fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only rows with a larger number.
    pub after: u64,
    /// Only rows with a smaller number.
    pub before: Option<u64>,
    /// The beginning of a code: capital letters and digits.
    pub code: Option<String>,
    pub account: Option<String>,
    pub host: Option<String>,
    /// Seconds since 1970, included.
    pub from: Option<u64>,
    /// Seconds since 1970, not included.
    pub until: Option<u64>,
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Oldest,
    Newest,
}

impl Store {
    /// # Errors
    /// The database does not answer, or another writer was faster.
    pub async fn append_audit(&self, entries: &[Entry]) -> Result<()> {
        let mut all = self.pool.begin().await?;
        for entry in entries {
            sqlx::query("INSERT INTO audit (seq, at, code, account, host, text, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)")
                .bind(signed(entry.seq))
                .bind(signed(entry.at))
                .bind(&entry.code)
                .bind(&entry.account)
                .bind(&entry.host)
                .bind(&entry.text)
                .bind(&entry.hash)
                .execute(&mut *all)
                .await?;
        }
        all.commit().await?;
        Ok(())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn audit_end(&self) -> Result<Option<Link>> {
        let row = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok(Link {
                seq: unsigned(row.try_get("seq")?),
                hash: row.try_get("hash")?,
            })
        })
        .transpose()
    }

    /// Rows after `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn audit_after(&self, seq: u64, limit: u32) -> Result<Vec<Entry>> {
        let wanted = Wanted {
            after: seq,
            ..Wanted::default()
        };
        let rows = self.audit_find(&wanted, Order::Oldest, limit).await?;
        Ok(rows.into_iter().map(|(entry, _)| entry).collect())
    }

    /// Rows that fit, each with the hash before it (empty if that row is gone, or it is the first).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn audit_find(
        &self,
        wanted: &Wanted,
        order: Order,
        limit: u32,
    ) -> Result<Vec<(Entry, String)>> {
        // What is asked for is bound; the statement is made of these pieces alone.
        let mut sql =
            "SELECT a.seq AS seq, a.at AS at, a.code AS code, a.account AS account, a.host AS host, \
             a.text AS text, a.hash AS hash, COALESCE(b.hash, '') AS before \
             FROM audit a LEFT JOIN audit b ON b.seq = a.seq - 1 \
             WHERE a.seq > $1 AND a.seq < $2 AND a.at >= $3 AND a.at < $4"
                .to_owned();
        let mut texts: Vec<&str> = Vec::new();
        let mut and = |piece: &str, text| {
            texts.push(text);
            sql.push_str(&format!(" AND a.{piece} ${}", texts.len() + 4));
        };
        // Every code that begins so; all have this length.
        let last = wanted.code.as_ref().map(|code| format!("{code:Z<CODE$}"));
        if let (Some(code), Some(last)) = (&wanted.code, &last) {
            and("code >=", code);
            and("code <=", last);
        }
        if let Some(account) = &wanted.account {
            and("account =", account);
        }
        if let Some(host) = &wanted.host {
            and("host =", host);
        }
        let order = match order {
            Order::Oldest => "ASC",
            Order::Newest => "DESC",
        };
        sql.push_str(&format!(" ORDER BY a.seq {order} LIMIT ${}", texts.len() + 5));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql.as_str()))
            .bind(signed(wanted.after))
            .bind(signed(wanted.before.unwrap_or(u64::MAX)))
            .bind(signed(wanted.from.unwrap_or(0)))
            .bind(signed(wanted.until.unwrap_or(u64::MAX)));
        for text in texts {
            query = query.bind(text.to_owned());
        }
        let rows = query.bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                let entry = Entry {
                    seq: unsigned(row.try_get("seq")?),
                    at: unsigned(row.try_get("at")?),
                    code: row.try_get("code")?,
                    account: row.try_get("account")?,
                    host: row.try_get("host")?,
                    text: row.try_get("text")?,
                    hash: row.try_get("hash")?,
                };
                Ok((entry, row.try_get("before")?))
            })
            .collect()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn add_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_checkpoint (seq, kid, token) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(signed(checkpoint.seq))
        .bind(&checkpoint.kid)
        .bind(&checkpoint.token)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Checkpoints of rows after `seq` and up to `last`, in order, at most `limit`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn checkpoints(&self, seq: u64, last: u64, limit: u32) -> Result<Vec<Checkpoint>> {
        let rows = sqlx::query(
            "SELECT seq, kid, token FROM audit_checkpoint WHERE seq > $1 AND seq <= $2 ORDER BY seq, kid LIMIT $3",
        )
        .bind(signed(seq))
        .bind(signed(last))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(checkpoint).collect()
    }

    /// The last one that this key has signed.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_checkpoint(&self, kid: &str) -> Result<Option<Checkpoint>> {
        let row = sqlx::query(
            "SELECT seq, kid, token FROM audit_checkpoint WHERE kid = $1 ORDER BY seq DESC LIMIT 1",
        )
        .bind(kid)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(checkpoint).transpose()
    }

    /// How far a sink has come: the last row and the last checkpoint that it took.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sink(&self, name: &str) -> Result<Option<(u64, u64)>> {
        let row = sqlx::query("SELECT seq, checkpoint FROM audit_sink WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| {
            Ok((
                unsigned(row.try_get("seq")?),
                unsigned(row.try_get("checkpoint")?),
            ))
        })
        .transpose()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn set_sink(&self, name: &str, seq: u64, checkpoint: u64) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_sink (name, seq, checkpoint) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, checkpoint = excluded.checkpoint",
        )
        .bind(name)
        .bind(signed(seq))
        .bind(signed(checkpoint))
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn checkpoint(row: &sqlx::any::AnyRow) -> Result<Checkpoint> {
    Ok(Checkpoint {
        seq: unsigned(row.try_get("seq")?),
        kid: row.try_get("kid")?,
        token: row.try_get("token")?,
    })
}
