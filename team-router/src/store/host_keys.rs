//! The keys by which hosts prove who they are: one is active, and one may wait to follow it.

use signaling_spec::api::Succession;
use sqlx::Row as _;

use super::{Result, Store, from_json, signed, to_json};

/// Successions that are told at the most: of a host that takes a key a day, those of a month.
const MAX_CHAIN: i64 = 32;

/// A key by which a host proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    pub host: String,
    /// Ed25519, 32 bytes in base64url.
    pub public: String,
    /// Whether it waits to follow the active one.
    pub waits: bool,
}

impl Store {
    /// The key of that name, if it opens anything.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn host_key(&self, kid: &str) -> Result<Option<HostKey>> {
        let row = sqlx::query(
            "SELECT host, public, state FROM host_key WHERE kid = $1 AND state IN ('active', 'next')",
        )
        .bind(kid)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let state: String = row.try_get("state")?;
            Ok(HostKey {
                host: row.try_get("host")?,
                public: row.try_get("public")?,
                waits: state == "next",
            })
        })
        .transpose()
    }

    /// The public key that viewers of a host check.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn active_key(&self, host: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT public FROM host_key WHERE host = $1 AND state = 'active'")
            .bind(host)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| row.try_get("public")).transpose()?)
    }

    /// How a host came to its active key, the oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn key_chain(&self, host: &str) -> Result<Vec<Succession>> {
        let rows = sqlx::query(
            "SELECT succession FROM host_key WHERE host = $1 AND state <> 'next' AND succession <> '' \
             ORDER BY created DESC, kid LIMIT $2",
        )
        .bind(host)
        .bind(MAX_CHAIN)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .rev()
            .map(|row| {
                let written: String = row.try_get("succession")?;
                from_json(&written, "a succession of keys")
            })
            .collect()
    }

    /// Takes the key that is to follow a host's active one, in place of another that waits. The active one stays good
    /// until its follower is used: whoever stops half-way still has a key. `false` says that the key was known already,
    /// and not as this.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_next_key(&self, host: &str, kid: &str, next: &Succession, now: u64) -> Result<bool> {
        let mut all = self.pool.begin().await?;
        sqlx::query("DELETE FROM host_key WHERE host = $1 AND state = 'next'")
            .bind(host)
            .execute(&mut *all)
            .await?;
        let made = sqlx::query(
            "INSERT INTO host_key (kid, host, public, state, created, succession) VALUES ($1, $2, $3, 'next', $4, $5) \
             ON CONFLICT (kid) DO NOTHING",
        )
        .bind(kid)
        .bind(host)
        .bind(&next.new_pub)
        .bind(signed(now))
        .bind(to_json(next))
        .execute(&mut *all)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        all.commit().await?;
        Ok(true)
    }

    /// A key that waited was used: it is the active one, and what was before it opens nothing any more. `false` says that
    /// it did not wait (any more).
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn follow_key(&self, host: &str, kid: &str) -> Result<bool> {
        let mut all = self.pool.begin().await?;
        // The row that it is about goes first, so that two at once do one after the other.
        let followed = sqlx::query(
            "UPDATE host_key SET state = 'following' WHERE kid = $1 AND host = $2 AND state = 'next'",
        )
        .bind(kid)
        .bind(host)
        .execute(&mut *all)
        .await?;
        if followed.rows_affected() == 0 {
            return Ok(false);
        }
        for (to, from) in [("old", "active"), ("active", "following")] {
            sqlx::query("UPDATE host_key SET state = $1 WHERE host = $2 AND state = $3")
                .bind(to)
                .bind(host)
                .bind(from)
                .execute(&mut *all)
                .await?;
        }
        all.commit().await?;
        Ok(true)
    }
}
