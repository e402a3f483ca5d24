//! `GET /api/v1/signal`: the signalling socket. Who it is, is proven before the upgrade.
//!
//! A browser shows its one-time ticket in `Sec-WebSocket-Protocol`; a native client shows its token in
//! `Authorization` and its certificate in `Removid-Viewer-Fp` and `Removid-Viewer-Nonce`.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use session_core::rate::Bucket;
use signaling_spec::api::{SUBPROTOCOL, TICKET_SUBPROTOCOL};
use signaling_spec::limits::{MAX_SIGNAL_BYTES, MAX_SIGNALS_PER_WINDOW, SIGNAL_WINDOW};
use signaling_spec::{DecodeError, Fingerprint, Refusal, SessionId, Signal};

use super::Edge;
use super::guard::{bearer, check_nonce, check_origin, text};
use crate::audit;
use crate::broker::{Arrival, Seat, ToViewer, new_sid};
use crate::error::RouterError;
use crate::net::Ends;

/// Idle sockets cost little with a small buffer: 13 kB instead of 141.
const READ_BUFFER: usize = 4096;
/// A frame that is longer than permitted is read to its end up to here, so that its sender learns why it is
/// cut off: unread bytes would reset the connection before our words arrive.
const READ_AT_MOST: usize = 4 * MAX_SIGNAL_BYTES;
/// A viewer that takes nothing for this long is cut off; what waits for it is dropped.
const TAKE_WITHIN: Duration = Duration::from_secs(5);
/// How long another side has to answer a goodbye.
const PART_WITHIN: Duration = Duration::from_secs(2);
/// A ping goes out this often; a peer that sends nothing for twice as long is gone.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) async fn upgrade(
    State(app): State<Edge>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let seat = match admit(&app, ends, &headers).await {
        Ok(seat) => seat,
        Err(error) => return error.into_response(),
    };
    let Ok(socket) = socket else {
        return RouterError::NotASocket.into_response();
    };
    let page = Some(text(&headers, header::HOST)).filter(|host| !host.is_empty() && host.len() <= 255);
    let arrival = Arrival {
        page: page.map(str::to_owned),
        local: Some(ends.local.to_string()),
    };
    socket
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(READ_AT_MOST)
        .max_frame_size(READ_AT_MOST)
        .on_upgrade(move |socket| async move {
            let sid = seat.sid.clone();
            if let Ok(outbox) = app.broker.attach(seat, arrival).await {
                Box::pin(converse(&app, socket, outbox, &sid)).await;
            }
            app.broker.gone(sid).await;
        })
}

async fn admit(app: &Edge, ends: Ends, headers: &HeaderMap) -> Result<Seat, RouterError> {
    let offered: Vec<&str> = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    if let Some(ticket) = offered
        .iter()
        .find_map(|name| name.strip_prefix(TICKET_SUBPROTOCOL))
    {
        check_origin(app, headers, true)?;
        let (address, now) = (ends.peer.ip(), Instant::now());
        if !app.failures.may_try(address, now) {
            return Err(RouterError::TooMany);
        }
        let seat = app
            .broker
            .take(ticket)
            .await
            .map_err(|_| RouterError::HostOffline)?;
        return seat
            .filter(|seat| app.authority.still_valid(&seat.sid, &seat.claims))
            .ok_or_else(|| {
                app.failures.count(address, now);
                audit!("RMV1005W", "Ticket refused");
                RouterError::Ticket
            });
    }
    check_origin(app, headers, false)?;
    let Some(host) = app.only_host.clone() else {
        return Err(RouterError::TokenMissing);
    };
    let claims = bearer(app, ends, headers)?;
    let fp = text(headers, HeaderName::from_static("removid-viewer-fp"));
    let nonce = text(headers, HeaderName::from_static("removid-viewer-nonce"));
    let viewer_fp = Fingerprint::parse(fp)
        .map_err(|error| RouterError::Malformed(format!("header Removid-Viewer-Fp: {error}")))?;
    check_nonce(nonce)?;
    Ok(Seat {
        sid: new_sid(),
        host,
        claims,
        viewer_fp,
        viewer_nonce: nonce.to_owned(),
        resume: None,
        ice_servers: app.config.ice_servers.clone(),
        relay_only: false,
        grant: None,
    })
}

async fn converse(
    app: &Edge,
    mut socket: WebSocket,
    mut outbox: tokio::sync::mpsc::Receiver<ToViewer>,
    sid: &SessionId,
) {
    let mut bucket = Bucket::with_burst(
        MAX_SIGNALS_PER_WINDOW / u32::try_from(SIGNAL_WINDOW.as_secs()).unwrap_or(1),
        MAX_SIGNALS_PER_WINDOW,
    );
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let mut drain = app.drain.clone();
    let close = loop {
        tokio::select! {
            // The media lives on without this socket; the page opens another.
            () = drain.begun() => break (1012, "restart"),
            told = outbox.recv() => match told {
                Some(ToViewer::Signal(signal)) => {
                    if !send(&mut socket, Message::Text(signal.encode().into())).await { return }
                }
                Some(ToViewer::Close(over)) => break over.frame(),
                None => break (1013, "overload"),
            },
            frame = socket.next() => {
                heard = Instant::now();
                let text = match frame {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Binary(_))) => break (4004, "malformed"),
                    Some(Ok(Message::Close(_))) | None => return,
                    Some(Err(error)) => {
                        tracing::debug!(%error, "Signalling socket failed");
                        return;
                    }
                };
                if text.len() > MAX_SIGNAL_BYTES {
                    audit!("RMV7003W", sid = %sid, "Signalling frame too large");
                    break (1009, "too_large");
                }
                if !bucket.take(Instant::now()) {
                    audit!("RMV7001W", sid = %sid, "Too many signalling messages");
                    break (4005, "too_many");
                }
                if let Some(refused) = forward(app, &text, sid).await {
                    let refused = Message::Text(refused.encode().into());
                    if !send(&mut socket, refused).await { return }
                }
            },
            _ = ping.tick() => {
                if heard.elapsed() > PING_EVERY * 2 { return }
                if !send(&mut socket, Message::Ping(Default::default())).await { return }
            }
        }
    };
    part(&mut socket, close.0, close.1).await;
}

/// Says goodbye, and leaves when the other side has answered or has had [`PART_WITHIN`] for it (RFC 6455 §7.1.1).
///
/// Firefox drops what it was told just before a connection that ends without this.
async fn part(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    if !send(socket, Message::Close(Some(frame))).await {
        return;
    }
    let answered = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(PART_WITHIN, answered).await;
}

/// Whether it was taken.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    let sent = tokio::time::timeout(TAKE_WITHIN, socket.send(message)).await;
    if sent.is_err() {
        tracing::debug!("Signalling socket closed: its viewer does not read");
    }
    matches!(sent, Ok(Ok(())))
}

/// Passes a viewer's message on, or returns the refusal to send.
async fn forward(app: &Edge, text: &str, sid: &SessionId) -> Option<Signal> {
    let refuse = |code, reference: Option<&str>| {
        Some(Signal::Error {
            code,
            reference: reference.map(str::to_owned),
        })
    };
    let signal = match Signal::decode(text) {
        Ok(signal) => signal,
        Err(error) => {
            audit!("RMV7003W", sid = %sid, error = %error, "Signalling message refused");
            let reference = match &error {
                DecodeError::Unsupported(kind) => Some(kind.chars().take(64).collect::<String>()),
                DecodeError::TooLong { .. }
                | DecodeError::Malformed(_)
                | DecodeError::FieldTooLong { .. } => None,
            };
            return refuse(error.code(), reference.as_deref());
        }
    };
    if signal.sid() != Some(sid) {
        audit!("RMV7003W", sid = %sid, "Signalling message for another session refused");
        return refuse(Refusal::Forbidden, Some(signal.kind()));
    }
    match signal {
        Signal::SdpOffer { .. }
        | Signal::IceCandidate { .. }
        | Signal::IceEnd { .. }
        | Signal::SessionEnd { .. } => {
            let passed = app.broker.relay(signal).await;
            passed.err().and_then(|_| refuse(Refusal::HostOffline, None))
        }
        Signal::SessionRequest { .. }
        | Signal::SessionLease { .. }
        | Signal::HostStatus { .. }
        | Signal::HostEvent { .. }
        | Signal::HostFrames { .. }
        | Signal::HostWake { .. }
        | Signal::SessionWaiting { .. }
        | Signal::SessionAccept { .. }
        | Signal::SessionReject { .. }
        | Signal::SdpAnswer { .. }
        | Signal::Error { .. } => refuse(Refusal::OutOfTurn, Some(signal.kind())),
    }
}
