//! Hosts that would like to belong to this router, until an administrator has typed their code (in the manner of RFC 8628).
//!
//! Kept in memory: whoever asks goes on asking, and a router that starts anew gives them another code.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a code waits, in seconds.
pub const WISH_LIFE: u64 = 600;
/// How often a host may ask again, in seconds.
pub const ASK_EVERY: u64 = 3;
/// More than any team sets up at a time.
const WISHES: usize = 500;
const FROM_ONE_ADDRESS: usize = 20;
/// RFC 8628 §6.1: no vowels, so that no code is a word, and nothing that looks like something else.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS_OF_CODE: usize = 8;

/// What a host said of itself, with a proof of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub host: String,
    pub kid: String,
    /// Ed25519, 32 bytes in base64url.
    pub public: String,
    pub name: String,
    /// Where it asked from.
    pub from: IpAddr,
}

#[derive(Debug)]
struct Waiting {
    wish: Wish,
    expires: u64,
    refused: bool,
}

/// How a host's wish stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits under this code, for so many seconds more.
    Waits {
        code: String,
        left: u64,
    },
    Refused,
    /// Too many wait, in all or from that address.
    Full,
}

/// See the module documentation.
#[derive(Debug, Default)]
pub struct Wishes(Mutex<BTreeMap<String, Waiting>>);

impl Wishes {
    fn lock(&self, now: u64) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.expires > now);
        all
    }

    /// The host asks, for the first time or again; `random` gives bytes that nobody can guess.
    pub fn ask(&self, wish: Wish, now: u64, random: impl Fn() -> Vec<u8>) -> Standing {
        let mut all = self.lock(now);
        if let Some((code, waiting)) = all.iter_mut().find(|(_, waiting)| waiting.wish.host == wish.host) {
            if waiting.refused {
                return Standing::Refused;
            }
            // A renamed machine is shown by the name that it has now.
            waiting.wish = wish;
            return Standing::Waits {
                code: code.clone(),
                left: waiting.expires - now,
            };
        }
        let neighbours = all
            .values()
            .filter(|waiting| waiting.wish.from == wish.from)
            .count();
        if all.len() >= WISHES || neighbours >= FROM_ONE_ADDRESS {
            return Standing::Full;
        }
        let code = loop {
            let code = code_of(&random());
            if code.len() == LETTERS_OF_CODE && !all.contains_key(&code) {
                break code;
            }
        };
        let waiting = Waiting {
            wish,
            expires: now + WISH_LIFE,
            refused: false,
        };
        all.insert(code.clone(), waiting);
        Standing::Waits {
            code,
            left: WISH_LIFE,
        }
    }

    /// What waits under this code, as people type it.
    pub fn look(&self, code: &str, now: u64) -> Option<Wish> {
        let all = self.lock(now);
        let found = all.get(&plain(code)).filter(|waiting| !waiting.refused)?;
        Some(found.wish.clone())
    }

    /// Takes it: of those who race for a code, one gets it.
    pub fn take(&self, code: &str, now: u64) -> Option<Wish> {
        let (mut all, code) = (self.lock(now), plain(code));
        if all.get(&code).is_none_or(|waiting| waiting.refused) {
            return None;
        }
        all.remove(&code).map(|waiting| waiting.wish)
    }

    /// The host hears it when it asks again, until its time is over.
    pub fn refuse(&self, code: &str, now: u64) -> Option<Wish> {
        let mut all = self.lock(now);
        let found = all.get_mut(&plain(code)).filter(|waiting| !waiting.refused)?;
        found.refused = true;
        Some(found.wish.clone())
    }
}

/// A code in the form in which it is shown: two groups of four letters.
pub fn shown(code: &str) -> String {
    let (first, second) = code.split_at_checked(LETTERS_OF_CODE / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

/// The letters alone, in capitals.
fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphabetic)
        .take(LETTERS_OF_CODE + 1)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

/// As many letters as the bytes give, each as likely as any other.
fn code_of(random: &[u8]) -> String {
    let even = 256 - 256 % LETTERS.len();
    random
        .iter()
        .map(|byte| usize::from(*byte))
        .filter(|byte| *byte < even)
        .take(LETTERS_OF_CODE)
        .filter_map(|byte| LETTERS.get(byte % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn wish(host: &str, from: u8) -> Wish {
        Wish {
            host: host.to_owned(),
            kid: format!("{host}-kid"),
            public: "key".to_owned(),
            name: "dev".to_owned(),
            from: IpAddr::from([192, 0, 2, from]),
        }
    }

    fn ask(all: &Wishes, host: &str, from: u8, now: u64) -> Standing {
        all.ask(wish(host, from), now, || {
            router::auth::random_secret().into_bytes()
        })
    }

    fn code(standing: Standing) -> String {
        let Standing::Waits { code, .. } = standing else {
            panic!("{standing:?}")
        };
        code
    }

    #[test]
    fn a_host_that_asks_again_has_the_same_code_until_its_time_is_over() {
        let all = Wishes::default();
        let first = code(ask(&all, "a", 1, NOW));
        assert_eq!(first.len(), 8);
        assert!(first.bytes().all(|letter| LETTERS.contains(&letter)));
        assert_eq!(
            ask(&all, "a", 1, NOW + 60),
            Standing::Waits {
                code: first.clone(),
                left: 540
            }
        );
        let typed = shown(&first).to_ascii_lowercase().replace('-', " - ");
        assert_eq!(all.look(&typed, NOW + 599).unwrap().host, "a");
        assert_eq!(all.look(&first, NOW + 600), None);
        assert_ne!(code(ask(&all, "a", 1, NOW + 600)), first);
    }

    #[test]
    fn a_code_is_taken_once_and_one_that_was_refused_not_at_all() {
        let all = Wishes::default();
        let (a, b) = (code(ask(&all, "a", 1, NOW)), code(ask(&all, "b", 1, NOW)));
        assert_eq!(all.take(&a, NOW).unwrap().host, "a");
        assert_eq!(all.take(&a, NOW), None);
        assert_eq!(all.refuse(&b, NOW).unwrap().host, "b");
        assert_eq!(
            (all.look(&b, NOW), all.take(&b, NOW), all.refuse(&b, NOW)),
            (None, None, None)
        );
        assert_eq!(ask(&all, "b", 1, NOW), Standing::Refused);
        assert!(matches!(
            ask(&all, "b", 1, NOW + WISH_LIFE),
            Standing::Waits { .. }
        ));
        assert_eq!(all.take("", NOW), None);
        assert_eq!(all.take(&format!("{a}X"), NOW), None);
    }

    #[test]
    fn nobody_fills_the_memory() {
        let all = Wishes::default();
        for n in 0..FROM_ONE_ADDRESS {
            code(ask(&all, &format!("a{n}"), 1, NOW));
        }
        assert_eq!(ask(&all, "more", 1, NOW), Standing::Full);
        code(ask(&all, "more", 2, NOW));
        for n in 0..WISHES {
            ask(
                &all,
                &format!("b{n}"),
                u8::try_from(n / FROM_ONE_ADDRESS).unwrap() + 3,
                NOW,
            );
        }
        assert_eq!(ask(&all, "last", 99, NOW), Standing::Full);
        code(ask(&all, "last", 99, NOW + WISH_LIFE));
    }

    #[test]
    fn letters_are_even_and_too_few_bytes_make_no_code() {
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(code_of(&every), "BCDFGHJK");
        assert_eq!(code_of(&[240, 255, 0]), "B");
    }
}
