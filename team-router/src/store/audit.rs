//! The audit log's rows. What they hold is made in [`crate::audit`]; here they are only written and read.

use sqlx::Row as _;

use super::{Result, Store, signed, unsigned};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: u64,
    /// Seconds since 1970.
    pub at: u64,
    pub code: String,
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

impl Store {
    /// # Errors
    /// The database does not answer, or another writer was faster.
    pub async fn append_audit(&self, entries: &[Entry]) -> Result<()> {
        let mut all = self.pool.begin().await?;
        for entry in entries {
            sqlx::query("INSERT INTO audit (seq, at, code, text, hash) VALUES ($1, $2, $3, $4, $5)")
                .bind(signed(entry.seq))
                .bind(signed(entry.at))
                .bind(&entry.code)
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
        let rows =
            sqlx::query("SELECT seq, at, code, text, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(signed(seq))
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await?;
        rows.iter()
            .map(|row| {
                Ok(Entry {
                    seq: unsigned(row.try_get("seq")?),
                    at: unsigned(row.try_get("at")?),
                    code: row.try_get("code")?,
                    text: row.try_get("text")?,
                    hash: row.try_get("hash")?,
                })
            })
            .collect()
    }
}
