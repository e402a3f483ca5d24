//! What is read out of an ID token, and when a step-up is one.

use super::*;

#[test]
fn a_step_up_is_fresh_and_as_strong_as_configured() {
    let openid = |acr_values: &[&str]| {
        let config = Provider {
            id: "corp".to_owned(),
            name: "Corp".to_owned(),
            issuer: "https://login.example.org".to_owned(),
            client_id: "removid".to_owned(),
            client_secret_file: "/dev/null".into(),
            scopes: vec!["openid".to_owned()],
            groups_claim: "groups".to_owned(),
            acr_values: acr_values.iter().map(|acr| (*acr).to_owned()).collect(),
            end_session: true,
            ca_file: None,
        };
        OpenId::new(config, "https://desk.example.org/").unwrap()
    };
    let known = |auth_time: Option<u64>, acr: Option<&str>| Known {
        subject: "ada".to_owned(),
        name: String::new(),
        email: String::new(),
        groups: vec![],
        auth_time,
        acr: acr.map(str::to_owned),
        sid: String::new(),
    };
    let now = unix_now();
    let (any, strong) = (openid(&[]), openid(&["mfa", "phr"]));
    assert!(any.is_stepped_up(&known(Some(now), None), now));
    assert!(
        any.is_stepped_up(&known(Some(now - 30), None), now),
        "clocks differ a little"
    );
    assert!(
        !any.is_stepped_up(&known(Some(now - 90), None), now),
        "before it was asked"
    );
    assert!(!any.is_stepped_up(&known(Some(now + 90), None), now));
    assert!(!any.is_stepped_up(&known(None, Some("mfa")), now));
    assert!(strong.is_stepped_up(&known(Some(now), Some("phr")), now));
    assert!(!strong.is_stepped_up(&known(Some(now), Some("pwd")), now));
    assert!(!strong.is_stepped_up(&known(Some(now), None), now));
    assert!(!strong.is_stepped_up(&known(Some(now - 90), Some("mfa")), now));
}

#[test]
fn groups_are_a_list_or_one() {
    let claims = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
    assert_eq!(
        groups(&claims(r#"{"groups": ["dev", "ops", 7, ""]}"#), "groups"),
        ["dev", "ops"]
    );
    assert_eq!(groups(&claims(r#"{"groups": "dev"}"#), "groups"), ["dev"]);
    assert!(groups(&claims(r#"{"groups": {"dev": true}}"#), "groups").is_empty());
    assert!(groups(&claims("{}"), "groups").is_empty());
    let nested = claims(r#"{"realm_access": {"roles": ["dev"]}, "https://a.b/groups": "ops", "a": 1}"#);
    assert_eq!(groups(&nested, "realm_access.roles"), ["dev"]);
    assert_eq!(groups(&nested, "https://a.b/groups"), ["ops"]);
    assert!(groups(&nested, "a.b.c").is_empty());
    assert!(groups(&nested, "").is_empty());
}
