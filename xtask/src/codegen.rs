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
        signaling_spec::ViewerCaps,
        signaling_spec::Signal,
        control::FromViewer,
        control::FromHost,
        control::DisplayHealth,
        control::SoundHealth,
        control::Monitor,
        control::ViewerInfo,
        control::FrameTrace,
        clip::ClipFormat,
        files::FileEntry,
        api::SessionCreate,
        api::SessionCreated,
        api::ErrorBody,
    );
    text
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
    );
    add("MAX_BUTTON", u128::from(input::MAX_BUTTON));
    add("HELD_HEARTBEAT_MS", limits::HELD_HEARTBEAT.as_millis());
    text
}
