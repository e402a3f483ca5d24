//! What is well formed and makes no sense all the same: unknown keys, absurd places and sizes, hostile names, floods of
//! transfers. It is refused in words or has no effect, and nobody else notices.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use signaling_spec::Refusal;
use signaling_spec::channel::control::FromHost;
use signaling_spec::limits::MAX_TRANSFERS;
use tests::agent::Agent;
use tests::viewer::{STEP, Viewer};

/// A folder of the test's own, below which viewers may write.
struct Shared(PathBuf);

impl Shared {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("removid-bad-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(path.join("shared")).unwrap();
        Self(path)
    }

    fn folder(&self) -> PathBuf {
        self.0.join("shared")
    }

    fn agent(&self, name: &str) -> Agent {
        let folder = self.folder();
        let args = [
            "--desktop",
            "test",
            "--size",
            "640x360",
            "--files",
            folder.to_str().unwrap(),
        ];
        Agent::start(name, &args).unwrap()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn say(viewer: &Viewer, text: &str) {
    viewer.peer.send("ctl", text.as_bytes()).await.unwrap();
}

async fn unhurt(viewer: &Viewer, t: u32) {
    viewer.lives(t).await.unwrap();
    let facts = viewer.seen.facts();
    assert!(facts.refused().is_empty() && facts.ended().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_places_that_do_not_exist_have_no_effect() {
    let shared = Shared::new("input");
    let agent = shared.agent("bad-input");
    let rude = Viewer::connect(&agent.link).await.unwrap();
    let other = Viewer::connect(&agent.link).await.unwrap();
    let key = |code: &str, text: &str| {
        let mut bytes = vec![0x01, 0x01, 0xff, u8::try_from(code.len()).unwrap()];
        bytes.extend(code.as_bytes());
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
        bytes
    };
    let text = |text: &str| {
        let len = u16::try_from(text.len()).unwrap().to_be_bytes();
        [&[0x05][..], &len, text.as_bytes()].concat()
    };
    for data in [
        key("NoSuchKeyAnywhere", ""),
        key("NoSuchKeyAnywhere", "\u{10ffff}"),
        key("KeyA", "\u{0}"),
        key("KeyA", "\u{feff}"),
        key("Unidentified", "\u{202e}"),
        text("\u{fffe}\u{feff}\u{10ffff}"),
        text(&"\u{e000}".repeat(150)),
        // A wheel turned by all that a number holds, at the last place there is.
        b"\x03\x7f\xff\x80\x00\xff\xff\xff\xff".to_vec(),
        b"\x03\x80\x00\x7f\xff\x00\x00\x00\x00".to_vec(),
    ] {
        rude.peer.send("input", &data).await.unwrap();
    }
    for data in [
        &b"\x10\x00\x01\xff\xff\xff\xff"[..],
        b"\x11\x00\x02\x01\x7f\xff\xff\xff\x80\x00\x00\x00",
        b"\x11\x00\x03\x01\x80\x00\x00\x00\x7f\xff\xff\xff",
    ] {
        rude.peer.send("motion", data).await.unwrap();
    }
    for control in ["\u{1}", "\u{1b}[A", "\u{7f}"] {
        rude.refused("input", &text(control), Refusal::Malformed, "input")
            .await
            .unwrap();
    }
    rude.lives(1).await.unwrap();
    unhurt(&other, 2).await;
    // And a real key is no trouble.
    rude.peer
        .send("input", b"\x01\x01\x00\x04KeyQ\x01q")
        .await
        .unwrap();
    rude.lives(3).await.unwrap();
    assert_eq!(rude.seen.facts().ended(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_that_cannot_be_are_refused() {
    let shared = Shared::new("sizes");
    let agent = shared.agent("bad-sizes");
    let rude = Viewer::connect(&agent.link).await.unwrap();
    let other = Viewer::connect(&agent.link).await.unwrap();
    for (width, height, density) in [
        (0, 0, 100),
        (4_294_967_295_u32, 600, 100),
        (800, 600, 0),
        (800, 600, 4_000_000),
    ] {
        let text = format!(
            r#"{{"type":"display.resize","width":{width},"height":{height},"density":{density},"asked":true}}"#
        );
        rude.refused("ctl", text.as_bytes(), Refusal::Malformed, "display.resize")
            .await
            .unwrap();
    }
    let nobody = br#"{"type":"viewer.dismiss","viewer":4000000000}"#;
    rude.refused("ctl", nobody, Refusal::NotFound, "viewer.dismiss")
        .await
        .unwrap();
    let clip =
        br#"{"type":"clip.get","transfer":1,"serial":4294967295,"format":"text/plain","max":4294967295}"#;
    rude.refused("ctl", clip, Refusal::NotFound, "clip.get")
        .await
        .unwrap();
    // Bytes and credit of transfers that nobody began, and more than was ever granted.
    for data in [
        &b"\x20\x00\x00\x00\x63bytes"[..],
        b"\x21\x00\x00\x00\x63",
        b"\x22\x00\x00\x00\x63\x02",
        b"\x23\x00\x00\x00\x63\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        rude.peer.send("bulk", data).await.unwrap();
    }
    rude.lives(1).await.unwrap();
    unhurt(&other, 2).await;
}

/// Every name below a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(names(&path));
        }
        found.push(path.display().to_string());
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_numbers_of_files_do_no_harm() {
    let shared = Shared::new("files");
    std::fs::write(shared.0.join("secret.txt"), "not shared").unwrap();
    let agent = shared.agent("bad-files");
    let rude = Viewer::connect(&agent.link).await.unwrap();
    let other = Viewer::connect(&agent.link).await.unwrap();
    let long = "x".repeat(1_000);
    let hostile = [
        "../outside.txt",
        "../../../../tmp/removid-outside.txt",
        "/etc/removid-outside.txt",
        "a/../../outside.txt",
        "..",
        "",
        "CON",
        "a\\u0000b",
        "line\\nbreak",
        "\\u202egpj.exe",
        ".bashrc",
        long.as_str(),
    ];
    let empty_sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (n, name) in (1_u32..).step_by(2).zip(hostile) {
        say(&rude, &format!(r#"{{"type":"file.put","transfer":{n},"path":"{name}","size":0,"modified":18446744073709551615}}"#)).await;
        // Nothing is left of two of them: they are broken off on `bulk`.
        if ["..", ""].contains(&name) {
            rude.lives(n).await.unwrap();
            continue;
        }
        let ready = rude.seen.holds("it may be sent", STEP, |facts| {
            let ready =
                |told: &FromHost| matches!(told, FromHost::FileReady { transfer, .. } if *transfer == n);
            facts.told.iter().any(ready)
        });
        ready.await.unwrap();
        rude.peer
            .send("bulk", &[&[0x21][..], &n.to_be_bytes()].concat())
            .await
            .unwrap();
        say(
            &rude,
            &format!(r#"{{"type":"file.done","transfer":{n},"sum":"{empty_sum}"}}"#),
        )
        .await;
        rude.lives(n).await.unwrap();
    }
    let stored = rude.seen.holds("some are stored", STEP, |facts| {
        facts
            .told
            .iter()
            .filter(|told| matches!(told, FromHost::FileStored { .. }))
            .count()
            == hostile.len() - 2
    });
    stored.await.unwrap();
    for outside in [
        "/tmp/removid-outside.txt",
        "/etc/removid-outside.txt",
        "/tmp/outside.txt",
    ] {
        assert!(!Path::new(outside).exists(), "{outside} was written");
    }
    for found in names(&shared.0) {
        let inside = found.starts_with(&format!("{}/", shared.folder().display()))
            || found == shared.folder().display().to_string();
        assert!(inside || found.ends_with("/secret.txt"), "{found} is outside");
        assert!(
            !found.chars().any(|sign| sign.is_control() || sign == '\u{202e}'),
            "{found:?}"
        );
    }
    let told = rude.seen.facts().told.len();
    for (n, path) in (901..).step_by(2).zip(["../secret.txt", "..", "/etc/passwd"]) {
        say(
            &rude,
            &format!(r#"{{"type":"file.get","transfer":{n},"path":"{path}","from":0}}"#),
        )
        .await;
    }
    // The folder answers one after the other: with this answer the others are given, too.
    say(&rude, r#"{"type":"file.browse","path":"","after":null}"#).await;
    let listed = rude.seen.holds("the folder is listed", STEP, |facts| {
        facts.told[told..]
            .iter()
            .any(|told| matches!(told, FromHost::FileList { .. }))
    });
    listed.await.unwrap();
    let begun = rude.seen.facts().told[told..]
        .iter()
        .any(|told| matches!(told, FromHost::FileBegin { .. }));
    assert!(!begun, "something outside is given");

    // More at a time than anybody needs, of a size that no disk has.
    for n in 0..=MAX_TRANSFERS {
        let put = format!(
            r#"{{"type":"file.put","transfer":{},"path":"big{n}","size":18446744073709551615,"modified":0}}"#,
            2 * n + 1_001
        );
        say(&rude, &put).await;
    }
    rude.lives(9_000).await.unwrap();
    assert!(
        !names(&shared.folder())
            .iter()
            .any(|name| name.contains("big") && !name.contains("part"))
    );
    unhurt(&other, 9_001).await;
    assert_eq!(rude.seen.facts().ended(), None);
}
