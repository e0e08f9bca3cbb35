//! How a target's Secret is kept, and who uses it.

use std::{collections::BTreeMap, fmt};

use regcred_core::SecretName;
use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};

use crate::names::word::MERGE;

/// Under this name the shell recipe keeps it too.
const NAME: &str = "ecr-secret";

/// The Secret of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSettings {
    /// Default: `ecr-secret`.
    pub name: SecretName,
    /// Whether its entries are put into a Secret of another owner. Default: no.
    pub merge: Merge,
    /// Whether regcred takes over a Secret of another owner. Default: no.
    pub adopt: bool,
    /// How a login is written.
    pub credentials: LoginFormat,
    /// Labels beside regcred's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations beside regcred's own.
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

/// Whether entries are put into a Secret of another owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Merge {
    /// The Secret is regcred's own.
    #[default]
    No,
    /// They are, if there is one.
    Yes,
    /// They are. If there is none, one is created that holds these entries alone.
    Create,
}

impl Merge {
    /// Whether the Secret stays its owner's.
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

/// How a login is written into a Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LoginFormat {
    /// `auth` alone, which the kubelet, Podman, Buildah, Skopeo and Docker read.
    #[default]
    Auth,
    /// Also `username` and `password`, for readers that want these.
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

/// How the Secret is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Secret", transform = super::shape::merging))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: ecr-pull }")]
pub(crate) struct RawSecret {
    /// Its name. Default: `ecr-secret`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::OBJECT)))]
    pub(crate) name: Option<String>,
    /// Whether its entries are put into a Secret of another owner. `create` creates the Secret if there is none. Default: `false`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::merge"))]
    pub(crate) merge: Option<Merge>,
    /// Whether one that somebody else made is taken over, if it holds nothing but logins that the config names. Default: `false`.
    pub(crate) adopt: Option<bool>,
    /// Its type. Default: `dockerconfigjson`.
    #[expect(dead_code, reason = "there is one")]
    pub(crate) format: Option<Format>,
    /// How a login is written: `auth` alone, or `full` with `username` and `password` too. Default: `auth`.
    pub(crate) credentials: Option<LoginFormat>,
    /// Labels beside regcred's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::labels"))]
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations beside regcred's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::shape::annotations"))]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A ServiceAccount that uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: default, link: [pull] }")]
pub struct AccountLink {
    /// Such as `default`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::names::pattern::OBJECT)))]
    pub name: String,
    /// How: to `pull` the images of its pods, to `mount` it, which builds push with, or both. Default: `[pull]`.
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
    /// To pull the images of its pods: in `imagePullSecrets`.
    Pull,
    /// In builds, and mounted into its pods: in `secrets`.
    Mount,
}

fn pull() -> Vec<LinkName> {
    vec![LinkName::Pull]
}
