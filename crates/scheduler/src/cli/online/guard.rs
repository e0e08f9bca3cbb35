//! Checks whether regcred's rights let it get more rights.

use std::collections::BTreeSet;

use regcred_openshift::{Cluster, Policies, Right, ServerInfo, check};
use regcred_plan::{Demand, Finding, Verdict};

/// A namespace in which the right to create Secrets leads to the token of any ServiceAccount.
const SYSTEM: &str = "kube-system";

/// The suffix in the name of the Secret policy of `regcred manifests`.
const OF_SECRETS: &str = "-guard-secrets";

/// Checks the right to create Secrets in `kube-system`.
///
/// RBAC limits the name of a Secret but not its type. Such a Secret can therefore hold the token of a ServiceAccount.
pub(crate) async fn ask(
    cluster: &Cluster,
    server_info: &ServerInfo,
    user: Option<&str>,
    demands: &[Demand],
) -> Option<Finding> {
    let names = demands.iter().map(|demand| demand.secret.as_str()).collect::<BTreeSet<_>>();
    let rights = names.iter().flat_map(|name| ["create", "patch"].map(|verb| Right::new(verb, "secrets", *name)));
    let rights = rights.collect::<Vec<_>>();
    let answers = check::may(cluster, &rights.iter().map(|right| (Some(SYSTEM), right)).collect::<Vec<_>>()).await;
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        let fix = "check that the cluster accepts this identity: `kubectl auth can-i --list`";
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
    let release = server_info.version.as_deref().unwrap_or("of this version");
    let policies = match check::policies(cluster, user).await {
        Ok(Policies::Named(policies)) if policies.iter().any(|it| it.contains(OF_SECRETS)) => {
            let message = format!("{can}; ValidatingAdmissionPolicy {} is there to guard it", policies.join(", "));
            return Some(Finding::ok("guard", SYSTEM, message));
        }
        Ok(Policies::Named(_)) => "and no ValidatingAdmissionPolicy of regcred's names it".into(),
        Ok(Policies::NotServed) if server_info.release.is_some_and(|release| release < (1, 30)) => {
            format!("and a server {release} has no ValidatingAdmissionPolicies, which came with 1.30")
        }
        Ok(Policies::NotServed) => "and this server has no ValidatingAdmissionPolicies".into(),
        // A pod may not list policies, so a dry run checks whether a policy refuses the Secret.
        Ok(Policies::Unknown) | Err(_) => match check::refuses_tokens(cluster, SYSTEM, names.first().copied()?).await {
            Ok(true) => {
                let message =
                    format!("a ValidatingAdmissionPolicy refuses Secret {open} as a ServiceAccount token there");
                return Some(Finding::ok("guard", SYSTEM, message));
            }
            Ok(false) => "and no ValidatingAdmissionPolicy refuses it as a ServiceAccount token".into(),
            Err(_) => "and regcred cannot check whether a ValidatingAdmissionPolicy guards it".into(),
        },
    };
    let message = format!("{can}, {policies}");
    // An administrator has this right anyway.
    let is_pod = user.is_some_and(|user| user.starts_with("system:serviceaccount:"));
    Some(if is_pod {
        Finding::failed("guard", SYSTEM, message).with_fix(GUARD)
    } else {
        Finding::new(
            "guard",
            Verdict::Info,
            SYSTEM,
            format!("{message}; an administrator can, and regcred's ServiceAccount must not"),
        )
    })
}

const GUARD: &str = "`regcred manifests` binds its ClusterRole in each namespace if the config names them all. Otherwise it adds a\n\
                     ValidatingAdmissionPolicy first";
