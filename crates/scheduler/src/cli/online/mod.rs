//! `regcred check --online`: checks providers and clusters. It writes nothing, and drops each token that it mints.

mod access;
mod clock;
mod cluster;
mod finding;
mod guard;
mod leftover;
mod limit;
mod namespace_check;
mod namespaces;
mod providers;
mod rbac;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Result;
use regcred_core::Clock;
use regcred_openshift::Connection;
use regcred_plan::{Finding, Plan, Types, Verdict};
use serde_json::Value;
use tokio::join;

use self::{
    finding::{as_json, as_table, exit_code, order},
    limit::{late, within},
};
use super::{
    flags::Output,
    output::{Document, print},
    session,
};

/// The plan to check, with the settings for its providers and clusters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) types: &'a Types,
    pub(crate) connection: &'a Connection,
    /// The time limit of the checks.
    pub(crate) limit: Duration,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// Runs the checks and prints the findings. `strict`: a warning is a failure.
pub(crate) fn run(question: &Question<'_>, strict: bool, output: Output) -> Result<ExitCode> {
    let Question { plan, types, connection, limit, clock } = *question;
    let mut findings = session::wait(async {
        let mut of_providers = vec![];
        let (late_providers, of_clusters) = join!(
            within(limit, providers::ask(plan, types, clock, &mut of_providers)),
            cluster::ask(connection, plan, limit, clock),
        );
        let late = late_providers.map(|()| late("providers", "some checks did not run: the time limit was reached"));
        of_providers.extend(late);
        of_providers.extend(of_clusters);
        of_providers
    })?;
    findings.sort_by_key(order);
    let code = match exit_code(&findings) {
        0 if strict && findings.iter().any(|it| it.verdict == Verdict::Warning) => 1,
        code => code,
    };
    print(output, &Findings(&findings, code))?;
    Ok(ExitCode::from(code))
}

/// The findings, in the order of the table, and the exit code.
struct Findings<'a>(&'a [Finding], u8);

impl Document for Findings<'_> {
    fn table(&self, _: bool) -> String {
        as_table(self.0)
    }

    fn json(&self) -> Value {
        as_json(self.0, self.1)
    }
}
