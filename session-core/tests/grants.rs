//! Grants are taken once, for what they say, and sessions end with their lease.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use session_core::grants::{GrantError, Grants, LONGEST_LEASE, Now, thumbprint};
use signaling_spec::claims::{Confirmation, Consent, GrantClaims};
use signaling_spec::{Fingerprint, HostId, Right, Rights, SessionId, Signal, TokenId};

const UNIX: u64 = 1_800_000_000;

fn fp() -> Fingerprint {
    Fingerprint::from_digest(&[7; 32])
}

fn claims() -> GrantClaims {
    GrantClaims {
        iss: "router".to_owned(),
        aud: "host-a".to_owned(),
        sub: "Ada".to_owned(),
        jti: TokenId("g1".to_owned()),
        iat: UNIX,
        nbf: UNIX,
        exp: UNIX + 60,
        sid: SessionId("s1".to_owned()),
        cnf: Confirmation {
            x5t_s256: thumbprint(&fp()),
        },
        viewer_nonce: "nonce".to_owned(),
        rights: Rights::all(),
        holder: TokenId("u1".to_owned()),
        lease: 300,
        until: UNIX + 8 * 3600,
        consent: Some(Consent::Ask),
        mfa_at: None,
    }
}

fn request() -> Signal {
    Signal::SessionRequest {
        sid: SessionId("s1".to_owned()),
        // What is not signed counts for nothing.
        subject: "root".to_owned(),
        token: TokenId("somebody else".to_owned()),
        rights: Rights::all(),
        viewer_fp: fp(),
        viewer_nonce: "nonce".to_owned(),
        page: Some("desk.example".to_owned()),
        local: None,
        resume: None,
        ice_servers: None,
        relay_only: Some(true),
        consent: None,
        grant: Some("e30.e30.AA".to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test starts its own time")]
fn now() -> Now {
    Now {
        instant: Instant::now(),
        unix: UNIX,
    }
}

fn grants() -> Grants {
    Grants::new(HostId("host-a".to_owned()), Rights::all())
}

#[test]
fn what_is_signed_counts() {
    let floor: Rights = Right::ALL
        .into_iter()
        .filter(|right| *right != Right::Microphone)
        .collect();
    let mut grants = Grants::new(HostId("host-a".to_owned()), floor.clone());
    let Signal::SessionRequest {
        subject,
        token,
        rights,
        grant,
        ..
    } = grants.admit(request(), claims(), now()).unwrap()
    else {
        panic!("another message");
    };
    assert_eq!((subject.as_str(), token.0.as_str(), grant), ("Ada", "u1", None));
    assert_eq!(rights, floor, "never more than this host permits");
}

#[test]
fn a_grant_opens_one_session() {
    let (mut grants, now) = (grants(), now());
    grants.admit(request(), claims(), now).unwrap();
    assert_eq!(grants.admit(request(), claims(), now), Err(GrantError::Used));
    grants.over(&claims().sid);
    assert_eq!(grants.admit(request(), claims(), now), Err(GrantError::Used));
    // When it is forgotten its time is over.
    let later = Now {
        unix: UNIX + 3600,
        ..now
    };
    assert_eq!(
        grants.admit(request(), claims(), later),
        Err(GrantError::Time { by: 3540 })
    );
}

#[test]
fn each_field_that_is_bound_is_looked_at() {
    type Change = fn(&mut GrantClaims);
    let changes: [(Change, GrantError); 8] = [
        (|c| c.aud = "host-b".to_owned(), GrantError::OtherHost),
        (|c| c.sid.0 = "s2".to_owned(), GrantError::Differs),
        (|c| c.viewer_nonce = "other".to_owned(), GrantError::Differs),
        (
            |c| c.cnf.x5t_s256 = thumbprint(&Fingerprint::from_digest(&[8; 32])),
            GrantError::Differs,
        ),
        (|c| c.cnf.x5t_s256.clear(), GrantError::Differs),
        (|c| c.nbf = UNIX + 3600, GrantError::Time { by: 3600 }),
        (|c| c.exp = UNIX - 3600, GrantError::Time { by: 3600 }),
        (|c| c.until = UNIX - 10, GrantError::Time { by: 10 }),
    ];
    for (change, expected) in changes {
        let (mut grants, mut claims) = (grants(), claims());
        change(&mut claims);
        assert_eq!(
            grants.admit(request(), claims.clone(), now()),
            Err(expected),
            "{claims:?}"
        );
        assert_eq!(grants.live().count(), 0);
    }
    assert!(
        grants().admit(request(), claims(), now()).is_ok(),
        "the honest twin"
    );
}

#[test]
fn a_host_may_want_a_second_factor_of_a_short_while_ago() {
    let try_at = |mfa_at: Option<u64>| {
        let claims = GrantClaims { mfa_at, ..claims() };
        grants()
            .with_mfa_within(Some(300))
            .admit(request(), claims, now())
            .map(|_| ())
    };
    assert_eq!(try_at(None), Err(GrantError::NoFactor));
    assert_eq!(try_at(Some(0)), Err(GrantError::OldFactor { by: UNIX - 305 }));
    assert_eq!(try_at(Some(UNIX - 306)), Err(GrantError::OldFactor { by: 1 }));
    assert_eq!(try_at(Some(UNIX + 6)), Err(GrantError::Time { by: 6 }));
    assert_eq!(
        try_at(Some(u64::MAX)),
        Err(GrantError::Time { by: u64::MAX - UNIX })
    );
    for good in [UNIX - 305, UNIX - 1, UNIX, UNIX + 5] {
        assert_eq!(try_at(Some(good)), Ok(()), "the honest twin");
    }
    let wants_none = grants().with_mfa_within(None).admit(request(), claims(), now());
    assert!(wants_none.is_ok());
}

#[test]
fn a_session_ends_with_its_lease_or_its_time() {
    let (mut grants, now) = (grants(), now());
    grants.admit(request(), claims(), now).unwrap();
    let at = |seconds: u64| now.instant + Duration::from_secs(seconds);
    assert_eq!(grants.poll_timeout(), Some(at(300)));
    assert!(grants.handle_timeout(at(299)).is_empty());
    grants.renew(&claims().sid, 300, at(299));
    assert!(grants.handle_timeout(at(598)).is_empty());
    assert_eq!(grants.handle_timeout(at(599)), [claims().sid]);
    grants.renew(&claims().sid, 300, at(599));
    assert_eq!(grants.poll_timeout(), None, "what is over stays so");
}

#[test]
fn no_lease_outlives_the_sessions_last_moment() {
    let (mut grants, now) = (grants(), now());
    let brief = GrantClaims {
        until: UNIX + 100,
        ..claims()
    };
    grants.admit(request(), brief, now).unwrap();
    grants.renew(&claims().sid, u32::MAX, now.instant);
    assert_eq!(
        grants.poll_timeout(),
        Some(now.instant + Duration::from_secs(100))
    );
}

proptest! {
    /// Whatever numbers a router signs: no panic, and no session without an end.
    #[test]
    fn every_session_has_an_end(iat: u64, nbf: u64, exp: u64, lease: u32, until: u64, renewals: Vec<u32>) {
        let (mut grants, now) = (grants(), now());
        let claims = GrantClaims { iat, nbf, exp, lease, until, ..claims() };
        if grants.admit(request(), claims.clone(), now).is_ok() {
            for seconds in renewals {
                grants.renew(&claims.sid, seconds, now.instant);
                prop_assert!(grants.poll_timeout().unwrap() <= now.instant + LONGEST_LEASE);
            }
            prop_assert_eq!(grants.handle_timeout(now.instant + LONGEST_LEASE).len(), 1);
        } else {
            prop_assert_eq!(grants.live().count(), 0);
        }
    }
}
