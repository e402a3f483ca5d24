//! A transport in a task of its own, everything that it said, and viewers that are connected to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host_agent::transport::{PagePath, Sent, Transport, TransportEvent};
use signaling_spec::channel::Channel;
use signaling_spec::{Fingerprint, Negotiation, Sdp, ViewerId};
use tests::peer::{Peer, Wish};
use tokio::sync::{Notify, mpsc, oneshot};

/// How long any one step may take.
pub(crate) const STEP: Duration = Duration::from_secs(15);
/// The label of each viewer's first offer.
pub(crate) const FIRST: Negotiation = Negotiation(1);

/// Makes the transport under test.
pub(crate) type Open = fn() -> Box<dyn Transport>;

type Call = Box<dyn FnOnce(&mut dyn Transport) + Send>;

/// See the module documentation.
#[derive(Clone)]
pub(crate) struct Host {
    calls: mpsc::UnboundedSender<Call>,
    heard: Arc<(Mutex<Vec<TransportEvent>>, Notify)>,
    pub(crate) fingerprint: Fingerprint,
}

impl Host {
    pub(crate) fn start(open: Open) -> Self {
        let mut transport = open();
        let fingerprint = transport.fingerprint().clone();
        let (calls, mut to_do) = mpsc::unbounded_channel::<Call>();
        let heard: Arc<(Mutex<Vec<TransportEvent>>, Notify)> = Arc::default();
        let tell = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    call = to_do.recv() => match call {
                        Some(call) => call(transport.as_mut()),
                        None => return,
                    },
                    event = transport.next() => {
                        tell.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                        tell.1.notify_waiters();
                    }
                }
            }
        });
        Self {
            calls,
            heard,
            fingerprint,
        }
    }

    pub(crate) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut dyn Transport) -> T + Send + 'static,
    ) -> T {
        let (tell, told) = oneshot::channel();
        let sent = self.calls.send(Box::new(move |transport| {
            let _ = tell.send(call(transport));
        }));
        assert!(sent.is_ok(), "the transport's task has ended");
        told.await.unwrap()
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Vec<TransportEvent>> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has said something.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut found: impl FnMut(&TransportEvent) -> Option<T>,
    ) -> T {
        let wait = async {
            loop {
                let more = self.heard.1.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(found) = self.heard().iter().find_map(&mut found) {
                    return found;
                }
                more.await;
            }
        };
        match tokio::time::timeout(limit, wait).await {
            Ok(found) => found,
            Err(_) => panic!("not within {limit:?}: {what}; heard {}", self.words()),
        }
    }

    /// What it said, without what long messages hold.
    fn words(&self) -> String {
        self.heard().iter().fold(String::new(), |text, event| {
            let words = format!("{event:?}");
            text + words.get(..120).unwrap_or(&words) + "\n"
        })
    }

    pub(crate) async fn holds(&self, what: &str, mut is_so: impl FnMut(&TransportEvent) -> bool) {
        self.until(what, STEP, |event| is_so(event).then_some(())).await;
    }

    /// How often it has said so, until now.
    pub(crate) fn count(&self, is_so: impl Fn(&TransportEvent) -> bool) -> usize {
        self.heard().iter().filter(|event| is_so(event)).count()
    }

    pub(crate) async fn accept(&self, id: ViewerId, negotiation: Negotiation, offer: Sdp) {
        self.call(move |transport| transport.accept_offer(id, negotiation, offer, &PagePath::default()))
            .await;
    }

    pub(crate) async fn answer(&self, id: ViewerId, expected: Negotiation) -> Sdp {
        self.until("an answer", STEP, |event| match event {
            TransportEvent::Answer {
                peer,
                negotiation,
                sdp,
            } if *peer == id && *negotiation == expected => Some(sdp.clone()),
            TransportEvent::AnswerFailed { peer, code, .. } if *peer == id => {
                panic!("{id:?} was refused: {code:?}")
            }
            _ => None,
        })
        .await
    }

    pub(crate) async fn send(&self, id: ViewerId, channel: Channel, binary: bool, data: Vec<u8>) -> Sent {
        self.call(move |transport| transport.send(id, channel, binary, &data))
            .await
    }

    /// Offer, answer and candidates to and fro; `change` may alter the offer.
    pub(crate) async fn introduce(&self, id: ViewerId, wish: &Wish, change: fn(Sdp) -> Sdp) -> Peer {
        let (peer, mut trickle) = Box::pin(Peer::new(wish)).await.unwrap();
        let offer = change(peer.offer().await.unwrap());
        self.accept(id, FIRST, offer).await;
        peer.answer(&self.answer(id, FIRST).await).await.unwrap();
        let calls = self.calls.clone();
        tokio::spawn(async move {
            while let Some(candidate) = trickle.recv().await {
                let _ = calls.send(Box::new(move |transport| {
                    transport.add_candidate(id, &candidate);
                }));
            }
        });
        let (tell, told) = mpsc::unbounded_channel();
        peer.add_candidates(told);
        let host = self.clone();
        tokio::spawn(async move {
            let mut seen = 0;
            while !tell.is_closed() {
                let more = host.heard.1.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let candidates: Vec<String> = host.candidates(id);
                for candidate in candidates.iter().skip(seen) {
                    let _ = tell.send(candidate.clone());
                }
                seen = candidates.len();
                more.await;
            }
        });
        peer
    }

    /// The candidates that it offered beside its answer.
    pub(crate) fn candidates(&self, id: ViewerId) -> Vec<String> {
        let heard = self.heard();
        let candidates = heard.iter().filter_map(|event| {
            if let TransportEvent::Candidate { peer, candidate } = event {
                (*peer == id).then(|| candidate.clone())
            } else {
                None
            }
        });
        candidates.collect()
    }

    /// A viewer whose connection and channels are open on both sides.
    pub(crate) async fn connect(&self, id: ViewerId, wish: &Wish) -> Peer {
        let peer = self.introduce(id, wish, |offer| offer).await;
        self.opened(id, &peer).await;
        peer
    }

    pub(crate) async fn opened(&self, id: ViewerId, peer: &Peer) {
        let connected =
            |event: &TransportEvent| matches!(event, TransportEvent::Connected { peer, .. } if *peer == id);
        self.holds("it is connected", connected).await;
        for wanted in Channel::ALL {
            self.holds("its channels are open", |event| {
                matches!(event, TransportEvent::ChannelOpen { peer, channel } if *peer == id && *channel == wanted)
            })
            .await;
        }
        let open = peer.seen.holds("the viewer's channels are open", STEP, |facts| {
            facts.connected && facts.open.len() >= Channel::ALL.len()
        });
        open.await.unwrap();
    }

    /// Whether messages go both ways.
    pub(crate) async fn lives(&self, id: ViewerId, peer: &Peer, mark: u8) {
        assert_eq!(
            self.send(id, Channel::Bulk, true, vec![mark; 9]).await,
            Sent::Taken
        );
        let came = peer.seen.holds("a message to the viewer", STEP, |facts| {
            facts.messages.contains(&("bulk".to_owned(), vec![mark; 9]))
        });
        came.await.unwrap();
        peer.send("bulk", &[mark; 7]).await.unwrap();
        self.holds("a message from the viewer", |event| {
            matches!(event, TransportEvent::Message { peer, channel: Some(Channel::Bulk), data }
                if *peer == id && *data == vec![mark; 7])
        })
        .await;
    }
}
