//! One type per kind of identifier, so that they cannot be mixed up.

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        pub struct $name(pub String);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A workstation that can be viewed. Stable across restarts.
    HostId
}
text_id! {
    /// One viewer's stay on one host, from admission to `session.end`. 22 characters of base64url. Never reused.
    SessionId
}
text_id! {
    /// Names one issued token in lists and logs; it opens nothing.
    TokenId
}
text_id! {
    /// SHA-256 of a host's Ed25519 public key (32 raw bytes), in base64url without padding: 43 characters.
    KeyHash
}

/// A viewer's number on one host, as other viewers see it. Never reused while the agent runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ViewerId(pub u32);

/// Counts offers within a session; an answer names the offer that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Negotiation(pub u32);
