//! A fake provider that counts its calls.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{Clock, Error, Issuer, Login, Registry, RegistryCredential, RegistryProvider, Result, Validity};

/// Mints a different password in every call, and counts its calls.
#[derive(Debug)]
pub struct FakeProvider {
    clock: Arc<dyn Clock>,
    registry: Registry,
    life: Option<Duration>,
    longest_life: Option<Duration>,
    latency: Duration,
    calls: AtomicUsize,
    failure: Mutex<Option<Error>>,
    issuer: Mutex<Option<Issuer>>,
    asked: AtomicUsize,
    changes: Notify,
}

impl FakeProvider {
    /// Creates a provider for one registry, with a life of 12 hours and without latency.
    ///
    /// # Panics
    ///
    /// If `registry` is not a valid registry.
    pub fn new(clock: Arc<dyn Clock>, registry: &str) -> Self {
        Self {
            clock,
            registry: Registry::new(registry).expect("the test's registry is valid"),
            life: Some(Duration::from_hours(12)),
            longest_life: None,
            latency: Duration::ZERO,
            calls: AtomicUsize::new(0),
            failure: Mutex::default(),
            issuer: Mutex::default(),
            asked: AtomicUsize::new(0),
            changes: Notify::new(),
        }
    }

    /// Sets the life of the credentials. `None`: they do not end.
    #[must_use]
    pub fn with_life(self, life: Option<Duration>) -> Self {
        Self { life, ..self }
    }

    /// Sets the longest life that the provider reports. Default: it reports none.
    #[must_use]
    pub fn with_longest_life(self, longest_life: Duration) -> Self {
        Self { longest_life: Some(longest_life), ..self }
    }

    /// Sets a delay before each response, in tokio's time.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Makes every later call fail with this error. `None`: calls succeed again.
    ///
    /// # Panics
    ///
    /// If a panic happened in another call.
    pub fn fail_with(&self, failure: impl Into<Option<Error>>) {
        *self.failure.lock().expect("no call panics") = failure.into();
    }

    /// Sets the account that later calls mint as. Default: the account is not known.
    ///
    /// # Panics
    ///
    /// If a panic happened in another call.
    pub fn set_issuer(&self, account: Option<&str>) {
        *self.issuer.lock().expect("no call panics") = account.map(Issuer::of);
    }

    /// Reports that the source of the provider has changed: see [`RegistryProvider::changed`].
    pub fn change(&self) {
        self.changes.notify_one();
    }

    /// Returns how often the issuer was requested.
    pub fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    /// Returns how often a credential was requested.
    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

#[async_trait]
impl RegistryProvider for FakeProvider {
    async fn credential(&self) -> Result<RegistryCredential> {
        let call = self.calls.fetch_add(1, SeqCst) + 1;
        tokio::time::sleep(self.latency).await;
        if let Some(failure) = self.failure.lock().expect("no call panics").clone() {
            return Err(failure);
        }
        let now = self.clock.now();
        let login = Login::new(vec![self.registry.clone()], "AWS", format!("canary-{call}").into())?;
        let issuer = *self.issuer.lock().expect("no call panics");
        let validity = Validity::new(now, self.life.map(|life| now + life))?;
        RegistryCredential::new(vec![login], validity.with_issuer(issuer))
    }

    async fn changed(&self) {
        self.changes.notified().await;
    }

    fn longest_life(&self) -> Option<Duration> {
        self.longest_life
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.asked.fetch_add(1, SeqCst);
        *self.issuer.lock().expect("no call panics")
    }
}
