//! The valid configuration.

use std::{fmt, sync::Arc};

use regcred_core::{InstanceName, Namespace, ProviderName};

use crate::{AccountLink, Schedule, SecretSettings, Spec, lines::Lines, problem::Problem};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) instance: InstanceName,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) providers: Vec<Spec>,
    pub(crate) targets: Vec<TargetEntry>,
    pub(crate) warnings: Vec<Problem>,
}

impl Config {
    /// Names this installation, so that two in one cluster do not write each other's Secrets. Default: `default`.
    pub fn instance(&self) -> &InstanceName {
        &self.instance
    }

    /// Runs that add refreshes to those planned from each credential's own life. Default: none.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// What `providers:` names, in alphabetical order.
    pub fn providers(&self) -> &[Spec] {
        &self.providers
    }

    /// In the order of the file; at least one.
    pub fn targets(&self) -> &[TargetEntry] {
        &self.targets
    }

    /// What is odd, but works.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

/// One entry of `targets:`: namespaces, what they need a login for, and how the Secret is kept there.
#[derive(Clone, Debug)]
pub struct TargetEntry {
    /// Where the Secret is kept; at least one.
    pub namespaces: Vec<Namespace>,
    /// What it opens.
    pub wants: Wants,
    /// How it is kept.
    pub secret: SecretSettings,
    /// Who uses it; `None`: `default` to pull, `builder` and `pipeline`, where they exist, to pull and to push; of a Secret that is
    /// merged into, nobody else.
    pub accounts: Option<Vec<AccountLink>>,
    /// Where it stands in the configuration.
    pub origin: Origin,
}

/// What a target needs a login for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wants {
    /// Registries of Amazon ECR, with the identity that the process has.
    Registries(Registries),
    /// What these entries of `providers:` give; at least one.
    Providers(Vec<ProviderName>),
}

/// Which registries of Amazon ECR a target needs a login for. Formed like them; whether they exist, the provider knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Registries {
    /// Those of accounts in a region; without accounts that of the identity which asks.
    Region {
        /// Such as `eu-west-1`.
        region: String,
        /// Twelve digits each, in the order of the file, none twice.
        accounts: Vec<String>,
    },
    /// This one, by its host.
    Host(String),
}

/// Where something stands in the configuration. `Display` is as compilers have it: `FILE:LINE: KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, or what else the value came from; `None` if nobody knows.
    pub source: Option<String>,
    /// Such as `targets[2]`.
    pub key: String,
    /// Of the file, if it is one.
    pub(crate) lines: Option<Arc<Lines>>,
}

impl Origin {
    /// A key below this one.
    #[must_use]
    pub fn join(&self, key: &str) -> Self {
        let dot = if key.starts_with('[') { "" } else { "." };
        Self { key: format!("{}{dot}{key}", self.key), ..self.clone() }
    }

    /// The line in the file, counted from 1; `None` if it is not from a file.
    pub fn line(&self) -> Option<u64> {
        self.lines.as_ref()?.line(&self.key)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.line()) {
            (Some(source), Some(line)) => write!(f, "{source}:{line}: {}", self.key),
            (Some(source), None) => write!(f, "{source}: {}", self.key),
            (None, _) => f.write_str(&self.key),
        }
    }
}
