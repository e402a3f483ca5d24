//! Every file in `vectors/` is law. `web-client/test/vectors.test.js` runs the same files.
//!
//! A case's `wire` is JSON, or a text that stands for itself; `fill` names fields that are too long to be
//! written out, as a text and how often it is repeated. `reads_as` is what the wire means where that is not
//! the wire itself, and `code` is the refusal that a peer is told.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use signaling_spec::api::{ErrorBody, SessionCreate, SessionCreated};
use signaling_spec::channel::bulk::{Abort, Bulk};
use signaling_spec::channel::control::{FromHost, FromViewer};
use signaling_spec::channel::input::{Input, Modifiers, Motion};
use signaling_spec::claims::{AccessClaims, AssertionClaims, GrantClaims};
use signaling_spec::{DecodeError, Object, Signal};

/// The files of one folder with their names.
fn files(kind: &str) -> Vec<(String, Value)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(kind);
    let mut found: Vec<(String, Value)> = std::fs::read_dir(&dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.expect("a folder of vectors can be read").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .map(|path| {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(&path).expect("a vector can be read");
            let file = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, file)
        })
        .collect();
    assert!(!found.is_empty(), "{} holds no vectors", dir.display());
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn cases<'a>(file: &'a Value, side: &str) -> impl Iterator<Item = &'a Value> {
    file[side]
        .as_array()
        .expect("a file has lists `accept` and `reject`")
        .iter()
}

fn filled(case: &Value, which: &str) -> Value {
    let mut value = case.get(which).unwrap_or(&case["wire"]).clone();
    for (field, how) in case.get("fill").and_then(Value::as_object).into_iter().flatten() {
        let (text, times) = (how[0].as_str(), how[1].as_u64());
        let times = times.and_then(|times| usize::try_from(times).ok());
        value[field] = json!(text.expect("a text").repeat(times.expect("a number")));
    }
    value
}

fn wire(case: &Value) -> String {
    let wire = filled(case, "wire");
    wire.as_str().map_or_else(|| wire.to_string(), str::to_owned)
}

/// Equal as JavaScript sees it: `1` and `1.0` are one number, and fields have no order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Runs one file; returns the types that it accepts.
fn run<E: std::fmt::Debug>(
    (name, file): &(String, Value),
    decode: impl Fn(&str) -> Result<Value, E>,
    code: impl Fn(&E) -> Value,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for case in cases(file, "accept") {
        let reads_as = filled(case, "reads_as");
        let read = decode(&wire(case)).unwrap_or_else(|e| panic!("{name} {}: {e:?}", case["name"]));
        assert!(same(&read, &reads_as), "{name} {} reads as {read}", case["name"]);
        let again = decode(&read.to_string()).unwrap_or_else(|e| panic!("{name} {}: {e:?}", case["name"]));
        assert!(
            same(&again, &read),
            "{name} {} is not what it wrote",
            case["name"]
        );
        seen.extend(read["type"].as_str().map(str::to_owned));
    }
    for case in cases(file, "reject") {
        let Err(error) = decode(&wire(case)) else {
            panic!("{name} {} was accepted", case["name"]);
        };
        if let Some(wanted) = case.get("code") {
            assert_eq!(&code(&error), wanted, "{name} {}: {error:?}", case["name"]);
        }
    }
    seen
}

fn refusal(error: &DecodeError) -> Value {
    json!(error.code())
}

fn covers(seen: &BTreeSet<String>, known: &[&str]) {
    for kind in known {
        assert!(seen.contains(*kind), "no vector accepts {kind}");
    }
}

#[test]
fn signal() {
    let decode = |text: &str| {
        Signal::decode(text).map(|signal| {
            let value = json!(signal);
            assert_eq!(value["type"], signal.kind());
            assert_eq!(value["sid"].as_str(), signal.sid().map(|sid| sid.0.as_str()));
            value
        })
    };
    let seen = files("signal")
        .iter()
        .flat_map(|file| run(file, decode, refusal))
        .collect();
    covers(&seen, &Signal::TYPES);
}

#[test]
fn control() {
    let from_viewer = |text: &str| {
        FromViewer::decode(text).map(|message| {
            let value = json!(message);
            assert_eq!(value["type"], message.kind());
            value
        })
    };
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    for file in files("control") {
        match file.1["direction"].as_str() {
            Some("from_viewer") => seen[0].extend(run(&file, from_viewer, refusal)),
            Some("from_host") => {
                let decode = |text: &str| FromHost::decode(text).map(|message| json!(message));
                seen[1].extend(run(&file, decode, refusal));
            }
            other => panic!("{} has the direction {other:?}", file.0),
        }
    }
    covers(&seen[0], &FromViewer::TYPES);
    covers(&seen[1], &FromHost::TYPES);
}

#[test]
fn claims() {
    for file in files("claims") {
        let decode = match file.1["type"].as_str() {
            Some("AccessClaims") => object::<AccessClaims>,
            Some("GrantClaims") => object::<GrantClaims>,
            Some("AssertionClaims") => object::<AssertionClaims>,
            other => panic!("{} has the type {other:?}", file.0),
        };
        run(&file, decode, |_| Value::Null);
    }
}

fn object<T: serde::de::DeserializeOwned + serde::Serialize>(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Object<T>>(text).map(|Object(body)| json!(body))
}

#[test]
fn api() {
    let mut seen = BTreeSet::new();
    for file in files("api") {
        let kind = file.1["type"].as_str().unwrap_or_default().to_owned();
        let decode = match kind.as_str() {
            "SessionCreate" => object::<SessionCreate>,
            "SessionCreated" => object::<SessionCreated>,
            "ErrorBody" => object::<ErrorBody>,
            other => panic!("{} has the type {other}", file.0),
        };
        run(&file, decode, |_| Value::Null);
        seen.insert(kind);
    }
    covers(&seen, &["SessionCreate", "SessionCreated", "ErrorBody"]);
}

#[test]
fn input() {
    let mut seen = BTreeSet::new();
    for (name, file) in files("input") {
        let decode = |bytes: &[u8]| match file["channel"].as_str() {
            Some("input") => Input::decode(bytes).map(|message| shown_input(&message)),
            Some("motion") => Motion::decode(bytes).map(|message| shown_motion(&message)),
            other => panic!("{name} has the channel {other:?}"),
        };
        for case in cases(&file, "accept") {
            let read = decode(&bytes(case)).unwrap_or_else(|e| panic!("{name} {}: {e}", case["name"]));
            assert_eq!(&read, &case["message"], "{name} {}", case["name"]);
            seen.extend(read["kind"].as_str().map(str::to_owned));
        }
        for case in cases(&file, "reject") {
            assert!(
                decode(&bytes(case)).is_err(),
                "{name} {} was accepted",
                case["name"]
            );
        }
    }
    covers(
        &seen,
        &["key", "button", "wheel", "release", "move", "relative", "held"],
    );
}

#[test]
fn bulk() {
    let mut seen = BTreeSet::new();
    for (name, file) in files("bulk") {
        for case in cases(&file, "accept") {
            let wire = bytes(case);
            let read = Bulk::decode(&wire).unwrap_or_else(|e| panic!("{name} {}: {e}", case["name"]));
            assert_eq!(read.encode(), wire, "{name} {}", case["name"]);
            let shown = shown_bulk(&read);
            assert_eq!(&shown, &case["message"], "{name} {}", case["name"]);
            seen.extend(shown["kind"].as_str().map(str::to_owned));
        }
        for case in cases(&file, "reject") {
            assert!(
                Bulk::decode(&bytes(case)).is_err(),
                "{name} {} was accepted",
                case["name"]
            );
        }
    }
    covers(&seen, &["chunk", "end", "abort", "credit"]);
}

/// As `web-client` names it.
fn shown_bulk(message: &Bulk) -> Value {
    match message {
        Bulk::Chunk { transfer, data } => {
            let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "kind": "chunk", "transfer": transfer, "data": hex })
        }
        Bulk::End { transfer } => json!({ "kind": "end", "transfer": transfer }),
        Bulk::Abort { transfer, code } => {
            let code = match code {
                Abort::Cancelled => "cancelled",
                Abort::Failed => "failed",
                Abort::TooLarge => "too_large",
                Abort::Gone => "gone",
                Abort::Silent => "silent",
                Abort::Full => "full",
                Abort::Checksum => "checksum",
            };
            json!({ "kind": "abort", "transfer": transfer, "code": code })
        }
        Bulk::Credit { transfer, until } => json!({ "kind": "credit", "transfer": transfer, "until": until }),
    }
}

/// A case's bytes; `fill` adds that many zeros.
fn bytes(case: &Value) -> Vec<u8> {
    let hex: Vec<u8> = case["hex"]
        .as_str()
        .expect("a case has `hex`")
        .bytes()
        .filter(|b| *b != b' ')
        .collect();
    let fill = case.get("fill").and_then(Value::as_u64).unwrap_or(0);
    let zeros = std::iter::repeat_n(0, usize::try_from(fill).expect("a number of bytes"));
    hex.chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("hex has two digits a byte")
        })
        .chain(zeros)
        .collect()
}

/// As `web-client` names it. The match has no wildcard: a new kind asks for its vectors.
fn shown_input(message: &Input) -> Value {
    match message {
        Input::Key {
            code,
            down,
            repeat,
            physical,
            modifiers: Modifiers(modifiers),
            text,
        } => json!({ "channel": "input", "kind": "key", "code": code.as_str(), "down": down,
                     "repeat": repeat, "physical": physical, "modifiers": modifiers, "text": text }),
        Input::Button { button, down, at } => {
            json!({ "channel": "input", "kind": "button", "button": button, "down": down, "x": at.x, "y": at.y })
        }
        Input::Wheel { dx, dy, at } => {
            json!({ "channel": "input", "kind": "wheel", "dx": dx, "dy": dy, "x": at.x, "y": at.y })
        }
        Input::Release => json!({ "channel": "input", "kind": "release" }),
        Input::Text(text) => json!({ "channel": "input", "kind": "text", "text": text }),
    }
}

fn shown_motion(message: &Motion) -> Value {
    match message {
        Motion::Move { seq, at } => {
            json!({ "channel": "motion", "kind": "move", "seq": seq, "x": at.x, "y": at.y })
        }
        Motion::Relative {
            seq,
            lock,
            total_x,
            total_y,
        } => json!({ "channel": "motion", "kind": "relative", "seq": seq, "lock": lock,
                     "total_x": total_x, "total_y": total_y }),
        Motion::Held {
            seq,
            buttons,
            modifiers: Modifiers(modifiers),
            codes,
        } => {
            let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
            json!({ "channel": "motion", "kind": "held", "seq": seq, "buttons": buttons,
                    "modifiers": modifiers, "codes": codes })
        }
    }
}
