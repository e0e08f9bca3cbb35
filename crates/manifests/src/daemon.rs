//! The daemon, and the objects that monitor it.

use regcred_core::Namespace;
use regcred_plan::PodIdentity;
use serde_json::{Value, json};

use crate::{Install, Workload, alerts, object::Site, pod};

const PORT: u16 = 8080;
const PORT_NAME: &str = "http";
/// Grace period of the pod, in seconds. The daemon finishes writes in progress, and a write times out after ten
/// seconds.
const GRACE: u32 = 30;

/// Returns the Deployment, the Service and the NetworkPolicy.
///
/// Several replicas also get a PodDisruptionBudget. With [`Install::monitoring`] a ServiceMonitor and a PrometheusRule
/// come last. A cluster without the Prometheus operator refuses them, and by then everything else is applied.
pub(crate) fn objects(
    site: &Site<'_>,
    identity: &PodIdentity,
    install: &Install,
    workload: &Workload,
    replicas: u32,
) -> Vec<Value> {
    let budget = (replicas > 1).then(|| {
        let spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": site.selector() } });
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": site.own(""), "spec": spec })
    });
    let objects = [
        deployment(site, identity, install.files.len(), workload, replicas),
        service(site),
        network(site, &install.metrics_from),
    ];
    let monitoring = install.monitoring.then(|| [monitor(site), alerts::object(site)]);
    objects.into_iter().chain(budget).chain(monitoring.into_iter().flatten()).collect()
}

fn deployment(site: &Site<'_>, identity: &PodIdentity, files: usize, workload: &Workload, replicas: u32) -> Value {
    let mut command =
        vec!["run".to_owned(), "--listen".into(), format!("0.0.0.0:{PORT}"), "--log-format".into(), "json".into()];
    if replicas > 1 {
        command.extend(["--lease".into(), format!("{}/{}", site.namespace, site.name)]);
    }
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": PORT_NAME } });
    let more = json!({
        "ports": [{ "name": PORT_NAME, "containerPort": PORT, "protocol": "TCP" }],
        "livenessProbe": probe("/livez"),
        "readinessProbe": probe("/readyz"),
    });
    let mut pod = pod::spec(site, identity, files, workload, &command, &more);
    pod["terminationGracePeriodSeconds"] = GRACE.into();
    if replicas > 1 {
        pod["topologySpreadConstraints"] = json!([{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": site.selector() },
        }]);
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": site.own(""),
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": site.selector() },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
            "template": { "metadata": pod::metadata(site, workload), "spec": pod },
        },
    })
}

fn service(site: &Site<'_>) -> Value {
    let port = json!({ "name": PORT_NAME, "port": PORT, "protocol": "TCP", "targetPort": PORT_NAME });
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": site.own(""),
        "spec": { "selector": site.selector(), "ports": [port] },
    })
}

fn monitor(site: &Site<'_>) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": site.own(""),
        "spec": {
            "selector": { "matchLabels": site.selector() },
            "endpoints": [{ "port": PORT_NAME, "interval": "30s" }],
        },
    })
}

/// The label that Kubernetes sets to the name of each namespace, since 1.21.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Returns a policy that admits only the namespaces of Prometheus to the endpoint.
///
/// It has no rule for the kubelet's probes. They come from the pod's own node, whose address is unknown here. Network
/// plug-ins admit them regardless of any policy.
///
/// It has no rule for egress, because registries and API servers have no addresses that a policy could list.
fn network(site: &Site<'_>, metrics_from: &[Namespace]) -> Value {
    // An empty list of peers would admit every pod. Without a namespace there is no rule at all.
    let rule = (!metrics_from.is_empty()).then(|| {
        let names = metrics_from.iter().map(Namespace::as_str).collect::<Vec<_>>();
        let expression = json!({ "key": NAME_LABEL, "operator": "In", "values": names });
        json!({
            "from": [{ "namespaceSelector": { "matchExpressions": [expression] } }],
            "ports": [{ "port": PORT_NAME, "protocol": "TCP" }],
        })
    });
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": site.own(""),
        "spec": {
            "podSelector": { "matchLabels": site.selector() },
            "policyTypes": ["Ingress"],
            "ingress": rule.into_iter().collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests {
    use regcred_core::InstanceName;

    use super::*;

    fn ingress(install: &Install) -> Value {
        network(&Site::of(&InstanceName::default(), install), &install.metrics_from)["spec"]["ingress"].clone()
    }

    #[test]
    fn only_the_named_namespaces_may_connect() {
        let usual = ingress(&Install::default());
        let selector = &usual[0]["from"][0]["namespaceSelector"]["matchExpressions"];
        let names = ["openshift-monitoring", "openshift-user-workload-monitoring", "monitoring"];
        assert_eq!(*selector, json!([{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": names }]));
        assert_eq!(usual.as_array().map(Vec::len), Some(1));
        let own =
            Install { metrics_from: vec![Namespace::new("observability").expect("a name")], ..Install::default() };
        assert!(ingress(&own).to_string().contains("[\"observability\"]"), "it replaces the default");
    }

    #[test]
    fn without_a_namespace_no_ingress_is_allowed() {
        assert_eq!(ingress(&Install { metrics_from: vec![], ..Install::default() }), json!([]));
    }
}
