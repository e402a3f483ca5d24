//! Passkeys of accounts, when a login last gave a second factor, and invitations.

use sqlx::Row as _;

use super::{Result, Store, signed, unsigned};

/// A passkey, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The credential's name, in base64url.
    pub id: String,
    pub account: String,
    /// What the library needs to know it again: a public key and how it was made.
    pub json: String,
    pub counter: u64,
    /// For its owner.
    pub name: String,
    pub created: u64,
    pub last_used: u64,
}

/// When a login last gave a second factor, in seconds since 1970; 0 is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// The provider was asked anew.
    pub step_up_at: u64,
    /// A passkey was shown.
    pub passkey_at: u64,
}

/// What whoever has the link becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub name: String,
    pub admin: bool,
}

impl Store {
    /// # Errors
    /// The database does not answer.
    pub async fn passkeys(&self, account: &str) -> Result<Vec<Kept>> {
        let rows = sqlx::query(
            "SELECT id, account, passkey_json, counter, name, created, last_used FROM webauthn_credential \
             WHERE account = $1 ORDER BY created, id",
        )
        .bind(account)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read_kept).collect()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn passkey(&self, id: &str) -> Result<Option<Kept>> {
        let row = sqlx::query(
            "SELECT id, account, passkey_json, counter, name, created, last_used FROM webauthn_credential \
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(read_kept).transpose()
    }

    /// Keeps a new one; whether there was none of its name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn add_passkey(&self, kept: &Kept) -> Result<bool> {
        let added = sqlx::query(
            "INSERT INTO webauthn_credential (id, account, passkey_json, counter, name, created, last_used) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&kept.id)
        .bind(&kept.account)
        .bind(&kept.json)
        .bind(signed(kept.counter))
        .bind(&kept.name)
        .bind(signed(kept.created))
        .bind(signed(kept.last_used))
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected() > 0)
    }

    /// Notes its use; false if it is gone, or counts no further than it did: of two uses with one count, one is noted.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn passkey_used(&self, id: &str, json: &str, counter: u64, now: u64) -> Result<bool> {
        let used = sqlx::query(
            "UPDATE webauthn_credential SET passkey_json = $2, counter = $3, last_used = $4 \
             WHERE id = $1 AND (counter < $3 OR (counter = 0 AND $3 = 0))",
        )
        .bind(id)
        .bind(json)
        .bind(signed(counter))
        .bind(signed(now))
        .execute(&self.pool)
        .await?;
        Ok(used.rows_affected() > 0)
    }

    /// # Errors
    /// The database does not answer.
    pub async fn name_passkey(&self, account: &str, id: &str, name: &str) -> Result<bool> {
        let named = sqlx::query("UPDATE webauthn_credential SET name = $3 WHERE account = $1 AND id = $2")
            .bind(account)
            .bind(id)
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(named.rows_affected() > 0)
    }

    /// # Errors
    /// The database does not answer.
    pub async fn remove_passkey(&self, account: &str, id: &str) -> Result<bool> {
        let gone = sqlx::query("DELETE FROM webauthn_credential WHERE account = $1 AND id = $2")
            .bind(account)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected() > 0)
    }

    /// All of an account's, for somebody who has lost theirs; how many there were.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_passkeys(&self, account: &str) -> Result<u64> {
        let gone = sqlx::query("DELETE FROM webauthn_credential WHERE account = $1")
            .bind(account)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn proofs(&self, jti: &str) -> Result<Proofs> {
        let row = sqlx::query("SELECT step_up_at, passkey_at FROM login WHERE jti = $1")
            .bind(jti)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else {
            return Ok(Proofs::default());
        };
        Ok(Proofs {
            step_up_at: unsigned(row.try_get("step_up_at")?),
            passkey_at: unsigned(row.try_get("passkey_at")?),
        })
    }

    /// # Errors
    /// The database does not answer.
    pub async fn stepped_up(&self, jti: &str, now: u64) -> Result<()> {
        sqlx::query("UPDATE login SET step_up_at = $2 WHERE jti = $1")
            .bind(jti)
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn showed_passkey(&self, jti: &str, now: u64) -> Result<()> {
        sqlx::query("UPDATE login SET passkey_at = $2 WHERE jti = $1")
            .bind(jti)
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn add_invite(
        &self,
        hash: &str,
        invite: &Invite,
        by: &str,
        now: u64,
        expires: u64,
    ) -> Result<()> {
        sqlx::query("DELETE FROM invite WHERE expires <= $1")
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO invite (hash, name, admin, created_by, created, expires) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(hash)
        .bind(&invite.name)
        .bind(i64::from(invite.admin))
        .bind(by)
        .bind(signed(now))
        .bind(signed(expires))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What a link would make of whoever has it; it stays good.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn invite(&self, hash: &str, now: u64) -> Result<Option<Invite>> {
        let row = sqlx::query("SELECT name, admin FROM invite WHERE hash = $1 AND expires > $2")
            .bind(hash)
            .bind(signed(now))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read_invite).transpose()
    }

    /// Takes the link: of those who race for it, one gets it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_invite(&self, hash: &str, now: u64) -> Result<Option<Invite>> {
        let row = sqlx::query("DELETE FROM invite WHERE hash = $1 AND expires > $2 RETURNING name, admin")
            .bind(hash)
            .bind(signed(now))
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read_invite).transpose()
    }
}

fn read_kept(row: &sqlx::any::AnyRow) -> Result<Kept> {
    Ok(Kept {
        id: row.try_get("id")?,
        account: row.try_get("account")?,
        json: row.try_get("passkey_json")?,
        counter: unsigned(row.try_get("counter")?),
        name: row.try_get("name")?,
        created: unsigned(row.try_get("created")?),
        last_used: unsigned(row.try_get("last_used")?),
    })
}

fn read_invite(row: &sqlx::any::AnyRow) -> Result<Invite> {
    let admin: i64 = row.try_get("admin")?;
    Ok(Invite {
        name: row.try_get("name")?,
        admin: admin != 0,
    })
}
