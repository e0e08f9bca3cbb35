//! A command's time with a cluster: the runtime, and who it speaks to.

use anyhow::Result;
use regcred_config::NamespaceFilter;
use regcred_core::{Error, ErrorKind, Namespace};
use regcred_openshift::{Cluster, NamespaceList};

use super::stderr;

/// Runs what waits for others. A plug-in that hangs does not hold us up at the end.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Says whom a command speaks to; `sink`: where there are several.
pub(crate) fn announce(cluster: &Cluster, sink: Option<&str>) {
    let sink = sink.map(|sink| format!(" {sink}:")).unwrap_or_default();
    let context = cluster.context().map(|context| format!(" (context {context})")).unwrap_or_default();
    stderr::info(&format!("cluster{sink} {}{context}", cluster.server()));
}

/// The namespaces that a person names. Patterns take the right to list namespaces, and have to match one.
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
        return Err(Error::new(ErrorKind::Invalid, format!("no namespace matches {filters}")));
    }
    Ok(found)
}
