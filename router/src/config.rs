//! What a router needs to be told. Direct mode builds it from its flags; it is checked before it gets here.

use std::net::SocketAddr;
use std::path::PathBuf;

use signaling_spec::IceServer;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen for HTTPS, WSS and ICE over TCP. Port 0 picks one.
    pub listen: SocketAddr,
    /// Origins of other sites that may embed this host, as a browser writes them (RFC 6454).
    pub origins: Vec<String>,
    /// The address that browsers use when a proxy stands in front, e.g. `https://desk.example.org`.
    pub public_url: Option<String>,
    /// STUN and TURN servers for viewers.
    pub ice_servers: Vec<IceServer>,
    /// Serve the page from here instead of from the binary, to work on it.
    pub assets_dir: Option<PathBuf>,
}
