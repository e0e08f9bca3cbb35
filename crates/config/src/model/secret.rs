//! The Secret of a target, and the ServiceAccounts that use it.

use std::{collections::BTreeMap, fmt};

use regcred_core::SecretName;
use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};

use crate::names::word::MERGE;

/// The name that the shell recipe uses too.
const NAME: &str = "ecr-secret";

/// The Secret of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSettings {
    /// The name. Default: `ecr-secret`.
    pub name: SecretName,
    /// Whether its entries are merged into a Secret of another owner. Default: no.
    pub merge: Merge,
    /// Whether regcred takes over a Secret of another owner. Default: no.
    pub adopt: bool,
    /// The format of a login.
    pub credentials: LoginFormat,
    /// Labels in addition to regcred's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations in addition to regcred's own.
    pub annotations: BTreeMap<String, String>,
}

impl Default for SecretSettings {
    fn default() -> Self {
        Self {
            name: SecretName::new(NAME).expect("the default is a valid name"),
            merge: Merge::No,
            adopt: false,
            credentials: LoginFormat::default(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// Whether entries are merged into a Secret of another owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Merge {
    /// No: the Secret is regcred's own.
    #[default]
    No,
    /// Entries are merged if the Secret exists.
    Yes,
    /// Entries are merged. If the Secret does not exist, one with only these entries is created.
    Create,
}

impl Merge {
    /// Returns whether the Secret keeps its owner.
    pub fn is_on(self) -> bool {
        self != Self::No
    }
}

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AMerge;
        impl Visitor<'_> for AMerge {
            type Value = Merge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(MERGE)
            }

            fn visit_bool<E: de::Error>(self, merge: bool) -> Result<Merge, E> {
                Ok(if merge { Merge::Yes } else { Merge::No })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Merge, E> {
                if word == "create" { Ok(Merge::Create) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
            }
        }
        deserializer.deserialize_any(AMerge)
    }
}

/// The format of a login in a Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LoginFormat {
    /// `auth` alone, which the kubelet, Podman, Buildah, Skopeo and Docker read.
    #[default]
    Auth,
    /// Also `username` and `password`, for readers that need them.
    Full,
}

/// The type of the Secret.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// `kubernetes.io/dockerconfigjson`.
    DockerConfigJson,
}

/// Settings of the Secret.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Secret", transform = super::shape::merging))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: ecr-pull }")]
pub(crate) struct RawSecret {
    /// Name of the Secret. Default: `ecr-secret`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::OBJECT)))]
    pub(crate) name: Option<String>,
    /// Whether entries are merged into a Secret of another owner. `create` creates the Secret if it does not exist.
    /// Default: `false`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::merge"))]
    pub(crate) merge: Option<Merge>,
    /// Whether regcred takes over a Secret that another tool created. The Secret must hold only logins that the config
    /// names. Default: `false`.
    pub(crate) adopt: Option<bool>,
    /// Type of the Secret. Default: `dockerconfigjson`.
    #[expect(dead_code, reason = "there is one")]
    pub(crate) format: Option<Format>,
    /// Format of a login: `auth` alone, or `full` with `username` and `password` too. Default: `auth`.
    pub(crate) credentials: Option<LoginFormat>,
    /// Labels in addition to regcred's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::labels"))]
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations in addition to regcred's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::annotations"))]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A ServiceAccount that uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: default, link: [pull] }")]
pub struct AccountLink {
    /// Name of the ServiceAccount, such as `default`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::OBJECT)))]
    pub name: String,
    /// Uses of the Secret: `pull` for the images of its pods, `mount` for pushes of builds, or both. Default: `[pull]`.
    #[serde(default = "pull")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub link: Vec<LinkName>,
}

/// How a ServiceAccount uses a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum LinkName {
    /// Pulls the images of its pods: in `imagePullSecrets`.
    Pull,
    /// Used by builds, and mounted into its pods: in `secrets`.
    Mount,
}

fn pull() -> Vec<LinkName> {
    vec![LinkName::Pull]
}
