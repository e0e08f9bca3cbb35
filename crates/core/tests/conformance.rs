//! The fakes obey the rules that they are used to check.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{
    Clock, Registry, SecretSink, Target,
    testing::{FakeProvider, MemorySink, TestClock, conformance, target},
};

#[tokio::test(start_paused = true)]
async fn the_fake_provider_conforms() {
    let clock = Arc::new(TestClock::new());
    let provider = async || FakeProvider::new(clock.clone(), "r.example").with_latency(Duration::from_millis(1));
    conformance::provider(provider, "canary", &*clock).await;
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
async fn the_sink_in_memory_conforms() {
    let sink = Arc::new(MemorySink::with_latency(Duration::from_millis(1)));
    conformance::sink(&Memory { sink, clock: Arc::new(TestClock::new()), handed_out: AtomicUsize::new(0) }).await;
}
