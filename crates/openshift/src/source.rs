//! The targets that namespaces of a cluster make: all whose name and labels are as somebody wants them.

use std::{
    collections::{BTreeMap, HashMap},
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
    /// And when.
    latest: Mutex<Option<(Instant, Answer)>>,
}

type Answer = Result<Arc<Vec<Listed>>>;

/// One that is not being deleted.
struct Listed {
    name: Namespace,
    uid: String,
    labels: BTreeMap<String, String>,
}

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
        let wanted = listed.iter().filter(|it| takes(it.name.as_str(), &it.labels));
        Ok(wanted.map(|it| it.name.clone()).collect())
    }

    /// What was listed a moment ago; who waited while that failed has the same failure.
    async fn read(&self) -> Answer {
        let asked = Instant::now();
        let mut latest = self.0.latest.lock().await; // the first one lists, the others wait for that
        if let Some((at, listed)) = latest.as_ref() {
            let is_new = if listed.is_ok() { at.elapsed() < SHARED } else { *at >= asked };
            if is_new {
                return listed.clone();
            }
        }
        let listed = self.list().await.map(Arc::new);
        *latest = Some((Instant::now(), listed.clone()));
        listed
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let all = self.0.store.list_namespaces().await?;
        let is_foreign = |it: &Listed| self.0.own.as_deref() != Some(it.name.as_str());
        let living = all.into_iter().filter(|it| it.deletion_timestamp.is_none());
        let listed = living.filter_map(|it| {
            let name = Namespace::new(it.name?).ok()?;
            Some(Listed { name, uid: it.uid.unwrap_or_default(), labels: it.labels.unwrap_or_default() })
        });
        Ok(listed.filter(is_foreign).collect())
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

    /// By the target the uid of its namespace: one that was made anew is another one.
    async fn targets(&self) -> Result<HashMap<Target, String>> {
        let listed = self.namespaces.read().await?;
        let wanted = listed.iter().filter(|it| (self.takes)(it.name.as_str(), &it.labels));
        let target =
            |it: &Listed| Target { store: self.store.clone(), namespace: it.name.clone(), name: self.secret.clone() };
        Ok(wanted.map(|it| (target(it), it.uid.clone())).collect())
    }
}

#[async_trait]
impl TargetSource for NamespaceSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let mut known = self.targets().await?;
        for target in known.keys() {
            feed.send(Sighting::Present(target.clone())).await;
        }
        loop {
            feed.send(Sighting::Synced).await;
            sleep(RESYNC).await;
            let found = self.targets().await?;
            for target in known.keys().filter(|target| !found.contains_key(*target)) {
                feed.send(Sighting::Gone(target.clone())).await;
            }
            for (target, _) in found.iter().filter(|(target, uid)| known.get(*target) != Some(*uid)) {
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
