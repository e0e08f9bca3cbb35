//! The connections of sinks to their clusters.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use regcred_config::Spec;
use regcred_core::{Error, Result, StoreName};
use regcred_plan::Plan;

use super::OpenShiftOptions;
use crate::{Cluster, Connection, codes};

/// The connections of sinks to their clusters, by the names of the sinks. All clones share them.
#[derive(Clone, Debug, Default)]
pub struct Clusters(Arc<Mutex<BTreeMap<StoreName, Result<Cluster>>>>);

impl Clusters {
    /// Sets the cluster of a sink.
    #[must_use]
    pub fn with(self, sink: StoreName, cluster: Cluster) -> Self {
        self.all().insert(sink, Ok(cluster));
        self
    }

    /// Connects to the cluster of each sink that a target of the plan needs, and drops the other connections. It reads
    /// kubeconfigs, and makes no request.
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
        *self.all() = connected;
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
        self.all().iter().filter_map(|(name, it)| Some((name.clone(), it.as_ref().ok()?.clone()))).collect()
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
        let known = self.all().get(sink).cloned();
        match known {
            Some(known) => known,
            None => connect(sink, options, None).await,
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<StoreName, Result<Cluster>>> {
        self.0.lock().expect("no holder of the lock panics")
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

/// Returns the sinks that are clusters and that a target needs.
fn clusters(plan: &Plan) -> impl Iterator<Item = (&StoreName, &Spec)> {
    plan.needed_sinks().filter(|(name, _)| plan.sinks()[*name].1.cluster.is_some())
}
