//! `POST /api/v1/hosts/{id}/wake`: a host that sleeps is woken by those of the team's hosts that are in its network.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::Extension;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode};
use router::api::guard::check_origin;
use router::auth::direct::unix_now;
use router::net::Ends;
use serde_json::{Value, json};
use signaling_spec::{HostId, Link, Signal, mac_bytes};

use super::Team;
use super::hosts::decided;
use crate::error::TeamError;
use crate::store::{Host, Reach};

/// Neighbours that are asked for one host: one that is there is enough, and one may be just falling asleep.
const NEIGHBOURS: usize = 3;

pub(super) async fn wake(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), TeamError> {
    check_origin(&team.edge, &headers, false).map_err(|_| TeamError::CrossSite)?;
    let caller = team.caller(ends, &headers).await?;
    let (host, _) = decided(&team, &caller, &id, unix_now()).await?;
    if is_online(&team, &host) {
        return Ok((StatusCode::OK, Json(json!({ "asked": 0 }))));
    }
    let mut asked = 0;
    for other in team.store.hosts().await? {
        let shared = networks(&other).intersection(&networks(&host)).next().is_some();
        if shared && other.id != host.id && asked < NEIGHBOURS && is_online(&team, &other) {
            let macs = host.reach.links.iter().map(|link| link.mac.clone()).collect();
            let order = Signal::HostWake { macs };
            team.edge.broker.order(HostId(other.id), order).await;
            asked += 1;
        }
    }
    if asked == 0 {
        return Err(TeamError::NoNeighbour);
    }
    router::audit!(
        "RMV2016I",
        account = caller.account.id,
        host = host.id,
        asked,
        "A sleeping host is called"
    );
    Ok((StatusCode::ACCEPTED, Json(json!({ "asked": asked }))))
}

pub(super) fn is_online(team: &Team, host: &Host) -> bool {
    team.directory.node_of(&HostId(host.id.clone())).is_some()
}

/// The networks that a host is in: two sites may use the same numbers, and are told apart by where they come from.
pub(super) fn networks(host: &Host) -> BTreeSet<(&str, &str)> {
    let Reach { from, links } = &host.reach;
    links
        .iter()
        .map(|link| (from.as_str(), link.net.as_str()))
        .collect()
}

/// What is kept of what a host says about itself.
pub(super) fn reach(from: IpAddr, links: &[Link]) -> Reach {
    let plain =
        |net: &str| net.len() <= 18 && net.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'/');
    let links = links
        .iter()
        .filter(|link| mac_bytes(&link.mac).is_some() && plain(&link.net));
    Reach {
        from: from.to_canonical().to_string(),
        links: links.cloned().collect(),
    }
}
