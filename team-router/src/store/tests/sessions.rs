//! Sessions, their ends, and coming back to them: on both databases.

use super::*;

pub(super) async fn all(store: &Store) {
    let session = |id: &str, host: &str| Session {
        id: id.to_owned(),
        host: host.to_owned(),
        account: "u-1".to_owned(),
        holder: "l-1".to_owned(),
        rights: "sound,view".to_owned(),
        created: 100,
        until: 200,
        factor: "webauthn".to_owned(),
        mfa_at: 99,
    };
    for (id, host) in [("s1", "h1"), ("s2", "h2"), ("s3", "h1")] {
        store.add_session(&session(id, host)).await.unwrap();
    }
    assert_eq!(store.live_sessions(None, 150).await.unwrap().len(), 3);
    assert_eq!(
        store.live_sessions(Some("h1"), 150).await.unwrap(),
        [session("s1", "h1"), session("s3", "h1")]
    );
    assert!(
        !store.end_session("s1", "h2", "closed", 160).await.unwrap(),
        "another host's"
    );
    assert!(store.end_session("s1", "h1", "closed", 160).await.unwrap());
    assert!(
        !store.end_session("s1", "h1", "lost", 170).await.unwrap(),
        "the first end counts"
    );
    assert_eq!(store.live_sessions(Some("h1"), 150).await.unwrap().len(), 1);
    assert!(store.live_sessions(None, 200).await.unwrap().is_empty());
    store.session_up("s2", 900).await.unwrap();
    store.session_up("s1", 900).await.unwrap();
    let left = store.live_sessions(None, 800).await.unwrap();
    assert_eq!(left.len(), 1, "what has ended stays so");
    assert_eq!((left[0].id.as_str(), left[0].until), ("s2", 900));
    let given = async |id: &str, host: &str, holder: &str, now: u64| {
        store.given_for(id, host, holder, now).await.unwrap()
    };
    assert_eq!(
        given("s2", "h2", "l-1", 800).await,
        Some(("webauthn".to_owned(), 99))
    );
    assert_eq!(given("s2", "h1", "l-1", 800).await, None, "on another host");
    assert_eq!(given("s2", "h2", "l-2", 800).await, None, "of another login");
    assert_eq!(given("s2", "h2", "l-1", 900).await, None, "too late");
    assert_eq!(given("s1", "h1", "l-1", 165).await, None, "closed");
    assert!(store.end_session("s2", "h2", "lost", 300).await.unwrap());
    assert!(given("s2", "h2", "l-1", 310).await.is_some(), "lost a moment ago");
    assert_eq!(given("s2", "h2", "l-1", 800).await, None, "lost for good");
    let waiting = Session {
        until: 150,
        ..session("s4", "h1")
    };
    store.add_session(&waiting).await.unwrap();
    assert_eq!(
        given("s4", "h1", "l-1", 120).await,
        None,
        "no host has accepted it"
    );
}
