//! Where connections come in: TLS and ICE over TCP on one port, told apart by the first byte, or a proxy's Unix socket.

pub(crate) mod accept;
mod bind;
mod drain;
mod front;
mod limits;

pub use accept::{Ends, RawHandler, serve_raw};
pub use bind::Listener;
pub use drain::{Drain, Drainer, drain};
pub use front::Front;
pub use limits::{Calls, Failures, place};
