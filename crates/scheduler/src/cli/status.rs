//! `regcred status`: prints the state of every target.

use std::{
    collections::BTreeMap,
    fmt::Write,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use clap::ValueEnum;
use regcred_core::{Clock, Details, Target, Validity};
use regcred_engine::{Engine, Outcome, Pass, Report, Step};
use regcred_plan::{Plan, Types};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    flags::{Output, PassArgs, duration},
    output::{
        Document, count, ids, is_read, missing, name, print, providers, rfc3339, sources_failed, span, targets,
        unknown, yaml,
    },
    pass,
    target_state::TargetState,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) pass: PassArgs,
    /// Print only targets in this state. Repeat the flag or use commas for several
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    pub(crate) state: Vec<TargetState>,
    /// Print only targets with a credential that expires within this time, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) within: Option<Duration>,
    /// Keep running, and print each target again when it changes
    #[arg(long, short)]
    pub(crate) watch: bool,
}

/// The interval between two reads of `--watch`.
///
/// A person sees a change soon, and the load on the API server stays small.
const EVERY: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &Arc<dyn Clock>) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?;
    let look = Pass::default().with_deadline(args.pass.timeout).with_compare_issuers(false);
    if args.watch {
        pass::report(&args.pass, &plan, types, clock, async |engine| {
            watch(&engine, look, args, &plan, output, &**clock).await
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = pass::report(&args.pass, &plan, types, clock, async |engine| engine.plan(look).await)?;
    pass::warn_if_none(&report, &plan);
    // Codes 2 and 3 report a cluster that could not be read, even if the flags hide its rows.
    let code = match pass::exit_code(&args.pass, &report, &plan) {
        code @ (2 | 3) => code,
        1 if report.exit_code() == 0 => 1,
        _ => 0,
    };
    let now = clock.now();
    let rows = report.targets.iter().map(|(target, outcome)| Row::new(target, outcome, missing(outcome, &plan), now));
    let mut shown = Shown::new(rows.collect(), args, now, code.max(u8::from(!report.sources.is_empty())));
    (shown.sources, shown.unknown) = (sources_failed(&report, &plan), unknown(&report, &plan));
    print(output, &shown)?;
    Ok(shown.exit_code())
}

/// Prints every target, then each target that changes.
///
/// Ends if the process is interrupted, or if the reader closes the output.
async fn watch(
    engine: &Arc<Engine>,
    look: Pass,
    args: &Args,
    plan: &Plan,
    output: Output,
    clock: &dyn Clock,
) -> Report {
    let mut before = BTreeMap::<Target, Value>::new();
    loop {
        let report = engine.plan(look).await;
        let now = clock.now();
        let rows =
            report.targets.iter().map(|(target, outcome)| Row::new(target, outcome, missing(outcome, plan), now));
        let rows = Shown::new(rows.collect(), args, now, 0).rows;
        let is_first = before.is_empty();
        if is_first {
            pass::warn_if_none(&report, plan);
        }
        let (mut changed, mut seen) = (vec![], BTreeMap::new());
        for row in rows {
            let facts = row.json();
            if before.get(row.target) != Some(&facts) {
                changed.push(row.clone());
            }
            seen.insert(row.target.clone(), facts);
        }
        before = seen;
        if !is_read(&changes(&changed, now, output, is_first)) {
            return report;
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return report,
            () = sleep(EVERY) => {}
        }
    }
}

/// Returns the changed rows as `kubectl get --watch` prints them: one by one, with the titles only once.
fn changes(rows: &[Row<'_>], now: SystemTime, output: Output, with_titles: bool) -> String {
    let each = |print: fn(&Row<'_>) -> String| rows.iter().map(print).collect::<String>();
    match output {
        Output::Table | Output::Wide => {
            let text = as_table(rows, now, output == Output::Wide);
            let titles = text.find('\n').filter(|_| !with_titles).map_or(0, |end| end + 1);
            text[titles..].to_owned()
        }
        Output::Json => each(|row| format!("{}\n", row.json())),
        Output::Yaml => each(|row| format!("---\n{}", yaml(&row.json()))),
        Output::Name => each(|row| format!("{}\n", name(row.target))),
    }
}

/// The rows of the targets that the flags select.
pub(super) struct Shown<'a> {
    rows: Vec<Row<'a>>,
    /// The number of all targets, including hidden ones.
    total: usize,
    now: SystemTime,
    code: u8,
    /// The config entries whose namespaces are unknown, for tools.
    pub(super) sources: Value,
    /// The same entries as text for people.
    pub(super) unknown: String,
}

impl<'a> Shown<'a> {
    /// Keeps the targets that the flags select, and sorts the worst first. `code`: the minimum exit code.
    pub(super) fn new(mut rows: Vec<Row<'a>>, args: &Args, now: SystemTime, code: u8) -> Self {
        rows.sort_by_key(|row| (row.state, row.ends.is_none(), row.ends, row.target));
        let total = rows.len();
        if !args.state.is_empty() {
            rows.retain(|row| args.state.contains(&row.state));
        }
        if let Some(within) = args.within {
            let latest = now.checked_add(within);
            rows.retain(|row| row.ends.is_some_and(|end| latest.is_none_or(|latest| end <= latest)));
        }
        let code = code.max(u8::from(rows.iter().any(|row| row.state <= TargetState::Edited)));
        Self { rows, total, now, code, sources: json!([]), unknown: String::new() }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl Document for Shown<'_> {
    fn table(&self, wide: bool) -> String {
        let Self { rows, total, now, unknown, .. } = self;
        if *total == 0 {
            return unknown.clone();
        }
        let mut text = as_table(rows, *now, wide);
        let count_of = |it: &TargetState| rows.iter().filter(|row| row.state == *it).count();
        let counts = TargetState::value_variants().iter().map(|it| (it.word(), count_of(it)));
        let counts = counts.filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let colon = if counts.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{} of {}{colon}{counts}", rows.len(), count(*total, "target"));
        text + unknown
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(Row::json).collect::<Vec<_>>();
        json!({ "targets": rows, "total": self.total, "sources_failed": self.sources, "exit_code": self.code })
    }

    fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| name(row.target)).collect()
    }
}

#[derive(Clone)]
pub(super) struct Row<'a> {
    target: &'a Target,
    outcome: &'a Outcome,
    state: TargetState,
    /// The earliest expiry of the credentials. `None` if no expiry is known.
    ends: Option<SystemTime>,
    /// The providers whose login the target should hold, but does not.
    missing: Vec<String>,
}

impl<'a> Row<'a> {
    pub(super) fn new(target: &'a Target, outcome: &'a Outcome, missing: Vec<String>, now: SystemTime) -> Self {
        let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
        Self { target, outcome, state: TargetState::of(outcome, &missing, now), ends, missing }
    }

    fn details(&self) -> Details {
        self.outcome.details.as_deref().cloned().unwrap_or_default()
    }

    fn json(&self) -> Value {
        let details = self.details();
        json!({
            "store": self.target.store.as_str(),
            "namespace": self.target.group(),
            "secret": self.target.name(),
            "state": self.state.word(),
            "expires_at": self.ends.map(rfc3339),
            "renew_at": self.outcome.renew_at.map(rfc3339),
            "providers": providers(self.outcome),
            "owner": details.owner,
            "registries": details.registries.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "used_by": details.used_by,
            "writers": details.writers,
            "why": self.why(),
            "codes": ids(self.outcome),
        })
    }

    fn why(&self) -> Vec<String> {
        let found = match &self.outcome.step {
            Some(Step::Repair(reasons) | Step::Link(reasons)) => reasons.clone(),
            Some(Step::Adopt(owner)) => vec![format!("{owner}, and the next pass adopts it")],
            Some(Step::Refresh) if !self.missing.is_empty() => vec![format!("no login of {}", self.missing.join(", "))],
            _ => vec![],
        };
        found.into_iter().chain(self.outcome.reasons()).collect()
    }
}

fn as_table(rows: &[Row<'_>], now: SystemTime, wide: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| {
        let issued = row.outcome.validity.values().map(Validity::issued_at).min();
        let age = issued.map(|at| span(now.duration_since(at).unwrap_or_default()));
        let left = row.ends.map(|end| match end.duration_since(now) {
            Ok(left) => span(left),
            Err(_) => "none".into(),
        });
        let Details { owner, registries, used_by, writers, .. } = row.details();
        let or_none = |text: String| if text.is_empty() { "-".into() } else { text };
        let first = registries.first().map(ToString::to_string).unwrap_or_default();
        let more = registries.len().saturating_sub(1);
        let all = registries.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let cells = vec![
            row.state.word(),
            left.unwrap_or_else(|| if issued.is_some() { "static".into() } else { "-".into() }),
            age.unwrap_or_else(|| "-".into()),
            or_none(owner),
            or_none(match (wide, more) {
                (true, _) => all,
                (false, 0) => first,
                (false, more) => format!("{first} +{more}"),
            }),
            or_none(used_by.join(", ")),
            or_none(writers.join(",")),
            row.outcome.renew_at.map_or_else(|| "-".into(), rfc3339),
            row.ends.map_or_else(|| "-".into(), rfc3339),
            row.why().join("; "),
        ];
        (row.target, cells)
    });
    let head = ["STATE", "LEFT", "AGE", "OWNER", "REGISTRIES", "USED BY", "WRITERS", "RENEWS", "EXPIRES", "WHY"];
    let hidden: &[&str] = if wide { &[] } else { &["WRITERS", "RENEWS", "EXPIRES"] };
    targets(&head, &cells.collect::<Vec<_>>(), hidden)
}
