//! The type `ecr` of an entry of `providers:`.

mod fixes;
mod inline;
mod options;
mod probe;
mod token;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use regcred_config::{EcrOptions, Origin, Problem, Problems, Registries, Spec};
use regcred_core::{Clock, Pattern, Registry, RegistryProvider, Result, Scope, SystemClock};
use regcred_plan::{Finding, Inline, PodCredentials, Probe, ProviderPlan, ProviderType, async_trait};

use self::token::{Token, aliases, plain};
use crate::{AccountId, RegistryHost, Transport};

/// About the number of characters in the `auth` of a token.
const AUTH: usize = 2_700;
/// The life of a token.
const LIFE: Duration = Duration::from_hours(12);
/// Stands for an account that only the answer names.
const UNKNOWN_ACCOUNT: &str = "000000000000";

/// The type `ecr`: tokens of Amazon ECR. Its options are [`EcrOptions`].
///
/// Entries with the same region and identity share one token, whatever registries they name.
pub struct EcrType {
    clock: Arc<dyn Clock>,
    transport: Mutex<Option<Transport>>,
    /// Whether the transport was given, so that it is not made anew.
    is_given: bool,
}

impl Default for EcrType {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), transport: Mutex::default(), is_given: false }
    }
}

impl EcrType {
    /// Sets the clock that requests are signed with. Default: that of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the connections to AWS. Default: those of [`Transport::new`], made for the first provider and shared by all.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport: Mutex::new(Some(transport)), is_given: true, ..self }
    }

    fn transport(&self) -> Result<Transport> {
        let mut made = self.transport.lock().expect("no holder of the lock panics");
        if let Some(transport) = &*made {
            return Ok(transport.clone());
        }
        let transport = Transport::new()?;
        *made = Some(transport.clone());
        Ok(transport)
    }
}

#[async_trait]
impl ProviderType for EcrType {
    const NAME: &'static str = "ecr";
    type Options = EcrOptions;

    fn read(&self, entry: &Spec) -> Result<EcrOptions, Problems> {
        options::read(entry)
    }

    fn plan(&self, options: &EcrOptions, at: &Origin) -> Result<ProviderPlan, Problems> {
        let wrong = |error: regcred_core::Error| Problem::at(at.clone(), error.to_string());
        let token = Token::of(options).map_err(wrong)?;
        let accounts = options.accounts.iter().map(regcred_config::Account::as_str);
        let mut hosts = plain(accounts, &token.region).map_err(wrong)?;
        let aliases = aliases(&options.aliases, &token.region);
        let further = hosts.iter().flat_map(|host| aliases.iter().filter_map(|alias| host.under(*alias).ok()));
        hosts.extend(further.collect::<Vec<_>>());
        hosts.sort();
        hosts.dedup();
        let mut plan = planned(&token, &hosts).with_access(options.access);
        if let Some(web) = &options.web_identity {
            plan = plan.with_file("web_identity.token_file", &web.token_file);
        }
        Ok(plan)
    }

    async fn make(&self, options: EcrOptions) -> Result<Arc<dyn RegistryProvider>> {
        let builder = Token::of(&options)?.provider().with_transport(self.transport()?);
        Ok(Arc::new(builder.with_clock(self.clock.clone()).build().await?))
    }

    fn inline(&self, registries: &Registries, at: &Origin) -> Option<Result<Inline<EcrOptions>, Problem>> {
        Some(inline::inline(registries, at))
    }

    async fn probe(&self, entries: Vec<Probe<EcrOptions>>) -> Option<Vec<Finding>> {
        Some(probe::probe(entries, self.transport(), &self.clock).await)
    }

    fn reload(&self) {
        if self.is_given {
            return;
        }
        let mut made = self.transport.lock().expect("no holder of the lock panics");
        // An environment that cannot be used is the error of the next mint.
        *made = made.take().and_then(|old| old.renewed().ok());
    }

    fn server_time(&self) -> Option<SystemTime> {
        self.transport.lock().expect("no holder of the lock panics").as_ref()?.their_time()
    }
}

/// What a token needs and opens. No hosts: the host that ECR returns with the token.
fn planned(token: &Token, hosts: &[RegistryHost]) -> ProviderPlan {
    let plan = if hosts.is_empty() {
        ProviderPlan::new(Scope::Matching(own_registries(token)))
            .with_unnamed(token.key(), format!("its own registry in {}", token.region))
    } else {
        ProviderPlan::new(Scope::Exact(hosts.iter().map(RegistryHost::registry).collect()))
    };
    let pod = match &token.options {
        EcrOptions { web_identity: Some(_), .. } | EcrOptions { identity: Some(_), .. } => PodCredentials::None,
        EcrOptions { profile: Some(_), .. } => PodCredentials::File { key: "profile".into() },
        _ => PodCredentials::Identity,
    };
    let plan = plan.with_pod_credentials(pod);
    plan.with_mint(token.key()).with_identity(public(token, hosts)).with_auth_bytes(AUTH).with_longest_life(LIFE)
}

/// The registry of the caller's own account, under each of its hosts, for any account.
fn own_registries(token: &Token) -> Vec<Pattern> {
    let Token { region, options } = token;
    let Ok(account) = AccountId::new(UNKNOWN_ACCOUNT) else { return vec![] };
    let own = RegistryHost::plain(account, region.clone());
    let further = aliases(&options.aliases, region).into_iter().filter_map(|alias| own.under(alias).ok());
    let hosts = further.chain([own.clone()]).map(|host| host.registry());
    let any_account = |registry: Registry| Pattern::new(registry.as_str().replacen(UNKNOWN_ACCOUNT, "*", 1)).ok();
    hosts.filter_map(any_account).collect()
}

/// The settings that decide which credential is minted. Settings that only lead to it, such as an external id, are not in it: tenants could
/// guess them from its digest.
fn public(token: &Token, hosts: &[RegistryHost]) -> String {
    let EcrOptions { profile, web_identity, identity, role_arn, aliases, .. } = &token.options;
    let web_role = web_identity.as_ref().map(|web| &web.role_arn);
    let hosts = hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let whose = (profile, web_role, identity, role_arn);
    format!("{} {hosts:?} {aliases:?} {whose:?}", token.region)
}

impl fmt::Debug for EcrType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcrType").field("transport", &self.transport).finish_non_exhaustive()
    }
}
