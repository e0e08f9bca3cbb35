//! The loop of the daemon: one run of an engine after another, for each config and each term of leadership.

use std::{future::pending, pin::pin, sync::Arc};

use regcred_config::Config;
use regcred_core::{Error, Result};
use regcred_engine::Engine;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

#[cfg(feature = "openshift")]
use super::events::KubernetesEvents;
use super::{
    first_pass::FirstPass,
    handle::Command,
    health::Health,
    leader::{self, Leader},
    metrics::Metrics,
    reload::Reload,
    states::States,
};
use crate::setup::{InForce, Setup};

use crate::codes;

/// The hint of a log line about a config that the daemon does not use.
const OLD_CONFIG: &str = "the daemon uses the previous config";

/// The parts of a daemon that outlive a config.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) setup: Setup,
    pub(crate) states: Arc<States>,
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Option<Arc<Metrics>>,
    pub(crate) first_pass: Arc<FirstPass>,
    pub(crate) leader: Option<Leader>,
}

/// An engine that may run, and the parts it was created with.
struct Made {
    engine: Arc<Engine>,
    config: Option<Config>,
    #[cfg(feature = "openshift")]
    pruning: Option<crate::Pruning>,
}

/// Why a run ended.
enum Next {
    Stop,
    Config(Box<Config>),
}

impl Daemon {
    /// Runs until it receives a stop command. Fails if the first engine cannot be created, or if leader election stops.
    pub(crate) async fn run(mut self, in_force: InForce, mut commands: mpsc::UnboundedReceiver<Command>) -> Result<()> {
        let mut reload = Reload::of(&self.setup.files());
        let mut made = self.make(in_force)?;
        self.health.serves();
        loop {
            let next = Box::pin(self.work(&made, &mut commands, &mut reload)).await?;
            let Next::Config(config) = next else { break };
            self.forget_targets();
            let in_force = self.setup.put_in_force(Some(*config), true).await;
            match in_force.and_then(|in_force| self.make(in_force)) {
                Ok(new) => made = new,
                Err(error) => {
                    self.reloaded(false);
                    warn!(error = error.chain(), hint = OLD_CONFIG, "cannot apply config");
                }
            }
        }
        if let Some(leader) = self.leader.take() {
            leader.release().await;
        }
        info!("stopped daemon");
        Ok(())
    }

    /// Creates the engine of a config, and the tasks that run beside it.
    fn make(&self, in_force: InForce) -> Result<Made> {
        let InForce { config, plan, engine } = in_force;
        if let (Some(config), Some(plan)) = (&config, &plan) {
            info!(
                version = env!("CARGO_PKG_VERSION"),
                instance = %config.instance(),
                targets = plan.named_targets(),
                selections = plan.selections().join("; "),
                providers = plan.providers().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                "applied config",
            );
        }
        #[cfg(feature = "openshift")]
        let (pruning, events) = {
            let prunes = config.as_ref().is_some_and(Config::prune);
            let plan = plan.as_ref().filter(|_| prunes);
            let home = self.setup.lease.as_ref().map(|lease| lease.namespace.as_str());
            let (clusters, clock) = (&self.setup.clusters, self.setup.clock.clone());
            (plan.map(|plan| crate::Pruning::new(plan, clusters)), KubernetesEvents::start(clusters, home, clock))
        };
        self.setup.log_callers();
        self.first_pass.restart();
        let (metrics, states, first_pass) = (self.metrics.clone(), self.states.clone(), self.first_pass.clone());
        let followers = self.setup.on_event.clone();
        let engine = engine.with_on_event(move |event| {
            states.follow(event);
            if let Some(metrics) = &metrics {
                metrics.follow(event);
            }
            #[cfg(feature = "openshift")]
            events.follow(event);
            for follow in &followers {
                follow(event);
            }
            first_pass.follow(event, &states);
        });
        Ok(Made {
            engine: engine.build()?,
            config,
            #[cfg(feature = "openshift")]
            pruning,
        })
    }

    /// Runs the engine while the process leads. Ends at a command, a new config or the end of leader election.
    async fn work(
        &self,
        made: &Made,
        commands: &mut mpsc::UnboundedReceiver<Command>,
        reload: &mut Reload,
    ) -> Result<Next> {
        let (stop, stopped) = watch::channel(false);
        let mut working = pin!(self.lead_and_run(&made.engine, stopped));
        let next = tokio::select! {
            next = self.next(made, commands, reload) => next,
            // While the engine does not run, it has no targets, and nothing is pruned.
            () = prune(made) => Next::Stop,
            () = &mut working => return Ok(Next::Stop),
            () = leader::died(self.leader.as_ref()) => {
                let cause = "leader election has stopped, so another replica may be the leader already";
                return Err(Error::new(&codes::LEADERSHIP, "cannot remain the leader").with_cause(cause));
            }
        };
        stop.send_replace(true);
        working.await; // finishes the writes in progress
        Ok(next)
    }

    /// Runs the engine in each term of leadership until it is stopped. Without an election, runs it at once.
    async fn lead_and_run(&self, engine: &Engine, stopped: watch::Receiver<bool>) {
        let until = |mut stopped: watch::Receiver<bool>| async move { drop(stopped.wait_for(|it| *it).await) };
        loop {
            if let Some(leader) = &self.leader {
                self.leads(leader.is_held());
                tokio::select! {
                    () = leader.gained() => {}
                    () = until(stopped.clone()) => return,
                }
                self.leads(true);
            }
            let ends = async {
                tokio::select! {
                    () = leader::lost(self.leader.as_ref()) => {}
                    () = until(stopped.clone()) => {}
                }
            };
            engine.run(ends).await;
            if *stopped.borrow() {
                return;
            }
            warn!(reason = "lost leadership", "stopped reconciling");
            self.leads(false);
            self.forget_targets();
        }
    }

    /// Waits for the end of this run.
    async fn next(&self, made: &Made, commands: &mut mpsc::UnboundedReceiver<Command>, reload: &mut Reload) -> Next {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(Command::Stop) => return Next::Stop,
                    Some(Command::Refresh) => {
                        info!("forced refresh of all targets");
                        self.setup.forget_credentials();
                        made.engine.refresh();
                        continue;
                    }
                    Some(Command::Reload) => {}
                },
                () = reload.changed() => {}
            }
            if let Some(config) = self.reload(made.config.as_ref()) {
                return Next::Config(Box::new(config));
            }
        }
    }

    /// Reads the config again. An invalid config is logged, and the old one stays in effect.
    fn reload(&self, current: Option<&Config>) -> Option<Config> {
        let loaded = self.setup.load().transpose()?;
        self.reloaded(loaded.is_ok());
        match loaded {
            Ok(config) => {
                if current.is_some_and(|current| config.is_same(current)) {
                    info!(changed = false, "reloaded config");
                } else {
                    info!(changed = true, hint = "regenerate the manifests if a right is missing", "reloaded config");
                }
                Some(config)
            }
            Err(problems) => {
                for error in problems.to_string().lines() {
                    warn!(error, hint = OLD_CONFIG, "cannot reload config");
                }
                None
            }
        }
    }

    /// Drops the states of the targets and the queues.
    fn forget_targets(&self) {
        self.states.forget();
        if let Some(metrics) = &self.metrics {
            metrics.forget_queues();
        }
    }

    fn reloaded(&self, success: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.reloaded(success);
        }
    }

    fn leads(&self, leads: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.leads(leads);
        }
    }
}

/// Removes what the config no longer names. Never returns.
#[cfg(feature = "openshift")]
async fn prune(made: &Made) {
    match made.pruning.clone() {
        Some(pruning) => pruning.run(&made.engine).await,
        None => pending().await,
    }
}

#[cfg(not(feature = "openshift"))]
async fn prune(_: &Made) {
    pending::<()>().await;
}
