//! The state of a target, as one word.

use std::time::SystemTime;

use clap::ValueEnum;
use regcred_engine::{Outcome, State, Step};

/// The state of a target, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum TargetState {
    /// A credential in the Secret has expired
    Expired,
    /// The Secret does not exist
    Missing,
    /// The Secret lacks a login that the config asks for
    Incomplete,
    /// Another owner made the Secret, and regcred is set to adopt it
    Foreign,
    /// The Secret or an object beside it could not be read
    Failed,
    /// The Secret belongs to another owner
    Refused,
    /// The Secret differs from the config, or another writer changed it
    Edited,
    /// A ServiceAccount does not use the Secret yet
    Unlinked,
    /// A credential is due for a refresh, and still works
    Due,
    /// The target waits for a ServiceAccount
    Waiting,
    /// The target is as it should be
    Fresh,
    /// The namespace does not exist, or is being deleted
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

    /// Returns the word of the state, as `--state` accepts it.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
