//! An engine on fakes with memory, and a clock that only tests move.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    Error, ErrorKind, Target, TargetSource,
    testing::{FakeProvider, MemorySink, TestClock, provider_name, target},
};
use regcred_engine::{Builder, Engine, Minter, Route};

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) struct Fakes {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) provider: Arc<FakeProvider>,
    pub(crate) sink: Arc<MemorySink>,
}

impl Fakes {
    pub(crate) fn new() -> Self {
        Self::with_latency(Duration::ZERO)
    }

    pub(crate) fn with_latency(latency: Duration) -> Self {
        let clock = Arc::new(TestClock::new());
        let provider = FakeProvider::new(clock.clone(), "prod.example").with_latency(Duration::from_millis(100));
        Self { clock, provider: Arc::new(provider), sink: Arc::new(MemorySink::with_latency(latency)) }
    }

    pub(crate) fn builder(&self) -> Builder {
        Engine::builder(self.clock.clone()).with_minter(Minter::new(provider_name("prod"), self.provider.clone()))
    }

    pub(crate) fn route(&self, source: impl TargetSource) -> Route {
        Route::new("test", vec![provider_name("prod")], source, self.sink.clone())
    }

    pub(crate) fn engine(&self, count: usize) -> Arc<Engine> {
        self.builder().with_route(self.route(targets(count))).build().expect("it is whole")
    }
}

pub(crate) fn targets(count: usize) -> Vec<Target> {
    (0..count).map(|number| target(&format!("team-{number}"))).collect()
}

pub(crate) fn unreachable() -> Error {
    Error::new(ErrorKind::Unreachable, "no answer")
}
