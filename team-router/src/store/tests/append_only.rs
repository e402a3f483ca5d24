//! The audit log takes rows and gives none back, on both databases; and a database without room says so and goes on.

use super::*;

/// What is there: rows and checkpoints, as text.
async fn held(store: &Store) -> String {
    let rows = store.audit_after(0, 99).await.unwrap();
    let signed = store.checkpoints(0, u64::MAX, 99).await.unwrap();
    format!("{rows:?} {signed:?}")
}

pub(super) async fn all(store: &Store) {
    let sqlite = is_sqlite(store.pool.acquire().await.unwrap().backend_name());
    let before = held(store).await;
    assert!(
        before.contains("RMV6005I") && before.contains("Checkpoint {"),
        "{before}"
    );
    let mut tried = vec![
        "UPDATE audit SET text = 'x' WHERE seq = 2",
        "UPDATE audit SET seq = 99 WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "UPDATE audit_checkpoint SET token = 'x'",
        "DELETE FROM audit_checkpoint",
        "INSERT INTO audit (seq, at, code, text, hash) VALUES (2, 1, 'c', 'x', 'h')",
    ];
    let replaces = [
        "INSERT OR REPLACE INTO audit (seq, at, code, text, hash) VALUES (2, 1, 'c', 'x', 'h')",
        "INSERT INTO audit (seq, at, code, text, hash) VALUES (2, 1, 'c', 'x', 'h') ON CONFLICT (seq) DO UPDATE SET text = 'x'",
        "UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 3",
    ];
    if sqlite {
        tried.extend(replaces);
    } else {
        tried.extend(["TRUNCATE audit", "TRUNCATE audit_checkpoint", replaces[1]]);
    }
    for statement in tried {
        let done = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&store.pool)
            .await;
        let error = done.expect_err(statement).to_string();
        let said = ["append-only", "has that row already", "audit_pkey"];
        assert!(
            said.iter().any(|words| error.contains(words)),
            "{statement}: {error}"
        );
        assert_eq!(held(store).await, before, "{statement}");
    }
    // The word that is there stays, and saying it again is no fault.
    let first = store.checkpoints(0, u64::MAX, 1).await.unwrap().remove(0);
    let again = Checkpoint {
        token: "another".to_owned(),
        ..first
    };
    store.add_checkpoint(&again).await.unwrap();
    if sqlite {
        let replace = "INSERT OR REPLACE INTO audit_checkpoint (seq, kid, token) SELECT seq, kid, 'x' FROM audit_checkpoint";
        sqlx::query(replace).execute(&store.pool).await.unwrap();
    }
    assert_eq!(held(store).await, before);
}

#[tokio::test]
async fn a_database_without_room_says_so_and_goes_on() {
    let (store, _place) = sqlite().await;
    let pages = |many: u32| {
        let pool = store.pool.clone();
        async move {
            let mut all = Vec::new();
            for _ in 0..8 {
                let mut one = pool.acquire().await.unwrap();
                let pragma = format!("PRAGMA max_page_count = {many}");
                sqlx::query(sqlx::AssertSqlSafe(pragma))
                    .execute(&mut *one)
                    .await
                    .unwrap();
                all.push(one);
            }
        }
    };
    let entry = |seq: u64| Entry {
        seq,
        at: seq,
        code: "RMV1001I".to_owned(),
        account: String::new(),
        host: String::new(),
        text: "x".repeat(3000),
        hash: "h".to_owned(),
    };
    pages(1).await;
    let mut seq = 1;
    let error = loop {
        match store.append_audit(&[entry(seq)]).await {
            Ok(()) => seq += 1,
            Err(error) => break error,
        }
        assert!(seq < 999, "it has no end");
    };
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("make room"), "{error}");
    let refused = crate::error::TeamError::from(error);
    assert_eq!((refused.code(), refused.status()), ("disk_full", 503));
    assert_eq!(
        store.audit_after(0, 999).await.unwrap().len() + 1,
        usize::try_from(seq).unwrap()
    );
    // What a full disk took back leaves no connection that would lose what it is given next.
    for _ in 0..10 {
        pages(1).await;
        let error = store.append_audit(&[entry(seq)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    }
    pages(100_000).await;
    for _ in 0..9 {
        store.append_audit(&[entry(seq)]).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..8 {
            let mut one = store.pool.acquire().await.unwrap();
            let row = sqlx::query("SELECT MAX(seq) AS last FROM audit")
                .fetch_one(&mut *one)
                .await
                .unwrap();
            assert_eq!(
                unsigned(sqlx::Row::get(&row, "last")),
                seq,
                "every connection sees it"
            );
            all.push(one);
        }
        seq += 1;
    }
}
