//! Remembers what was copied last, so that a change of the source is noticed.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use regcred_core::{ErrorKind, Issuer, RegistryCredential, Result};

/// The result of the latest copy of a source, for [`RegistryProvider::changed`](regcred_core::RegistryProvider::changed).
///
/// Two results are equal if they have the same [issuer](crate::issuer()), or fail in the same way. A source that does not
/// answer is not a result, because its logins are not known. Default: nothing was copied.
#[derive(Default)]
pub struct LastCopy(Mutex<Option<Outcome>>);

/// The issuer of a copy, or the text of its failure.
type Outcome = std::result::Result<Option<Issuer>, String>;

impl LastCopy {
    /// Records a credential, or the reason why there is none. Call it after the last await of the mint. Otherwise a
    /// dropped call would record a copy that no caller got.
    pub fn record(&self, copied: &Result<RegistryCredential>) {
        if let Some(outcome) = outcome(copied) {
            *self.latest() = Some(outcome);
        }
    }

    /// Records a result only if there is none yet. Call it for results that are not minted, such as those for an issuer.
    pub fn record_first(&self, copied: &Result<RegistryCredential>) {
        let mut latest = self.latest();
        if latest.is_none() {
            *latest = outcome(copied);
        }
    }

    /// Records a result, and returns whether it differs from the one before. The first result differs from none.
    pub fn is_changed(&self, copied: &Result<RegistryCredential>) -> bool {
        let Some(outcome) = outcome(copied) else { return false };
        self.latest().replace(outcome.clone()).is_some_and(|before| before != outcome)
    }

    fn latest(&self) -> MutexGuard<'_, Option<Outcome>> {
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
        f.debug_tuple("LastCopy").field(&*self.latest()).finish()
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
        last.record_first(&copy("four", 3));
        assert!(!last.is_changed(&copy("three", 3)) && last.is_changed(&copy("four", 3)));
        assert!(!format!("{last:?}").contains("four"));
    }
}
