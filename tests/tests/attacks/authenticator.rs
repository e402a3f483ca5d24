//! An authenticator of our own, with a browser before it: honest, or with one thing wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use router::auth::{random_bytes, sha256};
use serde_json::{Value, json};

/// What is wrong with the next answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    None,
    /// A page of another site relays the prompt.
    OtherOrigin,
    /// Made for another site.
    OtherSite,
    /// Nobody touched it.
    NoPresence,
    /// It did not ask for finger, face or PIN.
    NoVerification,
    /// The challenge of another ceremony.
    OtherChallenge,
    /// Signed by another key.
    OtherKey,
    /// The signature of something else.
    OtherSignature,
    /// An answer to the other kind of prompt.
    OtherKind,
    /// It counts less than it did.
    Copied,
    /// Another credential's name over this one's signature.
    OtherName,
    NoSignature,
}

pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    counter: u32,
    origin: String,
    /// What the router calls the account.
    handle: Option<String>,
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const MADE: u8 = 0x40;

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()
}

impl Authenticator {
    pub(crate) fn new(origin: &str) -> Self {
        Self {
            key: key(),
            id: random_bytes::<16>().to_vec(),
            counter: 0,
            origin: origin.to_owned(),
            handle: None,
        }
    }

    pub(crate) fn id(&self) -> String {
        B64.encode(&self.id)
    }

    fn client_data(&self, kind: &str, options: &Value, trick: Trick) -> Vec<u8> {
        let kind = match (trick, kind) {
            (Trick::OtherKind, "webauthn.get") => "webauthn.create",
            (Trick::OtherKind, _) => "webauthn.get",
            (_, kind) => kind,
        };
        let challenge = match trick {
            Trick::OtherChallenge => B64.encode(random_bytes::<32>()),
            _ => options["challenge"].as_str().unwrap().to_owned(),
        };
        let origin = match trick {
            Trick::OtherOrigin => "https://desk.evil.example",
            _ => &self.origin,
        };
        let data = json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn data(&self, site: &str, more: u8, trick: Trick) -> Vec<u8> {
        let site = if trick == Trick::OtherSite {
            "evil.example"
        } else {
            site
        };
        let mut flags = PRESENT | VERIFIED | more;
        if trick == Trick::NoPresence {
            flags &= !PRESENT;
        }
        if trick == Trick::NoVerification {
            flags &= !VERIFIED;
        }
        let mut data = sha256(site.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Makes a passkey (`navigator.credentials.create`), with attestation `none`.
    pub(crate) fn create(&mut self, asked: &Value, trick: Trick) -> Value {
        let options = &asked["options"];
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        self.handle = options["user"]["id"].as_str().map(str::to_owned);
        let mut data = self.data(options["rp"]["id"].as_str().unwrap(), MADE, trick);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        // COSE (RFC 9053 §7.1.1): EC2, ES256, P-256, x, y.
        let public = self.key.public_key().as_ref();
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&public[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&public[33..]);
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(&data);
        json!({ "id": self.id(), "rawId": self.id(), "type": "public-key", "clientExtensionResults": {}, "response": {
            "attestationObject": B64.encode(object),
            "clientDataJSON": B64.encode(self.client_data("webauthn.create", options, trick)),
            "transports": ["internal"],
        } })
    }

    /// Shows the passkey (`navigator.credentials.get`).
    pub(crate) fn get(&mut self, asked: &Value, trick: Trick) -> Value {
        let options = &asked["options"];
        assert_eq!(options["userVerification"], "required");
        if trick == Trick::Copied {
            self.counter -= 1;
        } else {
            self.counter += 1;
        }
        let data = self.data(options["rpId"].as_str().unwrap(), 0, trick);
        let client = self.client_data("webauthn.get", options, trick);
        let mut signed = data.clone();
        signed.extend(sha256(&client));
        if trick == Trick::OtherSignature {
            signed.push(0);
        }
        let other = key();
        let by = if trick == Trick::OtherKey {
            &other
        } else {
            &self.key
        };
        let signature = by.sign(&SystemRandom::new(), &signed).unwrap();
        let signature = if trick == Trick::NoSignature {
            &[]
        } else {
            signature.as_ref()
        };
        let id = match trick {
            Trick::OtherName => B64.encode(random_bytes::<16>()),
            _ => self.id(),
        };
        json!({ "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": {
            "authenticatorData": B64.encode(data),
            "clientDataJSON": B64.encode(client),
            "signature": B64.encode(signature),
            "userHandle": self.handle,
        } })
    }
}
