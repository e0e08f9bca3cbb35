//! From arguments to a report: what every command does that looks at the cluster.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use regcred_config::Config;
use regcred_core::{Namespace, SystemClock};
use regcred_engine::{Engine, Report};

use super::{
    args::{ConfigArgs, PassArgs},
    check::warn,
    progress::{self, Progress},
    session::{self, announce},
    who::{self, Caller},
};
use crate::{
    Types,
    wire::{self, Clusters, Minters, Plan},
};

/// What the config comes to, for the targets that the arguments name.
pub(crate) fn plan(args: &PassArgs, types: &Types) -> Result<Plan> {
    restricted(&args.config, &args.target, types)
}

/// What the config comes to, for these namespaces, or for all if there are none.
pub(crate) fn restricted(config: &ConfigArgs, targets: &[Namespace], types: &Types) -> Result<Plan> {
    of(&config.load(types)?, targets, types)
}

/// The same of a config that is loaded.
pub(crate) fn of(config: &Config, targets: &[Namespace], types: &Types) -> Result<Plan> {
    warn(config);
    let mut plan = wire::plan(config, types)?;
    if !targets.is_empty() {
        plan.restrict_to(targets).map_err(|unknown| {
            let unknown = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            anyhow!("the config has no target in namespace {unknown}")
        })?;
    }
    Ok(plan)
}

/// Connects, says with what, and has an engine do its work.
pub(crate) fn report(
    args: &PassArgs,
    plan: Plan,
    types: &Types,
    work: impl AsyncFnOnce(Arc<Engine>) -> Report,
) -> Result<Report> {
    run(args, plan, types, async |engine, _| (work(engine).await, vec![])).map(|(report, _)| report)
}

/// The same, and prints who regcred is in AWS.
pub(crate) fn report_with_callers(
    args: &PassArgs,
    plan: Plan,
    types: &Types,
    work: impl AsyncFnOnce(Arc<Engine>) -> Report,
) -> Result<(Report, Vec<Caller>)> {
    run(args, plan, types, async |engine, minters| who::beside(minters, work(engine)).await)
}

fn run(
    args: &PassArgs,
    plan: Plan,
    types: &Types,
    work: impl AsyncFnOnce(Arc<Engine>, &Minters) -> (Report, Vec<Caller>),
) -> Result<(Report, Vec<Caller>)> {
    let report = session::wait(async {
        let clusters = Clusters::connect(&plan, &args.connection()).await.map_err(|error| anyhow!(error.chain()))?;
        let several = clusters.iter().count() > 1;
        clusters.iter().for_each(|(name, cluster)| announce(cluster, several.then_some(name.as_str())));
        let progress = Progress::at_a_terminal(plan.secrets(), !plan.selections().is_empty());
        let mut minters = Minters::default();
        let engine = wire::engine_keeping(plan, types, clusters, Arc::new(SystemClock), &mut minters).await;
        let engine = engine.map(|engine| match progress {
            Some(progress) => engine.with_on_event(move |event| progress.follow(event)),
            None => engine,
        });
        let engine = engine.and_then(regcred_engine::Builder::build).map_err(|error| anyhow!(error.chain()))?;
        anyhow::Ok(work(engine, &minters).await)
    })?;
    progress::clear();
    report
}
