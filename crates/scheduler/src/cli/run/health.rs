//! The health of the daemon: whether it is ready, and whether a credential expires soon.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use regcred_core::Clock;

use super::standings::Standings;

/// The state that the health endpoints report.
#[derive(Debug)]
pub(crate) struct Health {
    serving: AtomicBool,
    standings: Arc<Standings>,
    clock: Arc<dyn Clock>,
}

impl Health {
    pub(super) fn new(standings: Arc<Standings>, clock: Arc<dyn Clock>) -> Self {
        Self { serving: AtomicBool::new(false), standings, clock }
    }

    /// Notes that a config is in force.
    pub(super) fn serves(&self) {
        self.serving.store(true, Relaxed);
    }

    /// Whether a config is in force. AWS, clusters and targets do not change this.
    pub(super) fn is_ready(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// Returns the number of targets past their floor.
    pub(super) fn past_their_floor(&self) -> usize {
        let now = self.clock.now();
        self.standings.all().values().filter(|it| it.is_past_its_floor(now)).count()
    }
}
