//! What a configuration may say, and what is said of one that may not.

use super::*;

const PLAIN: &str = r#"
    public-url = "https://desk.example.org"
    [[provider]]
    id = "corp"
    issuer = "https://login.example.org"
    client-id = "removid"
    client-secret-file = "/etc/removid/secret"
"#;

fn why(text: &str) -> String {
    format!("{:#}", Config::parse(text).unwrap_err())
}

#[test]
fn a_plain_file_is_enough() {
    let config = Config::parse(PLAIN).unwrap();
    assert_eq!(config.public_url, "https://desk.example.org/");
    assert_eq!(config.database, "sqlite:/var/lib/removid-router/router.db");
    assert_eq!(config.providers[0].name, "corp");
    assert_eq!(config.listen.to_string(), "[::]:8443");
    assert_eq!(config.home(), "/");
}

#[test]
fn what_is_wrong_is_named() {
    assert!(why("publik-url = 1").contains("publik-url"));
    assert!(why(&PLAIN.replace("https://desk", "http://desk")).contains("not an https address"));
    let under = |path: &str| PLAIN.replace("desk.example.org\"", &format!("desk.example.org{path}\""));
    assert_eq!(Config::parse(&under("/desk")).unwrap().home(), "/desk/");
    assert_eq!(Config::parse(&under("/a/b/")).unwrap().home(), "/a/b/");
    assert!(why(&under("/api/x")).contains("choose another"));
    assert!(why(&under("/a//b")).contains("single slashes"));
    assert!(why(&under("/a/../b")).contains("single slashes"));
    assert!(why(&under("/a?b=c")).contains("single slashes"));
    assert!(why(&format!("listen = \"8443\"\n{PLAIN}")).contains("unix:FILE"));
    assert!(why(&format!("trusted-proxies = [\"proxy\"]\n{PLAIN}")).contains("neither an address"));
    assert!(why(&format!("trusted-proxies = [\"0.0.0.0/0\"]\n{PLAIN}")).contains("anybody"));
    assert!(why(&PLAIN.replace("\"corp\"", "\"Corp!\"")).contains("lower-case"));
    assert!(why(&format!("{PLAIN}\n[[provider]]\nid = \"corp\"\nissuer = \"https://b\"\nclient-id = \"x\"\nclient-secret-file = \"y\"")).contains("twice"));
    assert!(why(&PLAIN.replace("\"corp\"", "\"header\"")).contains("without a provider"));
    let number = "public-url = \"https://192.0.2.7\"\npasskeys = true";
    assert!(why(number).contains("belong to names"));
    assert!(
        Config::parse("public-url = \"https://a.b\"\npasskeys = true")
            .unwrap()
            .passkeys
    );
    let header =
        "[trusted-header]\nuser = \"X-User\"\nsecret-header = \"X-Secret\"\nsecret-file = \"/dev/null\"";
    assert!(why(&format!("{PLAIN}\n{header}")).contains("fewer than"));
    assert!(why(&format!("{PLAIN}\n{}", header.replace("X-User", "X User"))).contains("no header's name"));
    assert!(why(&format!("{PLAIN}\nscopes = [\"profile\"]")).contains("openid"));
    assert!(why("public-url = \"https://a.b\"").contains("nobody could log in"));
    assert!(why(&format!("database = \"mysql:x\"\n{PLAIN}")).contains("postgres://"));
    let admins = "admins = [{ provider = \"other\", subject = \"ada\" }]\n";
    assert!(why(&format!("{admins}{PLAIN}")).contains("not configured"));
    let turn = |rest: &str| why(&format!("{PLAIN}\n[turn]\nsecret-file = \"s\"\n{rest}"));
    assert!(turn("urls = []").contains("one to eight"));
    assert!(turn("urls = [\"turn:me:word@a\"]").contains("without names"));
    assert!(turn("urls = [\"stun:a\"]").contains("one to eight"));
    assert!(turn("urls = [\"turn:a\"]\nlifetime = 5").contains("between 60"));
    let both = "admins = [{ provider = \"corp\", subject = \"ada\", group = \"ops\" }]\n";
    assert!(why(&format!("{both}{PLAIN}")).contains("by one of them"));
}

#[test]
fn the_example_is_right_and_names_every_word() {
    let text = include_str!("../../../deploy/example/router.toml");
    let config = Config::parse(text).unwrap();
    assert_eq!(config.turn.unwrap().urls.len(), 3);
    let plain = Config::parse(PLAIN).unwrap();
    assert_eq!(
        config.listen, plain.listen,
        "the example says what holds without it"
    );
    assert_eq!(config.database, plain.database);
    let whole = text.replace("\n# ", "\n");
    for word in WORDS {
        assert!(
            whole.contains(&format!("{word} = ")) || whole.contains(&format!("[{word}]")),
            "{word}"
        );
    }
    // Each of them uncommented is a word of the configuration.
    let headers = text
        .split("# [trusted-header]")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let headers = format!("[trusted-header]{}", headers.replace("\n# ", "\n"));
    assert!(
        toml::from_str::<Written>(&format!("public-url = \"x\"\n{headers}")).is_ok(),
        "{headers}"
    );
}

/// What the file may say, without what is for working on the page.
const WORDS: [&str; 26] = [
    "public-url",
    "listen",
    "trusted-proxies",
    "state-dir",
    "database",
    "tls",
    "drain-delay",
    "admins",
    "passkeys",
    "[provider]",
    "id",
    "name",
    "issuer",
    "client-id",
    "client-secret-file",
    "scopes",
    "groups-claim",
    "acr-values",
    "ca-file",
    "trusted-header",
    "secret-header",
    "[ice-server]",
    "turn",
    "urls",
    "lifetime",
    "relay-only",
];
