//! `regcred cleanup`: what an installation has left in a cluster goes, and nothing else.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, anyhow, bail};
use regcred_core::{Error, ErrorKind, InstanceName, SecretSink, StoreName};
use regcred_openshift::{Cluster, Foreign, OpenShiftSink, leftover::Leftover};
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::debug;

use super::{
    EXIT_UNREACHABLE,
    args::{Cleanup, Output},
    output::{Document, count, name, print, table},
    session::{self, announce},
    stderr,
};
use crate::Types;

/// Of one Secret with the ServiceAccounts that use it.
const EACH: Duration = Duration::from_mins(1);

/// What became of one of them.
struct Removed {
    leftover: Leftover,
    /// `None`: it was only looked at.
    done: Option<Result<(), Error>>,
}

pub(crate) fn run(args: &Cleanup, types: &Types, output: Output) -> Result<ExitCode> {
    let instance = args.instance(types)?;
    let removed = match session::wait(work(args, &instance))?? {
        Ok(removed) => removed,
        Err(error) if error.is_retryable() => {
            stderr::error(&error.chain());
            return Ok(ExitCode::from(EXIT_UNREACHABLE));
        }
        Err(error) => return Err(anyhow!(error.chain())),
    };
    let code = u8::from(removed.iter().any(|it| matches!(it.done, Some(Err(_)))));
    print(output, &Shown { removed: &removed, instance: &instance, code })?;
    Ok(ExitCode::from(code))
}

/// The Secrets of an instance, and which of them were removed.
struct Shown<'a> {
    removed: &'a [Removed],
    instance: &'a InstanceName,
    code: u8,
}

impl Document for Shown<'_> {
    fn table(&self, _: bool) -> String {
        as_table(self.removed, self.instance)
    }

    fn json(&self) -> Value {
        as_json(self.removed, self.instance, self.code)
    }

    fn names(&self) -> Vec<String> {
        self.removed.iter().map(|it| name(&it.leftover.target)).collect()
    }
}

/// The outer error is a person's to mend before anything is looked at.
async fn work(args: &Cleanup, instance: &InstanceName) -> Result<Result<Vec<Removed>, Error>> {
    let cluster = Cluster::connect(&args.connection()).await.map_err(|error| anyhow!(error.chain()))?;
    announce(&cluster, None);
    if args.yes && !args.even_if_running {
        match cluster.writers(instance).await {
            Ok(running) if running.is_empty() => {}
            Ok(running) => bail!(
                "instance {instance} still runs and would write again: {}\nscale the Deployment to 0, or suspend the CronJob: kubectl patch \
                 cronjob NAME --patch='{{\"spec\":{{\"suspend\":true}}}}'",
                running.join(", ")
            ),
            Err(error) if error.is_retryable() => return Ok(Err(error)),
            Err(error) => bail!(
                "whether instance {instance} still runs cannot be told, --even-if-running does not ask: {}",
                error.chain()
            ),
        }
    }
    let store = StoreName::new("cluster").map_err(|error| anyhow!(error.chain()))?;
    let namespaces = match session::namespaces(&cluster, &args.only.namespace).await {
        Ok(namespaces) => namespaces,
        Err(error) => return Ok(Err(error)),
    };
    let found = match cluster.leftovers(&store, instance, &namespaces).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let sink =
        |foreign| OpenShiftSink::builder(cluster.clone()).with_instance(instance.clone()).with_foreign(foreign).build();
    let (own, merged) = (sink(Foreign::Refuse), sink(Foreign::Merge));
    let mut removed = vec![];
    for leftover in found {
        let sink = if leftover.is_merged { &merged } else { &own };
        let done = if args.yes { Some(remove(sink, &leftover).await) } else { None };
        if let Some(done) = &done {
            // Each as it is done: whoever interrupts it knows how far it came.
            let state = if done.is_ok() { "removed" } else { "failed" };
            debug!(target = %leftover.target, state, "cleaned up");
        }
        removed.push(Removed { leftover, done });
    }
    Ok(Ok(removed))
}

/// The links first, then the Secret; of one that stays somebody else's, its entries.
async fn remove(sink: &OpenShiftSink, leftover: &Leftover) -> Result<(), Error> {
    let late = |_| Error::new(ErrorKind::Unreachable, format!("{} was not removed within a minute", leftover.target));
    let removing = async {
        sink.remove(&leftover.target).await?;
        // Who was linked by hand, or by an annotation that somebody changed, is not left with a name that leads nowhere.
        match sink.unlink_everywhere(&leftover.target).await {
            Err(error) if error.kind() != ErrorKind::Denied => Err(error),
            _ => Ok(()),
        }
    };
    if leftover.is_merged {
        return timeout(EACH, sink.remove(&leftover.target)).await.map_err(late)?;
    }
    timeout(EACH, removing).await.map_err(late)?
}

fn what(leftover: &Leftover) -> &'static str {
    if leftover.is_merged { "entries" } else { "secret" }
}

fn as_table(removed: &[Removed], instance: &InstanceName) -> String {
    let row = |it: &Removed| {
        let (state, why) = match &it.done {
            None => ("there", String::new()),
            Some(Ok(())) => ("removed", String::new()),
            Some(Err(error)) => ("failed", error.chain()),
        };
        let target = &it.leftover.target;
        [target.namespace.to_string(), target.name.to_string(), what(&it.leftover).to_owned(), state.to_owned(), why]
    };
    let rows = removed.iter().map(row).collect::<Vec<_>>();
    if rows.is_empty() {
        return format!("instance {instance} has left nothing there\n");
    }
    let all = count(rows.len(), "Secret");
    let gone = removed.iter().filter(|it| matches!(it.done, Some(Ok(())))).count();
    let last = if removed.iter().all(|it| it.done.is_none()) {
        format!("{all} of instance {instance}; --yes removes what is listed\n")
    } else {
        format!("{gone} of {all} of instance {instance} removed\n")
    };
    table(["NAMESPACE", "SECRET", "WHAT", "STATE", "WHY"], &rows) + &last
}

fn as_json(removed: &[Removed], instance: &InstanceName, code: u8) -> Value {
    let one = |it: &Removed| {
        let (target, error) = (&it.leftover.target, it.done.as_ref().and_then(|done| done.as_ref().err()));
        json!({
            "namespace": target.namespace.as_str(), "secret": target.name.as_str(), "what": what(&it.leftover),
            "removed": matches!(it.done, Some(Ok(()))), "error": error.map(Error::chain),
        })
    };
    json!({ "instance": instance.as_str(), "secrets": removed.iter().map(one).collect::<Vec<_>>(), "exit_code": code })
}
