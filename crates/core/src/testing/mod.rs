//! Fakes with memory, a clock that tests control, and the conformance suites. Requires the feature `testing`.
//!
//! The fakes implement the ports. For tests that need a network connection, run a server.

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

/// Shortcuts for tests of a sink.
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

/// Returns the target `namespace`/`ecr-secret` in the store `memory`.
///
/// # Panics
///
/// If `namespace` is not a valid namespace.
pub fn target(namespace: &str) -> Target {
    let namespace = Namespace::new(namespace).expect("the test's namespace is valid");
    let address = Address::secret(namespace, SecretName::new("ecr-secret").expect("a valid name"));
    Target::new(StoreName::new("memory").expect("a valid name"), address)
}

/// Returns the name of a provider.
///
/// # Panics
///
/// If `name` is not a valid provider name.
pub fn provider_name(name: &str) -> ProviderName {
    ProviderName::new(name).expect("the test's provider name is valid")
}
