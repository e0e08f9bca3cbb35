//! Outcomes, the report and the exit code.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_core::{Code, Details, Error, ErrorKind, ProviderName, Target, Validity, Written};

use crate::Step;

/// The content of a target: the validity of its credentials, by provider.
pub(crate) type Held = BTreeMap<ProviderName, Validity>;

/// The outcome of one reconciliation.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The decision. `None`: the target could not be observed.
    pub step: Option<Step>,
    /// The effect of the write. `None`: no write was necessary or possible.
    pub written: Option<Written>,
    /// Whether something beside the target was written, such as a link.
    pub also_written: bool,
    /// A condition that is not met yet and is not a failure. `None`: there is none.
    pub waiting_for: Option<String>,
    /// The validity of the credentials that the target holds, by provider. Targets with the same content share it.
    pub validity: Arc<BTreeMap<ProviderName, Validity>>,
    /// The failures. Empty: there are none.
    pub failures: Vec<Failure>,
    /// When the target is due. `None`: never, or not known.
    pub renew_at: Option<SystemTime>,
    /// The change that another writer keeps making. `None`: the target is not contested. A contested target is restored
    /// at most once every ten minutes, until an hour passes without a disturbance.
    pub contested: Option<String>,
    /// Information that is only displayed. `None`: the outcome is not from [`Engine::plan`](crate::Engine::plan).
    pub details: Option<Box<Details>>,
    /// The index of the target's route in the engine.
    pub route: usize,
    /// The time until the next reconciliation of a contested target, in addition to the time when it is due.
    pub(crate) look_again: Option<Duration>,
    /// The content before another writer changed it, if regcred has not restored it.
    pub(crate) held: Option<Arc<Held>>,
    /// Whether the sink observed the target from its cache.
    pub(crate) is_remembered: bool,
}

/// A failure, and where it occurred.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The provider that failed. `None`: the target itself failed.
    pub provider: Option<ProviderName>,
    /// The error.
    pub error: Error,
}

impl Failure {
    /// Creates a failure of a provider. `None`: the target itself failed.
    pub fn new(provider: Option<ProviderName>, error: Error) -> Self {
        Self { provider, error }
    }

    /// Returns whether a provider gave an invalid response, such as the login page of a proxy.
    fn is_nonsense(&self) -> bool {
        self.provider.is_some() && self.error.kind() == ErrorKind::Malformed
    }

    /// Returns whether the other side caused the failure and may recover later.
    fn is_outage(&self) -> bool {
        is_outage(&self.error) || self.is_nonsense()
    }
}

fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled)
}

/// The state of a target, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// At least one step failed.
    Failed,
    /// regcred must not write it.
    Refused,
    /// Another writer keeps changing it.
    Contested,
    /// Its place is gone or is being deleted.
    Gone,
    /// It is up to date, except for something that does not exist yet.
    Waiting,
    /// It is up to date.
    Fresh,
}

impl State {
    /// Returns the name in lower case, as in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Contested => "contested",
            Self::Gone => "gone",
            Self::Waiting => "waiting",
            Self::Fresh => "fresh",
        }
    }
}

impl Outcome {
    /// Creates the outcome of a decision, before any action.
    pub(crate) fn of(step: Step) -> Self {
        Self { step: Some(step), ..Self::default() }
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self { failures: vec![Failure { provider: None, error }], ..Self::default() }
    }

    /// Returns the state of the target.
    pub fn state(&self) -> State {
        let kinds = || self.failures.iter().map(|failure| failure.error.kind());
        if matches!(self.step, Some(Step::Refuse(_))) || kinds().any(|kind| kind == ErrorKind::Refused) {
            State::Refused
        } else if self.failures.is_empty() {
            match (&self.contested, &self.waiting_for) {
                (Some(_), _) => State::Contested,
                (None, Some(_)) => State::Waiting,
                (None, None) => State::Fresh,
            }
        } else if kinds().all(|kind| kind == ErrorKind::Gone) {
            State::Gone
        } else {
            State::Failed
        }
    }

    /// Returns whether another attempt in the same pass may succeed. A provider with an invalid response gives the same
    /// response a second later.
    pub(crate) fn is_retryable(&self) -> bool {
        let may = |failure: &Failure| failure.error.is_retryable() && !failure.is_nonsense();
        self.state() == State::Failed && self.failures.iter().any(may)
    }

    /// Returns the response of the store. `Ok`: it responds. `None`: it was not called.
    ///
    /// `Err`: the store rejected regcred's identity, asked for a pause, or was unreachable at the first call.
    pub(crate) fn store_answer(&self) -> Option<Result<(), &Error>> {
        // A write that fails after an observation concerns only the target, as with a failing webhook.
        let was_first = self.step.is_none() || (self.is_remembered && self.written.is_none());
        let mut own = self.failures.iter().filter(|failure| failure.provider.is_none()).map(|failure| &failure.error);
        let is_of_store = |error: &&Error| match error.kind() {
            ErrorKind::Throttled | ErrorKind::Unauthenticated => true,
            ErrorKind::Unreachable => was_first,
            _ => false,
        };
        if let Some(error) = own.clone().find(is_of_store) {
            return Some(Err(error));
        }
        let was_asked = !self.is_remembered || self.written.is_some() || own.next().is_some();
        was_asked.then_some(Ok(()))
    }

    /// Returns the codes of the refusal and of the failures, in the order of [`Outcome::reasons`].
    pub fn codes(&self) -> Vec<&'static Code> {
        let refused = self.step.iter().filter_map(|step| match step {
            Step::Refuse(refusal) => Some(refusal.code()),
            _ => None,
        });
        refused.chain(self.failures.iter().map(|failure| failure.error.code())).collect()
    }

    /// Returns the reasons why the target is not fresh. Empty: it is fresh.
    pub fn reasons(&self) -> Vec<String> {
        let refused = self.step.iter().filter_map(|step| match step {
            Step::Refuse(refusal) => Some(refusal.summary()),
            _ => None,
        });
        let contested = self.contested.iter().map(|found| format!("contested: {found}; stop the other writer"));
        let failed = self.failures.iter().map(|Failure { provider, error }| match provider {
            Some(provider) => format!("{provider}: {}", error.summary()),
            None => error.summary(),
        });
        refused.chain(contested).chain(self.waiting_for.clone()).chain(failed).collect()
    }
}

/// The latest outcome of every target, and the sources that failed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The outcomes by target.
    pub targets: BTreeMap<Target, Outcome>,
    /// The errors of failed sources, by the index of their route in the engine. The targets of such a route are not
    /// known.
    pub sources: BTreeMap<usize, Error>,
}

impl Report {
    /// Returns the number of targets in this state.
    pub fn count(&self, state: State) -> usize {
        self.targets.values().filter(|outcome| outcome.state() == state).count()
    }

    /// Returns the exit code of a process:
    ///
    /// | code | meaning |
    /// |---|---|
    /// | 0 | every target is up to date or gone, or waits for something that does not exist yet |
    /// | 1 | some targets failed, were refused or are contested |
    /// | 2 | no target succeeded, and a user must fix the config or the permissions first |
    /// | 3 | no target succeeded: a provider or a store was unreachable, or a provider gave invalid responses |
    pub fn exit_code(&self) -> u8 {
        let failed = |outcome: &&Outcome| matches!(outcome.state(), State::Failed | State::Refused | State::Contested);
        let bad = self.targets.values().filter(failed).collect::<Vec<_>>();
        if bad.is_empty() && self.sources.is_empty() {
            return 0;
        }
        let nothing_done = self.count(State::Fresh) + self.count(State::Waiting) == 0
            && bad.iter().all(|outcome| outcome.state() == State::Failed && outcome.written.is_none());
        let failures = || bad.iter().flat_map(|outcome| &outcome.failures);
        let is_personal =
            |error: &Error| matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Denied | ErrorKind::Unauthenticated);
        let of_person = || failures().all(|it| is_personal(&it.error)) && self.sources.values().all(is_personal);
        let of_outage = || failures().all(Failure::is_outage) && self.sources.values().all(is_outage);
        match () {
            () if nothing_done && of_person() => 2,
            () if nothing_done && of_outage() => 3,
            () => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::{Refusal, testing::target};

    use super::*;

    fn failed(kind: ErrorKind) -> Outcome {
        Outcome::failed(Error::new(kind, "because"))
    }

    fn fresh() -> Outcome {
        Outcome { step: Some(Step::Leave), ..Outcome::default() }
    }

    fn refused() -> Outcome {
        Outcome {
            step: Some(Step::Refuse(Refusal::new("foreign", "it is helm's", "choose another name"))),
            ..Outcome::default()
        }
    }

    fn contested() -> Outcome {
        Outcome { contested: Some("its data was changed".into()), ..fresh() }
    }

    fn waiting() -> Outcome {
        Outcome { step: Some(Step::Create), waiting_for: Some("ServiceAccount default".into()), ..Outcome::default() }
    }

    /// A provider gave an invalid response.
    fn nonsense() -> Outcome {
        let error = Error::new(ErrorKind::Malformed, "HTML");
        let provider = Some(regcred_core::testing::provider_name("one"));
        Outcome { step: Some(Step::Create), failures: vec![Failure { provider, error }], ..Outcome::default() }
    }

    fn written_in_part() -> Outcome {
        Outcome { written: Some(Written::Updated), ..failed(ErrorKind::Unreachable) }
    }

    #[test]
    fn the_exit_code_follows_from_the_outcomes_of_all_targets() {
        use ErrorKind::{Denied, Gone, Invalid, Malformed, Throttled, Unreachable};
        let cases: &[(&[Outcome], u8)] = &[
            (&[], 0),
            (&[fresh(), waiting(), failed(Gone)], 0),
            (&[failed(Gone)], 0),
            (&[fresh(), failed(Denied)], 1),
            (&[fresh(), refused()], 1),
            (&[refused()], 1),
            (&[fresh(), contested()], 1),
            (&[contested()], 1),
            (&[failed(Malformed)], 1),
            (&[nonsense()], 3),
            (&[nonsense(), failed(Unreachable)], 3),
            (&[nonsense(), failed(Denied)], 1),
            (&[nonsense(), fresh()], 1),
            (&[failed(Denied), failed(Unreachable)], 1),
            (&[written_in_part()], 1),
            (&[failed(Denied), failed(Invalid), failed(Gone)], 2),
            (&[failed(Unreachable), failed(Throttled)], 3),
        ];
        for (outcomes, code) in cases {
            let named = outcomes.iter().enumerate().map(|(n, it)| (target(&format!("team-{n}")), it.clone()));
            let report = Report { targets: named.collect(), sources: BTreeMap::new() };
            assert_eq!(report.exit_code(), *code, "{outcomes:?}");
        }
    }

    #[test]
    fn a_malformed_provider_answer_is_not_retried_in_one_pass() {
        assert!(!nonsense().is_retryable());
        for kind in [ErrorKind::Unreachable, ErrorKind::Throttled, ErrorKind::Conflict, ErrorKind::Malformed] {
            assert!(failed(kind).is_retryable(), "the store: {kind}");
        }
        let both =
            Outcome { failures: [nonsense().failures, failed(ErrorKind::Unreachable).failures].concat(), ..nonsense() };
        assert!(both.is_retryable());
    }

    #[test]
    fn a_failed_source_without_targets_sets_the_exit_code() {
        let mut report = Report::default();
        report.sources.insert(0, Error::new(ErrorKind::Unreachable, "no answer"));
        assert_eq!(report.exit_code(), 3);
        report.targets.insert(target("team-a"), fresh());
        assert_eq!(report.exit_code(), 1);
    }
}
