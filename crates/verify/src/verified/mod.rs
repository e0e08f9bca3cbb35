//! The provider that returns only credentials that no registry refuses.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::stream::{FuturesUnordered, StreamExt};
use regcred_core::{
    Caller, Clock, Error, Issuer, RegistryCredential, RegistryProvider, RepositoryName, Result, Scope, async_trait,
};
use regcred_http::HttpClient;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info, warn};

use crate::{
    codes,
    memory::Memory,
    outcome::Outcome,
    probe::{HttpProbe, Probe},
    trial::{Trial, trials},
};

/// The pause before a refused credential is tried again. Registries know a new credential within about a second.
const PAUSE: Duration = Duration::from_secs(2);
/// The time limit of a verification. Two requests without an answer fit into it.
const WHOLE: Duration = Duration::from_secs(20);
/// The time limit of a mint with its verification. It is shorter than the 30 seconds of the engine, so that a slow
/// registry never makes a mint fail.
const MINT: Duration = Duration::from_secs(28);
/// The number of registries that are tried at the same time. A credential for many accounts must not open hundreds of
/// connections.
const PARALLEL: usize = 16;

/// A provider whose new credentials are tried at their registries. All other methods are those of the inner provider.
///
/// A credential that a registry refuses is an error with the code [`codes::REFUSED`] or [`codes::FORBIDDEN`]. Targets
/// then keep their previous credential. The provider also returns a refused credential if the one before it is past
/// nine tenths of its life, because then no other would work.
pub struct Verified {
    provider: Arc<dyn RegistryProvider>,
    probe: Arc<dyn Probe>,
    clock: Arc<dyn Clock>,
    is_strict: bool,
    repository: Option<RepositoryName>,
    pause: Duration,
    memory: Mutex<Memory>,
}

/// Builds a [`Verified`].
#[derive(Clone, Debug)]
pub struct VerifiedBuilder {
    provider: Arc<dyn RegistryProvider>,
    client: Option<HttpClient>,
    clock: Arc<dyn Clock>,
    is_strict: bool,
    repository: Option<RepositoryName>,
    pause: Duration,
}

impl VerifiedBuilder {
    /// Sets the client of all requests. Its deadline is that of one request. Default: [`HttpClient::from_env`], with 10
    /// seconds.
    #[must_use]
    pub fn with_client(self, client: HttpClient) -> Self {
        Self { client: Some(client), ..self }
    }

    /// Sets the repository that a credential must be able to read, at each registry that contains it. It need not
    /// exist. Default: none, and a credential must only log in.
    #[must_use]
    pub fn with_repository(self, repository: RepositoryName) -> Self {
        Self { repository: Some(repository), ..self }
    }

    /// Sets the pause before a refused credential is tried a second time. Default: 2 seconds.
    #[must_use]
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Also refuses a credential for HTTP 403. Default: HTTP 403 is only logged, because it can mean a policy or a
    /// firewall.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { is_strict: true, ..self }
    }

    /// Creates the provider. Fails if the default client cannot be created: see [`HttpClient::from_env`].
    pub fn build(self) -> Result<Verified> {
        let Self { client, .. } = &self;
        let client = client.clone().map_or_else(HttpClient::from_env, Ok)?;
        Ok(self.with_probe(Arc::new(HttpProbe(client))))
    }

    fn with_probe(self, probe: Arc<dyn Probe>) -> Verified {
        let Self { provider, clock, is_strict, repository, pause, .. } = self;
        Verified { provider, probe, clock, is_strict, repository, pause, memory: Mutex::default() }
    }
}

impl Verified {
    /// Returns a builder for the credentials of this provider. Their lives are compared with the clock.
    pub fn builder(provider: Arc<dyn RegistryProvider>, clock: Arc<dyn Clock>) -> VerifiedBuilder {
        VerifiedBuilder { provider, client: None, clock, is_strict: false, repository: None, pause: PAUSE }
    }

    /// Tries a credential at all its registries. Returns the first refusal.
    async fn refusal(&self, credential: &RegistryCredential, deadline: Instant) -> Option<Error> {
        let trials = trials(credential, self.repository.as_ref());
        let mut waiting = trials.iter();
        let mut running = FuturesUnordered::new();
        running.extend(waiting.by_ref().take(PARALLEL).map(|trial| self.tried(trial, deadline)));
        while let Some(refusal) = running.next().await {
            if refusal.is_some() {
                return refusal;
            }
            running.extend(waiting.next().map(|trial| self.tried(trial, deadline)));
        }
        None
    }

    /// Tries a login at one registry, and logs the outcome. Returns the error of a refusal.
    async fn tried(&self, trial: &Trial, deadline: Instant) -> Option<Error> {
        let outcome = timeout_at(deadline, self.outcome(trial)).await;
        let outcome = outcome.unwrap_or_else(|_| Outcome::Unknown("the registry did not answer in time".into()));
        let registry = &trial.registry;
        let refused = |code, cause| {
            let error = Error::new(code, format!("cannot verify the credential of {registry}"));
            Some(error.with_cause(cause))
        };
        match outcome {
            Outcome::Proven => debug!(%registry, "verified credential"),
            Outcome::Refused => return refused(&codes::REFUSED, "the registry refuses the login (HTTP 401)"),
            Outcome::Forbidden if self.is_strict => {
                return refused(&codes::FORBIDDEN, "the registry forbids the login (HTTP 403)");
            }
            Outcome::Forbidden => {
                warn!(%registry, reason = "the registry forbids the login (HTTP 403)", "cannot verify credential");
            }
            Outcome::NotProvable(reason) if self.memory().is_first_report(registry) => {
                info!(%registry, reason, "cannot verify credential");
            }
            Outcome::NotProvable(reason) | Outcome::Unknown(reason) => {
                debug!(%registry, reason, "cannot verify credential");
            }
        }
        None
    }

    /// Tries a login, and tries it again after a pause if the registry refuses it.
    async fn outcome(&self, trial: &Trial) -> Outcome {
        let Some(proof) = &trial.proof else {
            return Outcome::NotProvable("the entry has no user name and password".into());
        };
        let outcome = self.probe.probe(trial, proof).await;
        let is_refusal = outcome == Outcome::Refused || (self.is_strict && outcome == Outcome::Forbidden);
        if !is_refusal {
            return outcome;
        }
        debug!(registry = %trial.registry, "registry refused credential, trying again");
        sleep(self.pause).await;
        self.probe.probe(trial, proof).await
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Each change is one assignment, so a panic leaves nothing half done.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RegistryProvider for Verified {
    async fn credential(&self) -> Result<RegistryCredential> {
        let begin = Instant::now();
        let credential = self.provider.credential().await?;
        let deadline = (Instant::now() + WHOLE).min(begin + MINT);
        if let Some(refusal) = self.refusal(&credential, deadline).await {
            if !self.memory().is_near_end(self.clock.now()) {
                return Err(refusal);
            }
            let (error, code) = (refusal.chain(), refusal.code());
            warn!(error, %code, "accepted refused credential, because the previous one expires");
        }
        self.memory().accept(credential.validity());
        Ok(credential)
    }

    fn scope(&self) -> Scope {
        self.provider.scope()
    }

    async fn changed(&self) {
        self.provider.changed().await;
    }

    fn longest_life(&self) -> Option<Duration> {
        self.provider.longest_life()
    }

    async fn issuer(&self) -> Option<Issuer> {
        self.provider.issuer().await
    }

    async fn caller(&self) -> Option<Result<Caller>> {
        self.provider.caller().await
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("provider", &self.provider)
            .field("is_strict", &self.is_strict)
            .field("repository", &self.repository)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
