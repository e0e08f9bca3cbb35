//! What the daemon counts, for Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use regcred_core::{Clock, StoreName, SystemClock, Written};
use regcred_engine::{Event, Outcome, State};
use tokio::time::Instant;

use super::standings::Standings;
use crate::wire::Minters;

/// Of so many targets each has a line of its own: those that end first.
const SHOWN: usize = 100;
/// Within so long, in hours.
const WITHIN: [u64; 3] = [1, 2, 4];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Provider {
    provider: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    provider: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sync {
    sink: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Stands {
    sink: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Expiring {
    sink: String,
    within: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OneTarget {
    sink: String,
    target_namespace: String,
    secret: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Sink {
    sink: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Store {
    store: String,
}

/// Of a look, in seconds: one request to one that waits for a provider and a store until their deadlines.
const TOOK: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];

/// All of it. What changes with each look is kept by target and counted when it is asked for.
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
    /// Since when something waits in each store.
    waiting: Mutex<BTreeMap<StoreName, Option<Instant>>>,
    /// What mints, which knows what time it is elsewhere.
    minters: Mutex<Minters>,
}

impl Metrics {
    /// `leads`: from the beginning, for there is nobody else.
    pub(super) fn new(leads: bool, standings: Arc<Standings>) -> Self {
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
            waiting: Mutex::default(),
            minters: Mutex::default(),
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

    /// Another config, or another leader: nothing waits any more.
    pub(super) fn forget_queues(&self) {
        self.waiting().clear();
        self.depth.clear();
    }

    /// What mints from now on.
    pub(super) fn mints_with(&self, minters: &Minters) {
        minters.clone_into(&mut self.minters.lock().expect("nobody panics while it is held"));
    }

    pub(super) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Minted { provider, validity } => {
                let provider = Provider { provider: provider.to_string() };
                self.requested(&provider, "success");
                self.success.get_or_create(&provider).set(seconds(SystemClock.now()));
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
            Event::Queue { store, depth, since } => {
                let depth = i64::try_from(*depth).unwrap_or(i64::MAX);
                self.depth.get_or_create(&Store { store: store.to_string() }).set(depth);
                self.waiting().insert((*store).clone(), *since);
            }
            _ => {}
        }
    }

    /// In the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        let now = SystemClock.now();
        self.count(now);
        self.pending.clear();
        for (store, since) in &*self.waiting() {
            let waited = since.map(|since| since.elapsed()).unwrap_or_default();
            self.pending.get_or_create(&Store { store: store.to_string() }).set(waited.as_secs_f64());
        }
        let theirs = self.minters.lock().expect("nobody panics while it is held").their_time();
        self.skew.set(theirs.map_or(0.0, |theirs| seconds(theirs) - seconds(now)));
        let mut text = String::new();
        if encode(&mut text, &self.registry()).is_err() {
            text.clear();
        }
        text
    }

    /// What is known of the targets, as numbers.
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

/// What a look led to, in one word.
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
