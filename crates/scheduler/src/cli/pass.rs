//! From arguments to a report: what every command does that looks at the cluster.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use regcred_config::{Config, NamespaceFilter};
use regcred_core::SystemClock;
use regcred_engine::{Engine, Report, State};

use super::{
    flags::{ConfigArgs, PassArgs},
    progress::Progress,
    session::{self, announce},
    stderr, terminal,
    who::{self, Caller},
};
use crate::{
    Types,
    wire::{self, Clusters, Minters, Plan},
};

/// What the config comes to, for the targets that the arguments name.
pub(crate) fn plan(args: &PassArgs, types: &Types) -> Result<Plan> {
    restricted(&args.config, &args.only.namespace, types)
}

/// What the config comes to, for these namespaces, or for all if there are none.
pub(crate) fn restricted(config: &ConfigArgs, only: &[NamespaceFilter], types: &Types) -> Result<Plan> {
    of(&config.load(types)?, only, types)
}

/// The same of a config that is loaded.
pub(crate) fn of(config: &Config, only: &[NamespaceFilter], types: &Types) -> Result<Plan> {
    stderr::config_warnings(config);
    let mut plan = wire::plan(config, types)?;
    if !only.is_empty() {
        plan.restrict_to(only).map_err(|unknown| {
            let unknown = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            anyhow!("the config has no target in namespace {unknown}")
        })?;
    }
    Ok(plan)
}

/// Warns of namespaces that the config names and that are not there, and returns the exit code of the report.
///
/// With `--strict` such a namespace is a failure, and so is a config without a target.
pub(crate) fn exit_code(args: &PassArgs, report: &Report, plan: &Plan) -> u8 {
    let is_absent = |route| plan.names_its_places(route);
    let absent = report.targets.iter().filter(|(_, it)| it.state() == State::Gone && is_absent(it.route));
    let mut absent = absent.map(|(target, outcome)| (target.group(), outcome.reasons())).collect::<Vec<_>>();
    absent.dedup_by_key(|(namespace, _)| *namespace);
    for (namespace, reasons) in &absent {
        let why = reasons.join("; ");
        let why = why.strip_suffix(" (gone)").unwrap_or(&why);
        stderr::warning(&format!("{why}: create namespace {namespace}, or remove it from the config"));
    }
    match report.exit_code() {
        0 if args.strict && (has_no_targets(report) || !absent.is_empty()) => 1,
        code => code,
    }
}

/// Whether the config names no target, as far as all of its sources were read.
fn has_no_targets(report: &Report) -> bool {
    report.targets.is_empty() && report.sources.is_empty()
}

/// Says that a table would be empty, as `kubectl get` does.
pub(crate) fn warn_if_none(report: &Report, plan: &Plan) {
    if !has_no_targets(report) {
        return;
    }
    let selections = plan.selections();
    let why =
        if selections.is_empty() { String::new() } else { format!(": no namespace matches {}", selections.join("; ")) };
    stderr::warning(&format!("No targets found{why}"));
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
    terminal::clear();
    let (report, callers) = report?;
    session::tell_logins(&report);
    Ok((report, callers))
}
