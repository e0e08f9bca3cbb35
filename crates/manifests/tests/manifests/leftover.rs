//! Tests the commands that delete the objects of another mode.

use regcred_manifests::{Account, Guard, Install, Mode, Workload, manifests};

use crate::plan;

fn commands(targets: &str, install: &Install) -> String {
    let plan = plan(&format!("targets: [{{ {targets}, region: eu-west-1 }}]"));
    let notes = manifests(&plan, install).expect("they can be made").notes;
    notes.into_iter().find(|note| note.starts_with("delete the objects that another mode")).expect("it is printed")
}

#[test]
fn a_config_with_named_namespaces_deletes_cluster_wide_rights() {
    let told = commands("namespace: a", &Install::default());
    assert!(told.contains("kubectl delete --ignore-not-found clusterrolebinding/regcred-target\n"), "{told}");
    assert!(!told.contains("rolebinding --all-namespaces"), "{told}");
    let told = commands("namespaces: ['app-*']", &Install::default());
    assert!(!told.contains("clusterrolebinding/regcred-target"), "{told}");
    let bindings = "kubectl delete --ignore-not-found rolebinding --all-namespaces --field-selector=metadata.name=regcred-target\n";
    assert!(told.contains(bindings), "{told}");
}

#[test]
fn without_the_guard_its_policies_and_cluster_wide_rights_are_deleted() {
    let told = commands("namespaces: ['app-*']", &Install { guard: Guard::Bindings, ..Install::default() });
    for object in ["clusterrolebinding/regcred-target", "validatingadmissionpolicybinding/regcred-guard-secrets"] {
        assert!(told.contains(object), "{object}: {told}");
    }
    let told = commands("namespaces: ['app-*']", &Install::default());
    assert!(
        !told.contains("/regcred-guard-secrets") && told.contains("validatingadmissionpolicy/regcred-guard "),
        "{told}"
    );
}

#[test]
fn each_mode_deletes_the_workload_of_the_other() {
    let daemon = Install { mode: Mode::Daemon(Workload::default(), 1), ..Install::default() };
    let (cron_job, daemon) = (commands("namespace: a", &Install::default()), commands("namespace: a", &daemon));
    assert!(cron_job.contains("deployment/regcred") && !cron_job.contains("cronjob/regcred"), "{cron_job}");
    assert!(daemon.contains("cronjob/regcred") && !daemon.contains("deployment/regcred"), "{daemon}");
    assert!(
        cron_job.contains("--namespace=regcred prometheusrule/regcred servicemonitor/regcred  # only"),
        "{cron_job}"
    );
}

#[test]
fn an_installation_in_another_namespace_leaves_objects_of_the_first_unchanged() {
    let ops = Install { namespace: "ops".parse().expect("a name"), ..Install::default() };
    let told = commands("namespace: a", &ops);
    assert!(told.contains("clusterrolebinding/regcred-target.ops\n") && told.contains("--namespace=ops "), "{told}");
    assert!(!told.contains("validatingadmissionpolicy/regcred-guard "), "{told}");
}

#[test]
fn an_existing_service_account_is_bound_and_never_deleted() {
    let named = |name: &str| Account { name: Some(name.into()), exists: true, ..Account::default() };
    let told = commands("namespace: a", &Install { account: named("ci"), ..Install::default() });
    assert!(told.contains(" serviceaccount/regcred\n"), "the earlier one is left over: {told}");
    assert!(!told.contains("serviceaccount/ci"), "{told}");
    let told = commands("namespace: a", &Install { account: named("regcred"), ..Install::default() });
    assert!(!told.contains("serviceaccount/"), "{told}");
}

#[test]
fn without_monitoring_earlier_monitoring_objects_are_deleted() {
    let mode = Mode::Daemon(Workload::default(), 1);
    let told = commands("namespace: a", &Install { mode, monitoring: false, ..Install::default() });
    assert!(
        told.contains("prometheusrule/regcred servicemonitor/regcred  # only with the Prometheus operator"),
        "{told}"
    );
}
