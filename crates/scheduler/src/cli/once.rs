//! `regcred once`: one pass.

use std::{fmt::Write, process::ExitCode, sync::Arc};

use anyhow::{Result, anyhow};
use regcred_core::{ProviderName, SystemClock, Target, Validity, Written};
use regcred_engine::{Outcome, Pass, Report, State};
use regcred_openshift::Cluster;
use serde_json::{Value, json};

use super::{
    args::{Once, Output},
    check::warn,
    output::{print, rfc3339, table},
};
use crate::wire;

pub(crate) fn run(args: &Once, output: Output) -> Result<ExitCode> {
    let config = args.config.load()?;
    warn(&config);
    let mut plan = wire::plan(&config)?;
    if !args.target.is_empty() {
        plan.restrict_to(&args.target).map_err(|unknown| {
            let unknown = unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            anyhow!("the config has no target in namespace {unknown}")
        })?;
    }
    let pass = Pass { force: args.force, deadline: args.timeout, ..Pass::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let cluster = Cluster::connect(&args.connection()).await.map_err(|error| anyhow!(error.chain()))?;
        let context = cluster.context().map(|context| format!(" (context {context})")).unwrap_or_default();
        eprintln!("cluster {}{context}", cluster.server());
        let engine = wire::engine(plan.with_adoption(args.adopt), cluster, Arc::new(SystemClock)).await;
        let engine = engine.and_then(regcred_engine::Builder::build).map_err(|error| anyhow!(error.chain()))?;
        anyhow::Ok(engine.once(pass).await)
    });
    runtime.shutdown_background(); // a plug-in that hangs does not hold us up
    let report = report?;
    print(&match output {
        Output::Table => as_table(&report),
        Output::Json => format!("{:#}\n", as_json(&report)),
    })?;
    Ok(ExitCode::from(report.exit_code()))
}

fn as_table(report: &Report) -> String {
    let row = |(target, outcome): (&Target, &Outcome)| {
        let expires = outcome.validity.values().filter_map(Validity::expires_at).min().map(rfc3339);
        [
            target.namespace.to_string(),
            target.name.to_string(),
            outcome.state().name().to_owned(),
            done(outcome).to_owned(),
            expires.unwrap_or_else(|| "-".into()),
            outcome.reasons().join("; "),
        ]
    };
    let rows = report.targets.iter().map(row).collect::<Vec<_>>();
    let mut text = table(["NAMESPACE", "SECRET", "STATE", "DONE", "EXPIRES", "WHY"], &rows);
    let count = |state| report.count(state);
    let _ = writeln!(
        text,
        "{} targets: {} fresh, {} waiting, {} gone, {} contested, {} refused, {} failed",
        report.targets.len(),
        count(State::Fresh),
        count(State::Waiting),
        count(State::Gone),
        count(State::Contested),
        count(State::Refused),
        count(State::Failed),
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

fn as_json(report: &Report) -> Value {
    let validity = |(name, validity): (&ProviderName, &Validity)| {
        let dates = json!({
            "issued_at": rfc3339(validity.issued_at()),
            "expires_at": validity.expires_at().map(rfc3339),
        });
        (name.to_string(), dates)
    };
    let target = |(target, outcome): (&Target, &Outcome)| {
        json!({
            "store": target.store.as_str(),
            "namespace": target.namespace.as_str(),
            "secret": target.name.as_str(),
            "state": outcome.state().name(),
            "step": outcome.step.as_ref().map(regcred_engine::Step::name),
            "done": done(outcome),
            "providers": outcome.validity.iter().map(validity).collect::<serde_json::Map<_, _>>(),
            "renew_at": outcome.renew_at.map(rfc3339),
            "why": outcome.reasons(),
        })
    };
    json!({
        "targets": report.targets.iter().map(target).collect::<Vec<_>>(),
        "sources_failed": report.sources.values().map(regcred_core::Error::chain).collect::<Vec<_>>(),
        "exit_code": report.exit_code(),
    })
}
