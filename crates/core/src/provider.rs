//! The port to whoever mints credentials.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{Caller, Issuer, RegistryCredential, Result, Scope};

/// Mints registry credentials. Bound to account, region and identity when it is built.
///
/// What an implementation owes:
/// - One call is one attempt under its own deadline: no cache, no pause, no loop. Those belong to the caller, who asks when
///   a new credential is wanted and takes what it gets for new.
/// - The credential is usable when it is returned, and nothing in it was guessed from what the other side did not say.
/// - The future may be dropped at any await; a later call works as if the first had not been made.
/// - No secret, and no body of an answer, in errors, in `Debug` or in what is logged below the call.
#[async_trait]
pub trait RegistryProvider: fmt::Debug + Send + Sync + 'static {
    /// Asks for a new credential.
    async fn credential(&self) -> Result<RegistryCredential>;

    /// Returns the registries that its credentials open, as far as they are known before the first one is minted. Default:
    /// [`Scope::Unknown`].
    fn scope(&self) -> Scope {
        Scope::Unknown
    }

    /// Returns when the source of the credential has changed, such as a file or a Secret that a person has replaced. A new credential is then
    /// minted at once, although the latest one is not due. It is called again after it has returned. The future may be dropped at
    /// any await, and a change that happens between two calls must not get lost. Default: never returns.
    async fn changed(&self) {
        std::future::pending::<()>().await;
    }

    /// No credential of this provider lives longer than this, so that a later end that is read somewhere was not given by
    /// it. Default, `None`: nobody knows.
    fn longest_life(&self) -> Option<Duration> {
        None
    }

    /// Returns the account that would mint now, without minting; `None` if it is not known. The answer may be remembered. A target that
    /// holds a credential of another issuer is not fresh. Default, `None`: an issuer is not compared.
    async fn issuer(&self) -> Option<Issuer> {
        None
    }

    /// Returns the identity that asks for credentials, without minting. It is only shown to people. `None`, the default: it is not known.
    async fn caller(&self) -> Option<Result<Caller>> {
        None
    }
}

// By hand, so that a mock needs no word about what has a default.
#[cfg(feature = "mock")]
mockall::mock! {
    #[derive(Debug)]
    /// A [`RegistryProvider`] that does what a test expects.
    pub RegistryProvider {}

    #[async_trait]
    impl RegistryProvider for RegistryProvider {
        async fn credential(&self) -> Result<RegistryCredential>;
    }
}

#[async_trait]
impl<P: RegistryProvider + ?Sized> RegistryProvider for Arc<P> {
    async fn credential(&self) -> Result<RegistryCredential> {
        (**self).credential().await
    }

    fn scope(&self) -> Scope {
        (**self).scope()
    }

    async fn changed(&self) {
        (**self).changed().await;
    }

    fn longest_life(&self) -> Option<Duration> {
        (**self).longest_life()
    }

    async fn issuer(&self) -> Option<Issuer> {
        (**self).issuer().await
    }

    async fn caller(&self) -> Option<Result<Caller>> {
        (**self).caller().await
    }
}
