//! `regcred run`: the daemon.

mod accept;
mod health;
mod lead;
mod metrics;
mod notices;
mod reload;
mod serve;
mod signals;
mod standings;

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::{Result, anyhow};
use regcred_config::Config;
use regcred_core::SystemClock;
use regcred_engine::Engine;
use tokio::sync::watch;
use tracing::{info, warn};

use self::{
    health::Health,
    lead::Lead,
    metrics::Metrics,
    notices::Notices,
    reload::Reload,
    signals::{Signal, Signals},
    standings::Standings,
};
use super::{
    args::{ClusterArgs, ConfigArgs},
    check::warn as warn_of,
    session::{self, announce},
};
use crate::{
    Types,
    wire::{self, Clusters, Minters, Pruning},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where health and metrics are served, such as 0.0.0.0:8080; without it nowhere
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// A Lease, of which only who holds it works, so that several may run
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = lead::name)]
    lease: Option<lead::Name>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What goes on whatever config is in force.
struct Daemon<'a> {
    args: &'a Args,
    types: &'a Types,
    standings: Arc<Standings>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    minters: Minters,
}

/// Why an engine was stopped.
enum Next {
    Stop,
    Config(Box<Config>),
}

pub(crate) fn run(args: &Args, types: &Types) -> Result<ExitCode> {
    let config = args.config.load(types)?;
    session::wait(async {
        let signals = Signals::listen()?;
        let standings = Arc::<Standings>::default();
        let daemon = Daemon {
            args,
            types,
            health: Arc::new(Health::new(standings.clone())),
            metrics: Arc::new(Metrics::new(args.lease.is_none(), standings.clone())),
            standings,
            minters: Minters::default(),
        };
        Box::pin(daemon.go_on(config, signals)).await
    })?
}

impl Daemon<'_> {
    async fn go_on(mut self, config: Config, mut signals: Signals) -> Result<ExitCode> {
        let mut reload = Reload::of(self.args.config.files());
        let lead = match &self.args.lease {
            Some(name) => Some(self.lead(name).await?),
            None => None,
        };
        if let Some(address) = self.args.listen {
            serve::start(address, self.health.clone(), self.metrics.clone())?;
        }
        let (mut engine, mut pruning) = self.engine(&config).await?;
        self.health.serves();
        loop {
            let prune = async {
                match pruning.clone() {
                    Some(pruning) => pruning.go_on(&engine).await,
                    None => std::future::pending().await,
                }
            };
            let next = self.work(&engine, prune, lead.as_ref(), &mut signals, &mut reload).await?;
            let Next::Config(config) = next else { break };
            self.forget_targets();
            match self.engine(&config).await {
                Ok(new) => (engine, pruning) = new,
                Err(error) => {
                    self.metrics.reloaded(false);
                    warn!(
                        error = format!("{error:#}"),
                        "the new config cannot be put in force, so the old one goes on"
                    );
                }
            }
        }
        if let Some(lead) = lead {
            lead.release().await;
        }
        info!("stopped");
        Ok(ExitCode::SUCCESS)
    }

    /// The engine for a config, and what takes away what it does not ask for, if it says so.
    async fn engine(&mut self, config: &Config) -> Result<(Arc<Engine>, Option<Pruning>)> {
        warn_of(config);
        let plan = wire::plan(config, self.types)?.watching();
        let clusters =
            Clusters::connect(&plan, &self.args.cluster.connection()).await.map_err(|error| anyhow!(error.chain()))?;
        let several = clusters.iter().count() > 1;
        clusters.iter().for_each(|(name, cluster)| announce(cluster, several.then_some(name.as_str())));
        let pruning = config.prune().then(|| Pruning::new(&plan, &clusters));
        let notices = Notices::start(&clusters, self.args.lease.as_ref().map(lead::Name::namespace));
        let engine = wire::engine_keeping(plan, self.types, clusters, Arc::new(SystemClock), &mut self.minters).await;
        self.metrics.mints_with(&self.minters);
        let (metrics, standings) = (self.metrics.clone(), self.standings.clone());
        let engine = engine.map(|engine| {
            engine.with_on_event(move |event| {
                standings.follow(event);
                metrics.follow(event);
                notices.follow(event);
            })
        });
        let engine = engine.and_then(regcred_engine::Builder::build).map_err(|error| anyhow!(error.chain()))?;
        Ok((engine, pruning))
    }

    /// Works while it leads, until something else has to be done.
    async fn work(
        &self,
        engine: &Arc<Engine>,
        pruning: impl Future<Output = ()>,
        lead: Option<&Lead>,
        signals: &mut Signals,
        reload: &mut Reload,
    ) -> Result<Next> {
        let (stop, stopped) = watch::channel(false);
        let until = |mut stopped: watch::Receiver<bool>| async move { drop(stopped.wait_for(|it| *it).await) };
        let working = async {
            loop {
                if let Some(lead) = lead {
                    self.metrics.leads(lead.is_held());
                    tokio::select! {
                        () = lead.gained() => {}
                        () = until(stopped.clone()) => return,
                    }
                    self.metrics.leads(true);
                }
                let lost = async {
                    match lead {
                        Some(lead) => lead.lost().await,
                        None => std::future::pending().await,
                    }
                };
                let ends = async {
                    tokio::select! { () = lost => {}, () = until(stopped.clone()) => {} }
                };
                engine.run(ends).await;
                if *stopped.borrow() {
                    return;
                }
                warn!("another one leads now");
                self.metrics.leads(false);
                self.forget_targets();
            }
        };
        let asked = async {
            loop {
                let hup = tokio::select! {
                    signal = signals.next() => match signal {
                        Signal::Stop => return Next::Stop,
                        Signal::Mint => {
                            info!("minting now");
                            self.minters.forget();
                            engine.refresh();
                            continue;
                        }
                        Signal::Reload => true,
                    },
                    () = reload.changed() => false,
                };
                if let Some(config) = self.reload(hup) {
                    return Next::Config(Box::new(config));
                }
            }
        };
        let mut working = std::pin::pin!(working);
        let next = tokio::select! {
            next = asked => next,
            // While it does not work, the engine knows no targets, and nothing is taken away.
            () = pruning => Next::Stop,
            () = &mut working => return Ok(Next::Stop),
            () = died(lead) => return Err(anyhow!("the Lease is not looked after any more, so somebody else may lead already")),
        };
        stop.send_replace(true);
        working.await; // what is being written is finished
        Ok(next)
    }

    /// What was known of them is not so any more.
    fn forget_targets(&self) {
        self.standings.forget();
        self.metrics.forget_queues();
    }

    /// The new config; a bad one is told, and the old one goes on.
    fn reload(&self, asked: bool) -> Option<Config> {
        let loaded = self.args.config.load(self.types);
        self.metrics.reloaded(loaded.is_ok());
        match loaded {
            Ok(config) => {
                info!(
                    asked,
                    "the config has changed and is in force now; a right that is missing means that the manifests are older"
                );
                Some(config)
            }
            Err(problems) => {
                for problem in problems.iter() {
                    warn!(%problem, "the config has changed and is not valid, so the old one goes on");
                }
                None
            }
        }
    }

    async fn lead(&self, name: &lead::Name) -> Result<Lead> {
        let connection = self.args.cluster.connection();
        let cluster = regcred_openshift::Cluster::connect(&connection).await.map_err(|error| anyhow!(error.chain()))?;
        Ok(lead::start(&cluster, name))
    }
}

async fn died(lead: Option<&Lead>) {
    match lead {
        Some(lead) => lead.died().await,
        None => std::future::pending().await,
    }
}
