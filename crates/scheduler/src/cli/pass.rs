//! The steps from arguments to a report, for every command that reads the cluster.

use std::{error::Error as _, sync::Arc};

use anyhow::Result;
use regcred::{Minters, wire};
use regcred_config::{Config, NamespaceFilter};
use regcred_core::{Clock, Error};
use regcred_engine::{Engine, Outcome, Report, State};
use regcred_plan::{Plan, Types};

use super::{
    flags::{ConfigArgs, PassArgs},
    progress::Progress,
    session, stderr, terminal,
    who::{self, Known},
};

use crate::codes;

/// Returns the plan of the config for the targets that the arguments name.
pub(crate) fn plan(args: &PassArgs, types: &Types) -> Result<Plan> {
    restricted(&args.config, &args.only.namespace, types)
}

/// Returns the plan of the config for these namespaces, or for all if the list is empty.
pub(crate) fn restricted(config: &ConfigArgs, only: &[NamespaceFilter], types: &Types) -> Result<Plan> {
    of(&config.load(types)?, only, types)
}

/// Returns the plan of a loaded config for these namespaces, or for all if the list is empty.
pub(crate) fn of(config: &Config, only: &[NamespaceFilter], types: &Types) -> Result<Plan> {
    stderr::config_warnings(config);
    let mut plan = Plan::new(config, types)?;
    if !only.is_empty() {
        plan.restrict_to(only).map_err(|unknown| {
            let unknown = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let cause = format!("the config has no target in namespace {unknown}");
            Error::new(&codes::NO_MATCH, "cannot use --namespace").with_cause(cause)
        })?;
    }
    Ok(plan)
}

/// Warns of namespaces that the config names but that do not exist, and returns the exit code of the report.
///
/// With `--strict`, such a namespace is a failure. A config without targets is one too.
pub(crate) fn exit_code(args: &PassArgs, report: &Report, plan: &Plan) -> u8 {
    let is_absent = |route| plan.names_its_places(route);
    let absent = report.targets.iter().filter(|(_, it)| it.state() == State::Gone && is_absent(it.route));
    let how = |outcome: &Outcome| outcome.failures.iter().find_map(|it| it.error.source()).map(ToString::to_string);
    let mut absent = absent.map(|(target, outcome)| (target.group(), how(outcome))).collect::<Vec<_>>();
    absent.dedup_by_key(|(namespace, _)| *namespace);
    for (namespace, how) in &absent {
        // The reason of the error is a sentence about the namespace.
        let how = how.as_deref().and_then(|how| how.strip_prefix("the namespace ")).unwrap_or("does not exist");
        stderr::warning(&format!("namespace {namespace} {how}: create it, or remove it from the config"));
    }
    match report.exit_code() {
        0 if args.strict && (has_no_targets(report) || !absent.is_empty()) => 1,
        code => code,
    }
}

/// Whether the config has no targets, and all of its sources were read.
fn has_no_targets(report: &Report) -> bool {
    report.targets.is_empty() && report.sources.is_empty()
}

/// Warns if there are no targets, as `kubectl get` does.
pub(crate) fn warn_if_none(report: &Report, plan: &Plan) {
    if !has_no_targets(report) {
        return;
    }
    let selections = plan.selections();
    let why =
        if selections.is_empty() { String::new() } else { format!(": no namespace matches {}", selections.join("; ")) };
    stderr::warning(&format!("No targets found{why}"));
}

/// Connects to the clusters, prints their servers, and runs the work on an engine.
pub(crate) fn report(
    args: &PassArgs,
    plan: &Plan,
    types: &Types,
    clock: &Arc<dyn Clock>,
    work: impl AsyncFnOnce(Arc<Engine>) -> Report,
) -> Result<Report> {
    run(args, plan, types, clock, async |engine, _| (work(engine).await, vec![])).map(|(report, _)| report)
}

/// Does the same as `report`, and prints regcred's identity at its providers.
pub(crate) fn report_with_callers(
    args: &PassArgs,
    plan: &Plan,
    types: &Types,
    clock: &Arc<dyn Clock>,
    work: impl AsyncFnOnce(Arc<Engine>) -> Report,
) -> Result<(Report, Vec<Known>)> {
    run(args, plan, types, clock, async |engine, minters| who::beside(minters, plan, work(engine)).await)
}

fn run(
    args: &PassArgs,
    plan: &Plan,
    types: &Types,
    clock: &Arc<dyn Clock>,
    work: impl AsyncFnOnce(Arc<Engine>, &Minters) -> (Report, Vec<Known>),
) -> Result<(Report, Vec<Known>)> {
    let report = session::wait(async {
        session::connect(plan, types, &args.connection()).await?;
        let progress = Progress::at_a_terminal(plan.named_targets(), !plan.selections().is_empty());
        let mut minters = Minters::default();
        let engine = wire::engine(plan, types, &mut minters, clock.clone()).await;
        let engine = match progress {
            Some(progress) => engine.with_on_event(move |event| progress.follow(event)),
            None => engine,
        };
        let engine = engine.build()?;
        anyhow::Ok(work(engine, &minters).await)
    })?;
    terminal::clear();
    let (report, callers) = report?;
    session::print_logins(&report);
    Ok((report, callers))
}
