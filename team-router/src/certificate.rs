//! The router's own certificate: which one, and a word in good time before it ends. Nobody comes in after that.
//!
//! The word is said in the log and in the audit log when its last part begins, once a day from then on, and anew for one
//! that takes its place.

use std::sync::Arc;
use std::time::Duration;

use router::auth::direct::unix_now;
use router::tls::Certificate;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::{Config, Listen};

/// Certificates that live long are spoken of so many seconds before their end.
const BEFORE: u64 = 14 * DAY;
/// Others when this part of their life is left: what renews itself does so at a third.
const LAST_PART: u64 = 4;
/// It is said once in so many seconds.
const DAY: u64 = 24 * 3600;
/// How often it is looked at: as often as the files are.
const LOOK_EVERY: Duration = router::tls::RELOAD_EVERY;

/// From when until when a certificate is good, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub begins: u64,
    pub ends: u64,
}

impl Life {
    /// What the served certificate says of itself; nothing if it cannot be read.
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let leaf = certificate.leaf();
        let (_, read) = X509Certificate::from_der(&leaf).ok()?;
        let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or_default();
        Some(Self {
            begins: seconds(read.validity().not_before),
            ends: seconds(read.validity().not_after),
        })
    }

    /// Seconds that are left, below zero when it is over.
    pub fn left(self, now: u64) -> i64 {
        let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        signed(self.ends).saturating_sub(signed(now))
    }

    fn is_ending(self, now: u64) -> bool {
        let part = self.ends.saturating_sub(self.begins) / LAST_PART;
        now.saturating_add(BEFORE.min(part)) >= self.ends
    }

    /// For people: how long it is good for.
    fn words(self, now: u64) -> String {
        let left = self.ends.saturating_sub(now);
        match (left / DAY, left / 3600) {
            _ if self.ends <= now => "is over: browsers and hosts do not come in".to_owned(),
            (2.., _) => format!("ends in {} days", left / DAY),
            (_, 2..) => format!("ends in {} hours", left / 3600),
            _ => format!("ends in {} minutes", left / 60),
        }
    }
}

/// The certificate that the configuration names, or one of the router's own making.
///
/// # Errors
/// It cannot be read or made.
pub fn open(config: &Config) -> anyhow::Result<Certificate> {
    if let Some(tls) = &config.tls {
        return Certificate::load(&tls.cert, &tls.key);
    }
    let name = config.site_name();
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => Certificate::self_signed(&config.state_dir, &[], &[address]),
        Err(_) => Certificate::self_signed(&config.state_dir, &[name.to_owned()], &[]),
    }
}

/// How long the configured certificate is good for, in words; nothing where none is served, or the router makes its own.
///
/// # Errors
/// It cannot be read, or is over.
pub fn check(config: &Config, now: u64) -> anyhow::Result<Option<String>> {
    let (Some(tls), Listen::Port(_)) = (&config.tls, &config.listen) else {
        return Ok(None);
    };
    let Some(life) = Life::of(&Certificate::load(&tls.cert, &tls.key)?) else {
        anyhow::bail!(
            "the certificate {} has no time in it that can be read",
            tls.cert.display()
        );
    };
    let words = format!("the certificate {} {}", tls.cert.display(), life.words(now));
    anyhow::ensure!(life.ends > now, "{words}");
    Ok(Some(if life.is_ending(now) {
        format!("{words}: renew it; the router reads it again by itself")
    } else {
        words
    }))
}

/// Remembers what was said of which certificate.
#[derive(Debug, Default)]
struct Teller(Option<(String, u64)>);

impl Teller {
    /// Whether it is to be said now.
    fn is_due(&mut self, name: &str, life: Life, now: u64) -> bool {
        if !life.is_ending(now) {
            return false;
        }
        let said = self.0.as_ref().filter(|(of, _)| of == name).map(|(_, at)| *at);
        // Once more at the very end, however lately it was said.
        let due = said.is_none_or(|at| at + DAY <= now || at < life.ends && life.ends <= now);
        if due {
            self.0 = Some((name.to_owned(), now));
        }
        due
    }
}

/// Looks at the served certificate for as long as the router runs.
pub(crate) async fn watch(certificate: Arc<Certificate>, own: bool) {
    let mut teller = Teller::default();
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tick.tick().await;
        let (now, name) = (unix_now(), certificate.sha256());
        let Some(life) = Life::of(&certificate) else {
            continue;
        };
        if !teller.is_due(&name, life, now) {
            continue;
        }
        let remedy = if own {
            "restart the router: it makes a new one with the same key"
        } else {
            "renew it; the router reads it again by itself"
        };
        let (words, ends) = (life.words(now), life.ends);
        tracing::warn!(
            code = "certificate_ends",
            sha256 = name,
            "The certificate {words}; {remedy}"
        );
        router::audit!(
            "RMV6013W",
            ends,
            sha256 = name,
            "The certificate ends soon, or has ended"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_in_good_time_daily_and_anew() {
        let year = Life {
            begins: 0,
            ends: 365 * DAY,
        };
        let mut teller = Teller::default();
        let end = year.ends;
        let mut due = |name: &str, now: u64| teller.is_due(name, year, now);
        assert!(!due("a", end - BEFORE - 1));
        assert!(due("a", end - BEFORE));
        assert!(!due("a", end - BEFORE + DAY - 1), "once a day");
        assert!(due("a", end - BEFORE + DAY));
        assert!(due("b", end - BEFORE + DAY + 1), "another one in its place");
        assert!(!due("b", end - BEFORE + DAY + 2));
        assert!(due("b", end - 10));
        assert!(due("b", end), "and at its end");
        assert!(!due("b", end + 1));
        assert!(due("b", end + DAY));
        // One of six days is not spoken of all its life.
        let short = Life {
            begins: 0,
            ends: 6 * DAY,
        };
        let mut teller = Teller::default();
        assert!(!teller.is_due("c", short, 4 * DAY));
        assert!(teller.is_due("c", short, 4 * DAY + DAY / 2));
    }

    #[test]
    fn how_long_is_said_in_words() {
        let life = Life {
            begins: 0,
            ends: 30 * DAY,
        };
        for (now, words) in [
            (0, "ends in 30 days"),
            (28 * DAY, "ends in 2 days"),
            (28 * DAY + 1, "ends in 47 hours"),
            (30 * DAY - 90, "ends in 1 minutes"),
            (30 * DAY, "is over"),
        ] {
            assert!(life.words(now).starts_with(words), "{now}: {}", life.words(now));
        }
        assert_eq!((life.left(0), life.left(30 * DAY + 5)), (30 * 24 * 3600, -5));
    }
}
