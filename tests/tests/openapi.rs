//! The document of the team router's calls names exactly the calls that there are, and is whole in itself.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(include_str!("../../team-router/openapi.json")).unwrap()
}

/// Paths and methods as the program's table has them.
fn routes() -> BTreeSet<(String, String)> {
    let source = include_str!("../../team-router/src/api.rs");
    let mut found = BTreeSet::new();
    for part in source.split(".route(").skip(1) {
        let path = part.split('"').nth(1).unwrap();
        // Up to where the next call begins.
        let handlers = part.split(path).nth(1).unwrap();
        let handlers = handlers.split(".with_state").next().unwrap();
        for method in ["get", "post", "put", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                found.insert((path.to_owned(), method.to_owned()));
            }
        }
    }
    // Every router has these.
    for path in ["/healthz", "/api/v1/signal"] {
        found.insert((path.to_owned(), "get".to_owned()));
    }
    found
}

#[test]
fn every_call_is_in_it_and_nothing_else() {
    let mut written = BTreeSet::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            written.insert((path.clone(), method.clone()));
        }
    }
    let there = routes();
    assert!(there.len() > 40, "{there:?}");
    assert_eq!(there, written);
}

#[test]
fn what_it_refers_to_is_there() {
    let document = document();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        open.extend(value.as_object().into_iter().flat_map(|object| object.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for methods in document["paths"].as_object().unwrap().values() {
        for call in methods.as_object().unwrap().values() {
            assert!(
                call["summary"]
                    .as_str()
                    .is_some_and(|summary| summary.ends_with('.')),
                "{call}"
            );
            for scheme in call["security"].as_array().unwrap() {
                assert!(
                    scheme
                        .as_object()
                        .unwrap()
                        .keys()
                        .all(|name| schemes.contains_key(name)),
                    "{call}"
                );
            }
        }
    }
}
