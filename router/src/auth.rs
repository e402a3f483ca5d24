//! Who is this, and what may they do.

pub mod direct;
pub mod foreign;
pub mod origin;
pub mod signed;
pub mod token;

pub use token::{TokenError, Tokens};

use signaling_spec::SessionId;
use signaling_spec::claims::AccessClaims;

/// Whoever can tell whether a token opens this host. Asked at every new session, and again while it lives.
pub trait Authority: Send + Sync + std::fmt::Debug {
    /// # Errors
    /// Whatever is not one of our tokens in force.
    fn verify(&self, token: &str) -> Result<AccessClaims, TokenError>;
    /// Whether what a session was opened with is still in force.
    fn still_valid(&self, sid: &SessionId, claims: &AccessClaims) -> bool;
}

/// A random secret of 32 bytes, in base64url.
pub fn random_secret() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random_bytes::<32>())
}

/// Random bytes from the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes, or nothing is safe");
    bytes
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
