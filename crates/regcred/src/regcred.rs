//! The entry point: a config, its plan, and the ways to run it.

use std::{path::PathBuf, sync::Arc};

use prometheus_client::registry::Registry;
use regcred_config::{Config, Layers, Overrides};
use regcred_core::{Clock, ProviderName, RegistryProvider, Result, SystemClock};
use regcred_engine::{Event, Minter, Pass, Report, Route};
use regcred_plan::{Plan, Types, from_yaml};
use tokio::sync::{mpsc, watch};

use crate::{
    BuiltIn, Handle,
    daemon::{Daemon, first_pass::FirstPass, health::Health, leader::Leader, metrics::Metrics, states::States},
    minters::Minters,
    setup::{Setup, invalid},
};

/// Keeps the targets of a config fresh: once, or as a daemon in a task of its own.
///
/// ```
/// # use std::sync::Arc;
/// # use regcred::core::{SystemClock, testing::{FakeProvider, MemorySink, target}};
/// use regcred::{Regcred, engine::Route};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), regcred::core::Error> {
/// # let (clock, sink) = (Arc::new(SystemClock), Arc::new(MemorySink::default()));
/// # let provider = Arc::new(FakeProvider::new(clock, "registry.example"));
/// # let targets = Arc::new(vec![target("team-a")]);
/// let regcred = Regcred::builder()
///     .with_provider("robot".parse()?, provider)
///     .with_route(Route::new("mine", vec!["robot".parse()?], targets, sink))
///     .build()?;
/// let handle = regcred.spawn().await?;
/// handle.first_pass().await?;
/// handle.shutdown().await
/// # }
/// ```
#[derive(Debug)]
pub struct Regcred {
    setup: Setup,
    config: Option<Config>,
    plan: Option<Plan>,
    states: Arc<States>,
    metrics: Option<Arc<Metrics>>,
}

impl Regcred {
    /// Returns a builder without config, types and routes.
    pub fn builder<'a>() -> RegcredBuilder<'a> {
        RegcredBuilder::default()
    }

    /// Returns the plan of the config. `None`: there is no config.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Reconciles every target once, and returns a report.
    pub async fn once(&mut self, pass: Pass) -> Result<Report> {
        Ok(self.engine().await?.once(pass).await)
    }

    /// Reads every target, and reports what [`Regcred::once`] would do. It mints and writes nothing.
    pub async fn preview(&mut self, pass: Pass) -> Result<Report> {
        Ok(self.engine().await?.plan(pass).await)
    }

    async fn engine(&mut self) -> Result<Arc<regcred_engine::Engine>> {
        let in_force = self.setup.put_in_force(self.config.clone(), false).await?;
        let followers = self.setup.on_event.clone();
        in_force.engine.with_on_event(move |event| followers.iter().for_each(|follow| follow(event))).build()
    }

    /// Starts the daemon in its own task. It runs until its handle is dropped or stops it.
    ///
    /// Fails if no cluster of the config can be connected to.
    pub async fn spawn(self) -> Result<Handle> {
        let Self { mut setup, config, states, metrics, .. } = self;
        let in_force = setup.put_in_force(config, true).await?;
        let leader = leader(&setup).await?;
        let health = Arc::new(Health::new(states.clone(), setup.clock.clone()));
        let (commands, received) = mpsc::unbounded_channel();
        let (done, first_pass) = watch::channel(false);
        let first = Arc::new(FirstPass::new(done));
        let daemon = Daemon { setup, states, health: health.clone(), metrics, first_pass: first, leader };
        let task = tokio::spawn(daemon.run(in_force, received));
        Ok(Handle { commands, first_pass, health, task })
    }
}

/// Builds a [`Regcred`].
#[derive(Debug)]
#[must_use]
pub struct RegcredBuilder<'a> {
    setup: Setup,
    built_in: BuiltIn,
    /// The text of a config.
    yaml: Option<String>,
    registry: Option<&'a mut Registry>,
}

impl Default for RegcredBuilder<'_> {
    fn default() -> Self {
        let setup = Setup {
            types: Types::default(),
            clock: Arc::new(SystemClock),
            config: None,
            layers: None,
            minters: Minters::default(),
            given_minters: vec![],
            routes: vec![],
            on_event: vec![],
            on_config: vec![],
            #[cfg(feature = "openshift")]
            clusters: regcred_openshift::Clusters::default(),
            #[cfg(feature = "openshift")]
            connection: Some(regcred_openshift::Connection::default()),
            #[cfg(feature = "openshift")]
            lease: None,
        };
        Self { setup, built_in: BuiltIn::default(), yaml: None, registry: None }
    }
}

impl<'a> RegcredBuilder<'a> {
    /// Adds types of providers and sinks that the config can name, in addition to the built-in ones. Default: none.
    pub fn with_types(mut self, types: Types) -> Self {
        self.setup.types = types;
        self
    }

    /// Reads the config from a YAML file, and from environment variables that begin with `REGCRED__`. A daemon reloads
    /// the file when it changes.
    pub fn with_config_file(self, file: impl Into<PathBuf>) -> Self {
        self.with_layers(Layers { files: vec![file.into()], overrides: Overrides::default() })
    }

    /// Reads the config from several files and with overrides, as the command line does.
    pub fn with_layers(mut self, layers: Layers) -> Self {
        self.setup.layers = Some(layers);
        self
    }

    /// Reads the config from a YAML text, without variables of the environment.
    pub fn with_yaml(self, text: impl Into<String>) -> Self {
        Self { yaml: Some(text.into()), ..self }
    }

    /// Sets the config. If files are set too, the config must be their content at the start.
    pub fn with_config(mut self, config: Config) -> Self {
        self.setup.config = Some(config);
        self
    }

    /// Adds a provider that routes can name, in addition to those of the config.
    pub fn with_provider(self, name: ProviderName, provider: Arc<dyn RegistryProvider>) -> Self {
        self.with_minter(Minter::new(name, provider))
    }

    /// Adds a provider by its [`Minter`], whose credential it shares with other users, such as a
    /// [`Keyring`](crate::Keyring).
    pub fn with_minter(mut self, minter: impl Into<Arc<Minter>>) -> Self {
        self.setup.given_minters.push(minter.into());
        self
    }

    /// Adds targets without a config: their providers, their source and their sink.
    pub fn with_route(mut self, route: Route) -> Self {
        self.setup.routes.push(route);
        self
    }

    /// Sets the clock. Default: the clock of the machine.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        #[cfg(feature = "ecr")]
        {
            self.built_in = self.built_in.with_clock(clock.clone());
        }
        self.setup.clock = clock;
        self
    }

    /// Calls a function for each event, such as a minted credential or a reconciled target. The function must not
    /// block.
    pub fn with_on_event(mut self, follow: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.setup.on_event.push(Arc::new(follow));
        self
    }

    /// Calls a function for each config that takes effect.
    pub fn with_on_config(mut self, follow: impl Fn(&Config, &Plan) + Send + Sync + 'static) -> Self {
        self.setup.on_config.push(Arc::new(follow));
        self
    }

    /// Registers the metrics of a daemon, with the prefix `regcred`. Default: no metrics.
    pub fn with_metrics(self, registry: &'a mut Registry) -> Self {
        Self { registry: Some(registry), ..self }
    }

    /// Sets the variables and files of every provider of the type `ecr`. Two tenants of one program can thus have
    /// different identities. Default: those of the process.
    #[cfg(feature = "ecr")]
    pub fn with_aws_environment(mut self, environment: regcred_ecr::Environment) -> Self {
        self.built_in = self.built_in.with_aws_environment(environment);
        self
    }

    /// Sets the connections to AWS. Default: those of the environment.
    #[cfg(feature = "ecr")]
    pub fn with_transport(mut self, transport: regcred_ecr::Transport) -> Self {
        self.built_in = self.built_in.with_transport(transport);
        self
    }

    /// Sets the cluster of a sink. The kubeconfigs of the config and of the environment are then not read. Default:
    /// each sink connects as the config specifies.
    #[cfg(feature = "openshift")]
    pub fn with_cluster(mut self, sink: regcred_core::StoreName, cluster: regcred_openshift::Cluster) -> Self {
        self.setup.clusters = self.setup.clusters.with(sink, cluster);
        self.setup.connection = None;
        self
    }

    /// Sets a kubeconfig and a context that override those of the config. Default: those of the config.
    #[cfg(feature = "openshift")]
    pub fn with_connection(mut self, connection: regcred_openshift::Connection) -> Self {
        self.setup.connection = Some(connection);
        self
    }

    /// Makes a daemon work only while it holds a Lease, so that several replicas can run. Default: it works from the
    /// start.
    #[cfg(feature = "openshift")]
    pub fn with_leader_election(mut self, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        self.setup.lease = Some(crate::setup::LeaseName { namespace: namespace.into(), name: name.into() });
        self
    }

    /// Reads and plans the config. It makes no request.
    ///
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) and every problem of the config, one per
    /// line.
    pub fn build(self) -> Result<Regcred> {
        let Self { mut setup, built_in, yaml, registry } = self;
        #[cfg(feature = "openshift")]
        let built_in = built_in.with_clusters(setup.clusters.clone());
        setup.types = built_in.add_to(setup.types)?;
        #[cfg(feature = "openshift")]
        if let Some(of) = setup.types.sink_type::<regcred_openshift::OpenShiftType>() {
            setup.clusters = of.clusters();
        }
        let config = match (setup.config.take(), yaml) {
            (Some(config), _) => Some(config),
            (None, Some(yaml)) => Some(from_yaml(&yaml, &setup.types).map_err(invalid)?),
            (None, None) => setup.load().map_err(invalid)?,
        };
        let plan = config.as_ref().map(|config| Plan::new(config, &setup.types)).transpose().map_err(invalid)?;
        let states = Arc::<States>::default();
        #[cfg(feature = "openshift")]
        let leads = setup.lease.is_none();
        #[cfg(not(feature = "openshift"))]
        let leads = true;
        let metrics = registry.map(|registry| {
            Arc::new(Metrics::new(registry, leads, states.clone(), setup.clock.clone(), setup.types.clone()))
        });
        Ok(Regcred { setup, config, plan, states, metrics })
    }
}

#[cfg(feature = "openshift")]
async fn leader(setup: &Setup) -> Result<Option<Leader>> {
    use regcred_openshift::{Cluster, Lease};

    let Some(lease) = &setup.lease else { return Ok(None) };
    let cluster = match (&setup.connection, setup.clusters.connected().into_iter().next()) {
        (None, Some((_, given))) => given,
        (connection, _) => Cluster::connect(&connection.clone().unwrap_or_default()).await?,
    };
    // This is unique to the process. A pod's host name is its name, and a pod can have several containers.
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "regcred".into());
    let identity = format!("{host}_{}", std::process::id());
    Ok(Some(Lease::start(&cluster, &lease.namespace, &lease.name, &identity, setup.clock.clone())))
}

#[cfg(not(feature = "openshift"))]
#[expect(clippy::unused_async, reason = "an election needs a connection")]
async fn leader(_: &Setup) -> Result<Option<Leader>> {
    Ok(None)
}
