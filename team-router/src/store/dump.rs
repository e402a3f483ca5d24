//! All rows, out of one database and into another: what `backup` and `restore` are made of.

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Column as _, Row as _, ValueRef as _};

use super::{Result, Store, StoreError, is_sqlite};

/// What is kept, each after what it refers to.
const KEPT: [&str; 11] = [
    "meta",
    "account",
    "webauthn_credential",
    "role",
    "role_binding",
    "lock_entry",
    "host",
    "host_key",
    "session",
    "audit",
    "audit_checkpoint",
];
/// A sink knows best itself how far it came. Logins end with the database that knew them, and a token that was used or a
/// share that was ended since must not come to life again.
#[cfg(test)]
const LEFT_OUT: [&str; 6] = [
    "login",
    "enroll_token",
    "invite",
    "audit_sink",
    "share",
    "share_member",
];
/// The database takes nothing out of these.
const APPEND_ONLY: [&str; 2] = ["audit", "audit_checkpoint"];
/// Rows that decide whether a database is in use.
const IN_USE: [&str; 3] = ["account", "host", "audit"];

/// One row: the columns by name.
pub type Row = Map<String, Value>;

impl Store {
    /// Hands out every row that is kept, as they all were at one moment.
    ///
    /// # Errors
    /// The database does not answer, or `take` refuses.
    pub async fn dump(&self, mut take: impl FnMut(&str, Row) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut all = self.pool.begin().await?;
        if !is_sqlite(all.backend_name()) {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                .execute(&mut *all)
                .await?;
        }
        for table in KEPT {
            let query = format!("SELECT * FROM {table}");
            let mut rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch(&mut *all);
            while let Some(row) = rows.try_next().await? {
                take(table, read(&row)?)?;
            }
        }
        Ok(())
    }

    /// Whether anybody, any host or any event is known here.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn in_use(&self) -> Result<bool> {
        for table in IN_USE {
            let query = format!("SELECT 1 AS there FROM {table} LIMIT 1");
            let found = sqlx::query(sqlx::AssertSqlSafe(query))
                .fetch_optional(&self.pool)
                .await?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts rows in place of all that is here: all of them, or none. The audit log must be empty ([`Self::in_use`]).
    ///
    /// # Errors
    /// The database refuses a row.
    pub async fn fill(
        &self,
        mut rows: impl FnMut() -> anyhow::Result<Option<(String, Row)>>,
    ) -> anyhow::Result<()> {
        let mut all = self.pool.begin().await?;
        for table in KEPT.iter().rev().filter(|table| !APPEND_ONLY.contains(table)) {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}")))
                .execute(&mut *all)
                .await?;
        }
        while let Some((table, row)) = rows()? {
            write(&mut all, &table, &row).await?;
        }
        all.commit().await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<Row> {
    let mut columns = Row::new();
    for column in row.columns() {
        let at = column.ordinal();
        let value = if row.try_get_raw(at)?.is_null() {
            Value::Null
        } else if let Ok(number) = row.try_get::<i64, _>(at) {
            number.into()
        } else {
            row.try_get::<String, _>(at)?.into()
        };
        columns.insert(column.name().to_owned(), value);
    }
    Ok(columns)
}

async fn write(into: &mut AnyConnection, table: &str, row: &Row) -> Result<()> {
    let plain = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
    };
    if !KEPT.contains(&table) || row.is_empty() || !row.keys().all(|name| plain(name)) {
        return Err(StoreError::Damaged("a table or a column that there is not"));
    }
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    // A bound NULL has no type, and PostgreSQL wants one: it is written out, and the places count what is bound.
    let mut bound = 0;
    let places: Vec<String> = row
        .values()
        .map(|value| {
            if value.is_null() {
                return "NULL".to_owned();
            }
            bound += 1;
            format!("${bound}")
        })
        .collect();
    let statement = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
    for value in row.values() {
        query = match value {
            Value::Null => query,
            Value::Number(number) => query.bind(number.as_i64().ok_or(StoreError::Damaged("a number"))?),
            Value::String(text) => query.bind(text.clone()),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(StoreError::Damaged("a value of another kind"));
            }
        };
    }
    query.execute(into).await?;
    Ok(())
}

/// A table that is made by a later migration is kept or left out on purpose.
#[cfg(test)]
pub(crate) async fn every_table_is_named(store: &Store) {
    let query = if is_sqlite(store.pool.acquire().await.unwrap().backend_name()) {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    } else {
        "SELECT CAST(tablename AS TEXT) AS name FROM pg_tables WHERE schemaname = 'public'"
    };
    let mut there: Vec<String> = sqlx::query(query)
        .fetch_all(&store.pool)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>("name"))
        .filter(|name| !name.starts_with('_') && !name.starts_with("sqlite_"))
        .collect();
    there.sort_unstable();
    let mut named: Vec<String> = KEPT
        .iter()
        .chain(&LEFT_OUT)
        .map(|name| (*name).to_owned())
        .collect();
    named.sort_unstable();
    assert_eq!(there, named);
}
