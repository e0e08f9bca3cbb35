//! The verification of credentials, for entries of `providers:` with `verify`.

use std::{fmt, sync::Arc};

use regcred_config::Verify;
use regcred_core::{Code, Registry, RegistryProvider, Result};

/// Tries new credentials at their registries, before they replace working ones.
///
/// A program adds one with [`Types::with_verifier`](crate::Types::with_verifier). Without it, a config with `verify`
/// is not valid.
pub trait Verifier: fmt::Debug + Send + Sync + 'static {
    /// Returns a provider that returns only credentials of `provider` that no registry refuses.
    ///
    /// It forwards all other methods of the port. Fails if the verification cannot be prepared. Then the mint fails, and
    /// the next mint tries again.
    fn verified(&self, provider: Arc<dyn RegistryProvider>, verify: &Verify) -> Result<Arc<dyn RegistryProvider>>;

    /// Returns the codes of its failures, for `regcred explain`. Default: none.
    fn codes(&self) -> &'static [&'static Code] {
        &[]
    }

    /// Returns the hosts and ports that the verification connects to for a registry, such as `quay.io:443`, as far as
    /// they are known. Default: none.
    fn hosts(&self, registry: &Registry) -> Vec<String> {
        let _ = registry;
        vec![]
    }
}
