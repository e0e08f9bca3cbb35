//! The type `ecr` of an entry of `providers:`.

mod check;
mod chosen;
mod commands;
mod egress;
mod fixes;
mod flags;
mod inline;
mod issuer;
mod option_keys;
mod options;
mod planned;
mod policies;
mod probe;
mod public;
mod region;
mod role;
mod token;
mod workload;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use regcred_config::{Origin, Problem, Problems, Spec, TypeGrammar};
use regcred_core::{Clock, Code, RegistryProvider, Result, SystemClock};
use regcred_plan::{
    ChosenIdentity, Finding, Identities, Inline, PodIdentity, PodSite, Policies, Probe, ProviderPlan, ProviderType,
    Variant, async_trait,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use self::{
    chosen::Chosen,
    egress::egress,
    flags::AUDIENCE,
    inline::TargetKeys,
    option_keys::{HINTS, PUBLIC},
    planned::planned,
    token::{Token, aliases, plain},
};
pub use self::{
    options::{Account, AliasName, EcrOptions, IdentityName, WebIdentity},
    role::RoleArn,
};
use crate::{Environment, Transport, codes};

/// The type `ecr`: tokens of Amazon ECR. Its options are [`EcrOptions`].
///
/// Entries with the same region and identity share one token, whichever registries they name. The variant `ecr-public`
/// mints tokens of Amazon ECR Public.
pub struct EcrType {
    clock: Arc<dyn Clock>,
    environment: Environment,
    transport: Mutex<Option<Transport>>,
    /// Whether the program gave the transport. Then it is not recreated.
    is_given: bool,
}

impl Default for EcrType {
    fn default() -> Self {
        let (clock, environment) = (Arc::new(SystemClock), Environment::process());
        Self { clock, environment, transport: Mutex::default(), is_given: false }
    }
}

impl EcrType {
    /// Sets the clock that requests are signed with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the variables and files of every provider of this type. Default: those of the process.
    #[must_use]
    pub fn with_environment(self, environment: Environment) -> Self {
        let transport = if self.is_given { self.transport } else { Mutex::default() };
        Self { environment, transport, ..self }
    }

    /// Sets the connections to AWS. Default: those of the environment, created for the first provider and shared by
    /// all.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        Self { transport: Mutex::new(Some(transport)), is_given: true, ..self }
    }

    fn transport(&self) -> Result<Transport> {
        let mut made = self.transport.lock().expect("no holder of the lock panics");
        if let Some(transport) = &*made {
            return Ok(transport.clone());
        }
        let transport = Transport::of(self.environment.clone())?;
        *made = Some(transport.clone());
        Ok(transport)
    }
}

#[async_trait]
impl ProviderType for EcrType {
    const NAME: &'static str = "ecr";
    type Options = EcrOptions;

    fn read(&self, entry: &Spec) -> Result<EcrOptions, Problems> {
        check::read(entry, &self.environment)
    }

    fn plan(&self, options: &EcrOptions, at: &Origin) -> Result<ProviderPlan, Problems> {
        let wrong = |error: regcred_core::Error| Problem::from_error(at.clone(), &error);
        let token = Token::of(options).map_err(wrong)?;
        let accounts = options.accounts.iter().map(Account::as_str);
        let mut hosts = plain(accounts, &token.region).map_err(wrong)?;
        let aliases = aliases(&options.aliases, &token.region);
        let further = hosts.iter().flat_map(|host| aliases.iter().filter_map(|alias| host.under(*alias).ok()));
        hosts.extend(further.collect::<Vec<_>>());
        hosts.sort();
        hosts.dedup();
        let plan = if options.is_public {
            public::planned(&token, &self.environment)
        } else {
            planned(&token, &hosts, &self.environment)
        };
        let mut plan = egress(&token).into_iter().fold(plan.with_access(options.access), ProviderPlan::with_egress);
        if let Some(web) = &options.web_identity {
            plan = plan.with_file("web_identity.token_file", &web.token_file);
            plan = plan.with_token(&web.token_file, AUDIENCE);
        }
        Ok(plan)
    }

    async fn make(&self, options: EcrOptions) -> Result<Arc<dyn RegistryProvider>> {
        let builder = Token::of(&options)?.provider(&self.environment).with_transport(self.transport()?);
        Ok(Arc::new(builder.with_clock(self.clock.clone()).build().await?))
    }

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<EcrOptions>(Self::NAME)
            .with_target_keys(regcred_config::keys::<TargetKeys>(), "region: eu-west-1")
            .with_example("{ type: ecr, region: eu-west-1 }")
            .with_public(&PUBLIC)
            .with_hints(&HINTS)
    }

    fn variants(&self) -> Vec<Variant> {
        vec![public::variant()]
    }

    fn inline(&self, keys: &Spec) -> Result<Inline<EcrOptions>, Problems> {
        inline::inline(keys, &self.environment)
    }

    fn inline_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(TargetKeys::json_schema(generator))
    }

    async fn probe(&self, entries: Vec<Probe<EcrOptions>>) -> Option<Vec<Finding>> {
        Some(probe::probe(entries, self.transport(), &self.clock, &self.environment).await)
    }

    fn identities(&self) -> Identities {
        flags::identities()
    }

    fn pod_identity(
        &self,
        entries: &[Probe<EcrOptions>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems> {
        Ok(workload::pod_identity(entries, &Chosen::of(chosen)?, site))
    }

    fn policies(
        &self,
        entries: &[Probe<EcrOptions>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>> {
        Some(Chosen::of(chosen).and_then(|chosen| policies::policies(entries, &chosen, site)))
    }

    fn reload(&self) {
        if self.is_given {
            return;
        }
        let mut made = self.transport.lock().expect("no holder of the lock panics");
        // If the new environment cannot be used, the next mint reports the error.
        *made = made.take().and_then(|old| old.renewed().ok());
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }

    fn service(&self) -> &'static str {
        "AWS"
    }

    fn server_time(&self) -> Option<SystemTime> {
        self.transport.lock().expect("no holder of the lock panics").as_ref()?.their_time()
    }
}

impl fmt::Debug for EcrType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, transport, .. } = self;
        f.debug_struct("EcrType")
            .field("environment", environment)
            .field("transport", transport)
            .finish_non_exhaustive()
    }
}
