//! JSON Schema, TypeScript types and the viewer's limits, all from the Rust types of the contract.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use signaling_spec::channel::{clip, control, files, input};
use signaling_spec::{api, claims, limits};
use ts_rs::TS;

/// Every generated file with its content.
fn files() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let generated = root.join("signaling-spec/generated");
    let protocol = root.join("web-client/src/core/protocol");
    let mut files = vec![
        (protocol.join("protocol.d.ts"), typescript()),
        (protocol.join("limits.js"), limits_js()),
        (root.join("docs/audit.md"), crate::codes::markdown()),
    ];
    files.push((
        root.join("docs/rights.md"),
        rights(&root.join("signaling-spec/vectors"))?,
    ));
    for (name, schema) in schemas() {
        let mut text = serde_json::to_string_pretty(&schema)?;
        text.push('\n');
        files.push((generated.join(format!("{name}.schema.json")), text));
    }
    Ok(files)
}

/// # Errors
/// A file cannot be written.
pub(crate) fn write() -> anyhow::Result<()> {
    for (path, content) in files()? {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// # Errors
/// A file is not what the types say.
pub(crate) fn check() -> anyhow::Result<()> {
    let files = files()?;
    let drifted: Vec<String> = files
        .iter()
        .filter(|(path, content)| std::fs::read_to_string(path).ok().as_ref() != Some(content))
        .map(|(path, _)| path.display().to_string())
        .collect();
    ensure!(
        drifted.is_empty(),
        "not what the types say: {}; run: cargo run -p xtask -- codegen",
        drifted.join(", ")
    );
    Ok(())
}

fn schemas() -> [(&'static str, schemars::Schema); 9] {
    [
        ("signal", schemars::schema_for!(signaling_spec::Signal)),
        ("from_viewer", schemars::schema_for!(control::FromViewer)),
        ("from_host", schemars::schema_for!(control::FromHost)),
        ("access_claims", schemars::schema_for!(claims::AccessClaims)),
        ("grant_claims", schemars::schema_for!(claims::GrantClaims)),
        ("assertion_claims", schemars::schema_for!(claims::AssertionClaims)),
        ("session_create", schemars::schema_for!(api::SessionCreate)),
        ("session_created", schemars::schema_for!(api::SessionCreated)),
        ("error_body", schemars::schema_for!(api::ErrorBody)),
    ]
}

fn typescript() -> String {
    // JSON has one kind of number, and so has JavaScript.
    let config = ts_rs::Config::default().with_large_int("number");
    let mut text = String::from(
        "// The types of the protocol. Generated from `signaling-spec` by `cargo run -p xtask -- codegen`; do not edit.\n",
    );
    // `tsc` misses a type that this list forgets.
    macro_rules! declare {
        ($($type:ty),* $(,)?) => { $(declare::<$type>(&config, &mut text);)* };
    }
    declare!(
        signaling_spec::HostId,
        signaling_spec::KeyHash,
        signaling_spec::SessionId,
        signaling_spec::TokenId,
        signaling_spec::ViewerId,
        signaling_spec::Negotiation,
        signaling_spec::Fingerprint,
        signaling_spec::Sdp,
        signaling_spec::Right,
        signaling_spec::Rights,
        signaling_spec::Refusal,
        signaling_spec::EndReason,
        signaling_spec::IceServer,
        signaling_spec::Link,
        signaling_spec::ViewerCaps,
        signaling_spec::EventField,
        signaling_spec::Signal,
        control::FromViewer,
        control::FromHost,
        control::DisplayHealth,
        control::SoundHealth,
        control::ControlMode,
        claims::Consent,
        control::Monitor,
        control::ViewerInfo,
        control::FrameTrace,
        clip::ClipFormat,
        files::FileEntry,
        api::SessionCreate,
        api::SessionCreated,
        api::Succession,
        api::ErrorBody,
    );
    text
}

/// The table of messages and rights, with a row for every message that has vectors; all must have.
fn rights(vectors: &Path) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Rights and messages\n\nWhat a viewer's message needs, as the agent enforces it. Generated from `signaling-spec/src/needs.rs` by\n\
         `cargo run -p xtask -- codegen`; do not edit. A message without its right is answered with `forbidden`, and has\nno effect.\n\n\
         | channel | message | right |\n|---|---|---|\n",
    );
    let mut rows = Vec::new();
    for (kind, name, wire) in examples(vectors)? {
        let row = if kind == "control" {
            let Ok(message) = control::FromViewer::decode(&wire.to_string()) else {
                continue;
            };
            ("ctl", message.kind().to_owned(), vec![message.needs()])
        } else {
            let bytes = wire
                .as_str()
                .and_then(bytes)
                .context("a vector of input is hex")?;
            match (input::Input::decode(&bytes), input::Motion::decode(&bytes)) {
                (Ok(message), _) => ("input", name, vec![message.needs()]),
                (_, Ok(message)) => ("motion", name, message.needs().to_vec()),
                _ => continue,
            }
        };
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows.sort();
    for (channel, message, rights) in rows {
        let rights: Vec<String> = rights.iter().map(|right| format!("`{}`", right.name())).collect();
        let _ = writeln!(text, "| {channel} | `{message}` | {} |", rights.join(" or "));
    }
    text.push_str(
        "| bulk | a transfer's chunks, credits, ends | the right of the message that began the transfer |\n",
    );
    Ok(text)
}

/// Every case that is accepted: its folder, its file's name and its wire.
fn examples(vectors: &Path) -> anyhow::Result<Vec<(&'static str, String, serde_json::Value)>> {
    let mut found = Vec::new();
    for kind in ["control", "input"] {
        for entry in std::fs::read_dir(vectors.join(kind))? {
            let path = entry?.path();
            let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            for case in file["accept"].as_array().into_iter().flatten() {
                let wire = case.get("hex").unwrap_or(&case["wire"]);
                found.push((kind, name.clone(), wire.clone()));
            }
        }
    }
    Ok(found)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

fn declare<T: TS + 'static>(config: &ts_rs::Config, text: &mut String) {
    let docs = T::docs().unwrap_or_default();
    let lines: Vec<&str> = docs.trim_end().lines().chain([""]).collect();
    let docs = lines.join("\n");
    let decl = T::decl(config);
    let decl: Vec<&str> = decl.lines().map(str::trim_end).collect();
    let _ = write!(text, "\n{docs}export {}\n", decl.join("\n"));
}

fn limits_js() -> String {
    let mut text = String::from(
        "/**\n * The maxima of the protocol that concern a viewer.\n *\n * Generated from `signaling-spec/src/limits.rs` by \
         `cargo run -p xtask -- codegen`; do not edit.\n * A peer that goes over one is refused; nothing is cut short \
         silently.\n */\n\n",
    );
    let mut add = |name: &str, value: u128| {
        let _ = writeln!(text, "export const {name} = {value};");
    };
    macro_rules! lengths {
        ($($name:ident),* $(,)?) => { $(add(stringify!($name), limits::$name as u128);)* };
    }
    lengths!(
        MAX_SIGNAL_BYTES,
        MAX_SDP_BYTES,
        MAX_CANDIDATE_BYTES,
        MAX_CANDIDATES,
        MAX_INPUT_BYTES,
        MAX_KEY_TEXT_BYTES,
        MAX_TEXT_BYTES,
        MAX_CODE_BYTES,
        MAX_HELD_KEYS,
        MAX_CONTROL_BYTES,
        MAX_CHUNK_BYTES,
        BULK_WINDOW,
        MAX_CLIP_BYTES,
        EAGER_CLIP_BYTES,
        MAX_PATH_BYTES,
        HASH_BLOCK_BYTES,
        MIN_DISPLAY_SIDE,
        MAX_DISPLAY_WIDTH,
        MAX_DISPLAY_HEIGHT,
        MAX_VIEWERS,
        MAX_EVENT_FIELDS,
        MAX_EVENT_NAME,
        MAX_EVENT_VALUE,
        MAX_LINKS,
    );
    add("MAX_BUTTON", u128::from(input::MAX_BUTTON));
    add("HELD_HEARTBEAT_MS", limits::HELD_HEARTBEAT.as_millis());
    text
}
