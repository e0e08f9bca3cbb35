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

use crate::{Namespace, ProviderName, SecretName, StoreName, Target};

/// The address `namespace`/`ecr-secret` in the store `memory`.
///
/// # Panics
///
/// If that is no valid namespace.
pub fn target(namespace: &str) -> Target {
    Target {
        store: StoreName::new("memory").expect("a valid name"),
        namespace: Namespace::new(namespace).expect("the test's namespace is valid"),
        name: SecretName::new("ecr-secret").expect("a valid name"),
    }
}

/// A provider's name.
///
/// # Panics
///
/// If it is not valid.
pub fn provider_name(name: &str) -> ProviderName {
    ProviderName::new(name).expect("the test's provider name is valid")
}
