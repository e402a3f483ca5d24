//! Whose call it is, as a handler's argument: whoever is not that person never reaches the handler.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use router::auth::direct::unix_now;
use router::net::Ends;

use super::{Caller, Team};
use crate::error::TeamError;

/// Somebody who may administer.
pub(super) struct Admin(pub(super) Caller);

/// Somebody who may read the audit log.
pub(super) struct Auditor(pub(super) Caller);

impl FromRequestParts<Team> for Admin {
    type Rejection = TeamError;

    async fn from_request_parts(parts: &mut Parts, team: &Team) -> Result<Self, TeamError> {
        Ok(Self(team.admin(ends(parts)?, &parts.headers).await?))
    }
}

impl FromRequestParts<Team> for Auditor {
    type Rejection = TeamError;

    async fn from_request_parts(parts: &mut Parts, team: &Team) -> Result<Self, TeamError> {
        let caller = team.caller(ends(parts)?, &parts.headers).await?;
        if team.access.policy().may_audit(&caller.account, unix_now()) {
            return Ok(Self(caller));
        }
        router::audit!("RMV6009W", account = caller.account.id, "Audit log refused");
        Err(TeamError::Forbidden)
    }
}

fn ends(parts: &Parts) -> Result<Ends, TeamError> {
    let unknown = || TeamError::Internal(anyhow::anyhow!("a request without its connection's ends"));
    parts.extensions.get::<Ends>().copied().ok_or_else(unknown)
}
