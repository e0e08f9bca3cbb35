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

/// The problems and warnings that the types of a program found in a config.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The problems. A config without problems is valid.
    pub problems: Vec<Problem>,
    /// Warnings about valid values.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// Reads files, environment and command line.
    ///
    /// `check` gets the well-formed parts. It returns the problems that only a type of provider or sink can find. Thus
    /// all problems are reported at once.
    pub fn load(layers: &Layers, grammar: &Grammar, check: impl Fn(&Self) -> Checked) -> Result<Self, Problems> {
        let config = load(layers, grammar).and_then(|united| Self::read(united, grammar, check));
        config.map_err(|problems| without_quotes_of_links(layers, problems))
    }

    /// Reads a text, without files and environment. `check` is as in [`Config::load`].
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

    /// Returns the name of this installation, which prevents two installations in one cluster from writing each other's
    /// Secrets. Default: `default`.
    pub fn instance(&self) -> &InstanceName {
        &self.content.instance
    }

    /// Returns the previous name of this installation. Secrets of that instance are taken over. Default: none.
    pub fn previous_instance(&self) -> Option<&InstanceName> {
        self.content.previous_instance.as_ref()
    }

    /// Returns the schedule. A CronJob runs its passes at these times. A daemon refreshes at these times too, in
    /// addition to the refreshes planned from each credential's lifetime. Default: none.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.content.schedule.as_ref()
    }

    /// Returns the place of the whole config, for problems with one of its keys.
    pub fn origin(&self) -> &Origin {
        &self.content.origin
    }

    /// Returns the entries of `providers:`, in alphabetical order.
    pub fn providers(&self) -> &[Spec] {
        &self.content.providers
    }

    /// Returns the entries of `sinks:`, in alphabetical order. Default: the cluster alone.
    pub fn sinks(&self) -> &[Spec] {
        &self.content.sinks
    }

    /// Returns the entries of `targets:`, in the order of the file. There is at least one.
    pub fn targets(&self) -> &[TargetEntry] {
        &self.content.targets
    }

    /// Returns the inline providers of targets that have another fault, so that a check of [`Config::load`] also
    /// reports their faults. A valid config has none.
    pub fn doubtful(&self) -> &[Spec] {
        &self.content.doubtful
    }

    /// Returns the maximum number of writes per second for due refreshes. 0: no limit. Default: 50.
    pub fn max_writes_per_second(&self) -> u32 {
        self.content.max_writes_per_second
    }

    /// Returns how often the daemon reads a target that it does not watch. Default: 5 minutes.
    pub fn resync(&self) -> Duration {
        self.content.resync
    }

    /// Returns whether regcred removes Secrets that no target names any more. Default: no.
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

    /// Returns warnings about valid values.
    pub fn warnings(&self) -> &[Problem] {
        &self.content.warnings
    }
}
