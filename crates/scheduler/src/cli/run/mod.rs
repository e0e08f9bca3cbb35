//! `regcred run`: the daemon.

mod accept;
mod health;
mod labels;
mod lead;
mod metrics;
mod notices;
mod reload;
mod serve;
mod settled;
mod signals;
mod standings;

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::{Result, anyhow};
use regcred::{Minters, Pruning, wire};
use regcred_config::Config;
use regcred_core::Clock;
use regcred_engine::Engine;
use regcred_openshift::Cluster;
use regcred_plan::{Plan, Types};
use tokio::sync::watch;
use tracing::{info, warn};

use self::{
    health::Health,
    lead::Lead,
    metrics::Metrics,
    notices::Notices,
    reload::Reload,
    settled::Settled,
    signals::{Signal, Signals},
    standings::Standings,
};
use super::{
    flags::{ClusterArgs, ConfigArgs},
    session, stderr,
    version::VERSION,
    who,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address of the endpoint for health and metrics, such as 0.0.0.0:8080 or :8080. Default: no endpoint
    #[arg(long, value_name = "ADDRESS", value_parser = serve::address)]
    listen: Option<SocketAddr>,
    /// A Lease, of which only who holds it works, so that several may run
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = lead::name)]
    lease: Option<lead::Name>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// The parts of the daemon that outlive a config.
struct Daemon<'a> {
    args: &'a Args,
    types: &'a Types,
    clock: Arc<dyn Clock>,
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

pub(crate) fn run(args: &Args, types: &Types, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let config = args.config.load(types)?;
    session::wait(async {
        let signals = Signals::listen()?;
        let standings = Arc::<Standings>::default();
        let daemon = Daemon {
            args,
            types,
            health: Arc::new(Health::new(standings.clone(), clock.clone())),
            metrics: Arc::new(Metrics::new(args.lease.is_none(), standings.clone(), clock.clone(), types.clone())),
            clock: clock.clone(),
            standings,
            minters: Minters::default(),
        };
        Box::pin(daemon.go_on(config, signals)).await
    })?
}

impl Daemon<'_> {
    async fn go_on(mut self, mut config: Config, mut signals: Signals) -> Result<ExitCode> {
        let mut reload = Reload::of(&self.args.config.files());
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
            let work = self.work(&engine, prune, lead.as_ref(), &mut signals, &mut reload, &config);
            let Next::Config(new) = Box::pin(work).await? else { break };
            self.forget_targets();
            match self.engine(&new).await {
                Ok(made) => ((engine, pruning), config) = (made, *new),
                Err(error) => {
                    self.metrics.reloaded(false);
                    warn!(
                        error = format!("{error:#}"),
                        "the new config cannot be put in force, so the old one stays in force"
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

    /// Makes the engine for a config, and the pruning if the config asks for it.
    async fn engine(&mut self, config: &Config) -> Result<(Arc<Engine>, Option<Pruning>)> {
        stderr::config_warnings(config);
        let plan = Plan::new(config, self.types)?.watching();
        let (selections, providers) =
            (plan.selections(), plan.providers().map(ToString::to_string).collect::<Vec<_>>());
        info!(
            version = VERSION,
            instance = %config.instance(),
            targets = plan.secrets(),
            selections = selections.join("; "),
            providers = providers.join(", "),
            "keeping the targets of the config fresh",
        );
        let clusters = session::connect(&plan, self.types, &self.args.cluster.connection()).await?;
        let pruning = config.prune().then(|| Pruning::new(&plan, &clusters));
        let notices =
            Notices::start(&clusters, self.args.lease.as_ref().map(lead::Name::namespace), self.clock.clone());
        let engine = wire::engine(&plan, self.types, &mut self.minters, self.clock.clone()).await;
        let minters = self.minters.clone();
        tokio::spawn(async move { who::log(&minters).await });
        let (metrics, standings, settled) = (self.metrics.clone(), self.standings.clone(), Settled::default());
        let engine = engine.with_on_event(move |event| {
            standings.follow(event);
            settled.follow(event, &standings);
            metrics.follow(event);
            notices.follow(event);
        });
        let engine = engine.build().map_err(|error| anyhow!(error.chain()))?;
        Ok((engine, pruning))
    }

    /// Runs the engine while the process leads, until a signal, a new config or the loss of the Lease.
    async fn work(
        &self,
        engine: &Arc<Engine>,
        pruning: impl Future<Output = ()>,
        lead: Option<&Lead>,
        signals: &mut Signals,
        reload: &mut Reload,
        current: &Config,
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
                tokio::select! {
                    signal = signals.next() => match signal {
                        Signal::Stop => return Next::Stop,
                        Signal::Mint => {
                            info!("minting now");
                            self.minters.forget();
                            engine.refresh();
                            continue;
                        }
                        Signal::Reload => {}
                    },
                    () = reload.changed() => {}
                }
                if let Some(config) = self.reload(current) {
                    return Next::Config(Box::new(config));
                }
            }
        };
        let mut working = std::pin::pin!(working);
        let next = tokio::select! {
            next = asked => next,
            // The engine knows no targets while it does not run, and then nothing is pruned.
            () = pruning => Next::Stop,
            () = &mut working => return Ok(Next::Stop),
            () = died(lead) => return Err(anyhow!("the Lease is not looked after any more, so somebody else may lead already")),
        };
        stop.send_replace(true);
        working.await; // what is being written is finished
        Ok(next)
    }

    /// Forgets the states of the targets and the queues.
    fn forget_targets(&self) {
        self.standings.forget();
        self.metrics.forget_queues();
    }

    /// Reads the config again. It reports an invalid config, and the old one stays in force.
    fn reload(&self, current: &Config) -> Option<Config> {
        let loaded = self.args.config.load(self.types);
        self.metrics.reloaded(loaded.is_ok());
        match loaded {
            Ok(config) => {
                if config.is_same(current) {
                    info!("read the config again, and it is unchanged");
                } else {
                    info!("the new config is in force; print the manifests again if a right is missing");
                }
                Some(config)
            }
            Err(error) => {
                for problem in format!("{error:#}").lines() {
                    warn!(problem, "the new config is not valid, so the old one stays in force");
                }
                None
            }
        }
    }

    async fn lead(&self, name: &lead::Name) -> Result<Lead> {
        let connection = self.args.cluster.connection();
        let cluster = Cluster::connect(&connection).await.map_err(|error| anyhow!(error.chain()))?;
        Ok(lead::start(&cluster, name, self.clock.clone()))
    }
}

async fn died(lead: Option<&Lead>) {
    match lead {
        Some(lead) => lead.died().await,
        None => std::future::pending().await,
    }
}
