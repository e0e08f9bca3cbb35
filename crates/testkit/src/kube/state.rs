//! The state that all connections share.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::watch;

use super::{access::Rules, admission::Admission, faults::Faults, record::Record, store::Store};
use crate::lock::lock;

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) hanging: watch::Sender<bool>,
    /// Ends the watches that are open when it changes.
    pub(super) closed: watch::Sender<()>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) rules: Rules,
    pub(super) record: Record,
    pub(super) admission: Admission,
    pub(super) faults: Faults,
    /// Their names, and whom they judge.
    pub(super) policies: Vec<(String, String)>,
    /// How far its clock is ahead of ours.
    pub(super) ahead: Option<Duration>,
}
