//! One trial of a login at the API of a registry.

use std::fmt;

use regcred_core::{ExposeSecret, RepositoryName, async_trait};
use regcred_http::{HttpClient, Url, basic};

use crate::{
    login_scheme::{LoginScheme, choose},
    outcome::Outcome,
    proof::Proof,
    token::token,
    trial::{Trial, url},
};

/// Tries a login.
#[async_trait]
pub(crate) trait Probe: fmt::Debug + Send + Sync {
    async fn probe(&self, trial: &Trial, proof: &Proof) -> Outcome;
}

/// Tries a login with requests to the registry and its token server.
#[derive(Debug)]
pub(crate) struct HttpProbe(pub(crate) HttpClient);

#[async_trait]
impl Probe for HttpProbe {
    async fn probe(&self, trial: &Trial, proof: &Proof) -> Outcome {
        let outcome = self.logged_in(trial, proof).await;
        let outcome = match (&trial.repository, outcome) {
            // A registry that answers without a login can still have repositories that need one.
            (Some(repository), Ok(Outcome::Proven)) => self.reads(trial, repository, proof, true).await,
            (Some(repository), Err(Outcome::NotProvable(_))) => self.reads(trial, repository, proof, false).await,
            (_, outcome) => outcome,
        };
        outcome.unwrap_or_else(|outcome| outcome)
    }
}

impl HttpProbe {
    /// Tries the login at the root of the API.
    async fn logged_in(&self, trial: &Trial, proof: &Proof) -> Result<Outcome, Outcome> {
        let url = url(&trial.registry, "/v2/")?;
        let status = self.ask(&url, None, proof).await?;
        Ok(if (200..300).contains(&status) { Outcome::Proven } else { Outcome::of_status(status, "the registry") })
    }

    /// Tries to list one tag of a repository. The repository need not exist.
    ///
    /// `is_proven`: the registry accepts the login. It then answers 401 if the login may not read the repository.
    async fn reads(
        &self,
        trial: &Trial,
        repository: &RepositoryName,
        proof: &Proof,
        is_proven: bool,
    ) -> Result<Outcome, Outcome> {
        let url = url(&trial.registry, &format!("/v2/{repository}/tags/list?n=1"))?;
        let scope = format!("repository:{repository}:pull");
        Ok(match self.ask(&url, Some(&scope), proof).await? {
            200..300 | 404 => Outcome::Proven,
            401 if is_proven => Outcome::of_status(403, "the registry"),
            status => Outcome::of_status(status, "the registry"),
        })
    }

    /// Sends a request without a login, and then with the login that the registry asks for. Returns the status of the
    /// second answer. `Err`: the login was not sent there, and this is the outcome.
    async fn ask(&self, url: &Url, scope: Option<&str>, proof: &Proof) -> Result<u16, Outcome> {
        let unproven = |reason: &str| Err(Outcome::NotProvable(reason.into()));
        let answer = self.0.get(url, &[]).await?;
        match answer.status() {
            401 => {}
            200..300 => return unproven("the registry answers without a login"),
            status => return Err(Outcome::Unknown(format!("the registry answers HTTP {status} without a login"))),
        }
        let authorization = match (choose(answer.challenges(), url), proof) {
            (Ok(LoginScheme::Basic), Proof::Password { user, password }) => basic(user, password.expose_secret()),
            (Ok(LoginScheme::Basic), Proof::IdentityToken(_)) => {
                return unproven("the registry takes no identity token");
            }
            (Ok(LoginScheme::Bearer(server)), proof) => {
                let token = token(&self.0, &server, scope, proof).await?;
                format!("Bearer {}", token.expose_secret())
            }
            (Err(reason), _) => return unproven(reason),
        };
        Ok(self.0.get(url, &[("authorization", &authorization)]).await?.status())
    }
}
