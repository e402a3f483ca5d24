//! Accounts, and the logins of their browsers.

use sqlx::Row as _;

use super::{Result, Store, from_json, signed, to_json, unsigned};

/// Somebody whom a provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub provider: String,
    pub subject: String,
    pub name: String,
    pub email: String,
    pub groups: Vec<String>,
}

/// What a provider says about somebody at a login.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    pub provider: &'a str,
    pub subject: &'a str,
    pub name: &'a str,
    pub email: &'a str,
    pub groups: &'a [String],
}

/// A browser's login.
#[derive(Clone, Debug)]
pub struct Login {
    pub account: Account,
    /// Names it in tokens and lists.
    pub jti: String,
    /// When the person last proved to the provider who they are, in seconds since 1970.
    pub auth_time: u64,
    pub created: u64,
    pub expires: u64,
}

/// A login that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewLogin<'a> {
    /// Of the cookie's secret.
    pub hash: &'a str,
    pub account: &'a str,
    pub auth_time: u64,
    pub expires: u64,
    /// What the provider calls its own session with this browser; empty if it does not say.
    pub provider_sid: &'a str,
}

impl Store {
    /// Notes a login at the provider: makes the account, or brings it up to date. `new_id` is taken if it is new.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn greet(&self, person: &Person<'_>, new_id: &str, now: u64) -> Result<Account> {
        // Sessions, and shares that others came by, rest on the groups.
        let moved = sqlx::query(
            "UPDATE account SET groups_json = $3 WHERE provider = $1 AND subject = $2 AND groups_json <> $3",
        )
        .bind(person.provider)
        .bind(person.subject)
        .bind(to_json(&person.groups))
        .execute(&self.pool)
        .await?;
        if moved.rows_affected() > 0 {
            self.policy_changed().await?;
        }
        let row = sqlx::query(
            "INSERT INTO account (id, provider, subject, name, email, groups_json, created, last_login) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
             ON CONFLICT (provider, subject) DO UPDATE \
             SET name = excluded.name, email = excluded.email, groups_json = excluded.groups_json, \
                 last_login = excluded.last_login \
             RETURNING id",
        )
        .bind(new_id)
        .bind(person.provider)
        .bind(person.subject)
        .bind(person.name)
        .bind(person.email)
        .bind(to_json(&person.groups))
        .bind(signed(now))
        .fetch_one(&self.pool)
        .await?;
        Ok(Account {
            id: row.try_get("id")?,
            provider: person.provider.to_owned(),
            subject: person.subject.to_owned(),
            name: person.name.to_owned(),
            email: person.email.to_owned(),
            groups: person.groups.to_vec(),
        })
    }

    /// # Errors
    /// The database does not answer.
    pub async fn add_login(&self, login: &NewLogin<'_>, jti: &str, now: u64) -> Result<()> {
        sqlx::query("DELETE FROM login WHERE expires <= $1")
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO login (hash, account, jti, auth_time, created, last_seen, expires, provider_sid) \
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7)",
        )
        .bind(login.hash)
        .bind(login.account)
        .bind(jti)
        .bind(signed(login.auth_time))
        .bind(signed(now))
        .bind(signed(login.expires))
        .bind(login.provider_sid)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The same person has logged in once more in the same browser: the login goes on under a new secret, and with it
    /// the sessions that it opened. `None`: that secret opens no login of theirs any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn renew_login(&self, old: &str, login: &NewLogin<'_>, now: u64) -> Result<Option<String>> {
        let row = sqlx::query(
            "UPDATE login SET hash = $3, auth_time = $4, created = $5, last_seen = $5, expires = $6, provider_sid = $7 \
             WHERE hash = $1 AND account = $2 AND expires > $5 RETURNING jti",
        )
        .bind(old)
        .bind(login.account)
        .bind(login.hash)
        .bind(signed(login.auth_time))
        .bind(signed(now))
        .bind(signed(login.expires))
        .bind(login.provider_sid)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| row.try_get("jti")).transpose()?)
    }

    /// The login of a cookie's hash, if it is in force.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn login(&self, hash: &str, now: u64) -> Result<Option<Login>> {
        let row = sqlx::query(
            "SELECT account.id AS id, provider, subject, name, email, groups_json, jti, auth_time, login.created AS login_created, expires \
             FROM login JOIN account ON account.id = login.account WHERE hash = $1 AND expires > $2",
        )
        .bind(hash)
        .bind(signed(now))
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Login {
            account: read_account(&row)?,
            jti: row.try_get("jti")?,
            auth_time: unsigned(row.try_get("auth_time")?),
            created: unsigned(row.try_get("login_created")?),
            expires: unsigned(row.try_get("expires")?),
        }))
    }

    /// Notes that a login is in use, and until when that lets it live.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn touch_login(&self, hash: &str, now: u64, expires: u64) -> Result<()> {
        sqlx::query("UPDATE login SET last_seen = $2, expires = $3 WHERE hash = $1")
            .bind(hash)
            .bind(signed(now))
            .bind(signed(expires))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a login; sessions that it opened end within two seconds.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_login(&self, hash: &str) -> Result<bool> {
        let ended = sqlx::query("DELETE FROM login WHERE hash = $1")
            .bind(hash)
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(ended.rows_affected() > 0)
    }

    /// Ends all of an account's logins, and their sessions; how many there were.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_logins_of(&self, account: &str) -> Result<u64> {
        let ended = sqlx::query("DELETE FROM login WHERE account = $1")
            .bind(account)
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(ended.rows_affected())
    }

    /// Ends the logins that a provider has ended: all of a subject, those of one of its own sessions, or both at once.
    /// An empty text names nothing; with two of them nothing ends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn end_logins_at(&self, provider: &str, subject: &str, sid: &str) -> Result<u64> {
        if subject.is_empty() && sid.is_empty() {
            return Ok(0);
        }
        let ended = sqlx::query(
            "DELETE FROM login WHERE ($3 = '' OR provider_sid = $3) AND account IN \
             (SELECT id FROM account WHERE provider = $1 AND ($2 = '' OR subject = $2))",
        )
        .bind(provider)
        .bind(subject)
        .bind(sid)
        .execute(&self.pool)
        .await?;
        self.policy_changed().await?;
        Ok(ended.rows_affected())
    }

    /// Everybody who ever logged in.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accounts(&self) -> Result<Vec<(Account, u64)>> {
        let rows = sqlx::query(
            "SELECT id, provider, subject, name, email, groups_json, last_login FROM account ORDER BY name, id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((read_account(row)?, unsigned(row.try_get("last_login")?))))
            .collect()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn account(&self, id: &str) -> Result<Option<Account>> {
        let row =
            sqlx::query("SELECT id, provider, subject, name, email, groups_json FROM account WHERE id = $1")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// The account of a login that is in force.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn account_of(&self, account: &str, jti: &str, now: u64) -> Result<Option<Account>> {
        let row = sqlx::query(
            "SELECT account.id AS id, provider, subject, name, email, groups_json \
             FROM login JOIN account ON account.id = login.account \
             WHERE account.id = $1 AND jti = $2 AND expires > $3",
        )
        .bind(account)
        .bind(jti)
        .bind(signed(now))
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(read_account).transpose()
    }
}

pub(super) fn read_account(row: &sqlx::any::AnyRow) -> Result<Account> {
    let groups: String = row.try_get("groups_json")?;
    Ok(Account {
        id: row.try_get("id")?,
        provider: row.try_get("provider")?,
        subject: row.try_get("subject")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        groups: from_json(&groups, "groups of an account")?,
    })
}
