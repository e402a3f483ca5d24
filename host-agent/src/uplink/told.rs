//! What happened here that a team's audit log is to hold: the events of this process's own log (target `audit`) that nobody
//! but the host can know, on their way to the router.
//!
//! They wait in a bounded queue while the router is away, and leave it slowly; what finds no place is counted, and the
//! count goes along with the next one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use router::auth::direct::unix_now;
use session_core::rate::Bucket;
use signaling_spec::limits::{MAX_EVENT_FIELDS, MAX_EVENT_NAME, MAX_EVENT_VALUE};
use signaling_spec::{EventField, HOST_EVENTS, Signal};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

/// Events that may wait.
const WAITING: usize = 512;
/// They leave so fast; a router takes twice as many.
const PER_SECOND: u32 = 20;
const AT_ONCE: u32 = 100;
/// Says which session a viewer's number stands for; the router writes that one itself.
const STARTED: &str = "RMV3004I";
const LEFT: &str = "RMV3006I";

/// The way in for the process's log, and the way out for the uplink.
pub fn channel() -> (Teller, Told) {
    let (tell, events) = mpsc::channel(WAITING);
    let lost = Arc::new(AtomicU32::new(0));
    let teller = Teller {
        tell,
        lost: Arc::clone(&lost),
        sessions: Mutex::default(),
    };
    let bucket = Bucket::with_burst(PER_SECOND, AT_ONCE);
    (teller, Told { events, lost, bucket })
}

/// One that waits.
#[derive(Debug)]
struct Event {
    code: String,
    at: u64,
    fields: Vec<EventField>,
}

/// Takes events out of the stream of log lines. It never waits.
#[derive(Debug)]
pub struct Teller {
    tell: mpsc::Sender<Event>,
    lost: Arc<AtomicU32>,
    /// By the viewer's number: most events name only that.
    sessions: Mutex<BTreeMap<String, String>>,
}

impl Teller {
    fn hear(&self, code: &str, mut fields: BTreeMap<String, String>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(viewer) = fields.get("viewer").cloned() {
            match (code, fields.get("sid")) {
                (STARTED, Some(sid)) => {
                    sessions.insert(viewer, sid.clone());
                }
                (LEFT, _) => {
                    sessions.remove(&viewer);
                }
                (_, Some(_)) => {}
                (_, None) => {
                    if let Some(sid) = sessions.get(&viewer) {
                        fields.insert("sid".to_owned(), sid.clone());
                    }
                }
            }
        }
        drop(sessions);
        if !HOST_EVENTS.contains(&code) {
            return;
        }
        let fields = fields
            .into_iter()
            .filter(|(name, _)| name.len() <= MAX_EVENT_NAME)
            .map(|(name, value)| EventField {
                name,
                value: short(&value),
            })
            .take(MAX_EVENT_FIELDS)
            .collect();
        let event = Event {
            code: code.to_owned(),
            at: unix_now(),
            fields,
        };
        if self.tell.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// As much as fits, without what could be taken for another line.
fn short(value: &str) -> String {
    let mut text: String = value.chars().filter(|c| !c.is_control()).collect();
    text.truncate(text.floor_char_boundary(MAX_EVENT_VALUE));
    text
}

impl<S: tracing::Subscriber> Layer<S> for Teller {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() != "audit" {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(code) = fields.0.remove("code") {
            fields.0.remove("message");
            self.hear(&code, fields.0);
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

/// What waits for the router.
#[derive(Debug)]
pub struct Told {
    events: mpsc::Receiver<Event>,
    lost: Arc<AtomicU32>,
    bucket: Bucket,
}

impl Told {
    /// The next one, when it is its turn. Nothing is lost when this is given up.
    pub(super) async fn next(&mut self) -> Signal {
        loop {
            // Not before there is something: a host that is quiet wakes for nothing.
            if self.events.is_empty() && self.events.is_closed() {
                return std::future::pending().await;
            }
            let wait = self.bucket.wait(Instant::now());
            if wait > Duration::from_millis(1) {
                tokio::time::sleep(wait).await;
            }
            let Some(event) = self.events.recv().await else {
                continue;
            };
            self.bucket.take(Instant::now());
            let Event { code, at, fields } = event;
            return Signal::HostEvent {
                code,
                at,
                fields,
                lost: self.lost.swap(0, Ordering::Relaxed),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn fields(signal: &Signal) -> (String, Vec<(String, String)>, u32) {
        let Signal::HostEvent {
            code, fields, lost, ..
        } = signal
        else {
            panic!("{signal:?}");
        };
        let fields = fields
            .iter()
            .map(|field| (field.name.clone(), field.value.clone()));
        (code.clone(), fields.collect(), *lost)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn what_only_the_host_knows_is_told_with_its_session() {
        let (teller, mut told) = channel();
        let _heard = tracing::subscriber::set_default(tracing_subscriber::registry().with(teller));
        router::audit!("RMV3004I", sid = %"s-1", subject = "Ada", viewer = 3u32, "Session started");
        router::audit!("RMV3010I", viewer = 3u32, size = 7u64, "File stored");
        router::audit!("RMV1004W", why = "x", "Token refused");
        tracing::info!(target: "host_agent", code = "RMV3010I", "no event");
        router::audit!("RMV3006I", sid = %"s-1", viewer = 3u32, reason = ?signaling_spec::EndReason::Lost, "left");
        router::audit!("RMV3010I", viewer = 3u32, size = 8u64, "File stored");
        let long = format!("a\n{}\u{fc}", "x".repeat(198));
        router::audit!("RMV4001W", reference = long, "refused");
        let stored = vec![pair("sid", "s-1"), pair("size", "7"), pair("viewer", "3")];
        assert_eq!(fields(&told.next().await), ("RMV3010I".to_owned(), stored, 0));
        let left = vec![pair("reason", "Lost"), pair("sid", "s-1"), pair("viewer", "3")];
        assert_eq!(fields(&told.next().await), ("RMV3006I".to_owned(), left, 0));
        let later = vec![pair("size", "8"), pair("viewer", "3")];
        assert_eq!(
            fields(&told.next().await).1,
            later,
            "whose number is nobody's any more"
        );
        let cut = told.next().await;
        assert_eq!(fields(&cut).1[0].1, format!("a{}", "x".repeat(198)));
        assert!(Signal::decode(&cut.encode()).is_ok());
    }

    #[tokio::test]
    async fn what_finds_no_place_is_counted_and_the_rest_leaves_slowly() {
        let (teller, mut told) = channel();
        for n in 0..WAITING + 5 {
            let size = [("size".to_owned(), n.to_string())].into();
            teller.hear("RMV3010I", size);
        }
        assert_eq!(fields(&told.next().await).2, 5);
        for _ in 1..AT_ONCE {
            assert_eq!(fields(&told.next().await).2, 0);
        }
        let next = tokio::time::timeout(Duration::from_millis(20), told.next()).await;
        assert!(next.is_err(), "more than {AT_ONCE} at once");
        let some = async {
            for _ in 0..10 {
                told.next().await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(5), some).await.is_ok());
        drop((teller, std::mem::replace(&mut told, channel().1)));
        let none = tokio::time::timeout(Duration::from_millis(20), told.next()).await;
        assert!(none.is_err(), "nothing comes when nobody tells");
    }
}
