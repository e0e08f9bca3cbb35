//! A provider that is created when its first credential is needed.

use std::{pin::pin, sync::Arc, time::Duration};

use regcred_config::Verify;
use regcred_core::{Caller, Issuer, RegistryCredential, RegistryProvider, Result, Scope, async_trait};
use regcred_plan::PlannedProvider;
use tokio::sync::{Notify, OnceCell};

/// Creates its provider within the deadline of the first caller. If that fails, only that mint fails.
#[derive(Debug)]
pub(crate) struct Lazy {
    planned: PlannedProvider,
    made: OnceCell<Arc<dyn RegistryProvider>>,
    is_made: Notify,
}

impl Lazy {
    pub(crate) fn new(planned: PlannedProvider) -> Self {
        Self { planned, made: OnceCell::new(), is_made: Notify::new() }
    }

    /// Returns how its credentials are verified. `None`: they are not.
    pub(crate) fn verify(&self) -> Option<&Verify> {
        self.planned.verify()
    }

    async fn provider(&self) -> Result<&Arc<dyn RegistryProvider>> {
        let provider = self.made.get_or_try_init(|| self.planned.make()).await?;
        self.is_made.notify_waiters();
        Ok(provider)
    }
}

#[async_trait]
impl RegistryProvider for Lazy {
    async fn credential(&self) -> Result<RegistryCredential> {
        self.provider().await?.credential().await
    }

    fn scope(&self) -> Scope {
        self.made.get().map_or_else(|| self.planned.plan().scope.clone(), RegistryProvider::scope)
    }

    async fn changed(&self) {
        let mut is_made = pin!(self.is_made.notified());
        is_made.as_mut().enable(); // registered before the check, so that no notification is missed
        if self.made.get().is_none() {
            is_made.await;
        }
        match self.made.get() {
            Some(made) => made.changed().await,
            None => std::future::pending().await,
        }
    }

    fn longest_life(&self) -> Option<Duration> {
        self.made.get().and_then(RegistryProvider::longest_life).or(self.planned.plan().longest_life)
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.provider().await.ok()?.issuer().await
    }

    async fn caller(&self) -> Option<Result<Caller>> {
        match self.provider().await {
            Ok(provider) => provider.caller().await,
            Err(error) => Some(Err(error)),
        }
    }
}
