//! The port to wherever credentials are kept.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;

use crate::{CredentialSet, Error, ProviderName, Refusal, Registry, Result, Revision, Target, Validity};

/// Keeps credentials at addresses of one store. The store and the way of writing are fixed when the sink is built.
///
/// An implementation guarantees:
/// - Every call ends under its own deadline and is one attempt.
/// - `apply` is based on an observation. If the target has changed since, it fails as [`Conflict`](crate::ErrorKind::Conflict) and
///   changes nothing. Only where nothing was seen may it write over what the same installation has created since.
/// - A target of another owner is neither changed nor removed. Content of another owner in a target of ours stays where the format
///   allows it.
/// - `apply` converges from whatever a dropped call left behind. Credentials change in one write, which is visible as a whole
///   or not at all.
/// - The same set twice is [`Written::Unchanged`]. An entry of ours that [outlives](CredentialSet::is_outlived_by) its replacement stays.
/// - No secret appears in errors, in `Debug` or in logs below the call.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecretSink: fmt::Debug + Send + Sync + 'static {
    /// Returns what is at the target. [`Observed::exists`] is false if there is nothing.
    /// [`Gone`](crate::ErrorKind::Gone): the place itself does not exist.
    async fn observe(&self, target: &Target) -> Result<Observed>;

    /// Makes the target hold these credentials, and for providers that failed what it held for them before. `observed` is the result of
    /// an `observe` of this sink for this target. A target of another owner is [`Refused`](crate::ErrorKind::Refused).
    async fn apply(&self, target: &Target, observed: &Observed, credentials: &CredentialSet) -> Result<Applied>;

    /// Removes what `apply` made. It reads the target itself and removes just what it read. A target of another owner is
    /// [`Refused`](crate::ErrorKind::Refused). A target without anything is no error.
    async fn remove(&self, target: &Target) -> Result<()>;
}

/// What a look finds that no decision hangs on, and people want to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Details {
    /// Whose it is, in a word or two; empty: nobody says.
    pub owner: String,
    /// The registries that it holds logins of ours for.
    pub registries: Vec<Registry>,
    /// What uses it: "default (pull)".
    pub used_by: Vec<String>,
    /// Who else writes it, or has written it.
    pub writers: Vec<String>,
}

/// What a sink found at a target; never the secret itself. By default nothing.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// Whether there is anything. If not, the other fields that describe it are empty.
    pub exists: bool,
    /// The state that the next `apply` is based on.
    pub revision: Revision,
    /// Why it is not ours to write.
    pub refusal: Option<Refusal>,
    /// Whose it is, if the sink was told to take it over with the next `apply`. That takes a set in which no provider failed.
    pub adopted_from: Option<String>,
    /// What it holds, by provider, as far as its dates can be believed.
    pub validity: BTreeMap<ProviderName, Validity>,
    /// What somebody else did to it, so that it has to be written although everything is fresh: "its data was edited".
    pub drift: Vec<String>,
    /// What is left to do although everything is fresh, and may be nobody's doing: "ServiceAccount builder is not linked".
    pub undone: Vec<String>,
    /// What could not be done yet and is no failure: "ServiceAccount builder does not exist".
    pub waiting_for: Option<String>,
    /// What could not be looked at beside the target itself, such as a ServiceAccount that uses it.
    pub failure: Option<Error>,
    /// Nobody was asked: it is known that nothing has happened to the target since it was last looked at or written.
    pub is_remembered: bool,
    /// What else there is to know.
    pub details: Details,
}

impl Details {
    /// Of something that belongs to this one.
    pub fn of(owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), ..Self::default() }
    }
}

impl Observed {
    /// Nothing is there.
    pub fn absent() -> Self {
        Self::default()
    }

    /// Ours, with what it holds.
    pub fn ours(validity: BTreeMap<ProviderName, Validity>) -> Self {
        Self { exists: true, validity, ..Self::default() }
    }

    /// Not ours to write.
    pub fn refused(refusal: Refusal) -> Self {
        Self { exists: true, refusal: Some(refusal), ..Self::default() }
    }

    /// Of another owner, to be taken over with the next `apply`.
    pub fn adopted_from(owner: impl Into<String>) -> Self {
        Self { exists: true, adopted_from: Some(owner.into()), ..Self::default() }
    }

    /// Returns itself if something is there.
    pub fn existing(self) -> Option<Self> {
        self.exists.then_some(self)
    }

    /// With the state that the next `apply` is based on.
    #[must_use]
    pub fn with_revision(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    /// With what somebody else did to it.
    #[must_use]
    pub fn with_drift(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.drift.extend(reasons);
        self
    }

    /// With what is left to do.
    #[must_use]
    pub fn with_undone(mut self, reasons: impl IntoIterator<Item = String>) -> Self {
        self.undone.extend(reasons);
        self
    }

    /// With something that could not be done yet.
    #[must_use]
    pub fn waiting_for(self, what: Option<String>) -> Self {
        Self { waiting_for: what, ..self }
    }

    /// With what could not be looked at beside the target itself.
    #[must_use]
    pub fn with_failure(self, failure: Option<Error>) -> Self {
        Self { failure, ..self }
    }

    /// Known without asking anybody.
    #[must_use]
    pub fn remembered(self, is_remembered: bool) -> Self {
        Self { is_remembered, ..self }
    }

    /// With what else there is to know.
    #[must_use]
    pub fn with_details(self, details: Details) -> Self {
        Self { details, ..self }
    }
}

/// What an `apply` did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Applied {
    /// To the target itself.
    pub written: Written,
    /// Whether something beside the target itself was written, such as a link.
    pub also_written: bool,
    /// What could not be done yet and is no failure: "ServiceAccount builder does not exist".
    pub waiting_for: Option<String>,
    /// What failed after the target itself was written, such as a link: it is tried again with the next look.
    pub failure: Option<Error>,
}

impl Applied {
    /// With nothing left to wait for.
    pub fn new(written: Written) -> Self {
        Self { written, also_written: false, waiting_for: None, failure: None }
    }

    /// With something that could not be done yet.
    #[must_use]
    pub fn waiting_for(self, what: Option<String>) -> Self {
        Self { waiting_for: what, ..self }
    }

    /// With something that was written beside the target itself.
    #[must_use]
    pub fn also_written(self, also_written: bool) -> Self {
        Self { also_written, ..self }
    }

    /// With what failed after the target itself was written.
    #[must_use]
    pub fn with_failure(self, failure: Option<Error>) -> Self {
        Self { failure, ..self }
    }
}

/// What happened to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was nothing before.
    Created,
    /// It was there and is now different.
    Updated,
    /// It was there and is as it was.
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
