//! `regcred plan`: what would a pass do, and why?

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    process::ExitCode,
    time::SystemTime,
};

use anyhow::Result;
use regcred_core::{Clock, SystemClock, Validity};
use regcred_engine::{Outcome, Pass, Report, State, Step};
use serde_json::json;

use super::{
    args::{Output, Plan},
    output::{print, providers, rfc3339, table},
    pass,
};
use crate::Types;

/// As other tools have it that tell a change from a failure.
const EXIT_CHANGES: u8 = 10;
/// In the order in which they are counted.
const STEPS: [&str; 7] = ["create", "refresh", "repair", "adopt", "link", "leave", "refuse"];

pub(crate) fn run(args: &Plan, types: &Types, output: Output) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?.with_adoption(args.adopt);
    let look = Pass { force: args.force, deadline: args.pass.timeout, ..Pass::default() };
    let report = pass::report(&args.pass, plan.clone(), types, async |engine| engine.plan(look).await)?;
    let minting = report.targets.iter().filter(|(_, outcome)| mints(outcome));
    let minting = minting.map(|(target, _)| (&target.namespace, &target.name)).collect::<BTreeSet<_>>();
    let (calls, now) = (plan.mints_for(&minting), SystemClock.now());
    print(&match output {
        Output::Table => as_table(&report, calls, args.force, now),
        Output::Json => as_json(&report, calls, args.force, now),
    })?;
    let changes = report.targets.values().any(|outcome| mints(outcome) || matches!(outcome.step, Some(Step::Link(_))));
    Ok(ExitCode::from(match report.exit_code() {
        0 if changes && args.detailed_exitcode => EXIT_CHANGES,
        code => code,
    }))
}

fn mints(outcome: &Outcome) -> bool {
    matches!(outcome.step, Some(Step::Create | Step::Refresh | Step::Repair(_) | Step::Adopt(_)))
}

/// The step in one word; of a target that could not be looked at, how it stands.
fn word(outcome: &Outcome) -> &'static str {
    outcome.step.as_ref().map_or_else(|| outcome.state().name(), Step::name)
}

/// Why the step is taken; empty if nothing is done.
fn why(outcome: &Outcome, force: bool, now: SystemTime) -> Vec<String> {
    let own = match &outcome.step {
        Some(Step::Create) => vec!["there is no Secret".into()],
        Some(Step::Refresh) if force => vec!["it was asked for".into()],
        Some(Step::Refresh) => {
            let expired = outcome.validity.values().filter(|it| !it.is_usable(now));
            let expired = expired.filter_map(Validity::expires_at).min();
            vec![match (expired, outcome.renew_at.filter(|due| *due <= now)) {
                (Some(end), _) => format!("a credential expired at {}", rfc3339(end)),
                (None, Some(due)) => format!("it is due since {}", rfc3339(due)),
                (None, None) => "a credential is missing, or what is said of it is not believed".into(),
            }]
        }
        Some(Step::Repair(reasons) | Step::Link(reasons)) => reasons.clone(),
        Some(Step::Adopt(owner)) => vec![owner.clone()],
        _ => vec![],
    };
    own.into_iter().chain(outcome.reasons()).collect()
}

fn as_table(report: &Report, calls: usize, force: bool, now: SystemTime) -> String {
    let rows = report.targets.iter().map(|(target, outcome)| {
        let why = why(outcome, force, now).join("; ");
        [target.namespace.to_string(), target.name.to_string(), word(outcome).to_owned(), why]
    });
    let mut text = table(["NAMESPACE", "SECRET", "STEP", "WHY"], &rows.collect::<Vec<_>>());
    let counts = counts(report);
    let counts = counts.iter().map(|(step, count)| format!("{count} {step}")).collect::<Vec<_>>().join(", ");
    let noun = if calls == 1 { "call" } else { "calls" };
    let _ = writeln!(text, "{} targets: {counts}; {calls} {noun} to providers", report.targets.len());
    text
}

fn counts(report: &Report) -> Vec<(&'static str, usize)> {
    let mut by_word = BTreeMap::<&str, usize>::new();
    for outcome in report.targets.values() {
        *by_word.entry(word(outcome)).or_default() += 1;
    }
    let others = [State::Failed.name(), State::Gone.name()];
    let known = STEPS.into_iter().chain(others);
    known.filter_map(|word| Some((word, by_word.get(word).copied()?))).collect()
}

fn as_json(report: &Report, calls: usize, force: bool, now: SystemTime) -> String {
    let targets = report.targets.iter().map(|(target, outcome)| {
        json!({
            "store": target.store.as_str(),
            "namespace": target.namespace.as_str(),
            "secret": target.name.as_str(),
            "state": outcome.state().name(),
            "step": outcome.step.as_ref().map(Step::name),
            "why": why(outcome, force, now),
            "providers": providers(outcome),
            "renew_at": outcome.renew_at.map(rfc3339),
        })
    });
    let sources = report.sources.values().map(regcred_core::Error::chain).collect::<Vec<_>>();
    let document = json!({
        "targets": targets.collect::<Vec<_>>(),
        "steps": counts(report).into_iter().collect::<BTreeMap<_, _>>(),
        "provider_calls": calls,
        "sources_failed": sources,
        "exit_code": report.exit_code(),
    });
    format!("{document:#}\n")
}
