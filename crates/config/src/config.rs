//! The valid configuration.

use std::time::Duration;

use regcred_core::InstanceName;
use serde::Serialize;

use crate::{
    Grammar, Layers, Origin, Problem, Problems, Schedule, Setting, Spec, TargetEntry,
    load::layers::{United, load, only, without_quotes_of_links},
    model::content::Content,
    read::config::read,
};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    content: Content,
}

/// The findings of the types of a program in a config.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The problems. A config without problems is valid.
    pub problems: Vec<Problem>,
    /// Warnings about values that are valid.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Reads files, environment and command line. `check` gets the well-formed parts and returns the problems that only a type of
    /// provider or of sink can find, so that all problems are reported at once.
    pub fn load(layers: &Layers, grammar: &Grammar, check: impl Fn(&Self) -> Checked) -> Result<Self, Problems> {
        let config = load(layers, grammar).and_then(|united| Self::read(united, grammar, check));
        config.map_err(|problems| without_quotes_of_links(layers, problems))
    }

    /// Reads a text, without files and environment. `check` as in [`Config::load`].
    pub fn from_yaml(text: &str, grammar: &Grammar, check: impl Fn(&Self) -> Checked) -> Result<Self, Problems> {
        Self::read(only(text, grammar)?, grammar, check)
    }

    fn read(united: United, grammar: &Grammar, check: impl Fn(&Self) -> Checked) -> Result<Self, Problems> {
        let United { dict, root, warnings } = united;
        let (content, mut problems) = read(&dict, &root, grammar);
        let mut config = Self { content };
        let checked = check(&config);
        problems.extend(checked.problems);
        Problems::check(problems)?;
        config.content.warnings.extend(checked.warnings.into_iter().chain(warnings));
        Ok(config)
    }

    /// Names this installation, so that two in one cluster do not write each other's Secrets. Default: `default`.
    pub fn instance(&self) -> &InstanceName {
        &self.content.instance
    }

    /// The name that this installation had before: Secrets of that instance are taken over. Default: none.
    pub fn previous_instance(&self) -> Option<&InstanceName> {
        self.content.previous_instance.as_ref()
    }

    /// When a CronJob makes its passes; in a daemon, runs that add refreshes to those planned from each credential's own life. Default:
    /// none.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.content.schedule.as_ref()
    }

    /// The place of the whole config, for problems with one of its keys.
    pub fn origin(&self) -> &Origin {
        &self.content.origin
    }

    /// The entries of `providers:`, in alphabetical order.
    pub fn providers(&self) -> &[Spec] {
        &self.content.providers
    }

    /// The entries of `sinks:`, in alphabetical order. Default: the cluster alone.
    pub fn sinks(&self) -> &[Spec] {
        &self.content.sinks
    }

    /// The entries of `targets:`, in the order of the file. At least one.
    pub fn targets(&self) -> &[TargetEntry] {
        &self.content.targets
    }

    /// Returns the inline providers of targets that have another fault. So a check of [`Config::load`] reports their faults too. A valid
    /// config has none.
    pub fn doubtful(&self) -> &[Spec] {
        &self.content.doubtful
    }

    /// The most writes per second for refreshes that are due. 0: no limit. Default: 50.
    pub fn max_writes_per_second(&self) -> u32 {
        self.content.max_writes_per_second
    }

    /// How often the daemon reads a target that it does not watch. Default: 5 minutes.
    pub fn resync(&self) -> Duration {
        self.content.resync
    }

    /// Whether regcred removes Secrets that no target names any more. Default: no.
    pub fn prune(&self) -> bool {
        self.content.prune
    }

    /// Returns the union of files, environment and command line, as one map. Values that may be secrets are hidden.
    pub fn merged(&self) -> impl Serialize {
        self.content.merged.map()
    }

    /// Returns whether both have the same values. Their files and variables can differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.content.digest == other.content.digest
    }

    /// Returns each value of that map, with its file or variable.
    pub fn settings(&self) -> Vec<Setting> {
        self.content.merged.settings()
    }

    /// Warnings about values that are valid.
    pub fn warnings(&self) -> &[Problem] {
        &self.content.warnings
    }
}
