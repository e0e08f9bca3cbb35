//! The pod: regcred, its config, and nothing else.

use regcred_plan::PodIdentity;
use serde_json::{Value, json};

use crate::{Mount, TrustedCa, Workload, identity, object::Site, resources::resources};

const CONFIG_FOLDER: &str = "/etc/regcred";
const CA_FOLDER: &str = "/etc/pki/regcred";
const CA: &str = "ca-bundle.crt";
/// Destinations inside the cluster, which bypass the proxy.
const CLUSTER: &str = "kubernetes.default.svc,.svc,.cluster.local,$(KUBERNETES_SERVICE_HOST)";

/// Returns the name of a config file, in the ConfigMap and in the pod.
pub(crate) fn file_name(number: usize) -> String {
    if number == 0 { "config.yaml".into() } else { format!("config-{}.yaml", number + 1) }
}

/// Returns the spec of a pod that runs a command. `more` is added to its container.
pub(crate) fn spec(
    site: &Site<'_>,
    identity: &PodIdentity,
    files: usize,
    workload: &Workload,
    command: &[String],
    more: &Value,
) -> Value {
    let mut variables = identity::variables(identity);
    variables.extend(proxy(workload, identity));
    let mut volumes = vec![(
        json!({ "name": "config", "configMap": { "name": format!("{}-config", site.name) } }),
        CONFIG_FOLDER.to_owned(),
    )];
    volumes.extend(identity::volumes(identity));
    for (number, Mount { secret, folder }) in workload.mounts.iter().enumerate() {
        let volume = json!({ "name": format!("mount-{number}"), "secret": { "secretName": secret } });
        volumes.push((volume, folder.display().to_string()));
    }
    if let Some(ca) = &workload.trusted_ca {
        let name = match ca {
            TrustedCa::OpenShift => ca_name(site),
            TrustedCa::ConfigMap(name) => name.clone(),
        };
        let volume = json!({ "name": "ca", "configMap": { "name": name, "items": [{ "key": CA, "path": CA }] } });
        volumes.push((volume, CA_FOLDER.to_owned()));
        variables.push(json!({ "name": "SSL_CERT_FILE", "value": format!("{CA_FOLDER}/{CA}") }));
    }
    let mounts =
        volumes.iter().map(|(volume, folder)| json!({ "name": volume["name"], "mountPath": folder, "readOnly": true }));
    let mut args = command.to_vec();
    for number in 0..files {
        args.extend(["--config".into(), format!("{CONFIG_FOLDER}/{}", file_name(number))]);
    }
    args.extend(workload.args.iter().cloned());
    let pod = &workload.pod;
    variables.extend(pod.extra_env.iter().cloned());
    let mut container = json!({
        "name": "regcred",
        "image": workload.image.as_str(),
        "args": args,
        "resources": pod.resources.clone().unwrap_or_else(resources),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
        },
        "volumeMounts": mounts.collect::<Vec<_>>(),
    });
    if !variables.is_empty() {
        container["env"] = variables.into();
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        container[key] = value.clone();
    }
    if let Some(policy) = &pod.pull_policy {
        container["imagePullPolicy"] = policy.as_str().into();
    }
    let mut spec = json!({
        "serviceAccountName": site.account,
        "enableServiceLinks": false,
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [container],
        "volumes": volumes.into_iter().map(|(volume, _)| volume).collect::<Vec<_>>(),
    });
    for (key, value) in &pod.spec {
        spec[key] = value.clone();
    }
    spec
}

/// Returns the labels and annotations of the pod.
pub(crate) fn metadata(site: &Site<'_>, workload: &Workload) -> Value {
    let mut metadata = json!({ "labels": site.labels() });
    for (key, value) in &workload.pod.labels {
        metadata["labels"][key] = value.clone();
    }
    if !workload.pod.annotations.is_empty() {
        metadata["annotations"] = workload.pod.annotations.clone().into();
    }
    metadata
}

fn proxy(workload: &Workload, identity: &PodIdentity) -> Vec<Value> {
    let Some(https) = &workload.proxy.https else { return vec![] };
    let more = workload.proxy.no.as_deref().filter(|it| !it.is_empty());
    let hosts = identity.without_proxy.iter().map(String::as_str);
    let no = more.into_iter().chain([CLUSTER]).chain(hosts).collect::<Vec<_>>().join(",");
    vec![json!({ "name": "HTTPS_PROXY", "value": https }), json!({ "name": "NO_PROXY", "value": no })]
}

/// Returns a ConfigMap that OpenShift fills with the cluster's certificate authorities. OpenShift owns its data, so it
/// has none here.
pub(crate) fn trusted_ca(site: &Site<'_>) -> Value {
    let mut metadata = site.own("-trusted-ca");
    metadata["labels"]["config.openshift.io/inject-trusted-cabundle"] = "true".into();
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata })
}

fn ca_name(site: &Site<'_>) -> String {
    format!("{}-trusted-ca", site.name)
}
