//! Hosts, their keys, and the tokens that enrol them.

use serde::{Deserialize, Serialize};
use signaling_spec::Link;
use sqlx::Row as _;

use super::{Result, Store, from_json, signed, to_json, unsigned};
use crate::roles::Labels;

/// A workstation of the team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub id: String,
    pub name: String,
    pub labels: Labels,
    /// Of its agent.
    pub version: String,
    /// Seconds since 1970; 0 if it never came.
    pub last_seen: u64,
    pub reach: Reach,
}

/// Where a host is, for those who could wake it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The address by which it reaches the router: networks of the same numbers are many.
    pub from: String,
    pub links: Vec<Link>,
}

/// A token that waits for its host; the token itself is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollToken {
    /// Its beginning, which may stand in lists and logs.
    pub prefix: String,
    pub labels: Labels,
    /// Who made it.
    pub by: String,
    pub expires: u64,
}

/// What came of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    Done,
    /// The token is unknown, used or too old.
    BadToken,
    /// There is such a host already.
    Known,
}

impl Store {
    /// # Errors
    /// The database does not answer.
    pub async fn add_enroll_token(
        &self,
        hash: &str,
        prefix: &str,
        labels: &Labels,
        by: &str,
        now: u64,
        expires: u64,
    ) -> Result<()> {
        sqlx::query("DELETE FROM enroll_token WHERE expires <= $1")
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO enroll_token (hash, prefix, labels_json, created_by, created, expires) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(hash)
        .bind(prefix)
        .bind(to_json(labels))
        .bind(by)
        .bind(signed(now))
        .bind(signed(expires))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The tokens that are in force.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enroll_tokens(&self, now: u64) -> Result<Vec<EnrollToken>> {
        let rows = sqlx::query(
            "SELECT prefix, labels_json, created_by, expires FROM enroll_token WHERE expires > $1 ORDER BY created, prefix",
        )
        .bind(signed(now))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let labels: String = row.try_get("labels_json")?;
                Ok(EnrollToken {
                    prefix: row.try_get("prefix")?,
                    labels: from_json(&labels, "labels of a token")?,
                    by: row.try_get("created_by")?,
                    expires: unsigned(row.try_get("expires")?),
                })
            })
            .collect()
    }

    /// Takes back the tokens that begin so.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_enroll_token(&self, prefix: &str) -> Result<bool> {
        let removed = sqlx::query("DELETE FROM enroll_token WHERE prefix = $1")
            .bind(prefix)
            .execute(&self.pool)
            .await?;
        Ok(removed.rows_affected() > 0)
    }

    /// Takes an enrolment token, once, and makes its host, all of it or nothing. A token that meets a host that is
    /// known already is not used up.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn enroll(
        &self,
        token_hash: &str,
        id: &str,
        kid: &str,
        public: &str,
        name: &str,
        now: u64,
    ) -> Result<Enrolled> {
        let mut all = self.pool.begin().await?;
        let taken =
            sqlx::query("DELETE FROM enroll_token WHERE hash = $1 AND expires > $2 RETURNING labels_json")
                .bind(token_hash)
                .bind(signed(now))
                .fetch_optional(&mut *all)
                .await?;
        let Some(row) = taken else {
            return Ok(Enrolled::BadToken);
        };
        let labels: String = row.try_get("labels_json")?;
        let made = sqlx::query(
            "INSERT INTO host (id, name, labels_json, version, created, last_seen) VALUES ($1, $2, $3, '', $4, 0) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(name)
        .bind(labels)
        .bind(signed(now))
        .execute(&mut *all)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(Enrolled::Known);
        }
        sqlx::query(
            "INSERT INTO host_key (kid, host, public, state, created) VALUES ($1, $2, $3, 'active', $4)",
        )
        .bind(kid)
        .bind(id)
        .bind(public)
        .bind(signed(now))
        .execute(&mut *all)
        .await?;
        all.commit().await?;
        Ok(Enrolled::Done)
    }

    /// # Errors
    /// The database does not answer.
    pub async fn host(&self, id: &str) -> Result<Option<Host>> {
        let row = sqlx::query(
            "SELECT id, name, labels_json, version, last_seen, links_json FROM host WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(host).transpose()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn hosts(&self) -> Result<Vec<Host>> {
        let rows = sqlx::query(
            "SELECT id, name, labels_json, version, last_seen, links_json FROM host ORDER BY name, id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(host).collect()
    }

    /// What a host says of itself, and that it is there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn host_seen(
        &self,
        id: &str,
        name: &str,
        version: &str,
        reach: &Reach,
        now: u64,
    ) -> Result<()> {
        sqlx::query("UPDATE host SET name = $2, version = $3, last_seen = $4, links_json = $5 WHERE id = $1")
            .bind(id)
            .bind(name)
            .bind(version)
            .bind(signed(now))
            .bind(to_json(reach))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn set_labels(&self, id: &str, labels: &Labels) -> Result<bool> {
        let set = sqlx::query("UPDATE host SET labels_json = $2 WHERE id = $1")
            .bind(id)
            .bind(to_json(labels))
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(set.rows_affected() > 0)
    }

    /// Removes a host; its key opens nothing any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_host(&self, id: &str) -> Result<bool> {
        let removed = sqlx::query("DELETE FROM host WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(removed.rows_affected() > 0)
    }
}

fn host(row: &sqlx::any::AnyRow) -> Result<Host> {
    let labels: String = row.try_get("labels_json")?;
    let reach: String = row.try_get("links_json")?;
    Ok(Host {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        labels: from_json(&labels, "labels of a host")?,
        version: row.try_get("version")?,
        last_seen: unsigned(row.try_get("last_seen")?),
        reach: if reach.is_empty() {
            Reach::default()
        } else {
            from_json(&reach, "links of a host")?
        },
    })
}
