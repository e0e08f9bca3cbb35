//! The metrics of the daemon, for Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use regcred_core::{Clock, StoreName, Written};
use regcred_engine::{Event, Outcome, State};
use regcred_plan::Types;
use tokio::time::Instant;

use super::{
    labels::{Expiring, OneTarget, Provider, Request, Sink, Stands, Store, Sync},
    standings::Standings,
};

/// The most targets with a line of their own: those that expire first.
const SHOWN: usize = 100;
/// The windows of `targets_expiring`, in hours.
const WITHIN: [u64; 3] = [1, 2, 4];

/// The buckets of the time of a look, in seconds. The first is one request, the last is a look until all deadlines.
const TOOK: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// All metrics. The states of targets are counted when Prometheus scrapes them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    leader: Gauge,
    reload: Gauge,
    requests: Family<Request, Counter>,
    expiry: Family<Provider, Gauge<f64, AtomicU64>>,
    success: Family<Provider, Gauge<f64, AtomicU64>>,
    syncs: Family<Sync, Counter>,
    took: Family<Sink, Histogram, fn() -> Histogram>,
    depth: Family<Store, Gauge>,
    pending: Family<Store, Gauge<f64, AtomicU64>>,
    skew: Gauge<f64, AtomicU64>,
    standing: Family<Stands, Gauge>,
    expiring: Family<Expiring, Gauge>,
    targets: Family<OneTarget, Gauge<f64, AtomicU64>>,
    past: Family<Sink, Gauge>,
    standings: Arc<Standings>,
    clock: Arc<dyn Clock>,
    /// Since when the oldest target of each store waits.
    waiting: Mutex<BTreeMap<StoreName, Option<Instant>>>,
    /// The types, which know the time of the other side.
    types: Types,
}

impl Metrics {
    /// `leads`: whether the process leads from the start, because there is no election.
    pub(super) fn new(leads: bool, standings: Arc<Standings>, clock: Arc<dyn Clock>, types: Types) -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            leader: Gauge::default(),
            reload: Gauge::default(),
            requests: Family::default(),
            expiry: Family::default(),
            success: Family::default(),
            syncs: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(TOOK)),
            depth: Family::default(),
            pending: Family::default(),
            skew: Gauge::default(),
            standing: Family::default(),
            expiring: Family::default(),
            targets: Family::default(),
            past: Family::default(),
            standings,
            clock,
            waiting: Mutex::default(),
            types,
        };
        metrics.leader.set(i64::from(leads));
        metrics.reload.set(1);
        let mut registry = Registry::with_prefix("regcred");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of regcred", build);
        registry.register("leader", "1 while this process works, 0 while another one does", metrics.leader.clone());
        registry.register(
            "config_reload_success",
            "1 if the config that is there is in force, 0 if it is not valid",
            metrics.reload.clone(),
        );
        registry.register("provider_requests", "Credentials that were asked for", metrics.requests.clone());
        registry.register(
            "credential_expiry_timestamp_seconds",
            "When a provider's latest credential ends",
            metrics.expiry.clone(),
        );
        registry.register(
            "credential_last_success_timestamp_seconds",
            "When a provider last gave a credential",
            metrics.success.clone(),
        );
        registry.register("sync", "Looks at targets, by what came of them", metrics.syncs.clone());
        registry.register("sync_duration_seconds", "How long looks at targets took", metrics.took.clone());
        registry.register("queue_depth", "Targets that wait for a look or are looked at", metrics.depth.clone());
        registry.register(
            "pending_oldest_seconds",
            "How long the target has waited that has waited longest",
            metrics.pending.clone(),
        );
        registry.register(
            "clock_skew_seconds",
            "How far the clock of AWS is ahead of this machine's, by its latest answer",
            metrics.skew.clone(),
        );
        registry.register("targets", "Targets, by how they stand", metrics.standing.clone());
        registry.register("targets_expiring", "Targets that end within so long", metrics.expiring.clone());
        registry.register(
            "targets_past_floor",
            "Targets with less than two hours left, or 15 % of a shorter life",
            metrics.past.clone(),
        );
        registry.register(
            "target_expiry_timestamp_seconds",
            "When the targets end that end first",
            metrics.targets.clone(),
        );
        *metrics.registry() = registry;
        metrics
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(super) fn reloaded(&self, success: bool) {
        self.reload.set(i64::from(success));
    }

    /// Forgets the queues, for another config or another leader.
    pub(super) fn forget_queues(&self) {
        self.waiting().clear();
        self.depth.clear();
    }

    pub(super) fn follow(&self, event: &Event<'_>) {
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
            Event::Looked { target, outcome, took } => {
                let sink = target.store.to_string();
                self.took.get_or_create(&Sink { sink: sink.clone() }).observe(took.as_secs_f64());
                self.syncs.get_or_create(&Sync { sink, outcome: came_of(outcome) }).inc();
            }
            Event::Queue { store, depth, oldest } => {
                let depth = i64::try_from(*depth).unwrap_or(i64::MAX);
                self.depth.get_or_create(&Store { store: store.to_string() }).set(depth);
                let since = oldest.and_then(|oldest| Instant::now().checked_sub(oldest));
                self.waiting().insert((*store).clone(), since);
            }
            _ => {}
        }
    }

    /// Returns all metrics in the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let now = self.clock.now();
        self.count(now);
        self.pending.clear();
        for (store, since) in &*self.waiting() {
            let waited = since.map(|since| since.elapsed()).unwrap_or_default();
            self.pending.get_or_create(&Store { store: store.to_string() }).set(waited.as_secs_f64());
        }
        let theirs = self.types.server_time();
        self.skew.set(theirs.map_or(0.0, |theirs| seconds(theirs) - seconds(now)));
        let mut text = String::new();
        if encode(&mut text, &self.registry()).is_err() {
            text.clear();
        }
        text
    }

    /// Counts the targets by state and by expiry.
    fn count(&self, now: SystemTime) {
        let standings = self.standings.all();
        self.standing.clear();
        self.past.clear();
        self.expiring.clear();
        self.targets.clear();
        let mut ending = vec![];
        for (target, standing) in standings.iter() {
            let sink = target.store.to_string();
            self.standing.get_or_create(&Stands { sink: sink.clone(), state: standing.state.name() }).inc();
            let past = self.past.get_or_create(&Sink { sink: sink.clone() });
            past.inc_by(i64::from(standing.is_past_its_floor(now)));
            let Some(ends) = &standing.ends else { continue };
            ending.push((ends, target));
            for hours in WITHIN {
                let gauge = self.expiring.get_or_create(&Expiring { sink: sink.clone(), within: format!("{hours}h") });
                gauge.inc_by(i64::from(*ends <= now + Duration::from_hours(hours)));
            }
        }
        ending.sort();
        for (ends, target) in ending.into_iter().take(SHOWN) {
            let one = OneTarget {
                sink: target.store.to_string(),
                target_namespace: target.group().to_owned(),
                secret: target.name().to_owned(),
            };
            self.targets.get_or_create(&one).set(seconds(*ends));
        }
    }

    fn requested(&self, provider: &Provider, outcome: &str) {
        let request = Request { provider: provider.provider.clone(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&request).inc();
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<StoreName, Option<Instant>>> {
        self.waiting.lock().expect("nobody panics while it is held")
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().expect("nobody panics while it is held")
    }
}

/// Returns the result of a look, in one word.
fn came_of(outcome: &Outcome) -> &'static str {
    match (outcome.state(), outcome.written) {
        (State::Fresh | State::Waiting | State::Contested, Some(Written::Created)) => "created",
        (State::Fresh | State::Waiting | State::Contested, Some(Written::Updated)) => "updated",
        (State::Fresh | State::Waiting, _) => "unchanged",
        (state, _) => state.name(),
    }
}

/// Since 1970.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use regcred_core::{Validity, testing::TestClock};

    use super::*;

    /// Returns the value of a metric. The name includes the labels.
    fn value(text: &str, name: &str) -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    #[tokio::test(start_paused = true)]
    async fn targets_come_to_their_end_as_the_clock_moves() {
        let clock = Arc::new(TestClock::new());
        let validity = Validity::new(clock.now(), Some(clock.now() + Duration::from_hours(12))).expect("valid");
        let metrics = Metrics::new(true, Arc::new(Standings::of_one(validity)), clock.clone(), Types::default());
        metrics.follow(&Event::Minted { provider: &"ecr".parse().expect("a name"), validity });
        for (hours, within_one, within_four, past) in
            [(0, 0.0, 0.0, 0.0), (8, 0.0, 1.0, 0.0), (2, 0.0, 1.0, 1.0), (1, 1.0, 1.0, 1.0)]
        {
            clock.step(Duration::from_hours(hours));
            let text = metrics.text();
            let expiring = |within| format!("regcred_targets_expiring{{sink=\"cluster\",within=\"{within}h\"}}");
            assert_eq!(value(&text, &expiring(1)), Some(within_one), "{text}");
            assert_eq!(value(&text, &expiring(4)), Some(within_four), "{text}");
            assert_eq!(value(&text, "regcred_targets_past_floor{sink=\"cluster\"}"), Some(past), "{text}");
            let minted = "regcred_credential_last_success_timestamp_seconds{provider=\"ecr\"}";
            assert_eq!(value(&text, minted), Some(seconds(validity.issued_at())), "{text}");
        }
    }
}
