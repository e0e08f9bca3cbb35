//! `regcred check --online`: what the offline check cannot know. It reads and asks; nothing is written, and a token that was
//! minted is thrown away at once.

mod access;
mod aws;
mod clock;
mod cluster;
mod finding;
mod guard;
mod iam;
mod leftover;
mod look;
mod namespaces;
mod network;
mod rbac;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use tokio::{join, time::timeout};

use self::finding::{Finding, as_json, as_table, exit_code};
use super::{
    args::{Check, Output},
    output::print,
    pass, session,
};
use crate::Types;

pub(crate) fn run(args: &Check, types: &Types, output: Output) -> Result<ExitCode> {
    let plan = pass::restricted(&args.config, &args.target, types)?;
    let mut findings = session::wait(async {
        let (mut of_aws, connection) = (vec![], &args.connection());
        let (aws, of_clusters) = join!(
            within(args.timeout, aws::ask(&plan, types, &mut of_aws)),
            cluster::ask(connection, &plan, args.timeout),
        );
        of_aws.extend(aws.map(|()| late("AWS", "not everything was asked: the time was over")));
        of_aws.extend(of_clusters);
        of_aws
    })?;
    findings.sort_by_key(Finding::order);
    print(&match output {
        Output::Table => as_table(&findings),
        Output::Json => as_json(&findings),
    })?;
    Ok(ExitCode::from(exit_code(&findings)))
}

/// `Some` if it was not done in time. What it had found by then is kept.
async fn within(limit: Duration, asking: impl Future<Output = ()>) -> Option<()> {
    timeout(limit, asking).await.is_err().then_some(())
}

fn late(whom: &str, message: &str) -> Finding {
    Finding::unreachable("time", whom, message).with_fix(MORE)
}

const MORE: &str = "give it more, such as `--timeout 2m`, or ask less by `--target`";
