//! The state of each target after its latest reconciliation. Health and metrics use it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use regcred_core::{Target, Validity};
use regcred_engine::{Event, State};

/// A credential with a lifetime of at least half a day needs attention if it has less time left than this.
const FLOOR: Duration = Duration::from_hours(2);
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// The same limit for a shorter lifetime, as a fraction of it.
const PART: f64 = 0.15;

/// The states of all targets in the current run.
#[derive(Debug, Default)]
pub(crate) struct States(Mutex<HashMap<Target, TargetState>>);

/// The state of one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TargetState {
    pub(crate) state: State,
    /// When its first credential expires. `None`: no credential expires.
    pub(crate) ends: Option<SystemTime>,
    /// The time from which the target needs attention.
    floor: Option<SystemTime>,
}

impl States {
    pub(crate) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Reconciled { target, outcome, .. } => {
                let (mut all, state) = (self.all(), outcome.state());
                // A target that could not be read keeps its dates.
                if let Some(known) = all.get_mut(*target).filter(|_| outcome.step.is_none() && state != State::Gone) {
                    known.state = state;
                    return;
                }
                let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
                let floor = outcome.validity.values().filter_map(floor).min();
                all.insert((*target).clone(), TargetState { state, ends, floor });
            }
            Event::Forgotten { target } => drop(self.all().remove(*target)),
            _ => {}
        }
    }

    /// Drops all targets, for a new config or a new leader.
    pub(crate) fn forget(&self) {
        self.all().clear();
    }

    /// Returns the states of one target, whose credential has this validity.
    #[cfg(test)]
    pub(crate) fn of_one(validity: Validity) -> Self {
        let address = regcred_core::Address::new("team-a", "registry-pull");
        let target = Target::new("cluster".parse().expect("a name"), address);
        let (ends, floor) = (validity.expires_at(), floor(&validity));
        Self(Mutex::new([(target, TargetState { state: State::Fresh, ends, floor })].into()))
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, HashMap<Target, TargetState>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl TargetState {
    /// Returns whether so little time is left that the target needs attention.
    pub(crate) fn is_past_its_floor(&self, now: SystemTime) -> bool {
        self.floor.is_some_and(|floor| floor <= now)
    }
}

/// Returns the time from which the target needs attention. `None`: the credential does not expire.
fn floor(validity: &Validity) -> Option<SystemTime> {
    let expires = validity.expires_at()?;
    let life = expires.duration_since(validity.issued_at()).unwrap_or_default();
    let rest = if life >= HALF_A_DAY { FLOOR } else { FLOOR.min(life.mul_f64(PART)) };
    expires.checked_sub(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_two_hours_or_a_fraction_of_a_shorter_life() {
        let issued = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        let of = |life: Duration| {
            let validity = Validity::new(issued, Some(issued + life)).expect("valid");
            (issued + life).duration_since(floor(&validity).expect("it ends")).expect("before")
        };
        assert_eq!(of(Duration::from_hours(48)), Duration::from_hours(2));
        assert_eq!(of(Duration::from_secs(1000)), Duration::from_secs(150));
        assert_eq!(of(Duration::from_hours(12)), Duration::from_hours(2));
    }
}
