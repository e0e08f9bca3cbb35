//! How a target's Secret is kept, and who uses it.

use std::{collections::BTreeMap, fmt};

use figment::value::Value;
use regcred_core::SecretName;
use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};

use crate::{
    Partial,
    fields::Fields,
    label::{check_annotation_key, check_key, check_value, owner},
    spec::sort,
};

/// Under this name the shell recipe keeps it too.
const NAME: &str = "ecr-secret";
/// For all annotations of an object together; Kubernetes takes 256 KiB, and regcred's own need room.
const LARGEST: usize = 128 * 1024;

/// The values of `merge`, in words.
pub(crate) const MERGE: &str = "true, false or create";

/// The Secret of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretSettings {
    /// Default: `ecr-secret`.
    pub name: SecretName,
    /// Whether its entries are put into a Secret that stays somebody else's. Default: no.
    pub merge: Merge,
    /// Whether one that somebody else made is taken over. Default: no.
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
#[cfg_attr(feature = "schema", schemars(rename = "Secret", transform = crate::schema::merging))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: ecr-pull }")]
pub(crate) struct RawSecret {
    /// Its name. Default: `ecr-secret`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::schema::OBJECT)))]
    pub(crate) name: Option<String>,
    /// Whether its entries are put into a Secret of another owner. `create` creates the Secret if there is none. Default: `false`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::merge"))]
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
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::labels"))]
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations beside regcred's own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::annotations"))]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A ServiceAccount that uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a map such as { name: default, link: [pull] }")]
pub struct AccountLink {
    /// Such as `default`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = crate::schema::OBJECT)))]
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

impl Fields<'_> {
    /// How the Secret is kept; `None` if something of it is wrong, which is told.
    pub(crate) fn secret(&mut self, defaults: &RawSecret) -> Option<SecretSettings> {
        let before = self.problems.len();
        let own = if self.has("secret") { self.typed::<RawSecret>("secret")? } else { RawSecret::default() };
        self.check_secret(&own);
        let united = |mut all: BTreeMap<String, String>, own: BTreeMap<String, String>| {
            all.extend(own);
            all
        };
        let mut settings = SecretSettings {
            merge: own.merge.or(defaults.merge).unwrap_or_default(),
            adopt: own.adopt.or(defaults.adopt).unwrap_or_default(),
            credentials: own.credentials.or(defaults.credentials).unwrap_or_default(),
            labels: united(defaults.labels.clone(), own.labels),
            annotations: united(defaults.annotations.clone(), own.annotations),
            ..SecretSettings::default()
        };
        // What `defaults` say wrong was told there.
        if let Some(name) = own.name.as_ref().or(defaults.name.as_ref()) {
            settings.name = SecretName::new(name).unwrap_or(settings.name);
        }
        let by_default = defaults.merge.is_some_and(Merge::is_on) && defaults.adopt == Some(true);
        if settings.merge.is_on() && settings.adopt && !by_default {
            self.problem("secret.adopt", "what is merged into is never taken over: leave out `merge` or `adopt`");
        }
        if settings.merge.is_on() {
            // They are for Secrets of regcred's own: `defaults` may name them all the same.
            settings.labels.clear();
            settings.annotations.clear();
        }
        (self.problems.len() == before).then_some(settings)
    }

    /// What is wrong with one part of the file that says how a Secret is kept.
    pub(crate) fn check_secret(&mut self, raw: &RawSecret) {
        if let Some(Err(error)) = raw.name.as_ref().map(SecretName::new) {
            self.problem("secret.name", error.to_string());
        }
        let said = |kind: &str| {
            let secret = self.get("secret").and_then(Value::as_dict);
            secret.and_then(|secret| secret.get(kind)?.as_dict()).cloned().unwrap_or_default()
        };
        let said = [("labels", said("labels")), ("annotations", said("annotations"))];
        let first = said.iter().find(|(_, values)| !values.is_empty());
        if let Some((kind, _)) = first.filter(|_| raw.merge.is_some_and(Merge::is_on)) {
            let key = format!("secret.{kind}");
            self.problem(&key, "what is merged into stays its owner's, labels and annotations too: leave them out");
        }
        for (kind, values) in &said {
            for (name, value) in values {
                let key = format!("secret.{kind}.{name}");
                let wrong_key = if *kind == "labels" { check_key(name) } else { check_annotation_key(name) };
                // A value that is not text was reported already.
                let wrong_value =
                    value.as_str().filter(|_| *kind == "labels").and_then(|value| check_value(value).err());
                let theirs = || owner(name).map(|why| format!("it is not the config's to set: {why}"));
                for message in wrong_key.err().or_else(theirs).into_iter().chain(wrong_value) {
                    self.problem(&key, message);
                }
            }
        }
        let size = raw.annotations.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if size > LARGEST {
            self.problem("secret.annotations", format!("they have {size} bytes, and {LARGEST} are allowed"));
        }
    }

    /// Who uses the Secret; `None` if nothing is said, or something of it is wrong, which is told.
    pub(crate) fn service_accounts(&mut self) -> Option<Vec<AccountLink>> {
        let entries = match self.get("service_accounts")? {
            Value::Array(_, entries) => entries,
            other => {
                let message = format!("{} is not a list such as [{{ name: default, link: [pull] }}]", sort(other));
                self.problem("service_accounts", message);
                return None;
            }
        };
        let mut links = Vec::<AccountLink>::new();
        for (place, entry) in entries.iter().enumerate() {
            let key = format!("service_accounts[{place}]");
            let Partial { value, problems, .. } = Partial::<AccountLink>::read(entry, &self.origin().join(&key), &[]);
            self.problems.extend(problems);
            let Some(link) = value else { continue };
            if let Err(error) = SecretName::new(&link.name) {
                let error = error.to_string().replace("Secret name", "name for a ServiceAccount");
                self.problem(&format!("{key}.name"), error);
            }
            if links.iter().any(|earlier| earlier.name == link.name) {
                self.problem(&format!("{key}.name"), format!("{} is there already", link.name));
            }
            if link.link.is_empty() {
                self.problem(&format!("{key}.link"), "the list is empty: `pull`, `mount` or both");
            }
            links.push(link);
        }
        Some(links)
    }
}
