//! The token wrapper's attack matrix: each attack is refused, and its honest twin is accepted.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use proptest::prelude::*;
use router::auth::token::{KEY_BYTES, Key, Tokens};
use serde_json::{Value, json};
use signaling_spec::claims::{ACCESS_TYPE, AccessClaims};
use signaling_spec::{Right, Rights, TokenId};

const NOW: u64 = 1_800_000_000;

fn key(byte: u8) -> Key {
    Key::from_bytes(format!("k{byte}"), vec![byte; KEY_BYTES]).unwrap()
}
fn tokens() -> Tokens {
    Tokens::new(vec![key(1), key(2)], "removid-direct", "host-a")
}
fn claims() -> Value {
    json!({ "iss": "removid-direct", "aud": "host-a", "sub": "me", "jti": "t1",
            "iat": NOW, "nbf": NOW, "exp": NOW + 60, "rights": ["view"] })
}
fn header() -> Value {
    json!({ "alg": "HS512", "typ": ACCESS_TYPE, "kid": "k1" })
}
fn hmac(algorithm: aws_lc_rs::hmac::Algorithm, secret: &[u8], input: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(algorithm, secret);
    B64.encode(aws_lc_rs::hmac::sign(&key, input.as_bytes()))
}
/// Signs whatever it is given, with the right key.
fn signed(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let signature = hmac(aws_lc_rs::hmac::HMAC_SHA512, &[1; KEY_BYTES], &input);
    format!("{input}.{signature}")
}
fn with(mut value: Value, name: &str, to: Value) -> String {
    value[name] = to;
    value.to_string()
}
fn without(mut value: Value, name: &str) -> String {
    value.as_object_mut().unwrap().remove(name);
    value.to_string()
}

#[test]
fn the_honest_twin_is_accepted() {
    let made = AccessClaims {
        iss: "removid-direct".into(),
        aud: "host-a".into(),
        sub: "me".into(),
        jti: TokenId("t1".into()),
        iat: NOW,
        nbf: NOW,
        exp: NOW + 60,
        rights: Rights::view_only(),
    };
    let tokens = tokens();
    assert_eq!(tokens.verify(&tokens.mint(&made).unwrap(), NOW).unwrap(), made);
    assert_eq!(
        tokens
            .verify(&signed(&header().to_string(), &claims().to_string()), NOW)
            .unwrap(),
        made
    );
    // A key that no longer signs still verifies until it is dropped.
    let older = Tokens::new(vec![key(2)], "removid-direct", "host-a")
        .mint(&made)
        .unwrap();
    assert_eq!(tokens.verify(&older, NOW).unwrap(), made);
    // Five seconds between two clocks are forgiven, in both directions.
    let token = signed(&header().to_string(), &claims().to_string());
    assert!(tokens.verify(&token, NOW - 5).is_ok() && tokens.verify(&token, NOW + 64).is_ok());
}

fn attacks() -> Vec<(String, String)> {
    let (h, c) = (header(), claims());
    let (hs, cs) = (h.to_string(), c.to_string());
    let good = signed(&hs, &cs);
    let parts: Vec<&str> = good.split('.').collect();
    let mut list: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| list.push((name.to_owned(), token));

    for (name, token) in [
        ("empty", String::new()),
        ("one part", parts[0].to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.x")),
        ("empty signature", format!("{}.{}.", parts[0], parts[1])),
        ("padding", format!("{}==.{}.{}", parts[0], parts[1], parts[2])),
        (
            "standard alphabet",
            format!("{}.{}.{}+", parts[0], parts[1], parts[2]),
        ),
        ("blank before", format!(" {good}")),
        ("newline after", format!("{good}\n")),
        ("header not JSON", signed("{", &cs)),
        ("header a list", signed("[]", &cs)),
        ("header null", signed("null", &cs)),
        ("claims not JSON", signed(&hs, "{")),
        ("claims a list", signed(&hs, "[]")),
        ("another token's signature", {
            let other = signed(&hs, &with(claims(), "sub", json!("you")));
            format!("{}.{}.{}", parts[0], parts[1], other.split('.').nth(2).unwrap())
        }),
        (
            "signature cut",
            format!("{}.{}.{}", parts[0], parts[1], &parts[2][..parts[2].len() - 4]),
        ),
        ("too long", format!("{good}{}", "A".repeat(5000))),
    ] {
        add(name, token);
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "hs512", "RS256", "RS512", "ES256", "EdDSA",
        "PS512", "",
    ] {
        let forged = with(header(), "alg", json!(alg));
        add(&format!("alg {alg}, well signed"), signed(&forged, &cs));
        add(
            &format!("alg {alg}, not signed"),
            format!("{}.{}.", B64.encode(&forged), parts[1]),
        );
    }
    for (name, algorithm) in [
        ("HS256", aws_lc_rs::hmac::HMAC_SHA256),
        ("HS384", aws_lc_rs::hmac::HMAC_SHA384),
    ] {
        let input = format!("{}.{}", B64.encode(with(header(), "alg", json!(name))), parts[1]);
        add(
            &format!("{name} with the same key"),
            format!("{input}.{}", hmac(algorithm, &[1; KEY_BYTES], &input)),
        );
        let input = format!("{}.{}", parts[0], parts[1]);
        add(
            &format!("{name} under an HS512 header"),
            format!("{input}.{}", hmac(algorithm, &[1; KEY_BYTES], &input)),
        );
    }
    for (name, secret) in [
        ("the empty key", vec![]),
        ("another key", vec![9; KEY_BYTES]),
        ("a known kid, the other key", vec![2; KEY_BYTES]),
    ] {
        let input = format!("{}.{}", parts[0], parts[1]);
        add(
            name,
            format!("{input}.{}", hmac(aws_lc_rs::hmac::HMAC_SHA512, &secret, &input)),
        );
    }
    for typ in ["JWT", "at+jwt", "rmv-grant+jwt", "", "RMV-ACCESS+JWT"] {
        add(
            &format!("typ {typ}"),
            signed(&with(header(), "typ", json!(typ)), &cs),
        );
    }
    for kid in [
        json!("k9"),
        json!(""),
        json!("../k1"),
        json!("k1\u{0}"),
        json!(1),
        json!(null),
        json!(["k1"]),
    ] {
        add(&format!("kid {kid}"), signed(&with(header(), "kid", kid), &cs));
    }
    for name in ["alg", "typ", "kid"] {
        add(
            &format!("header without {name}"),
            signed(&without(header(), name), &cs),
        );
    }
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jku", json!("https://evil.example/keys")),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("enc", json!("A128GCM")),
    ] {
        add(
            &format!("header with {name}"),
            signed(&with(header(), name, value), &cs),
        );
    }
    add(
        "header member twice",
        signed(
            r#"{"alg":"HS512","alg":"HS512","typ":"rmv-access+jwt","kid":"k1"}"#,
            &cs,
        ),
    );
    for name in ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "rights"] {
        add(&format!("no {name}"), signed(&hs, &without(claims(), name)));
        add(
            &format!("{name} null"),
            signed(&hs, &with(claims(), name, json!(null))),
        );
        add(
            &format!("{name} an object"),
            signed(&hs, &with(claims(), name, json!({}))),
        );
    }
    for aud in [
        json!("host-b"),
        json!(""),
        json!(["host-a"]),
        json!(["host-b", "host-a"]),
        json!(7),
        json!("HOST-A"),
    ] {
        add(&format!("aud {aud}"), signed(&hs, &with(claims(), "aud", aud)));
    }
    for iss in [
        json!("removid"),
        json!(""),
        json!(["removid-direct"]),
        json!("removid-direct "),
    ] {
        add(&format!("iss {iss}"), signed(&hs, &with(claims(), "iss", iss)));
    }
    for (name, at) in [
        ("nbf", NOW + 6),
        ("nbf", NOW + 600),
        ("iat", NOW + 6),
        ("exp", NOW - 5),
        ("exp", NOW - 30),
        ("exp", 0),
    ] {
        add(
            &format!("{name} at {at}"),
            signed(&hs, &with(claims(), name, json!(at))),
        );
    }
    for exp in [
        json!("1800000060"),
        json!(1e30),
        json!(-1),
        json!(NOW as f64 + 60.5),
    ] {
        add(&format!("exp {exp}"), signed(&hs, &with(claims(), "exp", exp)));
    }
    for rights in [
        json!("view"),
        json!(["root"]),
        json!(["VIEW"]),
        json!([1]),
        json!({ "view": true }),
    ] {
        add(
            &format!("rights {rights}"),
            signed(&hs, &with(claims(), "rights", rights)),
        );
    }
    add(
        "an unknown claim",
        signed(&hs, &with(claims(), "admin", json!(true))),
    );
    let twice = cs.replacen('{', r#"{"rights":["view","input_keyboard"],"#, 1);
    add("a claim twice", signed(&hs, &twice));
    list
}

#[test]
fn every_attack_is_refused() {
    let tokens = tokens();
    let attacks = attacks();
    assert!(attacks.len() >= 100, "only {} attacks", attacks.len());
    let accepted: Vec<&String> = attacks
        .iter()
        .filter(|(_, token)| tokens.verify(token, NOW).is_ok())
        .map(|(name, _)| name)
        .collect();
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
}

#[test]
fn no_right_comes_from_nowhere() {
    let tokens = tokens();
    let empty = tokens
        .verify(
            &signed(&header().to_string(), &with(claims(), "rights", json!([]))),
            NOW,
        )
        .unwrap();
    assert!(Right::ALL.into_iter().all(|right| !empty.rights.has(right)));
}

#[test]
fn keys_stay_out_of_debug_output() {
    assert!(!format!("{:?}", tokens()).contains("1, 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut token = signed(&header().to_string(), &claims().to_string()).into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != to);
        // The last character of a base64 part has spare bits; the decoder must refuse non-zero ones.
        token[at] = to;
        if let Ok(text) = String::from_utf8(token) {
            prop_assert!(tokens().verify(&text, NOW).is_err());
        }
    }
}
