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

impl Store {
    /// Notes a login at the provider: makes the account, or brings it up to date. `new_id` is taken if it is new.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn greet(&self, person: &Person<'_>, new_id: &str, now: u64) -> Result<Account> {
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
    pub async fn add_login(
        &self,
        hash: &str,
        account: &str,
        jti: &str,
        auth_time: u64,
        now: u64,
        expires: u64,
    ) -> Result<()> {
        sqlx::query("DELETE FROM login WHERE expires <= $1")
            .bind(signed(now))
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO login (hash, account, jti, auth_time, created, last_seen, expires) \
             VALUES ($1, $2, $3, $4, $5, $5, $6)",
        )
        .bind(hash)
        .bind(account)
        .bind(jti)
        .bind(signed(auth_time))
        .bind(signed(now))
        .bind(signed(expires))
        .execute(&self.pool)
        .await?;
        Ok(())
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

fn read_account(row: &sqlx::any::AnyRow) -> Result<Account> {
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
