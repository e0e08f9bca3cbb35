//! The shared watches of a cluster, and the sources of targets that subscribe to them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use regcred_core::{Error, ErrorKind, Feed, Result, SecretName, StoreName, TargetSource};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};

use crate::{
    cache::{Cache, Targets},
    cluster::Cluster,
    hub::{Hub, Subscriber, Watched},
    namespace::Choice,
    sink::OpenShiftSink,
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
        let (secrets, accounts) = (secrets.into_iter().collect(), accounts.into_iter().collect());
        let watched = Watched { cluster: cluster.clone(), secrets, accounts, cache: cache.clone(), resync };
        Self(Arc::new(Inner { watched: Arc::new(watched), running: Mutex::default() }))
    }

    /// Publishes changes to a subscriber, until it is dropped.
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
        let Watched { cluster, secrets, accounts, resync, .. } = &*self.0.watched;
        f.debug_struct("Watches")
            .field("cluster", cluster)
            .field("secrets", secrets)
            .field("accounts", accounts)
            .field("resync", resync)
            .finish_non_exhaustive()
    }
}

/// One Secret in each namespace that is wanted, watched together with its ServiceAccounts.
#[derive(Clone)]
pub struct WatchedSource {
    watches: Watches,
    choice: Choice,
    targets: Arc<Targets>,
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
        Self { watches, choice: Choice { store, secret, takes: Arc::new(takes) }, targets: sink.targets().clone() }
    }
}

#[async_trait]
impl TargetSource for WatchedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let (sender, failed) = oneshot::channel();
        let running = self.watches.join(Subscriber::new(self.choice.clone(), self.targets.clone(), feed, sender));
        let error = failed.await;
        drop(running);
        Err(error.unwrap_or_else(|_| Error::new(ErrorKind::Bug, "the watches of the cluster panicked")))
    }
}

impl fmt::Debug for WatchedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSource").field("choice", &self.choice).finish_non_exhaustive()
    }
}
