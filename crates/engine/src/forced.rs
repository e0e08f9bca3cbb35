//! The targets that are written even if they are fresh.

use std::collections::HashMap;

use regcred_core::Target;

use crate::{reconcile::Force, report::Outcome};

/// The targets of a forced refresh. The value is whether a target was written once, without the credential of a failed
/// provider.
#[derive(Debug, Default)]
pub(crate) struct Forced(HashMap<Target, bool>);

impl Forced {
    /// Forces the refresh of a target.
    pub(crate) fn ask(&mut self, target: &Target) {
        self.0.insert(target.clone(), false);
    }

    /// Returns whether a target is forced.
    pub(crate) fn has(&self, target: &Target) -> bool {
        self.0.contains_key(target)
    }

    /// Returns how a forced target is written. `None`: it is not forced.
    pub(crate) fn of(&self, target: &Target) -> Option<Force> {
        self.0.get(target).map(|once| if *once { Force::Again } else { Force::Yes })
    }

    /// Records the outcome of a forced reconciliation. A target that lacks a provider's credential stays forced. After
    /// any other failure, the retry is not forced.
    pub(crate) fn note(&mut self, target: &Target, outcome: &Outcome) {
        let is_missing = outcome.failures.iter().any(|failure| failure.provider.is_some());
        match self.0.get_mut(target) {
            Some(once) if is_missing => *once |= outcome.written.is_some(),
            Some(_) if outcome.written.is_some() || outcome.failures.is_empty() => self.forget(target),
            _ => {}
        }
    }

    /// Stops forcing a target.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.0.remove(target);
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::{
        Error, ErrorKind, Written,
        testing::{provider_name, target},
    };

    use super::*;
    use crate::Failure;

    #[test]
    fn a_target_stays_forced_until_it_is_written_for_every_provider() {
        let failed = |provider| Failure { provider, error: Error::new(ErrorKind::Unreachable, "no answer") };
        let (written, provider) = (Some(Written::Updated), Some(provider_name("one")));
        for (name, written, failures, left) in [
            ("it was written", written, vec![], None),
            ("it was written already", None, vec![], None),
            ("its store failed", None, vec![failed(None)], Some(Force::Yes)),
            ("a provider failed and nothing was written", None, vec![failed(provider.clone())], Some(Force::Yes)),
            ("a provider failed and the others were written", written, vec![failed(provider)], Some(Force::Again)),
            ("it was written, but the work beside it failed", written, vec![failed(None)], None),
        ] {
            let (mut forced, target) = (Forced::default(), target("team-a"));
            forced.ask(&target);
            forced.note(&target, &Outcome { written, failures, ..Outcome::default() });
            assert_eq!(forced.of(&target), left, "{name}");
        }
    }
}
