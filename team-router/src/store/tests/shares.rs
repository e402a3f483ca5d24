//! Shares and their members: on both databases.

use super::*;
use crate::shares::Kind;

async fn people(store: &Store) {
    for name in ["s-ada", "s-bob", "s-eve"] {
        let person = Person {
            subject: name,
            name,
            ..ada(&[])
        };
        store.greet(&person, name, 100).await.unwrap();
    }
    for (token, id) in [("s-t1", "s-h1"), ("s-t2", "s-h2")] {
        store
            .add_enroll_token(token, "abc", &Labels::new(), "console", 100, 200)
            .await
            .unwrap();
        let enrolled = store.enroll(token, id, id, "PUB", "box", 150).await.unwrap();
        assert_eq!(enrolled, Enrolled::Done);
    }
}

fn new<'a>(id: &'a str, host: &'a str, uses: u64) -> NewShare<'a> {
    NewShare {
        id,
        hash: id,
        host,
        account: "s-ada",
        kind: Kind::Control,
        uses,
        until: 1000,
    }
}

pub(super) async fn all(store: &Store, rounds: u32) {
    people(store).await;
    let version = async || store.policy_version().await.unwrap();
    let mut before = version().await;
    let mut changed = async |what: &str| {
        let now = version().await;
        assert!(now > before, "{what} is seen by running routers");
        before = now;
    };
    store.add_share(&new("s1", "s-h1", 2), 100).await.unwrap();
    changed("a share").await;
    let accept =
        async |hash: &str, account: &str, now: u64| store.accept_share(hash, account, now).await.unwrap();
    assert_eq!(accept("s1", "s-bob", 1000).await, Accepted::Refused, "too late");
    assert_eq!(accept("other", "s-bob", 200).await, Accepted::Refused);
    assert_eq!(accept("s1", "s-bob", 200).await, Accepted::Joined);
    changed("a member").await;
    assert_eq!(accept("s1", "s-bob", 300).await, Accepted::Member);
    assert_eq!(accept("s1", "s-eve", 300).await, Accepted::Joined);
    assert_eq!(accept("s1", "s-ada", 400).await, Accepted::Refused, "used up");
    assert_eq!(
        accept("s1", "s-eve", 400).await,
        Accepted::Member,
        "whoever has it"
    );
    let share = store.share("s1", 999).await.unwrap().unwrap();
    assert_eq!(
        (share.host.as_str(), share.inviter.subject.as_str(), share.kind),
        ("s-h1", "s-ada", Kind::Control)
    );
    assert_eq!((share.created, share.until, share.uses_left), (100, 1000, 0));
    let members: Vec<_> = share.members.iter().map(|m| (m.name.as_str(), m.since)).collect();
    assert_eq!(members, [("s-bob", 200), ("s-eve", 300)]);
    assert_eq!(store.shares(999).await.unwrap(), [share]);
    assert!(store.shares(1000).await.unwrap().is_empty());
    for hash in ["", "s1"] {
        assert!(store.share(hash, 1000).await.unwrap().is_none(), "{hash}");
    }
    assert!(
        store.share("", 100).await.unwrap().is_none(),
        "no secret is no link"
    );

    assert!(!store.end_share("s1", Some("s-bob")).await.unwrap(), "another's");
    assert!(store.end_share("s1", Some("s-ada")).await.unwrap());
    changed("an end").await;
    assert!(!store.end_share("s1", None).await.unwrap());
    assert_eq!(accept("s1", "s-bob", 200).await, Accepted::Refused, "ended");
    store.add_share(&new("s2", "s-h2", 1), 100).await.unwrap();
    assert_eq!(accept("s2", "s-bob", 200).await, Accepted::Joined);
    assert!(store.remove_host("s-h2").await.unwrap());
    assert!(
        store.shares(200).await.unwrap().is_empty(),
        "it goes with the host"
    );

    for n in 0..3 {
        let id = format!("m{n}");
        store.add_share(&new(&id, "s-h1", 1), 100).await.unwrap();
    }
    assert_eq!(store.held("s-ada", Held::Shares, 100).await.unwrap(), 3);
    assert_eq!(store.held("s-bob", Held::Shares, 100).await.unwrap(), 0);
    let later = NewShare {
        until: 2000,
        ..new("later", "s-h1", 1)
    };
    store.add_share(&later, 1000).await.unwrap();
    assert_eq!(
        store.held("s-ada", Held::Shares, 1000).await.unwrap(),
        1,
        "those that are over count no more"
    );
    assert!(
        store.end_share("later", None).await.unwrap(),
        "an administrator's end"
    );
    groups(store).await;
    races(store, rounds).await;
}

/// A login that changes somebody's groups changes what rests on them.
async fn groups(store: &Store) {
    let before = store.policy_version().await.unwrap();
    let bob = |groups| Person {
        subject: "s-bob",
        name: "s-bob",
        ..ada(groups)
    };
    store.greet(&bob(&[]), "x", 300).await.unwrap();
    assert_eq!(
        store.policy_version().await.unwrap(),
        before,
        "nothing has changed"
    );
    store.greet(&bob(&["ops".to_owned()]), "x", 300).await.unwrap();
    assert!(store.policy_version().await.unwrap() > before);
}

/// Many race for the places of a link, and the same person with themselves.
async fn races(store: &Store, rounds: u32) {
    for round in 0..rounds {
        let id = format!("race-{round}");
        store.add_share(&new(&id, "s-h1", 1), 100).await.unwrap();
        let mut takers = tokio::task::JoinSet::new();
        for account in ["s-bob", "s-eve", "s-bob", "s-eve"] {
            let (store, id) = (store.clone(), id.clone());
            takers.spawn(async move { store.accept_share(&id, account, 200).await.unwrap() });
        }
        let ends = takers.join_all().await;
        let joined = ends.iter().filter(|end| **end == Accepted::Joined).count();
        assert_eq!(joined, 1, "round {round}: {ends:?}");
        let share = store.share(&id, 200).await.unwrap().unwrap();
        assert_eq!((share.uses_left, share.members.len()), (0, 1), "round {round}");

        let twice = format!("twice-{round}");
        store.add_share(&new(&twice, "s-h1", 3), 100).await.unwrap();
        let (one, two) = tokio::join!(
            store.accept_share(&twice, "s-bob", 200),
            store.accept_share(&twice, "s-bob", 200)
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(
            [one, two].contains(&Accepted::Joined) && [one, two].contains(&Accepted::Member),
            "round {round}: {one:?} {two:?}"
        );
        let share = store.share(&twice, 200).await.unwrap().unwrap();
        assert_eq!(share.uses_left, 2, "round {round}: one person takes one place");
        for id in [&id, &twice] {
            assert!(store.end_share(id, None).await.unwrap());
        }
    }
}
