//! A provider with its credential and its back-off.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use regcred_core::{Code, Error, Issuer, ProviderName, RegistryCredential, RegistryProvider, Result, Scope};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout},
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{Context, Event, codes, workqueue::backoff::pause};

/// The limit for a call to a provider without a deadline of its own. It is longer than the deadline of any provider
/// should be.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest wait for the account of a provider. After it, the account counts as unknown and is not compared.
const ISSUER: Duration = Duration::from_secs(5);
/// The shortest time between two calls to a provider whose new credential is already due, as with a cache.
const REST: Duration = Duration::from_mins(1);

/// A provider with its credential and its back-off.
///
/// Any number of callers share one call at a time. After a failure, the minter makes no call until the pause is over.
/// Meanwhile it returns a credential that still works, even if it is due. A minter also works without an engine.
pub struct Minter {
    name: ProviderName,
    kind: Kind,
}

enum Kind {
    Own {
        provider: Arc<dyn RegistryProvider>,
        slot: Mutex<Slot>,
        /// Whether the content of the slot must not be used any more.
        is_forgotten: AtomicBool,
        /// The account of the last mint.
        minted_as: std::sync::Mutex<Option<Issuer>>,
    },
    Derived {
        base: Arc<Minter>,
        derive: Derive,
    },
}

type Derive = Box<dyn Fn(&RegistryCredential) -> Result<RegistryCredential> + Send + Sync>;

#[derive(Default)]
struct Slot {
    current: Option<Arc<RegistryCredential>>,
    failure: Option<(Error, Instant)>,
    failures: u32,
    /// Set if a new credential was not fresh. The minter makes no call before that time.
    rest_until: Option<Instant>,
}

/// A credential that works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handed {
    /// The credential.
    pub credential: Arc<RegistryCredential>,
    /// Why a due credential was not replaced, with the rest of the pause as its [`retry_after`](Error::retry_after).
    /// `None`: the last call did not fail, or the credential is fresh.
    pub stale: Option<Error>,
}

impl Minter {
    /// Creates a minter for a provider, under this name.
    pub fn new(name: ProviderName, provider: Arc<dyn RegistryProvider>) -> Self {
        let (slot, is_forgotten, minted_as) = (Mutex::default(), AtomicBool::new(false), std::sync::Mutex::default());
        Self { name, kind: Kind::Own { provider, slot, is_forgotten, minted_as } }
    }

    /// Creates a minter that derives its credential from that of another minter, such as the same token for other
    /// registries. It mints nothing itself.
    pub fn derived(
        name: ProviderName,
        base: Arc<Self>,
        derive: impl Fn(&RegistryCredential) -> Result<RegistryCredential> + Send + Sync + 'static,
    ) -> Self {
        Self { name, kind: Kind::Derived { base, derive: Box::new(derive) } }
    }

    /// Returns the name of the provider in the configuration.
    pub fn name(&self) -> &ProviderName {
        &self.name
    }

    /// Returns the minter that calls the provider: this one, or the one that it derives from.
    pub(crate) fn base(self: &Arc<Self>) -> &Arc<Self> {
        match &self.kind {
            Kind::Own { .. } => self,
            Kind::Derived { base, .. } => base.base(),
        }
    }

    /// Completes when the source of the provider changes: see [`RegistryProvider::changed`].
    pub(crate) async fn changed(&self) {
        match &self.kind {
            Kind::Own { provider, .. } => provider.changed().await,
            Kind::Derived { base, .. } => Box::pin(base.changed()).await,
        }
    }

    /// Drops the credential and the pause. The next caller mints, after a call that is in flight.
    pub fn forget(&self) {
        match &self.kind {
            Kind::Own { is_forgotten, .. } => {
                is_forgotten.store(true, Relaxed);
                self.forget_issuer();
            }
            Kind::Derived { base, .. } => base.forget(),
        }
    }

    /// Drops the account of the last mint, so that [`Minter::issuer`] asks the provider. A run that ended may have
    /// dropped a change of the source before it minted.
    pub(crate) fn forget_issuer(&self) {
        match &self.kind {
            Kind::Own { minted_as, .. } => *minted_as.lock().unwrap_or_else(PoisonError::into_inner) = None,
            Kind::Derived { base, .. } => base.forget_issuer(),
        }
    }

    /// Returns the scope of the provider: see [`RegistryProvider::scope`]. The scope of a derived minter is unknown.
    pub fn scope(&self) -> Scope {
        match &self.kind {
            Kind::Own { provider, .. } => provider.scope(),
            Kind::Derived { .. } => Scope::Unknown,
        }
    }

    /// Returns the longest life of a credential: see [`RegistryProvider::longest_life`].
    pub fn longest_life(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Own { provider, .. } => provider.longest_life(),
            Kind::Derived { base, .. } => base.longest_life(),
        }
    }

    /// Returns the account of the last mint or, before the first mint, the account that would mint: see
    /// [`RegistryProvider::issuer`].
    pub async fn issuer(&self) -> Option<Issuer> {
        match &self.kind {
            Kind::Own { provider, minted_as, .. } => {
                let minted_as = *minted_as.lock().unwrap_or_else(PoisonError::into_inner);
                if minted_as.is_some() { minted_as } else { timeout(ISSUER, provider.issuer()).await.ok()? }
            }
            Kind::Derived { base, .. } => Box::pin(base.issuer()).await,
        }
    }

    /// Returns a fresh credential if possible, otherwise one that still works. If there is none, returns the error,
    /// with the rest of the pause as its [`retry_after`](Error::retry_after).
    pub async fn get(&self, context: &Context) -> Result<Handed> {
        match &self.kind {
            Kind::Own { provider, slot, is_forgotten, minted_as } => {
                let slot = &mut *slot.lock().await;
                if is_forgotten.swap(false, Relaxed) {
                    *slot = Slot::default();
                }
                let handed = self.get_locked(provider, slot, context);
                let handed = handed.instrument(info_span!("mint", provider = %self.name)).await?;
                if let issuer @ Some(_) = handed.credential.validity().issuer() {
                    *minted_as.lock().unwrap_or_else(PoisonError::into_inner) = issuer;
                }
                Ok(handed)
            }
            Kind::Derived { base, derive } => {
                let Handed { credential, stale } = Box::pin(base.get(context)).await?;
                Ok(Handed { credential: Arc::new(derive(&credential)?), stale })
            }
        }
    }

    /// Returns a credential and mints if it is due. The caller holds the lock.
    ///
    /// The time is read under the lock. A credential that was minted during the wait would seem to come from the future
    /// if the time were read before. Every caller would then mint its own.
    async fn get_locked(
        &self,
        provider: &Arc<dyn RegistryProvider>,
        slot: &mut Slot,
        context: &Context,
    ) -> Result<Handed> {
        let is_fresh = |slot: &Slot| {
            let current = slot.current.as_ref().map(|it| it.validity());
            current.is_some_and(|it| it.is_fresh(context.clock.now(), &*context.schedule))
        };
        let now = Instant::now();
        let rests =
            slot.failure.as_ref().map(|(_, until)| *until).max(slot.rest_until).is_some_and(|until| now < until);
        if !is_fresh(slot) && !rests {
            let minted = attempt(provider.clone()).await;
            self.note(slot, minted, context);
            slot.rest_until = (slot.failure.is_none() && !is_fresh(slot)).then(|| Instant::now() + REST);
        }
        let stale = slot.failure.as_ref().filter(|_| !is_fresh(slot)).map(|(error, until)| {
            let rest = until.duration_since(Instant::now());
            error.clone().with_retry_after(Some(rest))
        });
        let usable = slot.current.clone().filter(|it| it.validity().is_usable(context.clock.now()));
        match (usable, stale) {
            (Some(credential), stale) => Ok(Handed { credential, stale }),
            (None, Some(error)) => Err(error),
            (None, None) => Err(unminted(&codes::EXPIRED_CREDENTIAL, "it expired when it was minted")),
        }
    }

    fn note(&self, slot: &mut Slot, minted: Result<RegistryCredential>, context: &Context) {
        let usable = minted.and_then(|it| {
            let expired = || unminted(&codes::EXPIRED_CREDENTIAL, "the provider returned an expired credential");
            if it.validity().is_usable(context.clock.now()) { Ok(it) } else { Err(expired()) }
        });
        match usable {
            Ok(credential) => {
                let expires_in_seconds =
                    credential.validity().expires_at().map(|end| end.duration_since(context.clock.now()));
                let expires_in_seconds = expires_in_seconds.map_or(0, |left| left.unwrap_or_default().as_secs());
                info!(expires_in_seconds, failures = slot.failures, "minted credential");
                let validity = credential.validity();
                *slot = Slot { current: Some(Arc::new(credential)), ..Slot::default() };
                context.emit(&Event::Minted { provider: &self.name, validity });
            }
            Err(error) => {
                slot.failures += 1;
                let pause = pause(&error, slot.failures);
                let (kind, code, text, failures) = (error.kind(), error.code(), error.chain(), slot.failures);
                let retry_in_seconds = pause.as_secs();
                if failures == 1 {
                    warn!(%kind, %code, error = text, failures, retry_in_seconds, "cannot mint credential");
                } else {
                    debug!(%kind, %code, error = text, failures, retry_in_seconds, "cannot mint credential");
                }
                slot.failure = Some((error.clone(), Instant::now() + pause));
                context.emit(&Event::MintFailed { provider: &self.name, error: &error, failures: slot.failures });
            }
        }
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Calls the provider on a separate task, so that a panic becomes an error. Dropping the future ends the task.
async fn attempt(provider: Arc<dyn RegistryProvider>) -> Result<RegistryCredential> {
    let mut task = JoinSet::new();
    task.spawn(async move { timeout(DEADLINE, provider.credential()).await }.in_current_span());
    match task.join_next().await {
        Some(Ok(Ok(answer))) => answer,
        Some(Ok(Err(_))) => Err(unminted(&codes::PROVIDER_TIMEOUT, "the provider did not answer within 30 s")),
        Some(Err(_)) | None => Err(unminted(&codes::PANIC, "the provider panicked")),
    }
}

/// Returns the error for a provider that returned no usable credential.
pub(crate) fn unminted(code: &'static Code, cause: &str) -> Error {
    Error::new(code, "cannot mint a credential").with_cause(cause)
}

#[cfg(test)]
mod tests {
    use regcred_core::{
        Registry,
        testing::{FakeProvider, TestClock, provider_name},
    };

    use regcred_core::ErrorKind;

    use super::*;

    fn minter() -> (Arc<FakeProvider>, Arc<Minter>, Context) {
        let clock = Arc::new(TestClock::new());
        let fake = FakeProvider::new(clock.clone(), "r.example").with_latency(Duration::from_millis(100));
        let fake = Arc::new(fake);
        (fake.clone(), Arc::new(Minter::new(provider_name("one"), fake)), Context::new(clock))
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_concurrent_callers_share_one_mint() {
        let (fake, minter, context) = minter();
        let mut callers = JoinSet::new();
        for _ in 0..1000 {
            let (minter, context) = (minter.clone(), context.clone());
            callers.spawn(async move { minter.get(&context).await.map(drop) });
        }
        assert!(callers.join_all().await.iter().all(Result::is_ok));
        assert_eq!(fake.calls(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_forgotten_during_its_mint_is_minted_again_for_later_callers() {
        let (fake, minter, context) = minter();
        let (early, late) = tokio::join!(minter.get(&context), async {
            minter.forget();
            minter.get(&context).await
        });
        assert!(early.is_ok() && late.is_ok());
        assert_eq!(fake.calls(), 2);
        minter.get(&context).await.expect("it works");
        assert_eq!(fake.calls(), 2, "once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_mint_pauses_all_callers_and_a_working_credential_is_still_returned() {
        let (fake, minter, context) = minter();
        let first = minter.get(&context).await.expect("it works");
        fake.fail_with(Error::new(ErrorKind::Throttled, "wait").with_retry_after(Some(Duration::from_mins(1))));
        tokio::time::advance(Duration::from_hours(7)).await;
        for _ in 0..10 {
            let again = minter.get(&context).await.expect("it still works, though it is due");
            assert_eq!(again.credential.validity(), first.credential.validity());
            assert_eq!(again.stale.map(|error| error.kind()), Some(ErrorKind::Throttled));
        }
        assert_eq!(fake.calls(), 2);
        tokio::time::advance(Duration::from_hours(6)).await;
        let error = minter.get(&context).await.expect_err("it has expired");
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(Duration::from_mins(1))));
        fake.fail_with(None);
        minter.get(&context).await.expect_err("the pause is not over");
        tokio::time::advance(Duration::from_mins(1)).await;
        minter.get(&context).await.expect("the pause is over");
        assert_eq!(fake.calls(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_provider_hits_a_deadline_and_a_panic_is_an_error() {
        #[derive(Debug)]
        struct Stuck;
        #[async_trait::async_trait]
        impl RegistryProvider for Stuck {
            async fn credential(&self) -> Result<RegistryCredential> {
                std::future::pending().await
            }
        }
        #[derive(Debug)]
        struct Panicking;
        #[async_trait::async_trait]
        impl RegistryProvider for Panicking {
            async fn credential(&self) -> Result<RegistryCredential> {
                panic!("as the test wants")
            }
        }
        let context = Context::new(Arc::new(TestClock::new()));
        let stuck = Minter::new(provider_name("stuck"), Arc::new(Stuck));
        assert_eq!(stuck.get(&context).await.expect_err("no answer").kind(), ErrorKind::Unreachable);
        let panicking = Minter::new(provider_name("panicking"), Arc::new(Panicking));
        assert_eq!(panicking.get(&context).await.expect_err("a panic").kind(), ErrorKind::Bug);
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_that_is_due_at_its_mint_is_not_minted_again_for_a_minute() {
        let (fake, minter, context) = minter();
        let context = context.with_schedule(Arc::new(Some)); // due at once, whenever it was issued
        for _ in 0..100 {
            let handed = minter.get(&context).await.expect("it works");
            assert!(handed.stale.is_none());
        }
        assert_eq!(fake.calls(), 1);
        tokio::time::advance(Duration::from_hours(2)).await;
        minter.get(&context).await.expect("it works");
        assert_eq!(fake.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn derived_minters_share_one_call_and_the_pause_of_their_base() {
        let (fake, base, context) = minter();
        let derived = ["a.example", "b.example"].map(|registry| {
            let registries = vec![Registry::new(registry).expect("valid")];
            Minter::derived(provider_name("derived"), base.clone(), move |it| it.for_registries(registries.clone()))
        });
        for (minter, registry) in derived.iter().zip(["a.example", "b.example"]) {
            let credential = minter.get(&context).await.expect("it works").credential;
            assert_eq!(credential.registries().map(Registry::as_str).collect::<Vec<_>>(), [registry]);
        }
        assert_eq!(fake.calls(), 1);
    }
}
