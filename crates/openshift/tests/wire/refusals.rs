//! Secrets that cannot be written, and the error messages.

use std::time::Duration;

use regcred_core::{Address, ErrorKind, SecretSink, Target, testing::SinkExt};
use regcred_openshift::{Cluster, Connection};
use regcred_testkit::FakeKube;

use crate::harness::{NAME, builder, foreign, requests, set, sink, target};

#[tokio::test]
async fn absent_and_terminating_namespaces_are_not_reported_as_missing_rights() {
    let kube = FakeKube::start().await;
    for namespace in ["going", "forbidden"] {
        kube.add_namespace(namespace, &["default"]);
    }
    kube.terminate("going");
    let sink = sink(&kube).await;
    for (namespace, message) in
        [("going", "the namespace is being deleted"), ("absent", "the namespace does not exist")]
    {
        let error = sink.write(&target(namespace), &set(1, 12)).await.expect_err(message);
        let (said, what) = (error.chain(), format!(" secrets {NAME} in namespace {namespace}: {message}"));
        assert!(error.kind() == ErrorKind::Gone && said.starts_with("cannot ") && said.ends_with(&what), "{said}");
    }
    // If a namespace is gone, its RoleBindings are too, so the answer is 403.
    for namespace in ["absent", "forbidden"] {
        kube.deny("get", "secrets", Some(namespace));
    }
    assert_eq!(sink.observe(&target("absent")).await.expect_err("gone").kind(), ErrorKind::Gone);
    let error = sink.observe(&target("forbidden")).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.chain().contains("resourceNames [ecr-secret], verbs [get]"), "{error:?}");
}

/// The server's own view of a namespace's labels can be older than the watch.
#[tokio::test]
async fn a_denial_by_a_policy_is_retried_once_before_it_is_reported() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let sink = builder(&kube).await.build();
    let target = target("team-a");
    let denial =
        "secrets \"ecr-secret\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no";
    let seen = sink.observe(&target).await.expect("it does not exist");
    kube.fail_next(1, 422, "Invalid", denial, None);
    sink.apply(&target, &seen, &set(1, 12)).await.expect("the second try is taken");
    let seen = sink.observe(&target).await.expect("it is there");
    kube.fail_next(2, 422, "Invalid", denial, None);
    let error = sink.apply(&target, &seen, &set(2, 13)).await.expect_err("it is denied twice");
    assert!(
        error.kind() == ErrorKind::Denied && error.chain().contains("the admission policy p denied it"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_busy_or_broken_server_is_called_once() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (builder(&kube).await.build(), target("team-a"));
    for (status, retry_after, kind) in [(429, Some(32), ErrorKind::Throttled), (503, None, ErrorKind::Unreachable)] {
        kube.clear_requests();
        kube.fail_next(1, status, "Busy", "canary", retry_after);
        let error = sink.observe(&target).await.expect_err("it is busy");
        assert_eq!((error.kind(), error.retry_after()), (kind, retry_after.map(Duration::from_secs)));
        assert_eq!(kube.requests().len(), 1, "one call is one attempt");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_of_another_installation_is_refused() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (one, other) = (sink(&kube).await, builder(&kube).await.with_instance("blue".parse().expect("valid")).build());
    one.write(&target("team-a"), &set(1, 12)).await.expect("it can be written");
    let observed = other.observe(&target("team-a")).await.expect("it can be read").existing().expect("it is there");
    let refusal = observed.refusal.expect("it is not ours");
    assert_eq!(refusal.reason(), "other-instance");
    assert!(refusal.to_string().contains("it belongs to regcred's instance \"default\""), "{refusal}");
}

#[tokio::test]
async fn a_foreign_secret_created_meanwhile_is_a_conflict_and_is_kept() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let seen = sink.observe(&target).await.expect("it can be read");
    assert!(!seen.exists);
    kube.put("secrets", "team-a", NAME, foreign(), "helm");
    let before = kube.object("secrets", "team-a", NAME);
    let error = sink.apply(&target, &seen, &set(1, 12)).await.expect_err("another writer was faster");
    assert_eq!((error.kind(), kube.object("secrets", "team-a", NAME)), (ErrorKind::Conflict, before));
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_not_quoted() {
    let dir = tempfile::tempdir().expect("a folder");
    let connect = async |yaml: &str| {
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, yaml).expect("it can be written");
        let connection = Connection { kubeconfig: Some(path), context: None };
        Cluster::connect(&connection).await.expect_err("it cannot be used")
    };
    let whole = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{ name: c, cluster: {{ server: 'http://127.0.0.1:9' }} }}]\n\
             contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\nusers: [{{ name: u, user: {user} }}]\n"
        )
    };
    let exec = |script: &str| {
        whole(&format!(
            "{{ exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: ['-c', '{script}'] }} }}"
        ))
    };
    let bad = [
        "users:\n- name: u\n  user: { token: canary\n".to_owned(),
        "users: [{ name: u, user: { token: [canary] } }]".to_owned(),
        exec("echo canary; echo canary >&2; exit 3"),
        exec("echo token: [canary"),
    ];
    for yaml in &bad {
        let error = connect(yaml).await;
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_a_secret_is_refused_without_a_request() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let sink = sink(&kube).await;
    let seen = sink.observe(&target("team-a")).await.expect("nothing is there");
    kube.clear_requests();
    for (group, name) in
        [("", "pull"), ("team-a", ""), ("Team", "pull"), ("team-a/secrets/x", "pull"), ("team-a", "../x")]
    {
        let target = Target::new(target("team-a").store, Address::new(group, name));
        let refused = [
            sink.observe(&target).await.map(drop),
            sink.apply(&target, &seen, &set(1, 12)).await.map(drop),
            sink.remove(&target).await,
        ];
        for result in refused {
            assert_eq!(result.expect_err("no such Secret can be").kind(), ErrorKind::Invalid, "{target}");
        }
    }
    assert_eq!(requests(&kube), [""; 0]);
}
