//! What no log may hold, at whatever level somebody asks for: libraries that write the secrets that they work with.

use tracing::{Level, Metadata};

/// Passwords of ICE, credentials of TURN, challenges of passkeys.
const TELLTALES: [&str; 6] = [
    "is",
    "turn_client_proto",
    "turn_types",
    "stun_proto",
    "stun_types",
    "webauthn_rs_core",
];

/// Whether this may be written. Warnings of those libraries may.
pub fn may_be_written(what: &Metadata<'_>) -> bool {
    let from = what.target().split("::").next().unwrap_or_default();
    *what.level() <= Level::WARN || !TELLTALES.contains(&from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicU32>);

    impl tracing::Subscriber for Count {
        fn enabled(&self, what: &Metadata<'_>) -> bool {
            may_be_written(what)
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn what_tells_secrets_is_silent_below_a_warning() {
        let count = Count::default();
        tracing::subscriber::with_default(count.clone(), || {
            tracing::debug!(target: "is::agent", "pass");
            tracing::trace!(target: "webauthn_rs_core::core", "challenge");
            tracing::info!(target: "is", "pass");
            assert_eq!(count.0.load(Ordering::Relaxed), 0);
            tracing::warn!(target: "is::agent", "trouble");
            tracing::trace!(target: "island", "another library");
            tracing::trace!(target: "host_agent::hub", "ours");
        });
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
    }
}
