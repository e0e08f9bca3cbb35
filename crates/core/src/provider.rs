//! The port to services that mint credentials.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{Caller, Issuer, RegistryCredential, Result, Scope};

/// Mints registry credentials. Account, region and identity are fixed when the provider is built.
///
/// An implementation guarantees:
/// - One call is one attempt under its own deadline. It has no cache, no pause and no retry loop, because those belong
///   to the caller. The caller calls when it needs a new credential, and treats each result as new.
/// - The credential is usable when it is returned. The provider does not guess values that are missing in the response.
/// - The future may be dropped at any await. A later call works as if the dropped call had not been made.
/// - No secret and no response body appears in errors, in `Debug` or in logs below the call.
#[async_trait]
pub trait RegistryProvider: fmt::Debug + Send + Sync + 'static {
    /// Mints a new credential.
    async fn credential(&self) -> Result<RegistryCredential>;

    /// Returns the registries that the credentials open, as far as they are known before the first mint. Default:
    /// [`Scope::Unknown`].
    fn scope(&self) -> Scope {
        Scope::Unknown
    }

    /// Completes when the source of the credential changes, such as a file or a Secret that a user replaces.
    ///
    /// regcred then mints a new credential immediately, even if the latest one is not due, and calls the method again.
    /// The future may be dropped at any await. A change between two calls must not be lost. Default: never completes.
    async fn changed(&self) {
        std::future::pending::<()>().await;
    }

    /// Returns the longest life of any credential of this provider. A stored credential with a later end is not from
    /// this provider. Default, `None`: the longest life is not known.
    fn longest_life(&self) -> Option<Duration> {
        None
    }

    /// Returns the account that would mint now, without minting. The result may be cached. A target with a credential
    /// of another issuer is not fresh. Default, `None`: the account is not known, and issuers are not compared.
    async fn issuer(&self) -> Option<Issuer> {
        None
    }

    /// Returns the identity that requests credentials, without minting. It is only displayed. Default, `None`: the
    /// identity is not known.
    async fn caller(&self) -> Option<Result<Caller>> {
        None
    }
}

// Written by hand, so that a mock needs no expectations for methods with defaults.
#[cfg(feature = "mock")]
mockall::mock! {
    #[derive(Debug)]
    /// A mock [`RegistryProvider`] with the expectations of a test.
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
