//! The suite for providers, on a verified provider.

use std::sync::Arc;

use regcred_core::{Clock, RegistryProvider, SystemClock, async_trait, testing::conformance};

use crate::{
    builder,
    registry::{FakeRegistry, answer, challenge},
};

struct UnderTest {
    accepting: FakeRegistry,
    refusing: FakeRegistry,
}

#[async_trait]
impl conformance::ProviderUnderTest for UnderTest {
    fn canary(&self) -> &'static str {
        "canary"
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(builder(&self.accepting).build().expect("it is usable"))
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(builder(&self.refusing).build().expect("it is usable"))
    }
}

#[tokio::test]
async fn a_verified_provider_conforms() {
    let accepting = FakeRegistry::start(|it| if it.has_password() { answer(200) } else { challenge("Basic") }).await;
    let refusing = FakeRegistry::start(|_| challenge("Basic realm=\"canary\"")).await;
    conformance::provider(&UnderTest { accepting, refusing }).await;
}
