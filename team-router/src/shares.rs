//! Sharing a host: somebody asks others onto it for a while, and gives on at most what they may do themselves.
//!
//! Pure. A share gives what its inviter's own roles give at that moment, cut to its kind. It adds nothing to what a role
//! of the member denies or takes.

use std::collections::BTreeSet;

use signaling_spec::claims::Consent;
use signaling_spec::{Right, Rights};

use crate::roles::{Decision, Factor, Said};
use crate::store::Account;

/// The shortest and the longest that a share lasts, in seconds.
pub const LASTS: std::ops::RangeInclusive<u64> = 15 * 60..=7 * 24 * 3600;
/// How long it lasts unless somebody says otherwise, in seconds.
pub const USUAL: u64 = 3600;
/// How many people one link lets in, at most.
pub const MOST_USES: u64 = 50;

/// What a share is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To see and hear.
    View,
    /// To work there: all that the inviter may do, but not to manage the session.
    Control,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Control => "control",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::View, Self::Control]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// What it gives of the inviter's rights.
    fn cut(self, inviter: &Rights) -> Rights {
        let fits = |right: &Right| match self {
            Self::View => matches!(right, Right::View | Right::Sound),
            Self::Control => *right != Right::SessionManage,
        };
        inviter.iter().filter(fits).collect()
    }
}

/// Who came by a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub account: String,
    pub name: String,
    /// Seconds since 1970.
    pub since: u64,
}

/// A share that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub id: String,
    pub host: String,
    pub inviter: Account,
    pub kind: Kind,
    /// Seconds since 1970, as is the next.
    pub created: u64,
    pub until: u64,
    /// How many more people its link lets in.
    pub uses_left: u64,
    pub members: Vec<Member>,
}

impl Share {
    pub fn has(&self, account: &str) -> bool {
        self.members.iter().any(|member| member.account == account)
    }

    /// What it gives, by what its inviter's own roles permit now; nothing if they may not share.
    pub fn gift(&self, inviter: Decision) -> Option<Gift<'_>> {
        inviter.share.then(|| Gift {
            by: &self.inviter.name,
            rights: self.kind.cut(&inviter.rights),
            max_session: inviter.max_session,
            factor: inviter.factor,
            consent: inviter.consent,
            audited: inviter.audited,
            until: self.until,
        })
    }
}

/// What one share gives at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift<'a> {
    /// The inviter's name.
    pub by: &'a str,
    pub rights: Rights,
    pub max_session: u64,
    pub factor: Factor,
    pub consent: Option<Consent>,
    pub audited: bool,
    pub until: u64,
}

/// What somebody may do by their own roles and by what others share with them. A share that adds nothing to the rest
/// counts for nothing; of those that add something, the strictest demands count.
pub fn with_shares(own: Said, mut gifts: Vec<Gift<'_>>) -> Decision {
    if own.denied {
        return Decision::denied();
    }
    let (taken, max_session, factor, consent) = (own.taken.clone(), own.max_session, own.factor, own.consent);
    let audited = own.audited;
    let alone = own.alone();
    let mut rights: BTreeSet<Right> = alone.rights.iter().collect();
    let mut decision = Decision {
        max_session,
        factor,
        consent,
        audited,
        ..alone
    };
    // The longest first: a shorter one that adds nothing to it ends no session.
    gifts.sort_by_key(|gift| std::cmp::Reverse(gift.until));
    for gift in gifts {
        let before = rights.len();
        rights.extend(gift.rights.iter().filter(|right| !taken.has(*right)));
        if rights.len() == before {
            continue;
        }
        decision.max_session = decision.max_session.min(gift.max_session);
        decision.factor = decision.factor.max(gift.factor);
        decision.consent = decision.consent.max(gift.consent);
        decision.audited |= gift.audited;
        decision.until = Some(decision.until.map_or(gift.until, |until| until.min(gift.until)));
    }
    if !rights.contains(&Right::View) {
        return Decision::denied();
    }
    decision.rights = rights.into_iter().collect();
    decision
}
