//! Roles against Cedar: random roles as its policies, and for every right the same answer. Cedar's evaluator is proven
//! (cedarpolicy.com); ours is short.
#![cfg(test)]

#[path = "../../team-router/src/roles.rs"]
pub mod roles;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cedar_policy::{Authorizer, Context, Decision as Says, Entities, EntityUid, PolicySet, Request};
use proptest::prelude::*;
use roles::{Covers, Role, decide};
use serde_json::json;
use signaling_spec::Right;

fn any_selector() -> impl Strategy<Value = Covers> {
    let names = prop_oneof!["a", "b", "\\*"];
    let values = proptest::collection::btree_set(prop_oneof!["1", "2", "\\*"], 0..3);
    proptest::collection::btree_map(names, values, 0..3).prop_map(|labels| Covers { labels })
}

/// What Cedar can say, too: hosts and rights.
fn any_role() -> impl Strategy<Value = Role> {
    let rights = proptest::collection::btree_map(
        proptest::sample::select(Right::ALL.to_vec()),
        any::<bool>(),
        0..11,
    );
    let selectors = (any_selector(), proptest::option::of(any_selector()));
    (selectors, rights).prop_map(|((allow, deny), rights)| Role {
        allow,
        deny,
        rights,
        ..Role::default()
    })
}

/// A selector as a condition. A host has a label of any name for the name `*`, if any value will do.
fn condition(covers: &Covers) -> String {
    if covers.labels.is_empty() {
        return "false".to_owned();
    }
    let one = |(name, values): (&String, &BTreeSet<String>)| {
        if values.contains("*") && name == "*" {
            return "true".to_owned();
        }
        let there = format!("resource.labels has {name:?}");
        if values.contains("*") {
            return format!("({there})");
        }
        let any = format!("{values:?}").replace('{', "[").replace('}', "]");
        format!("({there} && {any}.contains(resource.labels[{name:?}]))")
    };
    covers.labels.iter().map(one).collect::<Vec<_>>().join(" && ")
}

/// A role: it permits what it gives and forbids what it takes where it covers, and everything where it denies.
fn policies(number: usize, role: &Role) -> String {
    let who = format!("principal in Role::\"{number}\"");
    let deny = role.deny.as_ref().map_or_else(|| "false".to_owned(), condition);
    let covers = format!("({}) || ({deny})", condition(&role.allow));
    let mut text = format!("forbid({who}, action, resource) when {{ {deny} }};\n");
    for (right, given) in &role.rights {
        let effect = if *given { "permit" } else { "forbid" };
        let action = right.name();
        let _ = writeln!(
            text,
            "{effect}({who}, action == Action::\"{action}\", resource) when {{ {covers} }};"
        );
    }
    text
}

fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Somebody has some of the roles that there are.
    #[test]
    fn cedar_says_the_same_of_every_right(
        all in proptest::collection::vec((any_role(), any::<bool>()), 0..6),
        labels in proptest::collection::btree_map(prop_oneof!["a", "b"], prop_oneof!["1", "2"], 0..3),
    ) {
        let written: Vec<String> = all.iter().enumerate().map(|(n, (role, _))| policies(n, role)).collect();
        let written: PolicySet = written.concat().parse().unwrap();
        let has = all.iter().enumerate().filter(|(_, (_, has))| *has);
        let parents: Vec<_> = has.map(|(n, _)| json!({ "type": "Role", "id": n.to_string() })).collect();
        let entities = json!([
            { "uid": { "type": "User", "id": "ada" }, "attrs": {}, "parents": parents },
            { "uid": { "type": "Host", "id": "box" }, "attrs": { "labels": labels }, "parents": [] },
        ]);
        let entities = Entities::from_json_value(entities, None).unwrap();
        let asks = |right: Right| {
            let action = uid(&format!("Action::\"{}\"", right.name()));
            let request = Request::new(uid("User::\"ada\""), action, uid("Host::\"box\""), Context::empty(), None);
            let answer = Authorizer::new().is_authorized(&request.unwrap(), &written, &entities);
            let wrong: Vec<_> = answer.diagnostics().errors().collect();
            assert!(wrong.is_empty(), "{wrong:?}");
            answer.decision() == Says::Allow
        };
        let mine = decide(all.iter().filter(|(_, has)| *has).map(|(role, _)| role), &labels);
        // Without the right to see there is none.
        let sees = asks(Right::View);
        for right in Right::ALL {
            prop_assert_eq!(mine.rights.has(right), sees && asks(right), "{}", right.name());
        }
    }
}
