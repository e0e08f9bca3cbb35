//! The metadata of every object: name, labels and namespace.

use regcred_config::digest;
use regcred_core::{InstanceName, Namespace};
use regcred_plan::{Plan, PodSite};
use serde_json::{Value, json};

use crate::Install;

/// Maximum length of a CronJob's name. Each Job adds eleven characters to it.
const LONGEST: usize = 52;
const PROGRAM: &str = "regcred";
/// The label by which a command finds the installation of an instance.
pub(crate) const INSTANCE: &str = "regcred.dev/instance";

/// The names of an installation's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Name of the workload, and of its `ServiceAccount` unless another one is named: `regcred`, or `regcred-INSTANCE`.
    pub name: String,
    /// Name of the `ClusterRole` with the rights on Secrets and `ServiceAccounts`, and of its bindings.
    pub target_role: String,
    /// Name of the `ClusterRole` with the rights on namespaces, and of its binding.
    pub namespaces_role: String,
}

impl Names {
    /// Returns the names of the objects of an instance that is installed in a namespace.
    pub fn new(instance: &InstanceName, namespace: &Namespace) -> Self {
        let name = match instance.as_str() {
            "default" => PROGRAM.to_owned(),
            instance => shortened(&format!("{PROGRAM}-{instance}")),
        };
        let [target_role, namespaces_role] = ["-target", "-namespaces"].map(|suffix| wide(&name, namespace, suffix));
        Self { name, target_role, namespaces_role }
    }
}

/// Returns the name of an object outside the installation's own namespace.
///
/// Two installations of one instance in two namespaces must not share a name. The name therefore ends in the namespace,
/// unless that is `regcred`. The part before the dot contains no dot.
fn wide(name: &str, namespace: &Namespace, suffix: &str) -> String {
    match namespace.as_str() {
        PROGRAM => format!("{name}{suffix}"),
        namespace => format!("{name}{suffix}.{namespace}"),
    }
}

/// An installation: its name, its ServiceAccount and its namespace.
#[derive(Clone, Debug)]
pub(crate) struct Site<'a> {
    /// Name of the installation: `regcred`, or `regcred-INSTANCE`.
    pub(crate) name: String,
    /// Name of its `ServiceAccount`.
    pub(crate) account: String,
    pub(crate) namespace: &'a Namespace,
    instance: String,
}

impl<'a> Site<'a> {
    pub(crate) fn new(plan: &Plan, install: &'a Install) -> Self {
        Self::of(plan.instance(), install)
    }

    pub(crate) fn of(instance: &InstanceName, install: &'a Install) -> Self {
        let Names { name, .. } = Names::new(instance, &install.namespace);
        let account = install.account.name.clone().unwrap_or_else(|| name.clone());
        Self { name, account, namespace: &install.namespace, instance: instance.to_string() }
    }

    /// Returns where the pods run.
    pub(crate) fn pod(&self) -> PodSite {
        PodSite::new(self.namespace.clone(), self.account.as_str())
    }

    /// Returns the labels that select the pods.
    pub(crate) fn selector(&self) -> Value {
        json!({ "app.kubernetes.io/name": PROGRAM, "app.kubernetes.io/instance": self.name })
    }

    pub(crate) fn labels(&self) -> Value {
        let mut labels = self.selector();
        labels["app.kubernetes.io/part-of"] = PROGRAM.into();
        labels["app.kubernetes.io/version"] = env!("CARGO_PKG_VERSION").into();
        labels[INSTANCE] = self.instance.clone().into();
        labels
    }

    /// Returns the name of an object outside the installation's own namespace.
    pub(crate) fn wide(&self, suffix: &str) -> String {
        wide(&self.name, self.namespace, suffix)
    }

    /// Returns the metadata of a cluster-scoped object.
    pub(crate) fn everywhere(&self, suffix: &str) -> Value {
        json!({ "name": self.wide(suffix), "labels": self.labels() })
    }

    /// Returns the metadata of an object in a namespace that regcred serves.
    pub(crate) fn within(&self, namespace: &Namespace, suffix: &str) -> Value {
        let mut metadata = self.everywhere(suffix);
        metadata["namespace"] = namespace.as_str().into();
        metadata
    }

    /// Returns the metadata of an object in the installation's own namespace.
    pub(crate) fn own(&self, suffix: &str) -> Value {
        json!({ "name": format!("{}{suffix}", self.name), "labels": self.labels(), "namespace": self.namespace.as_str() })
    }

    /// Returns an admission policy, and the binding that makes it deny requests.
    pub(crate) fn policy(&self, suffix: &str, spec: &Value) -> [Value; 2] {
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": self.everywhere(suffix),
            "spec": spec,
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": self.everywhere(suffix),
            "spec": { "policyName": policy["metadata"]["name"], "validationActions": ["Deny"] },
        });
        [policy, binding]
    }

    /// Returns the user name of the ServiceAccount in API requests.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// Returns the ServiceAccount as the subjects of a binding.
    pub(crate) fn subjects(&self) -> Value {
        json!([{ "kind": "ServiceAccount", "name": self.account, "namespace": self.namespace.as_str() }])
    }
}

/// Shortens a long name. The result ends in a digest of the whole name.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let number = format!("-{:08x}", digest(name) & 0xffff_ffff);
    let kept = name[..LONGEST - number.len()].trim_end_matches('-');
    format!("{kept}{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_names_stay_different() {
        let (one, other) = (shortened(&format!("{}a", "x".repeat(60))), shortened(&format!("{}b", "x".repeat(60))));
        assert_ne!(one, other);
        assert!(one.len() == LONGEST && other.len() == LONGEST, "{one} {other}");
        assert_eq!(shortened("regcred-blue"), "regcred-blue");
    }
}
