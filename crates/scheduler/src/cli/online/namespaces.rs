//! Which namespaces are meant, and are they there?

use std::collections::BTreeSet;

use regcred_core::{ErrorKind, Namespace};
use regcred_openshift::{Cluster, NamespaceList, Presence};

use super::{finding::Finding, rbac};
use crate::wire::Demand;

/// So many are looked at: nine questions each are answered within seconds.
const LOOKED_AT: usize = 200;

/// Adds to what is named what is chosen, as a pass would.
pub(crate) async fn select(cluster: &Cluster, user: Option<&str>, demands: &mut [Demand], findings: &mut Vec<Finding>) {
    let list = NamespaceList::new(cluster);
    for demand in demands {
        for selected in std::mem::take(&mut demand.selected) {
            let words = selected.selection.to_string();
            match list.choose(|name, labels| selected.takes(name, labels)).await {
                Ok(found) if found.is_empty() => findings.push(
                    Finding::warning("namespaces", words, "none is as it says")
                        .with_fix("see which there are: `kubectl get namespaces --show-labels`"),
                ),
                Ok(found) => {
                    findings.push(Finding::ok("namespaces", words, format!("chooses {}", found.len())));
                    demand.namespaces.extend(found);
                }
                Err(error) => {
                    let fix = match error.kind() {
                        ErrorKind::Denied => rbac::list_namespaces(user),
                        _ => READY.into(),
                    };
                    findings.push(Finding::error("namespaces", words, &error).with_fix(fix));
                }
            }
        }
        demand.namespaces.sort();
        demand.namespaces.dedup();
    }
}

/// Those of the first ones that are there, as far as we may know; the others are told.
pub(crate) async fn here<'a>(
    cluster: &Cluster,
    demands: &'a [Demand],
    findings: &mut Vec<Finding>,
) -> BTreeSet<&'a str> {
    let all = demands.iter().flat_map(|demand| &demand.namespaces).map(Namespace::as_str).collect::<BTreeSet<_>>();
    let first = all.iter().copied().take(LOOKED_AT).collect::<Vec<_>>();
    if all.len() > first.len() {
        let message = format!("{} of {} were looked at", first.len(), all.len());
        let fix = "`--target NAMESPACE` looks at one, and may be given several times";
        findings.push(Finding::warning("namespaces", "of the config", message).with_fix(fix));
    }
    presence(cluster, &first, findings).await
}

const READY: &str = "see whether the API server is well: `kubectl get --raw /readyz`";

async fn presence<'a>(cluster: &Cluster, names: &[&'a str], findings: &mut Vec<Finding>) -> BTreeSet<&'a str> {
    let (mut here, mut absent, mut going, mut seen, mut failure) = (BTreeSet::new(), vec![], vec![], 0, None);
    for (name, presence) in names.iter().zip(cluster.namespaces(names).await) {
        match presence {
            Ok(Presence::Absent) => absent.push(*name),
            Ok(Presence::Going) => going.push(*name),
            Ok(Presence::Here) => {
                here.insert(*name);
                seen += 1;
            }
            Ok(Presence::Unknown) => {
                here.insert(*name);
            }
            Err(error) => {
                here.insert(*name);
                failure = failure.or(Some(error));
            }
        }
    }
    if !absent.is_empty() {
        let fix = rbac::for_each(&absent, |namespace| format!("kubectl create namespace {namespace}"));
        let message = if absent.len() == 1 { "it does not exist" } else { "they do not exist" };
        let fix = format!("make what is missing, or take it out of the config:\n  {fix}");
        findings.push(Finding::failed("namespaces", "", message).about(&absent).with_fix(fix));
    }
    if !going.is_empty() {
        let message = if going.len() == 1 { "it is being deleted" } else { "they are being deleted" };
        findings.push(Finding::warning("namespaces", "", message).about(&going).with_fix("take it out of the config"));
    }
    if let Some(error) = failure {
        findings.push(Finding::error("namespaces", "some", &error).with_fix(READY));
    }
    if seen > 0 {
        let message = if seen == 1 { "1 is there".into() } else { format!("{seen} are there") };
        findings.push(Finding::ok("namespaces", "of the config", message));
    }
    here
}
