//! What a person's roles permit on a host: default deny; one role that denies wins; limits take the least.
//!
//! Pure. A role covers the hosts whose labels it allows, without those whose labels it denies. A right is given when one
//! of the covering roles gives it and none takes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use signaling_spec::claims::Consent;
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
    /// `true`: may ask others onto the host for a while; `false` takes that, whatever other roles say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<bool>,
    /// What the person at the host is owed before a session begins; the strictest of all covering roles counts.
    #[serde(with = "consent", skip_serializing_if = "Option::is_none")]
    pub host_consent: Option<Consent>,
    /// `true`: nobody comes in, and nobody stays, while the audit log cannot be written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_audit: bool,
    /// May change roles, hosts and locks, and read the audit log. Not bound to hosts.
    pub admin: bool,
    /// May read the audit log, as administrators may, and no more.
    pub audit: bool,
}

/// Consent by its names in a role: nothing has one, too, so that a role can say it.
mod consent {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use signaling_spec::claims::Consent;

    pub(super) const NAMES: [(&str, Option<Consent>); 3] = [
        ("none", None),
        ("notify", Some(Consent::Notify)),
        ("ask", Some(Consent::Ask)),
    ];

    pub(super) fn serialize<S: Serializer>(consent: &Option<Consent>, to: S) -> Result<S::Ok, S::Error> {
        let name = NAMES.iter().find(|(_, known)| known == consent);
        name.map(|(name, _)| *name).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Consent>, D::Error> {
        let said = String::deserialize(from)?;
        let known = NAMES.iter().find(|(name, _)| *name == said);
        let unknown = || D::Error::custom("host_consent is none, notify or ask");
        known.map(|(_, consent)| *consent).ok_or_else(unknown)
    }
}

/// The names of what a role may ask for at the host, the least strict first.
pub fn consents() -> [&'static str; 3] {
    consent::NAMES.map(|(name, _)| name)
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
    /// What the person at the host is owed before a session begins.
    pub consent: Option<Consent>,
    /// Only while the audit log can be written.
    pub audited: bool,
    /// May ask others onto it.
    pub share: bool,
    /// When a share ends that it rests on, in seconds since 1970.
    pub until: Option<u64>,
}

impl Decision {
    /// Nothing.
    pub fn denied() -> Self {
        Self {
            rights: Rights::default(),
            max_session: 0,
            factor: Factor::Off,
            consent: None,
            audited: false,
            share: false,
            until: None,
        }
    }
}

/// What a person's roles say of one host, before it is known whether that is enough to come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Everything is denied, whatever anybody else gives.
    pub denied: bool,
    pub given: Rights,
    /// Whatever anybody else gives, not these.
    pub taken: Rights,
    pub max_session: u64,
    pub factor: Factor,
    pub consent: Option<Consent>,
    pub audited: bool,
    pub share: bool,
}

/// Merges a person's roles for one host.
pub fn merge<'a>(roles: impl Iterator<Item = &'a Role> + Clone, labels: &Labels) -> Said {
    let covering = roles.filter(|role| role.allow.covers(labels) || role.denies(labels));
    let named = |wanted: bool| -> Rights {
        let all = covering.clone().flat_map(|role| &role.rights);
        all.filter(|(_, given)| **given == wanted)
            .map(|(right, _)| *right)
            .collect()
    };
    let (given, taken) = (named(true), named(false));
    let mut shares = covering.clone().filter_map(|role| role.share).peekable();
    Said {
        denied: covering.clone().any(|role| role.denies(labels)),
        given: given.iter().filter(|right| !taken.has(*right)).collect(),
        taken,
        max_session: covering
            .clone()
            .filter_map(|role| role.max_session)
            .fold(LONGEST_SESSION, u64::min),
        factor: covering
            .clone()
            .map(|role| role.require_session_mfa)
            .max()
            .unwrap_or_default(),
        audited: covering.clone().any(|role| role.require_audit),
        share: shares.peek().is_some() && shares.all(|share| share),
        consent: covering.map(|role| role.host_consent).max().flatten(),
    }
}

impl Said {
    /// What may be done by these roles alone: nothing without the right to see.
    pub fn alone(self) -> Decision {
        if self.denied || !self.given.has(Right::View) {
            return Decision::denied();
        }
        Decision {
            rights: self.given,
            max_session: self.max_session,
            factor: self.factor,
            consent: self.consent,
            audited: self.audited,
            share: self.share,
            until: None,
        }
    }
}

/// What a person's roles alone permit on one host.
pub fn decide<'a>(roles: impl Iterator<Item = &'a Role> + Clone, labels: &Labels) -> Decision {
    merge(roles, labels).alone()
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
            share: Some(true),
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
#[path = "roles/tests.rs"]
mod tests;
