//! What a Secret of ours looks like beside its credentials: what the config says of its labels, annotations and logins.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Login, Registry, Result};
use regcred_dockerconfig::DockerConfig;
use serde_json::Value;

use crate::{
    fields::{MARKS, applier_of, has, others_of, value},
    record::{self, CREDENTIALS},
};

/// The value of `regcred.dev/credentials`. What is not there says that logins are written with `auth` alone.
const FULL: &str = "full";

/// How a login is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginFormat {
    /// `auth` alone, which the kubelet, Podman, Buildah, Skopeo and Docker read.
    #[default]
    Auth,
    /// Also `username` and `password`, for readers that want these.
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

/// What the config says of a Secret of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) logins: LoginFormat,
}

impl Form {
    /// The annotations of the config, and what is remembered of the form.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let mut all = self.annotations.clone();
        if self.logins == LoginFormat::Full {
            all.insert(CREDENTIALS.into(), FULL.into());
        }
        all
    }

    /// Without what somebody else applies: that stays theirs. Also who, in words.
    pub(crate) fn yielding(&self, metadata: &ObjectMeta, us: &str) -> (Self, Vec<String>) {
        let (mut form, mut theirs) = (self.clone(), vec![]);
        let mut take = |kind: &str, map: &str, wanted: &mut BTreeMap<String, String>| {
            wanted.retain(|name, _| {
                let path = ["f:metadata", map, &format!("f:{name}")];
                let Some(owner) = applier_of(metadata, &path, us) else { return true };
                theirs.push(format!("{kind} {name}, which {owner} applies"));
                false
            });
        };
        take("label", "f:labels", &mut form.labels);
        take("annotation", "f:annotations", &mut form.annotations);
        (form, theirs)
    }

    /// What is written otherwise, in words: what somebody else did, and what the config says by now. `ours`: the fields of our
    /// own apply.
    pub(crate) fn differences(&self, metadata: &ObjectMeta, ours: &Value, us: &str) -> (Vec<String>, Vec<String>) {
        let (mut drift, mut undone) = (vec![], vec![]);
        let owns = |map: &str, name: &str| has(ours, &["f:metadata", map, &format!("f:{name}")]);
        let found = value(metadata.annotations.as_ref(), CREDENTIALS).filter(|_| owns("f:annotations", CREDENTIALS));
        if found.is_some_and(|it| it == FULL) != (self.logins == LoginFormat::Full) {
            drift.push("its logins are written otherwise in the config".to_owned());
        }
        let kinds = [
            ("label", "f:labels", &self.labels, metadata.labels.as_ref()),
            ("annotation", "f:annotations", &self.annotations, metadata.annotations.as_ref()),
        ];
        for (kind, map, wanted, found) in kinds {
            let mut is_other = false;
            for (name, text) in wanted {
                let is_there = value(found, name) == Some(text);
                if owns(map, name) {
                    is_other |= !is_there;
                } else if let Some(other) =
                    others_of(metadata, &["f:metadata", map, &format!("f:{name}")], (us, "Apply")).filter(|_| !is_there)
                {
                    drift.push(format!("its {kind} {name} is as {other} has it"));
                } else {
                    is_other = true;
                }
            }
            let names = ours["f:metadata"][map].as_object().into_iter().flat_map(|fields| fields.keys());
            let extra = names.filter_map(|field| field.strip_prefix("f:")).filter(|name| !is_own_mark(name));
            if is_other || extra.into_iter().any(|name| !wanted.contains_key(name)) {
                undone.push(format!("its {kind}s are not as the config has them"));
            }
        }
        (drift, undone)
    }

    /// The fields that the config sets, as `managedFields` names them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Vec<String>> {
        let paths = |map: &'static str, names: &BTreeMap<String, String>| {
            names
                .keys()
                .map(|name| vec!["f:metadata".to_owned(), map.to_owned(), format!("f:{name}")])
                .collect::<Vec<_>>()
        };
        paths("f:labels", &self.labels).into_iter().chain(paths("f:annotations", &self.annotations))
    }
}

fn is_own_mark(name: &str) -> bool {
    MARKS.iter().any(|(_, mark)| *mark == name) || record::is_ours(name) || name == record::LAST_APPLIED
}
