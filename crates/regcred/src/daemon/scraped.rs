//! The metrics that are computed when Prometheus scrapes them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{family::Family, gauge::Gauge},
};
use regcred_core::{Clock, StoreName};
use regcred_plan::Types;
use tokio::time::Instant;

use super::{
    labels::{Expiring, OneTarget, Sink, StateOf, Store},
    states::States,
};

/// The maximum number of targets with their own time series: those that expire first.
const SHOWN: usize = 100;
/// The windows of `targets_expiring`, in hours.
const WITHIN: [u64; 3] = [1, 2, 4];

/// The inputs of the metrics that are computed at a scrape.
#[derive(Debug)]
pub(crate) struct Scraped {
    states: Arc<States>,
    clock: Arc<dyn Clock>,
    /// The types, which know the clocks of the services.
    types: Types,
    /// When the oldest queued target of each store was queued.
    waiting: Mutex<BTreeMap<StoreName, Option<Instant>>>,
}

/// The counts of one scrape.
#[derive(Default)]
struct Counts {
    targets: Family<StateOf, Gauge>,
    expiring: Family<Expiring, Gauge>,
    past: Family<Sink, Gauge>,
    expiry: Family<OneTarget, Gauge<f64, AtomicU64>>,
}

impl Scraped {
    pub(crate) fn new(states: Arc<States>, clock: Arc<dyn Clock>, types: Types) -> Self {
        Self { states, clock, types, waiting: Mutex::default() }
    }

    /// Records when the oldest queued target of a store was queued. `None`: the queue is empty.
    pub(crate) fn waits(&self, store: StoreName, since: Option<Instant>) {
        self.waiting.lock().expect("no holder of the lock panics").insert(store, since);
    }

    pub(crate) fn forget_queues(&self) {
        self.waiting.lock().expect("no holder of the lock panics").clear();
    }

    /// Counts the targets by state and by expiry.
    fn counts(&self, now: SystemTime) -> Counts {
        let (states, counts) = (self.states.all(), Counts::default());
        let mut ending = vec![];
        for (target, state) in states.iter() {
            let sink = target.store.to_string();
            counts.targets.get_or_create(&StateOf { sink: sink.clone(), state: state.state.name() }).inc();
            let past = counts.past.get_or_create(&Sink { sink: sink.clone() });
            past.inc_by(i64::from(state.is_past_its_floor(now)));
            drop(past);
            let Some(ends) = &state.ends else { continue };
            ending.push((ends, target));
            for hours in WITHIN {
                let gauge =
                    counts.expiring.get_or_create(&Expiring { sink: sink.clone(), within: format!("{hours}h") });
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
            counts.expiry.get_or_create(&one).set(seconds(*ends));
        }
        counts
    }

    fn pending(&self) -> Family<Store, Gauge<f64, AtomicU64>> {
        let pending = Family::<Store, Gauge<f64, AtomicU64>>::default();
        for (store, since) in &*self.waiting.lock().expect("no holder of the lock panics") {
            let waited = since.map(|since| since.elapsed()).unwrap_or_default();
            pending.get_or_create(&Store { store: store.to_string() }).set(waited.as_secs_f64());
        }
        pending
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.clock.now();
        let skew = Gauge::<f64, AtomicU64>::default();
        skew.set(self.types.server_time().map_or(0.0, |theirs| seconds(theirs) - seconds(now)));
        let Counts { targets, expiring, past, expiry } = self.counts(now);
        let pending = self.pending();
        let all: [(&str, &str, &dyn Encode); 6] = [
            ("pending_oldest_seconds", "Age of the oldest queued target, in seconds", &pending),
            ("clock_skew_seconds", "Lead of the providers' clock over the clock of this machine, in seconds", &skew),
            ("targets", "Targets, by state", &targets),
            ("targets_expiring", "Targets whose first credential expires within the window", &expiring),
            ("targets_past_floor", "Targets with less than two hours left, or 15 % of a shorter life", &past),
            (
                "target_expiry_timestamp_seconds",
                "First expiry of a target, as a Unix timestamp, for the targets that expire first",
                &expiry,
            ),
        ];
        all.into_iter()
            .try_for_each(|(name, help, metric)| metric.encode(&mut encoder, &format!("regcred_{name}"), help))
    }
}

/// A metric of any type.
trait Encode {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> Encode for M {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        // The registry also ends the help of its own metrics with a full stop.
        let metric = encoder.encode_descriptor(name, &format!("{help}."), None, self.metric_type())?;
        EncodeMetric::encode(self, metric)
    }
}

/// Returns the seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
