//! The port to places that keep credentials.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;

use crate::{CredentialSet, Error, ProviderName, Refusal, Registry, Result, Revision, Target, Validity};

/// Keeps credentials at addresses of one store. The store and the write method are fixed when the sink is built.
///
/// An implementation guarantees:
/// - Every call is one attempt and ends under its own deadline.
/// - `apply` is based on an observation. If the target has changed since, it fails as
///   [`Conflict`](crate::ErrorKind::Conflict) and changes nothing. Only if the observation found nothing may `apply`
///   overwrite what the same installation has created since.
/// - A target of another owner is neither changed nor removed. In a target of regcred, content of another owner stays
///   if the format allows it.
/// - `apply` converges from any state that a dropped call left. Credentials change in one write, which is visible as a
///   whole or not at all.
/// - The second of two writes of the same set returns [`Written::Unchanged`]. An entry of regcred that
///   [outlives](CredentialSet::is_outlived_by) its replacement stays.
/// - No secret appears in errors, in `Debug` or in logs below the call.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecretSink: fmt::Debug + Send + Sync + 'static {
    /// Returns what is at the target. [`Observed::exists`] is false if there is nothing. Fails as
    /// [`Gone`](crate::ErrorKind::Gone) if the place itself does not exist.
    async fn observe(&self, target: &Target) -> Result<Observed>;

    /// Writes these credentials to the target, which keeps its entries of failed providers. `observed` is the result of
    /// an `observe` of this sink for this target. Fails as [`Refused`](crate::ErrorKind::Refused) for a target of
    /// another owner.
    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied>;

    /// Removes what `apply` created. It reads the target itself and removes exactly what it read. Fails as
    /// [`Refused`](crate::ErrorKind::Refused) for a target of another owner. An absent target is not an error.
    async fn remove(&self, target: &Target) -> Result<()>;
}

/// Information about a target that is only displayed and does not influence reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// The owner, in a word or two. Empty: the owner is not known.
    pub owner: String,
    /// The registries that regcred has logins for in the target.
    pub registries: Vec<Registry>,
    /// The users of the target, such as "default (pull)".
    pub used_by: Vec<String>,
    /// The other writers of the target, current and past.
    pub writers: Vec<String>,
}

/// The observed state of a target, without the secret itself. Default: nothing exists.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// Whether anything exists at the target. If not, the other fields that describe it are empty.
    pub exists: bool,
    /// The state that the next `apply` is based on.
    pub revision: Revision,
    /// Why regcred must not write the target. `None`: it may.
    pub refusal: Option<Refusal>,
    /// The owner, if the sink is configured to adopt the target with the next `apply`. Adoption requires a set in which
    /// no provider failed.
    pub adopted_from: Option<String>,
    /// The validity of each provider's credential in the target. A provider without reliable dates is absent.
    pub validity: BTreeMap<ProviderName, Validity>,
    /// Changes by another writer that require a write even if everything is fresh, such as "its data was edited".
    pub drift: Vec<String>,
    /// Work that is left even if everything is fresh, such as "ServiceAccount builder is not linked". Another writer
    /// did not necessarily cause it.
    pub undone: Vec<String>,
    /// A condition that is not met yet and is not a failure, such as "ServiceAccount builder does not exist".
    pub waiting_for: Option<String>,
    /// The error of reading something beside the target itself, such as a ServiceAccount that uses it.
    pub failure: Option<Error>,
    /// Whether the sink answered from its cache: the target is known to be unchanged since the last read or write.
    pub is_remembered: bool,
    /// Information that is only displayed.
    pub details: Details,
}

impl Details {
    /// Creates details with this owner.
    pub fn of(owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), ..Self::default() }
    }
}

impl Observed {
    /// Describes an absent target.
    pub fn absent() -> Self {
        Self::default()
    }

    /// Describes a target of regcred that holds credentials with these dates.
    pub fn ours(validity: BTreeMap<ProviderName, Validity>) -> Self {
        Self { exists: true, validity, ..Self::default() }
    }

    /// Describes a target that regcred must not write.
    pub fn refused(refusal: Refusal) -> Self {
        Self { exists: true, refusal: Some(refusal), ..Self::default() }
    }

    /// Describes a target of another owner that the next `apply` adopts.
    pub fn adopted_from(owner: impl Into<String>) -> Self {
        Self { exists: true, adopted_from: Some(owner.into()), ..Self::default() }
    }

    /// Returns itself if something exists at the target.
    pub fn existing(self) -> Option<Self> {
        self.exists.then_some(self)
    }

    /// Sets the state that the next `apply` is based on.
    #[must_use]
    pub fn with_revision(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    /// Adds changes by another writer.
    #[must_use]
    pub fn with_drift(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.drift.extend(reasons);
        self
    }

    /// Adds work that is left to do.
    #[must_use]
    pub fn with_undone(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.undone.extend(reasons);
        self
    }

    /// Sets the condition that is not met yet.
    #[must_use]
    pub fn waiting_for(self, what: Option<String>) -> Self {
        Self { waiting_for: what, ..self }
    }

    /// Sets the error of reading something beside the target itself.
    #[must_use]
    pub fn with_failure(self, failure: Option<Error>) -> Self {
        Self { failure, ..self }
    }

    /// Sets whether the sink answered from its cache.
    #[must_use]
    pub fn remembered(self, is_remembered: bool) -> Self {
        Self { is_remembered, ..self }
    }

    /// Sets the information that is only displayed.
    #[must_use]
    pub fn with_details(self, details: Details) -> Self {
        Self { details, ..self }
    }
}

/// The result of an `apply`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The effect on the target itself.
    pub written: Written,
    /// Whether something beside the target itself was written, such as a link.
    pub also_written: bool,
    /// A condition that is not met yet and is not a failure, such as "ServiceAccount builder does not exist".
    pub waiting_for: Option<String>,
    /// The error of a step after the write of the target itself, such as a link. The next reconciliation retries the
    /// step.
    pub failure: Option<Error>,
}

impl Applied {
    /// Creates a result without an unmet condition and without an error.
    pub fn new(written: Written) -> Self {
        Self { written, also_written: false, waiting_for: None, failure: None }
    }

    /// Sets the condition that is not met yet.
    #[must_use]
    pub fn waiting_for(self, what: Option<String>) -> Self {
        Self { waiting_for: what, ..self }
    }

    /// Sets whether something beside the target itself was written.
    #[must_use]
    pub fn also_written(self, also_written: bool) -> Self {
        Self { also_written, ..self }
    }

    /// Sets the error of a step after the write of the target itself.
    #[must_use]
    pub fn with_failure(self, failure: Option<Error>) -> Self {
        Self { failure, ..self }
    }
}

/// The effect of an `apply` on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The target did not exist and was created.
    Created,
    /// The target existed and was changed.
    Updated,
    /// The target existed and was not changed.
    Unchanged,
}

#[async_trait]
impl<S: SecretSink + ?Sized> SecretSink for Arc<S> {
    async fn observe(&self, target: &Target) -> Result<Observed> {
        (**self).observe(target).await
    }

    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied> {
        (**self).apply(target, observed, credentials).await
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        (**self).remove(target).await
    }
}
