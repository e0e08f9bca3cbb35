//! How each target stands by the latest look at it: what health and metrics are counted from.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use regcred_core::{Target, Validity};
use regcred_engine::{Event, State};

/// Less than this of a credential that lives for half a day, as those of Amazon ECR do, and a person has to look.
const FLOOR: Duration = Duration::from_hours(2);
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// The same, as a part of a shorter life.
const PART: f64 = 0.15;

/// Of the run that goes on.
#[derive(Debug, Default)]
pub(crate) struct Standings(Mutex<HashMap<Target, Standing>>);

/// Of one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) state: State,
    /// When the first of its credentials ends; `None`: none does.
    pub(super) ends: Option<SystemTime>,
    /// From when on it wants a person.
    floor: Option<SystemTime>,
}

impl Standings {
    pub(super) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Looked { target, outcome, .. } => {
                let (mut all, state) = (self.all(), outcome.state());
                // What could not be looked at ends when it did before.
                if let Some(known) = all.get_mut(*target).filter(|_| outcome.step.is_none() && state != State::Gone) {
                    known.state = state;
                    return;
                }
                let ends = outcome.validity.values().filter_map(Validity::expires_at).min();
                let floor = outcome.validity.values().filter_map(floor).min();
                all.insert((*target).clone(), Standing { state, ends, floor });
            }
            Event::Forgotten { target } => drop(self.all().remove(*target)),
            _ => {}
        }
    }

    /// Another config, or another leader: what is known is not so any more.
    pub(super) fn forget(&self) {
        self.all().clear();
    }

    /// One target, with a credential that is valid so long.
    #[cfg(test)]
    pub(super) fn of_one(validity: Validity) -> Self {
        let address = regcred_core::Address::new("team-a", "ecr-secret");
        let target = Target::new("cluster".parse().expect("a name"), address);
        let (ends, floor) = (validity.expires_at(), floor(&validity));
        Self(Mutex::new([(target, Standing { state: State::Fresh, ends, floor })].into()))
    }

    pub(super) fn all(&self) -> MutexGuard<'_, HashMap<Target, Standing>> {
        self.0.lock().expect("nobody panics while it is held")
    }
}

impl Standing {
    /// Whether it has so little left that a person has to look.
    pub(super) fn is_past_its_floor(&self, now: SystemTime) -> bool {
        self.floor.is_some_and(|floor| floor <= now)
    }
}

/// From when on a credential that lasts so long wants a person; `None`: it has no end.
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
    fn the_floor_is_two_hours_or_a_part_of_a_shorter_life() {
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
