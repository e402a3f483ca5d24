//! `asyncapi.yaml` names every message and every channel, and the schemas that it refers to are theirs.

use serde_json::Value;
use signaling_spec::Signal;
use signaling_spec::channel::Channel;
use signaling_spec::channel::control::{FromHost, FromViewer};

fn text(file: &str) -> String {
    let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_message_is_named_and_has_its_own_schema() {
    let document = text("asyncapi.yaml");
    let kinds = Signal::TYPES
        .iter()
        .chain(&FromViewer::TYPES)
        .chain(&FromHost::TYPES);
    for kind in kinds {
        let listed = format!("      {kind}: {{ $ref: \"#/components/messages/{kind}\" }}\n");
        assert!(document.contains(&listed), "no channel lists {kind}");
        let message = document
            .split(&format!("\n    {kind}:\n"))
            .nth(1)
            .unwrap_or_else(|| panic!("{kind} is no message of the document"));
        let schema = message
            .split_once("$ref: \"./generated/")
            .and_then(|(_, rest)| rest.split_once('"'));
        let (file, pointer) = schema
            .and_then(|(reference, _)| reference.split_once('#'))
            .unwrap_or_else(|| panic!("{kind} refers to no schema"));
        let schema: Value = serde_json::from_str(&text(&format!("generated/{file}"))).expect("JSON");
        let shape = schema
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{file} has no {pointer}"));
        assert_eq!(
            shape["properties"]["type"]["const"], *kind,
            "{file}#{pointer} is another message's"
        );
    }
}

#[test]
fn every_operation_names_messages_of_its_channel() {
    let document = text("asyncapi.yaml");
    let mut seen = 0;
    for reference in document.split("- $ref: \"#/channels/").skip(1) {
        let (path, _) = reference.split_once('"').expect("a reference ends");
        let (channel, message) = path
            .split_once("/messages/")
            .expect("an operation names messages");
        let known = match channel {
            "signal" => Signal::TYPES.contains(&message),
            "ctl" => FromViewer::TYPES.contains(&message) || FromHost::TYPES.contains(&message),
            _ => false,
        };
        assert!(known, "{path} does not exist");
        seen += 1;
    }
    assert!(seen >= Signal::TYPES.len() + FromViewer::TYPES.len() + FromHost::TYPES.len());
}

#[test]
fn every_channel_is_named() {
    let document = text("asyncapi.yaml");
    for channel in Channel::ALL {
        assert!(document.contains(&format!("    address: {}\n", channel.label())));
        assert_eq!(Channel::from_label(channel.label()), Some(channel));
    }
}

#[test]
fn every_referenced_file_exists() {
    let document = text("asyncapi.yaml");
    for reference in document.split("\"./").skip(1) {
        let (path, _) = reference.split_once(['#', '"']).expect("a reference ends");
        text(path);
    }
}
