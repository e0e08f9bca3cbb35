//! One work queue for each store.

use std::{collections::BTreeMap, iter, time::Duration};

use regcred_core::{Error, StoreName, Target};
use tokio::time::Instant;

use super::queue::{Load, WorkQueue};

/// The work queues of all stores. A store that does not respond takes no worker of another store.
#[derive(Debug, Default)]
pub(crate) struct WorkQueues(BTreeMap<StoreName, Store>);

#[derive(Debug, Default)]
struct Store {
    queue: WorkQueue,
    /// The load that was reported last. `None`: none was.
    reported: Option<Load>,
}

impl WorkQueues {
    /// Queues a target. An urgent target runs before due targets.
    pub(crate) fn add(&mut self, target: &Target, urgent: bool) {
        self.0.entry(target.store.clone()).or_default().queue.add(target, urgent);
    }

    /// Removes a waiting target.
    pub(crate) fn forget(&mut self, target: &Target) {
        if let Some(store) = self.0.get_mut(&target.store) {
            store.queue.forget(target);
        }
    }

    /// Returns the targets to reconcile now, one for each free worker of each store. They count as running from now on.
    pub(crate) fn start(&mut self, workers: usize) -> Vec<Target> {
        self.0.values_mut().flat_map(|store| iter::from_fn(|| store.queue.start(workers))).collect()
    }

    /// Records the end of a reconciliation and the response of the store. `None`: the store was not called.
    pub(crate) fn finish(&mut self, target: &Target, answer: Option<Result<(), &Error>>) {
        self.0.get_mut(&target.store).expect("a queue outlives its looks").queue.finish(target, answer);
    }

    /// Reports the load of each store whose load has changed.
    pub(crate) fn report_loads(&mut self, report: impl Fn(&StoreName, Load)) {
        for (name, store) in &mut self.0 {
            let load = store.queue.load();
            if store.reported.replace(load) != Some(load) {
                report(name, load);
            }
        }
    }

    /// Returns the shortest pause of a store with waiting targets.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.0.values().filter_map(|store| store.queue.pause()).min()
    }

    /// Returns whether no target waits and none runs.
    pub(crate) fn are_idle(&self) -> bool {
        self.0.values().all(|store| store.queue.is_idle())
    }

    /// Returns each store that failed too often in a row, or whose pause ends after the deadline. Also returns its
    /// waiting targets and the error.
    pub(crate) fn give_up(&mut self, deadline: Instant) -> Vec<(StoreName, Vec<Target>, Error)> {
        let hopeless = self.0.iter_mut().filter_map(|(name, store)| {
            let (waiting, error) = store.queue.give_up(deadline)?;
            Some((name.clone(), waiting, error))
        });
        hopeless.collect()
    }
}
