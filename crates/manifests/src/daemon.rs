//! The daemon, and how it is watched.

use regcred_config::Config;
use serde_json::{Value, json};

use crate::{Workload, alerts, object::Site, pod};

const PORT: u16 = 8080;
const PORT_NAME: &str = "http";
/// What was begun is finished within this: a write has a deadline of ten seconds.
const GRACE: u32 = 30;

/// Deployment, Service, ServiceMonitor, PrometheusRule, NetworkPolicy, and of several a PodDisruptionBudget.
pub(crate) fn objects(
    site: &Site<'_>,
    config: &Config,
    files: usize,
    workload: &Workload,
    replicas: u32,
) -> Vec<Value> {
    let budget = (replicas > 1).then(|| {
        let spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": site.selector() } });
        json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": site.own(""), "spec": spec })
    });
    let objects = [
        deployment(site, config, files, workload, replicas),
        service(site),
        monitor(site),
        alerts::object(site),
        network(site),
    ];
    objects.into_iter().chain(budget).collect()
}

fn deployment(site: &Site<'_>, config: &Config, files: usize, workload: &Workload, replicas: u32) -> Value {
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
    let mut pod = pod::spec(site, config, files, workload, &command, &more);
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
            "template": { "metadata": { "labels": site.labels() }, "spec": pod },
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

/// Who may come in. Who it goes to, AWS and API servers, has no addresses that a policy could name.
fn network(site: &Site<'_>) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": site.own(""),
        "spec": {
            "podSelector": { "matchLabels": site.selector() },
            "policyTypes": ["Ingress"],
            "ingress": [{ "ports": [{ "port": PORT_NAME, "protocol": "TCP" }] }],
        },
    })
}
