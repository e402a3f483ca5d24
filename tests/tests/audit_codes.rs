//! The table of audit codes and the code that writes events agree, both ways, code by code and field by field.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use team_router::audit::codes::{By, CODES, markdown};
use tests::{File, files, root};

/// The inside of the brackets that open at the end of `text[..at]`.
fn bracketed(text: &str, at: usize) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (offset, c) in text[at..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '{' | '[' if !quoted => depth += 1,
            ')' | '}' | ']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return &text[at..at + offset];
                }
            }
            _ => {}
        }
    }
    panic!("brackets do not close: {}", &text[at..at + 60]);
}

/// The arguments of a call, parted at its own commas.
fn arguments(inside: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut parts) = (0, false, vec![String::new()]);
    for c in inside.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '{' | '[' if !quoted => depth += 1,
            ')' | '}' | ']' if !quoted => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 && !quoted {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
    }
    parts
        .iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

fn sources() -> Vec<File> {
    let writes = |file: &File| {
        let rust = std::path::Path::new(&file.path)
            .extension()
            .is_some_and(|ext| ext == "rs");
        let room = ["router/src/", "team-router/src/", "host-agent/src/"];
        rust && room.iter().any(|room| file.path.starts_with(room))
            && file.path != "router/src/audit.rs"
            && !file.path.starts_with("team-router/src/audit/codes/")
            && !file.path.ends_with("tests.rs")
    };
    files().unwrap().into_iter().filter(writes).collect()
}

#[test]
fn every_event_has_a_row_and_every_row_an_event() {
    let mut seen = BTreeSet::new();
    for File { path, text } in sources() {
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for (at, _) in text.match_indices("audit!(") {
            let parts = arguments(bracketed(text, at + "audit!(".len()));
            let code = parts[0].trim_matches('"');
            let row = CODES
                .iter()
                .find(|row| row.code == code)
                .unwrap_or_else(|| panic!("{path} writes {code}, which is not in the table"));
            let agent = path.starts_with("host-agent/");
            assert!(
                row.by != if agent { By::Router } else { By::Agent },
                "{path}: who writes {code}?"
            );
            seen.insert(row.code);
            for field in parts[1..].iter().filter(|part| !part.starts_with('"')) {
                let name = field
                    .split('=')
                    .next()
                    .unwrap()
                    .trim()
                    .trim_start_matches(['%', '?']);
                // The row would lose its code to it.
                assert_ne!(name, "code", "{path}: {code} has a field of that name");
                assert!(row.fields.contains(&name), "{path}: {code} has no field {name}");
            }
        }
        for (at, _) in text.match_indices("\"RMV") {
            let code = &text[at + 1..at + 9];
            let row = CODES.iter().find(|row| row.code == code);
            seen.insert(
                row.unwrap_or_else(|| panic!("{path} names {code}, which is not in the table"))
                    .code,
            );
        }
    }
    let all: BTreeSet<&str> = CODES.iter().map(|row| row.code).collect();
    let unwritten: Vec<&&str> = all.difference(&seen).collect();
    assert!(unwritten.is_empty(), "nothing writes {unwritten:?}");
    assert!(seen.len() > 40, "the sources are no longer read");
}

#[test]
fn the_table_is_in_order_and_each_code_is_one() {
    for pair in CODES.windows(2) {
        assert!(
            pair[0].code < pair[1].code,
            "{} stands before {}",
            pair[0].code,
            pair[1].code
        );
    }
    for row in CODES {
        let (digits, letter) = row.code.strip_prefix("RMV").unwrap().split_at(4);
        assert!(
            digits.bytes().all(|b| b.is_ascii_digit()) && ["I", "W"].contains(&letter),
            "{}",
            row.code
        );
        let same = CODES.iter().filter(|other| other.name == row.name).count();
        assert_eq!(same, 1, "{} is the name of two codes", row.name);
    }
}

#[test]
fn the_page_for_people_is_the_table() {
    let text = std::fs::read_to_string(root().join("docs/audit.md")).unwrap();
    assert!(
        text == markdown(),
        "docs/audit.md has drifted; run: cargo run -p xtask -- codegen"
    );
}
