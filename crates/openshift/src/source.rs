//! The targets that namespaces of a cluster make: all whose name and labels are as somebody wants them.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use kube::Client;
use regcred_core::{Feed, Namespace, Result, SecretName, Sighting, StoreName, Target, TargetSource};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    cluster::Cluster,
    namespace::{self, Choice, Place},
};

/// As often as due times are looked at.
const RESYNC: Duration = Duration::from_mins(5);
/// Sources that start together share one list.
const SHARED: Duration = Duration::from_mins(1);

/// The namespaces of a cluster with their labels, listed once for however many sources.
#[derive(Clone)]
pub struct NamespaceList(Arc<Inner>);

struct Inner {
    client: Client,
    own: Option<String>,
    /// And when.
    latest: Mutex<Option<(Instant, Answer)>>,
}

type Answer = Result<Arc<BTreeMap<Namespace, Place>>>;

/// One Secret in each namespace that is wanted. Lists them, and again every five minutes.
#[derive(Clone)]
pub struct NamespaceSource {
    namespaces: NamespaceList,
    choice: Choice,
}

impl NamespaceList {
    /// Of this cluster; needs the right to list namespaces. The namespace that regcred itself runs in is never among them.
    pub fn new(cluster: &Cluster) -> Self {
        let (client, own) = (cluster.client().clone(), cluster.own_namespace().map(str::to_owned));
        Self(Arc::new(Inner { client, own, latest: Mutex::default() }))
    }

    /// Those that `takes` says yes to, in alphabetical order.
    pub async fn choose(&self, takes: impl Fn(&str, &BTreeMap<String, String>) -> bool) -> Result<Vec<Namespace>> {
        let listed = self.read().await?;
        let wanted = listed.values().filter(|it| takes(it.name.as_str(), &it.labels));
        Ok(wanted.map(|it| it.name.clone()).collect())
    }

    /// Whether a namespace was there a moment ago. Asks nobody.
    pub(crate) fn shows(&self, namespace: &str) -> bool {
        let Ok(latest) = self.0.latest.try_lock() else { return false };
        let fresh = latest.as_ref().filter(|(at, _)| at.elapsed() < SHARED);
        fresh.is_some_and(|(_, listed)| listed.as_ref().is_ok_and(|listed| listed.contains_key(namespace)))
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
        let Inner { client, own, .. } = &*self.0;
        let by_name = |places: Vec<Place>| places.into_iter().map(|it| (it.name.clone(), it)).collect();
        let listed = namespace::list(client).all(|piece| namespace::read(piece, own.as_deref())).await;
        let listed = listed.map(by_name).map(Arc::new);
        *latest = Some((Instant::now(), listed.clone()));
        listed
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
        Self { namespaces, choice: Choice { store, secret, takes: Arc::new(takes) } }
    }

    /// By the target the uid of its namespace: one that was made anew is another one.
    async fn targets(&self) -> Result<HashMap<Target, String>> {
        let listed = self.namespaces.read().await?;
        Ok(listed.values().filter_map(|it| Some((self.choice.target(it)?, it.uid.clone()))).collect())
    }
}

#[async_trait]
impl TargetSource for NamespaceSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let mut known = self.targets().await?;
        // As the lists of what is looked at are sorted.
        let mut named = known.keys().cloned().collect::<Vec<_>>();
        named.sort();
        for target in named {
            feed.send(Sighting::Present(target)).await;
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
        f.debug_struct("NamespaceSource").field("choice", &self.choice).finish_non_exhaustive()
    }
}
