//! A command's time with a cluster: the runtime, and who it speaks to.

use anyhow::Result;
use regcred_openshift::Cluster;

use super::output::tell;

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
    tell(&format!("cluster{sink} {}{context}\n", cluster.server()));
}
