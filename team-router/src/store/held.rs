//! How many of a kind one account has; its live sessions are counted where they live (`access`).

use sqlx::Row as _;

use super::{Result, Store, signed, unsigned};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Shares,
    Invitations,
    EnrollTokens,
}

impl Held {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shares => "shares",
            Self::Invitations => "invitations",
            Self::EnrollTokens => "enroll_tokens",
        }
    }
}

impl Store {
    /// Those that are in force.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn held(&self, account: &str, kind: Held, now: u64) -> Result<u64> {
        let query = match kind {
            Held::Shares => "SELECT COUNT(*) AS many FROM share WHERE account = $1 AND until > $2",
            Held::Invitations => "SELECT COUNT(*) AS many FROM invite WHERE created_by = $1 AND expires > $2",
            Held::EnrollTokens => {
                "SELECT COUNT(*) AS many FROM enroll_token WHERE created_by = $1 AND expires > $2"
            }
        };
        let row = sqlx::query(query)
            .bind(account)
            .bind(signed(now))
            .fetch_one(&self.pool)
            .await?;
        Ok(unsigned(row.try_get("many")?))
    }
}
