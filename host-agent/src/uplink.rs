//! The way to a router elsewhere: a socket that this host opens and keeps open, and what is believed of what comes by it.
//!
//! The hub knows nothing of it: while the router is away its link stays, sessions go on until their leases end, and
//! whatever a viewer's path needs goes between viewer and host directly.

mod enroll;
mod membership;
mod rotate;
mod socket;
mod told;
mod wake;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use router::auth::direct::unix_now;
use router::auth::random_bytes;
use router::auth::signed::{Signer, verify};
use router::link::{HostLink, in_memory};
use router::net::serve_raw;
use router::tls::private_file;
use session_core::grants::{GrantError, Grants, Now};
use session_core::reconnect::Backoff;
use signaling_spec::claims::{GRANT_TYPE, GrantClaims};
use signaling_spec::{EndReason, Refusal, Signal};
use tokio_tungstenite::tungstenite::Message;

pub use enroll::{Wish, enroll};
pub use membership::Membership;
pub use rotate::rotate;
pub use told::{Teller, Told, channel};

use self::socket::{ConnectError, Socket};
use crate::config::Config;
use crate::direct::open_ports;
use crate::identity::{Identity, KEY_FILE};
use crate::station::{self, Stops};
use crate::trust;

/// Why a connection ended that is opened again at once.
const NEW_KEY: &str = "this host has a new key";
/// A router that says nothing for this long is gone: it pings twice as often.
const SILENCE: Duration = Duration::from_secs(65);
/// How often another key is looked for in this one's place.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A router that takes nothing for this long is gone.
const TAKE_WITHIN: Duration = Duration::from_secs(10);

/// Shares this machine's desktop through the router that it is enrolled at, until the process is told to stop.
///
/// # Errors
/// One sentence with the remedy, for whatever keeps it from starting.
pub async fn run(config: Config, told: Told) -> anyhow::Result<()> {
    let stops = Stops::listen()?;
    private_file::directory(&config.state_dir)?;
    let _lock = station::lock(&config.state_dir)?;
    let membership = Membership::load(&config.state_dir)?;
    let mut identity = Identity::open(&config.state_dir)?;
    identity.name.clone_from(&membership.name);
    let identity = Arc::new(identity);
    let key_file = config.state_dir.join(KEY_FILE);
    let (signer, _) = Signer::open(&key_file)?;
    let tls = trust::client_config(membership.ca.as_deref())?;
    let (listener, (tcp, transport)) = open_ports(config.listen, Arc::new(tls)).await?;
    let (host_link, router_link) = in_memory();
    let station = station::start(&config, Arc::clone(&identity), transport, router_link)?;
    let uplink = Uplink {
        grants: Grants::new(identity.id.clone(), config.permitted.clone()).with_mfa_within(config.mfa_within),
        socket: socket::Address::new(&membership)?,
        membership,
        identity,
        key_file,
        alarm: wake::Alarm::default(),
        signer,
        link: host_link,
        told,
    };
    // People come to the router alone; here ICE over TCP does, from viewers who are expected.
    let media = AbortOnDrop(tokio::spawn(serve_raw(listener, Arc::new(tcp))));
    let task = AbortOnDrop(tokio::spawn(uplink.serve()));
    station.until_stopped(stops, (media, task)).await
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Uplink {
    identity: Arc<Identity>,
    key_file: PathBuf,
    alarm: wake::Alarm,
    signer: Signer,
    membership: Membership,
    socket: socket::Address,
    grants: Grants,
    link: HostLink,
    /// What the router is to write into its audit log.
    told: Told,
}

impl Uplink {
    async fn serve(mut self) {
        let mut backoff = Backoff::default();
        loop {
            self.take_new_key();
            let assertion = match self.membership.assertion(&self.signer, &self.identity.id) {
                Ok(assertion) => assertion,
                Err(error) => {
                    tracing::error!(%error, "This host cannot prove who it is");
                    return;
                }
            };
            let connecting = self.socket.connect(&assertion);
            match tokio::time::timeout(TAKE_WITHIN, connecting).await {
                Ok(Ok(socket)) => {
                    tracing::info!(router = self.membership.url, "Connected to the router");
                    let began = Instant::now();
                    let why = self.converse(socket).await;
                    if why == NEW_KEY {
                        tracing::info!("This host has a new key; connecting with it");
                        continue;
                    }
                    tracing::warn!(why, "The router is away; sessions go on");
                    backoff.connected_for(began.elapsed());
                }
                Ok(Err(error)) => say(&self.membership.url, &error),
                Err(_) => tracing::warn!(router = self.membership.url, "The router does not answer"),
            }
            let wait = backoff.next(random_bytes::<1>()[0]);
            if self.wait(wait).await.is_err() {
                return;
            }
        }
    }

    /// Whether there was one.
    fn take_new_key(&mut self) -> bool {
        let taken = self.identity.reload().and_then(|other| {
            if other {
                (self.signer, _) = Signer::open(&self.key_file)?;
            }
            Ok(other)
        });
        match taken {
            Ok(other) => other,
            Err(error) => {
                tracing::warn!(%error, "This host's key cannot be read; the one that it had is used on");
                false
            }
        }
    }

    /// Without a router: what the hub says is heard, and leases end.
    async fn wait(&mut self, long: Duration) -> Result<(), HubGone> {
        let until = tokio::time::sleep(long);
        tokio::pin!(until);
        loop {
            let lease = lease_end(&self.grants);
            tokio::select! {
                () = &mut until => return Ok(()),
                signal = self.link.from_host.recv() => {
                    // There is nobody to tell.
                    self.hear_hub(&signal.ok_or(HubGone)?);
                }
                () = tokio::time::sleep_until(lease.into()) => self.end_leases().await?,
            }
        }
    }

    async fn converse(&mut self, socket: Socket) -> &'static str {
        let (mut to_router, mut from_router) = socket.split();
        let status = Signal::HostStatus {
            name: self.membership.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sessions: self.grants.live().cloned().collect(),
            links: wake::links(),
        };
        let mut next = Some(status);
        let mut heard = Instant::now();
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            if let Some(signal) = next.take() {
                let sending = to_router.send(Message::Text(signal.encode().into()));
                match tokio::time::timeout(TAKE_WITHIN, sending).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return "it takes nothing",
                }
            }
            let lease = lease_end(&self.grants);
            tokio::select! {
                signal = self.link.from_host.recv() => match signal {
                    Some(signal) => {
                        self.hear_hub(&signal);
                        next = Some(signal);
                    }
                    None => return "this host stops",
                },
                event = self.told.next() => next = Some(event),
                frame = from_router.next() => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(Message::Text(text))) => match self.hear_router(&text).await {
                            Ok(answer) => next = answer,
                            Err(HubGone) => return "this host stops",
                        },
                        // The library answers pings itself.
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                        Some(Ok(Message::Binary(_))) => return "it speaks another protocol",
                        Some(Ok(Message::Close(frame))) => {
                            return frame.map_or("it closed the connection", |frame| closed(frame.code.into()));
                        }
                        Some(Err(_)) | None => return "the connection broke",
                    }
                }
                () = tokio::time::sleep_until(lease.into()) => if self.end_leases().await.is_err() { return "this host stops" },
                () = tokio::time::sleep_until((heard + SILENCE).into()) => return "it fell silent",
                // By the next connection it is shown to the router.
                _ = look.tick() => if self.take_new_key() { return NEW_KEY },
            }
        }
    }

    fn hear_hub(&mut self, signal: &Signal) {
        if let Signal::SessionEnd { sid, .. } | Signal::SessionReject { sid, .. } = signal {
            self.grants.over(sid);
        }
    }

    /// Obeys the router in what it may say, and returns what is to be answered.
    async fn hear_router(&mut self, text: &str) -> Result<Option<Signal>, HubGone> {
        let signal = match Signal::decode(text) {
            Ok(signal) => signal,
            Err(error) => {
                tracing::warn!(%error, "A message of the router was refused");
                return Ok(Some(Signal::Error {
                    code: error.code(),
                    reference: None,
                }));
            }
        };
        match signal {
            Signal::SessionRequest { .. } => {
                let sid = signal.sid().cloned();
                match self.admit(signal) {
                    Ok(request) => self.tell_hub(request).await?,
                    Err(error) => {
                        let named = sid.as_ref().map_or("", |sid| &sid.0);
                        router::audit!("RMV3003W", sid = named, %error, "A router's request was refused");
                        if matches!(error, Refused::Grant(GrantError::Time { .. })) {
                            tracing::error!(%error, "Set this host's clock and the router's right (NTP)");
                        }
                        let code = match error {
                            Refused::Grant(GrantError::NoFactor | GrantError::OldFactor { .. }) => {
                                Refusal::Factor
                            }
                            Refused::Unsigned
                            | Refused::Signature(_)
                            | Refused::Membership(_)
                            | Refused::Grant(
                                GrantError::OtherHost
                                | GrantError::Time { .. }
                                | GrantError::Used
                                | GrantError::Differs
                                | GrantError::TooMany,
                            ) => Refusal::Forbidden,
                        };
                        return Ok(sid.map(|sid| Signal::SessionReject { sid, code }));
                    }
                }
            }
            Signal::HostWake { macs } => self.alarm.ring(&macs, Instant::now()).await,
            Signal::SessionLease { sid, seconds } => self.grants.renew(&sid, seconds, Instant::now()),
            Signal::SdpOffer { .. }
            | Signal::IceCandidate { .. }
            | Signal::IceEnd { .. }
            | Signal::SessionEnd { .. } => self.tell_hub(signal).await?,
            Signal::HostStatus { .. }
            | Signal::HostEvent { .. }
            | Signal::HostFrames { .. }
            | Signal::SessionWaiting { .. }
            | Signal::SessionAccept { .. }
            | Signal::SessionReject { .. }
            | Signal::SdpAnswer { .. }
            | Signal::Error { .. } => {
                tracing::warn!(kind = signal.kind(), "The router said what it has not to say")
            }
        }
        Ok(None)
    }

    fn admit(&mut self, request: Signal) -> Result<Signal, Refused> {
        let Signal::SessionRequest {
            grant: Some(grant), ..
        } = &request
        else {
            return Err(Refused::Unsigned);
        };
        let claims: GrantClaims = verify(
            grant,
            GRANT_TYPE,
            &self.membership.router_key()?,
            &self.identity.id.0,
        )?;
        let now = Now {
            instant: Instant::now(),
            unix: unix_now(),
        };
        Ok(self.grants.admit(request, claims, now)?)
    }

    async fn tell_hub(&self, signal: Signal) -> Result<(), HubGone> {
        self.link
            .to_host
            .send(Box::new(signal))
            .await
            .map_err(|_| HubGone)
    }

    async fn end_leases(&mut self) -> Result<(), HubGone> {
        for sid in self.grants.handle_timeout(Instant::now()) {
            router::audit!("RMV3009W", sid = %sid, "Session ends: nobody renewed its lease");
            let end = Signal::SessionEnd {
                sid,
                reason: EndReason::Revoked,
            };
            self.tell_hub(end).await?;
        }
        Ok(())
    }
}

/// The hub has ended, and this process with it.
struct HubGone;

/// Why a router's request for a session is not obeyed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it is not signed")]
    Unsigned,
    #[error("its signature is not the router's: {0}")]
    Signature(#[from] router::auth::TokenError),
    #[error("{0}")]
    Grant(#[from] GrantError),
    #[error("this host's record of its router is damaged")]
    Membership(#[from] anyhow::Error),
}

fn lease_end(grants: &Grants) -> Instant {
    grants
        .poll_timeout()
        .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
}

fn say(url: &str, error: &ConnectError) {
    tracing::warn!(router = url, %error, "The router cannot be reached");
}

fn closed(code: u16) -> &'static str {
    match code {
        4006 => "another agent with this host's key took its place: is this machine a copy of another?",
        4007 => "this host was removed there; enrol it again",
        _ => "it closed the connection",
    }
}
