//! The audit log: every event under the target `audit` becomes a row that is chained to the one before it.
//!
//! A row keeps the text that was written, byte for byte; its hash is SHA-256 over the hash before it, a newline and the
//! text. So whoever changes, removes or reorders a row breaks every hash after it. What is cut off at the end shows
//! against a checkpoint, which the router signs every minute, or a head that was kept elsewhere.

mod chain;
mod checkpoint;
pub mod codes;
mod file;
mod layer;
mod line;
mod sinks;
mod syslog;
mod whole;
mod writer;

use router::auth::direct::unix_now;
use tokio::sync::mpsc;

use crate::store::{Store, StoreError};

pub use chain::{Tampered, Verifier};
pub use checkpoint::{Keys, open_key, open_public};
pub use layer::{AuditLayer, COUNTS};
pub use line::{FileVerifier, Line};
pub use sinks::{Health, Sinks, start};
pub use syslog::Address;
pub use whole::verify_store;
pub use writer::{Pulse, Writer};

/// Events that may wait; one that finds no place is counted, and the count is written.
const WAITING: usize = 4096;

/// What happened, before it is chained.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: u64,
    pub code: String,
    /// A JSON object.
    pub text: String,
}

/// The way in for the layer and the way out for the writer.
pub fn channel() -> (AuditLayer, mpsc::Receiver<Event>) {
    let (tell, events) = mpsc::channel(WAITING);
    (AuditLayer::new(tell), events)
}

/// Writes one event of a command that runs beside the router.
///
/// # Errors
/// The database does not answer.
pub async fn note(store: &Store, code: &str, fields: &serde_json::Value) -> Result<(), StoreError> {
    let event = Event {
        at: unix_now(),
        code: code.to_owned(),
        text: serde_json::json!({ "code": code, "at": unix_now(), "fields": fields }).to_string(),
    };
    for attempt in 0.. {
        let end = store.audit_end().await?.unwrap_or_else(chain::beginning);
        match store
            .append_audit(&chain::chain(&end, std::slice::from_ref(&event)))
            .await
        {
            Ok(()) => break,
            // The router was faster to the same number.
            Err(_) if attempt < 20 => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
