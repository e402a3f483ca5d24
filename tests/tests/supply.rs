//! What `deny.toml` says about our dependencies, checked from `cargo metadata`: no network, no other tool.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tests::root;

fn rules() -> toml::Table {
    toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap()
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(args)
        .args(["--locked", "--offline", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Every package that a build can reach, on every target and with every feature. `cargo metadata` alone
/// names what an optional dependency *could* bring, too; `cargo tree` knows what it does.
fn packages() -> Vec<Value> {
    let own = ["Cargo.toml", "oracle/Cargo.toml"];
    own.into_iter().flat_map(packages_of).collect()
}

fn packages_of(manifest: &str) -> Vec<Value> {
    let tree = cargo(&[
        "tree",
        "--workspace",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--manifest-path",
        manifest,
    ]);
    let reached: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let metadata = cargo(&["metadata", "--format-version", "1", "--manifest-path", manifest]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let named = metadata["packages"].as_array().unwrap();
    let packages: Vec<Value> = named
        .iter()
        .filter(|package| {
            reached.contains(&(
                package["name"].as_str().unwrap(),
                package["version"].as_str().unwrap(),
            ))
        })
        .cloned()
        .collect();
    assert!(reached.len() > 100);
    assert_eq!(
        packages.len(),
        reached.len(),
        "a package of the tree has no metadata"
    );
    packages
}

fn texts(list: &toml::Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

#[test]
fn banned_crates_are_not_there() {
    let rules = rules();
    let banned: Vec<&str> = rules["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| ban["crate"].as_str().unwrap())
        .collect();
    assert!(!banned.is_empty());
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        assert!(
            !banned.contains(&name),
            "{name} is banned; `cargo tree --all-features -i {name}` tells who brought it"
        );
    }
}

#[test]
fn licences_are_on_the_list() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or("(none)");
        assert!(
            permitted(licence, &allowed),
            "{} is licensed as {licence}",
            package["name"]
        );
    }
}

#[test]
fn sources_are_known() {
    let rules = rules();
    assert_eq!(rules["sources"]["unknown-git"].as_str(), Some("deny"));
    let known = texts(&rules["sources"]["allow-registry"]);
    for package in packages() {
        // Members of the workspace have none.
        let Some(source) = package["source"].as_str() else {
            assert!(
                package["publish"].as_array().is_some_and(Vec::is_empty),
                "{} has no source and is not ours",
                package["name"]
            );
            continue;
        };
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        assert!(
            known.contains(&registry),
            "{} comes from {source}",
            package["name"]
        );
    }
}

#[test]
fn the_list_of_reasons_is_complete() {
    let manifest: toml::Table =
        toml::from_str(&std::fs::read_to_string(root().join("Cargo.toml")).unwrap()).unwrap();
    let reasons = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let named: BTreeSet<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|names| names.split(", "))
        .collect();
    for (name, value) in manifest["workspace"]["dependencies"].as_table().unwrap() {
        if value.get("path").is_none() {
            assert!(
                named.contains(name.as_str()),
                "docs/dependencies.md has no line for {name}"
            );
        }
    }
}

/// An SPDX expression: `OR` needs one side, `AND` both; `/` is an old way to write `OR`.
fn permitted(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let ok = any(&mut words, allowed);
    assert!(words.is_empty(), "{expression:?} is no licence expression");
    ok
}

fn any(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut ok = every(words, allowed);
    while words.pop_if(|word| *word == "OR").is_some() {
        ok |= every(words, allowed);
    }
    ok
}

fn every(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let mut ok = one(words, allowed);
    while words.pop_if(|word| *word == "AND").is_some() {
        ok &= one(words, allowed);
    }
    ok
}

fn one(words: &mut Vec<&str>, allowed: &[&str]) -> bool {
    let word = words.pop().unwrap_or_default();
    if word == "(" {
        let ok = any(words, allowed);
        assert_eq!(words.pop(), Some(")"));
        return ok;
    }
    match words.pop_if(|word| *word == "WITH") {
        Some(_) => {
            let exception = words.pop().unwrap_or_default();
            allowed.contains(&format!("{word} WITH {exception}").as_str())
        }
        None => allowed.contains(&word),
    }
}

#[test]
fn licence_expressions_are_read_right() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "GPL-3.0/MIT",
        "MIT AND (GPL-3.0 OR ISC)",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(permitted(good, &allowed), "{good}");
    }
    for bad in [
        "GPL-3.0",
        "GPL-3.0 AND MIT",
        "MIT AND (GPL-3.0 OR LGPL-2.1)",
        "Apache-2.0",
        "(none)",
        "(MIT OR GPL-3.0) AND GPL-3.0",
    ] {
        assert!(!permitted(bad, &allowed), "{bad}");
    }
}
