//! The services that mint tokens: Amazon ECR in a region, and Amazon ECR Public.

use std::{error::Error as StdError, future::Future, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use regcred_core::{Clock, Error, Registry, RegistryCredential, Result};
use tokio::time::timeout;

use crate::{
    codes,
    error::{NO_ANSWER, failed, translate},
    host::{Alias, PUBLIC_HOSTS, Region, RegistryHost},
    quiet::quietly,
    settings::DEADLINE,
    token,
};

/// A service, with its client.
pub(crate) enum Service {
    /// Tokens open the registries of one region.
    Private(aws_sdk_ecr::Client),
    /// Tokens open the one registry of ECR Public.
    Public(aws_sdk_ecrpublic::Client),
}

/// The registries that a credential should open.
pub(crate) struct Wanted<'a> {
    pub(crate) region: &'a Region,
    pub(crate) hosts: &'a [RegistryHost],
    pub(crate) aliases: &'a [Alias],
}

impl Service {
    /// Returns the call in the words of an IAM policy, for errors.
    pub(crate) fn action(&self, region: &Region) -> String {
        match self {
            Self::Private(_) => format!("ecr:GetAuthorizationToken in {region}"),
            Self::Public(_) => "ecr-public:GetAuthorizationToken".into(),
        }
    }

    /// Requests a token with these credentials, in one attempt.
    pub(crate) async fn credential(
        &self,
        wanted: Wanted<'_>,
        credentials: Credentials,
        clock: &dyn Clock,
    ) -> Result<RegistryCredential> {
        let Wanted { region, hosts, aliases } = wanted;
        let action = self.action(region);
        match self {
            Self::Private(client) => {
                let config = aws_sdk_ecr::config::Config::builder().credentials_provider(credentials);
                let call = client.get_authorization_token().customize().config_override(config).send();
                let answer = answer(call, &action, clock).await?;
                let accounts = hosts.iter().map(|host| host.account().clone()).collect::<Vec<_>>();
                let data = answer.authorization_data();
                let (own, credential) = token::credential(data, region, &accounts, clock.now())?;
                let hosts = if hosts.is_empty() { vec![own] } else { hosts.to_vec() };
                credential.for_registries(RegistryHost::with_aliases(&hosts, aliases))
            }
            Self::Public(client) => {
                let config = aws_sdk_ecrpublic::config::Config::builder().credentials_provider(credentials);
                let call = client.get_authorization_token().customize().config_override(config).send();
                let data = answer(call, &action, clock).await?.authorization_data;
                token::public(data.as_ref(), public_registries(), clock.now())
            }
        }
    }
}

/// Returns the hosts of ECR Public.
pub(crate) fn public_registries() -> Vec<Registry> {
    PUBLIC_HOSTS.iter().map(|host| Registry::new(host).expect("it is a host")).collect()
}

/// Waits for an answer until the deadline of a call.
async fn answer<T, E>(
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    action: &str,
    clock: &dyn Clock,
) -> Result<T>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let answer = timeout(DEADLINE, quietly(call)).await.map_err(|_| late(action))?;
    let now: SystemTime = clock.now();
    answer.map_err(|error| translate(&error, action, now))
}

/// Returns the error of a call without an answer before its deadline.
pub(crate) fn late(action: &str) -> Error {
    failed(&codes::UNREACHABLE, action, NO_ANSWER)
}
