//! Who is told of what the shared watches of a cluster see, and what these watch.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use regcred_core::{Error, Feed, Namespace, SecretName};
use tokio::sync::oneshot;

use crate::{bulk::BulkReads, cluster::Cluster, namespace::Choice, sink::OpenShiftSink};

/// What is watched, and where.
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    pub(crate) secrets: BTreeSet<SecretName>,
    pub(crate) accounts: BTreeSet<String>,
    pub(crate) bulk: BulkReads,
    pub(crate) resync: Duration,
}

/// Who comes and who goes.
pub(crate) enum Entry {
    Join(u64, Box<Member>),
    Leave(u64),
}

/// A source while it watches.
pub(crate) struct Member {
    pub(crate) choice: Choice,
    pub(crate) sink: Arc<OpenShiftSink>,
    pub(crate) accounts: Vec<String>,
    pub(crate) feed: Feed,
    pub(crate) wanted: HashSet<Namespace>,
    /// It was told of everything that was there.
    pub(crate) synced: bool,
    /// Told why, if that cannot be done.
    pub(crate) failed: Option<oneshot::Sender<Error>>,
}

impl Member {
    /// Nobody tells any more what happens to its targets.
    pub(crate) fn unfollow(&self) {
        self.wanted.iter().for_each(|namespace| self.sink.untouched().unfollow(&self.choice.at(namespace)));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.unfollow();
    }
}
