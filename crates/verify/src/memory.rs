//! The memory of a provider with verification between mints.

use std::{collections::BTreeSet, time::SystemTime};

use regcred_core::{Registry, Validity};

/// The part of the life after which a refused credential replaces the previous one. A renewal is due at 55 % at
/// the latest, so the registry has then refused several credentials.
const NEAR_END: f64 = 0.9;

/// The latest accepted credential, and the messages so far.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    accepted: Option<Validity>,
    reported: BTreeSet<Registry>,
}

impl Memory {
    /// Remembers a credential that was accepted.
    pub(crate) fn accept(&mut self, validity: Validity) {
        self.accepted = Some(validity);
    }

    /// Returns whether the latest accepted credential is at the end of its life, or past it. If there is none, targets
    /// may have one of an earlier process, so the answer is no.
    pub(crate) fn is_near_end(&self, now: SystemTime) -> bool {
        let Some(accepted) = self.accepted else { return false };
        let life = accepted.expires_at().and_then(|end| end.duration_since(accepted.issued_at()).ok());
        life.is_some_and(|life| now >= accepted.issued_at() + life.mul_f64(NEAR_END))
    }

    /// Returns whether no message about a registry was logged before.
    pub(crate) fn is_first_report(&mut self, registry: &Registry) -> bool {
        self.reported.insert(registry.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_end_is_near_after_nine_tenths_of_the_life() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_hours(400_000);
        let minute = |minute| start + Duration::from_mins(minute);
        let mut memory = Memory::default();
        assert!(!memory.is_near_end(minute(0)), "none was accepted");
        memory.accept(Validity::new(start, Some(minute(100))).expect("valid"));
        for (at, expected) in [(0, false), (89, false), (90, true), (100, true), (1_000, true)] {
            assert_eq!(memory.is_near_end(minute(at)), expected, "{at}");
        }
        memory.accept(Validity::new(start, None).expect("valid"));
        assert!(!memory.is_near_end(minute(1_000)), "it has no end");
    }
}
