//! What the daemon counts, for Prometheus.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use regcred_core::{Clock, SystemClock, Target, Validity, Written};
use regcred_engine::{Event, Outcome, State};

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
struct Standing {
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

/// How one target stands.
#[derive(Clone, Copy, Debug)]
struct Known {
    state: State,
    ends: Option<SystemTime>,
}

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
    standing: Family<Standing, Gauge>,
    expiring: Family<Expiring, Gauge>,
    targets: Family<OneTarget, Gauge<f64, AtomicU64>>,
    known: Mutex<HashMap<Target, Known>>,
}

impl Metrics {
    /// `leads`: from the beginning, for there is nobody else.
    pub(super) fn new(leads: bool) -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            leader: Gauge::default(),
            reload: Gauge::default(),
            requests: Family::default(),
            expiry: Family::default(),
            success: Family::default(),
            syncs: Family::default(),
            standing: Family::default(),
            expiring: Family::default(),
            targets: Family::default(),
            known: Mutex::default(),
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
        registry.register("targets", "Targets, by how they stand", metrics.standing.clone());
        registry.register("targets_expiring", "Targets that end within so long", metrics.expiring.clone());
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

    /// Another config, or another leader: what is known of targets is not any more.
    pub(super) fn forget_targets(&self) {
        self.known().clear();
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
            Event::Looked { target, outcome } => {
                let sync = Sync { sink: target.store.to_string(), outcome: came_of(outcome) };
                self.syncs.get_or_create(&sync).inc();
                let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
                self.known().insert((*target).clone(), Known { state: outcome.state(), ends });
            }
            Event::Forgotten { target } => drop(self.known().remove(*target)),
            _ => {}
        }
    }

    /// In the text format of `OpenMetrics`.
    pub(super) fn text(&self) -> String {
        self.count(SystemClock.now());
        let mut text = String::new();
        if encode(&mut text, &self.registry()).is_err() {
            text.clear();
        }
        text
    }

    /// What is known of the targets, as numbers.
    fn count(&self, now: SystemTime) {
        let known = self.known();
        self.standing.clear();
        self.expiring.clear();
        self.targets.clear();
        let mut ending = vec![];
        for (target, Known { state, ends }) in known.iter() {
            let sink = target.store.to_string();
            self.standing.get_or_create(&Standing { sink: sink.clone(), state: state.name() }).inc();
            let Some(ends) = ends else { continue };
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
                target_namespace: target.namespace.to_string(),
                secret: target.name.to_string(),
            };
            self.targets.get_or_create(&one).set(seconds(*ends));
        }
    }

    fn requested(&self, provider: &Provider, outcome: &str) {
        let request = Request { provider: provider.provider.clone(), outcome: outcome.to_owned() };
        self.requests.get_or_create(&request).inc();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Target, Known>> {
        self.known.lock().expect("nobody panics while it is held")
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
