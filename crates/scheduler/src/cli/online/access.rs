//! May we do there what a pass does?

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::{Error, Namespace, Result};
use regcred_openshift::{Cluster, Right};

use super::{
    finding::Finding,
    rbac::{self, Missing, words},
};
use crate::wire::Demand;

/// Asks for every right in the namespaces that are `here`. `user`: who asks, if the server told.
pub(crate) async fn ask(
    cluster: &Cluster,
    user: Option<&str>,
    demands: &[Demand],
    here: &BTreeSet<&str>,
    findings: &mut Vec<Finding>,
) {
    let everywhere = everywhere(cluster, demands).await;
    let asked = questions(demands, here, &everywhere);
    let wanted = asked.iter().map(|(_, namespace, right)| (Some(*namespace), right)).collect::<Vec<_>>();
    let answers = cluster.may(&wanted).await;
    findings.extend(rights(demands, here, &asked, &answers, user));
    findings.extend(listing(cluster, demands).await);
}

/// What one Secret and its ServiceAccounts need.
fn needed(demand: &Demand) -> Vec<Right> {
    let right = |resource, name: &str, verb| Right { resource, name: name.to_owned(), verb };
    let verbs = if demand.creates { &["get", "create", "patch"][..] } else { &["get", "patch"] };
    let secret = verbs.iter().map(|verb| right("secrets", demand.secret.as_str(), verb));
    let accounts =
        demand.accounts.iter().flat_map(|name| ["get", "patch"].map(|verb| right("serviceaccounts", name, verb)));
    secret.chain(accounts).collect()
}

/// The rights that we have in every namespace: they need no further questions.
async fn everywhere(cluster: &Cluster, demands: &[Demand]) -> BTreeSet<Right> {
    let all = demands.iter().flat_map(needed).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let answers = cluster.may(&all.iter().map(|right| (None, right)).collect::<Vec<_>>()).await;
    all.into_iter().zip(answers).filter(|(_, answer)| matches!(answer, Ok(true))).map(|(right, _)| right).collect()
}

/// What is left to ask: for what is kept in which way, where, and which right.
type Question<'a> = (usize, &'a str, Right);

fn questions<'a>(demands: &'a [Demand], here: &BTreeSet<&str>, everywhere: &BTreeSet<Right>) -> Vec<Question<'a>> {
    let mut questions = vec![];
    for (way, demand) in demands.iter().enumerate() {
        let open = needed(demand).into_iter().filter(|right| !everywhere.contains(right)).collect::<Vec<_>>();
        for namespace in demand.namespaces.iter().map(Namespace::as_str).filter(|it| here.contains(it)) {
            questions.extend(open.iter().map(|right| (way, namespace, right.clone())));
        }
    }
    questions
}

/// Equal answers are one row, whatever number of namespaces they are about.
fn rights(
    demands: &[Demand],
    here: &BTreeSet<&str>,
    asked: &[Question<'_>],
    answers: &[Result<bool>],
    user: Option<&str>,
) -> Vec<Finding> {
    let mut missing = BTreeMap::<(usize, &str), Vec<Right>>::new();
    let mut unknown = BTreeMap::<&str, &Error>::new();
    for ((way, namespace, right), answer) in asked.iter().zip(answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => missing.entry((*way, namespace)).or_default().push(right.clone()),
            Err(error) => drop(unknown.entry(namespace).or_insert(error)),
        }
    }
    let mut folded = BTreeMap::<Missing, Vec<&str>>::new();
    for ((way, namespace), rights) in &missing {
        let all = rights.len() == needed(&demands[*way]).len();
        folded.entry(Missing { rights: rights.clone(), all }).or_default().push(namespace);
    }
    let denied = folded.into_iter().map(|(missing, namespaces)| {
        let message = format!("may not {}", words(&missing.rights));
        Finding::failed("rights", "", message).about(&namespaces).with_fix(rbac::fix(&missing, &namespaces, user))
    });
    let mut findings = denied.collect::<Vec<_>>();
    if let Some(error) = unknown.values().next() {
        let namespaces = unknown.keys().copied().collect::<Vec<_>>();
        let fix = "have whoever asks be known to the cluster, and then let it ask: `kubectl auth can-i --list`";
        findings.push(Finding::error("rights", "", error).about(&namespaces).with_fix(fix));
    }
    for (way, demand) in demands.iter().enumerate() {
        let fine = |it: &&str| here.contains(it) && !missing.contains_key(&(way, it)) && !unknown.contains_key(it);
        let fine = demand.namespaces.iter().map(Namespace::as_str).filter(fine).collect::<Vec<_>>();
        if !fine.is_empty() {
            findings.push(Finding::ok("rights", "", format!("may {}", words(&needed(demand)))).about(&fine));
        }
    }
    findings
}

/// Whether many are read at once. It is as well to read them one by one.
async fn listing(cluster: &Cluster, demands: &[Demand]) -> Vec<Finding> {
    let mut findings = vec![];
    for demand in demands.iter().filter(|demand| demand.bulk) {
        let right = |resource, name: &str| Right { resource, name: name.to_owned(), verb: "list" };
        let accounts = demand.accounts.iter().map(|name| right("serviceaccounts", name));
        let rights = std::iter::once(right("secrets", demand.secret.as_str())).chain(accounts).collect::<Vec<_>>();
        let answers = cluster.may(&rights.iter().map(|right| (None, right)).collect::<Vec<_>>()).await;
        let message = if answers.iter().all(|answer| matches!(answer, Ok(true))) {
            "may list cluster-wide: reads many at once"
        } else {
            "may not list cluster-wide, and need not: reads one by one"
        };
        findings.push(Finding::ok("listing", format!("Secrets {}", demand.secret), message));
    }
    findings
}
