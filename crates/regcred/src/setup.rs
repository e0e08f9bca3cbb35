//! The inputs of a program: types, config, connections, and event handlers.

use std::{fmt, path::PathBuf, sync::Arc};

use regcred_config::{Config, Layers, Problems};
use regcred_core::{Clock, Error, ErrorKind, Result};
use regcred_engine::{Builder, Event, Minter, Route};
use regcred_plan::{Plan, Types, load};
use tracing::warn;

use crate::{minters::Minters, wire};

/// A handler for the events of an engine.
pub(crate) type OnEvent = Arc<dyn Fn(&Event<'_>) + Send + Sync>;
/// A handler for configs that take effect.
pub(crate) type OnConfig = Arc<dyn Fn(&Config, &Plan) + Send + Sync>;

/// The Lease of leader election.
#[cfg(feature = "openshift")]
#[derive(Clone, Debug)]
pub(crate) struct LeaseName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Everything that outlives one config.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) types: Types,
    pub(crate) clock: Arc<dyn Clock>,
    /// The initial config. `None`: it is read from the layers, or there is none.
    pub(crate) config: Option<Config>,
    /// Files, environment and overrides, read again at each reload. `None`: the config never changes.
    pub(crate) layers: Option<Layers>,
    pub(crate) minters: Minters,
    pub(crate) given_minters: Vec<Arc<Minter>>,
    pub(crate) routes: Vec<Route>,
    pub(crate) on_event: Vec<OnEvent>,
    pub(crate) on_config: Vec<OnConfig>,
    #[cfg(feature = "openshift")]
    pub(crate) clusters: regcred_openshift::Clusters,
    /// The connection that overrides that of the config. `None`: the program gave the clusters.
    #[cfg(feature = "openshift")]
    pub(crate) connection: Option<regcred_openshift::Connection>,
    #[cfg(feature = "openshift")]
    pub(crate) lease: Option<LeaseName>,
}

/// A config with its plan, and the engine for it.
pub(crate) struct InForce {
    pub(crate) config: Option<Config>,
    pub(crate) plan: Option<Plan>,
    pub(crate) engine: Builder,
}

impl Setup {
    /// Returns the files of the config.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.layers.iter().flat_map(|layers| layers.files.clone()).collect()
    }

    /// Reads the config. Returns every problem at once. `None`: there are no files.
    pub(crate) fn load(&self) -> Result<Option<Config>, Problems> {
        let load = |layers| load(layers, &self.types);
        self.layers.as_ref().map(load).transpose()
    }

    /// Plans a config, connects to its clusters, and creates an engine. `watching`: for a daemon.
    pub(crate) async fn put_in_force(&mut self, config: Option<Config>, watching: bool) -> Result<InForce> {
        let plan = config.as_ref().map(|config| Plan::new(config, &self.types)).transpose().map_err(invalid)?;
        let plan = plan.map(|plan| if watching { plan.watching() } else { plan });
        let mut engine = match &plan {
            Some(plan) => {
                #[cfg(feature = "openshift")]
                self.connect(plan).await?;
                wire::engine(plan, &self.types, &mut self.minters, self.clock.clone()).await
            }
            None => regcred_engine::Engine::builder(self.clock.clone()),
        };
        for minter in &self.given_minters {
            engine = engine.with_minter(minter.clone());
        }
        for route in &self.routes {
            engine = engine.with_route(route.clone());
        }
        if let (Some(config), Some(plan)) = (&config, &plan) {
            self.on_config.iter().for_each(|follow| follow(config, plan));
        }
        Ok(InForce { config, plan, engine })
    }

    /// Connects to the clusters of the plan. Clusters that the program gave are kept.
    #[cfg(feature = "openshift")]
    async fn connect(&self, plan: &Plan) -> Result<()> {
        if let Some(connection) = &self.connection {
            self.clusters.connect(plan, connection).await?;
        }
        self.clusters.check(plan)
    }

    /// Makes each minter mint again.
    pub(crate) fn forget_credentials(&self) {
        self.minters.forget();
        self.given_minters.iter().for_each(|minter| minter.forget());
    }

    /// Logs the callers of the providers, once they have answered.
    pub(crate) fn log_callers(&self) {
        for (names, provider) in self.minters.mints() {
            let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            tokio::spawn(async move {
                match provider.caller().await {
                    Some(Ok(caller)) => {
                        tracing::info!(
                            service = caller.service,
                            identity = caller.name,
                            providers = names,
                            "resolved identity"
                        );
                        if let Some((why, fix)) = caller.warning {
                            warn!(
                                service = caller.service,
                                identity = caller.name,
                                providers = names,
                                reason = format!("regcred {why}"),
                                fix,
                                "found unsuitable identity"
                            );
                        }
                    }
                    Some(Err(error)) => {
                        warn!(providers = names, error = error.chain(), "cannot resolve identity");
                    }
                    None => {}
                }
            });
        }
    }
}

/// Returns the problems of a config as one error.
#[expect(clippy::needless_pass_by_value, reason = "it is the error of a result")]
pub(crate) fn invalid(problems: Problems) -> Error {
    Error::new(ErrorKind::Invalid, problems.to_string())
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("types", &self.types)
            .field("minters", &self.minters)
            .field("routes", &self.routes.len())
            .finish_non_exhaustive()
    }
}
