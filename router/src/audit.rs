//! What happened, for whoever must answer for it later: one log line an event, under the target `audit`.
//!
//! Events name subjects, tokens and sessions, never secrets and never content.

/// Writes one event. The code is stable; the letter says whether it worked (`I`) or was refused (`W`).
#[macro_export]
macro_rules! audit {
    ($code:literal, $($field:tt)*) => {
        tracing::info!(target: "audit", code = $code, $($field)*)
    };
}
