//! Who may do what now: roles and locks as they stand in the database, and what they mean for sessions that live.
//!
//! Every second the database is asked whether anything changed. So a lock, a lowered role or a removed host reaches a
//! live session within two seconds, whichever process made the change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use router::auth::direct::unix_now;
use router::auth::{Authority, TokenError, Tokens};
use signaling_spec::claims::AccessClaims;
use signaling_spec::{Rights, SessionId};

use crate::audit::Pulse;
use crate::config::Admin;
use crate::roles::{Decision, Factor, Labels, Role, Said, merge};
use crate::shares::{Gift, Share, with_shares};
use crate::store::{Account, Binding, Lock, LockKind, Result, Store, Subject};

/// How often the database is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the audit log may fail before sessions end that are not to be without it: a database that is slow for a moment
/// ends none.
const UNWRITTEN: Duration = Duration::from_secs(5);
/// How long a session may wait for its host's word, in seconds: a ticket's life, the way to the host, and the time that
/// the person there has for an answer.
pub const PENDING: u64 = 90;

/// Roles, who has them, locks and shares, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    version: i64,
    roles: BTreeMap<String, Role>,
    bindings: Vec<Binding>,
    locks: Vec<Lock>,
    /// By host.
    shares: BTreeMap<String, Vec<Share>>,
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
    fn lapsed(&self, now: u64) -> bool {
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

/// What a live session rests on.
#[derive(Clone, Debug)]
struct Live {
    account: String,
    host: String,
    holder: String,
    rights: Rights,
    began: u64,
    /// Its last moment, once the host has accepted it.
    until: u64,
    accepted: bool,
    factor: Factor,
    /// Not without the audit log.
    audited: bool,
}

/// An end that the database could not be told of.
#[derive(Clone, Debug)]
struct Owed {
    sid: SessionId,
    host: String,
    reason: String,
    at: u64,
}

/// What a session is opened for.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'a> {
    pub account: &'a str,
    pub host: &'a str,
    pub holder: &'a str,
    pub rights: &'a Rights,
    pub now: u64,
    pub until: u64,
    /// What was given for it beside the login.
    pub factor: Factor,
    /// Whether it is not to be without the audit log.
    pub audited: bool,
}

/// See the module documentation.
#[derive(Debug)]
pub struct Access {
    store: Store,
    tokens: Tokens,
    policy: RwLock<Arc<Policy>>,
    live: Mutex<BTreeMap<SessionId, Live>>,
    over: Mutex<BTreeSet<SessionId>>,
    owed: Mutex<Vec<Owed>>,
    pulse: Pulse,
}

/// The role that whoever the configuration names as an administrator has.
pub const ADMINISTRATOR: &str = "administrator";

async fn ensure_administrator(store: &Store) -> Result<()> {
    let known = store.roles().await?.iter().any(|(name, _)| name == ADMINISTRATOR);
    if !known {
        store
            .set_role(ADMINISTRATOR, &Role::administrator(), unix_now())
            .await?;
    }
    Ok(())
}

/// Gives somebody the role [`ADMINISTRATOR`].
///
/// # Errors
/// The database does not answer.
pub async fn make_administrator(store: &Store, provider: &str, subject: &str) -> Result<()> {
    ensure_administrator(store).await?;
    let binding = Binding {
        provider: provider.to_owned(),
        subject: Subject::Account(subject.to_owned()),
        role: ADMINISTRATOR.to_owned(),
    };
    store.bind_role(&binding).await
}

impl Access {
    /// # Errors
    /// The database does not answer, or holds a role that cannot be read.
    pub async fn open(
        store: Store,
        tokens: Tokens,
        admins: &[Admin],
        pulse: Pulse,
    ) -> anyhow::Result<Arc<Self>> {
        if !admins.is_empty() {
            ensure_administrator(&store).await?;
        }
        for admin in admins {
            let subject = match (&admin.subject, &admin.group) {
                (Some(subject), _) => Subject::Account(subject.clone()),
                (None, Some(group)) => Subject::Group(group.clone()),
                (None, None) => continue,
            };
            let binding = Binding {
                provider: admin.provider.clone(),
                subject,
                role: ADMINISTRATOR.to_owned(),
            };
            store.bind_role(&binding).await?;
        }
        let policy = read(&store, unix_now()).await?;
        Ok(Arc::new(Self {
            store,
            tokens,
            policy: RwLock::new(Arc::new(policy)),
            live: Mutex::default(),
            over: Mutex::default(),
            owed: Mutex::default(),
            pulse,
        }))
    }

    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many sessions live, or were let in just now.
    pub fn sessions(&self) -> usize {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many of them are this account's, on hosts of which that is true.
    pub fn sessions_of(&self, account: &str, counts: impl Fn(&str) -> bool) -> u64 {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut many = 0;
        for (sid, live) in live.iter().filter(|(_, live)| live.account == account) {
            many += u64::from(!over.contains(sid) && counts(&live.host));
        }
        many
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Watches over a session until it is [`Self::ended`], or its host has not accepted it within [`PENDING`].
    pub fn began(&self, sid: SessionId, opened: Opened<'_>) {
        let live = Live {
            account: opened.account.to_owned(),
            host: opened.host.to_owned(),
            holder: opened.holder.to_owned(),
            rights: opened.rights.clone(),
            began: opened.now,
            until: opened.until,
            accepted: false,
            factor: opened.factor,
            audited: opened.audited,
        };
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sid, live);
    }

    /// The host has accepted it; returns its last moment and whose it is. A host accepts its own sessions only.
    pub fn accepted(&self, sid: &SessionId, host: &str) -> Option<(u64, String)> {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let live = all.get_mut(sid).filter(|live| live.host == host)?;
        live.accepted = true;
        Some((live.until, live.account.clone()))
    }

    /// Forgets it; whose it was, and since when in seconds since 1970.
    pub fn ended(&self, sid: &SessionId) -> Option<(String, u64)> {
        self.over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(sid);
        let ended = self
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(sid);
        ended.map(|live| (live.account, live.began))
    }

    /// Whether what happens now is written down.
    pub fn is_audited(&self) -> bool {
        self.pulse.failing_for(Instant::now()).is_none()
    }

    /// Whether this session is on that host. A host speaks for its own sessions only.
    pub fn is_on(&self, sid: &SessionId, host: &str) -> bool {
        let all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(sid).is_some_and(|live| live.host == host)
    }

    /// Tells the database of an end as soon as it takes it.
    pub fn owe(&self, sid: &SessionId, host: &str, reason: &str, at: u64) {
        let owed = Owed {
            sid: sid.clone(),
            host: host.to_owned(),
            reason: reason.to_owned(),
            at,
        };
        self.owed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(owed);
    }

    async fn pay(&self) -> Result<()> {
        let owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for end in &owed {
            self.store
                .end_session(&end.sid.0, &end.host, &end.reason, end.at)
                .await?;
            // It was the first, and others are added at the end.
            let mut all = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = all.drain(..1);
        }
        Ok(())
    }

    /// Nothing can be written down: whoever is not to be without that, goes.
    fn end_unwritten(&self) {
        if self
            .pulse
            .failing_for(Instant::now())
            .is_none_or(|so_long| so_long < UNWRITTEN)
        {
            return;
        }
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let audited = live.iter().filter(|(_, live)| live.audited);
        self.over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(audited.map(|(sid, _)| sid.clone()));
    }

    /// Looks at the database for as long as the router runs.
    pub async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.look().await {
                // Who is in stays until the lease ends; nobody new comes in without a database.
                tracing::warn!(%error, "Roles and locks cannot be read");
            }
        }
    }

    async fn look(&self) -> Result<()> {
        let now = unix_now();
        self.end_unwritten();
        // Tickets that nobody used in time.
        let waits = |live: &Live| live.accepted || live.began + PENDING > now;
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, live| waits(live));
        let held = self.policy();
        if self.store.policy_version().await? != held.version || held.lapsed(now) {
            self.refresh().await?;
        }
        self.pay().await
    }

    /// Reads everything anew, and judges the live sessions by it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refresh(&self) -> Result<()> {
        let now = unix_now();
        let policy = Arc::new(read(&self.store, now).await?);
        let live: Vec<(SessionId, Live)> = {
            let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.iter()
                .map(|(sid, live)| (sid.clone(), live.clone()))
                .collect()
        };
        for (sid, live) in live {
            let host = self.store.host(&live.host).await?;
            let account = self.store.account_of(&live.account, &live.holder, now).await?;
            let stays = match (host, account) {
                (Some(host), Some(account)) => match policy.answer(&account, &live.host, &host.labels, now) {
                    Answer::May(decision) => {
                        self.note_audited(&sid, decision.audited);
                        live.factor >= decision.factor
                            && live.rights.iter().all(|right| decision.rights.has(right))
                    }
                    Answer::Locked(_) => false,
                },
                _ => false,
            };
            if !stays {
                self.over
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(sid);
            }
        }
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
        Ok(())
    }
}

impl Access {
    fn note_audited(&self, sid: &SessionId, audited: bool) {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = all.get_mut(sid) {
            live.audited = audited;
        }
    }
}

async fn read(store: &Store, now: u64) -> Result<Policy> {
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

impl Authority for Access {
    fn verify(&self, token: &str) -> std::result::Result<AccessClaims, TokenError> {
        self.tokens.verify(token, unix_now())
    }

    fn still_valid(&self, sid: &SessionId, claims: &AccessClaims) -> bool {
        claims.exp > unix_now()
            && !self
                .over
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(sid)
    }
}

#[cfg(test)]
#[path = "access/tests.rs"]
mod tests;
