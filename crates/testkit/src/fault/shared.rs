//! State that the proxy and its connections share.

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use super::{kind::Fault, plan::Plan};
use crate::lock::lock;

/// The plan of faults, and the counters of connections and requests.
#[derive(Debug, Default)]
pub(super) struct Shared {
    plan: Mutex<Plan>,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Shared {
    pub(super) fn take_for_connection(&self) -> Option<Fault> {
        self.connections.fetch_add(1, Ordering::SeqCst);
        lock(&self.plan).take_for_connection()
    }

    pub(super) fn take_for_request(&self) -> Fault {
        self.requests.fetch_add(1, Ordering::SeqCst);
        lock(&self.plan).take_for_request()
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
