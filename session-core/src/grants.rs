//! Which of a router's wishes a host obeys, and for how long: grants, each taken once, and leases.
//!
//! A router that is not one process with the host signs every session that it asks for. What is signed counts; the
//! message around it only has to agree. A session lives while its lease is renewed, so that whoever was let in by a
//! router that is away now does not stay for ever.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signaling_spec::claims::GrantClaims;
use signaling_spec::limits::{CLOCK_LEEWAY, MAX_VIEWERS};
use signaling_spec::{Fingerprint, HostId, Rights, SessionId, Signal, TokenId};

/// Grants that are remembered; more within a minute is a fault.
const REMEMBERED: usize = 1024;
/// The longest that a grant may wait for its use, in seconds.
const LONGEST_WAIT: u64 = 300;
/// The longest lease, whatever is asked for.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// Why a request is not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("the grant is for another host")]
    OtherHost,
    #[error("the grant's time is over, or has not come: a clock is wrong by {by} s")]
    Time { by: u64 },
    #[error("the grant was used already")]
    Used,
    #[error("the request says something else than its grant")]
    Differs,
    #[error("this host wants a second factor, and the grant names none")]
    NoFactor,
    #[error("the second factor was given {by} s too long ago for this host")]
    OldFactor { by: u64 },
    #[error("more grants than this host remembers")]
    TooMany,
}

/// Whole time, by the two clocks: one for what is written in tokens, one for waiting.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub instant: Instant,
    /// Seconds since 1970.
    pub unix: u64,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    lease: Instant,
    until: Instant,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Grants {
    host: HostId,
    /// What this host permits to anybody, whatever a router says.
    floor: Rights,
    /// How long ago a second factor may have been given, in seconds; nothing: none is wanted here.
    mfa_within: Option<u64>,
    /// When each can be forgotten.
    used: BTreeMap<TokenId, u64>,
    live: BTreeMap<SessionId, Life>,
}

impl Grants {
    pub fn new(host: HostId, floor: Rights) -> Self {
        Self {
            host,
            floor,
            mfa_within: None,
            used: BTreeMap::new(),
            live: BTreeMap::new(),
        }
    }

    /// Lets in only whoever gave a second factor at most so many seconds ago, whatever a router asks for.
    pub fn with_mfa_within(mut self, seconds: Option<u64>) -> Self {
        self.mfa_within = seconds;
        self
    }

    fn check_factor(&self, given: Option<u64>, now: u64) -> Result<(), GrantError> {
        let Some(within) = self.mfa_within else {
            return Ok(());
        };
        let (at, leeway) = (given.ok_or(GrantError::NoFactor)?, CLOCK_LEEWAY.as_secs());
        if at > now.saturating_add(leeway) {
            return Err(GrantError::Time { by: at - now });
        }
        let by = now
            .saturating_sub(at)
            .saturating_sub(within.saturating_add(leeway));
        if by > 0 {
            Err(GrantError::OldFactor { by })
        } else {
            Ok(())
        }
    }

    /// Takes a `session.request` whose grant's signature was right, and returns it as it is to be obeyed.
    ///
    /// # Errors
    /// It is not for this host, not for now, used already, or not what the message says.
    pub fn admit(&mut self, request: Signal, claims: GrantClaims, now: Now) -> Result<Signal, GrantError> {
        let Signal::SessionRequest {
            sid,
            viewer_fp,
            viewer_nonce,
            resume,
            ice_servers,
            relay_only,
            ..
        } = request
        else {
            return Err(GrantError::Differs);
        };
        if claims.aud != self.host.0 {
            return Err(GrantError::OtherHost);
        }
        let leeway = CLOCK_LEEWAY.as_secs();
        let begins = claims.nbf.max(claims.iat);
        if begins > now.unix.saturating_add(leeway) {
            return Err(GrantError::Time {
                by: begins - now.unix,
            });
        }
        if claims.exp > now.unix.saturating_add(LONGEST_WAIT) {
            return Err(GrantError::Time {
                by: claims.exp - now.unix,
            });
        }
        let ends = claims.exp.min(claims.until);
        if ends.saturating_add(leeway) <= now.unix {
            return Err(GrantError::Time { by: now.unix - ends });
        }
        if sid != claims.sid
            || viewer_nonce != claims.viewer_nonce
            || !is_confirmed(&viewer_fp, &claims.cnf.x5t_s256)
        {
            return Err(GrantError::Differs);
        }
        self.check_factor(claims.mfa_at, now.unix)?;
        self.used.retain(|_, forget| *forget > now.unix);
        if self.used.contains_key(&claims.jti) || self.live.contains_key(&sid) {
            return Err(GrantError::Used);
        }
        if self.used.len() >= REMEMBERED || self.live.len() >= 2 * MAX_VIEWERS {
            return Err(GrantError::TooMany);
        }
        self.used
            .insert(claims.jti, claims.exp.saturating_add(2 * leeway));
        let left = Duration::from_secs(claims.until.saturating_sub(now.unix));
        let life = Life {
            lease: now.instant + lease(claims.lease),
            until: now
                .instant
                .checked_add(left)
                .unwrap_or(now.instant + LONGEST_LEASE),
        };
        self.live.insert(sid.clone(), life);
        Ok(Signal::SessionRequest {
            sid,
            subject: claims.sub,
            token: claims.holder,
            rights: claims.rights.both(&self.floor),
            viewer_fp,
            viewer_nonce,
            // Where the viewer reached the router: no way to this host.
            page: None,
            local: None,
            resume,
            grant: None,
            // Where to find a way, which gives no right.
            ice_servers,
            relay_only,
            consent: claims.consent,
        })
    }

    /// The session may last for so much longer; one that is over stays so.
    pub fn renew(&mut self, sid: &SessionId, seconds: u32, now: Instant) {
        if let Some(life) = self.live.get_mut(sid) {
            life.lease = now + lease(seconds);
        }
    }

    /// The session has ended.
    pub fn over(&mut self, sid: &SessionId) {
        self.live.remove(sid);
    }

    /// What lives on.
    pub fn live(&self) -> impl Iterator<Item = &SessionId> {
        self.live.keys()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.live.values().map(|life| life.lease.min(life.until)).min()
    }

    /// Returns the sessions that end now.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<SessionId> {
        let over = |life: &Life| life.lease.min(life.until) <= now;
        self.live
            .extract_if(.., |_, life| over(life))
            .map(|(sid, _)| sid)
            .collect()
    }
}

fn lease(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into()).min(LONGEST_LEASE)
}

/// Whether the fingerprint is that of the named certificate (`x5t#S256`, RFC 8705 §3.1).
fn is_confirmed(fingerprint: &Fingerprint, x5t_s256: &str) -> bool {
    thumbprint(fingerprint) == x5t_s256
}

/// A certificate's name in a grant: the hash that the fingerprint writes in hex, in base64url.
pub fn thumbprint(fingerprint: &Fingerprint) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint.digest())
}
