//! May we do there what a pass does, and nothing that is dangerous?

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::{Error, Namespace, Result};
use regcred_openshift::{Cluster, Greeting, NamespaceList, Policies, Presence, Right};

use super::{
    finding::Finding,
    rbac::{self, Missing, words},
};
use crate::wire::Demand;

/// So many are looked at: nine questions each are answered within seconds.
const NAMESPACES: usize = 200;
/// Where whoever may write can have any ServiceAccount's token.
const SYSTEM: &str = "kube-system";

pub(crate) async fn ask(
    cluster: &Cluster,
    greeting: &Greeting,
    user: Option<&str>,
    mut kept: Vec<Demand>,
    findings: &mut Vec<Finding>,
) {
    choose(cluster, &mut kept, findings).await;
    let all = kept.iter().flat_map(|kept| &kept.namespaces).collect::<BTreeSet<_>>();
    let looked_at = all.iter().take(NAMESPACES).map(|it| it.as_str()).collect::<Vec<_>>();
    let here = namespaces(cluster, &looked_at, findings).await;
    let everywhere = everywhere(cluster, &kept).await;
    let asked = questions(&kept, &here, &everywhere);
    let wanted = asked.iter().map(|(_, namespace, right)| (Some(*namespace), right)).collect::<Vec<_>>();
    let answers = cluster.may(&wanted).await;
    findings.extend(rights(&kept, &here, &asked, &answers, user));
    if all.len() > looked_at.len() {
        let message = format!("{} of {} were looked at", looked_at.len(), all.len());
        let fix = "`--target NAMESPACE` looks at one, and may be given several times";
        findings.push(Finding::warning("namespaces", "of the config", message).with_fix(fix));
    }
    findings.extend(listing(cluster, &kept).await);
    findings.extend(guard(cluster, greeting, &kept).await);
}

/// The namespaces that patterns and labels choose at present are looked at as those that are named.
async fn choose(cluster: &Cluster, kept: &mut [Demand], findings: &mut Vec<Finding>) {
    let list = NamespaceList::new(cluster);
    for kept in kept {
        for selected in std::mem::take(&mut kept.selected) {
            let subject = selected.selection.to_string();
            match list.choose(|name, labels| selected.takes(name, labels)).await {
                Ok(chosen) => {
                    let message = match chosen.len() {
                        1 => "1 is there at present".into(),
                        many => format!("{many} are there at present"),
                    };
                    findings.push(Finding::ok("namespaces", subject, message));
                    kept.namespaces.extend(chosen);
                }
                Err(error) => findings.push(Finding::error("namespaces", subject, &error).with_fix(LISTING)),
            }
        }
        kept.namespaces.sort();
        kept.namespaces.dedup();
    }
}

const LISTING: &str = "who chooses namespaces has to see them; bind cluster-wide a ClusterRole with:\n  \
                       - apiGroups: [\"\"]\n    resources: [namespaces]\n    verbs: [get, list, watch]";

/// Those that are there, as far as we may know; the others are told.
async fn namespaces<'a>(cluster: &Cluster, names: &[&'a str], findings: &mut Vec<Finding>) -> BTreeSet<&'a str> {
    let (mut here, mut absent, mut going, mut seen, mut failure) = (BTreeSet::new(), vec![], vec![], 0, None);
    for (name, presence) in names.iter().zip(cluster.namespaces(names).await) {
        match presence {
            Ok(Presence::Absent) => absent.push(*name),
            Ok(Presence::Going) => going.push(*name),
            Ok(Presence::Here) => seen += usize::from(here.insert(*name)),
            Ok(Presence::Unknown) => drop(here.insert(*name)),
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
        let fix = "see whether the API server is well: `kubectl get --raw /readyz`";
        findings.push(Finding::error("namespaces", "some", &error).with_fix(fix));
    }
    if seen > 0 {
        let message = if seen == 1 { "1 is there".into() } else { format!("{seen} are there") };
        findings.push(Finding::ok("namespaces", "of the config", message));
    }
    here
}

/// What one Secret and its ServiceAccounts need.
fn needed(kept: &Demand) -> Vec<Right> {
    let right = |resource, name: &str, verb| Right { resource, name: name.to_owned(), verb };
    let verbs = if kept.creates { &["get", "create", "patch"][..] } else { &["get", "patch"] };
    let secret = verbs.iter().map(|verb| right("secrets", kept.secret.as_str(), verb));
    let accounts =
        kept.accounts.iter().flat_map(|name| ["get", "patch"].map(|verb| right("serviceaccounts", name, verb)));
    secret.chain(accounts).collect()
}

/// The rights that we have in every namespace: they need no further questions.
async fn everywhere(cluster: &Cluster, kept: &[Demand]) -> BTreeSet<Right> {
    let all = kept.iter().flat_map(needed).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let answers = cluster.may(&all.iter().map(|right| (None, right)).collect::<Vec<_>>()).await;
    all.into_iter().zip(answers).filter(|(_, answer)| matches!(answer, Ok(true))).map(|(right, _)| right).collect()
}

/// What is left to ask: for what is kept in which way, where, and which right.
type Question<'a> = (usize, &'a str, Right);

fn questions<'a>(kept: &'a [Demand], here: &BTreeSet<&str>, everywhere: &BTreeSet<Right>) -> Vec<Question<'a>> {
    let mut questions = vec![];
    for (way, kept) in kept.iter().enumerate() {
        let open = needed(kept).into_iter().filter(|right| !everywhere.contains(right)).collect::<Vec<_>>();
        for namespace in kept.namespaces.iter().map(Namespace::as_str).filter(|it| here.contains(it)) {
            questions.extend(open.iter().map(|right| (way, namespace, right.clone())));
        }
    }
    questions
}

/// Equal answers are one row, whatever number of namespaces they are about.
fn rights(
    kept: &[Demand],
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
        let all = rights.len() == needed(&kept[*way]).len();
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
    for (way, kept) in kept.iter().enumerate() {
        let fine = |it: &&str| here.contains(it) && !missing.contains_key(&(way, it)) && !unknown.contains_key(it);
        let fine = kept.namespaces.iter().map(Namespace::as_str).filter(fine).collect::<Vec<_>>();
        if !fine.is_empty() {
            findings.push(Finding::ok("rights", "", format!("may {}", words(&needed(kept)))).about(&fine));
        }
    }
    findings
}

/// Whether many are read at once. It is as well to read them one by one.
async fn listing(cluster: &Cluster, kept: &[Demand]) -> Vec<Finding> {
    let mut findings = vec![];
    for kept in kept.iter().filter(|kept| kept.bulk) {
        let right = |resource, name: &str| Right { resource, name: name.to_owned(), verb: "list" };
        let accounts = kept.accounts.iter().map(|name| right("serviceaccounts", name));
        let rights = std::iter::once(right("secrets", kept.secret.as_str())).chain(accounts).collect::<Vec<_>>();
        let answers = cluster.may(&rights.iter().map(|right| (None, right)).collect::<Vec<_>>()).await;
        let message = if answers.iter().all(|answer| matches!(answer, Ok(true))) {
            "may list cluster-wide: reads many at once"
        } else {
            "may not list cluster-wide, and need not: reads one by one"
        };
        findings.push(Finding::ok("listing", format!("Secrets {}", kept.secret), message));
    }
    findings
}

/// Whether we could make ourselves more than we are.
async fn guard(cluster: &Cluster, greeting: &Greeting, kept: &[Demand]) -> Option<Finding> {
    let names = kept.iter().map(|kept| kept.secret.as_str()).collect::<BTreeSet<_>>();
    let rights = names
        .iter()
        .flat_map(|name| ["create", "patch"].map(|verb| Right { resource: "secrets", name: (*name).to_owned(), verb }));
    let rights = rights.collect::<Vec<_>>();
    let answers = cluster.may(&rights.iter().map(|right| (Some(SYSTEM), right)).collect::<Vec<_>>()).await;
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        let fix = "see whether whoever asks is known to the cluster: `kubectl auth can-i --list`";
        return Some(Finding::error("guard", SYSTEM, error).with_fix(fix));
    }
    let writes = |place: usize| answers[2 * place..2 * place + 2].iter().all(|answer| matches!(answer, Ok(true)));
    let open = names.iter().enumerate().filter(|(place, _)| writes(*place)).map(|(_, name)| *name);
    let open = open.collect::<Vec<_>>().join(", ");
    if open.is_empty() {
        let all = names.into_iter().collect::<Vec<_>>().join(", ");
        return Some(Finding::ok("guard", SYSTEM, format!("may not write Secret {all} there")));
    }
    let can = format!("this identity can write Secret {open} there, which is a way to cluster-admin");
    let should = "as an administrator you may; the ServiceAccount that runs regcred should not";
    let release = greeting.version.as_deref().unwrap_or("of this version");
    let policies = match cluster.policies().await {
        Ok(Policies::Named(policies)) if !policies.is_empty() => {
            let message = format!("{can}; ValidatingAdmissionPolicy {} is there to guard it", policies.join(", "));
            return Some(Finding::ok("guard", SYSTEM, message));
        }
        Ok(Policies::Named(_)) => "and no ValidatingAdmissionPolicy of regcred's guards it".into(),
        Ok(Policies::NotServed) if greeting.release.is_some_and(|release| release < (1, 30)) => {
            format!("and a server {release} has no ValidatingAdmissionPolicies, which came with 1.30")
        }
        Ok(Policies::NotServed) => "and this server has no ValidatingAdmissionPolicies".into(),
        Ok(Policies::Unknown) | Err(_) => {
            "and whether a ValidatingAdmissionPolicy guards it cannot be told from here".into()
        }
    };
    Some(Finding::warning("guard", SYSTEM, format!("{can}, {policies}; {should}")).with_fix(GUARD))
}

const GUARD: &str = "bind its ClusterRole by a RoleBinding in each namespace of the config, as deploy/rbac does, and not by a\n\
                     ClusterRoleBinding; or guard it by a ValidatingAdmissionPolicy labelled app.kubernetes.io/managed-by: regcred";
