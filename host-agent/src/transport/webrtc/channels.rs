//! The data channels of one connection: what may be sent on each, and what came in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use signaling_spec::ViewerId;
use signaling_spec::channel::Channel;
use signaling_spec::limits::MAX_CONTROL_BYTES;
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::Teller;
use crate::transport::{Sent, TransportEvent};

/// What may wait here for one channel, and as much again in the library.
pub(super) const ROOM: usize = 2 * MAX_CONTROL_BYTES;
const MESSAGES: usize = 1_024;

/// What goes out on one channel.
#[derive(Debug)]
struct Outlet {
    messages: mpsc::Sender<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Outgoing {
    binary: bool,
    data: Vec<u8>,
}

/// The channels that are open now; shared by the transport and the connection's task.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels(Arc<Mutex<BTreeMap<Channel, Outlet>>>);

impl Channels {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Channel, Outlet>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn send(&self, channel: Channel, binary: bool, data: &[u8]) -> Sent {
        let channels = self.lock();
        let Some(outlet) = channels.get(&channel) else {
            return Sent::Closed;
        };
        let waiting = outlet.waiting.load(Ordering::Acquire);
        if waiting != 0 && waiting + data.len() > ROOM {
            return Sent::Full;
        }
        let data = data.to_vec();
        // Before it can be taken out, so that the sum never falls below what waits.
        outlet.waiting.fetch_add(data.len(), Ordering::AcqRel);
        match outlet.messages.try_send(Outgoing { binary, data }) {
            Ok(()) => Sent::Taken,
            Err(mpsc::error::TrySendError::Full(back)) => {
                outlet.waiting.fetch_sub(back.data.len(), Ordering::AcqRel);
                Sent::Full
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Sent::Closed,
        }
    }

    /// Whether the channel is new; a second one with the same label is nobody's.
    fn open(&self, channel: Channel, outlet: Outlet) -> bool {
        let mut channels = self.lock();
        let is_new = !channels.contains_key(&channel);
        if is_new {
            channels.insert(channel, outlet);
        }
        is_new
    }

    fn shut(&self, channel: Channel) {
        self.lock().remove(&channel);
    }
}

/// Serves one channel until it is closed.
pub(super) async fn serve(
    channels: Channels,
    data_channel: Arc<dyn DataChannel>,
    peer: ViewerId,
    teller: Teller,
) {
    let label = data_channel.label().await.unwrap_or_default();
    let mut ours = None;
    let (messages, outgoing) = mpsc::channel(MESSAGES);
    let waiting: Arc<AtomicUsize> = Arc::default();
    let mut outlet = Some(Outlet {
        messages,
        waiting: Arc::clone(&waiting),
    });
    let read = async {
        while let Some(event) = data_channel.poll().await {
            if matches!(event, DataChannelEvent::OnOpen) {
                ours = Channel::from_label(&label).filter(|channel| {
                    outlet
                        .take()
                        .is_some_and(|outlet| channels.open(*channel, outlet))
                });
                match ours {
                    Some(channel) => teller.tell(TransportEvent::ChannelOpen { peer, channel }).await,
                    None => tracing::info!(viewer = peer.0, "Ignored a data channel that is not ours"),
                }
            } else if matches!(event, DataChannelEvent::OnClose) {
                return;
            } else if let DataChannelEvent::OnMessage(message) = event {
                let (channel, data) = (ours, message.data.to_vec());
                teller.tell(TransportEvent::Message { peer, channel, data }).await;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write(&data_channel, outgoing, &waiting) => {}
    }
    if let Some(channel) = ours {
        channels.shut(channel);
    }
}

/// Hands over what waits; the library holds each back while its own room is full.
async fn write(
    data_channel: &Arc<dyn DataChannel>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    waiting: &AtomicUsize,
) {
    while let Some(Outgoing { binary, data }) = outgoing.recv().await {
        let sent = match std::str::from_utf8(&data) {
            Ok(text) if !binary => data_channel.send_text(text).await,
            Ok(_) | Err(_) => data_channel.send(BytesMut::from(data.as_slice())).await,
        };
        waiting.fetch_sub(data.len(), Ordering::AcqRel);
        if let Err(error) = sent {
            tracing::debug!(%error, "Message not sent");
            return;
        }
    }
    // The sender was never registered: what is read still is.
    std::future::pending::<()>().await;
}
