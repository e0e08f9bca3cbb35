//! What came of it, and the exit code.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use regcred_core::{Details, Error, ErrorKind, ProviderName, Target, Validity, Written};

use crate::Step;

/// What a target holds, by provider.
pub(crate) type Held = BTreeMap<ProviderName, Validity>;

/// What came of one look at one target.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// What the look led to; `None`: it could not be looked at.
    pub step: Option<Step>,
    /// What was written; `None`: nothing had to be or could be.
    pub written: Option<Written>,
    /// Whether something beside the target was written, such as a link.
    pub also_written: bool,
    /// What could not be done yet and is no failure; `None`: nothing.
    pub waiting_for: Option<String>,
    /// What it holds now, by provider: shared by all that hold the same.
    pub validity: Arc<BTreeMap<ProviderName, Validity>>,
    /// What went wrong; empty if nothing did.
    pub failures: Vec<Failure>,
    /// When it wants to be renewed; `None`: never, or not known.
    pub renew_at: Option<SystemTime>,
    /// What another writer keeps doing to it; `None`: nobody does. Then it is restored once in ten minutes at the most, until
    /// an hour has passed in peace.
    pub contested: Option<String>,
    /// What else a look that nothing follows from has found; `None`: it was not asked for.
    pub details: Option<Box<Details>>,
    /// Whose target it is, by the place of the route in the engine.
    pub route: usize,
    /// It is looked at again after this, besides when it is due.
    pub(crate) look_again: Option<Duration>,
    /// What it held before somebody else changed it, where that was left so.
    pub(crate) held: Option<Arc<Held>>,
    /// Nobody was asked to know how it stood.
    pub(crate) is_remembered: bool,
}

/// A failure, and where it was.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The provider that failed; `None`: the target itself.
    pub provider: Option<ProviderName>,
    /// What failed.
    pub error: Error,
}

impl Failure {
    /// Makes a failure of a provider, or with `None` of the target itself.
    pub fn new(provider: Option<ProviderName>, error: Error) -> Self {
        Self { provider, error }
    }

    /// Whether a provider gave an answer that makes no sense, as the login page of a proxy does.
    fn is_nonsense(&self) -> bool {
        self.provider.is_some() && self.error.kind() == ErrorKind::Malformed
    }

    /// Whether the other side is to blame, and may be well again later.
    fn is_outage(&self) -> bool {
        is_outage(&self.error) || self.is_nonsense()
    }
}

fn is_outage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Throttled)
}

/// How a target stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// At least one thing failed.
    Failed,
    /// It is not ours to write.
    Refused,
    /// Another writer keeps changing it.
    Contested,
    /// Its place is gone or going.
    Gone,
    /// It is as it should be, but for something that does not exist yet.
    Waiting,
    /// It is as it should be.
    Fresh,
}

impl State {
    /// The name in lower case, as in reports.
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
    /// Of a look that led to this, before anything was done.
    pub(crate) fn of(step: Step) -> Self {
        Self { step: Some(step), ..Self::default() }
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self { failures: vec![Failure { provider: None, error }], ..Self::default() }
    }

    /// How the target stands.
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

    /// Whether another look of the same pass may go better. A provider whose answer makes no sense gives the same answer a second later.
    pub(crate) fn is_retryable(&self) -> bool {
        let may = |failure: &Failure| failure.error.is_retryable() && !failure.is_nonsense();
        self.state() == State::Failed && self.failures.iter().any(may)
    }

    /// What the look says of the store: that it answers, or its own failure, if it did not even let itself be looked at, or asked for a
    /// pause; `None`: nothing, as it was not asked anything.
    pub(crate) fn store_answer(&self) -> Option<Result<(), &Error>> {
        // A write that fails after the store was looked at is the target's trouble, such as a webhook.
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

    /// Why it is not fresh, in words; empty if it is.
    pub fn reasons(&self) -> Vec<String> {
        let refused = self.step.iter().filter_map(|step| match step {
            Step::Refuse(refusal) => Some(refusal.to_string()),
            _ => None,
        });
        let contested =
            self.contested.iter().map(|found| format!("contested: {found}; have the other writer give it up"));
        let failed = self.failures.iter().map(|Failure { provider, error }| match provider {
            Some(provider) => format!("{provider}: {} ({})", error.chain(), error.kind()),
            None => format!("{} ({})", error.chain(), error.kind()),
        });
        refused.chain(contested).chain(self.waiting_for.clone()).chain(failed).collect()
    }
}

/// The latest word on every target, and the sources that failed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// By target.
    pub targets: BTreeMap<Target, Outcome>,
    /// By the place of their route in the engine: why nobody knows its targets.
    pub sources: BTreeMap<usize, Error>,
}

impl Report {
    /// How many targets stand so.
    pub fn count(&self, state: State) -> usize {
        self.targets.values().filter(|outcome| outcome.state() == state).count()
    }

    /// What a process says with its exit code:
    ///
    /// | code | meaning |
    /// |---|---|
    /// | 0 | every target is as it should be, or gone, or waits for what does not exist yet |
    /// | 1 | some failed, were refused or are contested |
    /// | 2 | nothing could be done, and nothing can before a person acts on config or permissions |
    /// | 3 | nothing could be done: a provider or a store could not be reached, or a provider's answers make no sense |
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

    /// A provider's answer makes no sense.
    fn nonsense() -> Outcome {
        let error = Error::new(ErrorKind::Malformed, "HTML");
        let provider = Some(regcred_core::testing::provider_name("one"));
        Outcome { step: Some(Step::Create), failures: vec![Failure { provider, error }], ..Outcome::default() }
    }

    fn written_in_part() -> Outcome {
        Outcome { written: Some(Written::Updated), ..failed(ErrorKind::Unreachable) }
    }

    #[test]
    fn the_exit_code_says_whether_anything_was_done_and_who_has_to_act() {
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
    fn a_provider_that_answers_nonsense_is_not_asked_again_in_one_pass() {
        assert!(!nonsense().is_retryable());
        for kind in [ErrorKind::Unreachable, ErrorKind::Throttled, ErrorKind::Conflict, ErrorKind::Malformed] {
            assert!(failed(kind).is_retryable(), "the store: {kind}");
        }
        let both =
            Outcome { failures: [nonsense().failures, failed(ErrorKind::Unreachable).failures].concat(), ..nonsense() };
        assert!(both.is_retryable());
    }

    #[test]
    fn a_source_that_failed_counts_though_it_named_no_target() {
        let mut report = Report::default();
        report.sources.insert(0, Error::new(ErrorKind::Unreachable, "no answer"));
        assert_eq!(report.exit_code(), 3);
        report.targets.insert(target("team-a"), fresh());
        assert_eq!(report.exit_code(), 1);
    }
}
