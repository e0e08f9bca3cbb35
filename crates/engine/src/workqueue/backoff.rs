//! How long to wait after a failure.

use std::time::Duration;

use regcred_core::{Error, ErrorKind};

/// Short enough that a blip costs nothing, long enough that a retry is no loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// So long after a failure that a person must mend, and at the most otherwise: an outage of an hour costs a few dozen calls.
const LONGEST: Duration = Duration::from_mins(5);
/// Whoever asks for a longer pause than this has made a mistake: meanwhile credentials expire.
const LONGEST_ASKED: Duration = Duration::from_mins(15);
/// After a first refusal of a store; times five after each that follows, three times.
const MOMENT: Duration = Duration::from_secs(2);
/// After a first lost race: the other writer is done by then.
const RACE: Duration = Duration::from_millis(100);

/// The pause after so many failures in a row, the last of which was `error`: what the other side asked for, within reason,
/// else full jitter below a limit that doubles.
pub(crate) fn pause(error: &Error, failures: u32) -> Duration {
    match (error.retry_after(), error.kind()) {
        (Some(asked), _) => asked.clamp(SHORTEST, LONGEST_ASKED),
        (None, ErrorKind::Conflict) if failures <= 1 => RACE.mul_f64(fastrand::f64()),
        // A person logs in again, or a token is renewed: nobody tells.
        (None, kind) if kind.is_retryable() || kind == ErrorKind::Unauthenticated => {
            let limit = SHORTEST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST);
            SHORTEST + limit.saturating_sub(SHORTEST).mul_f64(fastrand::f64())
        }
        (None, _) => LONGEST,
    }
}

/// The same for a target whose own store failed. What a store refuses it may allow in a moment: whoever made a namespace is about to
/// grant the rights in it, and servers hear of rights and of labels a little later than we do.
pub(crate) fn pause_at_store(error: &Error, failures: u32) -> Duration {
    match (error.kind(), error.retry_after(), failures) {
        (ErrorKind::Denied, None, 1..=3) => MOMENT * 5_u32.pow(failures - 1),
        _ => pause(error, failures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_from_a_second_to_five_minutes_with_jitter() {
        let error = Error::new(ErrorKind::Unreachable, "down");
        for failures in 1..100 {
            let limit = Duration::from_secs(2_u64.saturating_pow(failures)).min(LONGEST);
            let pause = pause(&error, failures);
            assert!((SHORTEST..=limit).contains(&pause), "{failures}: {pause:?}");
        }
        let many = (0..100).map(|_| pause(&error, 9)).collect::<std::collections::HashSet<_>>();
        assert!(many.len() > 90, "callers that failed together do not come back together");
        assert!(many.iter().any(|pause| *pause > Duration::from_mins(1)), "after many failures it is long: {many:?}");
    }

    #[test]
    fn what_the_other_side_asks_for_wins_and_a_person_is_given_time() {
        let asked = Duration::from_secs(42);
        let error = Error::new(ErrorKind::Throttled, "slow down").with_retry_after(Some(asked));
        assert_eq!(pause(&error, 1), asked);
        assert_eq!(pause(&Error::new(ErrorKind::Denied, "no"), 1), LONGEST);
        for (asked, allowed) in [(Duration::ZERO, SHORTEST), (Duration::MAX, LONGEST_ASKED)] {
            let error = Error::new(ErrorKind::Throttled, "odd").with_retry_after(Some(asked));
            assert_eq!(pause(&error, 1), allowed, "no loop, and no end of the world");
        }
    }

    #[test]
    fn a_store_that_refuses_is_asked_again_soon_and_then_seldom() {
        let error = Error::new(ErrorKind::Denied, "no");
        let pauses = (1..=5).map(|failures| pause_at_store(&error, failures).as_secs()).collect::<Vec<_>>();
        assert_eq!(pauses, [2, 10, 50, 300, 300]);
    }

    #[test]
    fn a_lost_race_is_tried_again_at_once_and_a_lasting_conflict_is_not() {
        let error = Error::new(ErrorKind::Conflict, "lost");
        assert!(pause(&error, 1) <= RACE && pause(&error, 2) >= SHORTEST);
    }
}
