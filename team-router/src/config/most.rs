//! How much one account and one address may ask for, as the file says it.

use serde::Deserialize;

/// The `[limits]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Most {
    /// Calls a second; ten times as many at once.
    pub calls_per_account: u32,
    /// The same, of everybody behind one address.
    pub calls_per_address: u32,
    /// Sessions that are begun in a minute; twice as many at once.
    pub joins_per_account: u32,
    /// Sessions at a time, and seats that were asked for and not taken yet.
    pub sessions_per_account: u64,
    pub shares_per_account: u64,
    pub invitations_per_account: u64,
    pub enroll_tokens_per_account: u64,
}

impl Default for Most {
    fn default() -> Self {
        Self {
            calls_per_account: 30,
            calls_per_address: 100,
            joins_per_account: 30,
            sessions_per_account: 10,
            shares_per_account: 50,
            invitations_per_account: 50,
            enroll_tokens_per_account: 100,
        }
    }
}

impl Most {
    /// # Errors
    /// One of them is nothing: then nobody could do that.
    pub fn check(self) -> anyhow::Result<Self> {
        let least = [
            u64::from(self.calls_per_account),
            u64::from(self.calls_per_address),
            u64::from(self.joins_per_account),
            self.sessions_per_account,
            self.shares_per_account,
            self.invitations_per_account,
            self.enroll_tokens_per_account,
        ];
        anyhow::ensure!(
            least.into_iter().all(|most| most > 0),
            "[limits] are at least 1 each; leave one out for what is usual"
        );
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_nothing() {
        let read = |text: &str| {
            toml::from_str::<Most>(text)
                .map_err(anyhow::Error::from)
                .and_then(Most::check)
        };
        assert_eq!(read("").unwrap(), Most::default());
        assert_eq!(read("joins-per-account = 7").unwrap().joins_per_account, 7);
        for wrong in [
            "joins-per-account = 0",
            "shares-per-account = 0",
            "calls = 1",
            "calls-per-account = -1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
