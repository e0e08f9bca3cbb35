//! The state of a target, in one word.

use std::time::SystemTime;

use clap::ValueEnum;
use regcred_engine::{Outcome, State, Step};

/// How a target stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum TargetState {
    /// A credential in it does not work any more
    Expired,
    /// There is no Secret
    Missing,
    /// A login that the config asks for is not in it
    Incomplete,
    /// Somebody else made it, and it is to be taken over
    Foreign,
    /// It could not be looked at, or not everything beside it
    Failed,
    /// It belongs to somebody else
    Refused,
    /// It is not as the config has it by now, or somebody has changed it
    Edited,
    /// A ServiceAccount does not use it yet
    Unlinked,
    /// A credential wants to be renewed, and works
    Due,
    /// It waits for a ServiceAccount
    Waiting,
    /// It is as it should be
    Fresh,
    /// Its namespace is gone or going
    Gone,
}

impl TargetState {
    /// Returns the state of a target at this time. `missing`: the providers whose login it should hold, but does not.
    pub(crate) fn of(outcome: &Outcome, missing: &[String], now: SystemTime) -> Self {
        let expired = outcome.validity.values().any(|it| !it.is_usable(now));
        match (outcome.state(), &outcome.step) {
            (State::Gone, _) => Self::Gone,
            (State::Refused, _) => Self::Refused,
            (_, Some(_)) if expired => Self::Expired,
            (State::Failed, _) | (_, None) => Self::Failed,
            (_, Some(Step::Create)) => Self::Missing,
            (_, Some(Step::Adopt(_))) => Self::Foreign,
            (_, Some(Step::Refresh)) if !missing.is_empty() => Self::Incomplete,
            (_, Some(Step::Repair(_))) => Self::Edited,
            (_, Some(Step::Link(_))) => Self::Unlinked,
            (State::Waiting, Some(Step::Leave)) => Self::Waiting,
            (_, Some(Step::Leave)) => Self::Fresh,
            (_, Some(_)) => Self::Due,
        }
    }

    /// The word of the state, as `--state` takes it.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
