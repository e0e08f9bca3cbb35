//! The targets that namespaces of a cluster make: all whose name and labels are as somebody wants them.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{Feed, Namespace, Result, SecretName, Sighting, StoreName, Target, TargetSource};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{cluster::Cluster, store::Store};

/// As often as due times are looked at.
const RESYNC: Duration = Duration::from_mins(5);
/// Sources that start together share one list.
const SHARED: Duration = Duration::from_mins(1);

/// The namespaces of a cluster with their labels, listed once for however many sources.
#[derive(Clone)]
pub struct NamespaceList(Arc<Inner>);

struct Inner {
    store: Store,
    own: Option<String>,
    latest: Mutex<Option<(Instant, Arc<Vec<Listed>>)>>,
}

/// One that is not being deleted.
type Listed = (Namespace, BTreeMap<String, String>);

/// Whether a namespace with this name and these labels is wanted.
type Takes = dyn Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync;

/// One Secret in each namespace that is wanted. Lists them, and again every five minutes.
#[derive(Clone)]
pub struct NamespaceSource {
    namespaces: NamespaceList,
    store: StoreName,
    secret: SecretName,
    takes: Arc<Takes>,
}

impl NamespaceList {
    /// Of this cluster; needs the right to list namespaces. The namespace that regcred itself runs in is never among them.
    pub fn new(cluster: &Cluster) -> Self {
        let store = Store::new(cluster.client().clone(), String::new());
        Self(Arc::new(Inner { store, own: cluster.own_namespace().map(str::to_owned), latest: Mutex::default() }))
    }

    /// Those that `takes` says yes to, in alphabetical order.
    pub async fn choose(&self, takes: impl Fn(&str, &BTreeMap<String, String>) -> bool) -> Result<Vec<Namespace>> {
        let listed = self.read().await?;
        let wanted = listed.iter().filter(|(name, labels)| takes(name.as_str(), labels));
        Ok(wanted.map(|(name, _)| name.clone()).collect())
    }

    async fn read(&self) -> Result<Arc<Vec<Listed>>> {
        let mut latest = self.0.latest.lock().await; // the first one lists, the others wait for that
        if let Some((_, listed)) = latest.as_ref().filter(|(at, _)| at.elapsed() < SHARED) {
            return Ok(listed.clone());
        }
        let all = self.0.store.list_namespaces().await?;
        let is_foreign = |name: &str| self.0.own.as_deref() != Some(name);
        let living = all.into_iter().filter(|it| it.deletion_timestamp.is_none());
        let named = living.filter_map(|it| Some((it.name?, it.labels.unwrap_or_default())));
        let listed = named.filter(|(name, _)| is_foreign(name));
        let listed = listed.filter_map(|(name, labels)| Some((Namespace::new(name).ok()?, labels)));
        let listed = Arc::new(listed.collect::<Vec<_>>());
        *latest = Some((Instant::now(), listed.clone()));
        Ok(listed)
    }
}

impl NamespaceSource {
    /// The Secret of this name in every namespace that `takes` says yes to, at addresses of this store.
    pub fn new(
        namespaces: NamespaceList,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { namespaces, store, secret, takes: Arc::new(takes) }
    }

    async fn targets(&self) -> Result<HashSet<Target>> {
        let chosen = self.namespaces.choose(&*self.takes).await?;
        let target = |namespace| Target { store: self.store.clone(), namespace, name: self.secret.clone() };
        Ok(chosen.into_iter().map(target).collect())
    }
}

#[async_trait]
impl TargetSource for NamespaceSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let mut known = self.targets().await?;
        for target in &known {
            feed.send(Sighting::Present(target.clone())).await;
        }
        loop {
            feed.send(Sighting::Synced).await;
            sleep(RESYNC).await;
            let found = self.targets().await?;
            for target in known.difference(&found) {
                feed.send(Sighting::Gone(target.clone())).await;
            }
            for target in found.difference(&known) {
                feed.send(Sighting::Present(target.clone())).await;
            }
            known = found;
        }
    }
}

impl fmt::Debug for NamespaceList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceList").field("own", &self.0.own).finish_non_exhaustive()
    }
}

impl fmt::Debug for NamespaceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, secret, .. } = self;
        f.debug_struct("NamespaceSource").field("store", store).field("secret", secret).finish_non_exhaustive()
    }
}
