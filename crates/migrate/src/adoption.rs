//! What the config takes over, and how.

use std::collections::{BTreeSet, HashMap};

use regcred_core::SecretName;

use crate::{
    discover::{Address, Job, PullSecret, Tool, Use},
    stop::Stop,
};

/// What becomes of every Secret that was found.
#[derive(Debug, Default)]
pub struct Adoption<'a> {
    /// What the config has entries for.
    pub entries: Vec<Entry<'a>>,
    /// Those that it cannot have, each with the reason.
    pub left: Vec<(&'a PullSecret, String)>,
}

/// Secrets that are kept alike.
#[derive(Debug)]
pub struct Entry<'a> {
    /// How they are kept.
    pub way: Way,
    /// Their name.
    pub name: SecretName,
    /// By region.
    pub tokens: Vec<Token>,
    /// Who uses it; `None`: as the config has it unless it is told.
    pub accounts: Option<Vec<Use>>,
    /// The Secrets.
    pub secrets: Vec<&'a PullSecret>,
    /// Jobs that write them.
    pub jobs: Vec<&'a Job>,
    /// What stops those that run.
    pub stops: Vec<Stop<'a>>,
}

/// How a Secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// It holds nothing but logins that can be renewed.
    Adopt,
    /// Others stand beside them.
    Merge,
    /// It is regcred's own.
    Keep,
    /// regcred has merged logins into it.
    KeepMerged,
}

/// Accounts in one region, under one or several hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    /// The region.
    pub region: String,
    /// The accounts.
    pub accounts: BTreeSet<String>,
    /// The values of `aliases` that the hosts need.
    pub aliases: BTreeSet<&'static str>,
}

impl<'a> Adoption<'a> {
    /// How each Secret is kept that is in the config.
    pub fn ways(&self) -> HashMap<&'a Address, Way> {
        self.entries.iter().flat_map(|entry| entry.secrets.iter().map(|it| (&it.at, entry.way))).collect()
    }
}

impl<'a> Entry<'a> {
    /// Returns the namespaces of its Secrets in which no job was found that writes them.
    pub(crate) fn unwritten(&self) -> Vec<&'a str> {
        let is_written = |secret: &PullSecret| {
            self.jobs.iter().any(|job| match job.tool {
                Some(tool) if tool != Tool::Script => secret.tool == Some(tool),
                _ => job.at.namespace == secret.at.namespace,
            })
        };
        self.secrets.iter().filter(|it| !is_written(it)).map(|it| it.at.namespace.as_str()).collect()
    }
}
