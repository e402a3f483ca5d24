//! The HTTPS and WSS edge: serves the page, checks tokens, and brokers peer connections.
//!
//! Frames and keystrokes never pass through here. [`start`] is what the direct mode runs inside the
//! agent, over an in-memory link to its one host; [`serve`] is for a router of many hosts.

pub mod api;
pub mod audit;
pub mod auth;
pub mod broker;
pub mod bus;
pub mod config;
pub mod error;
pub mod link;
pub mod logs;
pub mod net;
mod run;
pub mod tls;

pub use api::sessions::HostFacts;
pub use config::Config;
pub use run::{Place, Running, serve, start};
