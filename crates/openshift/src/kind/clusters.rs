//! The connections of sinks to their clusters.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use regcred_config::Spec;
use regcred_core::{Error, InstanceName, Result, StoreName};
use regcred_plan::Plan;
use tokio::sync::watch;

use super::OpenShiftOptions;
use crate::{Cluster, Connection, codes};

/// The connections of sinks to their clusters, by the names of the sinks, and the name of this installation. All clones
/// share them.
#[derive(Clone, Debug, Default)]
pub struct Clusters(Arc<watch::Sender<Connections>>);

/// The connections that are used now.
#[derive(Clone, Debug, Default)]
struct Connections {
    clusters: BTreeMap<StoreName, Result<Cluster>>,
    instance: InstanceName,
    /// Increases with each change.
    generation: u64,
}

/// The cluster that a provider reads from.
#[derive(Debug)]
pub(super) struct ReadFrom {
    pub(super) cluster: Result<Cluster>,
    pub(super) instance: InstanceName,
    pub(super) generation: u64,
}

impl Clusters {
    /// Sets the cluster of a sink.
    #[must_use]
    pub fn with(self, sink: StoreName, cluster: Cluster) -> Self {
        self.change(|it| drop(it.clusters.insert(sink, Ok(cluster))));
        self
    }

    /// Sets the name of this installation, for providers that read from a cluster. Default: `default`.
    /// [`Clusters::connect`] sets the name of the plan, and so does a sink of the type
    /// [`OpenShiftType`](crate::OpenShiftType) when it is created.
    #[must_use]
    pub fn with_instance(self, instance: InstanceName) -> Self {
        self.set_instance(instance);
        self
    }

    /// Connects to the cluster of each sink that a target or a provider of the plan needs, and drops the other
    /// connections. It reads kubeconfigs, and makes no request.
    ///
    /// `given`: the connection of the command line, which overrides that of the config. It is refused if the plan has
    /// several clusters. If the connection to one cluster fails, only that cluster fails. This function fails only if
    /// every cluster does.
    pub async fn connect(&self, plan: &Plan, given: &Connection) -> Result<()> {
        let mut connected = BTreeMap::new();
        for (name, connecting) in Self::each(plan, given)? {
            connected.insert(name.clone(), connecting.await);
        }
        let error = connected.values().find_map(|it| it.as_ref().err().cloned());
        if let Some(error) = error.filter(|_| connected.values().all(Result::is_err)) {
            return Err(error);
        }
        self.change(|it| {
            it.clusters = connected;
            it.instance.clone_from(plan.instance());
        });
        Ok(())
    }

    /// Returns the connection attempt for each cluster, as in [`Clusters::connect`].
    pub fn each<'a>(
        plan: &'a Plan,
        given: &Connection,
    ) -> Result<Vec<(&'a StoreName, impl Future<Output = Result<Cluster>> + Send + use<>)>> {
        let sinks = clusters(plan).collect::<Vec<_>>();
        let is_given = given.kubeconfig.is_some() || given.context.is_some();
        if is_given && sinks.len() > 1 {
            let names = sinks.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let error = Error::new(&codes::OPTIONS, "cannot use --kubeconfig or --context");
            return Err(error.with_cause(format!("the config names several clusters, {names}")));
        }
        let given = is_given.then(|| given.clone());
        let connecting = sinks.into_iter().map(|(name, spec)| {
            let (sink, spec, given) = (name.clone(), spec.clone(), given.clone());
            let connecting = async move {
                let options = spec.options::<OpenShiftOptions>();
                let options = options?;
                connect(&sink, &options, given).await
            };
            (name, connecting)
        });
        Ok(connecting.collect())
    }

    /// Returns each connected cluster, by the name of its sink.
    pub fn connected(&self) -> Vec<(StoreName, Cluster)> {
        let known = self.0.borrow();
        known.clusters.iter().filter_map(|(name, it)| Some((name.clone(), it.as_ref().ok()?.clone()))).collect()
    }

    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if two sinks of the plan are one cluster and
    /// keep the same Secret, because they would overwrite each other.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        let connected = self.connected();
        for (place, (name, cluster)) in connected.iter().enumerate() {
            let twin = connected.iter().take(place).find(|(_, other)| other.server() == cluster.server());
            let Some((twin, _)) = twin else { continue };
            if let Some(secret) = plan.meets(name, twin) {
                let cause = format!("both are the cluster {}, and both keep {secret}", cluster.server());
                let message = format!("cannot use the sinks {twin} and {name}");
                return Err(Error::new(&codes::OPTIONS, message).with_cause(cause));
            }
        }
        Ok(())
    }

    pub(super) async fn get_or_connect(&self, sink: &StoreName, options: &OpenShiftOptions) -> Result<Cluster> {
        let known = self.0.borrow().clusters.get(sink).cloned();
        match known {
            Some(known) => known,
            None => connect(sink, options, None).await,
        }
    }

    pub(super) fn set_instance(&self, instance: InstanceName) {
        let is_new = self.0.borrow().instance != instance;
        if is_new {
            self.change(|it| it.instance = instance);
        }
    }

    /// Returns the connected cluster of a sink, or the only connected cluster.
    pub(super) fn read_from(&self, sink: Option<&StoreName>) -> ReadFrom {
        let known = self.0.borrow();
        let failed = |why: String| Error::new(&codes::SOURCE_CLUSTER, "cannot read from a cluster").with_cause(why);
        let cluster = match sink {
            Some(sink) => known.clusters.get(sink).ok_or_else(|| failed(format!("sink {sink} is not connected"))),
            None if known.clusters.len() > 1 => Err(failed("several clusters are connected, and none is named".into())),
            None => known.clusters.values().next().ok_or_else(|| failed("no cluster is connected".into())),
        };
        let cluster = cluster.and_then(Clone::clone);
        ReadFrom { cluster, instance: known.instance.clone(), generation: known.generation }
    }

    /// Completes when the connections are no longer those of this generation.
    pub(super) async fn differ_from(&self, generation: u64) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as this call.
        changes.wait_for(|it| it.generation != generation).await.ok();
    }

    fn change(&self, change: impl FnOnce(&mut Connections)) {
        self.0.send_modify(|connections| {
            change(connections);
            connections.generation += 1;
        });
    }
}

async fn connect(sink: &StoreName, options: &OpenShiftOptions, given: Option<Connection>) -> Result<Cluster> {
    let own = Connection { kubeconfig: options.kubeconfig.clone(), context: options.context.clone() };
    let cluster = Cluster::connect(&given.unwrap_or(own)).await?;
    let plain = |server: &str| server.trim_end_matches('/').to_owned();
    match options.server.as_deref().filter(|it| plain(it) != plain(cluster.server())) {
        None => Ok(cluster),
        Some(server) => {
            let cause = format!("it is for the cluster at {server}, and the connection is to {}", cluster.server());
            Err(Error::new(&codes::OPTIONS, format!("cannot use the sink {sink}")).with_cause(cause))
        }
    }
}

/// Returns the sinks that are clusters and that a target or a provider needs.
fn clusters(plan: &Plan) -> impl Iterator<Item = (&StoreName, &Spec)> {
    let needed = plan.needed_sinks().map(|(name, _)| name).collect::<BTreeSet<_>>();
    let is_needed = move |name: &StoreName| needed.contains(name) || !plan.cluster_reads(name).is_empty();
    let clusters = plan.sinks().iter().filter(|(_, (_, sink))| sink.cluster.is_some());
    clusters.filter(move |(name, _)| is_needed(name)).map(|(name, (spec, _))| (name, spec))
}
