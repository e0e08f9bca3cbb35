//! The fakes pass the conformance suites.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{
    Clock, Error, ErrorKind, Registry, RegistryProvider, SecretSink, Target, TargetSource,
    testing::{FakeProvider, MemorySink, TestClock, conformance, target},
};

struct Fake {
    clock: Arc<TestClock>,
}

#[async_trait]
impl conformance::ProviderUnderTest for Fake {
    fn canary(&self) -> &'static str {
        "canary"
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        let fake = FakeProvider::new(self.clock.clone(), "r.example");
        Arc::new(fake.with_latency(Duration::from_millis(1)))
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        let fake = FakeProvider::new(self.clock.clone(), "r.example");
        fake.fail_with(Error::new(ErrorKind::Malformed, "as the test wants"));
        Arc::new(fake)
    }
}

#[tokio::test(start_paused = true)]
async fn the_fake_provider_conforms() {
    conformance::provider(&Fake { clock: Arc::new(TestClock::new()) }).await;
}

#[derive(Debug)]
struct Memory {
    sink: Arc<MemorySink>,
    clock: Arc<TestClock>,
    handed_out: AtomicUsize,
}

#[async_trait]
impl conformance::SinkUnderTest for Memory {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    async fn vacant(&self) -> Target {
        target(&format!("team-{}", self.handed_out.fetch_add(1, SeqCst)))
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        self.sink.stored(target)
    }

    async fn plant_foreign(&self, target: &Target) {
        self.sink.plant_foreign(target, "helm");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?} {}", self.sink.stored(target), self.sink.writes())
    }
}

#[tokio::test(start_paused = true)]
async fn the_memory_sink_conforms() {
    let sink = Arc::new(MemorySink::with_latency(Duration::from_millis(1)));
    conformance::sink(&Memory { sink, clock: Arc::new(TestClock::new()), handed_out: AtomicUsize::new(0) }).await;
}

/// A list that does not change.
struct Fixed(Vec<Target>);

#[async_trait]
impl conformance::SourceUnderTest for Fixed {
    async fn source(&self) -> Arc<dyn TargetSource> {
        Arc::new(self.0.clone())
    }

    async fn targets(&self) -> BTreeSet<Target> {
        self.0.iter().cloned().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_list_of_targets_conforms() {
    conformance::source(&Fixed(vec![target("team-a"), target("team-b")])).await;
}
