//! Passkeys, proofs, logins that are renewed or ended, and invitations: on both databases.

use super::*;

pub(super) async fn all(store: &Store) {
    let passkey = |id: &str, counter: u64| Kept {
        id: id.to_owned(),
        account: "u-1".to_owned(),
        json: "{}".to_owned(),
        counter,
        name: "key".to_owned(),
        created: 100,
        last_used: 0,
    };
    assert!(store.add_passkey(&passkey("c1", 0)).await.unwrap());
    assert!(
        !store.add_passkey(&passkey("c1", 5)).await.unwrap(),
        "of that name"
    );
    assert_eq!(store.passkey("c1").await.unwrap().unwrap(), passkey("c1", 0));
    for (counter, noted) in [
        (0, true),
        (0, true),
        (3, true),
        (3, false),
        (2, false),
        (0, false),
        (4, true),
    ] {
        let used = store.passkey_used("c1", "{\"n\":1}", counter, 200).await.unwrap();
        assert_eq!(used, noted, "{counter}");
    }
    let (one, two) = tokio::join!(
        store.passkey_used("c1", "a", 9, 1),
        store.passkey_used("c1", "b", 9, 1)
    );
    assert!(one.unwrap() != two.unwrap(), "of two with one count, one");
    assert!(!store.name_passkey("u-2", "c1", "mine").await.unwrap());
    assert!(store.name_passkey("u-1", "c1", "desk").await.unwrap());
    assert_eq!(store.passkeys("u-1").await.unwrap()[0].name, "desk");
    assert!(!store.remove_passkey("u-2", "c1").await.unwrap());
    assert!(store.remove_passkey("u-1", "c1").await.unwrap());
    assert!(store.add_passkey(&passkey("c2", 0)).await.unwrap());
    assert_eq!(store.forget_passkeys("u-1").await.unwrap(), 1);
    assert!(store.passkey("c2").await.unwrap().is_none());

    let logins = async || {
        let mut found = Vec::new();
        for hash in ["a", "b"] {
            found.push(store.login(hash, 250).await.unwrap().map(|login| login.jti));
        }
        found
    };
    let put = async || {
        store
            .add_login(&login("a", "u-1", 90, 300), "l-a", 200)
            .await
            .unwrap();
        let other = NewLogin {
            provider_sid: "sid-2",
            ..login("b", "u-1", 90, 300)
        };
        store.add_login(&other, "l-b", 200).await.unwrap();
    };
    put().await;
    store.stepped_up("l-a", 210).await.unwrap();
    store.showed_passkey("l-b", 220).await.unwrap();
    let proofs = |step_up_at, passkey_at| Proofs {
        step_up_at,
        passkey_at,
    };
    assert_eq!(store.proofs("l-a").await.unwrap(), proofs(210, 0));
    assert_eq!(store.proofs("l-b").await.unwrap(), proofs(0, 220));
    assert_eq!(store.proofs("l-c").await.unwrap(), proofs(0, 0));
    let anew = login("c", "u-1", 95, 400);
    assert_eq!(store.renew_login("x", &anew, 250).await.unwrap(), None);
    let theirs = login("c", "u-2", 95, 400);
    assert_eq!(
        store.renew_login("a", &theirs, 250).await.unwrap(),
        None,
        "somebody else's"
    );
    assert_eq!(
        store.renew_login("a", &anew, 250).await.unwrap().as_deref(),
        Some("l-a")
    );
    assert_eq!(
        logins().await,
        [None, Some("l-b".to_owned())],
        "its old secret is gone"
    );
    for (provider, subject, sid, ended) in [
        ("corp", "", "", 0),
        ("other", "ada", "", 0),
        ("corp", "bob", "", 0),
        ("corp", "ada", "sid-9", 0),
        ("corp", "ada", "sid-2", 1),
        ("corp", "", "sid-1", 1),
    ] {
        let gone = store.end_logins_at(provider, subject, sid).await.unwrap();
        assert_eq!(gone, ended, "{provider} {subject} {sid}");
    }
    put().await;
    assert_eq!(store.end_logins_at("corp", "ada", "").await.unwrap(), 2);
    put().await;
    assert_eq!(store.end_logins_of("u-2").await.unwrap(), 0);
    assert_eq!(store.end_logins_of("u-1").await.unwrap(), 2);

    let invite = Invite {
        name: "Grace".to_owned(),
        admin: true,
    };
    store
        .add_invite("i1", &invite, "console", 100, 200)
        .await
        .unwrap();
    assert_eq!(store.held("console", Held::Invitations, 150).await.unwrap(), 1);
    assert_eq!(store.held("console", Held::Invitations, 200).await.unwrap(), 0);
    assert_eq!(store.invite("i1", 150).await.unwrap().as_ref(), Some(&invite));
    assert_eq!(store.invite("i1", 200).await.unwrap(), None, "too late");
    assert_eq!(store.take_invite("i1", 200).await.unwrap(), None);
    let (one, two) = tokio::join!(store.take_invite("i1", 150), store.take_invite("i1", 150));
    assert!(
        one.unwrap().is_some() != two.unwrap().is_some(),
        "one of two gets it"
    );
}
