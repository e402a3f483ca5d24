//! The one listening port: TLS and ICE over TCP, told apart by the first byte.

mod accept;
mod limits;

pub(crate) use accept::Ends;
pub use accept::{Listener, RawHandler};
pub(crate) use limits::Failures;
