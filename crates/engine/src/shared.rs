//! The state that an engine shares with its run.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use regcred_core::Target;
use tokio::sync::watch;

use crate::{Route, reconcile::Reconciler};

/// The parts of an engine.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) routes: Vec<Route>,
    pub(crate) workers: usize,
    /// The time between two due targets. `None`: no limit.
    pub(crate) spread: Option<Duration>,
    pub(crate) known: Mutex<Known>,
    /// Changes when every target must be written.
    pub(crate) refreshes: watch::Sender<()>,
}

/// The targets of the current run.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) targets: BTreeSet<Target>,
    /// Whether every source has sent all its targets, and none has failed.
    pub(crate) is_complete: bool,
}

impl Shared {
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no call panics while it holds the lock")
    }
}
