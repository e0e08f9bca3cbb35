//! The front door: a config, its plan, and the ways to run it.

use std::sync::Arc;

use regcred_config::Config;
use regcred_core::Result;
use regcred_engine::{Pass, Report};
use regcred_plan::Plan;
use tokio::sync::{mpsc, watch};

use crate::{
    Handle, RegcredBuilder,
    daemon::{Daemon, first_pass::FirstPass, health::Health, leader::Leader, metrics::Metrics, states::States},
    setup::Setup,
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
    /// One without config, types and routes.
    pub fn builder<'a>() -> RegcredBuilder<'a> {
        RegcredBuilder::default()
    }

    pub(crate) fn new(
        setup: Setup,
        config: Option<Config>,
        plan: Option<Plan>,
        states: Arc<States>,
        metrics: Option<Arc<Metrics>>,
    ) -> Self {
        Self { setup, config, plan, states, metrics }
    }

    /// Returns the plan of the config. `None`: there is no config.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// Reconciles every target once, and reports.
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

    /// Starts the daemon in a task of its own. It runs until its handle is dropped or stops it.
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

#[cfg(feature = "openshift")]
async fn leader(setup: &Setup) -> Result<Option<Leader>> {
    use regcred_openshift::{Cluster, Lease};

    let Some(lease) = &setup.lease else { return Ok(None) };
    let cluster = match (&setup.connection, setup.clusters.connected().into_iter().next()) {
        (None, Some((_, given))) => given,
        (connection, _) => Cluster::connect(&connection.clone().unwrap_or_default()).await?,
    };
    // No two processes have the same: a pod's name is its host name, and a pod can have several containers.
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "regcred".into());
    let identity = format!("{host}_{}", std::process::id());
    Ok(Some(Lease::start(&cluster, &lease.namespace, &lease.name, &identity, setup.clock.clone())))
}

#[cfg(not(feature = "openshift"))]
#[expect(clippy::unused_async, reason = "an election needs a connection")]
async fn leader(_: &Setup) -> Result<Option<Leader>> {
    Ok(None)
}
