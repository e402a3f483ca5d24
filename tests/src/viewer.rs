//! A viewer without a browser: comes in by an agent's link as the page does, and sees what a page would see.

mod bind;
mod door;

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use signaling_spec::api::{
    ErrorBody, SESSIONS_PATH, SIGNAL_PATH, SUBPROTOCOL, SessionCreate, SessionCreated, TICKET_SUBPROTOCOL,
};
use signaling_spec::channel::control::FromHost;
use signaling_spec::{Fingerprint, Negotiation, Refusal, Rights, SessionId, Signal, ViewerCaps};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

pub use self::bind::Bound;
use crate::agent::Link;
use crate::peer::{Peer, Wish};
use crate::seen::Seen;

/// How long any one step may take.
pub const STEP: Duration = Duration::from_secs(15);

/// What the call before the socket was refused with.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub code: Refusal,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused with {} {:?}", self.status, self.code)
    }
}

impl std::error::Error for Refused {}

/// See the module documentation.
#[derive(Debug)]
pub struct Viewer {
    pub peer: Peer,
    pub seen: Seen,
    pub sid: SessionId,
    pub rights: Rights,
    out: mpsc::UnboundedSender<String>,
}

impl Viewer {
    /// Comes in, and waits until all four channels are open.
    ///
    /// # Errors
    /// It is refused, or finds something that a viewer must not accept.
    pub async fn connect(link: &Link) -> anyhow::Result<Self> {
        Box::pin(Self::connect_with(link, &Wish::default())).await
    }

    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_with(link: &Link, wish: &Wish) -> anyhow::Result<Self> {
        let (peer, mut trickle) = Peer::new(wish).await?;
        let seen = peer.seen.clone();
        let offer = peer.offer().await?;
        let viewer_fp = Fingerprint::of_sdp(&offer)?;
        let mut nonce = [0; 16];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| anyhow::anyhow!("no random bytes"))?;
        let viewer_nonce = URL_SAFE_NO_PAD.encode(nonce);
        let create = SessionCreate {
            viewer_fp: viewer_fp.clone(),
            viewer_nonce: viewer_nonce.clone(),
            resume: None,
        };
        let created = create_session(link, &create).await?;
        let socket = open_socket(link, &created.ticket).await?;
        let (out, outgoing) = mpsc::unbounded_channel();
        let (host_candidates, candidates) = mpsc::unbounded_channel();
        tokio::spawn(carry(socket, outgoing, host_candidates, seen.clone()));

        let accepted = seen
            .until("the session is accepted", STEP, |facts| {
                facts.signals.iter().find_map(|signal| {
                    if let Signal::SessionAccept { host_fp, rights, .. } = signal {
                        Some((host_fp.clone(), rights.clone()))
                    } else {
                        None
                    }
                })
            })
            .await?;
        let (host_fp, rights) = accepted;
        let sid = created.sid.clone();
        let say = |signal: &Signal| -> anyhow::Result<()> { Ok(out.send(serde_json::to_string(signal)?)?) };
        say(&Signal::SdpOffer {
            sid: sid.clone(),
            negotiation: Negotiation(1),
            sdp: offer,
            caps: ViewerCaps {
                density: None,
                browser: "Test 1".to_owned(),
                size: None,
            },
        })?;
        let (answer, bind_sig, iat) = seen
            .until("the offer is answered", STEP, |facts| {
                facts.signals.iter().find_map(|signal| {
                    if let Signal::SdpAnswer {
                        sdp,
                        bind_sig,
                        bind_iat,
                        ..
                    } = signal
                    {
                        Some((sdp.clone(), bind_sig.clone(), *bind_iat))
                    } else {
                        None
                    }
                })
            })
            .await?;
        let bound = Bound {
            sid: sid.0.clone(),
            host_id: created.host_id.0.clone(),
            host_fp: host_fp.as_str().to_owned(),
            viewer_fp: viewer_fp.as_str().to_owned(),
            viewer_nonce,
            rights: rights.clone(),
            iat,
        };
        bound.verify(&link.host_key, &created.host_pub, &bind_sig, &answer)?;
        peer.answer(&answer).await?;

        let (to_host, own) = (out.clone(), sid.clone());
        tokio::spawn(async move {
            while let Some(candidate) = trickle.recv().await {
                let signal = Signal::IceCandidate {
                    sid: own.clone(),
                    candidate,
                    mid: Some("0".to_owned()),
                };
                let Ok(text) = serde_json::to_string(&signal) else {
                    continue;
                };
                if to_host.send(text).is_err() {
                    return;
                }
            }
        });
        peer.add_candidates(candidates);
        let channels = 4 + wish.further.len();
        seen.holds("all channels are open", STEP, |facts| {
            facts.connected && facts.open.len() >= channels && !facts.told.is_empty()
        })
        .await?;
        Ok(Self {
            peer,
            seen,
            sid,
            rights,
            out,
        })
    }

    /// Waits for the first picture, which must be a keyframe.
    ///
    /// # Errors
    /// There is none.
    pub async fn first_picture(&self) -> anyhow::Result<()> {
        self.seen
            .holds("a picture", STEP, |facts| {
                facts.picture.keyframes > 0 && facts.picture.frames > 0
            })
            .await
    }

    /// Says something on the socket, whatever it is.
    ///
    /// # Errors
    /// The socket is closed.
    pub fn say(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.out.send(text.to_owned())?)
    }

    /// Leaves, as a page does that is closed.
    ///
    /// # Errors
    /// The socket is closed already.
    pub async fn leave(self) -> anyhow::Result<()> {
        let farewell = Signal::SessionEnd {
            sid: self.sid.clone(),
            reason: signaling_spec::EndReason::Closed,
        };
        self.out.send(serde_json::to_string(&farewell)?)?;
        self.peer.close().await;
        Ok(())
    }

    /// Whether messages still go both ways: a `ping` with this number comes back.
    ///
    /// # Errors
    /// It does not.
    pub async fn lives(&self, t: u32) -> anyhow::Result<()> {
        let ping = format!(r#"{{"type":"ping","t":{t}}}"#);
        self.peer.send("ctl", ping.as_bytes()).await?;
        let pong = |told: &FromHost| matches!(told, FromHost::Pong { t: back, .. } if *back == t);
        self.seen
            .holds("a pong", STEP, |facts| facts.told.iter().any(pong))
            .await
    }

    /// Sends one message and waits until it is refused with that code and name.
    ///
    /// # Errors
    /// It is not.
    pub async fn refused(
        &self,
        label: &str,
        data: &[u8],
        code: Refusal,
        reference: &str,
    ) -> anyhow::Result<()> {
        // Viewers are told of five refusals a second and no more.
        tokio::time::sleep(Duration::from_millis(220)).await;
        let before = self.seen.facts().refused().len();
        self.peer.send(label, data).await?;
        let what = format!(
            "{label} {:?} is refused with {code:?}",
            String::from_utf8_lossy(&data[..data.len().min(60)])
        );
        self.seen
            .holds(&what, STEP, |facts| {
                facts.refused()[before..].contains(&(code, reference))
            })
            .await
    }
}

async fn create_session(link: &Link, create: &SessionCreate) -> anyhow::Result<SessionCreated> {
    let (status, body) = door::post(link, SESSIONS_PATH, &serde_json::to_string(create)?).await?;
    if status != 200 && status != 201 {
        let error: ErrorBody = serde_json::from_str(&body).with_context(|| format!("{status}: {body}"))?;
        bail!(Refused {
            status,
            code: error.code
        });
    }
    serde_json::from_str(&body).with_context(|| format!("not a seat: {body}"))
}

async fn open_socket(link: &Link, ticket: &str) -> anyhow::Result<WebSocketStream<TlsStream<TcpStream>>> {
    let port = link.port()?;
    let mut request = format!("wss://127.0.0.1:{port}{SIGNAL_PATH}").into_client_request()?;
    let headers = request.headers_mut();
    let protocols = format!("{SUBPROTOCOL}, {TICKET_SUBPROTOCOL}{ticket}");
    headers.insert("sec-websocket-protocol", HeaderValue::from_str(&protocols)?);
    headers.insert(
        "origin",
        HeaderValue::from_str(&format!("https://127.0.0.1:{port}"))?,
    );
    let stream = door::open(link).await?;
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    Ok(socket)
}

async fn carry(
    socket: WebSocketStream<TlsStream<TcpStream>>,
    mut outgoing: mpsc::UnboundedReceiver<String>,
    candidates: mpsc::UnboundedSender<String>,
    seen: Seen,
) {
    let (mut sink, mut stream) = socket.split();
    let mut code = None;
    loop {
        tokio::select! {
            said = outgoing.recv() => {
                let Some(text) = said else { break };
                if sink.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            heard = stream.next() => {
                let Some(Ok(message)) = heard else { break };
                if let Message::Close(frame) = &message {
                    code = frame.as_ref().map(|frame| u16::from(frame.code));
                }
                let Ok(text) = message.to_text() else { continue };
                let Ok(signal) = Signal::decode(text) else { continue };
                if let Signal::IceCandidate { candidate, .. } = &signal {
                    let _ = candidates.send(candidate.clone());
                }
                seen.note(|facts| facts.signals.push(signal));
            }
        }
    }
    seen.note(|facts| facts.closed = Some(code));
}
