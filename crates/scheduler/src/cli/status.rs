//! `regcred status`: how does every target stand?

use std::{fmt::Write, process::ExitCode, time::SystemTime};

use anyhow::Result;
use clap::ValueEnum;
use regcred_core::{Clock, Details, SystemClock, Target, Validity};
use regcred_engine::{Outcome, Pass, State, Step};
use serde_json::{Value, json};

use super::{
    args::{Output, Standing, Status},
    output::{count, missing, print, providers, rfc3339, sources_failed, span, targets, unknown},
    pass,
};
use crate::{Types, wire::Plan};

pub(crate) fn run(args: &Status, types: &Types, output: Output) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?;
    let look = Pass { deadline: args.pass.timeout, compare_issuers: false, ..Pass::default() };
    let report = pass::report(&args.pass, plan.clone(), types, async |engine| engine.plan(look).await)?;
    let now = SystemClock.now();
    let row = |(target, outcome)| Row::new(target, outcome, &plan, now);
    let mut rows = report.targets.iter().map(row).collect::<Vec<_>>();
    rows.sort_by_key(|row| (row.standing, row.ends.is_none(), row.ends, row.target));
    let total = rows.len();
    if !args.state.is_empty() {
        rows.retain(|row| args.state.contains(&row.standing));
    }
    if let Some(within) = args.within {
        let latest = now.checked_add(within);
        rows.retain(|row| row.ends.is_some_and(|end| latest.is_none_or(|latest| end <= latest)));
    }
    // A cluster that could not be looked at is told whatever is shown.
    let code = match report.exit_code() {
        code @ (2 | 3) => code,
        _ => u8::from(!report.sources.is_empty() || rows.iter().any(|row| row.standing <= Standing::Edited)),
    };
    print(&match output {
        Output::Table => as_table(&rows, total, now) + &unknown(&report, &plan),
        Output::Json => as_json(&rows, total, code, &sources_failed(&report, &plan)),
    })?;
    Ok(ExitCode::from(code))
}

struct Row<'a> {
    target: &'a Target,
    outcome: &'a Outcome,
    standing: Standing,
    /// The earliest end of what it holds.
    ends: Option<SystemTime>,
    /// The providers of which it should hold a login, and does not.
    missing: Vec<String>,
}

impl<'a> Row<'a> {
    fn new(target: &'a Target, outcome: &'a Outcome, plan: &Plan, now: SystemTime) -> Self {
        let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
        let missing = missing(outcome, plan);
        Self { target, outcome, standing: standing(outcome, &missing, now), ends, missing }
    }

    fn details(&self) -> Details {
        self.outcome.details.as_deref().cloned().unwrap_or_default()
    }

    fn why(&self) -> Vec<String> {
        let found = match &self.outcome.step {
            Some(Step::Repair(reasons) | Step::Link(reasons)) => reasons.clone(),
            Some(Step::Adopt(owner)) => vec![owner.clone()],
            Some(Step::Refresh) if !self.missing.is_empty() => vec![format!("no login of {}", self.missing.join(", "))],
            _ => vec![],
        };
        found.into_iter().chain(self.outcome.reasons()).collect()
    }
}

fn standing(outcome: &Outcome, missing: &[String], now: SystemTime) -> Standing {
    let expired = outcome.validity.values().any(|it| !it.is_usable(now));
    match (outcome.state(), &outcome.step) {
        (State::Gone, _) => Standing::Gone,
        (State::Refused, _) => Standing::Refused,
        (_, Some(_)) if expired => Standing::Expired,
        (State::Failed, _) | (_, None) => Standing::Failed,
        (_, Some(Step::Create)) => Standing::Missing,
        (_, Some(Step::Adopt(_))) => Standing::Foreign,
        (_, Some(Step::Refresh)) if !missing.is_empty() => Standing::Incomplete,
        (_, Some(Step::Repair(_))) => Standing::Edited,
        (_, Some(Step::Link(_))) => Standing::Unlinked,
        (State::Waiting, Some(Step::Leave)) => Standing::Waiting,
        (_, Some(Step::Leave)) => Standing::Fresh,
        (_, Some(_)) => Standing::Due,
    }
}

fn word(standing: Standing) -> String {
    standing.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn as_table(rows: &[Row<'_>], total: usize, now: SystemTime) -> String {
    let cells = rows.iter().map(|row| {
        let issued = row.outcome.validity.values().map(Validity::issued_at).min();
        let age = issued.map(|at| span(now.duration_since(at).unwrap_or_default()));
        let left = row.ends.map(|end| match end.duration_since(now) {
            Ok(left) => span(left),
            Err(_) => "none".into(),
        });
        let Details { owner, registries, used_by, .. } = row.details();
        let or_none = |text: String| if text.is_empty() { "-".into() } else { text };
        let first = registries.first().map(ToString::to_string).unwrap_or_default();
        let more = registries.len().saturating_sub(1);
        let cells = [
            word(row.standing),
            left.unwrap_or_else(|| "-".into()),
            age.unwrap_or_else(|| "-".into()),
            or_none(owner),
            or_none(if more > 0 { format!("{first} +{more}") } else { first }),
            or_none(used_by.join(", ")),
            row.why().join("; "),
        ];
        (row.target, cells)
    });
    let head = ["STATE", "LEFT", "AGE", "OWNER", "REGISTRIES", "USED BY", "WHY"];
    let mut text = targets(head, &cells.collect::<Vec<_>>());
    let counts =
        Standing::value_variants().iter().map(|it| (word(*it), rows.iter().filter(|row| row.standing == *it).count()));
    let counts = counts.filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let colon = if counts.is_empty() { "" } else { ": " };
    let _ = writeln!(text, "{} of {}{colon}{counts}", rows.len(), count(total, "target"));
    text
}

fn as_json(rows: &[Row<'_>], total: usize, code: u8, sources: &Value) -> String {
    let rows = rows.iter().map(|row| {
        let details = row.details();
        json!({
            "store": row.target.store.as_str(),
            "namespace": row.target.namespace.as_str(),
            "secret": row.target.name.as_str(),
            "state": word(row.standing),
            "expires_at": row.ends.map(rfc3339),
            "renew_at": row.outcome.renew_at.map(rfc3339),
            "providers": providers(row.outcome),
            "owner": details.owner,
            "registries": details.registries.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "used_by": details.used_by,
            "writers": details.writers,
            "why": row.why(),
        })
    });
    let rows = rows.collect::<Vec<_>>();
    format!("{:#}\n", json!({ "targets": rows, "total": total, "sources_failed": sources, "exit_code": code }))
}
