//! Removes Secrets that no target of the config names any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use regcred_core::{Error, InstanceName, Result, SecretName, SecretSink, StoreName};
use regcred_engine::{Engine, Prune};
use regcred_openshift::{Cluster, Foreign, OpenShiftSink, leftover::leftovers_named};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::{Plan, openshift::Clusters};

/// The interval at which the engine checks due times.
const EVERY: Duration = Duration::from_mins(5);

/// Removes Secrets of an installation that its config does not name any more.
///
/// A Secret is removed ten minutes after it was first found unneeded, and only a few per hour. For Secrets of other
/// owners, only regcred's entries are removed.
#[derive(Clone, Debug)]
pub struct Pruning {
    instance: InstanceName,
    stores: Vec<(StoreName, Cluster, BTreeSet<SecretName>)>,
    every: Duration,
    prune: BTreeMap<StoreName, Prune>,
}

impl Pruning {
    /// Creates a task for the clusters of a plan. It covers Secrets with the names in the plan. Use `regcred cleanup`
    /// for Secrets of other names.
    pub fn new(plan: &Plan, clusters: &Clusters) -> Self {
        let stores = clusters.connected().into_iter().map(|(store, cluster)| {
            let names = plan.secret_names(&store);
            (store, cluster, names)
        });
        Self { instance: plan.instance().clone(), stores: stores.collect(), every: EVERY, prune: BTreeMap::new() }
    }

    /// Sets how often it checks, and how long a Secret must have been an orphan.
    #[must_use]
    pub fn with_times(mut self, every: Duration, after: Duration) -> Self {
        self.prune = self.stores.iter().map(|(store, ..)| (store.clone(), Prune::after(after))).collect();
        Self { every, ..self }
    }

    /// Runs beside an engine, and never returns.
    pub async fn run(mut self, engine: &Engine) {
        let mut failing = false;
        loop {
            sleep(self.every).await;
            match self.prune_once(engine).await {
                Ok(()) => failing = false,
                Err(error) => {
                    if !failing {
                        warn!(error = error.chain(), "cannot prune targets");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Checks each cluster once. Nothing is an orphan until each source has named all its targets.
    async fn prune_once(&mut self, engine: &Engine) -> Result<()> {
        let mut failed = None::<Error>;
        for (store, cluster, names) in &self.stores {
            let there = match leftovers_named(cluster, store, &self.instance, names).await {
                Ok(there) => there,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let Some(wanted) = engine.targets() else { return failed.map_or(Ok(()), Err) };
            let targets = there.iter().map(|it| it.target.clone()).collect::<Vec<_>>();
            let prune = self.prune.entry(store.clone()).or_default();
            for target in prune.choose(&targets, &wanted, Instant::now()) {
                let is_merged = there.iter().any(|it| it.target == target && it.is_merged);
                let foreign = if is_merged { Foreign::Merge } else { Foreign::Refuse };
                let sink = OpenShiftSink::builder(cluster.clone()).with_instance(self.instance.clone());
                match sink.with_foreign(foreign).build().remove(&target).await {
                    Ok(()) => info!(%target, "pruned target"),
                    Err(error) => {
                        prune.failed(&target, Instant::now());
                        failed = Some(error);
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::SystemTime};

    use regcred_core::{
        Address, CredentialSet, Login, RegistryCredential, SystemClock, Target, Validity, testing::SinkExt,
    };
    use regcred_openshift::{Connection, Link};
    use regcred_plan::from_yaml;
    use regcred_testkit::FakeKube;

    use super::*;
    use crate::{BuiltIn, Minters, Types, wire};

    /// Creates a Secret of this installation in a namespace, with its link.
    async fn keep(sink: &OpenShiftSink, store: &StoreName, namespace: &str) {
        let (namespace, name) = (namespace.parse().expect("a name"), "ecr-secret".parse().expect("a name"));
        let target = Target::new(store.clone(), Address::secret(namespace, name));
        let host = "r.example".parse().expect("a host");
        let login = Login::new(vec![host], "AWS", "secret".to_owned().into()).expect("a login");
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        let credential = RegistryCredential::new(vec![login], validity).expect("one");
        let mut set = CredentialSet::new();
        set.insert("p".parse().expect("a name"), Arc::new(credential)).expect("the first");
        sink.observe(&target).await.expect("it is observed");
        sink.write(&target, &set).await.expect("it is written");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_namespace_that_is_no_longer_selected_loses_its_secret_and_links() {
        let (kube, dir) = (FakeKube::start().await, tempfile::tempdir().expect("a folder"));
        for namespace in ["app-a", "app-b", "left"] {
            kube.add_namespace(namespace, &["default"]);
        }
        let kubeconfig = dir.path().join("kubeconfig");
        std::fs::write(&kubeconfig, kube.kubeconfig()).expect("it can be written");
        let cluster =
            Cluster::connect(&Connection { kubeconfig: Some(kubeconfig), context: None }).await.expect("it is one");
        let store = StoreName::new("cluster").expect("a name");
        let sink = OpenShiftSink::builder(cluster.clone()).with_links([Link::pull("default")]).build();
        for namespace in ["app-a", "app-b", "left"] {
            keep(&sink, &store, namespace).await;
        }
        let clusters = Clusters::default().with(store.clone(), cluster);
        let types = BuiltIn::default().with_clusters(clusters.clone()).add_to(Types::default()).expect("one of each");
        let config = from_yaml("targets: [{ namespaces: ['app-*'], region: eu-west-1 }]", &types).expect("valid");
        let plan = Plan::new(&config, &types).expect("valid").watching();
        let pruning = Pruning::new(&plan, &clusters).with_times(Duration::from_millis(20), Duration::from_millis(60));
        let engine = wire::engine(&plan, &types, &mut Minters::default(), Arc::new(SystemClock)).await;
        let engine = engine.build().expect("it is made");
        let run = tokio::spawn({
            let engine = engine.clone();
            async move { engine.run(std::future::pending()).await }
        });
        let prune = tokio::spawn(async move { pruning.run(&engine).await });
        kube.until("it is gone", |kube| kube.object("secrets", "left", "ecr-secret").is_none()).await;
        let account = kube.object("serviceaccounts", "left", "default").expect("it stays");
        assert!(!account["imagePullSecrets"].to_string().contains("ecr-secret"), "{account:#}");
        for namespace in ["app-a", "app-b"] {
            assert!(kube.object("secrets", namespace, "ecr-secret").is_some(), "{namespace} is chosen");
        }
        run.abort();
        prune.abort();
    }
}
