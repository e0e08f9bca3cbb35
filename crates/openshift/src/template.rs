//! The desired labels, annotations and login format of a Secret.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Login, Registry, Result};
use regcred_dockerconfig::DockerConfig;
use serde_json::Value;

use crate::{
    fields::{ANNOTATIONS, LABELS, MARKS, applier_of, has, mark, others_of, value},
    record::{self, CREDENTIALS},
};

/// The value of `regcred.dev/credentials`. If the annotation is absent, logins are written with `auth` alone.
const FULL: &str = "full";

/// The format of a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginFormat {
    /// `auth` alone, which the kubelet, Podman, Buildah, Skopeo and Docker read.
    #[default]
    Auth,
    /// Also `username` and `password`, for readers that need them.
    Full,
}

impl LoginFormat {
    pub(crate) fn write(self, config: &mut DockerConfig, registry: &Registry, login: &Login) -> Result<()> {
        match (self, login.password()) {
            (Self::Full, Some(password)) => {
                config.set_in_full(registry, login.username(), password);
                Ok(())
            }
            (Self::Full | Self::Auth, _) => config.set_login(registry, login),
        }
    }
}

/// The desired labels, annotations and login format of a Secret that regcred owns.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretTemplate {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) logins: LoginFormat,
}

impl SecretTemplate {
    /// Returns the annotations of the config, and the one that records the login format.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let mut all = self.annotations.clone();
        if self.logins == LoginFormat::Full {
            all.insert(CREDENTIALS.into(), FULL.into());
        }
        all
    }

    /// Returns the template without the fields that another manager applies, and names these managers.
    pub(crate) fn yielding(&self, metadata: &ObjectMeta, us: &str) -> (Self, Vec<String>) {
        let (mut template, mut yielded) = (self.clone(), vec![]);
        let mut take = |kind: &str, map: &str, wanted: &mut BTreeMap<String, String>| {
            wanted.retain(|name, _| {
                let Some(owner) = applier_of(metadata, &mark(map, name), us) else { return true };
                yielded.push(format!("{kind} {name}, which {owner} applies"));
                false
            });
        };
        take("label", LABELS, &mut template.labels);
        take("annotation", ANNOTATIONS, &mut template.annotations);
        (template, yielded)
    }

    /// Compares a Secret with this template. Returns the edits of other managers, and the changes of the config.
    /// `owned`: the fields of our own apply.
    pub(crate) fn differences(&self, metadata: &ObjectMeta, owned: &Value, us: &str) -> (Vec<String>, Vec<String>) {
        let (mut drift, mut undone) = (vec![], vec![]);
        let is_owned = |map: &str, name: &str| has(owned, &mark(map, name));
        let found = value(metadata.annotations.as_ref(), CREDENTIALS).filter(|_| is_owned(ANNOTATIONS, CREDENTIALS));
        if found.is_some_and(|it| it == FULL) != (self.logins == LoginFormat::Full) {
            drift.push("its login format differs from the config".to_owned());
        }
        let kinds = [
            ("label", LABELS, &self.labels, metadata.labels.as_ref()),
            ("annotation", ANNOTATIONS, &self.annotations, metadata.annotations.as_ref()),
        ];
        for (kind, map, wanted, found) in kinds {
            let mut is_other = false;
            for (name, text) in wanted {
                let is_there = value(found, name) == Some(text);
                if is_owned(map, name) {
                    is_other |= !is_there;
                } else if let Some(other) = others_of(metadata, &mark(map, name), (us, "Apply")).filter(|_| !is_there) {
                    drift.push(format!("its {kind} {name} is as {other} has it"));
                } else {
                    is_other = true;
                }
            }
            let names = owned["f:metadata"][map].as_object().into_iter().flat_map(|fields| fields.keys());
            let mut extra = names.filter_map(|field| field.strip_prefix("f:")).filter(|name| !is_own_mark(name));
            if is_other || extra.any(|name| !wanted.contains_key(name)) {
                undone.push(format!("its {kind}s are not as the config has them"));
            }
        }
        (drift, undone)
    }

    /// Returns the paths of the fields that the config sets.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Vec<Cow<'static, str>>> {
        let labels = self.labels.keys().map(|name| mark(LABELS, name).to_vec());
        labels.chain(self.annotations.keys().map(|name| mark(ANNOTATIONS, name).to_vec()))
    }
}

fn is_own_mark(name: &str) -> bool {
    MARKS.iter().any(|(_, mark)| *mark == name) || record::is_ours(name) || name == record::LAST_APPLIED
}
