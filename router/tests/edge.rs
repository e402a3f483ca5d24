//! The whole router in one process, spoken to over real TLS: every refusal, and its honest twin.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "edge/headers.rs"]
mod headers;
#[path = "edge/joining.rs"]
mod joining;
#[path = "edge/patience.rs"]
mod patience;
#[path = "edge/secrets.rs"]
mod secrets;
#[path = "edge/signalling.rs"]
mod signalling;
#[path = "edge/world.rs"]
mod world;
