//! `regcred run`: the daemon.

mod accept;
mod serve;
mod signals;

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Result;
use regcred::{Regcred, prometheus_client::registry::Registry};
use regcred_core::{Clock, Namespace, SecretName};
use regcred_plan::Types;

use self::signals::{Signal, Signals};
use super::{
    flags::{ClusterArgs, ConfigArgs},
    session, stderr,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address of the health and metrics endpoint, such as 0.0.0.0:8080 or :8080. Default: no endpoint
    #[arg(long, value_name = "ADDRESS", value_parser = serve::address)]
    listen: Option<SocketAddr>,
    /// Name of the Lease for leader election. Only the leader works, so several replicas can run
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = lease)]
    lease: Option<(String, String)>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Parses `NAMESPACE/NAME`.
fn lease(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        // The name of a Lease has the same form as that of a Secret.
        Some((namespace, name)) if Namespace::new(namespace).is_ok() && SecretName::new(name).is_ok() => {
            Ok((namespace.into(), name.into()))
        }
        _ => Err("it is not a namespace and a name, such as regcred/regcred".into()),
    }
}

pub(crate) fn run(args: &Args, types: &Types, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    session::wait(Box::pin(daemon(args, types, clock)))?
}

async fn daemon(args: &Args, types: &Types, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let (clusters, mut registry) = (session::clusters(types), Registry::default());
    let (config, layers) = args.config.load_layers(types)?;
    let mut regcred = Regcred::builder()
        .with_types(types.clone())
        .with_layers(layers)
        .with_config(config)
        .with_connection(args.cluster.connection())
        .with_clock(clock.clone())
        .with_metrics(&mut registry)
        .with_on_config(move |config, _| {
            stderr::config_warnings(config);
            session::announce_all(&clusters);
        });
    if let Some((namespace, name)) = &args.lease {
        regcred = regcred.with_leader_election(namespace, name);
    }
    let regcred = regcred.build()?;
    let mut signals = Signals::listen()?;
    let listener = args.listen.map(serve::listen).transpose()?;
    let mut handle = regcred.spawn().await?;
    if let Some(listener) = listener {
        serve::start(listener, handle.health(), registry);
    }
    loop {
        tokio::select! {
            ended = handle.ended() => return Ok(ended.map(|()| ExitCode::SUCCESS)?),
            signal = signals.next() => match signal {
                Signal::Stop => handle.stop(),
                Signal::Reload => handle.reload(),
                Signal::Refresh => handle.refresh(),
            },
        }
    }
}
