//! Whether the log in a database is whole: every row, in step with every checkpoint, a part at a time.

use super::{Keys, Verifier};
use crate::store::{Link, Store};

/// Rows and checkpoints that are read at a time.
const PART: u32 = 1000;

/// Checks the whole log, and that it holds what was `seen` of it. Returns its end, and the last row that a checkpoint
/// names.
///
/// # Errors
/// The database does not answer, or the log is not what it was: then the error is a [`super::Tampered`].
pub async fn verify_store(store: &Store, keys: &Keys, seen: Option<Link>) -> anyhow::Result<(Link, u64)> {
    let mut verifier = Verifier::new();
    if let Some(seen) = seen {
        verifier.expect(seen)?;
    }
    let mut signed = 0;
    loop {
        let after = verifier.end().seq;
        let rows = store.audit_after(after, PART).await?;
        // Whoever cut rows off left the word of a later one.
        let last = rows.last().map_or(u64::MAX, |last| last.seq);
        signed = expect(store, keys, &mut verifier, (after, last))
            .await?
            .unwrap_or(signed);
        if rows.is_empty() {
            return Ok((verifier.finish()?, signed));
        }
        verifier.rows(&rows)?;
    }
}

/// Tells the verifier of every checkpoint of rows between two; the last one that there is.
async fn expect(
    store: &Store,
    keys: &Keys,
    verifier: &mut Verifier,
    (after, last): (u64, u64),
) -> anyhow::Result<Option<u64>> {
    let mut named = None;
    loop {
        let found = store.checkpoints(named.unwrap_or(after), last, PART).await?;
        for checkpoint in &found {
            verifier.expect(keys.check(checkpoint)?)?;
            named = Some(checkpoint.seq);
        }
        if found.is_empty() {
            return Ok(named);
        }
    }
}
