//! What outlives the process, in SQLite or PostgreSQL: one set of queries for both, through sqlx's driver for any.
//!
//! Secrets are known by their SHA-256 alone. Whatever is taken once is taken by the statement that deletes it.

mod audit;
mod dump;
mod held;
mod host_keys;
mod hosts;
mod passkeys;
mod people;
mod policy;
mod sessions;
mod shares;

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::Context as _;
use router::tls::private_file;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, SqlStr};

pub use audit::{CODE, Checkpoint, Entry, Link, Order, Wanted};
pub use dump::Row;
#[cfg(test)]
pub(crate) use dump::every_table_is_named;
pub use held::Held;
pub use host_keys::HostKey;
pub use hosts::{EnrollToken, Enrolled, Host, Reach};
pub use passkeys::{Invite, Kept, Proofs};
pub use people::{Account, Login, NewLogin, Person};
pub use policy::{Binding, Lock, LockKind, Subject};
pub use sessions::Session;
pub use shares::{Accepted, NewShare};

/// A statement that does not answer within this is an error, and so is a connection that cannot be had.
const PATIENCE: Duration = Duration::from_secs(5);

const MIGRATIONS: [(i64, &str, Text); 8] = [
    (
        1,
        "first",
        Text::Same(include_str!("../migrations/0001_first.sql")),
    ),
    (
        2,
        "factors",
        Text::Same(include_str!("../migrations/0002_factors.sql")),
    ),
    (
        10,
        "audit",
        Text::Same(include_str!("../migrations/0010_audit.sql")),
    ),
    (
        11,
        "shares",
        Text::Same(include_str!("../migrations/0011_shares.sql")),
    ),
    (
        20,
        "rotation",
        Text::Same(include_str!("../migrations/0020_rotation.sql")),
    ),
    (
        21,
        "links",
        Text::Same(include_str!("../migrations/0021_links.sql")),
    ),
    (
        30,
        "append only",
        Text::Each {
            sqlite: include_str!("../migrations/0030_append_only.sqlite.sql"),
            postgres: include_str!("../migrations/0030_append_only.postgres.sql"),
        },
    ),
    (
        31,
        "mfa at",
        Text::Same(include_str!("../migrations/0031_mfa_at.sql")),
    ),
];

/// What a migration says: one text for both databases, but for triggers, which each writes in its own way.
#[derive(Clone, Copy)]
enum Text {
    Same(&'static str),
    Each {
        sqlite: &'static str,
        postgres: &'static str,
    },
}

/// The version of the tables that this router has.
pub fn latest() -> i64 {
    MIGRATIONS
        .iter()
        .map(|(version, ..)| *version)
        .max()
        .unwrap_or_default()
}

/// The database does not answer, or answers with what cannot be.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database does not answer")]
    Database(#[source] sqlx::Error),
    #[error(
        "the database cannot be written: its disk, or a quota on it, is full; make room, and the router goes on by itself"
    )]
    Full(#[source] sqlx::Error),
    #[error("a row of the database is damaged: {0}")]
    Damaged(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| FULL.contains(&&*code)) {
            Self::Full(error)
        } else {
            Self::Database(error)
        }
    }
}

/// There is no room: SQLite's FULL, IOERR_WRITE (a quota) and IOERR_SHMSIZE (sqlite.org/rescode.html), PostgreSQL's
/// `disk_full` (appendix A of its manual).
const FULL: [&str; 4] = ["13", "778", "4874", "53100"];

pub type Result<T> = std::result::Result<T, StoreError>;

/// A pool of connections to one database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
}

impl Store {
    /// Opens `sqlite:FILE` or `postgres://…`, makes the file where there is none, and brings the tables up to date.
    ///
    /// # Errors
    /// The database cannot be reached, or was made by a newer router.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Self::connect(url).await?;
        store.migrate(latest()).await?;
        Ok(store)
    }

    /// Opens it without a look at its tables.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let sqlite = url.strip_prefix("sqlite:");
        let file = sqlite.filter(|file| *file != ":memory:");
        if let Some(file) = file {
            let path = Path::new(file);
            if !path.exists() {
                private_file::write(path, b"")?;
            }
        }
        let options = AnyConnectOptions::from_str(url)
            .context("the database's address is not one")?
            .log_statements(tracing::log::LevelFilter::Trace);
        let in_memory = sqlite.is_some() && file.is_none();
        let pool = AnyPoolOptions::new()
            // SQLite has one writer, and what is in memory has one connection.
            .max_connections(if in_memory { 1 } else { 8 })
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if is_sqlite(connection.backend_name()) {
                        for pragma in [
                            "PRAGMA foreign_keys = ON",
                            "PRAGMA busy_timeout = 5000",
                            "PRAGMA journal_mode = WAL",
                        ] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .after_release(|connection, _| {
                Box::pin(async move {
                    if !is_sqlite(connection.backend_name()) {
                        return Ok(true);
                    }
                    // SQLite takes a transaction back by itself when its disk is full. sqlx counts it as open after that,
                    // and what the next one commits on this connection would be lost: it is closed instead. What was left
                    // to be taken back is done when it answers.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options)
            .await
            .with_context(|| match file {
                Some(file) => format!("{file} cannot be opened as a database"),
                None => "the database cannot be reached; check `database` in the configuration".to_owned(),
            })?;
        Ok(Self { pool })
    }

    /// Brings the tables to a version, upwards only.
    ///
    /// # Errors
    /// A newer router made them, or the database refuses.
    pub async fn migrate(&self, version: i64) -> anyhow::Result<()> {
        let sqlite = is_sqlite(self.pool.acquire().await?.backend_name());
        let migrations = MIGRATIONS.into_iter().filter(|(number, ..)| *number <= version);
        let migrations = migrations.map(|(version, name, text)| {
            let sql = match text {
                Text::Same(sql) => sql,
                Text::Each { sqlite: sql, .. } if sqlite => sql,
                Text::Each { postgres: sql, .. } => sql,
            };
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                SqlStr::from_static(sql),
                false,
            )
        });
        Migrator::with_migrations(migrations.collect())
            .run(&self.pool)
            .await
            .context("the database's tables cannot be brought up to date; nothing was changed")
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}

fn is_sqlite(backend: &str) -> bool {
    backend.eq_ignore_ascii_case("sqlite")
}

/// Lists and maps are kept as JSON.
fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged(what))
}

/// Times are below 2^63 for some time to come.
fn signed(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn unsigned(time: i64) -> u64 {
    u64::try_from(time).unwrap_or_default()
}

#[cfg(test)]
#[path = "store/tests.rs"]
pub(crate) mod tests;
