//! The valid configuration.

use std::time::Duration;

use regcred_core::InstanceName;
use serde::Serialize;

use crate::{Origin, Problem, Registries, Schedule, Setting, Spec, TargetEntry, merged::Merged, target::Doubtful};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) instance: InstanceName,
    pub(crate) previous_instance: Option<InstanceName>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) providers: Vec<Spec>,
    pub(crate) sinks: Vec<Spec>,
    pub(crate) targets: Vec<TargetEntry>,
    pub(crate) doubtful: Vec<Doubtful>,
    pub(crate) max_writes_per_second: u32,
    pub(crate) resync: Duration,
    pub(crate) prune: bool,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) merged: Merged,
    /// Digest of all values: equal configs have equal digests.
    pub(crate) digest: u64,
}

impl Config {
    /// Names this installation, so that two in one cluster do not write each other's Secrets. Default: `default`.
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// The name that this installation had before: Secrets of that instance are taken over. Default: none.
    pub fn previous_instance(&self) -> Option<&InstanceName> {
        self.previous_instance.as_ref()
    }

    /// When a CronJob makes its passes; in a daemon, runs that add refreshes to those planned from each credential's own life. No token
    /// of Amazon ECR expires between two runs. Default: none.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// What `providers:` names, in alphabetical order.
    pub fn providers(&self) -> &[Spec] {
        &self.providers
    }

    /// What `sinks:` names, in alphabetical order; the cluster, if it names nothing.
    pub fn sinks(&self) -> &[Spec] {
        &self.sinks
    }

    /// In the order of the file; at least one.
    pub fn targets(&self) -> &[TargetEntry] {
        &self.targets
    }

    /// Returns the registries of targets that have another fault, each with the place of its target. So a check of [`Config::load`]
    /// reports their faults too. A valid config has none.
    pub fn doubtful_registries(&self) -> impl Iterator<Item = (&Registries, &Origin)> {
        self.doubtful.iter().map(|Doubtful { registries, origin }| (registries, origin))
    }

    /// How many writes a second of what falls due; 0: as fast as the store takes them. Default: 50.
    pub fn max_writes_per_second(&self) -> u32 {
        self.max_writes_per_second
    }

    /// How often the daemon reads a target that it does not watch. Default: 5 minutes.
    pub fn resync(&self) -> Duration {
        self.resync
    }

    /// Whether Secrets that nothing asks for any more are removed. Default: no.
    pub fn prune(&self) -> bool {
        self.prune
    }

    /// Returns the union of files, environment and command line, as one map. Values that may be secrets are hidden.
    pub fn merged(&self) -> impl Serialize {
        self.merged.map()
    }

    /// Returns whether both have the same values, from whatever files and variables.
    pub fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Returns each value of that map, with its file or variable.
    pub fn settings(&self) -> Vec<Setting> {
        self.merged.settings()
    }

    /// What is odd, but works.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
