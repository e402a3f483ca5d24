//! No secret in any log at any level, in any spelling.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use signaling_spec::{Negotiation, Refusal, Sdp, SessionId, Signal};
use tracing_subscriber::fmt::MakeWriter;

use super::world::{NONCE, closed, heard, protocols, say, start};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every way in which a secret might be written.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let url: String = secret
        .iter()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let list: Vec<String> = secret.iter().map(ToString::to_string).collect();
    let mut all = vec![secret.to_vec()];
    all.extend([hex.to_uppercase(), hex, url.to_lowercase(), url, list.join(", ")].map(String::into_bytes));
    all.extend([STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)].map(String::into_bytes));
    all
}

fn holds(log: &[u8], needle: &[u8]) -> bool {
    log.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn a_session_with_every_kind_of_failure_leaves_no_secret_in_the_log() {
    // One thread runs all of this test, so its subscriber sees all of it and nothing else.
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut world = start();
    let keyring = std::fs::read_to_string(world.dir.join("keyring.json")).unwrap();
    let keyring: Value = serde_json::from_str(&keyring).unwrap();
    let key = keyring[0]["key"].as_str().unwrap().to_owned();
    let password = "planted-ice-pwd-4711";
    let sdp = Sdp(format!("v=0\r\na=ice-pwd:{password}\r\n"));

    let (sid, ticket) = world.ticket().await;
    let mut viewer = world.take(&ticket).await.unwrap();
    world.told().await;
    let offer = Signal::SdpOffer {
        sid: SessionId(sid.clone()),
        negotiation: Negotiation(1),
        sdp: sdp.clone(),
        caps: Default::default(),
    };
    say(&mut viewer, offer.encode()).await;
    world.told().await;
    let answer = Signal::SdpAnswer {
        sid: SessionId(sid.clone()),
        negotiation: Negotiation(1),
        sdp,
        bind_sig: "S".repeat(86),
        bind_iat: 0,
    };
    world.host.to_router.send(answer).await.unwrap();
    heard(&mut viewer).await;
    // Failures: a ticket twice, an expired and a cut token, a refused origin, a secret in a broken message.
    assert!(world.take(&ticket).await.is_err());
    let expired = world.signed(|claims| claims.exp = 1_000);
    assert_eq!(world.create(&expired).await.code(), "token_expired");
    assert_eq!(
        world.create(&world.token[..world.token.len() - 1]).await.status,
        401
    );
    let (_, unused) = world.ticket().await;
    assert!(
        world
            .upgrade(&[
                ("Sec-WebSocket-Protocol", &protocols(&unused)),
                ("Origin", "https://evil.example")
            ])
            .await
            .is_err()
    );
    let line = format!("GET /nothing?token={}", world.token);
    assert_eq!(world.request(&line, &[], "").await.status, 404);
    let fields = [
        ("Authorization", format!("Bearer {}", world.token)),
        ("Content-Type", "application/json".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(
        world
            .create_with(
                &fields,
                &json!({ "viewer_fp": world.token, "viewer_nonce": NONCE }).to_string()
            )
            .await
            .status,
        400
    );
    for text in [
        world.token.clone(),
        json!({ "type": "session.end", "sid": sid, "reason": world.token }).to_string(),
        json!({ "type": "sdp.offer", "sid": sid, "negotiation": 1, "sdp": { "pwd": password }, "caps": password }).to_string(),
        json!({ "type": world.token, "sid": sid }).to_string(),
    ] {
        say(&mut viewer, text).await;
        let Signal::Error { code, .. } = heard(&mut viewer).await else { panic!("it was taken") };
        assert!([Refusal::Malformed, Refusal::Unsupported].contains(&code));
    }
    world.store.revoke("permanent").unwrap();
    closed(&mut viewer).await;
    drop(guard);

    let log = captured.0.lock().unwrap().clone();
    assert!(
        holds(&log, b"Session requested") && holds(&log, sid.as_bytes()),
        "the log was captured"
    );
    let key_bytes = URL_SAFE_NO_PAD.decode(&key).unwrap();
    let parts: Vec<&str> = world.token.split('.').collect();
    for (name, secret) in [
        ("token", world.token.as_bytes()),
        ("the token's claims", parts[1].as_bytes()),
        ("the token's signature", parts[2].as_bytes()),
        ("ticket", ticket.as_bytes()),
        ("unused ticket", unused.as_bytes()),
        ("key", &key_bytes),
        ("the key's first half", &key_bytes[..128]),
        ("ICE password", password.as_bytes()),
    ] {
        for spelling in spellings(secret) {
            let line = log
                .split(|b| *b == b'\n')
                .find(|line| holds(line, &spelling))
                .unwrap_or_default();
            assert!(
                line.is_empty(),
                "{name} stands in the log: {}",
                String::from_utf8_lossy(line)
            );
        }
    }
}
