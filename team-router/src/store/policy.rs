//! Roles, who has them, and locks.

use sqlx::Row as _;

use super::{Result, Store, StoreError, signed, to_json, unsigned};
use crate::roles::Role;

/// Whom a role is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An account, by what its provider calls it (`sub`).
    Account(String),
    /// Whoever the provider says is in this group.
    Group(String),
}

/// Somebody has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub provider: String,
    pub subject: Subject,
    pub role: String,
}

/// What a lock shuts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    Account,
    Role,
    Host,
}

impl LockKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Role => "role",
            Self::Host => "host",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Account, Self::Role, Self::Host]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Nobody who is named by it comes in, and whoever is in goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    pub id: String,
    pub kind: LockKind,
    pub target: String,
    /// For whoever is shut out.
    pub reason: String,
    /// Seconds since 1970; `None` until it is lifted.
    pub expires: Option<u64>,
}

impl Store {
    /// Raises the number that running routers look at.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn policy_changed(&self) -> Result<()> {
        sqlx::query("UPDATE meta SET value = value + 1 WHERE name = 'policy'")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// # Errors
    /// The database does not answer.
    pub async fn policy_version(&self) -> Result<i64> {
        let row = sqlx::query("SELECT value FROM meta WHERE name = 'policy'")
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get("value")?)
    }

    /// # Errors
    /// The database does not answer.
    pub async fn set_role(&self, name: &str, role: &Role, now: u64) -> Result<()> {
        sqlx::query(
            "INSERT INTO role (name, spec_json, changed) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET spec_json = excluded.spec_json, changed = excluded.changed",
        )
        .bind(name)
        .bind(to_json(role))
        .bind(signed(now))
        .execute(&self.pool)
        .await?;
        self.policy_changed().await
    }

    /// # Errors
    /// The database does not answer.
    pub async fn remove_role(&self, name: &str) -> Result<bool> {
        sqlx::query("DELETE FROM role_binding WHERE role = $1")
            .bind(name)
            .execute(&self.pool)
            .await?;
        let removed = sqlx::query("DELETE FROM role WHERE name = $1")
            .bind(name)
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(removed.rows_affected() > 0)
    }

    /// Every role; one that this router cannot read is an error, never passed over.
    ///
    /// # Errors
    /// The database does not answer, or a role names what is not built.
    pub async fn roles(&self) -> Result<Vec<(String, Role)>> {
        let rows = sqlx::query("SELECT name, spec_json FROM role ORDER BY name")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                let spec: String = row.try_get("spec_json")?;
                let role = Role::parse(&spec).map_err(|_| StoreError::Damaged("a role"))?;
                Ok((row.try_get("name")?, role))
            })
            .collect()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn bind_role(&self, binding: &Binding) -> Result<()> {
        let (kind, value) = parts(&binding.subject);
        sqlx::query(
            "INSERT INTO role_binding (provider, kind, value, role) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&binding.provider)
        .bind(kind)
        .bind(value)
        .bind(&binding.role)
        .execute(&self.pool)
        .await?;
        self.policy_changed().await
    }

    /// # Errors
    /// The database does not answer.
    pub async fn unbind_role(&self, binding: &Binding) -> Result<bool> {
        let (kind, value) = parts(&binding.subject);
        let gone = sqlx::query(
            "DELETE FROM role_binding WHERE provider = $1 AND kind = $2 AND value = $3 AND role = $4",
        )
        .bind(&binding.provider)
        .bind(kind)
        .bind(value)
        .bind(&binding.role)
        .execute(&self.pool)
        .await?;
        self.policy_changed().await?;
        Ok(gone.rows_affected() > 0)
    }

    /// # Errors
    /// The database does not answer.
    pub async fn bindings(&self) -> Result<Vec<Binding>> {
        let rows = sqlx::query(
            "SELECT provider, kind, value, role FROM role_binding ORDER BY provider, kind, value, role",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let (kind, value): (String, String) = (row.try_get("kind")?, row.try_get("value")?);
                let subject = match kind.as_str() {
                    "account" => Subject::Account(value),
                    "group" => Subject::Group(value),
                    _ => return Err(StoreError::Damaged("a role's binding")),
                };
                Ok(Binding {
                    provider: row.try_get("provider")?,
                    subject,
                    role: row.try_get("role")?,
                })
            })
            .collect()
    }

    /// # Errors
    /// The database does not answer.
    pub async fn add_lock(&self, lock: &Lock, by: &str, now: u64) -> Result<()> {
        sqlx::query(
            "INSERT INTO lock_entry (id, kind, target, reason, expires, created_by, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&lock.id)
        .bind(lock.kind.name())
        .bind(&lock.target)
        .bind(&lock.reason)
        .bind(lock.expires.map(signed))
        .bind(by)
        .bind(signed(now))
        .execute(&self.pool)
        .await?;
        self.policy_changed().await
    }

    /// # Errors
    /// The database does not answer.
    pub async fn lift_lock(&self, id: &str) -> Result<bool> {
        let lifted = sqlx::query("DELETE FROM lock_entry WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        self.policy_changed().await?;
        Ok(lifted.rows_affected() > 0)
    }

    /// Those in force.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn locks(&self, now: u64) -> Result<Vec<Lock>> {
        let rows = sqlx::query(
            "SELECT id, kind, target, reason, expires FROM lock_entry \
             WHERE expires IS NULL OR expires > $1 ORDER BY created, id",
        )
        .bind(signed(now))
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let kind: String = row.try_get("kind")?;
                let expires: Option<i64> = row.try_get("expires")?;
                Ok(Lock {
                    id: row.try_get("id")?,
                    kind: LockKind::parse(&kind).ok_or(StoreError::Damaged("a lock's kind"))?,
                    target: row.try_get("target")?,
                    reason: row.try_get("reason")?,
                    expires: expires.map(unsigned),
                })
            })
            .collect()
    }
}

fn parts(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Account(value) => ("account", value),
        Subject::Group(value) => ("group", value),
    }
}
