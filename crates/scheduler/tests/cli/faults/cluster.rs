//! The API server is busy, changes its leader, or refuses requests.

use std::time::{Duration, Instant};

use super::{ONE, TWO, many};
use crate::world::{World, of, run};

/// Case 14: the API server answers 429 with a pause, 503 during an upgrade, or 500 while etcd changes its leader.
///
/// regcred respects the pause, even if only a header contains it. Finished targets stay finished, and the pass ends
/// within its deadline.
#[tokio::test(flavor = "multi_thread")]
async fn a_pass_respects_the_retry_after_of_a_busy_api_server() {
    let busy = "Too many requests, please try again later.";
    let world = World::new(&["team-a"]).await;
    world.kube.answer_next(1, 429, "text/plain", &[("Retry-After", "3")], busy);
    let began = Instant::now();
    let (code, report, logs) = run(&mut world.once(ONE, &["--output", "json", "--timeout", "20s"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert!(began.elapsed() >= Duration::from_secs(3), "regcred waits as long as the header requires");

    for (status, reason, message) in [
        (503, "ServiceUnavailable", "apiserver is shutting down"),
        (500, "InternalError", "etcdserver: leader changed"),
        (500, "InternalError", "etcdserver: request timed out"),
        (504, "Timeout", "context deadline exceeded"),
    ] {
        let world = World::new(&["team-a", "team-b"]).await;
        world.kube.fail_next(3, status, reason, message, None);
        let (code, report, logs) = run(&mut world.once(TWO, &["--output", "json", "--timeout", "20s"]));
        assert_eq!(code, 0, "{report:#} {logs}");
        assert_eq!((world.kube.objects("secrets").len(), world.mints()), (2, 1));
    }

    let world = World::new(&["team-a", "team-b"]).await;
    world.kube.fail_namespace("team-b", 429, "TooManyRequests", busy);
    let (code, report, _) = run(&mut world.once(TWO, &["--output", "json", "--timeout", "1s"]));
    assert_eq!((code, of(&report, "team-a").0.as_str()), (1, "fresh"), "the one that answers is done: {report:#}");
    let (state, why) = of(&report, "team-b");
    assert!(state == "failed" && why.contains("HTTP 429") && why.contains("(throttled)"), "{why}");
}

/// Case 19: a namespace is being deleted, or does not exist any more.
///
/// The target is gone and not failed. The exit code is 0, and the other targets are refreshed.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminating_or_absent_namespace_is_reported_as_gone() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.kube.terminate("team-b");
    let three = format!("{TWO}- {{ namespace: absent, region: eu-west-1 }}\n");
    let (code, report, _) = run(&mut world.once(&three, &["--output", "json"]));
    assert_eq!((code, of(&report, "team-a").0.as_str()), (0, "fresh"), "{report:#}");
    for (namespace, how) in [("team-b", "is being deleted"), ("absent", "does not exist")] {
        let (state, why) = of(&report, namespace);
        assert!(state == "gone" && why.contains(how), "{report:#}");
    }
    // RoleBindings are deleted with their namespace, so a deleted namespace can answer 403.
    world.kube.deny("get", "secrets", Some("absent"));
    world.kube.deny("patch", "secrets", Some("absent"));
    let (code, report, _) = run(&mut world.once(&three, &["--output", "json"]));
    assert_eq!((code, of(&report, "absent").0.as_str()), (0, "gone"), "{report:#}");
}

/// Case 20: rights are missing in three of two hundred namespaces.
///
/// regcred names the missing rule for each object, and does not retry these namespaces again and again. The other
/// targets are refreshed, and the exit code is 1. A quota, a webhook and a refusal that is not from RBAC are not
/// reported as a missing right.
#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_in_some_namespaces_do_not_stop_the_other_targets() {
    let (namespaces, config) = many(200);
    let world = World::new(&namespaces.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.kube.deny_named("create", "secrets", Some("team-1"), "ecr-secret");
    world.kube.deny("patch", "secrets", Some("team-2"));
    world.kube.deny("get", "serviceaccounts", Some("team-3"));
    world.kube.deny("list", "secrets", None);
    world.kube.deny("list", "serviceaccounts", None);
    world.kube.quota("team-4");
    world.kube.webhook("team-5");
    world.kube.fail_namespace("team-6", 403, "Forbidden", "because");
    let (code, report, _) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 1, "{report:#}");
    let rule = |namespace: &str, resource: &str, name: &str, verbs: &str| {
        format!(
            "grant in namespace {namespace}: apiGroups [\"\"], resources [{resource}], resourceNames [{name}], verbs [{verbs}]"
        )
    };
    let expected = [
        ("team-1", rule("team-1", "secrets", "ecr-secret", "create")),
        ("team-2", rule("team-2", "secrets", "ecr-secret", "patch")),
        ("team-3", rule("team-3", "serviceaccounts", "default", "get")),
        ("team-4", "the quota q of the namespace is used up".into()),
        ("team-5", "the admission webhook policy.example.com denied it".into()),
        ("team-6", "RBAC allows it, so an admission plug-in or a policy of the cluster denied it".into()),
    ];
    for (namespace, wanted) in &expected {
        let (state, why) = of(&report, namespace);
        assert!(state == "failed" && why.contains(wanted) && why.contains("(denied)"), "{namespace}: {why}");
        let asked = world.kube.requests().iter().filter(|it| it.namespace.as_deref() == Some(*namespace)).count();
        assert!(asked <= 9, "{namespace} was asked {asked} times");
    }
    assert_eq!(
        report["targets"].as_array().map(|all| all.iter().filter(|it| it["state"] == "fresh").count()),
        Some(194)
    );
    assert_eq!(world.kube.objects("secrets").len(), 195, "a missing right on a ServiceAccount stops no Secret");
}
