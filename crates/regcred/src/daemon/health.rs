//! The health of the daemon: whether it is ready, and whether a credential expires soon.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use regcred_core::Clock;

use super::states::States;

/// The health of a daemon, for its probes.
#[derive(Debug)]
pub struct Health {
    serving: AtomicBool,
    states: Arc<States>,
    clock: Arc<dyn Clock>,
}

impl Health {
    pub(crate) fn new(states: Arc<States>, clock: Arc<dyn Clock>) -> Self {
        Self { serving: AtomicBool::new(false), states, clock }
    }

    /// Records that a config is in effect.
    pub(crate) fn serves(&self) {
        self.serving.store(true, Relaxed);
    }

    /// Returns whether a config is in effect. Providers, sinks and targets do not change this.
    pub fn is_ready(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// Returns the number of targets whose credential has less than two hours left, or 15 % of a shorter lifetime.
    /// These need attention.
    pub fn past_their_floor(&self) -> usize {
        let now = self.clock.now();
        self.states.all().values().filter(|it| it.is_past_its_floor(now)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regcred_core::{Validity, testing::TestClock};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn targets_are_unhealthy_from_two_hours_before_their_credential_expires() {
        let clock = Arc::new(TestClock::new());
        let validity = Validity::new(clock.now(), Some(clock.now() + Duration::from_hours(12))).expect("valid");
        let health = Health::new(Arc::new(States::of_one(validity)), clock.clone());
        for (hours, past) in [(0, 0), (9, 0), (1, 1)] {
            clock.step(Duration::from_hours(hours));
            assert_eq!(health.past_their_floor(), past);
        }
    }
}
