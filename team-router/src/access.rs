//! Who may do what now: roles and locks as they stand in the database, and what they mean for sessions that live.
//!
//! Every second the database is asked whether anything changed. So a lock, a lowered role or a removed host reaches a
//! live session within two seconds, whichever process made the change.

mod policy;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use router::auth::direct::unix_now;
use router::auth::{Authority, TokenError, Tokens};
use signaling_spec::claims::AccessClaims;
use signaling_spec::{Rights, SessionId};

use crate::audit::Pulse;
use crate::config::Admin;
use crate::roles::{Factor, Role};
use crate::store::{Binding, Result, Store, Subject};

use policy::read;
pub use policy::{Answer, Policy};

/// How often the database is asked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the audit log may fail before sessions end that are not to be without it: a database that is slow for a moment
/// ends none.
const UNWRITTEN: Duration = Duration::from_secs(5);
/// How long a session may wait for its host's word, in seconds: a ticket's life, the way to the host, and the time that
/// the person there has for an answer.
pub const PENDING: u64 = 90;

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

/// Sessions that are remembered after their end: their host may still have something to tell.
const REMEMBERED: usize = 4096;

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
    /// Whose they were and on which host, the oldest first.
    past: Mutex<VecDeque<(SessionId, String, String)>>,
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
            past: Mutex::default(),
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
        let ended = ended?;
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.push_back((sid.clone(), ended.account.clone(), ended.host));
        if past.len() > REMEMBERED {
            past.pop_front();
        }
        Some((ended.account, ended.began))
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

    /// Whose session it is, or was a while ago, and on which host.
    pub fn whose(&self, sid: &SessionId) -> Option<(String, String)> {
        let all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(live) = all.get(sid) {
            return Some((live.account.clone(), live.host.clone()));
        }
        drop(all);
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, account, host) = past.iter().rev().find(|(past, ..)| past == sid)?;
        Some((account.clone(), host.clone()))
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
        let mut held = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever began to read earlier may come later.
        if policy.version >= held.version {
            *held = policy;
        }
        drop(held);
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
