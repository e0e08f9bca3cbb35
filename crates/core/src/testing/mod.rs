//! Fakes with memory, a clock that tests move, and the conformance suites. Feature `testing`.
//!
//! They stand in at the ports. For tests that should cross a wire, run a server.

mod clock;
pub mod conformance;
mod provider;
mod sink;

pub use clock::TestClock;
pub use provider::FakeProvider;
pub use sink::MemorySink;

use crate::{
    Address, Applied, CredentialSet, Namespace, ProviderName, Result, SecretName, SecretSink, StoreName, Target,
};

/// What a test does with a sink in one call.
pub trait SinkExt: SecretSink {
    /// Observes a target and applies a set to what it found, as the engine does.
    fn write(&self, target: &Target, credentials: &CredentialSet) -> impl Future<Output = Result<Applied>> + Send {
        async move {
            let observed = self.observe(target).await?;
            self.apply(target, &observed, credentials).await
        }
    }
}

impl<S: SecretSink + ?Sized> SinkExt for S {}

/// The address `namespace`/`ecr-secret` in the store `memory`.
///
/// # Panics
///
/// If that is no valid namespace.
pub fn target(namespace: &str) -> Target {
    let namespace = Namespace::new(namespace).expect("the test's namespace is valid");
    let address = Address::secret(namespace, SecretName::new("ecr-secret").expect("a valid name"));
    Target::new(StoreName::new("memory").expect("a valid name"), address)
}

/// A provider's name.
///
/// # Panics
///
/// If it is not valid.
pub fn provider_name(name: &str) -> ProviderName {
    ProviderName::new(name).expect("the test's provider name is valid")
}
