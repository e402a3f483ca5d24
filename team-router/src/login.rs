//! Logging in: at an OpenID provider, and what of it this router remembers.

pub mod oidc;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use router::auth::sha256;

/// How long a person may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long it is remembered where a login was to lead: whoever comes late, and is logged in by now, gets there.
const REMEMBERED: Duration = Duration::from_secs(4 * 3600);
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
    /// The login that is to be proven anew, and when that was asked for, in seconds since 1970.
    pub anew: Option<(String, u64)>,
}

/// A login that came back.
#[derive(Clone, Debug)]
pub enum Returned {
    InTime(Box<UnderWay>),
    /// To the right browser, but too late; where it was to go.
    Late(String),
}

#[derive(Debug)]
struct Kept {
    at: Instant,
    /// SHA-256 of the cookie of the browser that began it.
    browser: [u8; 32],
    under_way: UnderWay,
}

/// The logins under way, by the hash of their `state`. Each comes back once, and to the browser that it began in.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<BTreeMap<[u8; 32], Kept>>);

impl Waiting {
    pub fn put(&self, state: &str, browser: &str, under_way: UnderWay, now: Instant) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, kept| now.saturating_duration_since(kept.at) < REMEMBERED);
        if waiting.len() >= UNDER_WAY {
            let oldest = waiting
                .iter()
                .min_by_key(|(_, kept)| kept.at)
                .map(|(state, _)| *state);
            oldest.map(|state| waiting.remove(&state));
        }
        let kept = Kept {
            at: now,
            browser: sha256(browser.as_bytes()),
            under_way,
        };
        waiting.insert(sha256(state.as_bytes()), kept);
    }

    /// Takes it out, whoever asks; gives it to the right browser only.
    pub fn take(&self, state: &str, browser: &str, now: Instant) -> Option<Returned> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = waiting.remove(&sha256(state.as_bytes()))?;
        // Of hashes, so that the time of a comparison tells nothing.
        if kept.browser != sha256(browser.as_bytes()) {
            return None;
        }
        Some(if now.saturating_duration_since(kept.at) < PATIENCE {
            Returned::InTime(Box::new(kept.under_way))
        } else {
            Returned::Late(kept.under_way.to)
        })
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
        let put = |state: &str| {
            let under_way = UnderWay {
                provider: "corp".to_owned(),
                asked: asked(),
                to: "/there".to_owned(),
                anew: None,
            };
            waiting.put(state, "cookie", under_way, now);
        };
        let in_time = |taken: Option<Returned>| matches!(taken, Some(Returned::InTime(_)));
        put("a");
        assert!(in_time(waiting.take("a", "cookie", now)));
        assert!(waiting.take("a", "cookie", now).is_none(), "used");
        put("b");
        assert!(waiting.take("b", "another browser's", now).is_none());
        assert!(
            waiting.take("b", "cookie", now).is_none(),
            "and gone with the attempt"
        );
        put("c");
        let late = waiting.take("c", "cookie", now + PATIENCE);
        assert!(matches!(late, Some(Returned::Late(to)) if to == "/there"));
        put("d");
        put("e");
        let under_way = |at: Instant| in_time(waiting.take("e", "cookie", at));
        assert!(waiting.take("d", "another browser's", now + PATIENCE).is_none());
        assert!(!under_way(now + REMEMBERED));
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
