//! The connection of a command to a cluster: the runtime, the server address, and the fix for an expired login.

use std::{collections::BTreeMap, error::Error as StdError};

use anyhow::Result;
use regcred_config::NamespaceFilter;
use regcred_core::{Error, ErrorKind, Namespace};
use regcred_engine::{Outcome, Report};
use regcred_openshift::{Cluster, Clusters, Connection, NamespaceList, OpenShiftType};
use regcred_plan::{Plan, Types};

use super::stderr;

use crate::codes;

/// Runs asynchronous work to its end. A plug-in that hangs does not delay the exit of the process.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Returns the clusters of the sink type that keeps Secrets.
pub(crate) fn clusters(types: &Types) -> Clusters {
    types.sink_type::<OpenShiftType>().map(|of| of.clusters()).unwrap_or_default()
}

/// Connects to the clusters of the plan, and prints the server of each.
pub(crate) async fn connect(plan: &Plan, types: &Types, connection: &Connection) -> Result<()> {
    let clusters = clusters(types);
    let connecting = async {
        clusters.connect(plan, connection).await?;
        clusters.check(plan)
    };
    connecting.await?;
    announce_all(&clusters);
    Ok(())
}

/// Prints the server of each connection.
pub(crate) fn announce_all(clusters: &Clusters) {
    let connected = clusters.connected();
    let several = connected.len() > 1;
    for (name, cluster) in &connected {
        announce(cluster, several.then_some(name.as_str()));
    }
}

/// Prints the server that a command uses. `sink`: the name of the sink if there are several, or else `None`.
pub(crate) fn announce(cluster: &Cluster, sink: Option<&str>) {
    let sink = sink.map(|sink| format!(" {sink}:")).unwrap_or_default();
    let context = cluster.context().map(|context| format!(" (context {context})")).unwrap_or_default();
    stderr::info(&format!("cluster{sink} {}{context}", cluster.server()));
}

/// Adds the fix to an error of a cluster if the server does not accept the credentials.
pub(crate) fn explain(error: &Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => Error::new(error.code(), format!("{}\n  fix: {}", error.chain(), log_in(None))),
        _ => error.clone(),
    }
}

/// Reports each cluster that did not accept the credentials of a pass.
///
/// All its targets fail for this reason, so one line per cluster is enough.
pub(crate) fn print_logins(report: &Report) {
    let is_one = |error: &Error| error.kind() == ErrorKind::Unauthenticated;
    let mut stores = BTreeMap::new();
    for (target, Outcome { failures, .. }) in &report.targets {
        let mut own = failures.iter().filter(|it| it.provider.is_none()).map(|it| &it.error);
        if let Some(error) = own.find(|error| is_one(error)) {
            stores.entry(target.store.as_str()).or_insert(error);
        }
    }
    for (store, error) in &stores {
        let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        stderr::error(error.code(), &format!("sink {store}: {reason}\n  fix: {}", log_in(None)));
    }
    if let Some(error) = report.sources.values().find(|error| is_one(error)).filter(|_| stores.is_empty()) {
        stderr::error(error.code(), &explain(error).chain());
    }
}

/// Returns the fix for credentials that an API server does not accept (HTTP 401). `server`: its address, if known.
pub(crate) fn log_in(server: Option<&str>) -> String {
    let server = server.map(|server| format!(" {server}")).unwrap_or_default();
    format!("log in again with `oc login{server}`, or renew the credentials of the kubeconfig")
}

/// Returns the namespaces of `--namespace`.
///
/// A pattern needs the right to list namespaces. Fails if no namespace matches.
pub(crate) async fn namespaces(cluster: &Cluster, filters: &[NamespaceFilter]) -> regcred_core::Result<Vec<Namespace>> {
    if let Some(named) = filters.iter().map(|it| it.name().cloned()).collect() {
        return Ok(named);
    }
    let list = NamespaceList::new(cluster);
    let mut found = list.choose(|name, _| filters.iter().any(|it| it.takes(name))).await?;
    found.extend(filters.iter().filter_map(|it| it.name().cloned()));
    found.sort();
    found.dedup();
    if found.is_empty() {
        let filters = filters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let cause = format!("no namespace matches {filters}");
        return Err(Error::new(&codes::NO_MATCH, "cannot use --namespace").with_cause(cause));
    }
    Ok(found)
}
