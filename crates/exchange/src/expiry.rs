//! The end of a login, and whether it is possible.

use std::time::{Duration, SystemTime};

use regcred_core::{Error, Result, Validity};
use regcred_http::Url;

use crate::codes;

/// The longest life that is accepted. The longest real ones are those of JFrog, which an administrator limits to weeks.
const LONGEST: Duration = Duration::from_hours(90 * 24);
/// The largest difference between two clocks that needs no report. Token services allow five minutes.
const SKEW: Duration = Duration::from_mins(4);

/// The times that decide about an end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// The time of this machine, before the request.
    pub(crate) now: SystemTime,
    /// The time of the server in its answer.
    pub(crate) server: Option<SystemTime>,
    /// The issue time in the token.
    pub(crate) issued_at: Option<SystemTime>,
    pub(crate) expires_at: SystemTime,
}

/// Returns the validity of a login, which is never longer than `longest_life`.
///
/// Fails with [`ErrorKind::Malformed`](regcred_core::ErrorKind::Malformed) if the end is in the past or in more than 90
/// days, or if the issue time is in the future.
pub(crate) fn validity(url: &Url, times: Times, longest_life: Option<Duration>) -> Result<Validity> {
    let Times { now, expires_at, .. } = times;
    if let Some(why) = impossible(times) {
        return Err(refused(url, times, why));
    }
    // A shorter validity is safe, because the login is only refreshed earlier.
    let end = longest_life.map_or(expires_at, |life| expires_at.min(now + life));
    Validity::new(now, Some(end))
}

fn impossible(Times { now, issued_at, expires_at, .. }: Times) -> Option<&'static str> {
    if expires_at <= now + Duration::from_secs(1) {
        Some("it has already ended")
    } else if expires_at > now + LONGEST {
        Some("it ends in more than 90 days")
    } else if issued_at.is_some_and(|it| it > now + SKEW) {
        Some("it was issued in the future")
    } else {
        None
    }
}

fn refused(url: &Url, Times { now, server, .. }: Times, why: &str) -> Error {
    let message = format!("cannot use the token of {}", url.host_and_port());
    let skew = server.and_then(|server| match server.duration_since(now) {
        Ok(ahead) if ahead > SKEW => Some((ahead, "behind")),
        Err(error) if error.duration() > SKEW => Some((error.duration(), "ahead of")),
        _ => None,
    });
    match skew {
        Some((apart, which)) => {
            let minutes = apart.as_secs() / 60;
            let clock = format!("the clock of this machine is {minutes} min {which} that of the server");
            Error::new(&codes::CLOCK, message).with_cause(format!("{why}, because {clock}"))
        }
        None => Error::new(&codes::EXPIRY, message).with_cause(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn at(seconds: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(1000 * DAY + seconds).expect("positive"))
    }

    fn judged(issued: Option<i64>, end: i64, server: Option<i64>, longest: Option<i64>) -> Result<Validity, String> {
        let url = Url::new("https://r.example").expect("valid");
        let times = Times { now: at(0), server: server.map(at), issued_at: issued.map(at), expires_at: at(end) };
        let longest = longest.map(|it| Duration::from_secs(it.unsigned_abs()));
        validity(&url, times, longest).map_err(|error| format!("{} {}", error.code(), error.chain()))
    }

    #[test]
    fn a_possible_end_is_kept_and_limited_to_the_longest_life() {
        for (end, longest, expected) in [
            (60 * MINUTE, None, 60 * MINUTE),
            (89 * DAY, None, 89 * DAY),
            (60 * MINUTE, Some(30 * MINUTE), 30 * MINUTE),
            (60 * MINUTE, Some(90 * MINUTE), 60 * MINUTE),
        ] {
            let validity = judged(Some(3 * MINUTE), end, Some(0), longest).expect("possible");
            assert_eq!((validity.issued_at(), validity.expires_at()), (at(0), Some(at(expected))));
        }
    }

    #[test]
    fn impossible_ends_are_refused_and_a_clock_difference_is_named() {
        for (issued, end, server, expected) in [
            (None, 0, None, "RC0576 cannot use the token of r.example:443: it has already ended"),
            (None, -5, Some(0), "RC0576 cannot use the token of r.example:443: it has already ended"),
            (None, 91 * DAY, Some(0), "RC0576 cannot use the token of r.example:443: it ends in more than 90 days"),
            (
                Some(9 * MINUTE),
                60 * MINUTE,
                None,
                "RC0576 cannot use the token of r.example:443: it was issued in the future",
            ),
            (
                None,
                -60 * MINUTE,
                Some(-120 * MINUTE),
                "RC0577 cannot use the token of r.example:443: it has already ended, because the clock of this machine \
                 is 120 min ahead of that of the server",
            ),
            (
                Some(120 * MINUTE),
                180 * MINUTE,
                Some(120 * MINUTE),
                "RC0577 cannot use the token of r.example:443: it was issued in the future, because the clock of this \
                 machine is 120 min behind that of the server",
            ),
        ] {
            assert_eq!(judged(issued, end, server, None).expect_err(expected), expected);
        }
    }
}
