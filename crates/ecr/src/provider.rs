//! The ECR provider. Each call mints one token.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use regcred_core::{
    Caller, Clock, Error, ErrorKind, Issuer, RegistryCredential, RegistryProvider, Result, Scope, SystemClock,
};
use tokio::{
    sync::{Mutex, OnceCell},
    time::{Instant, timeout},
};
use tracing::warn;

use crate::{
    administrator::may_push,
    arn, codes,
    environment::Environment,
    error::{NO_ANSWER, failed, identity_failure, translate, unloaded},
    host::{AccountId, Alias, Region, RegistryHost},
    identity::Identity,
    names,
    profile::DEFAULT,
    profiles::Profiles,
    quiet::quietly,
    service::{Service, Wanted, late, public_registries},
    settings::{DEADLINE, Settings},
    tenant, token,
    transport::{SKEW, Signing, Transport, is_secure, shown},
};

/// The variables that redirect requests: the request for a token to ECR, and the request with a web identity to STS.
const ENDPOINTS: [&str; 4] =
    ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC", "AWS_ENDPOINT_URL_STS"];

/// The time limit for resolving the caller, which may take a program and several roles. With [`DEADLINE`] it is shorter
/// than a minter's wait.
const IDENTITY: Duration = Duration::from_secs(18);

/// How long a mint may reuse the credentials of a caller lookup. The role is then assumed once, and the program runs
/// once.
const SPARE: Duration = Duration::from_secs(5);

/// Mints tokens of Amazon ECR in one region, or of Amazon ECR Public, with one identity.
pub struct EcrProvider {
    service: Service,
    sts: aws_sdk_sts::Client,
    identity: Identity,
    environment: Environment,
    settings: Settings,
    config: SdkConfig,
    region: Region,
    hosts: Vec<RegistryHost>,
    aliases: Vec<Alias>,
    principal: Option<String>,
    clock: Arc<dyn Clock>,
    signing: Signing,
    /// The ARN of the caller, from the first lookup.
    caller: OnceCell<Result<String>>,
    /// Unused credentials of a caller lookup, and when they were obtained.
    spare: Mutex<Option<(Instant, Credentials)>>,
    /// Whether the clock skew of this machine was logged already.
    is_off: AtomicBool,
}

/// Builds an [`EcrProvider`].
#[derive(Debug)]
pub struct EcrProviderBuilder {
    region: Region,
    is_public: bool,
    hosts: Vec<RegistryHost>,
    aliases: Vec<Alias>,
    endpoint: Option<String>,
    insecure: bool,
    fips: Option<bool>,
    dual_stack: Option<bool>,
    identity: Identity,
    principal: Option<String>,
    transport: Option<Transport>,
    environment: Environment,
    clock: Arc<dyn Clock>,
}

impl EcrProvider {
    /// Returns a builder for this region.
    pub fn builder(region: Region) -> EcrProviderBuilder {
        Self::builder_of(region, false)
    }

    /// Returns a builder for ECR Public, whose API is in us-east-1. Its tokens open `public.ecr.aws` and
    /// `ecr-public.aws.com`. The caller needs `ecr-public:GetAuthorizationToken` and `sts:GetServiceBearerToken`.
    ///
    /// Pulls work without a login too. A login raises the limits for pulls, and allows pushes.
    pub fn public_builder() -> EcrProviderBuilder {
        Self::builder_of(Region::of_public(), true)
    }

    fn builder_of(region: Region, is_public: bool) -> EcrProviderBuilder {
        EcrProviderBuilder {
            region,
            is_public,
            hosts: vec![],
            aliases: vec![],
            endpoint: None,
            insecure: false,
            fips: None,
            dual_stack: None,
            identity: Identity::default(),
            principal: None,
            transport: None,
            environment: Environment::process(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Returns the region whose registries its tokens open.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Asks AWS for the ARN of the caller, in one attempt. This call never needs a permission.
    pub async fn caller(&self) -> Result<String> {
        let credentials = self.credentials("sts:GetCallerIdentity").await?;
        self.caller_with(credentials).await
    }

    /// Asks AWS for the ARN that these credentials belong to.
    async fn caller_with(&self, credentials: Credentials) -> Result<String> {
        let action = "sts:GetCallerIdentity";
        let credentials = aws_sdk_sts::config::Config::builder().credentials_provider(credentials);
        let call = quietly(self.sts.get_caller_identity().customize().config_override(credentials).send());
        let answer = timeout(DEADLINE, call).await.map_err(|_| late(action))?;
        let arn = answer.map_err(|error| translate(&error, action, self.clock.now()))?.arn.unwrap_or_default();
        let invalid = || failed(&codes::ANSWER, action, "the answer is not valid: it names no principal");
        if arn::is_principal(&arn) { Ok(arn) } else { Err(invalid()) }
    }

    /// Returns the ARN of the caller from the first lookup. Concurrent callers share one request to AWS.
    pub async fn known_caller(&self) -> Result<&str> {
        let ask = async || {
            let mut spare = self.spare.lock().await;
            let credentials = self.credentials("sts:GetCallerIdentity").await?;
            *spare = Some((Instant::now(), credentials.clone()));
            drop(spare);
            self.caller_with(credentials).await
        };
        self.caller.get_or_init(ask).await.as_deref().map_err(Clone::clone)
    }

    /// Mints a token with the provider's identity, in one attempt.
    async fn ask(&self) -> Result<RegistryCredential> {
        let action = &self.service.action(&self.region);
        let spare = self.spare.lock().await.take().filter(|(found, _)| found.elapsed() < SPARE);
        let credentials = match spare {
            Some((_, credentials)) => credentials,
            None => self.credentials(action).await?,
        };
        if self.principal.is_some() {
            self.check_principal(&self.caller_with(credentials.clone()).await?)?;
        }
        let wanted = Wanted { region: &self.region, hosts: &self.hosts, aliases: &self.aliases };
        self.service.credential(wanted, credentials, &*self.clock).await
    }

    /// Resolves the credentials for a call. `action` names the call.
    async fn credentials(&self, action: &str) -> Result<Credentials> {
        let finding = self.identity.credentials(&self.settings, &self.config, &self.environment);
        let finding = quietly(Box::pin(finding));
        let found = timeout(IDENTITY, finding).await;
        let cause = match found {
            Ok(Ok(credentials)) => return Ok(credentials),
            Ok(Err(error)) => identity_failure(&error, self.clock.now()),
            Err(_) => unloaded(&codes::UNREACHABLE, NO_ANSWER),
        };
        Err(failed(cause.code(), action, cause.chain()).with_retry_after(cause.retry_after()))
    }

    /// Fails with [`ErrorKind::Denied`] if the caller is not the required principal. `caller` is the result of
    /// [`EcrProvider::caller`].
    pub fn check_principal(&self, caller: &str) -> Result<()> {
        let Some(wanted) = self.principal.as_ref().filter(|wanted| !arn::is_same(caller, wanted)) else {
            return Ok(());
        };
        let cause = format!("the caller is {caller}, and {wanted} is required");
        Err(failed(&codes::WRONG_PRINCIPAL, &self.service.action(&self.region), cause))
    }
}

impl EcrProviderBuilder {
    /// Sets the accounts whose plain hosts the logins name. Default: the account in ECR's answer.
    #[must_use]
    pub fn with_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.hosts.extend(accounts.into_iter().map(|account| RegistryHost::plain(account, self.region.clone())));
        self
    }

    /// Sets the hosts that the logins name, in any form.
    #[must_use]
    pub fn with_hosts(mut self, hosts: impl IntoIterator<Item = RegistryHost>) -> Self {
        self.hosts.extend(hosts);
        self
    }

    /// Adds these hosts of each account's registry to the logins. Default: none.
    #[must_use]
    pub fn with_aliases(mut self, aliases: impl IntoIterator<Item = Alias>) -> Self {
        self.aliases.extend(aliases);
        self
    }

    /// Sets the endpoint to use instead of ECR's own. It must be HTTPS, or HTTP on loopback.
    #[must_use]
    pub fn with_endpoint(self, url: impl Into<String>) -> Self {
        Self { endpoint: Some(url.into()), ..self }
    }

    /// Sets whether that endpoint may be plain HTTP beyond loopback, where the network can read the tokens. Default:
    /// no.
    #[must_use]
    pub fn with_insecure_endpoint(self, insecure: bool) -> Self {
        Self { insecure, ..self }
    }

    /// Sets whether to use FIPS endpoints. Default: `AWS_USE_FIPS_ENDPOINT` or the profile, otherwise no.
    #[must_use]
    pub fn with_fips(self, fips: bool) -> Self {
        Self { fips: Some(fips), ..self }
    }

    /// Sets whether to use dual-stack endpoints. Default: `AWS_USE_DUALSTACK_ENDPOINT` or the profile, otherwise no.
    #[must_use]
    pub fn with_dual_stack(self, dual_stack: bool) -> Self {
        Self { dual_stack: Some(dual_stack), ..self }
    }

    /// Sets the identity or the credentials. Default: [`Identity::chain`].
    #[must_use]
    pub fn with_identity(self, identity: impl Into<Identity>) -> Self {
        Self { identity: identity.into(), ..self }
    }

    /// Checks before each mint that the caller is this principal. Default: no check.
    ///
    /// The principal is the ARN of a user, of a session, or of a role. A role matches any of its sessions. Another
    /// caller fails with [`ErrorKind::Denied`].
    #[must_use]
    pub fn with_principal(self, arn: impl Into<String>) -> Self {
        Self { principal: Some(arn.into()), ..self }
    }

    /// Sets the transport, which other providers may share. Default: its own transport.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport: Some(transport), ..self }
    }

    /// Reads all variables and files from this environment: identity, endpoints, proxies and CA bundles. Default: the
    /// environment of the process.
    #[must_use]
    pub fn with_environment(self, environment: Environment) -> Self {
        Self { environment, ..self }
    }

    /// Sets the clock to compare with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Builds the provider. Reads the environment and the profile, and sends no request.
    ///
    /// Fails with [`ErrorKind::Invalid`] for:
    /// - a host in another region, or an alias that the partition does not have
    /// - an invalid ARN
    /// - a shared configuration file or a CA bundle that cannot be read
    /// - an endpoint that would receive tokens in clear text
    pub async fn build(self) -> Result<EcrProvider> {
        self.check()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Transport::of(self.environment.clone())?,
        };
        let transport = match &self.endpoint {
            Some(endpoint) if self.insecure => transport.allowing(endpoint),
            _ => transport,
        };
        let environment = &self.environment;
        let (profiles, profile) = (Profiles::read(environment).await?, self.identity.profile_name(environment));
        let profile = profile.as_deref().unwrap_or(DEFAULT);
        let transport = match profiles.get(profile, "ca_bundle") {
            Some(bundle) => transport.trusting(Path::new(bundle.value), profile, environment)?,
            None => transport,
        };
        let signing = Signing { transport, clock: self.clock.clone() };
        let mut settings = Settings::new(&self.region, signing.clone(), self.fips, self.dual_stack);
        let (files, profile) = (profiles.contents(), names::identifier(profile));
        let config = match environment.given() {
            None => quietly(settings.load(files, &profile)).await,
            Some(_) => quietly(tenant::load(&mut settings, environment, &files, &profile)).await?,
        };
        let service = if self.is_public {
            let mut ecr = aws_sdk_ecrpublic::config::Builder::from(&config);
            if let Some(endpoint) = self.endpoint {
                ecr = ecr.endpoint_url(endpoint);
            }
            Service::Public(aws_sdk_ecrpublic::Client::from_conf(ecr.build()))
        } else {
            let mut ecr = aws_sdk_ecr::config::Builder::from(&config);
            if let Some(endpoint) = self.endpoint {
                ecr = ecr.endpoint_url(endpoint);
            }
            Service::Private(aws_sdk_ecr::Client::from_conf(ecr.build()))
        };
        Ok(EcrProvider {
            service,
            sts: aws_sdk_sts::Client::new(&config),
            identity: self.identity,
            environment: self.environment,
            settings,
            config,
            region: self.region,
            hosts: self.hosts,
            aliases: self.aliases,
            principal: self.principal,
            clock: self.clock,
            signing,
            caller: OnceCell::new(),
            spare: Mutex::default(),
            is_off: AtomicBool::new(false),
        })
    }

    /// Reports the errors of [`build`](Self::build), without reading a profile or preparing connections.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(&codes::SETTING, message));
        let region = &self.region;
        if self.is_public && !(self.hosts.is_empty() && self.aliases.is_empty()) {
            return invalid("ECR Public is one registry, without accounts and other hosts".into());
        }
        if let Some(stray) = self.hosts.iter().find(|host| host.region() != region) {
            return invalid(format!(
                "{stray} is not in {region}, and a token of one region does not open another's registries"
            ));
        }
        self.aliases.iter().try_for_each(|alias| region.check(*alias))?;
        let allowed = |url: &str| is_secure(url) || (self.insecure && url.starts_with("http://"));
        if let Some(endpoint) = self.endpoint.as_ref().filter(|endpoint| !allowed(endpoint)) {
            return invalid(format!("the endpoint {} is neither HTTPS nor on loopback", shown(endpoint)));
        }
        for variable in ENDPOINTS {
            let url = self.environment.get(variable);
            if url.as_ref().is_some_and(String::is_empty) {
                let error = Error::new(&codes::SETTING, format!("cannot use {variable}"));
                return Err(error.with_cause("it is empty, so unset it"));
            }
            if let Some(url) = url.filter(|url| !is_secure(url)) {
                let message = format!("cannot use the endpoint {} of {variable}", shown(&url));
                return Err(Error::new(&codes::SETTING, message).with_cause("it is neither HTTPS nor on loopback"));
            }
        }
        if let Some(principal) = self.principal.as_ref().filter(|arn| !arn::is_principal(arn)) {
            return invalid(format!("{principal:?} is not the ARN of a user, a role or a session"));
        }
        self.identity.check(region, &self.environment)
    }
}

#[async_trait]
impl RegistryProvider for EcrProvider {
    /// Mints a token. A call that AWS rejects because of clock skew is retried once, signed with the time of that
    /// answer.
    async fn credential(&self) -> Result<RegistryCredential> {
        let before = self.signing.skew();
        let asked = self.ask().await;
        let now = self.signing.skew();
        if !self.is_off.swap(now != 0, Relaxed) && now != 0 {
            warn!(clock_skew_seconds = now, fix = "synchronize the clock of this machine", "detected clock skew");
        }
        match asked {
            Err(error) if error.kind() == ErrorKind::Denied && before.abs_diff(now) > SKEW.as_secs() => {
                self.ask().await
            }
            asked => asked,
        }
    }

    /// Returns the configured hosts. Without any, ECR's answer names the host.
    fn scope(&self) -> Scope {
        if matches!(self.service, Service::Public(_)) {
            return Scope::Exact(public_registries());
        }
        if self.hosts.is_empty() {
            return Scope::Unknown;
        }
        Scope::Exact(RegistryHost::with_aliases(&self.hosts, &self.aliases))
    }

    fn longest_life(&self) -> Option<Duration> {
        Some(token::LONGEST_LIFE)
    }

    /// Returns the account of the caller. A token names the same account as its own registry's. A token of ECR Public
    /// names no account.
    async fn issuer(&self) -> Option<Issuer> {
        if matches!(self.service, Service::Public(_)) {
            return None;
        }
        self.known_caller().await.ok().and_then(arn::account).map(Issuer::of)
    }

    /// Returns the ARN of the principal, without the session name.
    async fn caller(&self) -> Option<Result<Caller>> {
        Some(self.known_caller().await.map(|arn| {
            let account = arn::account(arn).map(str::to_owned);
            let shown = arn::shown_principal(arn);
            let warning = may_push(&shown);
            Caller::new("aws", shown).with_account(account).with_warning(warning)
        }))
    }
}

impl fmt::Debug for EcrProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, hosts, aliases, principal, .. } = self;
        f.debug_struct("EcrProvider")
            .field("region", region)
            .field("hosts", hosts)
            .field("aliases", aliases)
            .field("principal", principal)
            .finish_non_exhaustive()
    }
}
