//! The events of an engine.

use std::time::Duration;

use regcred_core::{Error, ProviderName, StoreName, Target, Validity};

use crate::{Outcome, Report};

/// An event of the engine. Metrics, progress and notices subscribe to events.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A provider returned a new credential.
    Minted {
        /// The provider.
        provider: &'a ProviderName,
        /// The validity of the credential.
        validity: Validity,
    },
    /// A provider failed to return a credential.
    MintFailed {
        /// The provider.
        provider: &'a ProviderName,
        /// The error.
        error: &'a Error,
        /// The number of failures in a row.
        failures: u32,
    },
    /// A target was reconciled.
    Reconciled {
        /// The target.
        target: &'a Target,
        /// The outcome.
        outcome: &'a Outcome,
        /// The duration, including the wait for a provider.
        took: Duration,
    },
    /// The load of a store changed.
    Queue {
        /// The store.
        store: &'a StoreName,
        /// The number of targets that wait or are being reconciled.
        depth: usize,
        /// The age of the oldest of these targets. `None`: there is none.
        oldest: Option<Duration>,
    },
    /// Every source has sent all its targets for the first time in this run.
    Synced {
        /// The number of targets.
        targets: usize,
    },
    /// A target no longer exists in any source.
    Forgotten {
        /// The target.
        target: &'a Target,
    },
    /// A source of targets failed.
    SourceFailed {
        /// The index of its route in the engine.
        route: usize,
        /// The error.
        error: &'a Error,
    },
    /// A pass of [`Engine::once`](crate::Engine::once) ended.
    PassEnded {
        /// The latest outcome of every target.
        report: &'a Report,
    },
}
