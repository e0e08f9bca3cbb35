//! `regcred once`: runs one pass.

use std::{fmt::Write, process::ExitCode, sync::Arc};

use anyhow::Result;
use regcred_core::{Clock, Target, Validity, Written};
use regcred_engine::{Outcome, Pass, Report, State, Step};
use regcred_plan::{Plan, Types};
use serde_json::{Value, json};

use super::{
    flags::{Output, PassArgs, Writing},
    output::{Document, count, ids, name, print, providers, rfc3339, sources_failed, targets, unknown},
    pass,
    who::{self, Known},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    #[command(flatten)]
    pub(crate) writing: Writing,
}

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?.with_adoption(args.writing.adopt);
    let pass = Pass::default().with_force(args.writing.force).with_deadline(args.pass.timeout);
    let done = pass::report_with_callers(&args.pass, &plan, types, clock, async |engine| engine.once(pass).await);
    let (report, callers) = done?;
    let exit_code = pass::exit_code(&args.pass, &report, &plan);
    pass::warn_if_none(&report, &plan);
    print(output, &Shown { report: &report, plan: &plan, callers: &callers, exit_code })?;
    Ok(ExitCode::from(exit_code))
}

/// The result of a pass.
struct Shown<'a> {
    report: &'a Report,
    plan: &'a Plan,
    callers: &'a [Known],
    exit_code: u8,
}

impl Document for Shown<'_> {
    fn table(&self, wide: bool) -> String {
        as_table(self.report, wide) + &unknown(self.report, self.plan)
    }

    fn json(&self) -> Value {
        as_json(self.report, self.plan, self.callers, self.exit_code)
    }

    fn names(&self) -> Vec<String> {
        self.report.targets.keys().map(name).collect()
    }
}

fn as_table(report: &Report, wide: bool) -> String {
    if report.targets.is_empty() {
        return String::new();
    }
    let row = |(target, outcome)| -> (&Target, Vec<String>) {
        let outcome: &Outcome = outcome;
        let expires = outcome.validity.values().filter_map(Validity::expires_at).min().map(rfc3339);
        let cells = vec![
            outcome.state().name().to_owned(),
            done(outcome).to_owned(),
            outcome.validity.keys().map(ToString::to_string).collect::<Vec<_>>().join(","),
            outcome.renew_at.map_or_else(|| "-".into(), rfc3339),
            expires.unwrap_or_else(|| "-".into()),
            outcome.reasons().join("; "),
        ];
        (target, cells)
    };
    let rows = report.targets.iter().map(row).collect::<Vec<_>>();
    let head = ["STATE", "DONE", "PROVIDERS", "RENEWS", "EXPIRES", "WHY"];
    let mut text = targets(&head, &rows, if wide { &[] } else { &["PROVIDERS", "RENEWS"] });
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

/// Returns the change to the Secret as one word.
fn done(outcome: &Outcome) -> &'static str {
    match outcome.written {
        Some(Written::Updated) if matches!(outcome.step, Some(Step::Adopt(_))) => "adopted",
        Some(Written::Created) => "created",
        Some(Written::Updated) => "updated",
        Some(Written::Unchanged) if outcome.also_written => "linked",
        Some(Written::Unchanged) => "unchanged",
        None => "nothing",
    }
}

fn as_json(report: &Report, plan: &Plan, callers: &[Known], exit_code: u8) -> Value {
    let target = |(target, outcome): (&Target, &Outcome)| {
        json!({
            "store": target.store.as_str(),
            "namespace": target.group(),
            "secret": target.name(),
            "state": outcome.state().name(),
            "step": outcome.step.as_ref().map(Step::name),
            "done": done(outcome),
            "providers": providers(outcome),
            "renew_at": outcome.renew_at.map(rfc3339),
            "why": outcome.reasons(),
            "codes": ids(outcome),
        })
    };
    json!({
        "targets": report.targets.iter().map(target).collect::<Vec<_>>(),
        "callers": who::as_json(callers),
        "sources_failed": sources_failed(report, plan),
        "exit_code": exit_code,
    })
}
