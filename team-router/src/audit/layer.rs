//! Takes the events of the target `audit` out of the stream of log lines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use router::auth::direct::unix_now;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

use super::Event;

/// See the module documentation. It never waits: what finds no place is counted.
#[derive(Debug)]
pub struct AuditLayer {
    tell: mpsc::Sender<Event>,
    lost: AtomicU64,
}

impl AuditLayer {
    pub(super) fn new(tell: mpsc::Sender<Event>) -> Self {
        Self {
            tell,
            lost: AtomicU64::new(0),
        }
    }

    fn send(&self, code: String, fields: Map<String, Value>) -> bool {
        let at = unix_now();
        let text = serde_json::json!({ "code": code, "at": at, "fields": fields }).to_string();
        self.tell.try_send(Event { at, code, text }).is_ok()
    }
}

impl<S: tracing::Subscriber> Layer<S> for AuditLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() != "audit" {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let code = match fields.0.remove("code") {
            Some(Value::String(code)) => code,
            _ => "RMV7999W".to_owned(),
        };
        COUNTS.add(&code);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let told: Map<String, Value> = [("lost".to_owned(), lost.into())].into_iter().collect();
            if !self.send("RMV7998W".to_owned(), told) {
                self.lost.fetch_add(lost, Ordering::Relaxed);
            }
        }
        if !self.send(code, fields.0) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How often each code was emitted since the start.
#[derive(Debug)]
pub struct Counts(Mutex<BTreeMap<String, u64>>);

/// Of this process, as its subscriber is.
pub static COUNTS: Counts = Counts(Mutex::new(BTreeMap::new()));

impl Counts {
    fn add(&self, code: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(code) {
            Some(count) => *count += 1,
            None => {
                counts.insert(code.to_owned(), 1);
            }
        }
    }

    pub fn all(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|(code, count)| (code.clone(), *count))
            .collect()
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }
}
