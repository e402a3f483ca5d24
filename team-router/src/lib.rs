//! The router of a team: people log in at their provider, see the hosts that their roles give them, and join one.
//!
//! It adds to the library `router` what many hosts and many people need: a store, logins, roles and locks, session
//! grants that hosts verify, and an audit log. Media and input never pass through here either.

pub mod access;
pub mod api;
pub mod audit;
pub mod backup;
pub mod certificate;
pub mod config;
pub mod error;
pub mod frames;
pub mod limits;
pub mod login;
pub mod passkeys;
pub mod roles;
pub mod run;
pub mod shares;
pub mod store;
pub mod turn;
pub mod wishes;

pub use config::Config;
