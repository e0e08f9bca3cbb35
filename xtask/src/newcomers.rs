//! Creates namespaces one by one, and measures when each has its Secret.

use std::{
    collections::{HashMap, HashSet},
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{e2e::cluster::Cluster, load};

/// The rule of the audit log that [`latencies`] needs.
pub(crate) const AUDITED: &str =
    "level: Metadata, verbs: [create, delete, patch], resources: [{ group: '', resources: [namespaces, secrets] }]";

/// Creates one namespace after another, as users do.
pub(crate) fn one_by_one(cluster: &Cluster, names: &[String]) -> Result<()> {
    names.iter().try_for_each(|name| load::namespaces(cluster, std::slice::from_ref(name)))
}

/// Waits until each namespace has its Secret.
pub(crate) fn settle(cluster: &Cluster, names: &[String], secret: &str) -> Result<()> {
    let start = Instant::now();
    let is_there = |name: &String| {
        let path = format!("/api/v1/namespaces/{name}/secrets/{secret}");
        cluster.kubectl().args(["get", "--raw", &path]).output().is_ok_and(|it| it.status.success())
    };
    while !names.iter().rev().all(is_there) {
        ensure!(start.elapsed() < Duration::from_mins(2), "not all of {} have their Secret", names.len());
    }
    Ok(())
}

/// Returns how long each namespace waited, the shortest first.
///
/// The time begins at the end of the request for the namespace, and ends at the end of the next apply of its Secret.
/// Both are from the API server's audit log.
pub(crate) fn latencies(
    cluster: &Cluster,
    names: &[String],
    verb: &str,
    resource: &str,
    secret: &str,
) -> Result<Vec<Duration>> {
    let log = fs::read_to_string(cluster.audit())?;
    let names = names.iter().map(String::as_str).collect::<HashSet<_>>();
    let (mut began, mut took) = (HashMap::new(), vec![]);
    for line in log.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue }; // the last line may be incomplete
        let of = event["objectRef"]["namespace"].as_str().or_else(|| event["objectRef"]["name"].as_str());
        let Some(name) = of.filter(|of| names.contains(of)) else { continue };
        let at = event["stageTimestamp"].as_str().context("a moment")?.parse::<jiff::Timestamp>()?;
        let is = |verb: &str, resource: &str| event["verb"] == verb && event["objectRef"]["resource"] == resource;
        if is(verb, resource) {
            began.insert(name.to_owned(), at);
        } else if is("patch", "secrets")
            && event["objectRef"]["name"] == secret
            && let Some(began) = began.remove(name)
        {
            took.push(Duration::try_from(at.duration_since(began)).unwrap_or_default());
        }
    }
    ensure!(took.len() == names.len(), "of {} namespaces {} were served", names.len(), took.len());
    took.sort();
    Ok(took)
}

/// Returns how long the API server took to create each namespace, the shortest first, from its audit log.
pub(crate) fn creations(cluster: &Cluster, names: &[String]) -> Result<Vec<Duration>> {
    let log = fs::read_to_string(cluster.audit())?;
    let names = names.iter().map(String::as_str).collect::<HashSet<_>>();
    let mut took = vec![];
    for event in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let of = &event["objectRef"];
        let is_one = of["name"].as_str().is_some_and(|name| names.contains(name));
        if is_one && event["verb"] == "create" && of["resource"] == "namespaces" {
            let at = |field: &str| anyhow::Ok(event[field].as_str().context("a moment")?.parse::<jiff::Timestamp>()?);
            let (begin, end) = (at("requestReceivedTimestamp")?, at("stageTimestamp")?);
            took.push(Duration::try_from(end.duration_since(begin)).unwrap_or_default());
        }
    }
    ensure!(took.len() == names.len(), "of {} namespaces {} were created", names.len(), took.len());
    took.sort();
    Ok(took)
}

/// Returns this percentile of the durations. `took` is sorted.
pub(crate) fn percentile(took: &[Duration], percent: usize) -> Duration {
    took[(took.len() * percent / 100).min(took.len() - 1)]
}
