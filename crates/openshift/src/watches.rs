//! The shared watches of a cluster, and the sources of targets that subscribe to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{Error, ErrorKind, Feed, Namespace, Result, SecretName, StoreName, TargetSource};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use crate::{
    cache::Cache,
    cluster::Cluster,
    hub::{Hub, Watched},
    namespace::Choice,
    sink::OpenShiftSink,
    subscriber::{Scope, Subject, Subscriber, Subscription},
};

/// The watches of one cluster, which run while a source needs them. They need the rights to list and watch namespaces. If RBAC does not
/// allow the watches of Secrets or ServiceAccounts, each target is named again at intervals.
#[derive(Clone)]
pub struct Watches(Arc<Inner>);

struct Inner {
    watched: Arc<Watched>,
    running: Mutex<Weak<Running>>,
}

/// The task that watches. It ends with the last holder of this.
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
    /// For sources whose Secrets have these names and are used by these ServiceAccounts. `cache`: the cache of their sinks, which drops
    /// its lists once watches have missed changes. `resync`: how often each target is named again that is not watched.
    pub fn new(
        cluster: &Cluster,
        secrets: impl IntoIterator<Item = SecretName>,
        accounts: impl IntoIterator<Item = String>,
        cache: &Cache,
        resync: Duration,
    ) -> Self {
        let secrets = secrets.into_iter().map(|name| Subject::Secret(None, name));
        let accounts = accounts.into_iter().map(|name| Subject::Account(None, name));
        Self::of(Watched {
            cluster: cluster.clone(),
            subjects: secrets.chain(accounts).collect(),
            is_listing: true,
            cache: cache.clone(),
            resync,
            first_resync: resync,
        })
    }

    fn of(watched: Watched) -> Self {
        Self(Arc::new(Inner { watched: Arc::new(watched), running: Mutex::default() }))
    }

    /// Publishes changes to a source, until it is dropped or fails.
    async fn serve(&self, subscription: Subscription, feed: Feed) -> Error {
        let (sender, failed) = oneshot::channel();
        let running = self.join(Subscriber::new(subscription, feed, sender));
        let error = failed.await;
        drop(running);
        error.unwrap_or_else(|_| Error::new(ErrorKind::Bug, "the watches of the cluster panicked"))
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
        let task = tokio::spawn(Hub::new(self.0.watched.clone(), receiver).run()).abort_handle();
        let running = Arc::new(Running { joining, task });
        *current = Arc::downgrade(&running);
        running
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Watched { cluster, subjects, resync, .. } = &*self.0.watched;
        f.debug_struct("Watches")
            .field("cluster", cluster)
            .field("subjects", subjects)
            .field("resync", resync)
            .finish_non_exhaustive()
    }
}

/// One Secret in each namespace that is wanted, watched together with its ServiceAccounts.
#[derive(Clone)]
pub struct WatchedSource {
    watches: Watches,
    subscription: Subscription,
}

impl WatchedSource {
    /// The Secret of this name, which is one of those that are watched, in every namespace of the cluster that `takes` accepts, at addresses
    /// of this store. The namespace that regcred runs in is not a target. `sink`: the sink that writes the Secrets.
    pub fn new(
        watches: Watches,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
        sink: &OpenShiftSink,
    ) -> Self {
        let choice = Choice { store, secret, takes: Arc::new(takes) };
        let (wanted, targets) = (BTreeSet::new(), sink.targets().clone());
        Self { watches, subscription: Subscription { choice, scope: Scope::Selected, wanted, targets } }
    }
}

#[async_trait]
impl TargetSource for WatchedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        Err(self.watches.serve(self.subscription.clone(), feed).await)
    }
}

impl fmt::Debug for WatchedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSource").field("choice", &self.subscription.choice).finish_non_exhaustive()
    }
}

/// One Secret in each namespace that the config names. Each object is watched by its name, so that RBAC rules by name are enough.
#[derive(Clone, Debug)]
pub struct NamedSource(WatchedSource);

impl NamedSource {
    /// The Secret of this name in these namespaces, at addresses of this store. `sink`: the sink that writes the Secrets. `resync`: how
    /// often each target is named again of which something is not watched. `is_whole`: whether the namespaces and their ServiceAccounts are
    /// watched too.
    pub fn new(
        cluster: &Cluster,
        store: StoreName,
        secret: SecretName,
        namespaces: impl IntoIterator<Item = Namespace>,
        sink: &OpenShiftSink,
        resync: Duration,
        is_whole: bool,
    ) -> Self {
        let (wanted, targets) = (namespaces.into_iter().collect::<BTreeSet<_>>(), sink.targets().clone());
        let mut subjects = BTreeSet::new();
        for namespace in &wanted {
            subjects.insert(Subject::Secret(Some(namespace.clone()), secret.clone()));
            if is_whole {
                let accounts = targets.accounts().into_iter();
                subjects.extend(accounts.map(|account| Subject::Account(Some(namespace.clone()), account)));
                subjects.insert(Subject::Namespace(namespace.clone()));
            }
        }
        let watches = Watches::of(Watched {
            cluster: cluster.clone(),
            subjects,
            is_listing: false,
            cache: targets.cache().clone(),
            resync,
            first_resync: resync / u32::try_from(wanted.len().max(1)).unwrap_or(u32::MAX),
        });
        let choice = Choice { store, secret, takes: Arc::new(|_, _| false) };
        let subscription = Subscription { choice, scope: Scope::Named { is_whole }, wanted, targets };
        Self(WatchedSource { watches, subscription })
    }
}

#[async_trait]
impl TargetSource for NamedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        self.0.watch(feed).await
    }
}
