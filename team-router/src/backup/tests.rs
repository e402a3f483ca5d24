//! Backups from each database into the other, and what is done to the file in between.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::audit::{self, Verifier};
use crate::roles::Role;
use crate::store::Person;
use crate::store::tests::{Place, postgres, sqlite};

/// A router's configuration in a place of its own.
fn config(place: &Place, database: &str, state: &str) -> Config {
    let text = format!(
        "public-url = \"https://desk.example.org\"\nstate-dir = {:?}\ndatabase = {database:?}\n\
         [[provider]]\nid = \"corp\"\nissuer = \"https://a.b\"\nclient-id = \"c\"\nclient-secret-file = \"f\"",
        place.dir.join(state)
    );
    Config::parse(&text).unwrap()
}

fn file(place: &Place, name: &str) -> String {
    format!("sqlite:{}", place.dir.join(name).display())
}

async fn live_in(store: &Store) {
    let person = Person {
        provider: "corp",
        subject: "s-1",
        name: "Ada \"the\" first\nof Łódź",
        email: "ada@example.org",
        groups: &["ops".to_owned()],
    };
    store.greet(&person, "u-1", 10).await.unwrap();
    let login = crate::store::NewLogin {
        hash: "hash",
        account: "u-1",
        auth_time: 10,
        expires: 9_999_999_999,
        provider_sid: "",
    };
    store.add_login(&login, "l-1", 10).await.unwrap();
    let labels = [("env".to_owned(), "dev".to_owned())].into();
    store
        .add_enroll_token("t1", "p", &labels, "u-1", 1, 9_999_999_999)
        .await
        .unwrap();
    store.enroll("t1", "h-1", "k-1", "PUB", "box", 10).await.unwrap();
    store
        .add_enroll_token("t2", "p", &labels, "u-1", 1, 9_999_999_999)
        .await
        .unwrap();
    let role = Role::parse(r#"{"rights":{"view":true}}"#).unwrap();
    store.set_role("staff", &role, 10).await.unwrap();
    audit::note(store, "RMV6001I", &json!({ "role": "staff" }))
        .await
        .unwrap();
    audit::note(store, "RMV6003I", &json!({ "role": "staff" }))
        .await
        .unwrap();
}

async fn rows(store: &Store) -> Vec<(String, Row)> {
    let mut all = Vec::new();
    store
        .dump(|table, row| {
            all.push((table.to_owned(), row));
            Ok(())
        })
        .await
        .unwrap();
    all
}

fn out(place: &Place, name: &str) -> PathBuf {
    place.dir.join(name)
}

#[tokio::test]
async fn it_goes_through_both_databases_unchanged() {
    let (store, place) = sqlite().await;
    crate::store::every_table_is_named(&store).await;
    live_in(&store).await;
    let from = config(&place, &file(&place, "router.db"), "state");
    private_file::directory(&from.state_dir).unwrap();
    private_file::write(&from.state_dir.join("grant-key.pk8"), b"\x00\xffkey").unwrap();
    private_file::write(&from.state_dir.join("token-key"), b"stays here").unwrap();
    let first = out(&place, "first");
    let count = write(&from, &first).await.unwrap();
    let known = rows(&store).await;
    assert_eq!(known.len() as u64, count);
    assert!(
        known
            .iter()
            .all(|(table, _)| table != "login" && table != "enroll_token")
    );
    let again = write(&from, &first).await.unwrap_err();
    assert!(format!("{again:#}").contains("never replaces"), "{again:#}");

    let (there, elsewhere) = postgres().await;
    crate::store::every_table_is_named(&there).await;
    let url = format!(
        "postgres:///postgres?host={}&user=removid",
        elsewhere.dir.display()
    );
    let second = config(&place, &url, "state-2");
    assert_eq!(restore(&second, &first).await.unwrap(), count);
    assert_eq!(rows(&there).await, known);
    assert_eq!(
        private_file::read(&second.state_dir.join("grant-key.pk8")).unwrap(),
        b"\x00\xffkey"
    );
    assert!(!second.state_dir.join("token-key").exists());

    let other = out(&place, "other");
    write(&second, &other).await.unwrap();
    let third = config(&place, &file(&place, "third.db"), "state-3");
    restore(&third, &other).await.unwrap();
    let back = Store::open(&third.database).await.unwrap();
    assert_eq!(rows(&back).await, known);
    let mut verifier = Verifier::new();
    verifier.rows(&back.audit_after(0, 100).await.unwrap()).unwrap();
    assert_eq!(verifier.finish().unwrap().seq, 2, "the chain goes on");
    audit::note(&back, "RMV6001I", &json!({})).await.unwrap();

    let used = restore(&third, &other).await.unwrap_err();
    assert!(format!("{used:#}").contains("empty place"), "{used:#}");
    let fourth = config(&place, &file(&place, "third.db"), "state-4");
    let used = restore(&fourth, &other).await.unwrap_err();
    assert!(format!("{used:#}").contains("in use"), "{used:#}");
    assert!(!fourth.state_dir.join("grant-key.pk8").exists());
}

#[tokio::test]
async fn a_damaged_file_restores_nothing() {
    let (store, place) = sqlite().await;
    live_in(&store).await;
    let from = config(&place, &file(&place, "router.db"), "state");
    let whole = out(&place, "whole");
    write(&from, &whole).await.unwrap();
    let text = fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let damaged = [
        ("cut", lines[..lines.len() - 1].join("\n") + "\n"),
        ("cut in a line", text[..text.len() - 40].to_owned()),
        ("a row less", text.replacen(&format!("{}\n", lines[3]), "", 1)),
        ("a word changed", text.replace("ada@", "eve@")),
        ("something after it", format!("{text}{{}}\n")),
        ("two rows changed places", {
            let mut lines = lines.clone();
            lines.swap(2, 3);
            lines.join("\n") + "\n"
        }),
        (
            "of a newer router",
            text.replacen(&format!("\"tables\":{}", latest()), "\"tables\":99999", 1),
        ),
        ("empty", String::new()),
        ("something else", "public-url = 1\n".to_owned()),
    ];
    for (what, text) in damaged {
        let path = out(&place, "damaged");
        fs::write(&path, text).unwrap();
        let into = config(&place, &file(&place, "into.db"), "state-5");
        assert!(restore(&into, &path).await.is_err(), "{what}");
        assert!(!place.dir.join("into.db").exists(), "{what}: nothing was made");
    }
    let into = config(&place, &file(&place, "into.db"), "state-5");
    restore(&into, &whole).await.unwrap();
}
