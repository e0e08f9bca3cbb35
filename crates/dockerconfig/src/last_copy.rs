//! Remembers what was copied last, so that a change of the source is noticed.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use regcred_core::{ErrorKind, Issuer, RegistryCredential, Result};

/// The result of the latest copy of a source, for `RegistryProvider::changed` of `regcred-core`.
///
/// Two results are equal if they have the same [issuer](crate::issuer()), or fail in the same way. A source that does not
/// answer is not a result, because its logins are not known. Default: nothing was copied.
#[derive(Default)]
pub struct LastCopy(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    outcome: Option<Outcome>,
    /// Whether a caller asked for the issuer and may have got none. Its targets were not compared with the source then.
    is_unanswered: bool,
}

/// The issuer of a copy, or the text of its failure.
type Outcome = std::result::Result<Option<Issuer>, String>;

impl LastCopy {
    /// Records a credential, or the reason why there is none. Call it after the last await of the mint. Otherwise a
    /// dropped call would record a copy that no caller got.
    pub fn record(&self, copied: &Result<RegistryCredential>) {
        if let Some(outcome) = outcome(copied) {
            *self.latest() = Latest { outcome: Some(outcome), is_unanswered: false };
        }
    }

    /// Records that a caller asks for the issuer. Call it before the source is read, because the call may be dropped.
    pub fn ask(&self) {
        let mut latest = self.latest();
        latest.is_unanswered = latest.outcome.is_none();
    }

    /// Returns the issuer of a copy that is not minted, and records the copy if there is none yet.
    ///
    /// A source that cannot be copied has an issuer that no target has. The next mint then reports why. `None`: the
    /// source does not answer, so nothing is known.
    pub fn answer(&self, copied: &Result<RegistryCredential>) -> Option<Issuer> {
        let outcome = outcome(copied)?;
        let mut latest = self.latest();
        if latest.outcome.is_none() {
            *latest = Latest { outcome: Some(outcome.clone()), is_unanswered: false };
        }
        outcome.unwrap_or_else(|_| Some(Issuer::of("a source that cannot be copied")))
    }

    /// Records a result, and returns whether it differs from the one before. The first result is a change only if a
    /// caller got no issuer before.
    pub fn is_changed(&self, copied: &Result<RegistryCredential>) -> bool {
        let Some(outcome) = outcome(copied) else { return false };
        let mut latest = self.latest();
        let is_changed = latest.outcome.as_ref().map_or(latest.is_unanswered, |before| *before != outcome);
        *latest = Latest { outcome: Some(outcome), is_unanswered: false };
        is_changed
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outcome(copied: &Result<RegistryCredential>) -> Option<Outcome> {
    match copied {
        Ok(credential) => Some(Ok(credential.validity().issuer())),
        Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Conflict) => {
            None
        }
        Err(error) => Some(Err(error.chain())),
    }
}

impl fmt::Debug for LastCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastCopy").field(&self.latest().outcome).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use regcred_core::{Error, Login, Registry, Validity};

    use super::*;

    fn copy(password: &str, seconds: u64) -> Result<RegistryCredential> {
        let logins = vec![Login::new(vec![Registry::new("r.example")?], "u", password.into())?];
        let validity = Validity::new(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), None)?;
        RegistryCredential::new(logins.clone(), validity.with_issuer(Some(crate::issuer(&logins))))
    }

    #[test]
    fn only_other_logins_or_another_failure_are_a_change() {
        let last = LastCopy::default();
        assert!(!last.is_changed(&copy("one", 1)), "nothing was copied before");
        assert!(!last.is_changed(&copy("one", 2)), "only the time differs");
        assert!(last.is_changed(&copy("two", 2)));
        let unreachable = Err(Error::new(ErrorKind::Unreachable, "no answer"));
        assert!(!last.is_changed(&unreachable) && !last.is_changed(&copy("two", 2)));
        let invalid = |why: &str| Err(Error::new(ErrorKind::Invalid, why));
        assert!(last.is_changed(&invalid("a")) && !last.is_changed(&invalid("a")) && last.is_changed(&invalid("b")));
        last.record(&copy("three", 3));
        assert_ne!(last.answer(&copy("four", 3)), None);
        assert!(!last.is_changed(&copy("three", 3)) && last.is_changed(&copy("four", 3)));
        assert!(!format!("{last:?}").contains("four"));
    }

    #[test]
    fn a_source_that_did_not_answer_for_an_issuer_is_compared_later() {
        let last = LastCopy::default();
        last.ask();
        assert_eq!(last.answer(&Err(Error::new(ErrorKind::Unreachable, "no answer"))), None);
        assert!(last.is_changed(&copy("one", 1)), "a target may have an older login");
        assert!(!last.is_changed(&copy("one", 1)));
        last.ask();
        assert!(!last.is_changed(&copy("one", 1)), "the result is known already");
    }

    #[test]
    fn a_source_that_cannot_be_copied_has_an_issuer_of_its_own() {
        let last = LastCopy::default();
        let refused = last.answer(&Err(Error::new(ErrorKind::Refused, "not allowed")));
        assert!(refused.is_some() && refused != last.answer(&copy("one", 1)));
    }
}
