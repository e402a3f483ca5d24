//! An OpenID provider that lies on demand. It speaks HTTP on loopback, as much of it as a router asks for.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use router::auth::direct::unix_now;
use router::auth::sha256;
use router::auth::signed::Signer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// How the next login is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    OtherIssuer,
    OtherAudience,
    TwoAudiences,
    NoAudience,
    OtherNonce,
    NoNonce,
    Expired,
    NoExpiry,
    NoSubject,
    FromTheFuture,
    /// Signed by a key that the provider does not publish, under the name of one that it does.
    ForgedKey,
    /// Signed by a key of a name that the provider does not publish.
    UnknownKey,
    /// `alg: none`, without a signature.
    Unsigned,
    /// HMAC with the public key as its secret.
    Confused,
    /// The signature of another token.
    OtherSignature,
    NoIdToken,
    NotJson,
    Huge,
    /// They proved who they are an hour ago, and not since.
    OldProof,
    NoProof,
    ProofToCome,
    /// Ada's name and address, whoever it is; providers let people choose both.
    AdasName,
    /// Whoever it is has another address now; this is no lie, and works.
    NewAddress,
    /// The key is another than a moment ago; this is no lie, and works.
    NewKey,
}

#[derive(Debug)]
struct State {
    lie: Lie,
    /// How strongly it says that people prove who they are (`acr`).
    acr: Option<Value>,
    keys: Vec<Key>,
    /// By code: what the login was begun with.
    codes: BTreeMap<String, Begun>,
    asked: u32,
    codes_given: u32,
}

#[derive(Clone, Debug)]
struct Key {
    signer: Signer,
    public: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Begun {
    nonce: String,
    challenge: String,
    subject: String,
    groups: Vec<String>,
    /// The provider's own session with that browser.
    sid: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    dir: std::path::PathBuf,
    state: Arc<Mutex<State>>,
}

pub(crate) const CLIENT: &str = "removid";

fn key(dir: &Path, name: &str) -> Key {
    let (signer, public) = Signer::open(&dir.join(name)).unwrap();
    Key { signer, public }
}

impl Provider {
    pub(crate) async fn start(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State {
            lie: Lie::None,
            acr: None,
            keys: vec![key(dir, "provider-key")],
            codes: BTreeMap::new(),
            asked: 0,
            codes_given: 0,
        };
        let provider = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            dir: dir.to_owned(),
            state: Arc::new(Mutex::new(state)),
        };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.answer(stream).await });
            }
        });
        provider
    }

    pub(crate) fn strength(&self, acr: Option<Value>) {
        self.state.lock().unwrap().acr = acr;
    }

    pub(crate) fn lie(&self, lie: Lie) {
        let mut state = self.state.lock().unwrap();
        state.lie = lie;
        if lie == Lie::NewKey {
            state.keys = vec![key(&self.dir, "provider-key-2")];
        }
    }

    /// How often a code was traded.
    pub(crate) fn asked(&self) -> u32 {
        self.state.lock().unwrap().asked
    }

    /// What happens at the provider's own pages: somebody logs in there, and gets a code for the address that the
    /// router sent them with.
    pub(crate) fn log_in(&self, authorize: &str, subject: &str, groups: &[&str]) -> String {
        let fields = query(authorize);
        assert_eq!(fields["response_type"], "code", "{authorize}");
        assert_eq!(fields["code_challenge_method"], "S256", "{authorize}");
        assert_eq!(fields["client_id"], CLIENT);
        let code = B64.encode(router::auth::random_bytes::<12>());
        let begun = Begun {
            nonce: fields["nonce"].clone(),
            challenge: fields["code_challenge"].clone(),
            subject: subject.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            sid: format!("sid-{subject}-{}", self.state.lock().unwrap().codes_given),
        };
        self.state.lock().unwrap().codes_given += 1;
        self.state.lock().unwrap().codes.insert(code.clone(), begun);
        code
    }

    /// A logout token (OpenID Connect Back-Channel Logout 1.0), with whatever was changed in it.
    pub(crate) fn logout(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "iat": unix_now(), "exp": unix_now() + 120,
            "jti": B64.encode(router::auth::random_bytes::<12>()),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        change(&mut claims);
        self.state.lock().unwrap().keys[0]
            .signer
            .sign("logout+jwt", &claims)
            .unwrap()
    }

    /// Signs whatever it is, with the provider's key or another.
    pub(crate) fn sign(&self, honest: bool, kind: &str, claims: &Value) -> String {
        let (forger, _) = Signer::open(&self.dir.join("forger")).unwrap();
        let state = self.state.lock().unwrap();
        let by = if honest { &state.keys[0].signer } else { &forger };
        by.sign(kind, claims).unwrap()
    }

    async fn answer(&self, mut stream: tokio::net::TcpStream) {
        let mut text = String::new();
        let mut some = [0; 8192];
        let (head, body) = loop {
            let Ok(n @ 1..) = stream.read(&mut some).await else {
                return;
            };
            text += &String::from_utf8_lossy(&some[..n]);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                break (head.to_owned(), body.to_owned());
            }
        };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, answer) = self.respond(&path, &body);
        let response = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        );
        let _ = stream.write_all(response.as_bytes()).await;
    }

    fn respond(&self, path: &str, body: &str) -> (&'static str, String) {
        let issuer = &self.issuer;
        match path {
            "/.well-known/openid-configuration" => (
                "200 OK",
                json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/jwks"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["EdDSA", "RS256"],
                    "authorization_response_iss_parameter_supported": true,
                    "end_session_endpoint": format!("{issuer}/logout"),
                })
                .to_string(),
            ),
            "/jwks" => {
                let keys: Vec<Value> = self
                    .state
                    .lock()
                    .unwrap()
                    .keys
                    .iter()
                    .map(|key| {
                        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                            "kid": key.signer.kid(), "x": B64.encode(&key.public) })
                    })
                    .collect();
                ("200 OK", json!({ "keys": keys }).to_string())
            }
            "/token" => self.trade(body),
            _ => ("404 Not Found", "{}".to_owned()),
        }
    }

    fn trade(&self, body: &str) -> (&'static str, String) {
        let fields = query(&format!("?{body}"));
        let mut state = self.state.lock().unwrap();
        state.asked += 1;
        let refused = ("400 Bad Request", json!({ "error": "invalid_grant" }).to_string());
        let Some(begun) = fields.get("code").and_then(|code| state.codes.remove(code)) else {
            return refused;
        };
        let verifier = fields.get("code_verifier").cloned().unwrap_or_default();
        if B64.encode(sha256(verifier.as_bytes())) != begun.challenge {
            return refused;
        }
        match state.lie {
            Lie::NotJson => return ("200 OK", "<html>".to_owned()),
            Lie::Huge => return ("200 OK", " ".repeat(2_000_000)),
            _ => {}
        }
        let token = self.id_token(&state, &begun);
        let mut answer =
            json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token });
        if state.lie == Lie::NoIdToken {
            answer.as_object_mut().unwrap().remove("id_token");
        }
        ("200 OK", answer.to_string())
    }

    fn id_token(&self, state: &State, begun: &Begun) -> String {
        let now = unix_now();
        let mut claims = json!({
            "iss": self.issuer, "sub": begun.subject, "aud": CLIENT, "nonce": begun.nonce,
            "iat": now, "exp": now + 60, "auth_time": now - 5,
            "name": begun.subject.to_uppercase(), "email": format!("{}@example.org", begun.subject),
            "groups": begun.groups, "sid": begun.sid,
        });
        let fields = claims.as_object_mut().unwrap();
        if let Some(acr) = &state.acr {
            fields.insert("acr".to_owned(), acr.clone());
        }
        match state.lie {
            Lie::OtherIssuer => fields["iss"] = json!("https://login.example.org"),
            Lie::OtherAudience => fields["aud"] = json!("another-client"),
            Lie::TwoAudiences => fields["aud"] = json!([CLIENT, "another-client"]),
            Lie::NoAudience => drop(fields.remove("aud")),
            Lie::OtherNonce => fields["nonce"] = json!("bm9uY2U"),
            Lie::NoNonce => drop(fields.remove("nonce")),
            Lie::Expired => fields["exp"] = json!(now - 600),
            Lie::NoExpiry => drop(fields.remove("exp")),
            Lie::NoSubject => drop(fields.remove("sub")),
            Lie::AdasName => {
                fields["name"] = json!("ADA");
                fields["email"] = json!("ada@example.org");
                fields.insert("preferred_username".to_owned(), json!("ada"));
            }
            Lie::NewAddress => fields["email"] = json!("new@example.org"),
            Lie::OldProof => fields["auth_time"] = json!(now - 3600),
            Lie::NoProof => drop(fields.remove("auth_time")),
            Lie::ProofToCome => fields["auth_time"] = json!(now + 3600),
            Lie::FromTheFuture => {
                fields["iat"] = json!(now + 7200);
                fields["exp"] = json!(now + 10_800);
            }
            _ => {}
        }
        let honest = &state.keys[0].signer;
        let signed = honest.sign("JWT", &claims).unwrap();
        let part = |value: &Value| B64.encode(value.to_string());
        match state.lie {
            Lie::ForgedKey => {
                let (forger, _) = Signer::open(&self.dir.join("forger")).unwrap();
                let forged = forger.sign("JWT", &claims).unwrap();
                // The honest header, and a signature by another key over what it says.
                let header = signed.split('.').next().unwrap();
                let rest = forged.split_once('.').unwrap().1;
                format!("{header}.{rest}")
            }
            Lie::UnknownKey => {
                let (forger, _) = Signer::open(&self.dir.join("forger")).unwrap();
                forger.sign("JWT", &claims).unwrap()
            }
            Lie::Unsigned => format!(
                "{}.{}.",
                part(&json!({ "alg": "none", "typ": "JWT" })),
                part(&claims)
            ),
            Lie::Confused => {
                let header = json!({ "alg": "HS256", "typ": "JWT", "kid": honest.kid() });
                let text = format!("{}.{}", part(&header), part(&claims));
                let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &state.keys[0].public);
                format!(
                    "{text}.{}",
                    B64.encode(aws_lc_rs::hmac::sign(&secret, text.as_bytes()))
                )
            }
            Lie::OtherSignature => {
                let other = honest.sign("JWT", &json!({ "sub": "nobody" })).unwrap();
                let (text, _) = signed.rsplit_once('.').unwrap();
                format!("{text}.{}", other.rsplit('.').next().unwrap())
            }
            _ => signed,
        }
    }
}

/// The fields of an address's query.
pub(crate) fn query(url: &str) -> BTreeMap<String, String> {
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decode(value)))
        .collect()
}

/// Percent-encoding (RFC 3986 §2.1), and the plus of forms.
fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap()
}
