//! The HTTPS and WSS edge: serves the page, checks tokens, and brokers peer connections.
//!
//! Frames and keystrokes never pass through here. [`Router::start`] is what the direct mode runs inside
//! the agent, over an in-memory link to its one host.

mod api;
pub mod audit;
pub mod auth;
mod broker;
pub mod config;
pub mod error;
pub mod link;
pub mod net;
mod run;
pub mod tls;

pub use config::Config;
pub use run::{HostFacts, Running, start};
