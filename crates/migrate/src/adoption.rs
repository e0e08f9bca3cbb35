//! The Secrets that the config takes over, and how.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regcred_core::SecretName;

use crate::{
    discover::{Address, Job, PullSecret, Tool, Use},
    stop::Stop,
    vendor::Source,
};

/// The decision on every Secret that was found.
#[derive(Debug, Default)]
pub struct Adoption<'a> {
    /// The entries of the config.
    pub entries: Vec<Entry<'a>>,
    /// The Secrets that the config leaves out, each with the reason.
    pub left: Vec<(&'a PullSecret, String)>,
}

/// Secrets that regcred keeps by the same method.
#[derive(Debug)]
pub struct Entry<'a> {
    /// How regcred keeps the Secrets.
    pub method: Method,
    /// Name of the Secrets.
    pub name: SecretName,
    /// The tokens that the Secrets need.
    pub tokens: Vec<Token>,
    /// The ServiceAccounts that use the Secrets. `None` if the default of the config applies.
    pub accounts: Option<Vec<Use>>,
    /// The Secrets.
    pub secrets: Vec<&'a PullSecret>,
    /// Jobs that write the Secrets.
    pub jobs: Vec<&'a Job>,
    /// How to stop those jobs that are not suspended.
    pub stops: Vec<Stop<'a>>,
}

/// How regcred keeps a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// regcred takes the Secret over. It contains only logins that regcred can renew.
    Adopt,
    /// regcred merges its logins into the Secret, because the Secret has other content too.
    Merge,
    /// regcred already owns the Secret.
    Keep,
    /// regcred has already merged logins into the Secret.
    KeepMerged,
}

/// A credential that one provider of the config mints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// Accounts of Amazon ECR in one region, under one or more kinds of hosts.
    Ecr {
        /// The region.
        region: String,
        /// The accounts.
        accounts: BTreeSet<String>,
        /// The values of `aliases` that the hosts need.
        aliases: BTreeSet<&'static str>,
    },
    /// Amazon ECR Public.
    EcrPublic,
    /// Registries of Google.
    Google {
        /// The registries.
        registries: BTreeSet<String>,
    },
    /// A registry of Azure.
    Azure {
        /// The host.
        host: String,
    },
    /// A robot account of Quay.
    Quay {
        /// The host.
        host: String,
        /// The robot account.
        username: String,
    },
}

impl Token {
    /// Returns the tokens that these sources need, sorted. A source that a config cannot name has none.
    pub(crate) fn all(sources: &BTreeSet<Source>) -> Vec<Self> {
        let (mut regions, mut google) = (BTreeMap::<_, (BTreeSet<_>, BTreeSet<_>)>::new(), BTreeSet::new());
        let mut tokens = vec![];
        for source in sources {
            match source.clone() {
                Source::Ecr { region, account, alias } => {
                    let (accounts, aliases) = regions.entry(region).or_default();
                    accounts.insert(account);
                    aliases.extend(alias);
                }
                Source::Google { registry } => _ = google.insert(registry),
                Source::EcrPublic => tokens.push(Self::EcrPublic),
                Source::Azure { host } => tokens.push(Self::Azure { host }),
                Source::Quay { host, username } => tokens.push(Self::Quay { host, username }),
                Source::Jfrog { .. } => {}
            }
        }
        tokens.extend((!google.is_empty()).then_some(Self::Google { registries: google }));
        let ecr = |(region, (accounts, aliases))| Self::Ecr { region, accounts, aliases };
        tokens.extend(regions.into_iter().map(ecr));
        tokens.sort();
        tokens
    }
}

impl<'a> Adoption<'a> {
    /// Returns how regcred keeps each Secret of the config.
    pub fn methods(&self) -> HashMap<&'a Address, Method> {
        self.entries.iter().flat_map(|entry| entry.secrets.iter().map(|it| (&it.at, entry.method))).collect()
    }
}

impl<'a> Entry<'a> {
    /// Returns the namespaces of its Secrets for which no writing job was found.
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
