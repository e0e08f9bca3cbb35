//! `regcred plan`: prints what a pass would do, and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use anyhow::Result;
use regcred_core::{Clock, Target, Validity};
use regcred_engine::{Outcome, Pass, Report, State, Step};
use regcred_plan::{Plan, Types};
use serde_json::{Value, json};

use super::{
    flags::{Output, PassArgs, Writing},
    output::{Document, count, ids, missing, name, print, providers, rfc3339, sources_failed, targets, unknown},
    pass,
    who::{self, Known},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    #[command(flatten)]
    pub(crate) writing: Writing,
    /// Print only targets that a pass would change
    #[arg(long)]
    pub(crate) changes: bool,
    /// Exit with code 10 if `once` would change anything
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// The exit code of `--detailed-exitcode` if there are changes. No failure has this code.
const EXIT_CHANGES: u8 = 10;
/// The steps in the order of the summary.
const STEPS: [&str; 7] = ["create", "refresh", "repair", "adopt", "link", "leave", "refuse"];

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?.with_adoption(args.writing.adopt);
    let look = Pass::default().with_force(args.writing.force).with_deadline(args.pass.timeout);
    let (report, callers) =
        pass::report_with_callers(&args.pass, &plan, types, clock, async |engine| engine.plan(look).await)?;
    let minting = report.targets.values().filter(|outcome| mints(outcome)).map(|outcome| outcome.route);
    let minting = minting.collect::<BTreeSet<_>>();
    let (calls, now) = (plan.mints_for(&minting), clock.now());
    let exit_code = pass::exit_code(&args.pass, &report, &plan);
    let (force, changes) = (args.writing.force, args.changes);
    pass::warn_if_none(&report, &plan);
    let (report, plan, callers) = (&report, &plan, callers.as_slice());
    print(output, &Shown { report, plan, callers, calls, force, changes, now, exit_code })?;
    let changes = report.targets.values().any(|outcome| mints(outcome) || matches!(outcome.step, Some(Step::Link(_))));
    Ok(ExitCode::from(match exit_code {
        0 if changes && args.detailed_exitcode => EXIT_CHANGES,
        code => code,
    }))
}

fn mints(outcome: &Outcome) -> bool {
    matches!(outcome.step, Some(Step::Create | Step::Refresh | Step::Repair(_) | Step::Adopt(_)))
}

/// Returns the step in one word, or the state of a target that could not be read.
fn word(outcome: &Outcome) -> &'static str {
    outcome.step.as_ref().map_or_else(|| outcome.state().name(), Step::name)
}

struct Shown<'a> {
    report: &'a Report,
    plan: &'a Plan,
    callers: &'a [Known],
    calls: usize,
    force: bool,
    changes: bool,
    now: SystemTime,
    exit_code: u8,
}

impl Shown<'_> {
    /// Returns every target, or with `--changes` only targets that a pass would change.
    fn shown(&self) -> impl Iterator<Item = (&Target, &Outcome)> {
        let is_asked = |(_, outcome): &(&Target, &Outcome)| !self.changes || !matches!(outcome.step, Some(Step::Leave));
        self.report.targets.iter().filter(is_asked)
    }

    /// Returns the reasons for the step, then the reasons of the outcome.
    fn why(&self, outcome: &Outcome) -> Vec<String> {
        let mut own = match &outcome.step {
            Some(Step::Create) => vec!["it does not exist".into()],
            Some(Step::Refresh) if self.force => vec!["the refresh is forced".into()],
            Some(Step::Refresh) => vec![self.why_refresh(outcome)],
            Some(Step::Repair(reasons) | Step::Link(reasons)) => reasons.clone(),
            Some(Step::Adopt(owner)) => vec![owner.clone()],
            _ => vec![],
        };
        let links = self.plan.accounts(outcome.route);
        if matches!(outcome.step, Some(Step::Create | Step::Adopt(_))) && !links.is_empty() {
            own.push(format!("links {}", links.join(", ")));
        }
        own.into_iter().chain(outcome.reasons()).collect()
    }

    fn why_refresh(&self, outcome: &Outcome) -> String {
        let missing = missing(outcome, self.plan);
        let expired = outcome.validity.values().filter(|it| !it.is_usable(self.now));
        let expired = expired.filter_map(Validity::expires_at).min();
        match (missing.is_empty(), expired, outcome.renew_at.filter(|due| *due <= self.now)) {
            (false, ..) => format!("it has no login of {} with trusted dates", missing.join(", ")),
            (true, Some(end), _) => format!("a credential expired at {}", rfc3339(end)),
            (true, None, Some(due)) => format!("it is due since {}", rfc3339(due)),
            (true, None, None) => "another account minted it".into(),
        }
    }

    /// Returns the approximate size of the logins that a step writes, in bytes.
    ///
    /// `None` if the step writes none, or if the size is unknown.
    fn bytes(&self, outcome: &Outcome) -> Option<usize> {
        self.plan.bytes(outcome.route).filter(|_| mints(outcome))
    }

    fn total(&self) -> usize {
        self.report.targets.values().filter_map(|outcome| self.bytes(outcome)).sum()
    }
}

impl Document for Shown<'_> {
    fn table(&self, wide: bool) -> String {
        if self.report.targets.is_empty() {
            return unknown(self.report, self.plan);
        }
        let rows = self.shown().map(|(target, outcome)| {
            let writers = writers(outcome).join(",");
            let names = outcome.validity.keys().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let cells = vec![
                word(outcome).to_owned(),
                self.bytes(outcome).map_or_else(|| "-".into(), |bytes| format!("~{bytes}")),
                if writers.is_empty() { "-".into() } else { writers },
                if names.is_empty() { "-".into() } else { names },
                outcome.renew_at.map_or_else(|| "-".into(), rfc3339),
                self.why(outcome).join("; "),
            ];
            (target, cells)
        });
        let head = ["STEP", "BYTES", "WRITERS", "PROVIDERS", "RENEWS", "WHY"];
        let hidden: &[&str] = if wide { &[] } else { &["PROVIDERS", "RENEWS"] };
        let mut text = targets(&head, &rows.collect::<Vec<_>>(), hidden);
        let counts = counts(self.report);
        let counts = counts.iter().map(|(step, count)| format!("{count} {step}")).collect::<Vec<_>>().join(", ");
        let (all, calls) = (count(self.report.targets.len(), "target"), count(self.calls, "call"));
        let unsized_ = self.report.targets.values().filter(|it| mints(it) && self.bytes(it).is_none()).count();
        let beside =
            if unsized_ == 0 { String::new() } else { format!(", and {} of unknown size", count(unsized_, "Secret")) };
        let _ = writeln!(text, "{all}: {counts}; {calls} to providers, about {} bytes of logins{beside}", self.total());
        text + &unknown(self.report, self.plan)
    }

    fn json(&self) -> Value {
        let targets = self.shown().map(|(target, outcome)| {
            json!({
                "store": target.store.as_str(),
                "namespace": target.group(),
                "secret": target.name(),
                "step": outcome.step.as_ref().map(Step::name),
                "why": self.why(outcome),
                "codes": ids(outcome),
                "links": if mints(outcome) { self.plan.accounts(outcome.route) } else { vec![] },
                "writers": writers(outcome),
                "bytes": self.bytes(outcome),
                "providers": providers(outcome),
                "renew_at": outcome.renew_at.map(rfc3339),
            })
        });
        json!({
            "targets": targets.collect::<Vec<_>>(),
            "steps": counts(self.report).into_iter().collect::<BTreeMap<_, _>>(),
            "provider_calls": self.calls,
            "callers": who::as_json(self.callers),
            "bytes": self.total(),
            "sources_failed": sources_failed(self.report, self.plan),
            "exit_code": self.exit_code,
        })
    }

    fn names(&self) -> Vec<String> {
        self.shown().map(|(target, _)| name(target)).collect()
    }
}

/// Returns the other writers of the Secret.
fn writers(outcome: &Outcome) -> &[String] {
    outcome.details.as_ref().map_or(&[], |details| &details.writers)
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
