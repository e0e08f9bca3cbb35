//! The content of a config, as one value.

use std::time::Duration;

use regcred_core::InstanceName;

use super::merged::Merged;
use crate::{Origin, Problem, Schedule, Spec, TargetEntry};

/// All values of a config. The methods of [`Config`](crate::Config) describe them.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) origin: Origin,
    pub(crate) instance: InstanceName,
    pub(crate) previous_instance: Option<InstanceName>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) providers: Vec<Spec>,
    pub(crate) sinks: Vec<Spec>,
    pub(crate) targets: Vec<TargetEntry>,
    /// Keys of types in targets that have another fault.
    pub(crate) doubtful: Vec<Spec>,
    pub(crate) max_writes_per_second: u32,
    pub(crate) resync: Duration,
    pub(crate) prune: bool,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) merged: Merged,
    /// Digest of all values. Equal configs have equal digests.
    pub(crate) digest: u64,
}
