//! Shares of hosts, and who came by them.

use sqlx::Row as _;

use super::people::read_account;
use super::{Result, Store, StoreError, signed, unsigned};
use crate::shares::{Kind, Member, Share};

/// A share that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewShare<'a> {
    pub id: &'a str,
    /// Of the link's secret.
    pub hash: &'a str,
    pub host: &'a str,
    /// Whose rights it gives on.
    pub account: &'a str,
    pub kind: Kind,
    pub uses: u64,
    /// Seconds since 1970.
    pub until: u64,
}

/// What became of somebody who shows a share's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    Joined,
    /// They were a member before, and that costs nothing.
    Member,
    /// The link is unknown, ended or used up.
    Refused,
}

impl Store {
    /// Keeps a share, and forgets those whose time is over.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_share(&self, share: &NewShare<'_>, now: u64) -> Result<()> {
        sqlx::query("DELETE FROM share WHERE until <= $1")
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO share (id, hash, host, account, kind, created, until, uses_left) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(share.id)
        .bind(share.hash)
        .bind(share.host)
        .bind(share.account)
        .bind(share.kind.name())
        .bind(signed(now))
        .bind(signed(share.until))
        .bind(signed(share.uses))
        .execute(&self.pool)
        .await?;
        self.policy_changed().await
    }

    /// Those in force, the oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn shares(&self, now: u64) -> Result<Vec<Share>> {
        self.read_shares("", now).await
    }

    /// The one that this link opens.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn share(&self, hash: &str, now: u64) -> Result<Option<Share>> {
        if hash.is_empty() {
            return Ok(None);
        }
        Ok(self.read_shares(hash, now).await?.pop())
    }

    async fn read_shares(&self, hash: &str, now: u64) -> Result<Vec<Share>> {
        let rows = sqlx::query(
            "SELECT share.id AS share, host, kind, share.created AS share_created, until, uses_left, \
             account.id AS id, provider, subject, name, email, groups_json \
             FROM share JOIN account ON account.id = share.account \
             WHERE until > $1 AND ($2 = '' OR hash = $2) ORDER BY share.created, share.id",
        )
        .bind(signed(now))
        .bind(hash)
        .fetch_all(&self.pool)
        .await?;
        let mut shares = rows
            .iter()
            .map(|row| {
                let kind: String = row.try_get("kind")?;
                Ok(Share {
                    id: row.try_get("share")?,
                    host: row.try_get("host")?,
                    inviter: read_account(row)?,
                    kind: Kind::parse(&kind).ok_or(StoreError::Damaged("a share's kind"))?,
                    created: unsigned(row.try_get("share_created")?),
                    until: unsigned(row.try_get("until")?),
                    uses_left: unsigned(row.try_get("uses_left")?),
                    members: Vec::new(),
                })
            })
            .collect::<Result<Vec<Share>>>()?;
        if shares.is_empty() {
            return Ok(shares);
        }
        let rows = sqlx::query(
            "SELECT share_member.share AS share, share_member.account AS account, name, since FROM share_member \
             JOIN share ON share.id = share_member.share JOIN account ON account.id = share_member.account \
             WHERE until > $1 AND ($2 = '' OR hash = $2) ORDER BY since, name",
        )
        .bind(signed(now))
        .bind(hash)
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let id: String = row.try_get("share")?;
            let member = Member {
                account: row.try_get("account")?,
                name: row.try_get("name")?,
                since: unsigned(row.try_get("since")?),
            };
            if let Some(share) = shares.iter_mut().find(|share| share.id == id) {
                share.members.push(member);
            }
        }
        Ok(shares)
    }

    /// Makes somebody a member: of those who race for the last place, one gets it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accept_share(&self, hash: &str, account: &str, now: u64) -> Result<Accepted> {
        let mut all = self.pool.begin().await?;
        let row = sqlx::query(
            "UPDATE share SET uses_left = uses_left - 1 WHERE hash = $1 AND until > $2 AND uses_left > 0 \
             AND NOT EXISTS (SELECT 1 FROM share_member AS member WHERE member.share = share.id AND member.account = $3) RETURNING id",
        )
        .bind(hash)
        .bind(signed(now))
        .bind(account)
        .fetch_optional(&mut *all)
        .await?;
        let Some(row) = row else {
            all.rollback().await?;
            let known = self.share(hash, now).await?;
            return Ok(match known {
                Some(share) if share.has(account) => Accepted::Member,
                _ => Accepted::Refused,
            });
        };
        let id: String = row.try_get("id")?;
        let joined = sqlx::query(
            "INSERT INTO share_member (share, account, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&id)
        .bind(account)
        .bind(signed(now))
        .execute(&mut *all)
        .await?;
        if joined.rows_affected() == 0 {
            // The same person twice at one moment: the place that this took is given back.
            all.rollback().await?;
            return Ok(Accepted::Member);
        }
        all.commit().await?;
        self.policy_changed().await?;
        Ok(Accepted::Joined)
    }

    /// Ends a share of that account, or of anybody; its sessions end within two seconds.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_share(&self, id: &str, account: Option<&str>) -> Result<bool> {
        let ended = sqlx::query("DELETE FROM share WHERE id = $1 AND ($2 = '' OR account = $2)")
            .bind(id)
            .bind(account.unwrap_or_default())
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(ended.rows_affected() > 0)
    }
}
