//! The bytes that a host signs to tie its key to one session's two certificates, or to the key that follows it.
//!
//! The layout is the one of `signaling-spec/README.md`: fields in a fixed order, each preceded by its
//! length as a 32-bit big-endian number, so that no two different sessions give the same bytes.

use signaling_spec::{Fingerprint, HostId, SessionId};

/// What both ends must agree on. `rights_hash` is SHA-256 over [`signaling_spec::Rights::canonical`].
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    pub sid: &'a SessionId,
    pub host_id: &'a HostId,
    pub host_fp: &'a Fingerprint,
    pub viewer_fp: &'a Fingerprint,
    pub viewer_nonce: &'a str,
    pub rights_hash: &'a [u8; 32],
    /// Seconds since 1970.
    pub iat: u64,
}

impl Binding<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let iat = self.iat.to_string();
        let fields: [&[u8]; 8] = [
            b"removid-bind-v1",
            self.sid.0.as_bytes(),
            self.host_id.0.as_bytes(),
            self.host_fp.as_str().as_bytes(),
            self.viewer_fp.as_str().as_bytes(),
            self.viewer_nonce.as_bytes(),
            self.rights_hash,
            iat.as_bytes(),
        ];
        framed(&fields)
    }
}

/// What both of a host's keys sign when one follows the other.
pub fn succession(host_id: &HostId, old_pub: &str, new_pub: &str, iat: u64) -> Vec<u8> {
    framed(&[
        b"removid-succession-v1",
        host_id.0.as_bytes(),
        old_pub.as_bytes(),
        new_pub.as_bytes(),
        iat.to_string().as_bytes(),
    ])
}

fn framed(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    for field in fields {
        let len = u32::try_from(field.len()).expect("fields are limited far below 4 GiB when decoded");
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}
