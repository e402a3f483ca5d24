//! Every right with every message of a viewer, on the whole system: an agent that permits to look and one thing more
//! takes that thing's messages, and refuses all others by name.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and tell what they counted"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use signaling_spec::channel::control::FromViewer;
use signaling_spec::channel::input::Input;
use signaling_spec::{Refusal, Right};
use tests::agent::Agent;
use tests::viewer::Viewer;

/// One message, and what it is called where it is refused.
struct Message {
    label: &'static str,
    reference: String,
    bytes: Vec<u8>,
    needs: Right,
}

/// One of every type that there is: the first good one of the contract's examples.
fn messages() -> Vec<Message> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../signaling-spec/vectors/control");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        for example in file["accept"].as_array().into_iter().flatten() {
            let wire = &example["wire"];
            let wire = wire.as_str().map_or_else(|| wire.to_string(), ToOwned::to_owned);
            if let Ok(message) = FromViewer::decode(&wire) {
                let kind = serde_json::from_str::<Value>(&wire).unwrap()["type"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                found.entry(kind).or_insert((wire, message.needs()));
            }
        }
    }
    assert_eq!(
        found.len(),
        FromViewer::TYPES.len(),
        "of every type there is an example"
    );
    // Whoever may dismiss would dismiss themselves.
    let nobody = r#"{"type":"viewer.dismiss","viewer":31}"#.to_owned();
    found.insert("viewer.dismiss".to_owned(), (nobody, Right::SessionManage));
    let control = found.into_iter().map(|(reference, (wire, needs))| Message {
        label: "ctl",
        reference,
        bytes: wire.into_bytes(),
        needs,
    });
    let input = [
        &[0x01, 0x01, 0x00, 0x04, b'K', b'e', b'y', b'A', 0x00][..],
        &[0x02, 0x00, 0x00, 0x00, 0x10, 0x00, 0x10],
        &[0x03, 0x00, 0x00, 0x00, 0x78, 0x00, 0x10, 0x00, 0x10],
        &[0x05, 0x00, 0x01, b'a'],
    ];
    let input = input.into_iter().map(|bytes| Message {
        label: "input",
        reference: "input".to_owned(),
        bytes: bytes.to_vec(),
        needs: Input::decode(bytes).unwrap().needs(),
    });
    control.chain(input).collect()
}

async fn permits(right: Right) {
    let name = format!("right-{}", right.name());
    let permitted = format!("view,{}", right.name());
    let args = [
        "--desktop",
        "test",
        "--size",
        "320x200",
        "--permit",
        permitted.trim_end_matches(",view"),
    ];
    let agent = Agent::start(&name, &args).unwrap();
    let viewer = Viewer::connect(&agent.link).await.unwrap();
    let (mut taken, mut refused) = (0, 0);
    for message in messages() {
        let Message {
            label,
            reference,
            bytes,
            needs,
        } = &message;
        if *needs == Right::View || *needs == right {
            tokio::time::sleep(Duration::from_millis(220)).await;
            viewer.peer.send(label, bytes).await.unwrap();
            taken += 1;
        } else {
            viewer
                .refused(label, bytes, Refusal::Forbidden, reference)
                .await
                .unwrap_or_else(|error| panic!("with {}: {error:#}", right.name()));
            refused += 1;
        }
    }
    viewer.lives(7).await.unwrap();
    let facts = viewer.seen.facts();
    let forbidden = facts
        .refused()
        .iter()
        .filter(|(code, _)| *code == Refusal::Forbidden)
        .count();
    assert_eq!(forbidden, refused, "with {} {:?}", right.name(), facts.refused());
    println!("{}: {taken} taken, {refused} refused", right.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_right_opens_its_messages_and_no_other() {
    // A few at a time: each has an agent of its own.
    for some in Right::ALL.chunks(4) {
        futures_util::future::join_all(some.iter().map(|right| permits(*right))).await;
    }
}
