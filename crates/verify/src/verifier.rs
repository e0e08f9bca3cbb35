//! The verifier of a program, for the key `verify` of entries of `providers:`.

use std::sync::Arc;

use regcred_config::Verify;
use regcred_core::{Clock, Code, Registry, RegistryProvider, Result};
use regcred_http::HttpClient;
use regcred_plan::Verifier;

use crate::{Verified, VerifiedBuilder, codes, trial};

/// Verifies the credentials of entries with `verify`: for `Types::with_verifier` of `regcred-plan`.
#[derive(Clone, Debug)]
pub struct RegistryVerifier {
    client: Option<HttpClient>,
    clock: Arc<dyn Clock>,
}

impl RegistryVerifier {
    /// Creates a verifier. The lives of credentials are compared with the clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { client: None, clock }
    }

    /// Sets the client of all requests. Default: one per provider, with the environment of the process at its first
    /// mint.
    #[must_use]
    pub fn with_client(self, client: HttpClient) -> Self {
        Self { client: Some(client), ..self }
    }
}

impl Verifier for RegistryVerifier {
    fn verified(&self, provider: Arc<dyn RegistryProvider>, verify: &Verify) -> Result<Arc<dyn RegistryProvider>> {
        let builder = Verified::builder(provider, self.clock.clone());
        let builder = self.client.iter().cloned().fold(builder, VerifiedBuilder::with_client);
        let builder = verify.repository.iter().cloned().fold(builder, VerifiedBuilder::with_repository);
        let builder = if verify.is_strict { builder.strict() } else { builder };
        Ok(Arc::new(builder.build()?))
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }

    fn hosts(&self, registry: &Registry) -> Vec<String> {
        trial::hosts(registry)
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::{SystemClock, testing::FakeProvider};

    use super::*;

    #[test]
    fn the_provider_verifies_as_its_entry_says() {
        let fake = || Arc::new(FakeProvider::new(Arc::new(SystemClock), "r.example"));
        let repository = "team/app".parse().expect("valid");
        let strict = Verify::new(true).with_repository(repository);
        let shown = |verify: &Verify| {
            let verified = RegistryVerifier::new(Arc::new(SystemClock))
                .verified(fake(), verify)
                .expect("the environment is usable");
            format!("{verified:?}")
        };
        assert!(shown(&strict).contains("is_strict: true, repository: Some(\"team/app\")"), "{}", shown(&strict));
        assert!(shown(&Verify::new(false)).contains("is_strict: false, repository: None"));
    }

    #[test]
    fn the_hosts_are_those_of_the_registry_and_the_token_server_of_docker_hub() {
        let hosts =
            |text: &str| RegistryVerifier::new(Arc::new(SystemClock)).hosts(&Registry::new(text).expect("valid"));
        assert_eq!(hosts("quay.io/team"), ["quay.io:443"]);
        assert_eq!(hosts("r.example:5000"), ["r.example:5000"]);
        assert_eq!(hosts("docker.io"), ["registry-1.docker.io:443", "auth.docker.io:443"]);
    }
}
