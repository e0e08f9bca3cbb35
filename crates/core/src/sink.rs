//! The port to wherever credentials are kept.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;

use crate::{CredentialSet, Error, ProviderName, Refusal, Registry, Result, Target, Validity};

/// Keeps credentials at addresses. Bound, when it is built, to its store and to its way of writing.
///
/// What an implementation owes:
/// - Every call ends under its own deadline and is one attempt; a lost race is [`Conflict`](crate::ErrorKind::Conflict).
/// - What belongs to somebody else is neither changed nor removed, and what others wrote into ours stays where the format
///   allows it.
/// - `apply` converges from whatever a dropped call left behind. Credentials change in one write, which is visible as a whole
///   or not at all.
/// - The same set twice is [`Written::Unchanged`]. What [`CredentialSet::is_outlived_by`] an entry of ours is not written over it.
/// - No secret in errors, in `Debug` or in what is logged below the call.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecretSink: fmt::Debug + Send + Sync + 'static {
    /// What stands at the target; `None`: nothing. [`Gone`](crate::ErrorKind::Gone): the place itself does not exist.
    async fn observe(&self, target: &Target) -> Result<Option<Observed>>;

    /// Makes the target hold these credentials, and for providers that failed what it held for them before.
    /// What belongs to somebody else is [`Refused`](crate::ErrorKind::Refused).
    async fn apply(&self, target: &Target, credentials: &CredentialSet) -> Result<Applied>;

    /// Removes what `apply` made; what belongs to somebody else is [`Refused`](crate::ErrorKind::Refused), nothing is fine.
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

/// What stands at a target; never the secret itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
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
    /// Ours, with what it holds.
    pub fn ours(validity: BTreeMap<ProviderName, Validity>) -> Self {
        Self { validity, ..Self::default() }
    }

    /// Not ours to write.
    pub fn refused(refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::default() }
    }

    /// Somebody else's, to be taken over with the next `apply`.
    pub fn adopted_from(owner: impl Into<String>) -> Self {
        Self { adopted_from: Some(owner.into()), ..Self::default() }
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
    async fn observe(&self, target: &Target) -> Result<Option<Observed>> {
        (**self).observe(target).await
    }

    async fn apply(&self, target: &Target, credentials: &CredentialSet) -> Result<Applied> {
        (**self).apply(target, credentials).await
    }

    async fn remove(&self, target: &Target) -> Result<()> {
        (**self).remove(target).await
    }
}
