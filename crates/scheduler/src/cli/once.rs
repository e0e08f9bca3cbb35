//! `regcred once`: one pass.

use std::{fmt::Write, process::ExitCode};

use anyhow::Result;
use regcred_core::{Target, Validity, Written};
use regcred_engine::{Outcome, Pass, Report, State};
use serde_json::{Value, json};

use super::{
    args::{Once, Output},
    output::{count, print, providers, rfc3339, sources_failed, targets, unknown},
    pass,
    who::{self, Caller},
};
use crate::{Types, wire};

pub(crate) fn run(args: &Once, types: &Types, output: Output) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?.with_adoption(args.writing.adopt);
    let pass = Pass { force: args.writing.force, deadline: args.pass.timeout, ..Pass::default() };
    let (report, callers) =
        pass::report_with_callers(&args.pass, plan.clone(), types, async |engine| engine.once(pass).await)?;
    print(&match output {
        Output::Table => as_table(&report) + &unknown(&report, &plan),
        Output::Json => format!("{:#}\n", as_json(&report, &plan, &callers)),
    })?;
    Ok(ExitCode::from(report.exit_code()))
}

fn as_table(report: &Report) -> String {
    let row = |(target, outcome)| -> (&Target, [String; 4]) {
        let outcome: &Outcome = outcome;
        let expires = outcome.validity.values().filter_map(Validity::expires_at).min().map(rfc3339);
        let cells = [
            outcome.state().name().to_owned(),
            done(outcome).to_owned(),
            expires.unwrap_or_else(|| "-".into()),
            outcome.reasons().join("; "),
        ];
        (target, cells)
    };
    let rows = report.targets.iter().map(row).collect::<Vec<_>>();
    let mut text = targets(["STATE", "DONE", "EXPIRES", "WHY"], &rows);
    let all = count(report.targets.len(), "target");
    let of = |state| report.count(state);
    let _ = writeln!(
        text,
        "{all}: {} fresh, {} waiting, {} gone, {} contested, {} refused, {} failed",
        of(State::Fresh),
        of(State::Waiting),
        of(State::Gone),
        of(State::Contested),
        of(State::Refused),
        of(State::Failed),
    );
    text
}

/// What was done to the Secret, in one word.
fn done(outcome: &Outcome) -> &'static str {
    match outcome.written {
        Some(Written::Created) => "created",
        Some(Written::Updated) => "updated",
        Some(Written::Unchanged) => "unchanged",
        None => "nothing",
    }
}

fn as_json(report: &Report, plan: &wire::Plan, callers: &[Caller]) -> Value {
    let target = |(target, outcome): (&Target, &Outcome)| {
        json!({
            "store": target.store.as_str(),
            "namespace": target.namespace.as_str(),
            "secret": target.name.as_str(),
            "state": outcome.state().name(),
            "step": outcome.step.as_ref().map(regcred_engine::Step::name),
            "done": done(outcome),
            "providers": providers(outcome),
            "renew_at": outcome.renew_at.map(rfc3339),
            "why": outcome.reasons(),
        })
    };
    json!({
        "targets": report.targets.iter().map(target).collect::<Vec<_>>(),
        "aws": who::as_json(callers),
        "sources_failed": sources_failed(report, plan),
        "exit_code": report.exit_code(),
    })
}
