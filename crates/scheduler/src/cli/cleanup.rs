//! `regcred cleanup`: removes what an installation left in a cluster, and nothing else.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use regcred_config::{Layers, Overrides};
use regcred_core::{Error, ErrorKind, InstanceName, SecretSink, StoreName};
use regcred_openshift::{
    Cluster, Connection, Foreign, OpenShiftSink,
    leftover::{self, Leftover, Writer},
};
use regcred_plan::Types;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::debug;

use super::{
    failure,
    flags::{ClusterArgs, Only, Output, files, has_usual, load},
    output::{Document, count, name, print, table},
    session::{self, announce},
    stderr,
};

use crate::codes;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Config file that names the installation. If there are several, the later one wins. Default: regcred.yaml in this
    /// folder, if it exists
    #[arg(long, short = 'f', short_alias = 'c', value_name = "FILE", env = "REGCRED_CONFIG")]
    config: Vec<PathBuf>,
    /// Name of the installation. Overrides the config
    #[arg(long, value_name = "NAME")]
    instance: Option<InstanceName>,
    #[command(flatten)]
    pub(crate) only: Only,
    /// Remove the objects instead of only listing them
    #[arg(long)]
    pub(crate) yes: bool,
    /// Remove the objects even if the installation still runs and would create them again
    #[arg(long, requires = "yes")]
    pub(crate) even_if_running: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Args {
    /// Returns the instance of the command line, else of the config, else the default one.
    pub(crate) fn instance(&self, types: &Types) -> Result<InstanceName> {
        match &self.instance {
            Some(instance) => Ok(instance.clone()),
            None if self.config.is_empty() && !has_usual() => Ok(InstanceName::default()),
            None => {
                let layers = Layers { files: files(&self.config), overrides: Overrides::default() };
                load(&self.config, &layers, types).map(|config| config.instance().clone())
            }
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

/// The most instances that the output names.
const NAMED: usize = 5;

/// The time limit for one Secret and the ServiceAccounts that use it.
const EACH: Duration = Duration::from_mins(1);

/// A Secret that was found, and whether it was removed.
struct Removed {
    leftover: Leftover,
    /// `None` if the Secret is only listed.
    done: Option<Result<(), Error>>,
}

pub(crate) fn run(args: &Args, types: &Types, output: Output) -> Result<ExitCode> {
    let instance = args.instance(types)?;
    let (removed, others) = match session::wait(work(args, &instance))?? {
        Ok(done) => done,
        Err(error) if error.is_retryable() => return Ok(failure::unreachable(&error)),
        Err(error) => return Err(session::explain(&error).into()),
    };
    let code = u8::from(removed.iter().any(|it| matches!(it.done, Some(Err(_)))));
    print(output, &Shown { removed: &removed, instance: &instance, others: &others, code })?;
    Ok(ExitCode::from(code))
}

/// The Secrets of an instance, and which of them were removed.
struct Shown<'a> {
    removed: &'a [Removed],
    instance: &'a InstanceName,
    /// The instances that have Secrets. Filled only if this instance has none.
    others: &'a BTreeSet<String>,
    code: u8,
}

impl Document for Shown<'_> {
    fn table(&self, _: bool) -> String {
        as_table(self.removed, self.instance, self.others)
    }

    fn json(&self) -> Value {
        as_json(self.removed, self.instance, self.others, self.code)
    }

    fn names(&self) -> Vec<String> {
        self.removed.iter().map(|it| name(&it.leftover.target)).collect()
    }
}

/// The Secrets of the instance. If it has none, also the names of the instances that have Secrets.
type Found = (Vec<Removed>, BTreeSet<String>);

/// Finds the Secrets, and removes them with `--yes`.
///
/// The outer error is about the command line, the connection settings, or an installation that still runs.
async fn work(args: &Args, instance: &InstanceName) -> Result<Result<Found, Error>> {
    let cluster = Cluster::connect(&args.connection()).await?;
    announce(&cluster, None);
    if !args.even_if_running {
        match obstacle(&cluster, instance).await {
            Ok(None) => {}
            Ok(Some(obstacle)) if args.yes => {
                let error = Error::new(&codes::STILL_RUNNING, format!("cannot clean up instance {instance}"));
                return Err(error.with_cause(obstacle).into());
            }
            Ok(Some(obstacle)) => stderr::warning(&format!("--yes will be refused: {obstacle}")),
            Err(error) => return Ok(Err(error)),
        }
    }
    let store = StoreName::new("cluster")?;
    let namespaces = match session::namespaces(&cluster, &args.only.namespace).await {
        Ok(namespaces) => namespaces,
        Err(error) => return Ok(Err(error)),
    };
    let found = match leftover::leftovers(&cluster, &store, instance, &namespaces).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    if found.is_empty() {
        // A misspelled name is the usual reason. The command does not fail if this list fails.
        return Ok(Ok((vec![], leftover::instances(&cluster, &namespaces).await.unwrap_or_default())));
    }
    let sink =
        |foreign| OpenShiftSink::builder(cluster.clone()).with_instance(instance.clone()).with_foreign(foreign).build();
    let (own, merged) = (sink(Foreign::Refuse), sink(Foreign::Merge));
    let mut removed = vec![];
    for leftover in found {
        let sink = if leftover.is_merged { &merged } else { &own };
        let done = if args.yes { Some(remove(sink, &leftover).await) } else { None };
        // Log one line per Secret, so that the log shows how far an interrupted command came.
        match &done {
            Some(Ok(())) => debug!(target = %leftover.target, "removed target"),
            Some(Err(error)) => debug!(target = %leftover.target, error = error.chain(), "cannot remove target"),
            None => {}
        }
        removed.push(Removed { leftover, done });
    }
    Ok(Ok((removed, BTreeSet::new())))
}

/// Returns why nothing may be removed yet, with the fix.
///
/// `None` if no workload would create the Secrets again.
async fn obstacle(cluster: &Cluster, instance: &InstanceName) -> Result<Option<String>, Error> {
    match leftover::writers(cluster, instance).await {
        Ok(running) if running.is_empty() => Ok(None),
        Ok(running) => {
            let named = running.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let stop = running.iter().map(Writer::stop_command).collect::<Vec<_>>().join("\n       ");
            Ok(Some(format!(
                "it still runs, and would create the Secrets again: {named}\n  fix: {stop}\n       or add --even-if-running"
            )))
        }
        Err(error) if error.is_retryable() || error.kind() == ErrorKind::Unauthenticated => Err(error),
        Err(error) => Ok(Some(format!(
            "cannot find out whether it still runs: {}\n  fix: use an identity that may list Deployments, CronJobs and Jobs, or add \
             --even-if-running",
            error.chain()
        ))),
    }
}

/// Removes the links first, then the Secret.
///
/// A merged Secret has another owner. Removes only the entries of regcred from it, and leaves its links.
async fn remove(sink: &OpenShiftSink, leftover: &Leftover) -> Result<(), Error> {
    let late = |_| {
        Error::new(&codes::TIMEOUT, format!("cannot remove {}", leftover.target))
            .with_cause("no answer within a minute")
    };
    let removing = async {
        sink.remove(&leftover.target).await?;
        // If a person linked a ServiceAccount by hand, it would keep the name of a deleted Secret.
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

fn as_table(removed: &[Removed], instance: &InstanceName, others: &BTreeSet<String>) -> String {
    let row = |it: &Removed| {
        let (state, why) = match &it.done {
            None => ("there", String::new()),
            Some(Ok(())) => ("removed", String::new()),
            Some(Err(error)) => ("failed", error.chain()),
        };
        let target = &it.leftover.target;
        [target.group().to_owned(), target.name().to_owned(), what(&it.leftover).to_owned(), state.to_owned(), why]
    };
    let rows = removed.iter().map(row).collect::<Vec<_>>();
    if rows.is_empty() {
        let names = others.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let others = match others.len() {
            0 => "no instance of regcred has one".to_owned(),
            all if all <= NAMED => format!("these instances have some: {names}"),
            all => format!("{all} other instances have some, such as {names}"),
        };
        return format!("Instance {instance} has no Secrets there, and {others}.\n");
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

fn as_json(removed: &[Removed], instance: &InstanceName, others: &BTreeSet<String>, code: u8) -> Value {
    let one = |it: &Removed| {
        let (target, error) = (&it.leftover.target, it.done.as_ref().and_then(|done| done.as_ref().err()));
        json!({
            "namespace": target.group(), "secret": target.name(), "what": what(&it.leftover),
            "removed": matches!(it.done, Some(Ok(()))), "error": error.map(Error::chain),
        })
    };
    let secrets = removed.iter().map(one).collect::<Vec<_>>();
    json!({ "instance": instance.as_str(), "secrets": secrets, "other_instances": others, "exit_code": code })
}
