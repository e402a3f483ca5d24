//! What roles, locks and shares say, as of one moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::roles::{Decision, Labels, Role, Said, merge};
use crate::shares::{Gift, Share, with_shares};
use crate::store::{Account, Binding, Lock, LockKind, Result, Store, Subject};

/// Roles, who has them, locks and shares, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(super) version: i64,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) bindings: Vec<Binding>,
    pub(super) locks: Vec<Lock>,
    /// By host.
    pub(super) shares: BTreeMap<String, Vec<Share>>,
}

/// What may be done, or the lock that forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    May(Decision),
    Locked(String),
}

impl Policy {
    fn roles_of(&self, account: &Account) -> Vec<(&str, &Role)> {
        let has = |binding: &&Binding| {
            binding.provider == account.provider
                && match &binding.subject {
                    Subject::Account(subject) => *subject == account.subject,
                    Subject::Group(group) => account.groups.contains(group),
                }
        };
        let names: BTreeSet<&str> = self
            .bindings
            .iter()
            .filter(has)
            .map(|binding| binding.role.as_str())
            .collect();
        names
            .into_iter()
            .filter_map(|name| self.roles.get_key_value(name))
            .map(|(name, role)| (name.as_str(), role))
            .collect()
    }

    fn lock_on(&self, kind: LockKind, target: &str, now: u64) -> Option<&Lock> {
        self.locks.iter().find(|lock| {
            lock.kind == kind && lock.target == target && lock.expires.is_none_or(|expires| expires > now)
        })
    }

    /// The lock that shuts this person out of a host.
    fn shut_out(&self, account: &Account, host: &str, now: u64) -> Option<&Lock> {
        self.lock_on(LockKind::Account, &account.id, now)
            .or_else(|| self.lock_on(LockKind::Host, host, now))
            .or_else(|| {
                self.roles_of(account)
                    .iter()
                    .find_map(|(name, _)| self.lock_on(LockKind::Role, name, now))
            })
    }

    /// What this person may do on a host with these labels.
    pub fn answer(&self, account: &Account, host: &str, labels: &Labels, now: u64) -> Answer {
        match self.shut_out(account, host, now) {
            Some(lock) => Answer::Locked(lock.reason.clone()),
            None => Answer::May(self.without_locks(account, host, labels, now)),
        }
    }

    /// What this person's roles say and others share with them, whatever is locked for them.
    pub fn without_locks(&self, account: &Account, host: &str, labels: &Labels, now: u64) -> Decision {
        let gifts = self
            .shares_on(host)
            .iter()
            .filter(|share| share.has(&account.id))
            .filter_map(|share| self.gift(share, labels, now));
        with_shares(self.said(account, labels), gifts.collect())
    }

    /// What this person's own roles say.
    pub fn said(&self, account: &Account, labels: &Labels) -> Said {
        merge(self.roles_of(account).iter().map(|(_, role)| *role), labels)
    }

    pub fn shares_on(&self, host: &str) -> &[Share] {
        self.shares.get(host).map_or(&[], Vec::as_slice)
    }

    /// What a share of a host with these labels gives now, if anything.
    pub fn gift<'a>(&self, share: &'a Share, labels: &Labels, now: u64) -> Option<Gift<'a>> {
        if share.until <= now || self.shut_out(&share.inviter, &share.host, now).is_some() {
            return None;
        }
        share.gift(self.said(&share.inviter, labels).alone())
    }

    /// Whether the time of a lock or a share is over.
    pub(super) fn lapsed(&self, now: u64) -> bool {
        let mut locks = self.locks.iter().filter_map(|lock| lock.expires);
        let mut shares = self.shares.values().flatten().map(|share| share.until);
        locks.any(|expires| expires <= now) || shares.any(|until| until <= now)
    }

    /// Whether this person administers.
    pub fn is_admin(&self, account: &Account, now: u64) -> bool {
        self.any_role(account, now, |role| role.admin)
    }

    /// Whether this person may read the audit log.
    pub fn may_audit(&self, account: &Account, now: u64) -> bool {
        self.any_role(account, now, |role| role.admin || role.audit)
    }

    fn any_role(&self, account: &Account, now: u64, gives: impl Fn(&Role) -> bool) -> bool {
        self.lock_on(LockKind::Account, &account.id, now).is_none()
            && self
                .roles_of(account)
                .into_iter()
                .any(|(name, role)| gives(role) && self.lock_on(LockKind::Role, name, now).is_none())
    }
}

/// Reads all of it.
pub(super) async fn read(store: &Store, now: u64) -> Result<Policy> {
    // First the number: what changes meanwhile is read again.
    let version = store.policy_version().await?;
    let mut shares: BTreeMap<String, Vec<Share>> = BTreeMap::new();
    for share in store.shares(now).await? {
        shares.entry(share.host.clone()).or_default().push(share);
    }
    Ok(Policy {
        version,
        roles: store.roles().await?.into_iter().collect(),
        bindings: store.bindings().await?,
        locks: store.locks(now).await?,
        shares,
    })
}
