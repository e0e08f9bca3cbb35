//! Checks for rights, policies and workloads that another mode of this installation left in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::InstanceName;
use regcred_openshift::{
    Cluster, Installed, InstalledKind, installed,
    leftover::{self, Writer},
};
use regcred_plan::{Demand, Finding, first_few};

use super::{namespace_check::CheckedNamespace, rbac::for_each};

const CHECK: &str = "leftovers";
/// The suffix in the names of target roles and bindings, as `regcred manifests` prints them.
const TARGET: &str = "-target";
/// The suffixes in the names of the guard's policies. The last one is from version 0.1.0.
const GUARD: [&str; 4] = ["-guard-secrets", "-guard-accounts", "-guard-events", "-guard"];
/// The most RoleBindings that one command names.
const NAMED: usize = 20;

/// The namespaces that the config needs.
struct Wanted {
    /// Whether the config selects namespaces by pattern or label.
    selects: bool,
    /// The named and the selected namespaces. `None` if not all of them are known.
    namespaces: Option<BTreeSet<String>>,
}

/// Looks for objects that `regcred manifests` printed for another mode.
///
/// Returns no finding without the rights to list bindings and policies. Skips the workloads without the rights to list
/// them.
pub(crate) async fn ask(
    cluster: &Cluster,
    instance: &InstanceName,
    demands: &[Demand],
    places: &[CheckedNamespace],
) -> Vec<Finding> {
    let selects = demands.iter().any(|demand| !demand.selected.is_empty());
    let is_known = !selects || places.iter().any(|place| place.chosen);
    let namespaces = is_known.then(|| places.iter().map(|place| place.namespace.to_string()).collect());
    let mut findings = vec![];
    match installed::list(cluster, instance).await {
        Ok(Some(installed)) => findings.extend(judge(&installed, &Wanted { selects, namespaces })),
        Ok(None) => return findings,
        Err(error) => findings.push(Finding::error(CHECK, "bindings", &error).into_warning()),
    }
    if let Ok(writers) = leftover::writers(cluster, instance).await {
        findings.extend(several(&writers));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("instance {instance}"), "no other mode has left rights or workloads"));
    }
    findings
}

/// Warns if several workloads run for this instance, such as a CronJob beside a Deployment.
///
/// Each of them refreshes the same targets.
fn several(writers: &[Writer]) -> Option<Finding> {
    let lasting = writers.iter().filter(|it| it.kind != "Job").collect::<Vec<_>>();
    if lasting.len() < 2 {
        return None;
    }
    let delete = lasting.iter().map(|Writer { kind, namespace, name }| {
        format!("kubectl delete --ignore-not-found --namespace={namespace} {}/{name}", kind.to_lowercase())
    });
    let fix =
        format!("keep one of them, and delete what you do not use:\n  {}", delete.collect::<Vec<_>>().join("\n  "));
    let named = lasting.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Some(Finding::warning(CHECK, "workloads", format!("several run for this instance: {named}")).with_fix(fix))
}

/// Judges the rights of each installation separately. Installations in different namespaces have different names.
fn judge(installed: &[Installed], wanted: &Wanted) -> Vec<Finding> {
    let mut installations = BTreeMap::<(&str, &str), Vec<&Installed>>::new();
    for object in installed {
        if let Some(of) = installation(object) {
            installations.entry(of).or_default().push(object);
        }
    }
    let mut findings = vec![];
    let bound = installations.iter().filter(|(_, objects)| objects.iter().any(|it| is_binding(it))).collect::<Vec<_>>();
    if bound.len() > 1 {
        let names =
            bound.iter().map(|((name, rest), _)| format!("{name}{TARGET}{rest}")).collect::<Vec<_>>().join(", ");
        let message = format!("several installations of this instance have rights: {names}");
        findings.push(Finding::warning(CHECK, "rights", message).with_fix(ELSEWHERE));
    }
    for ((name, rest), objects) in installations {
        let target = format!("{name}{TARGET}{rest}");
        let is_wide = objects.iter().any(|it| it.kind == InstalledKind::ClusterRoleBinding);
        let within = objects.iter().filter(|it| it.kind == InstalledKind::RoleBinding);
        let within = within.filter_map(|it| it.namespace.as_deref()).collect::<Vec<_>>();
        if is_wide && !wanted.selects {
            let message = format!(
                "ClusterRoleBinding {target} gives rights in every namespace, and the config names its namespaces"
            );
            let fix = format!("kubectl delete --ignore-not-found clusterrolebinding {target}");
            findings.push(Finding::warning(CHECK, "rights", message).with_fix(fix));
        }
        let left = match (&wanted.namespaces, is_wide && wanted.selects) {
            (_, true) => within,
            (Some(wanted), false) => within.into_iter().filter(|it| !wanted.contains(*it)).collect(),
            (None, false) => vec![],
        };
        if !left.is_empty() {
            let message =
                format!("RoleBinding {target} gives rights that the config does not need in {}", first_few(&left));
            findings.push(Finding::warning(CHECK, "rights", message).with_fix(unbind(&target, &left)));
        }
        let policies = objects.iter().filter(|it| it.kind == InstalledKind::ValidatingAdmissionPolicy);
        let policies = policies.map(|it| it.name.as_str()).collect::<Vec<_>>();
        let old = policies.iter().copied().filter(|it| *it == format!("{name}-guard{rest}")).collect::<Vec<_>>();
        // A config that names its namespaces may have a guard beside RoleBindings.
        let is_needed = is_wide || (!wanted.selects && objects.iter().any(|it| is_binding(it)));
        let (left, why) = match (is_needed, policies.is_empty()) {
            (_, true) => continue,
            (false, false) => (policies, "limits rights that are not bound in the whole cluster"),
            (true, false) if old.is_empty() => continue,
            (true, false) => (old, "is from version 0.1.0"),
        };
        let message = format!("ValidatingAdmissionPolicy {} {why}", left.join(", "));
        let both = |name: &&str| format!("validatingadmissionpolicybinding/{name} validatingadmissionpolicy/{name}");
        let names = left.iter().map(both).collect::<Vec<_>>().join(" ");
        findings.push(
            Finding::warning(CHECK, "guard", message).with_fix(format!("kubectl delete --ignore-not-found {names}")),
        );
    }
    findings
}

const ELSEWHERE: &str = "print the manifests of the one that you do not use with its --namespace and --no-namespace, and pipe them into\n\
                         `kubectl delete --ignore-not-found --filename -`";

/// Returns the installation that has an object: the parts of the object's name before and after the suffix.
///
/// `None` if the name has no known suffix.
fn installation(object: &Installed) -> Option<(&str, &str)> {
    let (left, _) = object.name.split_once('.').unwrap_or((&object.name, ""));
    let rest = &object.name[left.len()..];
    let suffixes: &[&str] = if object.kind == InstalledKind::ValidatingAdmissionPolicy { &GUARD } else { &[TARGET] };
    suffixes.iter().find_map(|suffix| left.strip_suffix(suffix)).map(|name| (name, rest))
}

fn is_binding(object: &Installed) -> bool {
    object.kind != InstalledKind::ValidatingAdmissionPolicy
}

fn unbind(target: &str, namespaces: &[&str]) -> String {
    if namespaces.len() > NAMED {
        let of = format!("--all-namespaces --field-selector=metadata.name={target}");
        return format!("delete those that you do not need: kubectl get rolebinding {of}");
    }
    for_each(namespaces, |it| format!("kubectl delete --ignore-not-found --namespace={it} rolebinding/{target}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: InstalledKind, namespace: Option<&str>, name: &str) -> Installed {
        Installed { kind, namespace: namespace.map(Into::into), name: name.into() }
    }

    fn wide(name: &str) -> Installed {
        object(InstalledKind::ClusterRoleBinding, None, name)
    }

    fn within(namespace: &str, name: &str) -> Installed {
        object(InstalledKind::RoleBinding, Some(namespace), name)
    }

    fn policy(name: &str) -> Installed {
        object(InstalledKind::ValidatingAdmissionPolicy, None, name)
    }

    fn names(namespaces: &[&str]) -> Wanted {
        Wanted { selects: false, namespaces: Some(namespaces.iter().map(ToString::to_string).collect()) }
    }

    fn selects(namespaces: &[&str]) -> Wanted {
        Wanted { selects: true, ..names(namespaces) }
    }

    /// Each row has the installed objects, the needs of the config, and a part of each fix.
    #[test]
    fn leftovers_of_another_mode_are_listed_with_the_command_that_deletes_them() {
        let guard = ["regcred-guard-secrets", "regcred-guard-accounts", "regcred-guard-events"].map(policy);
        let with_guard = |more: Vec<Installed>| [guard.to_vec(), more].concat();
        let unknown = Wanted { selects: true, namespaces: None };
        let rows: Vec<(&str, Vec<Installed>, Wanted, Vec<&str>)> = vec![
            ("nothing is installed", vec![], names(&["a"]), vec![]),
            ("names", vec![within("a", "regcred-target"), within("b", "regcred-target")], names(&["a", "b"]), vec![]),
            ("a guard", with_guard(vec![wide("regcred-target")]), selects(&["a"]), vec![]),
            ("names with a guard", with_guard(vec![within("a", "regcred-target")]), names(&["a"]), vec![]),
            (
                "a guard without rights",
                guard.to_vec(),
                names(&["a"]),
                vec!["validatingadmissionpolicy/regcred-guard-secrets"],
            ),
            ("role bindings for a selector", vec![within("a", "regcred-target")], selects(&["a"]), vec![]),
            ("the selected namespaces are not known", vec![within("z", "regcred-target")], unknown, vec![]),
            ("a role of another program", vec![wide("regcred-edit"), within("a", "view")], names(&["b"]), vec![]),
            (
                "a namespace that was dropped",
                vec![within("a", "regcred-target")],
                names(&["b"]),
                vec!["--namespace=a rolebinding/regcred-target"],
            ),
            (
                "namespaces that were dropped",
                vec![within("a", "regcred-x-target"), within("b", "regcred-x-target")],
                names(&["c"]),
                vec!["for it in a b; do"],
            ),
            (
                "from a selector to names",
                with_guard(vec![wide("regcred-target"), within("a", "regcred-target")]),
                names(&["a"]),
                vec!["clusterrolebinding regcred-target"],
            ),
            (
                "from the guard to role bindings, once the rights of the cluster are gone",
                with_guard(vec![within("a", "regcred-target")]),
                selects(&["a"]),
                vec![
                    "validatingadmissionpolicybinding/regcred-guard-secrets validatingadmissionpolicy/regcred-guard-secrets",
                ],
            ),
            (
                "from role bindings to the guard",
                with_guard(vec![wide("regcred-target"), within("a", "regcred-target")]),
                selects(&["a"]),
                vec!["--namespace=a rolebinding/regcred-target"],
            ),
            (
                "the policy of the first version",
                with_guard(vec![wide("regcred-target"), policy("regcred-guard")]),
                selects(&[]),
                vec!["validatingadmissionpolicy/regcred-guard"],
            ),
            (
                "from one namespace to another",
                with_guard(vec![wide("regcred-target"), wide("regcred-target.ops")]),
                selects(&[]),
                vec!["--no-namespace"],
            ),
            (
                "an installation in a namespace whose name looks like a suffix",
                vec![wide("regcred-a-target.my-target")],
                names(&["a"]),
                vec!["clusterrolebinding regcred-a-target.my-target"],
            ),
        ];
        for (what, installed, wanted, fixes) in rows {
            let findings = judge(&installed, &wanted);
            assert_eq!(findings.len(), fixes.len(), "{what}: {findings:#?}");
            for (finding, fix) in findings.iter().zip(fixes) {
                assert!(format!("{finding:?}").contains(fix), "{what}: {finding:#?}");
            }
        }
    }

    #[test]
    fn two_permanent_workloads_are_reported() {
        let writer =
            |(kind, namespace, name): (_, &str, &str)| Writer { kind, namespace: namespace.into(), name: name.into() };
        let several = |writers: &[_]| several(&writers.iter().copied().map(writer).collect::<Vec<_>>());
        assert!(several(&[]).is_none());
        let jobs = [("CronJob", "regcred", "regcred"), ("Job", "regcred", "first"), ("Job", "regcred", "second")];
        assert!(several(&jobs).is_none());
        let both = several(&[("Deployment", "regcred", "regcred"), ("CronJob", "ops", "regcred")]).expect("a finding");
        let text = format!("{both:?}");
        assert!(
            text.contains("--namespace=regcred deployment/regcred") && text.contains("--namespace=ops cronjob/regcred")
        );
    }
}
