//! Which clusters a config names, and the way to each.

use std::collections::BTreeMap;

use regcred_config::{CLUSTERS, OpenShiftOptions, Spec};
use regcred_core::{Error, ErrorKind, Result, StoreName};
use regcred_openshift::{Cluster, Connection};

use crate::plan::Plan;

/// The clusters that a plan keeps Secrets in, by the sinks of the config; why there is no way to one.
#[derive(Clone, Debug)]
pub struct Clusters(BTreeMap<StoreName, Result<Cluster>>);

impl Clusters {
    /// As the config describes each; reads kubeconfigs, and asks nobody. What the command line says wins, if there is one cluster;
    /// if there are several, it cannot be meant for all. One that there is no way to fails alone; if there is none to any, that
    /// is the error.
    pub async fn connect(plan: &Plan, said: &Connection) -> Result<Self> {
        let mut connected = BTreeMap::new();
        for (name, connecting) in Self::each(plan, said)? {
            connected.insert(name.clone(), connecting.await);
        }
        match connected.values().find_map(|it| it.as_ref().err()) {
            Some(error) if connected.values().all(Result::is_err) => Err(error.clone()),
            _ => Ok(Self(connected)),
        }
    }

    /// As [`Clusters::connect`], each by itself: what is wrong with one does not hide the others.
    pub(crate) fn each<'a>(
        plan: &'a Plan,
        said: &Connection,
    ) -> Result<Vec<(&'a StoreName, impl Future<Output = Result<Cluster>> + Send + use<>)>> {
        let sinks = clusters(plan).collect::<Vec<_>>();
        let is_said = said.kubeconfig.is_some() || said.context.is_some();
        if is_said && sinks.len() > 1 {
            let names = sinks.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("the config names several clusters, {names}, and the command line one");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let said = is_said.then(|| said.clone());
        Ok(sinks.into_iter().map(|(name, spec)| (name, connect(name.clone(), spec.clone(), said.clone()))).collect())
    }

    /// This one for every sink that is a cluster.
    pub fn one(plan: &Plan, cluster: &Cluster) -> Self {
        Self(clusters(plan).map(|(name, _)| (name.clone(), Ok(cluster.clone()))).collect())
    }

    /// Each that there is a way to, by the name of its sink.
    pub fn iter(&self) -> impl Iterator<Item = (&StoreName, &Cluster)> {
        self.0.iter().filter_map(|(name, cluster)| Some((name, cluster.as_ref().ok()?)))
    }

    /// That of a sink; [`ErrorKind::Invalid`] if it is none of the plan's.
    pub(super) fn get(&self, store: &StoreName) -> Result<&Cluster> {
        let missing = || Error::new(ErrorKind::Invalid, format!("nobody has connected to the cluster of sink {store}"));
        self.0.get(store).ok_or_else(missing)?.as_ref().map_err(Error::clone)
    }
}

async fn connect(name: StoreName, spec: Spec, said: Option<Connection>) -> Result<Cluster> {
    let options = spec.options::<OpenShiftOptions>();
    let options = options.map_err(|problem| Error::new(ErrorKind::Invalid, problem.to_string()))?;
    let own = Connection { kubeconfig: options.kubeconfig, context: options.context };
    let cluster = Cluster::connect(&said.unwrap_or(own)).await?;
    match options.server.filter(|it| it.trim_end_matches('/') != cluster.server().trim_end_matches('/')) {
        None => Ok(cluster),
        Some(server) => {
            let message = format!("sink {name} is for the cluster at {server}, and this is {}", cluster.server());
            Err(Error::new(ErrorKind::Invalid, message))
        }
    }
}

/// The sinks that are clusters, and that a target needs.
fn clusters(plan: &Plan) -> impl Iterator<Item = (&StoreName, &Spec)> {
    let needed = |name: &StoreName| plan.groups.iter().any(|group| group.need.store == *name);
    plan.sinks.iter().filter(move |(name, spec)| CLUSTERS.contains(&spec.kind()) && needed(name))
}
