//! How long a printed login works.

use std::time::{Duration, SystemTime};

use regcred_core::Result;

use crate::{answer::Answer, codes, fault::Fault, jwt, program::setting};

/// A shorter life would run the program more than twice a minute. It is not shorter than the longest timeout, so a
/// login never ends before the program does.
const SHORTEST: Duration = Duration::from_mins(1);
/// The end of a longer life may be no valid date. Such a login is one without an end.
const LONGEST: Duration = Duration::from_hours(24 * 366 * 10);

/// The life of the logins that a program prints, counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life(Option<Duration>);

impl Life {
    /// Creates the life of logins that work for at least this time, from one minute to ten years.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a time outside these limits.
    pub fn lasting(life: Duration) -> Result<Self> {
        if (SHORTEST..=LONGEST).contains(&life) {
            return Ok(Self(Some(life)));
        }
        Err(setting("the life").with_cause("it must be at least 1m and at most 10 years"))
    }

    /// Creates the life of logins without an end, such as those of a robot account. Only a schedule renews them.
    pub fn never() -> Self {
        Self(None)
    }

    /// Returns the time for which the logins work. `None`: they have no end.
    pub fn duration(self) -> Option<Duration> {
        self.0
    }
}

/// Returns the end of a login that was requested at `start`. `None`: it has no end.
///
/// That is the first of two times: the end of the life in the config, and the end that a token states. A cache duration
/// counts only without both, because plug-ins state a few minutes for tokens that work for hours.
pub(crate) fn end(life: Option<Life>, answer: &Answer, start: SystemTime) -> Result<Option<SystemTime>, Fault> {
    let after = |lasts: Duration| start.checked_add(lasts);
    let stated = jwt::end(answer.login.secret().expose());
    let Some(life) = life else {
        let cached = || answer.cached_for.filter(|it| !it.is_zero()).and_then(after);
        let unknown = || Fault::new(&codes::NO_END, "it does not state when the login ends, so set `life`");
        return stated.or_else(cached).map(Some).ok_or_else(unknown);
    };
    Ok(life.duration().and_then(after).into_iter().chain(stated).min())
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use regcred_core::{ErrorKind, Login, Registry};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + 400_000 * HOUR
    }

    fn answer(password: &str, cached_for: Option<Duration>) -> Answer {
        let registry = Registry::new("r.example").expect("valid");
        let login = Login::new(vec![registry], "robot", password.into());
        Answer::new(login, cached_for).expect("valid")
    }

    fn token(hours: u64) -> String {
        let exp = (400_000 + hours) * 3600;
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}")))
    }

    #[test]
    fn the_end_is_that_of_the_config_or_of_the_token_or_of_the_cache() {
        let (never, two) = (Some(Life::never()), Life::lasting(2 * HOUR).ok());
        for (life, token, cached_for, hours) in [
            (two, None, None, Some(2)),
            (two, Some(1), None, Some(1)),
            (two, Some(3), None, Some(2)),
            (two, None, Some(HOUR), Some(2)),
            (None, Some(3), None, Some(3)),
            (None, Some(3), Some(HOUR), Some(3)),
            (None, Some(3), Some(Duration::ZERO), Some(3)),
            (None, None, Some(HOUR), Some(1)),
            (never, None, None, None),
            (never, None, Some(HOUR), None),
            (never, Some(3), None, Some(3)),
        ] {
            let password = token.map_or("password".to_owned(), self::token);
            let end = end(life, &answer(&password, cached_for), start()).expect("it is known");
            let expected = hours.map(|hours: u32| start() + hours * HOUR);
            assert_eq!(end, expected, "{life:?} {token:?} {cached_for:?}");
        }
    }

    #[test]
    fn an_unknown_end_is_an_error_that_names_life() {
        for cached_for in [None, Some(Duration::ZERO)] {
            let fault = end(None, &answer("canary", cached_for), start()).expect_err("it is not known");
            let error = fault.into_error("cannot get a login");
            assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, &codes::NO_END));
            assert!(error.chain().contains("`life`") && !error.chain().contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_life_has_limits() {
        for bad in [Duration::ZERO, Duration::from_secs(59), Duration::from_hours(100_000), Duration::MAX] {
            assert_eq!(Life::lasting(bad).expect_err("refused").kind(), ErrorKind::Invalid);
        }
    }
}
