//! The rules of `ARCHITECTURE.md` that a machine can check. A rule that is only prose will rot.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Command;

use tests::{File, files, root};

/// A library and the places that may name it, as beginnings of paths.
const FENCES: &[(&str, &[&str])] = &[
    ("gstreamer", &["host-agent/src/media/"]),
    ("gstreamer_app", &["host-agent/src/media/"]),
    ("gstreamer_video", &["host-agent/src/media/"]),
    ("yuv", &["host-agent/src/media/convert.rs"]),
    (
        "str0m",
        &[
            "host-agent/src/transport/str0m",
            "host-agent/src/transport/ice_tcp",
        ],
    ),
    ("quinn_udp", &["host-agent/src/transport/str0m/udp.rs"]),
    ("turn_client_proto", &["host-agent/src/transport/relay/"]),
    ("webrtc", &["host-agent/src/transport/webrtc", "tests/"]),
    ("rtc", &["host-agent/src/transport/webrtc", "tests/"]),
    ("x11rb", &["host-agent/src/x11", "host-agent/tests/", "tests/"]),
    (
        "keycode",
        &["host-agent/src/x11/keys.rs", "host-agent/tests/", "tests/"],
    ),
    ("xkeysym", &["host-agent/src/x11/keymap.rs"]),
    (
        "clap",
        &[
            "host-agent/src/cli.rs",
            "host-agent/src/main.rs",
            "team-router/src/cli.rs",
            "team-router/src/main.rs",
        ],
    ),
    (
        "toml",
        &["host-agent/src/config.rs", "team-router/src/config", "tests/"],
    ),
    ("sqlx", &["team-router/src/store"]),
    ("openidconnect", &["team-router/src/login/oidc"]),
    ("webauthn_rs", &["team-router/src/passkeys.rs"]),
    ("x509_parser", &["team-router/src/certificate.rs"]),
    ("reqwest", &["team-router/src/login/oidc"]),
    ("qrcode", &["host-agent/src/announce.rs"]),
    ("jsonwebtoken", &["router/src/auth/"]),
    ("rcgen", &["router/src/tls.rs", "tests/"]),
    ("hyper", &["router/src/net/", "host-agent/src/uplink/socket.rs"]),
    ("rust_embed", &["router/src/api/assets.rs"]),
    (
        "axum",
        &[
            "router/src/api",
            "router/src/error.rs",
            "router/src/net/accept.rs",
            "router/src/net/front.rs",
            "team-router/src/api",
        ],
    ),
    (
        "router",
        &[
            // Starts it, and holds its port and its keys.
            "host-agent/tests/",
            "host-agent/src/direct",
            // Its rule of what no log may hold.
            "host-agent/src/main.rs",
            "host-agent/src/station",
            "host-agent/src/uplink",
            "team-router/",
            "host-agent/src/identity.rs",
            "host-agent/src/tokens.rs",
            "host-agent/src/announce.rs",
            "host-agent/src/courtesy.rs",
            "host-agent/src/doctor/",
            // Speak with it over the link, the clock of its tokens, and the raw half of its port.
            "host-agent/src/hub",
            "host-agent/src/transport/ice_tcp",
            "host-agent/src/transport/str0m/peer.rs",
            "host-agent/src/transport/webrtc/peer.rs",
            "router/",
            "tests/",
            "fuzz/",
        ],
    ),
];

/// A crate and what must never be below it.
const BANNED: &[(&str, &[&str])] = &[
    (
        "signaling-spec",
        &["tokio", "axum", "tracing", "rand", "aws-lc-rs"],
    ),
    (
        "session-core",
        &[
            "tokio",
            "axum",
            "rand",
            "getrandom",
            "aws-lc-rs",
            "router",
            "host-agent",
        ],
    ),
    ("router", &["gstreamer", "str0m", "webrtc", "x11rb", "host-agent"]),
    (
        "team-router",
        &["gstreamer", "str0m", "webrtc", "x11rb", "host-agent"],
    ),
    (
        "host-agent",
        &[
            "tests",
            "xtask",
            "team-router",
            "sqlx",
            "openidconnect",
            "reqwest",
        ],
    ),
];

/// Where `unsafe` is, each with its reason beside it.
const UNSAFE: &[&str] = &[
    "host-agent/src/desktop/child.rs",
    "host-agent/src/media/ring.rs",
    "host-agent/src/x11/frame.rs",
];

const MAX_LINES: usize = 500;

fn all() -> Vec<File> {
    let files = files().unwrap();
    assert!(files.len() > 100, "this is not the whole repository");
    files
}

fn with(extensions: &[&str]) -> Vec<File> {
    let has = |file: &File| {
        extensions.iter().any(|extension| {
            file.path
                .rsplit_once('.')
                .is_some_and(|(_, ext)| ext == *extension)
        })
    };
    let found: Vec<File> = all().into_iter().filter(has).collect();
    assert!(!found.is_empty(), "no files {extensions:?}");
    found
}

fn production(file: &File) -> &str {
    file.text.split("\n#[cfg(test)]\n").next().unwrap()
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Whether a line of code names that crate: `name::…` at the beginning of a path.
fn names(line: &str, library: &str) -> bool {
    line.match_indices(&format!("{library}::")).any(|(at, _)| {
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'))
    })
}

#[test]
fn every_source_says_what_it_is_for() {
    for file in with(&["rs", "js", "mjs", "sh"]) {
        let mut lines = file.text.lines().filter(|line| !line.starts_with("#!/"));
        let first = lines.next().unwrap_or_default();
        let second = lines.next().unwrap_or_default();
        let words = match file.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("rs") => first.strip_prefix("//! "),
            Some("sh") => first.strip_prefix("# "),
            _ if first == "/**" => second.strip_prefix(" * "),
            _ => first.strip_prefix("/** ").or_else(|| first.strip_prefix("// ")),
        };
        assert!(
            words.is_some_and(|words| words.len() > 10),
            "{} does not begin with what it is for",
            file.path
        );
    }
}

#[test]
fn files_stay_short() {
    for file in with(&["rs", "js", "mjs", "sh", "css"]) {
        let lines = production(&file).lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines; split it by what changes together",
            file.path
        );
    }
}

#[test]
fn libraries_stay_behind_their_fence() {
    let mut named = std::collections::BTreeSet::new();
    for file in with(&["rs"]) {
        for (library, homes) in FENCES {
            if !code(&file.text).any(|line| names(line, library)) {
                continue;
            }
            named.insert(library);
            assert!(
                homes.iter().any(|home| file.path.starts_with(home)),
                "{} names `{library}`, which belongs to {homes:?}",
                file.path
            );
        }
    }
    assert!(
        named.len() > 10,
        "the fences no longer see what they fence: {named:?}"
    );
}

#[test]
fn unsafe_stays_where_it_is_explained() {
    for file in with(&["rs"]) {
        // In pieces, so that this line is none.
        let opens = [
            concat!("unsa", "fe {"),
            concat!("unsa", "fe impl"),
            concat!("unsa", "fe fn"),
        ];
        let used = code(&file.text).any(|line| opens.iter().any(|open| line.contains(open)));
        assert!(
            !used || UNSAFE.contains(&file.path.as_str()),
            "{} has unsafe code",
            file.path
        );
    }
}

#[test]
fn rules_are_not_drivers() {
    for file in with(&["rs"]) {
        let rules =
            file.path.starts_with("session-core/src/") || file.path.starts_with("signaling-spec/src/");
        if rules {
            let drives = |line: &&str| {
                [
                    ".await",
                    "async ",
                    "thread::",
                    "std::net",
                    "std::fs",
                    "Instant::now",
                ]
                .iter()
                .any(|word| line.contains(word))
            };
            let found = code(production(&file)).find(drives);
            assert!(found.is_none(), "{} is a rule, and drives: {found:?}", file.path);
        }
    }
}

#[test]
fn the_core_of_the_page_does_not_know_the_app() {
    for file in with(&["js", "ts"]) {
        if file.path.starts_with("web-client/src/core/") {
            assert!(!file.text.contains("/app/"), "{} names the app", file.path);
        }
    }
}

#[test]
fn the_map_names_every_room() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(
        map.lines().count() <= 250,
        "the map has grown beyond what anybody reads"
    );
    let begins = map
        .lines()
        .find(|line| line.starts_with("## "))
        .unwrap_or_default();
    assert!(
        begins.to_lowercase().contains("find your room"),
        "the map begins with {begins:?}"
    );
    for file in with(&["rs", "js"]) {
        let mut parts = file.path.split('/');
        let (first, second) = (parts.next().unwrap(), parts.next());
        assert!(
            map.contains(&format!("`{first}`")) || second.is_none(),
            "the map does not name `{first}`"
        );
        if second != Some("src") || first == "tests" || first == "xtask" {
            continue;
        }
        let room = parts.next().unwrap();
        let room = room.trim_end_matches(".rs").trim_end_matches(".js");
        if !matches!(room, "lib" | "main" | "core" | "app") {
            assert!(
                map.contains(&format!("`{room}`")),
                "ARCHITECTURE.md does not mention `{room}` ({})",
                file.path
            );
        }
    }
}

#[test]
fn paths_in_the_map_and_the_guides_exist() {
    for file in with(&["md"]) {
        for word in file.text.split('`').skip(1).step_by(2) {
            let root_folder = word.split('/').next().unwrap_or_default();
            let a_path = word.contains('/')
                && !word.contains(['*', ' ', '<', '{', '…', '$', ':'])
                && root().join(root_folder).is_dir()
                && !root_folder.is_empty();
            assert!(
                !a_path || root().join(word).exists(),
                "{} names `{word}`, which does not exist",
                file.path
            );
        }
    }
}

#[test]
fn nothing_tells_of_the_place_where_it_was_made() {
    // In pieces, so that this file does not hold them.
    let words = [
        concat!("/work", "/"),
        concat!("hel", "per session"),
        concat!("artif", "actory"),
        concat!("/root", "/."),
        concat!("/tmp/", "d/"),
        concat!("cla", "ude"),
        concat!("anthr", "opic"),
        concat!("chat", "gpt"),
        concat!("lang", "uage model"),
        concat!("as an ", "ai"),
        concat!("code", "x cli"),
        concat!("co-author", "ed-by"),
    ];
    for file in all() {
        let text = file.text.to_lowercase();
        for word in words {
            assert!(!text.contains(word), "{} holds {word:?}", file.path);
        }
        // Tarballs that npm resolved say from where; the lock file's hashes are enough.
        if file.path.ends_with("package-lock.json") {
            assert!(
                !text.contains("\"resolved\""),
                "{} names the host that it was resolved from",
                file.path
            );
        }
    }
}

#[test]
fn crates_depend_only_downwards() {
    for (package, banned) in BANNED {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--locked",
                "--offline",
                "--target",
                "all",
                "--prefix",
                "none",
            ])
            .args(["-p", package, "-e", "normal,build", "--format", "{p}"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "cargo tree failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let tree = String::from_utf8(output.stdout).unwrap();
        let below: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(below.contains(package) && below.len() > 3);
        for library in *banned {
            assert!(!below.contains(library), "{package} depends on {library}");
        }
    }
}
