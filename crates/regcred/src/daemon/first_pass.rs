//! Detects that every target was reconciled once.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use regcred_core::StoreName;
use regcred_engine::{Event, State};
use tokio::sync::watch;
use tracing::{info, warn};

use super::states::States;

/// Waits until every source has named its targets and none of them is queued.
#[derive(Debug)]
pub(crate) struct FirstPass {
    progress: Mutex<Progress>,
    /// Set once, for all configs.
    done: watch::Sender<bool>,
    /// Whether the states were logged, once for each config.
    is_logged: AtomicBool,
}

#[derive(Debug, Default)]
struct Progress {
    is_synced: bool,
    depths: HashMap<StoreName, usize>,
}

impl FirstPass {
    pub(crate) fn new(done: watch::Sender<bool>) -> Self {
        Self { progress: Mutex::default(), done, is_logged: AtomicBool::new(false) }
    }

    /// Starts again for a new config.
    pub(crate) fn restart(&self) {
        *self.progress.lock().expect("no holder of the lock panics") = Progress::default();
        self.is_logged.store(false, Relaxed);
    }

    /// Handles one event. `states`: the states of the targets after the event.
    pub(crate) fn follow(&self, event: &Event<'_>, states: &States) {
        let mut progress = self.progress.lock().expect("no holder of the lock panics");
        match event {
            Event::Synced { targets } => {
                progress.is_synced = true;
                if *targets == 0 {
                    warn!(reason = "no namespace matches the config", "found no targets");
                }
            }
            Event::Queue { store, depth, .. } => {
                progress.depths.insert((*store).clone(), *depth);
                if *depth == 0 {
                    self.log(states);
                }
            }
            _ => return,
        }
        if progress.is_synced && progress.depths.values().all(|depth| *depth == 0) {
            self.done.send_replace(true);
        }
    }

    fn log(&self, states: &States) {
        let all = states.all();
        if all.is_empty() || self.is_logged.swap(true, Relaxed) {
            return;
        }
        let (targets, fresh) = (all.len(), all.values().filter(|it| it.state == State::Fresh).count());
        if fresh == targets {
            info!(targets, fresh, "observed all targets");
        } else {
            warn!(targets, fresh, hint = "run `regcred status` for the reasons", "observed all targets");
        }
    }
}
