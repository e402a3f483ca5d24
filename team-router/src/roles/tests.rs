//! Roles merged: what one gives, what another takes, and that the strictest counts.

use proptest::prelude::*;

use super::*;

fn labels(text: &str) -> Labels {
    serde_json::from_str(text).unwrap()
}

fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

const VIEW_DEV: &str = r#"{"allow": {"labels": {"env": ["dev"]}}, "rights": {"view": true, "sound": true}}"#;

#[test]
fn nobody_may_anything_without_a_role() {
    assert_eq!(
        decide([].iter(), &labels(r#"{"env": "dev"}"#)),
        Decision::denied()
    );
    assert_eq!(
        decide([Role::default()].iter(), &labels("{}")),
        Decision::denied()
    );
    assert_eq!(
        decide([role(r#"{"rights": {"view": true}}"#)].iter(), &labels("{}")),
        Decision::denied(),
        "a role without labels covers nothing"
    );
}

#[test]
fn every_label_must_fit() {
    let both =
        role(r#"{"allow": {"labels": {"env": ["dev", "test"], "os": ["*"]}}, "rights": {"view": true}}"#);
    for (text, sees) in [
        (r#"{"env": "dev", "os": "debian"}"#, true),
        (r#"{"env": "test", "os": "x"}"#, true),
        (r#"{"env": "prod", "os": "x"}"#, false),
        (r#"{"env": "dev"}"#, false),
    ] {
        let decision = decide(std::iter::once(&both), &labels(text));
        assert_eq!(decision.rights.has(Right::View), sees, "{text}");
    }
    assert_eq!(
        decide([Role::everything()].iter(), &labels("{}")).rights,
        Rights::all(),
        "a star covers hosts without labels"
    );
}

#[test]
fn one_role_that_takes_a_right_wins() {
    let quiet = role(r#"{"allow": {"labels": {"*": ["*"]}}, "rights": {"sound": false}, "max_session": 60}"#);
    let decision = decide([role(VIEW_DEV), quiet].iter(), &labels(r#"{"env": "dev"}"#));
    assert_eq!(decision.rights, Rights::view_only());
    assert_eq!(decision.max_session, 60);
}

#[test]
fn a_denied_host_is_denied_by_every_role() {
    let no_prod = role(r#"{"deny": {"labels": {"env": ["prod"]}}}"#);
    let roles = [Role::everything(), no_prod];
    assert_eq!(
        decide(roles.iter(), &labels(r#"{"env": "prod"}"#)),
        Decision::denied()
    );
    assert_eq!(
        decide(roles.iter(), &labels(r#"{"env": "dev"}"#)).rights,
        Rights::all()
    );
}

#[test]
fn an_option_that_is_not_built_is_refused() {
    for text in [
        r#"{"rights": {"usb": true}}"#,
        r#"{"record": "strict"}"#,
        r#"{"allow": {"labels": {}, "logins": ["root"]}}"#,
        r#"{"require_session_mfa": "password"}"#,
        r#"{"require_session_mfa": true}"#,
        r#"{"max_session": 0}"#,
        r#"{"max_session": -1}"#,
        r#"{"share": "yes"}"#,
        r#"{"host_consent": "sometimes"}"#,
        r#"{"host_consent": null}"#,
        r#"{"host_consent": true}"#,
    ] {
        assert!(Role::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_strictest_factor_counts() {
    let dev = labels(r#"{"env": "dev"}"#);
    let needs = |factor: &str, env: &str| {
        role(&format!(
            r#"{{"allow": {{"labels": {{"env": ["{env}"]}}}}, "require_session_mfa": "{factor}"}}"#
        ))
    };
    let view = role(VIEW_DEV);
    let decided = |roles: &[Role]| decide(roles.iter().chain([&view]), &dev).factor;
    assert_eq!(decided(&[]), Factor::Off);
    assert_eq!(decided(&[needs("step_up", "dev")]), Factor::StepUp);
    assert_eq!(
        decided(&[needs("webauthn", "dev"), needs("step_up", "dev")]),
        Factor::Webauthn
    );
    assert_eq!(decided(&[needs("off", "dev")]), Factor::Off);
    assert_eq!(
        decided(&[needs("webauthn", "prod")]),
        Factor::Off,
        "of another host"
    );
    let text = serde_json::to_string(&needs("step_up", "dev")).unwrap();
    assert_eq!(Role::parse(&text).unwrap(), needs("step_up", "dev"));
    for factor in [Factor::Off, Factor::StepUp, Factor::Webauthn] {
        assert_eq!(Factor::parse(factor.name()), Some(factor));
    }
}

#[test]
fn one_role_that_wants_the_audit_log_is_enough() {
    let dev = labels(r#"{"env": "dev"}"#);
    let wants = |env: &str| {
        role(&format!(
            r#"{{"allow": {{"labels": {{"env": ["{env}"]}}}}, "require_audit": true}}"#
        ))
    };
    let decided = |roles: &[Role]| decide(roles.iter().chain([&role(VIEW_DEV)]), &dev).audited;
    assert!(!decided(&[]) && !decided(&[wants("prod")]));
    assert!(decided(&[wants("dev")]));
    assert_eq!(
        Role::parse(&serde_json::to_string(&wants("dev")).unwrap()).unwrap(),
        wants("dev")
    );
    assert!(Role::parse(r#"{"require_audit": "strict"}"#).is_err());
}

#[test]
fn the_strictest_consent_counts() {
    let dev = labels(r#"{"env": "dev"}"#);
    let asks = |name: &str, env: &str| {
        role(&format!(
            r#"{{"allow": {{"labels": {{"env": ["{env}"]}}}}, "host_consent": "{name}"}}"#
        ))
    };
    let view = role(VIEW_DEV);
    let decided = |roles: &[Role]| decide(roles.iter().chain([&view]), &dev).consent;
    assert_eq!(decided(&[]), None);
    assert_eq!(decided(&[asks("none", "dev")]), None);
    assert_eq!(decided(&[asks("notify", "dev")]), Some(Consent::Notify));
    assert_eq!(
        decided(&[asks("ask", "dev"), asks("notify", "dev"), asks("none", "dev")]),
        Some(Consent::Ask)
    );
    assert_eq!(decided(&[asks("ask", "prod")]), None, "of another host");
    for name in consents() {
        let text = serde_json::to_string(&asks(name, "dev")).unwrap();
        assert_eq!(Role::parse(&text).unwrap(), asks(name, "dev"), "{text}");
    }
}

#[test]
fn sharing_is_given_and_taken_as_rights_are() {
    let dev = labels(r#"{"env": "dev"}"#);
    let shares = |share: bool, env: &str| {
        role(&format!(
            r#"{{"allow": {{"labels": {{"env": ["{env}"]}}}}, "share": {share}}}"#
        ))
    };
    let view = role(VIEW_DEV);
    let may = |roles: &[Role]| decide(roles.iter().chain([&view]), &dev).share;
    assert!(!may(&[]));
    assert!(may(&[shares(true, "dev")]));
    assert!(!may(&[shares(true, "prod")]), "of another host");
    assert!(!may(&[shares(true, "dev"), shares(false, "dev")]));
    assert!(
        !decide([shares(true, "dev")].iter(), &dev).share,
        "without the right to see"
    );
}

fn any_role() -> impl Strategy<Value = Role> {
    let selector = || {
        proptest::collection::btree_map(
            prop_oneof!["a", "b", "\\*"],
            proptest::collection::btree_set(prop_oneof!["1", "2", "\\*"], 1..3),
            0..3,
        )
        .prop_map(|labels| Covers { labels })
    };
    (
        selector(),
        proptest::option::of(selector()),
        proptest::collection::btree_map(
            proptest::sample::select(Right::ALL.to_vec()),
            any::<bool>(),
            0..11,
        ),
        proptest::option::of(1..100_000u64),
        proptest::sample::select(vec![Factor::Off, Factor::StepUp, Factor::Webauthn]),
        any::<Option<bool>>(),
        proptest::sample::select(vec![None, Some(Consent::Notify), Some(Consent::Ask)]),
        any::<bool>(),
    )
        .prop_map(
            |(allow, deny, rights, max_session, require_session_mfa, share, host_consent, require_audit)| {
                Role {
                    require_audit,
                    allow,
                    deny,
                    rights,
                    max_session,
                    require_session_mfa,
                    share,
                    host_consent,
                    admin: false,
                    audit: false,
                }
            },
        )
}

proptest! {
    /// Another role can take any right; it can add one only if it says so itself, and nothing to a denied host.
    #[test]
    fn a_further_role_gives_only_what_it_names(
        roles in proptest::collection::vec(any_role(), 0..4),
        more in any_role(),
        labels in proptest::collection::btree_map(prop_oneof!["a", "b"], prop_oneof!["1", "2"], 0..3),
    ) {
        let before = decide(roles.iter(), &labels);
        let after = decide(roles.iter().chain([&more]), &labels);
        for right in Right::ALL {
            if after.rights.has(right) && !before.rights.has(right) {
                let named = roles.iter().chain([&more]).any(|role| role.rights.get(&right) == Some(&true));
                prop_assert!(named);
                prop_assert!(more.allow.covers(&labels));
            }
            if roles.iter().any(|role| role.allow.covers(&labels) && role.rights.get(&right) == Some(&false)) {
                prop_assert!(!after.rights.has(right));
            }
        }
        if roles.iter().any(|role| role.denies(&labels)) {
            prop_assert_eq!(after, Decision::denied());
        } else if before.rights.has(Right::View) && after.rights.has(Right::View) {
            prop_assert!(after.max_session <= before.max_session);
            prop_assert!(after.factor >= before.factor);
            prop_assert!(after.consent >= before.consent);
            let covering = more.allow.covers(&labels);
            prop_assert!(!(covering && more.share == Some(false) && after.share));
            prop_assert!(before.share || !after.share || covering && more.share == Some(true));
        }
    }

    /// The order of roles says nothing.
    #[test]
    fn order_does_not_matter(
        roles in proptest::collection::vec(any_role(), 0..5),
        labels in proptest::collection::btree_map(prop_oneof!["a", "b"], prop_oneof!["1", "2"], 0..3),
    ) {
        prop_assert_eq!(decide(roles.iter(), &labels), decide(roles.iter().rev(), &labels));
    }
}
