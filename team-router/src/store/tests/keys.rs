//! One key of a host follows another, once, and there is no way back.

use super::*;

/// Of a host `h1` with one key of that name.
pub(super) async fn follow(store: &Store) {
    let next = |old: &str, new: &str| signaling_spec::api::Succession {
        old_pub: old.to_owned(),
        new_pub: new.to_owned(),
        iat: 1,
        old_sig: String::new(),
        new_sig: String::new(),
    };
    let waits = async |kid: &str| store.host_key(kid).await.unwrap().map(|key| key.waits);
    assert!(
        store
            .add_next_key("h1", "k2", &next("PUB", "P2"), 600)
            .await
            .unwrap()
    );
    // Said again, and changed: the one that waited goes.
    assert!(
        store
            .add_next_key("h1", "k2", &next("PUB", "P2"), 601)
            .await
            .unwrap()
    );
    assert!(
        store
            .add_next_key("h1", "k3", &next("PUB", "P3"), 602)
            .await
            .unwrap()
    );
    assert_eq!(
        (waits("h1").await, waits("k2").await, waits("k3").await),
        (Some(false), None, Some(true))
    );
    assert_eq!(store.active_key("h1").await.unwrap().as_deref(), Some("PUB"));
    assert_eq!(store.key_chain("h1").await.unwrap(), [], "it did not follow yet");
    assert!(
        !store
            .add_next_key("h1", "h1", &next("PUB", "PUB"), 603)
            .await
            .unwrap(),
        "a key of ours"
    );
    assert!(
        !store
            .add_next_key("h1", "h2", &next("PUB", "x"), 603)
            .await
            .unwrap(),
        "a key of another's"
    );
    assert_eq!(waits("k3").await, Some(true), "a refusal changes nothing");
    assert!(!store.follow_key("h2", "k3").await.unwrap(), "another's");
    assert!(store.follow_key("h1", "k3").await.unwrap());
    assert!(!store.follow_key("h1", "k3").await.unwrap(), "once");
    assert_eq!((waits("h1").await, waits("k3").await), (None, Some(false)));
    assert_eq!(store.active_key("h1").await.unwrap().as_deref(), Some("P3"));
    assert!(
        store
            .add_next_key("h1", "k4", &next("P3", "P4"), 604)
            .await
            .unwrap()
    );
    assert!(store.follow_key("h1", "k4").await.unwrap());
    assert_eq!(
        store.key_chain("h1").await.unwrap(),
        [next("PUB", "P3"), next("P3", "P4")]
    );
    assert!(
        !store
            .add_next_key("h1", "k3", &next("P4", "P3"), 605)
            .await
            .unwrap(),
        "no way back"
    );
}
