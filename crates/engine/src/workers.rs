//! The reconciliations in progress.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use regcred_core::Target;
use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};
use tracing::{Instrument, info_span};

use crate::{
    codes,
    reconcile::{Before, Force, unreconciled},
    report::Outcome,
    shared::Shared,
};

/// Reconciles each target on a separate task, so that a panic is a failure of one target.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    tasks: JoinSet<Option<Outcome>>,
    running: HashMap<Id, Running>,
    stopping: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Running {
    target: Target,
    began: Instant,
    is_forced: bool,
}

/// A reconciliation that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) target: Target,
    pub(crate) took: Duration,
    /// Whether it also wrote a fresh target.
    pub(crate) is_forced: bool,
    /// `None`: the run stopped before anything was written.
    pub(crate) outcome: Option<Outcome>,
}

impl Workers {
    /// Starts the reconciliation of a target of this route.
    pub(crate) fn start(&mut self, shared: Arc<Shared>, route: usize, target: Target, before: Before) {
        let (key, stopping, is_forced) = (target.clone(), self.stopping.clone(), before.force != Force::No);
        let span = info_span!("reconcile", store = %key.store, namespace = key.group(), name = key.name());
        let reconcile = async move {
            let route = &shared.routes[route];
            shared.reconciler.clone().reconcile(route, &key, before, &stopping).await
        };
        let running = Running { target, began: Instant::now(), is_forced };
        self.running.insert(self.tasks.spawn(reconcile.instrument(span)).id(), running);
    }

    /// Waits for the end of a reconciliation. `None`: none is in progress. The future may be dropped at its await.
    pub(crate) async fn next(&mut self) -> Option<Finished> {
        let (id, outcome) = self.tasks.join_next_with_id().await?.unwrap_or_else(|panic| {
            (panic.id(), Some(Outcome::failed(unreconciled(&codes::PANIC, "a provider or sink panicked"))))
        });
        let Running { target, began, is_forced } =
            self.running.remove(&id).expect("every look was entered when it began");
        Some(Finished { target, took: began.elapsed(), is_forced, outcome })
    }

    /// Returns whether no reconciliation is in progress.
    pub(crate) fn are_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Lets writes in progress finish. Other reconciliations end without a write.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Drops the reconciliations in progress.
    pub(crate) fn abort(&mut self) {
        *self = Self::default(); // dropping the old tasks ends them
    }
}
