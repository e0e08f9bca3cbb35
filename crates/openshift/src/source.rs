//! The targets in the namespaces of a cluster that the config selects.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{Namespace, Result, SecretName, StoreName, Target, TargetEvent, TargetSender, TargetSource};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    cluster::Cluster,
    namespace::{self, LiveNamespace, NamespaceSelector},
};

/// The time between two lists of a source. The engine checks due times at the same interval.
const RESYNC: Duration = Duration::from_mins(5);
/// Sources that start within this time share one list.
const SHARED: Duration = Duration::from_mins(1);

/// The namespaces of a cluster with their labels, listed once for all sources.
#[derive(Clone)]
pub struct NamespaceList(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    /// The latest list, and its time.
    latest: Mutex<Option<(Instant, Answer)>>,
}

type Answer = Result<Arc<BTreeMap<Namespace, LiveNamespace>>>;

/// A source with one Secret in each selected namespace. It lists the namespaces every five minutes.
#[derive(Clone, Debug)]
pub struct NamespaceSource {
    namespaces: NamespaceList,
    selector: NamespaceSelector,
}

impl NamespaceList {
    /// Creates a list of the namespaces of this cluster, without the one that regcred runs in. Needs the right to list
    /// namespaces.
    pub fn new(cluster: &Cluster) -> Self {
        Self(Arc::new(Inner { cluster: cluster.clone(), latest: Mutex::default() }))
    }

    /// Returns the namespaces that `takes` accepts, in alphabetical order.
    pub async fn choose(&self, takes: impl Fn(&str, &BTreeMap<String, String>) -> bool) -> Result<Vec<Namespace>> {
        let listed = self.read().await?;
        let wanted = listed.values().filter(|it| takes(it.name.as_str(), &it.labels));
        Ok(wanted.map(|it| it.name.clone()).collect())
    }

    /// Returns whether the latest list shows a namespace. Sends no request.
    pub(crate) fn shows(&self, namespace: &str) -> bool {
        let Ok(latest) = self.0.latest.try_lock() else { return false };
        let fresh = latest.as_ref().filter(|(at, _)| at.elapsed() < SHARED);
        fresh.is_some_and(|(_, listed)| listed.as_ref().is_ok_and(|listed| listed.contains_key(namespace)))
    }

    /// Lists the namespaces if this is the first caller. All callers that wait meanwhile get the same result, also a
    /// failure.
    async fn read(&self) -> Answer {
        let asked = Instant::now();
        let mut latest = self.0.latest.lock().await;
        if let Some((at, listed)) = latest.as_ref() {
            let is_new = if listed.is_ok() { at.elapsed() < SHARED } else { *at >= asked };
            if is_new {
                return listed.clone();
            }
        }
        let cluster = &self.0.cluster;
        let listed = namespace::list(cluster.client()).all(|it| namespace::read(it, cluster.own_namespace())).await;
        let by_name = |all: Vec<LiveNamespace>| all.into_iter().map(|it| (it.name.clone(), it)).collect();
        let listed = listed.map(by_name).map(Arc::new);
        *latest = Some((Instant::now(), listed.clone()));
        listed
    }
}

impl NamespaceSource {
    /// Creates a source of the Secret of this name in every namespace that `takes` accepts, at addresses of this store.
    pub fn new(
        namespaces: NamespaceList,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { namespaces, selector: NamespaceSelector { store, secret, takes: Arc::new(takes) } }
    }

    /// Returns the targets, each with the uid of its namespace. A recreated namespace has another uid.
    async fn targets(&self) -> Result<BTreeMap<Target, String>> {
        let listed = self.namespaces.read().await?;
        Ok(listed.values().filter_map(|it| Some((self.selector.target(it)?, it.uid.clone()))).collect())
    }
}

#[async_trait]
impl TargetSource for NamespaceSource {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        let mut known = BTreeMap::new();
        loop {
            let found = self.targets().await?;
            for target in known.keys().filter(|target| !found.contains_key(*target)) {
                sender.send(TargetEvent::Gone(target.clone())).await;
            }
            for (target, _) in found.iter().filter(|(target, uid)| known.get(*target) != Some(*uid)) {
                sender.send(TargetEvent::Present(target.clone())).await;
            }
            known = found;
            sender.send(TargetEvent::Synced).await;
            sleep(RESYNC).await;
        }
    }
}

impl fmt::Debug for NamespaceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamespaceList").field(&self.0.cluster).finish()
    }
}
