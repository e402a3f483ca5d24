//! The viewer's half of the binding signature, written from `signaling-spec/README.md` alone.

use anyhow::{Context as _, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signaling_spec::{Fingerprint, Rights, Sdp};

/// What one session is bound to, as the viewer knows it.
#[derive(Clone, Debug)]
pub struct Bound {
    pub sid: String,
    pub host_id: String,
    pub host_fp: String,
    pub viewer_fp: String,
    pub viewer_nonce: String,
    pub rights: Rights,
    pub iat: u64,
}

impl Bound {
    pub fn bytes(&self) -> Vec<u8> {
        let names: Vec<&str> = self.rights.iter().map(signaling_spec::Right::name).collect();
        let mut names = names;
        names.sort_unstable();
        let hash = digest(&SHA256, names.join(",").as_bytes());
        let iat = self.iat.to_string();
        let fields: [&[u8]; 8] = [
            b"removid-bind-v1",
            self.sid.as_bytes(),
            self.host_id.as_bytes(),
            self.host_fp.as_bytes(),
            self.viewer_fp.as_bytes(),
            self.viewer_nonce.as_bytes(),
            hash.as_ref(),
            iat.as_bytes(),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }

    /// # Errors
    /// The key is not the one that the link names, the signature is not over these facts, or the answer's
    /// certificate is another one.
    pub fn verify(
        &self,
        link_key: &str,
        host_pub: &str,
        signature: &str,
        answer: &Sdp,
    ) -> anyhow::Result<()> {
        let key = URL_SAFE_NO_PAD
            .decode(host_pub)
            .context("the host's key is not base64url")?;
        ensure!(key.len() == 32, "the host's key is not one of Ed25519");
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, &key));
        ensure!(hash == link_key, "this is not the host that the link names");
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .context("the signature is not base64url")?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(&self.bytes(), &signature)
            .map_err(|_| anyhow::anyhow!("the host's signature is not over this session"))?;
        let lines = answer
            .0
            .lines()
            .filter_map(|line| line.trim_end().strip_prefix("a=fingerprint:sha-256 "));
        let mut any = false;
        for line in lines {
            any = true;
            ensure!(
                line.eq_ignore_ascii_case(&self.host_fp),
                "the answer has another certificate"
            );
        }
        ensure!(
            any && Fingerprint::of_sdp(answer).is_ok(),
            "the answer has no certificate"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use signaling_spec::Right;

    use super::*;

    fn fp(byte: u8) -> String {
        Fingerprint::from_digest(&[byte; 32]).as_str().to_owned()
    }

    struct Case {
        bound: Bound,
        link_key: String,
        host_pub: String,
        signature: String,
        answer: Sdp,
    }

    impl Case {
        fn new() -> Self {
            let key = Ed25519KeyPair::generate().unwrap();
            let bound = Bound {
                sid: "s".repeat(22),
                host_id: "host".to_owned(),
                host_fp: fp(1),
                viewer_fp: fp(2),
                viewer_nonce: "n".repeat(22),
                rights: Rights::view_only(),
                iat: 1_700_000_000,
            };
            let public = key.public_key().as_ref().to_vec();
            Self {
                link_key: URL_SAFE_NO_PAD.encode(digest(&SHA256, &public)),
                host_pub: URL_SAFE_NO_PAD.encode(public),
                signature: URL_SAFE_NO_PAD.encode(key.sign(&bound.bytes())),
                answer: Sdp(format!("v=0\r\na=fingerprint:sha-256 {}\r\n", bound.host_fp)),
                bound,
            }
        }

        fn is_taken(&self) -> bool {
            let done = self
                .bound
                .verify(&self.link_key, &self.host_pub, &self.signature, &self.answer);
            done.is_ok()
        }
    }

    #[test]
    fn an_honest_router_is_believed() {
        assert!(Case::new().is_taken());
    }

    #[test]
    fn a_router_that_changes_anything_is_found_out() {
        type Change = fn(&mut Case);
        let changes: [(&str, Change); 14] = [
            ("sid", |case| case.bound.sid.replace_range(..1, "t")),
            ("host id", |case| case.bound.host_id.push('x')),
            ("host certificate", |case| case.bound.host_fp = fp(3)),
            ("both host certificates", |case| {
                case.bound.host_fp = fp(3);
                case.answer = Sdp(format!("a=fingerprint:sha-256 {}\r\n", fp(3)));
            }),
            ("viewer certificate", |case| case.bound.viewer_fp = fp(3)),
            ("nonce", |case| case.bound.viewer_nonce.push('x')),
            ("rights", |case| {
                case.bound.rights = [Right::View, Right::InputKeyboard].into_iter().collect()
            }),
            ("no rights", |case| case.bound.rights = Rights::default()),
            ("time", |case| case.bound.iat += 1),
            ("shifted bounds", |case| {
                let first = case.bound.host_id.remove(0);
                case.bound.sid.push(first);
            }),
            ("another host's key", |case| case.host_pub = Case::new().host_pub),
            ("another host, whole", |case| {
                let other = Case::new();
                (case.host_pub, case.signature) = (other.host_pub, other.signature);
            }),
            ("a second certificate", |case| {
                case.answer
                    .0
                    .push_str(&format!("a=fingerprint:sha-256 {}\r\n", fp(3)));
            }),
            ("no certificate", |case| case.answer = Sdp("v=0\r\n".to_owned())),
        ];
        for (what, change) in changes {
            let mut case = Case::new();
            change(&mut case);
            assert!(!case.is_taken(), "{what}");
        }
        for at in 0..64 {
            let mut case = Case::new();
            let mut signature = URL_SAFE_NO_PAD.decode(&case.signature).unwrap();
            signature[at] ^= 1;
            case.signature = URL_SAFE_NO_PAD.encode(signature);
            assert!(!case.is_taken(), "byte {at} of the signature");
        }
    }
}
