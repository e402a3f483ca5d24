//! Logging in: at an OpenID provider, and what of it this router remembers.

pub mod oidc;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use router::auth::sha256;

/// How long a person may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);
/// Logins under way; the oldest makes room.
const UNDER_WAY: usize = 10_000;
/// A login ends after this long without use, in seconds.
pub const IDLE: u64 = 8 * 3600;
/// A login ends after this long, whatever happens, in seconds.
pub const LONGEST: u64 = 12 * 3600;

/// A login that was sent to its provider and has not come back.
#[derive(Clone, Debug)]
pub struct UnderWay {
    pub provider: String,
    pub asked: oidc::Secrets,
    /// Where to go afterwards: a path of our own.
    pub to: String,
    /// SHA-256 of the cookie of the browser that began it.
    browser: [u8; 32],
}

/// The logins under way, by the hash of their `state`. Each comes back once, and to the browser that it began in.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<BTreeMap<[u8; 32], (Instant, UnderWay)>>);

impl Waiting {
    pub fn put(
        &self,
        state: &str,
        browser: &str,
        provider: &str,
        asked: oidc::Secrets,
        to: String,
        now: Instant,
    ) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (at, _)| now.saturating_duration_since(*at) < PATIENCE);
        if waiting.len() >= UNDER_WAY {
            let oldest = waiting
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(state, _)| *state);
            oldest.map(|state| waiting.remove(&state));
        }
        let under_way = UnderWay {
            provider: provider.to_owned(),
            asked,
            to,
            browser: sha256(browser.as_bytes()),
        };
        waiting.insert(sha256(state.as_bytes()), (now, under_way));
    }

    /// Takes it out, whoever asks; gives it to the right browser only.
    pub fn take(&self, state: &str, browser: &str, now: Instant) -> Option<UnderWay> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, under_way) = waiting.remove(&sha256(state.as_bytes()))?;
        let in_time = now.saturating_duration_since(at) < PATIENCE;
        // Of hashes, so that the time of a comparison tells nothing.
        (in_time && under_way.browser == sha256(browser.as_bytes())).then_some(under_way)
    }
}

/// A path of ours to go to, or their beginning, `home`.
pub fn own_path(home: &str, wanted: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~?=&%".contains(&b);
    let rest = wanted.strip_prefix(home);
    let own = rest.is_some_and(|rest| !rest.starts_with('/') && !rest.starts_with("auth/"))
        // A browser reads an encoded dot as a dot.
        && !wanted.to_ascii_lowercase().replace("%2e", ".").split(['/', '?']).any(|part| part == "..")
        && wanted.len() <= 512
        && wanted.bytes().all(plain);
    if own { wanted } else { home }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> oidc::Secrets {
        oidc::Secrets {
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
        }
    }

    #[test]
    fn a_login_comes_back_once_and_to_its_browser() {
        let (waiting, now) = (Waiting::default(), Instant::now());
        let put = |state: &str| waiting.put(state, "cookie", "corp", asked(), "/".to_owned(), now);
        put("a");
        assert!(waiting.take("a", "cookie", now).is_some());
        assert!(waiting.take("a", "cookie", now).is_none(), "used");
        put("b");
        assert!(waiting.take("b", "another browser's", now).is_none());
        assert!(
            waiting.take("b", "cookie", now).is_none(),
            "and gone with the attempt"
        );
        put("c");
        assert!(waiting.take("c", "cookie", now + PATIENCE).is_none(), "too late");
        assert!(waiting.take("", "", now).is_none());
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for own in ["/", "/desktop?host=abc", "/hosts"] {
            assert_eq!(own_path("/", own), own);
        }
        for other in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "evil",
            "",
            "/a\r\nSet-Cookie: x",
            "/auth/logout",
            "/\t/evil.example",
            "/@evil",
            "/a/../auth/logout",
        ] {
            assert_eq!(own_path("/", other), "/", "{other:?}");
        }
        assert_eq!(own_path("/desk/", "/desk/desktop?host=a"), "/desk/desktop?host=a");
        for other in [
            "/",
            "/mail/",
            "/desk",
            "/desk//evil",
            "/desk/auth/logout",
            "/desk/../mail/",
            "/desk/%2E./mail/",
        ] {
            assert_eq!(own_path("/desk/", other), "/desk/", "{other:?}");
        }
    }
}
