//! The events of an engine.

use std::time::Duration;

use regcred_core::{Error, ProviderName, StoreName, Target, Validity};

use crate::{Outcome, Report};

/// Something that happened. Metrics, progress and notices are subscribers of these.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A provider returned a new credential.
    Minted {
        /// Which one.
        provider: &'a ProviderName,
        /// From when to when it works.
        validity: Validity,
    },
    /// A provider was asked and returned none.
    MintFailed {
        /// Which one.
        provider: &'a ProviderName,
        /// Why.
        error: &'a Error,
        /// How many times in a row.
        failures: u32,
    },
    /// A target was looked at, and whatever that led to was done.
    Reconciled {
        /// Which one.
        target: &'a Target,
        /// What came of it.
        outcome: &'a Outcome,
        /// How long that took, waiting for a provider included.
        took: Duration,
    },
    /// What is left to do in a store has changed.
    Queue {
        /// Which one.
        store: &'a StoreName,
        /// How many targets wait for a look or are looked at.
        depth: usize,
        /// The age of the oldest of these targets. `None`: there is none.
        oldest: Option<Duration>,
    },
    /// Every source has named its targets for the first time in this run.
    Synced {
        /// Number of targets.
        targets: usize,
    },
    /// It is no target any more.
    Forgotten {
        /// Which one.
        target: &'a Target,
    },
    /// A source of targets failed.
    SourceFailed {
        /// The place of its route in the engine.
        route: usize,
        /// Why.
        error: &'a Error,
    },
    /// A pass of [`Engine::once`](crate::Engine::once) is over.
    PassEnded {
        /// The latest word on every target.
        report: &'a Report,
    },
}
