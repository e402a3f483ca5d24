//! The one listening port: TLS and ICE over TCP, told apart by the first byte.

mod accept;
mod limits;

pub use accept::{Ends, Listener, RawHandler};
pub use limits::Failures;
