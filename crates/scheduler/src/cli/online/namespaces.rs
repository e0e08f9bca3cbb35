//! Checks which namespaces the config selects, and whether they exist.

use std::collections::BTreeSet;

use regcred_core::{ErrorKind, Namespace, Result};
use regcred_openshift::{Cluster, NamespaceList, Presence};
use regcred_plan::{Demand, Finding};

use super::{
    namespace_check::{Answers, CheckedNamespace},
    rbac::{self, Asker},
};

/// Returns the namespaces that each demand selects, as a pass would, and all existing namespaces.
///
/// The second set is empty if no demand selects namespaces, or if the list fails.
pub(crate) async fn select(
    cluster: &Cluster,
    asker: Asker<'_>,
    demands: &[Demand],
    findings: &mut Vec<Finding>,
) -> (Vec<Vec<Namespace>>, BTreeSet<Namespace>) {
    let (list, mut chosen, mut listed) = (NamespaceList::new(cluster), vec![], false);
    let mut told = BTreeSet::new();
    for demand in demands {
        let mut of_demand = vec![];
        for selected in &demand.selected {
            let words = selected.to_string();
            let found = list.choose(|name, labels| selected.takes(name, labels)).await;
            if told.insert(words.clone()) {
                findings.push(choice(words, &found, asker));
            }
            listed |= found.is_ok();
            of_demand.extend(found.unwrap_or_default());
        }
        chosen.push(of_demand);
    }
    let all = if listed { list.choose(|_, _| true).await.unwrap_or_default() } else { vec![] };
    (chosen, all.into_iter().collect())
}

fn choice(words: String, found: &Result<Vec<Namespace>>, asker: Asker<'_>) -> Finding {
    match found {
        Ok(found) if found.is_empty() => Finding::warning("namespaces", words, "no namespace matches")
            .with_fix("see which there are: `kubectl get namespaces --show-labels`"),
        Ok(found) => Finding::ok("namespaces", words, format!("chooses {}", found.len())),
        Err(error) => {
            let fix = match error.kind() {
                ErrorKind::Denied => rbac::list_namespaces(asker),
                _ => READY.into(),
            };
            Finding::error("namespaces", words, error).with_fix(fix)
        }
    }
}

const READY: &str = "check the health of the API server: `kubectl get --raw /readyz`";

/// Returns the findings about the existence of the namespaces.
pub(crate) fn findings(places: &[CheckedNamespace], asker: Asker<'_>) -> Vec<Finding> {
    let looked_at = places.iter().filter_map(|place| Some((place.namespace.as_str(), place.seen.as_ref()?)));
    let looked_at = looked_at.collect::<Vec<_>>();
    let are = |presence| {
        let are = looked_at.iter().filter(|(_, seen)| matches!(seen.presence, Ok(it) if it == presence));
        are.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let (absent, going, unseen) = (are(Presence::Absent), are(Presence::Going), are(Presence::Unknown));
    let mut findings = vec![];
    if looked_at.len() < places.len() {
        let (some, all) = (looked_at.len(), places.len());
        let message = format!("{some} of {all} were checked: the missing rights in the others are unknown");
        let fix = "`--namespace NAMESPACE` checks one; repeat it for several";
        findings.push(Finding::warning("namespaces", "of the config", message).with_fix(fix));
    }
    if !absent.is_empty() {
        let fix = rbac::for_each(&absent, |namespace| format!("kubectl create namespace {namespace}"));
        let message = match absent.len() {
            1 => "it does not exist: `regcred once` reports it as gone, and continues",
            _ => "they do not exist: `regcred once` reports them as gone, and continues",
        };
        let fix = format!("create what is missing, or remove it from the config:\n  {fix}");
        findings.push(Finding::warning("namespaces", "", message).with_namespaces(&absent).with_fix(fix));
    }
    if !going.is_empty() {
        let message = if going.len() == 1 { "it is being deleted" } else { "they are being deleted" };
        findings.push(
            Finding::warning("namespaces", "", message).with_namespaces(&going).with_fix("remove it from the config"),
        );
    }
    if !unseen.is_empty() {
        let it = if unseen.len() == 1 { "it exists" } else { "they exist" };
        let message = format!("cannot check whether {it}: a missing namespace looks like a missing right");
        let fix = rbac::get_namespaces(&unseen, asker);
        findings.push(Finding::warning("namespaces", "", message).with_namespaces(&unseen).with_fix(fix));
    }
    let failed =
        looked_at.iter().filter_map(|(name, Answers { presence, .. })| Some((*name, presence.as_ref().err()?)));
    let (failed, errors) = failed.unzip::<_, _, Vec<_>, Vec<_>>();
    if let Some(error) = errors.first() {
        findings.push(Finding::error("namespaces", "", error).with_namespaces(&failed).with_fix(READY));
    }
    match are(Presence::Here).len() {
        0 => {}
        1 => findings.push(Finding::ok("namespaces", "of the config", "1 is there")),
        here => findings.push(Finding::ok("namespaces", "of the config", format!("{here} are there"))),
    }
    findings
}
