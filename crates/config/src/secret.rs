//! How a target's Secret is kept, and who uses it.

use regcred_core::SecretName;
use serde::Deserialize;

/// Under this name the shell recipe keeps it too.
const NAME: &str = "ecr-secret";

/// The Secret of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSettings {
    /// Default: `ecr-secret`.
    pub name: SecretName,
    /// Whether its entries are put into a Secret that stays somebody else's. Default: no.
    pub merge: bool,
    /// Whether one that somebody else made is taken over. Default: no.
    pub adopt: bool,
}

impl Default for SecretSettings {
    fn default() -> Self {
        Self { name: SecretName::new(NAME).expect("the default is a valid name"), merge: false, adopt: false }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map such as { name: ecr-pull }")]
pub(crate) struct RawSecret {
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) merge: bool,
    #[serde(default)]
    pub(crate) adopt: bool,
}

/// A ServiceAccount that uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map such as { name: default, link: [pull] }")]
pub struct AccountLink {
    /// Such as `default`.
    pub name: String,
    /// How. Default: to pull.
    #[serde(default = "pull")]
    pub link: Vec<LinkName>,
}

/// How a ServiceAccount uses a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkName {
    /// To pull the images of its pods: in `imagePullSecrets`.
    Pull,
    /// In builds, and mounted into its pods: in `secrets`.
    Mount,
}

fn pull() -> Vec<LinkName> {
    vec![LinkName::Pull]
}
