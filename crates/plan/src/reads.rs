//! Finds the clusters of the Secrets that providers read. Pure.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{
    Problem, Spec,
    codes::{MISSING, UNKNOWN_NAME},
};
use regcred_core::{Namespace, SecretName, StoreName};

use crate::types::{planned::PlannedProvider, provider::ClusterRead, sink::SinkPlan};

type Sinks = BTreeMap<StoreName, (Spec, SinkPlan)>;

/// Returns the namespace and name of each Secret that a provider reads in the cluster of a sink.
pub(crate) fn in_cluster<'a>(
    store: &StoreName,
    providers: impl Iterator<Item = &'a PlannedProvider>,
    sinks: &Sinks,
) -> BTreeSet<(&'a Namespace, &'a SecretName)> {
    let reads = providers.flat_map(|provider| &provider.plan.cluster_reads);
    let here = reads.filter(|read| cluster(read, sinks) == Some(store));
    here.map(|read| (&read.namespace, &read.secret)).collect()
}

/// Returns the problems of Secrets whose cluster is not known.
pub(crate) fn problems<'a>(providers: impl Iterator<Item = &'a PlannedProvider>, sinks: &Sinks) -> Vec<Problem> {
    let mut problems = vec![];
    for provider in providers {
        let Some(origin) = provider.entry().map(Spec::origin) else { continue };
        for read in provider.plan.cluster_reads.iter().filter(|read| cluster(read, sinks).is_none()) {
            let names = clusters(sinks).map(StoreName::as_str).collect::<Vec<_>>().join(", ");
            let names =
                if names.is_empty() { "there are none".to_owned() } else { format!("the clusters are {names}") };
            let (code, message) = match &read.sink {
                Some(sink) => (&UNKNOWN_NAME, format!("{sink} is not a cluster of `sinks:` ({names})")),
                None => (&MISSING, format!("it is missing, and `sinks:` does not have exactly one cluster ({names})")),
            };
            problems.push(Problem::below(origin, "sink", message).with_code(code));
        }
    }
    problems
}

/// Returns the sink whose cluster has a Secret. `None`: the config does not decide it.
fn cluster<'a>(read: &'a ClusterRead, sinks: &'a Sinks) -> Option<&'a StoreName> {
    if let Some(sink) = &read.sink {
        return clusters(sinks).find(|name| *name == sink);
    }
    let mut all = clusters(sinks);
    all.next().filter(|_| all.next().is_none())
}

fn clusters(sinks: &Sinks) -> impl Iterator<Item = &StoreName> {
    sinks.iter().filter(|(_, (_, plan))| plan.cluster.is_some()).map(|(name, _)| name)
}
