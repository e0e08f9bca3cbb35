//! The metrics of a daemon that are updated by events. [`super::scraped`] has those that are computed at each scrape.

use std::sync::{Arc, atomic::AtomicU64};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use regcred_core::{Clock, Written};
use regcred_engine::{Event, Outcome, State};
use regcred_plan::Types;
use tokio::time::Instant;

use super::{
    labels::{Provider, Request, Sink, Store, Sync},
    scraped::{Scraped, seconds},
    states::States,
};

/// The buckets of the reconciliation time, in seconds. The first is one request. The last is the sum of all deadlines.
const TOOK: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// The metrics of a daemon. The registry has clones of them.
#[derive(Debug)]
pub(crate) struct Metrics {
    leader: Gauge,
    reload: Gauge,
    requests: Family<Request, Counter>,
    expiry: Family<Provider, Gauge<f64, AtomicU64>>,
    success: Family<Provider, Gauge<f64, AtomicU64>>,
    syncs: Family<Sync, Counter>,
    took: Family<Sink, Histogram, fn() -> Histogram>,
    depth: Family<Store, Gauge>,
    scraped: Arc<Scraped>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Registers all metrics with the prefix `regcred`. `leads`: whether the process leads from the start, because
    /// there is no election.
    pub(crate) fn new(
        registry: &mut Registry,
        leads: bool,
        states: Arc<States>,
        clock: Arc<dyn Clock>,
        types: Types,
    ) -> Self {
        let metrics = Self {
            leader: Gauge::default(),
            reload: Gauge::default(),
            requests: Family::default(),
            expiry: Family::default(),
            success: Family::default(),
            syncs: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(TOOK)),
            depth: Family::default(),
            scraped: Arc::new(Scraped::new(states, clock.clone(), types)),
            clock,
        };
        metrics.leader.set(i64::from(leads));
        metrics.reload.set(1);
        metrics.register(registry.sub_registry_with_prefix("regcred"));
        registry.register_collector(Box::new(metrics.scraped.clone()));
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of regcred", build);
        registry.register("leader", "1 if this process is the leader, 0 if another process is", self.leader.clone());
        registry.register(
            "config_reload_success",
            "1 if the current config is in use, 0 if it is not valid",
            self.reload.clone(),
        );
        registry.register("provider_requests", "Mint requests to providers, by outcome", self.requests.clone());
        registry.register(
            "credential_expiry_timestamp_seconds",
            "Expiry of a provider's latest credential, as a Unix timestamp",
            self.expiry.clone(),
        );
        registry.register(
            "credential_last_success_timestamp_seconds",
            "Time of a provider's last successful mint, as a Unix timestamp",
            self.success.clone(),
        );
        registry.register("sync", "Reconciliations of targets, by outcome", self.syncs.clone());
        registry.register("sync_duration_seconds", "Duration of reconciliations, in seconds", self.took.clone());
        registry.register("queue_depth", "Targets that are queued or being reconciled", self.depth.clone());
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(crate) fn reloaded(&self, success: bool) {
        self.reload.set(i64::from(success));
    }

    /// Drops the queue metrics, for a new config or a new leader.
    pub(crate) fn forget_queues(&self) {
        self.scraped.forget_queues();
        self.depth.clear();
    }

    pub(crate) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Minted { provider, validity } => {
                let provider = Provider { provider: provider.to_string() };
                self.requested(&provider, "success");
                self.success.get_or_create(&provider).set(seconds(self.clock.now()));
                if let Some(ends) = validity.expires_at() {
                    self.expiry.get_or_create(&provider).set(seconds(ends));
                }
            }
            Event::MintFailed { provider, error, .. } => {
                self.requested(&Provider { provider: provider.to_string() }, &error.kind().to_string());
            }
            Event::Reconciled { target, outcome, took } => {
                let sink = target.store.to_string();
                self.took.get_or_create(&Sink { sink: sink.clone() }).observe(took.as_secs_f64());
                self.syncs.get_or_create(&Sync { sink, outcome: came_of(outcome) }).inc();
            }
            Event::Queue { store, depth, oldest } => {
                let depth = i64::try_from(*depth).unwrap_or(i64::MAX);
                self.depth.get_or_create(&Store { store: store.to_string() }).set(depth);
                let since = oldest.and_then(|oldest| Instant::now().checked_sub(oldest));
                self.scraped.waits((*store).clone(), since);
            }
            _ => {}
        }
    }

    fn requested(&self, provider: &Provider, outcome: &str) {
        let request = Request { provider: provider.provider.clone(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&request).inc();
    }
}

/// Returns the result of a reconciliation, as one word.
fn came_of(outcome: &Outcome) -> &'static str {
    match (outcome.state(), outcome.written) {
        (State::Fresh | State::Waiting | State::Contested, Some(Written::Created)) => "created",
        (State::Fresh | State::Waiting | State::Contested, Some(Written::Updated)) => "updated",
        (State::Fresh | State::Waiting, _) => "unchanged",
        (state, _) => state.name(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode;
    use regcred_core::{Validity, testing::TestClock};

    use super::*;

    /// Returns the value of a metric. The name includes the labels.
    fn value(text: &str, name: &str) -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    #[tokio::test(start_paused = true)]
    async fn expiry_metrics_follow_the_clock() {
        let clock = Arc::new(TestClock::new());
        let validity = Validity::new(clock.now(), Some(clock.now() + Duration::from_hours(12))).expect("valid");
        let mut registry = Registry::default();
        let states = Arc::new(States::of_one(validity));
        let metrics = Metrics::new(&mut registry, true, states, clock.clone(), Types::default());
        metrics.follow(&Event::Minted { provider: &"ecr".parse().expect("a name"), validity });
        for (hours, within_one, within_four, past) in
            [(0, 0.0, 0.0, 0.0), (8, 0.0, 1.0, 0.0), (2, 0.0, 1.0, 1.0), (1, 1.0, 1.0, 1.0)]
        {
            clock.step(Duration::from_hours(hours));
            let mut text = String::new();
            encode(&mut text, &registry).expect("it is text");
            let expiring = |within| format!("regcred_targets_expiring{{sink=\"cluster\",within=\"{within}h\"}}");
            assert_eq!(value(&text, &expiring(1)), Some(within_one), "{text}");
            assert_eq!(value(&text, &expiring(4)), Some(within_four), "{text}");
            assert_eq!(value(&text, "regcred_targets_past_floor{sink=\"cluster\"}"), Some(past), "{text}");
            let minted = "regcred_credential_last_success_timestamp_seconds{provider=\"ecr\"}";
            assert_eq!(value(&text, minted), Some(seconds(validity.issued_at())), "{text}");
        }
    }
}
