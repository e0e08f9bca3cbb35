//! Checks the objects in pages against the published schemas of their kinds.

use serde_json::Value;

use super::published::Published;

/// Kinds of other projects without an available schema. Only their kind and their top-level keys are checked.
const UNPUBLISHED: [(&str, &str); 3] = [
    ("argoproj.io/v1alpha1", "AppProject"),
    ("argoproj.io/v1alpha1", "Application"),
    ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
];

pub(super) struct Objects(Published);

impl Objects {
    pub(super) fn new() -> Self {
        Self(Published::new())
    }

    /// Returns the problems of an object.
    pub(super) fn problems(&self, object: &Value) -> Vec<String> {
        let is = |(version, kind): &(&str, &str)| object["apiVersion"] == *version && object["kind"] == *kind;
        if !UNPUBLISHED.iter().any(is) {
            return self.0.problems(object);
        }
        let known = ["apiVersion", "kind", "metadata", "spec", "resources", "images"];
        let keys = object.as_object().into_iter().flat_map(|it| it.keys());
        keys.filter(|key| !known.contains(&key.as_str())).map(|key| format!("{key} is unknown")).collect()
    }
}
