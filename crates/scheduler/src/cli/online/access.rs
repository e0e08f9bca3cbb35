//! Checks whether regcred has the rights that a pass needs in each namespace.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::SecretName;
use regcred_openshift::{Cluster, Right, check};
use regcred_plan::{Demand, Finding};

use super::{
    namespace_check::{CheckedNamespace, rights},
    rbac::{self, Asker, Missing, words},
};

/// Returns the rights that regcred has cluster-wide. They need no further checks in each namespace.
pub(crate) async fn everywhere(cluster: &Cluster, demands: &[Demand]) -> BTreeSet<Right> {
    let all = demands.iter().flat_map(rights).collect::<BTreeSet<_>>();
    let wanted = all.iter().map(|right| (None, right)).collect::<Vec<_>>();
    let held = all.iter().zip(check::may(cluster, &wanted).await).filter(|(_, answer)| matches!(answer, Ok(true)));
    held.map(|(right, _)| right.clone()).collect()
}

/// Returns the findings about rights. Namespaces with the same answer share a row.
pub(crate) fn findings(places: &[CheckedNamespace], asker: Asker<'_>) -> Vec<Finding> {
    let mut lacking = BTreeMap::<Missing<'_>, Vec<&CheckedNamespace>>::new();
    let mut fine = BTreeMap::<&[Right], Vec<&str>>::new();
    let (mut unknown, mut failure) = (vec![], None);
    for place in places {
        let Some(seen) = place.seen.as_ref().filter(|seen| seen.lives()) else { continue };
        if let Some(error) = &seen.unknown {
            unknown.push(place.namespace.as_str());
            failure = failure.or(Some(error));
        } else if seen.missing.is_empty() {
            fine.entry(&place.needed).or_default().push(place.namespace.as_str());
        }
        if !seen.missing.is_empty() {
            let all = seen.missing.len() == place.needed.len();
            lacking.entry(Missing { rights: &seen.missing, all }).or_default().push(place);
        }
    }
    let denied = lacking.into_iter().map(|(missing, places)| {
        let namespaces = places.iter().map(|place| place.namespace.as_str()).collect::<Vec<_>>();
        let fix = rbac::fix(&missing, &namespaces, places.iter().any(|place| place.chosen), asker);
        Finding::failed("rights", "", format!("may not {}", words(missing.rights)))
            .with_namespaces(&namespaces)
            .with_fix(fix)
    });
    let mut findings = denied.collect::<Vec<_>>();
    findings.extend(failure.map(|error| {
        let fix = "log in as an identity that may create SelfSubjectAccessReviews: `kubectl auth can-i --list`";
        Finding::error("rights", "", error).with_namespaces(&unknown).with_fix(fix)
    }));
    findings.extend(fine.into_iter().map(|(needed, namespaces)| {
        Finding::ok("rights", "", format!("may {}", words(needed))).with_namespaces(&namespaces)
    }));
    findings
}

/// Reports whether a pass can list Secrets cluster-wide. Without this right, it reads them one by one.
pub(crate) async fn listing(cluster: &Cluster, demands: &[Demand], listed: &BTreeSet<SecretName>) -> Vec<Finding> {
    let mut findings = vec![];
    for demand in demands.iter().filter(|demand| listed.contains(&demand.secret)) {
        let right = |resource, name: &str| Right::new("list", resource, name);
        let accounts = demand.accounts.iter().map(|name| right("serviceaccounts", name));
        let rights = std::iter::once(right("secrets", demand.secret.as_str())).chain(accounts).collect::<Vec<_>>();
        let answers = check::may(cluster, &rights.iter().map(|right| (None, right)).collect::<Vec<_>>()).await;
        let message = if answers.iter().all(|answer| matches!(answer, Ok(true))) {
            "may list cluster-wide: reads many at once"
        } else {
            "may not list cluster-wide, and need not: reads one by one"
        };
        findings.push(Finding::ok("listing", format!("Secrets {}", demand.secret), message));
    }
    findings
}
