//! `regcred status`: how does every target stand?

use std::{fmt::Write, process::ExitCode, time::SystemTime};

use anyhow::Result;
use clap::ValueEnum;
use regcred_core::{Clock, Details, SystemClock, Target, Validity};
use regcred_engine::{Outcome, Pass, State, Step};
use serde_json::json;

use super::{
    args::{Output, Standing, Status},
    output::{print, providers, rfc3339, span, table, unknown},
    pass,
};
use crate::Types;

pub(crate) fn run(args: &Status, types: &Types, output: Output) -> Result<ExitCode> {
    let plan = pass::plan(&args.pass, types)?;
    let look = Pass { deadline: args.pass.timeout, ..Pass::default() };
    let report = pass::report(&args.pass, plan.clone(), types, async |engine| engine.plan(look).await)?;
    let now = SystemClock.now();
    let mut rows = report.targets.iter().map(|(target, outcome)| Row::new(target, outcome, now)).collect::<Vec<_>>();
    rows.sort_by_key(|row| (row.standing, row.ends.is_none(), row.ends, row.target));
    let total = rows.len();
    let bad = rows.iter().any(|row| row.standing <= Standing::Edited);
    if !args.state.is_empty() {
        rows.retain(|row| args.state.contains(&row.standing));
    }
    if let Some(within) = args.within {
        rows.retain(|row| row.ends.is_some_and(|end| end <= now + within));
    }
    print(&match output {
        Output::Table => as_table(&rows, total, now) + &unknown(&report, &plan),
        Output::Json => as_json(&rows, total),
    })?;
    let code = report.exit_code();
    Ok(ExitCode::from(if code == 0 { u8::from(bad) } else { code }))
}

struct Row<'a> {
    target: &'a Target,
    outcome: &'a Outcome,
    standing: Standing,
    /// The earliest end of what it holds.
    ends: Option<SystemTime>,
}

impl<'a> Row<'a> {
    fn new(target: &'a Target, outcome: &'a Outcome, now: SystemTime) -> Self {
        let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
        Self { target, outcome, standing: standing(outcome, now), ends }
    }

    fn details(&self) -> Details {
        self.outcome.details.as_deref().cloned().unwrap_or_default()
    }

    fn why(&self) -> Vec<String> {
        let found = match &self.outcome.step {
            Some(Step::Repair(reasons) | Step::Link(reasons)) => reasons.clone(),
            _ => vec![],
        };
        found.into_iter().chain(self.outcome.reasons()).collect()
    }
}

fn standing(outcome: &Outcome, now: SystemTime) -> Standing {
    let expired = outcome.validity.values().any(|it| !it.is_usable(now));
    match (outcome.state(), &outcome.step) {
        (State::Gone, _) => Standing::Gone,
        (State::Refused, _) => Standing::Refused,
        (_, Some(_)) if expired => Standing::Expired,
        (State::Failed, _) | (_, None) => Standing::Failed,
        (_, Some(Step::Create)) => Standing::Missing,
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
        [
            row.target.namespace.to_string(),
            row.target.name.to_string(),
            word(row.standing),
            left.unwrap_or_else(|| "-".into()),
            age.unwrap_or_else(|| "-".into()),
            or_none(owner),
            or_none(if more > 0 { format!("{first} +{more}") } else { first }),
            or_none(used_by.join(", ")),
            row.why().join("; "),
        ]
    });
    let head = ["NAMESPACE", "SECRET", "STATE", "LEFT", "AGE", "OWNER", "REGISTRIES", "USED BY", "WHY"];
    let mut text = table(head, &cells.collect::<Vec<_>>());
    let counts =
        Standing::value_variants().iter().map(|it| (word(*it), rows.iter().filter(|row| row.standing == *it).count()));
    let counts = counts.filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "{} of {total} targets{}{counts}", rows.len(), if counts.is_empty() { "" } else { ": " });
    text
}

fn as_json(rows: &[Row<'_>], total: usize) -> String {
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
    format!("{:#}\n", json!({ "targets": rows.collect::<Vec<_>>(), "total": total }))
}
