//! The commands that delete the objects of another mode of the same installation.

use std::collections::{BTreeMap, BTreeSet};

use regcred_plan::{Plan, PodIdentity};
use serde_json::Value;

use crate::{Account, Guard, Install, Mode, TrustedCa, Workload, need::Need, object::Site, objects::objects};

/// The group of kinds of the Prometheus operator.
const MONITORING: &str = "monitoring";
/// The policy of version 0.1.0, which covered both Secrets and ServiceAccounts.
const OLD_GUARD: &str = "-guard";

/// Returns one command for each group of kinds, because kubectl stops at a kind that the server does not know.
pub(crate) fn commands(plan: &Plan, install: &Install, need: &Need, now: &[Value]) -> Vec<String> {
    let site = Site::new(plan, install);
    let usual = Install { account: Account::default(), ..install.clone() };
    let usual = Site::new(plan, &usual);
    let now = now.iter().map(identity).collect::<BTreeSet<_>>();
    let mut left = BTreeMap::<(&str, Option<String>), BTreeSet<String>>::new();
    for other in others(install) {
        let its_site = if other.account.name.is_some() { &site } else { &usual };
        for object in objects(plan, &other, need, &PodIdentity::default(), its_site) {
            let (group, kind, namespace, name) = identity(&object);
            let is_bound = kind == "rolebinding" && namespace.as_deref() != Some(site.namespace.as_str());
            // regcred does not delete a ServiceAccount that it did not create.
            let is_theirs = install.account.exists && kind == "serviceaccount" && name == site.account;
            if !now.contains(&(group.clone(), kind.clone(), namespace.clone(), name.clone()))
                && kind != "namespace"
                && !is_bound
                && !is_theirs
            {
                left.entry((part(&group), namespace)).or_default().insert(format!("{kind}/{name}"));
            }
        }
    }
    // A config that selected namespaces had its rights in the whole cluster.
    let bound = site.wide("-target");
    let is_wide = now.iter().any(|(_, kind, _, name)| kind == "clusterrolebinding" && *name == bound);
    if !is_wide {
        left.entry(("built-in", None)).or_default().insert(format!("clusterrolebinding/{bound}"));
    }
    if site.namespace.as_str() == "regcred" {
        let old = left.entry(("policies", None)).or_default();
        for kind in ["validatingadmissionpolicy", "validatingadmissionpolicybinding"] {
            old.insert(format!("{kind}/{}{OLD_GUARD}", site.name));
        }
    }
    let mut commands = vec![];
    for ((part, namespace), names) in left {
        let namespace = namespace.map(|it| format!(" --namespace={it}")).unwrap_or_default();
        let names = names.into_iter().collect::<Vec<_>>().join(" ");
        let only = if part == MONITORING { "  # only with the Prometheus operator" } else { "" };
        commands.push(format!("kubectl delete --ignore-not-found{namespace} {names}{only}"));
    }
    // If the other mode did not bind the rights in the whole cluster, each namespace has its own binding.
    if is_wide {
        commands.push(format!(
            "kubectl delete --ignore-not-found rolebinding --all-namespaces --field-selector=metadata.name={bound}"
        ));
    }
    commands
}

/// Returns every other way to install the same config.
fn others(install: &Install) -> Vec<Install> {
    let workload = || Workload { trusted_ca: Some(TrustedCa::OpenShift), ..Workload::default() };
    let modes = [Mode::CronJob(workload()), Mode::Daemon(workload(), 2), Mode::Elsewhere];
    let with = |guard: Guard| modes.iter().map(move |mode| (guard, mode.clone()));
    let all = [Guard::Policy, Guard::Bindings, Guard::Nothing].into_iter().flat_map(with);
    let all = all.map(|(guard, mode)| Install { guard, mode, profiles: true, monitoring: true, ..install.clone() });
    let usual = |other: Install| [Install { account: Account::default(), ..other.clone() }, other];
    all.flat_map(usual).collect()
}

/// Returns the group, kind, namespace and name of an object.
fn identity(object: &Value) -> (String, String, Option<String>, String) {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str);
    let group = text("/apiVersion").and_then(|it| it.split_once('/')).map_or("", |(group, _)| group);
    let kind = text("/kind").unwrap_or_default().to_lowercase();
    let name = text("/metadata/name").unwrap_or_default();
    (group.into(), kind, text("/metadata/namespace").map(str::to_owned), name.into())
}

/// Returns the group of kinds: those that every server knows, those of Kubernetes 1.30, or those of the Prometheus
/// operator.
fn part(group: &str) -> &'static str {
    match group {
        "admissionregistration.k8s.io" => "policies",
        "monitoring.coreos.com" => MONITORING,
        _ => "built-in",
    }
}
