//! The provider itself: one call, one token.

use std::{env, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_ecr::{Client, config::Builder};
use regcred_core::{Clock, Error, ErrorKind, Registry, RegistryCredential, RegistryProvider, Result, SystemClock};
use tokio::time::timeout;
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

use crate::{
    error::translate,
    guard::{Guard, is_secure},
    host::{AccountId, Region, RegistryHost},
    identity, token,
};

/// For one attempt: ECR answers in a tenth of a second, a slow proxy in a few.
const DEADLINE: Duration = Duration::from_secs(10);
/// For a connection: longer than a lost first packet, shorter than anybody's patience.
const CONNECT: Duration = Duration::from_secs(4);

/// Where the SDK may be sent: to ECR with the request for a token, to STS with a web identity.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_STS"];

/// Mints tokens of Amazon ECR, in one region and as one identity.
pub struct EcrProvider {
    client: Client,
    region: Region,
    hosts: Vec<RegistryHost>,
    clock: Arc<dyn Clock>,
}

/// Makes an [`EcrProvider`].
#[derive(Debug)]
pub struct EcrProviderBuilder {
    region: Region,
    hosts: Vec<RegistryHost>,
    endpoint: Option<String>,
    identity: Option<SharedCredentialsProvider>,
    clock: Arc<dyn Clock>,
}

impl EcrProvider {
    /// For this region.
    pub fn builder(region: Region) -> EcrProviderBuilder {
        EcrProviderBuilder { region, hosts: vec![], endpoint: None, identity: None, clock: Arc::new(SystemClock) }
    }

    /// The region whose registries its tokens open.
    pub fn region(&self) -> &Region {
        &self.region
    }
}

impl EcrProviderBuilder {
    /// Its logins name the plain hosts of these accounts. Without any: the account that ECR's answer names.
    #[must_use]
    pub fn with_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.hosts.extend(accounts.into_iter().map(|account| RegistryHost::plain(account, self.region.clone())));
        self
    }

    /// Its logins name these hosts, in whatever form.
    #[must_use]
    pub fn with_hosts(mut self, hosts: impl IntoIterator<Item = RegistryHost>) -> Self {
        self.hosts.extend(hosts);
        self
    }

    /// Asks there instead of at ECR's own endpoint. HTTPS, or HTTP on loopback.
    #[must_use]
    pub fn with_endpoint(self, url: impl Into<String>) -> Self {
        Self { endpoint: Some(url.into()), ..self }
    }

    /// Asks as this identity instead of the one that environment, profile, web identity or container give.
    #[must_use]
    pub fn with_identity(self, identity: impl ProvideCredentials + 'static) -> Self {
        Self { identity: Some(SharedCredentialsProvider::new(identity)), ..self }
    }

    /// Compares with this clock. Default: the machine's own.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Reads environment and profile; asks nobody. [`ErrorKind::Invalid`] for a host in another region, and for an endpoint
    /// that would send tokens in clear text.
    pub async fn build(self) -> Result<EcrProvider> {
        let Self { region, hosts, endpoint, identity, clock } = self;
        let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
        if let Some(stray) = hosts.iter().find(|host| host.region() != &region) {
            return invalid(format!(
                "{stray} is not in {region}, and a token of one region does not open another's registries"
            ));
        }
        if let Some(endpoint) = endpoint.as_ref().filter(|endpoint| !is_secure(endpoint)) {
            return invalid(format!("the endpoint {endpoint:?} is neither HTTPS nor on loopback"));
        }
        for variable in ENDPOINTS {
            if let Some(url) = env::var(variable).ok().filter(|url| !url.is_empty() && !is_secure(url)) {
                return invalid(format!("the endpoint {url:?} of {variable} is neither HTTPS nor on loopback"));
            }
        }
        let sdk_region = aws_sdk_ecr::config::Region::new(region.as_str().to_owned());
        let identity = identity.unwrap_or_else(|| SharedCredentialsProvider::new(identity::chain(sdk_region.clone())));
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(DEADLINE).build();
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .credentials_provider(identity)
            .region(sdk_region)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        let mut config = Builder::from(&loader.load().await).interceptor(Guard);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Ok(EcrProvider { client: Client::from_conf(config.build()), region, hosts, clock })
    }
}

#[async_trait]
impl RegistryProvider for EcrProvider {
    /// The SDK logs answers whole at TRACE, and this one's is the token: nobody listens while it works.
    async fn credential(&self) -> Result<RegistryCredential> {
        let call = self.client.get_authorization_token().send().with_subscriber(NoSubscriber::default());
        let late = |_| {
            let message = format!("ecr:GetAuthorizationToken in {} had no answer", self.region);
            Error::new(ErrorKind::Unreachable, message).with_cause("the time for it was over")
        };
        let answer = timeout(DEADLINE, call).await.map_err(late)?.map_err(|error| translate(&error, &self.region))?;
        let accounts = self.hosts.iter().map(|host| host.account().clone()).collect::<Vec<_>>();
        let own = token::credential(answer.authorization_data(), &self.region, &accounts, self.clock.now())?;
        if self.hosts.is_empty() {
            return Ok(own);
        }
        own.for_registries(self.hosts.iter().map(RegistryHost::registry).collect::<Vec<Registry>>())
    }
}

impl fmt::Debug for EcrProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcrProvider").field("region", &self.region).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
