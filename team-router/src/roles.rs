//! What a person's roles permit on a host: default deny; one role that denies wins; limits take the least.
//!
//! Pure. A role covers the hosts whose labels it allows, without those whose labels it denies. A right is given when one
//! of the covering roles gives it and none takes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use signaling_spec::{Right, Rights};

/// Labels of a host, as `{"env": "prod"}`.
pub type Labels = BTreeMap<String, String>;

/// Labels that a role looks for: each must be there with one of the values; `*` is any value.
pub type Selector = BTreeMap<String, BTreeSet<String>>;

/// The longest that a session lasts, whatever roles say: a long working day.
pub const LONGEST_SESSION: u64 = 12 * 3600;
const MAX_LABELS: usize = 32;
const MAX_TEXT: usize = 64;

/// What somebody must give beside their login before a session begins. The later ones are stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Nothing.
    #[default]
    Off,
    /// The provider has asked them again, minutes ago.
    StepUp,
    /// A passkey that is registered here, for this very session.
    Webauthn,
}

impl Factor {
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::StepUp => "step_up",
            Self::Webauthn => "webauthn",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Off, Self::StepUp, Self::Webauthn]
            .into_iter()
            .find(|factor| factor.name() == name)
    }

    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// A role as it is written. An option that is not built is refused, never ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Role {
    /// The hosts that it covers.
    pub allow: Covers,
    /// Of these, the hosts to which it denies everything, whatever other roles say.
    pub deny: Option<Covers>,
    /// `true` gives the right, `false` takes it, whatever other roles say; a right that is not named is left alone.
    pub rights: BTreeMap<Right, bool>,
    /// Seconds; the least of all covering roles counts.
    pub max_session: Option<u64>,
    /// The strictest of all covering roles counts.
    #[serde(skip_serializing_if = "Factor::is_off")]
    pub require_session_mfa: Factor,
    /// May change roles, hosts and locks, and read the audit log. Not bound to hosts.
    pub admin: bool,
    /// May read the audit log, as administrators may, and no more.
    pub audit: bool,
}

/// See [`Selector`]. Without a label it covers no host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    pub labels: Selector,
}

impl Covers {
    fn covers(&self, labels: &Labels) -> bool {
        let fits = |(name, values): (&String, &BTreeSet<String>)| {
            values.contains("*") && (name == "*" || labels.contains_key(name))
                || labels.get(name).is_some_and(|value| values.contains(value))
        };
        !self.labels.is_empty() && self.labels.iter().all(fits)
    }
}

/// What somebody may do on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub rights: Rights,
    /// Seconds that a session may last.
    pub max_session: u64,
    /// What is to be given for each session.
    pub factor: Factor,
}

impl Decision {
    /// Nothing.
    pub fn denied() -> Self {
        Self {
            rights: Rights::default(),
            max_session: 0,
            factor: Factor::Off,
        }
    }
}

/// Merges a person's roles for one host.
pub fn decide<'a>(roles: impl Iterator<Item = &'a Role> + Clone, labels: &Labels) -> Decision {
    let covering = roles.filter(|role| role.allow.covers(labels) || role.denies(labels));
    if covering.clone().any(|role| role.denies(labels)) {
        return Decision::denied();
    }
    let given = |right: &Right| {
        let mut said = covering
            .clone()
            .filter_map(|role| role.rights.get(right))
            .peekable();
        said.peek().is_some() && said.all(|given| *given)
    };
    let rights: Rights = Right::ALL.into_iter().filter(|right| given(right)).collect();
    if !rights.has(Right::View) {
        return Decision::denied();
    }
    let factor = covering
        .clone()
        .map(|role| role.require_session_mfa)
        .max()
        .unwrap_or_default();
    let max_session = covering
        .filter_map(|role| role.max_session)
        .fold(LONGEST_SESSION, u64::min);
    Decision {
        rights,
        max_session,
        factor,
    }
}

impl Role {
    fn denies(&self, labels: &Labels) -> bool {
        self.deny.as_ref().is_some_and(|deny| deny.covers(labels))
    }

    /// Everything on every host, and administration.
    pub fn administrator() -> Self {
        Self {
            admin: true,
            ..Self::everything()
        }
    }

    /// Everything on every host.
    pub fn everything() -> Self {
        Self {
            allow: Covers {
                labels: [("*".to_owned(), ["*".to_owned()].into())].into(),
            },
            rights: Right::ALL.into_iter().map(|right| (right, true)).collect(),
            ..Self::default()
        }
    }

    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(json: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        // A list of a struct's fields in their order would do for serde.
        let objects = [Some(&value), value.get("allow"), value.get("deny")];
        if objects.into_iter().flatten().any(serde_json::Value::is_array) {
            return Err("a role is an object, and so are its `allow` and `deny`".to_owned());
        }
        // Not from the value: that forgot what was written twice.
        let role: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if role.max_session == Some(0) {
            return Err("max_session is at least one second".to_owned());
        }
        Ok(role)
    }
}

/// Whether these can be a host's labels.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_labels(labels: &Labels) -> Result<(), String> {
    if labels.len() > MAX_LABELS {
        return Err(format!("a host has at most {MAX_LABELS} labels"));
    }
    let good = |text: &str| {
        !text.is_empty()
            && text.len() <= MAX_TEXT
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
    };
    match labels.iter().find(|(name, value)| !good(name) || !good(value)) {
        None => Ok(()),
        Some((name, value)) => Err(format!(
            "the label {name:?}={value:?} is not made of 1 to {MAX_TEXT} letters, digits and -_./"
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Labels {
        serde_json::from_str(text).unwrap()
    }

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    const VIEW_DEV: &str =
        r#"{"allow": {"labels": {"env": ["dev"]}}, "rights": {"view": true, "sound": true}}"#;

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
        let quiet =
            role(r#"{"allow": {"labels": {"*": ["*"]}}, "rights": {"sound": false}, "max_session": 60}"#);
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
        )
            .prop_map(|(allow, deny, rights, max_session, require_session_mfa)| Role {
                allow,
                deny,
                rights,
                max_session,
                require_session_mfa,
                admin: false,
                audit: false,
            })
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
}
