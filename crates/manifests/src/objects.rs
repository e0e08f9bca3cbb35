//! All objects of an installation, in the order of their creation.

use regcred_core::InstanceName;
use regcred_plan::{Plan, PodIdentity};
use serde_json::{Map, Value, json};

use crate::{
    Guard, Install, Mode, TrustedCa, cronjob, daemon, guard,
    need::Need,
    object::Site,
    pod::{self, file_name},
    profile, rights,
};

/// Returns the objects in the order of their creation.
pub(crate) fn objects(
    plan: &Plan,
    install: &Install,
    need: &Need,
    identity: &PodIdentity,
    site: &Site<'_>,
) -> Vec<Value> {
    let mut objects = vec![];
    if !install.namespace_exists {
        objects.push(namespace(site));
    }
    if !install.account.exists {
        objects.push(account(site, install, identity));
    }
    let prune = plan.prunes() && install.mode.watches();
    let previous = plan.previous_instance().map(InstanceName::as_str).unwrap_or_default();
    let instances = [plan.instance().as_str(), previous];
    // The guard comes before the rights, so that the rights are never in force without it.
    if install.guard == Guard::Policy {
        objects.extend(guard::objects(site, need, instances, install.mode.watches()));
    }
    objects.extend(rights::objects(site, need, install, prune));
    if install.profiles {
        objects.extend(profile::objects(site));
    }
    if install.mode.workload().is_some() {
        objects.push(config_map(site, &install.files));
    }
    if install.mode.workload().is_some_and(|workload| workload.trusted_ca == Some(TrustedCa::OpenShift)) {
        objects.push(pod::trusted_ca(site));
    }
    match &install.mode {
        Mode::CronJob(workload) => objects.push(cronjob::object(site, plan, identity, install.files.len(), workload)),
        Mode::Daemon(workload, replicas) => {
            objects.extend(daemon::objects(site, identity, install, workload, *replicas));
        }
        Mode::Elsewhere => {}
    }
    objects
}

fn namespace(site: &Site<'_>) -> Value {
    let mut metadata = site.everywhere("");
    metadata["name"] = site.namespace.as_str().into();
    metadata["labels"]["pod-security.kubernetes.io/enforce"] = "restricted".into();
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata })
}

fn account(site: &Site<'_>, install: &Install, identity: &PodIdentity) -> Value {
    let mut metadata = site.own("");
    metadata["name"] = site.account.as_str().into();
    for (key, value) in install.account.annotations.iter().chain(&identity.annotations) {
        metadata["annotations"][key] = value.as_str().into();
    }
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
}

fn config_map(site: &Site<'_>, files: &[String]) -> Value {
    let data = files.iter().enumerate().map(|(number, text)| (file_name(number), Value::from(text.as_str())));
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": site.own("-config"), "data": data.collect::<Map<_, _>>() })
}
