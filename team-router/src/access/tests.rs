//! What shares give beside roles: never more than the inviter may do now, and nothing against a role that denies.

use signaling_spec::Right;
use signaling_spec::claims::Consent;

use super::*;
use crate::roles::{Decision, Labels};
use crate::shares::{Kind, Member, Share};
use crate::store::{Account, Lock, LockKind};

const HOST: &str = "h1";

fn account(name: &str) -> Account {
    Account {
        id: format!("u-{name}"),
        provider: "corp".to_owned(),
        subject: name.to_owned(),
        name: name.to_owned(),
        email: String::new(),
        groups: vec![],
    }
}

fn labels() -> Labels {
    serde_json::from_str(r#"{"env": "dev"}"#).unwrap()
}

fn share(id: &str, kind: Kind, until: u64) -> Share {
    let member = |name: &str| Member {
        account: account(name).id,
        name: name.to_owned(),
        since: 0,
    };
    Share {
        id: id.to_owned(),
        host: HOST.to_owned(),
        inviter: account("ada"),
        kind,
        created: 0,
        until,
        uses_left: 0,
        members: vec![member("bob"), member("eve")],
    }
}

/// `ada` and `bob` have a role of their own name each, of the hosts of env=dev, with what is written.
fn policy(ada: &str, bob: &str, shares: Vec<Share>) -> Policy {
    let covers = r#""allow": {"labels": {"env": ["dev"]}}"#;
    let mut policy = Policy::default();
    for (name, more) in [("ada", ada), ("bob", bob)] {
        let role = Role::parse(&format!("{{{covers}{more}}}")).unwrap();
        policy.roles.insert(name.to_owned(), role);
        policy.bindings.push(Binding {
            provider: "corp".to_owned(),
            subject: Subject::Account(name.to_owned()),
            role: name.to_owned(),
        });
    }
    policy.shares.insert(HOST.to_owned(), shares);
    policy
}

const ADA: &str =
    r#", "share": true, "rights": {"view": true, "input_keyboard": true, "session_manage": true}"#;

fn may(policy: &Policy, name: &str, now: u64) -> Decision {
    match policy.answer(&account(name), HOST, &labels(), now) {
        Answer::May(decision) => decision,
        Answer::Locked(reason) => panic!("{reason}"),
    }
}

fn rights(policy: &Policy, name: &str) -> String {
    may(policy, name, 50).rights.canonical()
}

#[test]
fn a_share_gives_what_the_inviter_may_do_of_its_kind() {
    let view = policy(ADA, "", vec![share("s", Kind::View, 100)]);
    assert_eq!(rights(&view, "bob"), "view", "no sound, which ada has not either");
    assert_eq!(rights(&view, "mallory"), "", "no member");
    let control = policy(ADA, "", vec![share("s", Kind::Control, 100)]);
    assert_eq!(
        rights(&control, "bob"),
        "input_keyboard,view",
        "not managing the session"
    );
    let bob = may(&control, "bob", 50);
    assert_eq!((bob.share, bob.until), (false, Some(100)), "nor sharing on");
    assert_eq!(may(&control, "bob", 100), Decision::denied(), "its time is over");
    let elsewhere = control.answer(&account("bob"), "h2", &labels(), 50);
    assert_eq!(elsewhere, Answer::May(Decision::denied()), "another host");
    for (what, ada) in [
        (
            "sharing is not given any more",
            ADA.replace("true, \"rights", "false, \"rights"),
        ),
        (
            "the inviter sees nothing any more",
            ADA.replace("\"view\": true, ", ""),
        ),
        (
            "the inviter covers another host",
            ADA.replace(
                ", \"share\"",
                ", \"deny\": {\"labels\": {\"*\": [\"*\"]}}, \"share\"",
            ),
        ),
    ] {
        let less = policy(&ada, "", vec![share("s", Kind::Control, 100)]);
        assert_eq!(rights(&less, "bob"), "", "{what}");
    }
}

#[test]
fn roles_of_the_member_that_deny_or_take_win() {
    let shares = || vec![share("s", Kind::Control, 100)];
    let denied = policy(ADA, r#", "deny": {"labels": {"env": ["dev"]}}"#, shares());
    assert_eq!(rights(&denied, "bob"), "");
    assert_eq!(rights(&denied, "eve"), "input_keyboard,view", "the honest twin");
    let taken = policy(ADA, r#", "rights": {"input_keyboard": false}"#, shares());
    assert_eq!(rights(&taken, "bob"), "view");
    let blind = policy(ADA, r#", "rights": {"view": false}"#, shares());
    assert_eq!(rights(&blind, "bob"), "");
    let own = policy(
        ADA,
        r#", "share": true, "rights": {"view": true, "sound": true}"#,
        shares(),
    );
    assert_eq!(rights(&own, "bob"), "input_keyboard,sound,view", "both together");
    assert!(may(&own, "bob", 50).share, "by their own role");
}

#[test]
fn the_strictest_of_both_counts_where_a_share_adds_something() {
    let strict =
        ADA.to_owned() + r#", "require_session_mfa": "webauthn", "host_consent": "ask", "max_session": 60"#;
    let bob = r#", "rights": {"view": true}, "require_session_mfa": "step_up", "host_consent": "notify", "max_session": 600"#;
    let adds = may(
        &policy(&strict, bob, vec![share("s", Kind::Control, 100)]),
        "bob",
        50,
    );
    assert_eq!(
        (adds.factor, adds.consent, adds.max_session, adds.until),
        (Factor::Webauthn, Some(Consent::Ask), 60, Some(100))
    );
    let nothing = may(
        &policy(&strict, bob, vec![share("s", Kind::View, 100)]),
        "bob",
        50,
    );
    assert_eq!(
        (
            nothing.factor,
            nothing.consent,
            nothing.max_session,
            nothing.until
        ),
        (Factor::StepUp, Some(Consent::Notify), 600, None),
        "it gives what bob has"
    );
    let two = vec![share("short", Kind::View, 60), share("long", Kind::Control, 100)];
    let two = may(&policy(ADA, "", two), "bob", 50);
    assert_eq!(
        two.until,
        Some(100),
        "the longer one gives all that the shorter does"
    );
    let two = vec![share("short", Kind::Control, 60), share("long", Kind::View, 100)];
    let two = may(&policy(ADA, "", two), "bob", 50);
    assert_eq!(
        (two.rights.has(Right::InputKeyboard), two.until),
        (true, Some(60))
    );
}

#[test]
fn a_lock_on_either_ends_it() {
    let lock = |kind: LockKind, target: &str| {
        let mut locked = policy(ADA, "", vec![share("s", Kind::Control, 100)]);
        locked.locks.push(Lock {
            id: "l".to_owned(),
            kind,
            target: target.to_owned(),
            reason: "why".to_owned(),
            expires: None,
        });
        locked
    };
    for (kind, target) in [(LockKind::Account, "u-ada"), (LockKind::Role, "ada")] {
        assert_eq!(rights(&lock(kind, target), "bob"), "", "{target}");
    }
    let out = Answer::Locked("why".to_owned());
    for (kind, target) in [
        (LockKind::Account, "u-bob"),
        (LockKind::Role, "bob"),
        (LockKind::Host, HOST),
    ] {
        let locked = lock(kind, target);
        assert_eq!(
            locked.answer(&account("bob"), HOST, &labels(), 50),
            out,
            "{target}"
        );
    }
    assert_eq!(
        rights(&lock(LockKind::Account, "u-eve"), "bob"),
        "input_keyboard,view"
    );
}

#[test]
fn the_end_of_a_share_is_noticed() {
    let policy = policy(ADA, "", vec![share("s", Kind::View, 100)]);
    assert!(!policy.lapsed(99));
    assert!(policy.lapsed(100));
}
