//! Verification against registries on loopback.

mod behaviours;
mod conforms;
mod https;
mod logins;
mod logs;
mod registry;

use std::{sync::Arc, time::Duration};

use regcred_core::{Error, Login, Registry, RegistryCredential, RegistryProvider, SystemClock, testing::FakeProvider};
use regcred_http::{HttpClient, HttpClientBuilder};
use regcred_verify::{Verified, VerifiedBuilder};

use crate::registry::FakeRegistry;

/// Returns a client without the environment of the process.
fn client() -> HttpClientBuilder {
    HttpClient::builder().with_variables(|_| None)
}

/// Returns the verification of a fake provider, which mints passwords with `canary` for this registry.
fn builder(registry: &FakeRegistry) -> VerifiedBuilder {
    let fake = FakeProvider::new(Arc::new(SystemClock), &registry.address().to_string());
    of(Arc::new(fake))
}

/// Returns the verification of a provider, without a pause.
fn of(provider: Arc<dyn RegistryProvider>) -> VerifiedBuilder {
    let client = client().build().expect("it is usable");
    Verified::builder(provider, Arc::new(SystemClock)).with_client(client).with_pause(Duration::ZERO)
}

/// Mints a login that the test made.
#[derive(Debug)]
struct Fixed(Login);

#[regcred_core::async_trait]
impl RegistryProvider for Fixed {
    async fn credential(&self) -> Result<RegistryCredential, Error> {
        let validity = regcred_core::Validity::lasting(&SystemClock, Duration::from_hours(1))?;
        RegistryCredential::new(vec![self.0.clone()], validity)
    }
}

/// Returns the name of a registry in a login.
fn name(registry: &FakeRegistry) -> Vec<Registry> {
    vec![Registry::new(registry.address().to_string()).expect("an address is valid")]
}
