//! The shared watches of a cluster, and the source of targets that subscribes to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{Error, ErrorKind, Namespace, Result, SecretName, StoreName, TargetSender, TargetSource};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use crate::{
    cache::Cache,
    cluster::Cluster,
    namespace::NamespaceSelector,
    shared_watch::{SharedWatch, WatchScope},
    sink::OpenShiftSink,
    subscriber::{Subject, Subscriber, Subscription},
};

/// The watches of one cluster, which run while a source needs them. They need the rights to list and watch namespaces.
/// If RBAC does not allow the watches of Secrets or ServiceAccounts, each target is reported at intervals.
#[derive(Clone)]
pub struct Watches(Arc<Inner>);

struct Inner {
    scope: Arc<WatchScope>,
    running: Mutex<Weak<Running>>,
}

/// The task that runs the watches. It ends when its last holder is dropped.
struct Running {
    joining: mpsc::UnboundedSender<Subscriber>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watches {
    /// Watches Secrets and ServiceAccounts of these names. `cache`: the cache of the sinks, which drops its lists if
    /// watches have missed changes. `resync`: the interval at which each target without a watch is reported.
    pub fn new(
        cluster: &Cluster,
        secrets: impl IntoIterator<Item = SecretName>,
        accounts: impl IntoIterator<Item = String>,
        cache: &Cache,
        resync: Duration,
    ) -> Self {
        let secrets = secrets.into_iter().map(|name| Subject::Secret(None, name));
        let accounts = accounts.into_iter().map(|name| Subject::Account(None, name));
        Self::of(WatchScope {
            cluster: cluster.clone(),
            subjects: secrets.chain(accounts).collect(),
            missing: BTreeSet::new(),
            is_listing: true,
            cache: cache.clone(),
            resync,
            first_resync: resync,
        })
    }

    fn of(scope: WatchScope) -> Self {
        Self(Arc::new(Inner { scope: Arc::new(scope), running: Mutex::default() }))
    }

    fn join(&self, mut subscriber: Subscriber) -> Arc<Running> {
        loop {
            let running = self.running();
            match running.joining.send(subscriber) {
                Ok(()) => return running,
                Err(mpsc::error::SendError(returned)) => subscriber = returned, // the task has just ended
            }
        }
    }

    fn running(&self) -> Arc<Running> {
        let mut current = self.0.running.lock().expect("no call panics while it holds the lock");
        if let Some(running) = current.upgrade().filter(|it| !it.joining.is_closed()) {
            return running;
        }
        let (joining, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(SharedWatch::new(self.0.scope.clone(), receiver).run()).abort_handle();
        let running = Arc::new(Running { joining, task });
        *current = Arc::downgrade(&running);
        running
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watches").field(&self.0.scope).finish()
    }
}

/// The watched objects in named namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedObjects {
    /// Secrets, their ServiceAccounts, and the namespaces.
    All,
    /// Only Secrets.
    Secrets,
    /// No object. Each target is reported at intervals.
    None,
}

/// A source with one Secret in each selected namespace, watched together with its ServiceAccounts.
#[derive(Clone)]
pub struct WatchedSource {
    watches: Watches,
    subscription: Subscription,
}

impl WatchedSource {
    /// Creates a source of the Secret of this name in every namespace that `takes` accepts, at addresses of this store.
    ///
    /// The watches must include that name. The namespace that regcred runs in is not a target. `sink`: the sink that
    /// writes the Secrets.
    pub fn new(
        watches: Watches,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
        sink: &OpenShiftSink,
    ) -> Self {
        let selector = NamespaceSelector { store, secret, takes: Arc::new(takes) };
        let subscription = Subscription::new(selector, BTreeSet::new(), sink.targets().clone());
        Self { watches, subscription }
    }

    /// Creates a source of the Secret of this name in these namespaces, at addresses of this store.
    ///
    /// Each object is watched by its name, so that RBAC rules by name are enough. `sink`: the sink that writes the
    /// Secrets. `resync`: the interval at which each target with an unwatched object is reported.
    pub fn named(
        cluster: &Cluster,
        store: StoreName,
        secret: SecretName,
        namespaces: impl IntoIterator<Item = Namespace>,
        sink: &OpenShiftSink,
        resync: Duration,
        objects: WatchedObjects,
    ) -> Self {
        let (wanted, targets) = (namespaces.into_iter().collect::<BTreeSet<_>>(), sink.targets().clone());
        let mut subjects = BTreeSet::new();
        for namespace in wanted.iter().filter(|_| objects != WatchedObjects::None) {
            subjects.insert(Subject::Secret(Some(namespace.clone()), secret.clone()));
            if objects == WatchedObjects::All {
                let accounts = targets.accounts().into_iter();
                subjects.extend(accounts.map(|account| Subject::Account(Some(namespace.clone()), account)));
                subjects.insert(Subject::Namespace(namespace.clone()));
            }
        }
        let missing = (objects != WatchedObjects::All).then_some(Subject::Namespaces).into_iter().collect();
        let watches = Watches::of(WatchScope {
            cluster: cluster.clone(),
            subjects,
            missing,
            is_listing: false,
            cache: targets.cache().clone(),
            resync,
            first_resync: resync / u32::try_from(wanted.len().max(1)).unwrap_or(u32::MAX),
        });
        let selector = NamespaceSelector { store, secret, takes: Arc::new(|_, _| false) };
        Self { watches, subscription: Subscription::new(selector, wanted, targets) }
    }
}

#[async_trait]
impl TargetSource for WatchedSource {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        let (failure, failed) = oneshot::channel();
        let running = self.watches.join(Subscriber::new(self.subscription.clone(), sender, failure));
        let error = failed.await;
        drop(running);
        Err(error
            .unwrap_or_else(|_| Error::new(ErrorKind::Bug, "cannot watch the cluster").with_cause("a watch panicked")))
    }
}

impl fmt::Debug for WatchedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSource").field("selector", &self.subscription.selector).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use kube::client::Body;
    use regcred_core::{Target, TargetEvent, testing::target};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn without_a_watch_each_target_is_reported_once_per_interval() {
        let service = tower::service_fn(async |_: http::Request<Body>| Err::<http::Response<Body>, _>("no server"));
        let server = "https://api.example:6443".parse().expect("a URL");
        let cluster = Cluster::from_client(kube::Client::new(service, "default"), &server);
        let sink = OpenShiftSink::builder(cluster.clone()).build();
        let (a, b) = (target("a"), target("b"));
        let (store, secret) = (a.store.clone(), a.name().parse().expect("valid"));
        let namespaces = ["a", "b"].map(|it| it.parse().expect("valid"));
        let every = Duration::from_mins(5);
        let source = WatchedSource::named(&cluster, store, secret, namespaces, &sink, every, WatchedObjects::None);
        let (sender, mut receiver) = TargetSender::channel(16);
        let watching = tokio::spawn(async move { source.watch(sender).await });
        let start = Instant::now();
        let mut seen = vec![];
        for _ in 0..6 {
            let (_, event) = receiver.next().await.expect("the stream continues");
            seen.push((start.elapsed().as_secs(), event));
        }
        let (present, again) =
            (|it: &Target| TargetEvent::Present(it.clone()), |it: &Target| TargetEvent::Again(it.clone()));
        assert_eq!(
            seen,
            [
                (0, present(&a)),
                (0, present(&b)),
                (0, TargetEvent::Synced),
                (150, again(&a)),
                (300, again(&b)),
                (450, again(&a))
            ]
        );
        watching.abort();
    }
}
