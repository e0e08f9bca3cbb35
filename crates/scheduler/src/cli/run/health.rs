//! Whether it lives, whether it is ready, and whether any target is close to its end.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use regcred_core::{Target, Validity};
use regcred_engine::Event;

/// Less than this of a credential that lives for half a day, as those of Amazon ECR do, and a person has to look.
const FLOOR: Duration = Duration::from_hours(2);
const HALF_A_DAY: Duration = Duration::from_hours(12);
/// The same, as a part of a shorter life.
const PART: f64 = 0.15;

/// What the endpoints about health say.
#[derive(Debug, Default)]
pub(crate) struct Health {
    serving: AtomicBool,
    /// When each target wants a person.
    floors: Mutex<HashMap<Target, SystemTime>>,
}

impl Health {
    /// A config is in force.
    pub(super) fn serves(&self) {
        self.serving.store(true, Relaxed);
        self.lock().clear();
    }

    /// Whether a config is in force. Neither AWS nor a cluster nor any target changes that.
    pub(super) fn is_ready(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// How many targets are past their floor.
    pub(super) fn past_their_floor(&self, now: SystemTime) -> usize {
        self.lock().values().filter(|floor| **floor <= now).count()
    }

    pub(super) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Looked { target, outcome, .. } => {
                let floor = outcome.validity.values().filter_map(floor).min();
                match floor {
                    Some(floor) => drop(self.lock().insert((*target).clone(), floor)),
                    None => drop(self.lock().remove(*target)),
                }
            }
            Event::Forgotten { target } => drop(self.lock().remove(*target)),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, SystemTime>> {
        self.floors.lock().expect("nobody panics while it is held")
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
