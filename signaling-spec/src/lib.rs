//! The words that viewer, router and host say to each other.
//!
//! This crate is the contract: types, limits and (de)serialisation, and nothing else. No sockets, no
//! async, no clock. Every message has cases in `vectors/`, and both this crate and `web-client/` must
//! accept and refuse exactly what those files say. `README.md` tells who may say what, and when.

pub mod api;
pub mod channel;
pub mod claims;
mod ids;
pub mod limits;
mod needs;
mod object;
mod rights;
mod sdp;
mod signal;

pub use ids::{HostId, KeyHash, Negotiation, SessionId, TokenId, ViewerId};
pub use object::Object;
pub use rights::{Right, Rights};
pub use sdp::{Fingerprint, FingerprintError, Sdp};
pub use signal::{
    DecodeError, EndReason, EventField, HOST_EVENTS, IceServer, Link, Refusal, Signal, ViewerCaps, mac_bytes,
};
