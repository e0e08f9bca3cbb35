//! Whether it lives, whether it is ready, and whether any target is close to its end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use regcred_core::Clock;

use super::standings::Standings;

/// What the endpoints about health say.
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

    /// A config is in force.
    pub(super) fn serves(&self) {
        self.serving.store(true, Relaxed);
    }

    /// Whether a config is in force. Neither AWS nor a cluster nor any target changes that.
    pub(super) fn is_ready(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// How many targets are past their floor.
    pub(super) fn past_their_floor(&self) -> usize {
        let now = self.clock.now();
        self.standings.all().values().filter(|it| it.is_past_its_floor(now)).count()
    }
}
