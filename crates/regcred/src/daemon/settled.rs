//! Logs the state of the targets once after a start, and once after each new config.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use regcred_engine::{Event, State};
use tracing::{info, warn};

use super::standings::Standings;

/// Waits until every target was looked at.
#[derive(Debug, Default)]
pub(super) struct Settled(AtomicBool);

impl Settled {
    /// Follows one event. `standings`: the states of the targets after the event.
    pub(super) fn follow(&self, event: &Event<'_>, standings: &Standings) {
        match event {
            Event::Synced { targets: 0 } => warn!("no targets found: no namespace matches the config"),
            Event::Queue { depth: 0, .. } => self.tell(standings),
            _ => {}
        }
    }

    fn tell(&self, standings: &Standings) {
        let all = standings.all();
        if all.is_empty() || self.0.swap(true, Relaxed) {
            return;
        }
        let (targets, fresh) = (all.len(), all.values().filter(|it| it.state == State::Fresh).count());
        if fresh == targets {
            info!(targets, "every target is fresh");
        } else {
            warn!(targets, fresh, "not every target is fresh: `regcred status` says why");
        }
    }
}
