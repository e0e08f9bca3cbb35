//! The pauses after failures.

use std::time::Duration;

use regcred_core::{Error, ErrorKind};

/// The shortest pause. It is short enough for a brief outage, and long enough to prevent a tight loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// The pause after a failure that a user must fix, and the longest back-off otherwise. An outage of an hour then costs
/// a few dozen calls.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest pause that regcred accepts from the other side. A longer one is a mistake, because credentials expire
/// meanwhile.
const LONGEST_ASKED: Duration = Duration::from_mins(15);
/// The pause after the first denial by a store. It is five times as long after each of the next two.
const MOMENT: Duration = Duration::from_secs(2);
/// The longest pause after the first lost race. The other writer has finished by then.
const RACE: Duration = Duration::from_millis(100);

/// Returns the pause after this number of failures in a row, the last of which was `error`.
///
/// A pause that the other side asked for is used, within limits. Otherwise, the pause has full jitter below a limit
/// that doubles.
pub(crate) fn pause(error: &Error, failures: u32) -> Duration {
    match (error.retry_after(), error.kind()) {
        (Some(asked), _) => asked.clamp(SHORTEST, LONGEST_ASKED),
        (None, ErrorKind::Conflict) if failures <= 1 => RACE.mul_f64(fastrand::f64()),
        // A user logs in again or a token is renewed, and regcred receives no event.
        (None, kind) if kind.is_retryable() || kind == ErrorKind::Unauthenticated => {
            let limit = SHORTEST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST);
            SHORTEST + limit.saturating_sub(SHORTEST).mul_f64(fastrand::f64())
        }
        (None, _) => LONGEST,
    }
}

/// Returns the pause for a target whose own store failed.
///
/// A store may soon allow what it denied. A user who creates a namespace often grants the permissions in it a moment
/// later. Servers also apply changed permissions and labels with a short delay.
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
    fn retry_after_wins_and_a_denied_mint_waits_longest() {
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
    fn a_denied_store_call_is_retried_soon_and_then_every_five_minutes() {
        let error = Error::new(ErrorKind::Denied, "no");
        let pauses = (1..=5).map(|failures| pause_at_store(&error, failures).as_secs()).collect::<Vec<_>>();
        assert_eq!(pauses, [2, 10, 50, 300, 300]);
    }

    #[test]
    fn a_first_conflict_is_retried_at_once_and_a_repeated_one_after_a_pause() {
        let error = Error::new(ErrorKind::Conflict, "lost");
        assert!(pause(&error, 1) <= RACE && pause(&error, 2) >= SHORTEST);
    }
}
