//! `GET /api/v1/host`: the socket that a host keeps open. It proves its key before the upgrade.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use router::api::guard::text;
use router::auth::direct::unix_now;
use router::auth::signed::claimed_kid;
use router::broker::Connection;
use router::net::Ends;
use session_core::rate::Bucket;
use signaling_spec::api::SUBPROTOCOL;
use signaling_spec::claims::{ASSERTION_TYPE, AccessClaims};
use signaling_spec::limits::MAX_SIGNAL_BYTES;
use signaling_spec::{EndReason, HostId, Right, SessionId, Signal, TokenId};
use tokio::sync::mpsc;

use super::Team;
use super::enroll::{plain_name, prove};
use super::hosts::LEASE;
use super::told;
use super::wake::reach;
use crate::access::{Opened, PENDING};
use crate::error::TeamError;
use crate::roles::Factor;
use crate::store::{Session, StoreError};

/// Messages that may wait for a host.
const OUTBOX: usize = 256;
/// A host says little: with 4096, an idle one cost 19 kB in all.
const READ_BUFFER: usize = 1024;
/// A host that takes nothing for this long is cut off.
const TAKE_WITHIN: Duration = Duration::from_secs(5);
const PING_EVERY: Duration = Duration::from_secs(30);
/// A host that was removed keeps its socket for this long, longer than its sessions take to end.
const FAREWELL: Duration = Duration::from_secs(3);
/// Messages a second that a host may send: all of its viewers' negotiations at once.
const PER_SECOND: u32 = 500;

pub(super) async fn upgrade(
    State(team): State<Team>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let host = match admit(&team, ends, &headers).await {
        Ok(host) => host,
        Err(error) => return error.into_response(),
    };
    let Ok(socket) = socket else {
        return TeamError::Malformed("this is a WebSocket with the subprotocol removid.v1".to_owned())
            .into_response();
    };
    socket
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_SIGNAL_BYTES)
        .max_frame_size(MAX_SIGNAL_BYTES)
        .on_upgrade(move |socket| async move { Box::pin(serve(team, host, ends.peer.ip(), socket)).await })
}

async fn admit(team: &Team, ends: Ends, headers: &HeaderMap) -> Result<HostId, TeamError> {
    team.may_try(ends)?;
    // A page cannot be a host: browsers name an origin, hosts do not.
    if headers.contains_key(header::ORIGIN) {
        return Err(TeamError::CrossSite);
    }
    let token = match text(headers, header::AUTHORIZATION).split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(team.failed(ends, TeamError::HostKey)),
    };
    let kid = claimed_kid(token, ASSERTION_TYPE).map_err(|_| team.failed(ends, TeamError::HostKey))?;
    let key = team
        .store
        .host_key(&kid)
        .await?
        .ok_or_else(|| team.failed(ends, TeamError::HostKey))?;
    let public = URL_SAFE_NO_PAD
        .decode(&key.public)
        .map_err(|_| TeamError::HostKey)?;
    let claims = match prove(team, token, &public, unix_now()) {
        // A host whose clock is wrong tries again and again; that is no attack.
        Err(TeamError::Clock(skew)) => return Err(TeamError::Clock(skew)),
        proven => proven.map_err(|error| team.failed(ends, error))?,
    };
    if claims.sub != key.host {
        return Err(team.failed(ends, TeamError::HostKey));
    }
    if key.waits && team.store.follow_key(&key.host, &kid).await? {
        router::audit!(
            "RMV2015I",
            host = key.host,
            "A host uses its new key: the old one opens nothing any more"
        );
    }
    Ok(HostId(key.host))
}

async fn serve(team: Team, host: HostId, from: IpAddr, mut socket: WebSocket) {
    let (outbox, mut orders) = mpsc::channel(OUTBOX);
    let Ok(connection) = team.edge.broker.host_arrived(host.clone(), outbox).await else {
        return;
    };
    tracing::info!(%host, "Host connected");
    router::audit!("RMV2003I", host = %host, "Host connected");
    let mut events = told::Events::default();
    let why = converse(&team, &connection, from, (&mut socket, &mut orders), &mut events).await;
    events.say_lost(&host);
    team.edge.broker.host_left(connection).await;
    router::audit!("RMV2004I", host = %host, why, "Host left");
    if let Some((code, words)) = closing(why) {
        let frame = CloseFrame {
            code,
            reason: words.into(),
        };
        let _ = send(&mut socket, Message::Close(Some(frame))).await;
    }
}

fn closing(why: &str) -> Option<(u16, &'static str)> {
    match why {
        "replaced" => Some((4006, "replaced")),
        "removed" => Some((4007, "revoked")),
        "malformed" => Some((4004, "malformed")),
        "too_many" => Some((4005, "too_many")),
        "restart" => Some((1012, "restart")),
        _ => None,
    }
}

async fn converse(
    team: &Team,
    connection: &Connection,
    from: IpAddr,
    (socket, orders): (&mut WebSocket, &mut mpsc::Receiver<Box<Signal>>),
    events: &mut told::Events,
) -> &'static str {
    let mut bucket = Bucket::with_burst(PER_SECOND, 2 * PER_SECOND);
    // Spread, so that many hosts that came at once do not speak at once.
    let first = PING_EVERY.mul_f32(f32::from(router::auth::random_bytes::<1>()[0]) / 255.0);
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + first, PING_EVERY);
    let mut heard = Instant::now();
    // Since when it is no host of ours: its sessions are ended first, and it hears of that here.
    let mut removed: Option<tokio::time::Instant> = None;
    let mut drain = team.edge.drain.clone();
    loop {
        tokio::select! {
            () = drain.begun() => return "restart",
            order = orders.recv() => match order {
                Some(order) => if !send(socket, Message::Text(order.encode().into())).await { return "does not read" },
                None => return "replaced",
            },
            frame = socket.next() => {
                heard = Instant::now();
                let text = match frame {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Binary(_))) => return "malformed",
                    Some(Ok(Message::Close(_))) | None => return "closed",
                    Some(Err(_)) => return "lost",
                };
                if !bucket.take(Instant::now()) {
                    return "too_many";
                }
                let signal = match Signal::decode(&text) {
                    Ok(signal) => signal,
                    Err(error) => {
                        router::audit!("RMV7003W", host = %connection.host, error = %error, "A host's message refused");
                        continue;
                    }
                };
                if let Signal::HostEvent { code, at, fields, lost } = &signal {
                    events.lost += u64::from(*lost);
                    events.write(team, &connection.host, &told::Event { code, at: *at, fields });
                    continue;
                }
                if let Err(error) = hear(team, connection, from, signal).await {
                    tracing::warn!(host = %connection.host, %error, "A host's message could not be noted");
                }
            },
            () = tokio::time::sleep_until(removed.unwrap_or_else(tokio::time::Instant::now) + FAREWELL), if removed.is_some() => {
                return "removed";
            }
            _ = ping.tick() => {
                events.say_lost(&connection.host);
                if heard.elapsed() > PING_EVERY * 2 { return "silent" }
                // Without a database nobody is thrown out.
                if let Ok(None) = team.store.host(&connection.host.0).await {
                    removed.get_or_insert_with(tokio::time::Instant::now);
                }
                if !send(socket, Message::Ping(Default::default())).await { return "does not read" }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(
        tokio::time::timeout(TAKE_WITHIN, socket.send(message)).await,
        Ok(Ok(()))
    )
}

async fn hear(team: &Team, connection: &Connection, from: IpAddr, signal: Signal) -> Result<(), StoreError> {
    let host = &connection.host;
    match &signal {
        Signal::HostStatus {
            name,
            version,
            sessions,
            links,
        } => {
            let version: String = version.chars().filter(char::is_ascii_graphic).take(32).collect();
            let now = unix_now();
            team.store
                .host_seen(&host.0, &plain_name(name), &version, &reach(from, links), now)
                .await?;
            return resume(team, host, sessions, now).await;
        }
        Signal::SessionEnd { sid, reason } => ended(team, host, sid, *reason).await,
        Signal::SessionReject { sid, .. } => ended(team, host, sid, EndReason::Policy).await,
        Signal::SessionAccept { sid, .. } => {
            if let Some((until, account)) = team.access.accepted(sid, &host.0) {
                router::audit!("RMV3004I", sid = %sid, host = %host, account, "Session accepted");
                // Its first row is written. If this one is not, it lives no longer than a router that is not restarted.
                if let Err(error) = team.store.session_up(&sid.0, until).await {
                    tracing::warn!(%sid, %error, "How long a session lasts could not be noted");
                }
            }
        }
        Signal::HostFrames { .. } => team.frames.handle(&signal),
        Signal::HostEvent { .. }
        | Signal::SessionRequest { .. }
        | Signal::SessionWaiting { .. }
        | Signal::SessionLease { .. }
        | Signal::HostWake { .. }
        | Signal::SdpOffer { .. }
        | Signal::SdpAnswer { .. }
        | Signal::IceCandidate { .. }
        | Signal::IceEnd { .. }
        | Signal::Error { .. } => {}
    }
    // It is over only while the router shuts down.
    let _ = team.edge.broker.host_says(connection, signal).await;
    Ok(())
}

/// A host tells of the ends of its own sessions only. The viewer hears of one whether or not it can be written now.
async fn ended(team: &Team, host: &HostId, sid: &SessionId, reason: EndReason) {
    let word = serde_json::to_value(reason).unwrap_or_default();
    let word = word.as_str().unwrap_or("error");
    let now = unix_now();
    let first = match team.store.end_session(&sid.0, &host.0, word, now).await {
        Ok(first) => first,
        Err(error) => {
            let known = team.access.is_on(sid, &host.0);
            tracing::warn!(%sid, %error, known, "The end of a session could not be noted yet");
            if known {
                team.access.owe(sid, &host.0, word, now);
            }
            known
        }
    };
    if first {
        let (account, began) = team.access.ended(sid).unwrap_or_else(|| (String::new(), now));
        let seconds = now.saturating_sub(began);
        router::audit!("RMV3007I", sid = %sid, host = %host, account, reason = word, seconds, "Session ended");
    }
}

/// Joins what lives at the host with what the database knows: the rest is over.
async fn resume(team: &Team, host: &HostId, alive: &[SessionId], now: u64) -> Result<(), StoreError> {
    let known = team.store.live_sessions(Some(&host.0), now).await?;
    for session in &known {
        let sid = SessionId(session.id.clone());
        if alive.contains(&sid) {
            take_back(team, host, session, sid).await;
        } else if session.created + PENDING < now {
            ended(team, host, &sid, EndReason::Lost).await;
        }
    }
    // Whatever they rest on is looked at again before they get another lease.
    team.access.refresh().await
}

async fn take_back(team: &Team, host: &HostId, session: &Session, sid: SessionId) {
    let rights = Right::ALL
        .into_iter()
        .filter(|right| session.rights.split(',').any(|name| name == right.name()))
        .collect::<signaling_spec::Rights>();
    let opened = Opened {
        account: &session.account,
        host: &host.0,
        holder: &session.holder,
        rights: &rights,
        now: session.created,
        until: session.until,
        factor: Factor::parse(&session.factor).unwrap_or_default(),
        // The look that follows says whether it is.
        audited: false,
    };
    team.access.began(sid.clone(), opened);
    team.access.accepted(&sid, &host.0);
    let claims = AccessClaims {
        iss: team.config.public_url.clone(),
        aud: host.0.clone(),
        sub: session.account.clone(),
        jti: TokenId(session.holder.clone()),
        iat: session.created,
        nbf: session.created,
        exp: session.until,
        rights,
    };
    team.edge.broker.restore(host.clone(), sid, claims, LEASE).await;
}
