//! State that all connections share.

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
    /// Every change of this channel ends the open watches.
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
    /// The name of each policy, and the user whose writes it checks.
    pub(super) policies: Vec<(String, String)>,
    /// How far the clock of the server is ahead of the real time.
    pub(super) ahead: Option<Duration>,
}
