//! Tokens that somebody else signs (JWT, RFC 7519), by one of the keys that they publish (JWK set, RFC 7517).
//!
//! The algorithm is one of three that need a public key, and belongs to the kind of the key; the key is one of the
//! set, never one that the token brings or points to. What the claims mean is left to the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::token::TokenError;

/// A longer token is not looked at.
const MAX_BYTES: usize = 8192;
/// What a header may say without changing what the token means.
const PLAIN: [&str; 5] = ["alg", "typ", "kid", "x5t", "x5t#S256"];

/// The claims of a token of that type, with the right signature, issuer and audience, whose time is not over. Two
/// claims of one name are refused.
///
/// # Errors
/// It is no such token.
pub fn verify(
    token: &str,
    kinds: &[&str],
    keys: &Value,
    issuer: &str,
    audience: &str,
) -> Result<Map<String, Value>, TokenError> {
    if token.len() > MAX_BYTES {
        return Err(TokenError::TooLong);
    }
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Shape)?;
    let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| TokenError::Header)?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    let plain = header.keys().all(|name| PLAIN.contains(&name.as_str()));
    let kind = text("typ").is_none_or(|kind| kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)));
    if !plain || !kind {
        return Err(TokenError::Header);
    }
    let algorithm = match text("alg") {
        Some("RS256") => Algorithm::RS256,
        Some("ES256") => Algorithm::ES256,
        Some("EdDSA") => Algorithm::EdDSA,
        _ => return Err(TokenError::Header),
    };
    let key = key(keys, text("kid"), algorithm)?;
    let mut rules = Validation::new(algorithm);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["iss", "aud"]);
    rules.validate_exp = true;
    rules.validate_nbf = true;
    let decoded =
        jsonwebtoken::decode::<Map<String, Value>>(token, &key, &rules).map_err(TokenError::Invalid)?;
    Ok(decoded.claims)
}

/// The key of that name; without a name, the only one of its kind.
fn key(keys: &Value, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, TokenError> {
    let fits = |key: &Jwk| {
        let kind = matches!(
            (&key.algorithm, algorithm),
            (AlgorithmParameters::RSA(_), Algorithm::RS256)
                | (AlgorithmParameters::EllipticCurve(_), Algorithm::ES256)
                | (AlgorithmParameters::OctetKeyPair(_), Algorithm::EdDSA)
        );
        kind && kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid))
    };
    let signs = |key: &&Value| key.get("use").is_none_or(|usage| usage == "sig");
    let mut found = keys["keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(signs)
        .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok())
        .filter(fits);
    let (Some(first), None) = (found.next(), found.next()) else {
        return Err(TokenError::UnknownKey);
    };
    DecodingKey::from_jwk(&first).map_err(TokenError::Invalid)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;
    use crate::auth::signed::Signer;

    fn signer() -> (Signer, Value) {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_ref().to_vec();
        let signer = Signer::new(pair.to_pkcs8().unwrap().as_ref(), &public);
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "kid": signer.kid(), "x": URL_SAFE_NO_PAD.encode(public) });
        (signer, key)
    }

    #[test]
    fn a_key_of_the_set_signs_and_no_other() {
        let ((signer, mine), (other, theirs)) = (signer(), signer());
        let claims = json!({ "iss": "https://a", "aud": "me", "n": 1 });
        let read = |token: &str, keys: &Value| verify(token, &["logout+jwt"], keys, "https://a", "me");
        let token = signer.sign("logout+jwt", &claims).unwrap();
        let set = json!({ "keys": [theirs, mine] });
        assert_eq!(read(&token, &set).unwrap()["n"], 1);
        assert!(read(&token, &json!({ "keys": [theirs] })).is_err());
        assert!(read(&token, &json!({})).is_err());
        let mut sealed = mine.clone();
        sealed["use"] = json!("enc");
        assert!(read(&token, &json!({ "keys": [sealed] })).is_err());
        assert!(
            read(&signer.sign("at+jwt", &claims).unwrap(), &set).is_err(),
            "of another kind"
        );
        assert!(
            read(
                &other.sign("logout+jwt", &claims).unwrap(),
                &json!({ "keys": [mine] })
            )
            .is_err()
        );
        for (name, value) in [
            ("iss", json!("https://b")),
            ("aud", json!("you")),
            ("exp", json!(1)),
            ("nbf", json!(9_999_999_999_u64)),
        ] {
            let mut bad = claims.clone();
            bad[name] = value;
            let token = signer.sign("logout+jwt", &bad).unwrap();
            assert!(read(&token, &set).is_err(), "{name}");
        }
        let none = |header: Value| {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&header), part(&claims))
        };
        assert!(read(&none(json!({ "alg": "none" })), &set).is_err());
        for strange in ["crit", "jku", "jwk", "x5u", "zip", "b64"] {
            let (_, rest) = token.split_once('.').unwrap();
            let header = json!({ "alg": "EdDSA", "kid": signer.kid(), strange: "x" });
            let header = URL_SAFE_NO_PAD.encode(header.to_string());
            assert!(
                matches!(read(&format!("{header}.{rest}"), &set), Err(TokenError::Header)),
                "{strange}"
            );
        }
        for bad in ["", ".", "..", "a.b.c", &"a".repeat(MAX_BYTES + 1)] {
            assert!(read(bad, &set).is_err(), "{bad:.9}");
        }
    }
}
