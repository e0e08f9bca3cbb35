//! The type `exec` of an entry of `providers:`.

mod fields;
mod options;

use std::{fmt, sync::Arc};

use regcred_config::{Hint, Origin, Problem, Problems, TypeGrammar, codes::COMBINATION};
use regcred_core::{Clock, Code, RegistryProvider, Result, Scope};
use regcred_plan::{ProviderPlan, ProviderType, async_trait};

pub use self::options::ExecOptions;
use crate::{ExecProvider, ExecProviderBuilder, Life, Variables, codes};

const EXAMPLE: &str = "{ type: exec, protocol: docker, command: /plugins/docker-credential-gcloud, \
                       registries: [europe-docker.pkg.dev], life: 50m }";
/// The options that are not secret. People put secrets into arguments and variables.
const PUBLIC: [&str; 7] = ["protocol", "command", "registries", "life", "timeout", "inherit", "access"];
/// Keys that are often used by mistake, each with a hint.
const HINTS: [Hint; 14] = [
    Hint::Means("registry", "registries"),
    Hint::Means("host", "registries"),
    Hint::Means("hosts", "registries"),
    Hint::Means("match_images", "registries"),
    Hint::Means("program", "command"),
    Hint::Means("path", "command"),
    Hint::Means("helper", "command"),
    Hint::Means("plugin", "command"),
    Hint::Means("arguments", "args"),
    Hint::Means("environment", "env"),
    Hint::Means("ttl", "life"),
    Hint::Means("lifetime", "life"),
    Hint::Means("default_cache_duration", "life"),
    Hint::Means("deadline", "timeout"),
];

/// The type `exec`: logins of a credential program. Its options are [`ExecOptions`].
#[derive(Clone, Default)]
pub struct ExecType {
    variables: Variables,
    clock: Option<Arc<dyn Clock>>,
}

impl ExecType {
    /// Sets the variables that programs can inherit from. Default: those of the process.
    #[must_use]
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Sets the clock. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }
}

#[async_trait]
impl ProviderType for ExecType {
    const NAME: &'static str = "exec";
    type Options = ExecOptions;

    fn plan(&self, options: &ExecOptions, at: &Origin) -> Result<ProviderPlan, Problems> {
        if let Some(name) = options.inherit.iter().find(|name| options.env.contains_key(*name)) {
            let message = format!("{name} is also in `env`: remove one of the two");
            return Err(Problem::below(at, "inherit", message).with_code(&COMBINATION).into());
        }
        // The program is part of the image, or in a volume that `regcred manifests` does not know. So it is no needed file.
        let plan = ProviderPlan::new(Scope::Exact(options.registries.clone())).with_access(options.access);
        // Arguments and values of variables may be secret, so they are not part of a digest that tenants can read.
        let ExecOptions { protocol, command, registries, life, inherit, env, .. } = options;
        let names = env.keys().collect::<Vec<_>>();
        let plan = plan
            .with_identity(format!("{protocol:?} {} {registries:?} {life:?} {inherit:?} {names:?}", command.display()));
        Ok(options.life.and_then(Life::duration).into_iter().fold(plan, ProviderPlan::with_longest_life))
    }

    async fn make(&self, options: ExecOptions) -> Result<Arc<dyn RegistryProvider>> {
        let ExecOptions { protocol, command, args, registries, life, timeout, env, inherit, access: _ } = options;
        let builder = ExecProvider::builder(protocol, command, registries)
            .with_args(args)
            .with_timeout(timeout)
            .with_env(env)
            .with_inherited(inherit)
            .with_variables(self.variables.clone());
        let builder = life.into_iter().fold(builder, ExecProviderBuilder::with_life);
        let builder = self.clock.iter().fold(builder, |builder, clock| builder.with_clock(clock.clone()));
        Ok(Arc::new(builder.build()?))
    }

    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<ExecOptions>(Self::NAME).with_example(EXAMPLE).with_public(&PUBLIC).with_hints(&HINTS)
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }
}

impl fmt::Debug for ExecType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecType").field("variables", &self.variables).finish_non_exhaustive()
    }
}
