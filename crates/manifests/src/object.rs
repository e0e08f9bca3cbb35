//! What every object has: a name, labels, a place.

use regcred_config::digest;
use regcred_core::{InstanceName, Namespace};
use regcred_plan::{Plan, PodSite};
use serde_json::{Value, json};

use crate::Install;

/// A CronJob's name may be no longer: each Job adds eleven characters.
const LONGEST: usize = 52;
const PROGRAM: &str = "regcred";
/// By its own label a command finds the installation that keeps an instance's Secrets.
pub(crate) const INSTANCE: &str = "regcred.dev/instance";

/// The names of an installation's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `regcred`, or `regcred-INSTANCE`: of its workload, and of its `ServiceAccount` unless another one is named.
    pub name: String,
    /// The `ClusterRole` and its bindings with the rights on Secrets and `ServiceAccounts`.
    pub target_role: String,
    /// The `ClusterRole` and its binding with the rights on namespaces.
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

/// The name of an object outside its own namespace. Two installations of one instance in two namespaces must not share it, so
/// it has the namespace unless that is `regcred`. A name before the dot has no dots.
fn wide(name: &str, namespace: &Namespace, suffix: &str) -> String {
    match namespace.as_str() {
        PROGRAM => format!("{name}{suffix}"),
        namespace => format!("{name}{suffix}.{namespace}"),
    }
}

/// An installation: what its objects are called, and where they are.
#[derive(Clone, Debug)]
pub(crate) struct Site<'a> {
    /// `regcred`, or `regcred-INSTANCE`.
    pub(crate) name: String,
    /// Its `ServiceAccount`.
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

    /// Where its pods run.
    pub(crate) fn pod(&self) -> PodSite {
        PodSite::new(self.namespace.clone(), self.account.as_str())
    }

    /// By which its pods are found.
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

    /// The name of an object outside its own namespace.
    pub(crate) fn wide(&self, suffix: &str) -> String {
        wide(&self.name, self.namespace, suffix)
    }

    /// Metadata of an object of the whole cluster.
    pub(crate) fn everywhere(&self, suffix: &str) -> Value {
        json!({ "name": self.wide(suffix), "labels": self.labels() })
    }

    /// Metadata of an object in a namespace that it serves.
    pub(crate) fn within(&self, namespace: &Namespace, suffix: &str) -> Value {
        let mut metadata = self.everywhere(suffix);
        metadata["namespace"] = namespace.as_str().into();
        metadata
    }

    /// Metadata of an object in its own namespace.
    pub(crate) fn own(&self, suffix: &str) -> Value {
        json!({ "name": format!("{}{suffix}", self.name), "labels": self.labels(), "namespace": self.namespace.as_str() })
    }

    /// An admission policy, and the binding by which it denies.
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

    /// As the API server calls its ServiceAccount.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }

    /// Its ServiceAccount, as a binding names it.
    pub(crate) fn subjects(&self) -> Value {
        json!([{ "kind": "ServiceAccount", "name": self.account, "namespace": self.namespace.as_str() }])
    }
}

/// A long name ends in a number that stands for all of it.
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
    fn names_that_are_too_long_stay_different() {
        let (one, other) = (shortened(&format!("{}a", "x".repeat(60))), shortened(&format!("{}b", "x".repeat(60))));
        assert_ne!(one, other);
        assert!(one.len() == LONGEST && other.len() == LONGEST, "{one} {other}");
        assert_eq!(shortened("regcred-blue"), "regcred-blue");
    }
}
