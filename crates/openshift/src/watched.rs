//! The targets that namespaces of a cluster make, as the cluster changes: a namespace that is made or labelled, a Secret of ours
//! that somebody touches, a ServiceAccount that appears.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use regcred_core::{Feed, Result, SecretName, StoreName, TargetSource};

use crate::{namespace::Choice, sink::OpenShiftSink, watches::Watches};

/// One Secret in each namespace that is wanted, watched together with who uses it.
#[derive(Clone)]
pub struct WatchedSource {
    watches: Watches,
    choice: Choice,
    sink: Arc<OpenShiftSink>,
}

impl WatchedSource {
    /// The Secret of this name, which is one of those that are watched, in every namespace of the cluster that `takes` says yes to but that
    /// which regcred itself runs in, at addresses of this store. `sink`: whoever keeps them, which knows what it has written itself.
    pub fn new(
        watches: Watches,
        store: StoreName,
        secret: SecretName,
        takes: impl Fn(&str, &BTreeMap<String, String>) -> bool + Send + Sync + 'static,
        sink: Arc<OpenShiftSink>,
    ) -> Self {
        Self { watches, choice: Choice { store, secret, takes: Arc::new(takes) }, sink }
    }
}

#[async_trait]
impl TargetSource for WatchedSource {
    async fn watch(&self, feed: Feed) -> Result<()> {
        let mut part = self.watches.join(self.choice.clone(), self.sink.clone(), feed);
        Err(part.ended().await)
    }
}

impl fmt::Debug for WatchedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSource").field("choice", &self.choice).field("sink", &self.sink).finish_non_exhaustive()
    }
}
