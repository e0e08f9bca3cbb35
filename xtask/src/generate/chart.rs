//! Generates parts of the chart: the part of its schema that describes the pod, and values for its tests.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifests;
use crate::process::root;

pub(super) const SCHEMA: &str = "deploy/chart/regcred/values.schema.json";
/// Configs of examples that belong only to the chart, and their values.
const FOLDER: &str = "deploy/chart/regcred/ci";

/// The name, the configs, and additional flags of each example.
const EXAMPLES: [(&str, &[&str], &str); 9] = [
    ("minimal", &["config/minimal"], "--workload cronjob"),
    (
        "full",
        &["config/full"],
        "--identity pod-identity --mount edge=/var/run/secrets/edge --ca corporate-ca --sink cluster",
    ),
    (
        "teams",
        &["deploy/chart/regcred/ci/teams-config"],
        "--identity webhook --role-arn arn:aws:iam::123456789012:role/regcred --openshift-ca --https-proxy http://proxy.example.com:3128 \
         --no-proxy .example.com",
    ),
    ("chosen", &["deploy/chart/regcred/ci/chosen-config"], "--identity keys --aws-secret aws"),
    ("bindings", &["deploy/chart/regcred/ci/bindings-config"], "--workload daemon --role-bindings --no-monitoring"),
    (
        "daemon",
        &["deploy/chart/regcred/ci/daemon-config"],
        "--workload daemon --replicas 2 --profiles --metrics-from observability --metrics-from monitoring --identity projected --role-arn \
         arn:aws:iam::123456789012:role/regcred --image \
         registry.example.com/regcred@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ),
    (
        "pod",
        &["deploy/chart/regcred/ci/pod-config"],
        "--workload daemon --no-monitoring --pod deploy/chart/regcred/ci/pod-options.yaml",
    ),
    ("secret", &["config/secret"], "--workload daemon --identity pod-identity"),
    (
        "several",
        &["config/minimal", "deploy/chart/regcred/ci/several-config"],
        "--instance an-instance-whose-name-is-too-long-for-a-cron-job --schedule @hourly --time-zone Europe/Berlin --unguarded \
         --image [2001:db8::1]:5000/regcred:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ),
];

/// Returns the schema of the values with the current schema of the pod. The rest of the file is written by hand.
pub(super) fn schema(pod: &Value) -> Result<String> {
    let text = fs::read_to_string(root().join(SCHEMA))?;
    let mut values = serde_json::from_str::<Value>(&text).context(SCHEMA)?;
    let properties = values["properties"].as_object_mut().context("it has properties")?;
    for (key, of) in pod["properties"].as_object().into_iter().flatten() {
        if key == "image" {
            properties["image"]["properties"]["pullPolicy"] = of["properties"]["pullPolicy"].clone();
        } else {
            properties.insert(key.clone(), of.clone());
        }
    }
    Ok(format!("{values:#}\n"))
}

/// Returns every file of values with its text.
pub(super) fn values(regcred: &Path) -> Result<Vec<(String, String)>> {
    let made = EXAMPLES.iter().map(|(name, configs, besides)| {
        let files = configs.iter().map(|file| format!("{file}.yaml")).collect::<Vec<_>>();
        let besides = files[1..].iter().flat_map(|file| ["--config", file]).chain(besides.split_whitespace());
        let text = manifests::of(regcred, &files[0], "values", &besides.collect::<Vec<_>>())?;
        Ok((format!("{FOLDER}/{name}-values.yaml"), text))
    });
    made.collect()
}
