//! What changes in a cluster, watched once for however many sources of targets: namespaces, Secrets of ours by their names, and the
//! `ServiceAccounts` that use them.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use regcred_core::{Error, ErrorKind, Feed, SecretName};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
};

use crate::{
    bulk::BulkReads,
    cluster::Cluster,
    hub::Hub,
    namespace::Choice,
    sink::OpenShiftSink,
    subscriber::{Entry, Member, Watched},
};

/// The watches of one cluster, which go on while a source needs them. Takes the right to list and watch namespaces; where Secrets or
/// ServiceAccounts may not be watched, each target is named again once in a while.
#[derive(Clone)]
pub struct Watches(Arc<Inner>);

struct Inner {
    watched: Arc<Watched>,
    running: Mutex<Weak<Running>>,
}

/// The task that watches. Ends with the last one that holds this.
struct Running {
    entries: mpsc::UnboundedSender<Entry>,
    ended: watch::Receiver<Option<Error>>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A source's part in the watches. It leaves when this is dropped.
pub(crate) struct Part {
    running: Arc<Running>,
    number: u64,
    failed: oneshot::Receiver<Error>,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.running.entries.send(Entry::Leave(self.number)).ok();
    }
}

impl Watches {
    /// For sources whose Secrets have these names and are used by these ServiceAccounts. `bulk`: what is listed for their sinks, which is
    /// listed anew when watches have missed something. `resync`: how often each target is named again that cannot be watched.
    pub fn new(
        cluster: &Cluster,
        secrets: impl IntoIterator<Item = SecretName>,
        accounts: impl IntoIterator<Item = String>,
        bulk: &BulkReads,
        resync: Duration,
    ) -> Self {
        let (secrets, accounts) = (secrets.into_iter().collect(), accounts.into_iter().collect());
        let watched = Watched { cluster: cluster.clone(), secrets, accounts, bulk: bulk.clone(), resync };
        Self(Arc::new(Inner { watched: Arc::new(watched), running: Mutex::default() }))
    }

    /// Has a source told of its targets from now on.
    pub(crate) fn join(&self, choice: Choice, sink: Arc<OpenShiftSink>, feed: Feed) -> Part {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let accounts = sink.accounts();
        let (sender, failed) = oneshot::channel();
        let member =
            Member { choice, sink, accounts, feed, wanted: HashSet::new(), synced: false, failed: Some(sender) };
        let running = self.running();
        let number = NUMBER.fetch_add(1, Relaxed);
        running.entries.send(Entry::Join(number, member.into())).ok();
        Part { running, number, failed }
    }

    fn running(&self) -> Arc<Running> {
        let mut current = self.0.running.lock().expect("nobody panics while it is held");
        if let Some(running) = current.upgrade().filter(|it| it.ended.borrow().is_none()) {
            return running;
        }
        let (entries, receiver) = mpsc::unbounded_channel();
        let (ending, ended) = watch::channel(None);
        let hub = Hub::new(self.0.watched.clone(), receiver);
        let task = tokio::spawn(async move { drop(ending.send(hub.run().await.err())) }).abort_handle();
        let running = Arc::new(Running { entries, ended, task });
        *current = Arc::downgrade(&running);
        running
    }
}

impl Part {
    /// Why nothing is watched any more for this source, or for any.
    pub(crate) async fn ended(&mut self) -> Error {
        if let Ok(error) = (&mut self.failed).await {
            return error;
        }
        let mut ended = self.running.ended.clone();
        let error = ended.wait_for(Option::is_some).await.ok().and_then(|it| it.clone());
        error.unwrap_or_else(|| Error::new(ErrorKind::Bug, "the watches of the cluster panicked"))
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
