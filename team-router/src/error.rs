//! Why a call of the team router was refused: a stable code for programs, and a sentence for whoever can mend it.

use crate::login::oidc::LoginError;
use crate::passkeys::PasskeyError;
use crate::store::StoreError;

/// INVARIANT: `Display` never holds a secret and never repeats its source.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    #[error("log in first")]
    LoginRequired,
    #[error("the call did not come from this site's own page")]
    CrossSite,
    #[error("there is no such provider; the configuration names those that there are")]
    NoProvider,
    #[error("this login was begun elsewhere, was used already, or took too long; begin it again")]
    StaleLogin,
    #[error("log in with the provider again: this host wants it for each session")]
    StepUp,
    #[error("the provider did not say that whoever it is proved it just now, as strongly as it was asked")]
    StepUpRefused,
    #[error("that is somebody else than whoever is logged in here")]
    OtherAccount,
    #[error("show a passkey of yours: it is wanted here")]
    PasskeyWanted,
    #[error("this wants a passkey, and you have none: register one on the page of hosts")]
    NoPasskey,
    #[error("the passkey was refused: {0}")]
    Passkey(#[from] PasskeyError),
    #[error(
        "this router has no passkeys: its public-url has no name, or its configuration does not want them"
    )]
    NoPasskeys,
    #[error("an account has at most 16 passkeys; remove one first")]
    TooManyPasskeys,
    #[error("this is your only passkey, and your only way to log in; register another first")]
    LastPasskey,
    #[error("the invitation is unknown, was used, or is too old; ask for a new one")]
    Invite,
    #[error("the link is unknown, has ended, or was used by as many people as it was for; ask for a new one")]
    Share,
    #[error("you have {0} shares that have not ended, as many as one may have; end one first")]
    TooManyShares(u64),
    #[error("you have {0} sessions, as many as one may have at a time; end one first")]
    TooManySessions(u64),
    #[error("you have {0} open invitations, as many as one may have; they are good for a day")]
    TooManyInvites(u64),
    #[error("you have {0} open enrolment tokens, as many as one may have; take one back, or wait an hour")]
    TooManyEnrollTokens(u64),
    #[error("too many calls in a short time; try again in {0} s")]
    TooFast(u64),
    #[error(
        "the access proxy before this router did not say who you are; whoever runs it has to look at its headers"
    )]
    Proxy,
    #[error("this is no logout token of that provider, or an old one")]
    LogoutToken,
    #[error("the provider refused the login: {0}")]
    Declined(String),
    #[error("the login could not be finished; the router's log has more for its administrator")]
    Login(#[from] LoginError),
    #[error("{0}")]
    Locked(String),
    #[error("no role of yours permits that; an administrator can give you one")]
    Forbidden,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the host is not connected; see that it runs and reaches this router")]
    HostOffline,
    #[error("no other host of the team is awake in its network to wake it; switch it on by hand")]
    NoNeighbour,
    #[error("{0}")]
    Malformed(String),
    #[error("too many attempts; wait a minute")]
    TooMany,
    #[error("the enrolment token is unknown, was used, or is too old; ask an administrator for a new one")]
    EnrollToken,
    #[error("this host is enrolled already; remove it first: removid-router host remove ID")]
    HostKnown,
    #[error("an administrator of this router did not approve this host; ask one, then enrol it again")]
    EnrollRefused,
    #[error("no host waits under this code; see what the host shows now, codes are good for ten minutes")]
    UserCode,
    #[error("the host's key is not known here, or was revoked; enrol the host again")]
    HostKey,
    #[error(
        "the host's last new key was not used yet; start its agent, or wait until it is connected, then try again"
    )]
    KeyWaits,
    #[error("the host's clock differs from the router's by {0} s; set both right (NTP)")]
    Clock(u64),
    #[error("the host's proof was used before")]
    Replay,
    #[error("{}", database(.0))]
    Store(#[from] StoreError),
    #[error(
        "the audit log cannot be written, and a role of yours wants it; whoever runs the router finds more in its log"
    )]
    Unwritten,
    #[error("the router is shutting down; try again in a moment")]
    Stopping,
    #[error("something went wrong here; the router's log has more")]
    Internal(#[source] anyhow::Error),
}

/// What whoever calls is told: the rest is in the log.
fn database(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full(_) => "the router's disk is full; whoever runs it has to make room, then try again",
        StoreError::Database(_) | StoreError::Damaged(_) => "the database does not answer; see that it runs",
    }
}

impl TeamError {
    /// Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LoginRequired => "login_required",
            Self::CrossSite => "origin",
            Self::NoProvider => "no_provider",
            Self::StaleLogin => "stale_login",
            Self::StepUp => "step_up_required",
            Self::StepUpRefused => "step_up_refused",
            Self::OtherAccount => "other_account",
            Self::PasskeyWanted => "passkey_required",
            Self::NoPasskey => "passkey_missing",
            Self::Passkey(_) => "passkey_refused",
            Self::NoPasskeys => "no_passkeys",
            Self::TooManyPasskeys => "too_many_passkeys",
            Self::LastPasskey => "last_passkey",
            Self::Invite => "invite",
            Self::Share => "share",
            Self::TooManyShares(_) => "too_many_shares",
            Self::TooManySessions(_) => "too_many_sessions",
            Self::TooManyInvites(_) => "too_many_invites",
            Self::TooManyEnrollTokens(_) => "too_many_enroll_tokens",
            Self::TooFast(_) => "too_fast",
            Self::Proxy => "proxy",
            Self::LogoutToken => "logout_token",
            Self::Declined(_) => "declined",
            Self::Login(LoginError::Provider(_)) => "provider_unreachable",
            Self::Login(
                LoginError::Code(_) | LoginError::Issuer | LoginError::NoToken | LoginError::Token(_),
            ) => "login_refused",
            Self::Locked(_) => "locked",
            Self::Forbidden => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::HostOffline => "host_offline",
            Self::NoNeighbour => "no_neighbour",
            Self::Malformed(_) => "malformed",
            Self::TooMany => "too_many",
            Self::EnrollToken => "enroll_token",
            Self::HostKnown => "host_known",
            Self::EnrollRefused => "enroll_refused",
            Self::UserCode => "user_code",
            Self::HostKey => "host_key",
            Self::KeyWaits => "key_waits",
            Self::Clock(_) => "clock",
            Self::Replay => "replay",
            Self::Store(StoreError::Full(_)) => "disk_full",
            Self::Store(StoreError::Database(_) | StoreError::Damaged(_)) => "database",
            Self::Unwritten => "audit_unwritten",
            Self::Stopping => "stopping",
            Self::Internal(_) => "internal",
        }
    }

    /// HTTP status (RFC 9110 §15).
    pub fn status(&self) -> u16 {
        match self {
            Self::StepUp | Self::PasskeyWanted | Self::Invite => 401,
            Self::Proxy | Self::StepUpRefused | Self::OtherAccount | Self::NoPasskey | Self::Passkey(_) => {
                403
            }
            Self::NoPasskeys | Self::Share => 404,
            Self::TooManyPasskeys
            | Self::TooManyShares(_)
            | Self::TooManySessions(_)
            | Self::TooManyInvites(_)
            | Self::TooManyEnrollTokens(_)
            | Self::LastPasskey => 409,
            Self::LoginRequired | Self::HostKey | Self::Clock(_) | Self::Replay | Self::EnrollToken => 401,
            Self::EnrollRefused
            | Self::CrossSite
            | Self::Locked(_)
            | Self::Forbidden
            | Self::Declined(_)
            | Self::Login(_) => 403,
            Self::NoProvider | Self::NotFound(_) | Self::UserCode => 404,
            Self::HostKnown | Self::KeyWaits | Self::NoNeighbour => 409,
            Self::StaleLogin | Self::LogoutToken | Self::Malformed(_) => 400,
            Self::TooMany | Self::TooFast(_) => 429,
            Self::HostOffline | Self::Store(_) | Self::Unwritten | Self::Stopping => 503,
            Self::Internal(_) => 500,
        }
    }

    /// In how many seconds to come again (`Retry-After`, RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        if let Self::TooFast(seconds) = self {
            return Some(*seconds);
        }
        matches!(self, Self::TooMany).then_some(60)
    }
}
