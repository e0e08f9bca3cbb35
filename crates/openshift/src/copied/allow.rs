//! Decides whether the owner of a Secret allows a copy of it. Pure.
//!
//! The author of a config chooses the source and the targets, and regcred reads the source with its own rights. Without
//! this rule, an author without access to a Secret could copy it into a namespace of their own.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Error, InstanceName, Namespace, Result, SecretName};

use crate::{
    codes,
    fields::value,
    record::{ALLOW_COPY, INSTANCE, MANAGED_BY, REGCRED, is_ours},
};

/// Maximum number of names that the command of an error repeats from the annotation.
const MOST: usize = 20;

/// A Secret to copy, and the installation that copies it.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) namespace: Namespace,
    pub(super) name: SecretName,
    pub(super) instance: InstanceName,
    /// Whether the Secret is in the namespace of regcred.
    pub(super) is_own_namespace: bool,
}

impl Copy {
    /// Fails if the Secret is a copy itself, or if its owner does not allow the copy.
    pub(super) fn check(&self, metadata: &ObjectMeta) -> Result<()> {
        if is_copy(metadata) {
            let why = "its labels or annotations show that regcred wrote logins into it";
            return Err(self.failed(&codes::SOURCE_IS_A_COPY, why));
        }
        let allowed = value(metadata.annotations.as_ref(), ALLOW_COPY).unwrap_or_default();
        let allowed = allowed.split(',').map(str::trim).filter(|it| !it.is_empty()).collect::<BTreeSet<_>>();
        if self.is_own_namespace || allowed.contains(self.instance.as_str()) {
            return Ok(());
        }
        let Self { namespace, name, instance, .. } = self;
        // The other values may be any text, so only names are repeated.
        let names = allowed.iter().filter_map(|it| InstanceName::new(it).ok()).take(MOST).chain([instance.clone()]);
        let names = names.map(|it| it.to_string()).collect::<Vec<_>>().join(",");
        let overwrite = if allowed.is_empty() { "" } else { " --overwrite" };
        let why = format!(
            "its annotation {ALLOW_COPY} does not name the installation {instance}\n\
             allow it: kubectl annotate secret/{name} --namespace={namespace}{overwrite} {ALLOW_COPY}={names}"
        );
        Err(self.failed(&codes::SOURCE_NOT_ALLOWED, &why))
    }

    pub(super) fn failed(&self, code: &'static regcred_core::Code, why: &str) -> Error {
        let Self { namespace, name, .. } = self;
        Error::new(code, format!("cannot copy Secret {name} of namespace {namespace}")).with_cause(why)
    }
}

/// Returns whether regcred has written logins into a Secret.
fn is_copy(metadata: &ObjectMeta) -> bool {
    let label = |name| value(metadata.labels.as_ref(), name);
    let mut annotations = metadata.annotations.iter().flatten().map(|(name, _)| name);
    let is_labelled = label(MANAGED_BY) == Some(REGCRED) || label(INSTANCE).is_some();
    is_labelled || annotations.any(|name| is_ours(name) && name != ALLOW_COPY)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn copy(is_own_namespace: bool) -> Copy {
        Copy {
            namespace: Namespace::new("vault").expect("valid"),
            name: SecretName::new("hub").expect("valid"),
            instance: InstanceName::new("blue").expect("valid"),
            is_own_namespace,
        }
    }

    fn check(is_own_namespace: bool, labels: &Value, annotations: &Value) -> Option<Error> {
        let metadata = json!({ "labels": labels, "annotations": annotations });
        copy(is_own_namespace).check(&serde_json::from_value(metadata).expect("metadata")).err()
    }

    #[test]
    fn another_namespace_needs_the_name_of_the_installation_in_the_annotation() {
        for (allowed, is_allowed) in [
            ("blue", true),
            ("green, blue ", true),
            ("", false),
            ("green", false),
            ("*", false),
            ("blu", false),
            ("blue/green", false),
            ("Blue", false),
        ] {
            let annotations = json!({ ALLOW_COPY: allowed });
            let refused = check(false, &json!({}), &annotations);
            assert_eq!(refused.is_none(), is_allowed, "{allowed:?}");
            assert!(refused.is_none_or(|error| error.code() == &codes::SOURCE_NOT_ALLOWED), "{allowed:?}");
            assert!(check(true, &json!({}), &annotations).is_none(), "{allowed:?}");
        }
    }

    #[test]
    fn the_error_has_the_command_that_also_keeps_the_other_installations() {
        let said = |annotations| check(false, &json!({}), &annotations).expect("it is refused").chain();
        let none = said(json!({}));
        assert!(none.ends_with("kubectl annotate secret/hub --namespace=vault regcred.dev/allow-copy=blue"), "{none}");
        let some = said(json!({ ALLOW_COPY: "green, $(canary)" }));
        assert!(some.ends_with("--namespace=vault --overwrite regcred.dev/allow-copy=green,blue"), "{some}");
        assert!(!some.contains("canary"), "{some}");
    }

    #[test]
    fn a_secret_that_regcred_wrote_is_refused_even_in_its_own_namespace() {
        for (labels, annotations) in [
            (json!({ MANAGED_BY: "regcred" }), json!({})),
            (json!({ INSTANCE: "green" }), json!({})),
            (json!({}), json!({ "regcred.dev/hosts": "{}" })),
            (json!({}), json!({ "merge.regcred.dev/green": "{}", ALLOW_COPY: "blue" })),
        ] {
            let refused = check(true, &labels, &annotations).expect("it is refused");
            assert_eq!(refused.code(), &codes::SOURCE_IS_A_COPY, "{labels} {annotations}");
        }
    }
}
