//! The checks of a cluster before regcred writes there.

use std::time::Duration;

use regcred_core::{Clock, ErrorKind, SystemClock};
use regcred_openshift::{Policies, Presence, Right, check};
use regcred_testkit::FakeKube;

use crate::harness::connect;

fn right(verb: &'static str, name: &str) -> Right {
    Right::new(verb, "secrets", name)
}

#[tokio::test]
async fn the_server_version_and_time_are_read() {
    let kube = FakeKube::start().await;
    kube.set_clock_ahead(Duration::from_hours(1));
    let info = check::server_info(&connect(&kube).await).await.expect("it answers");
    assert_eq!((info.version.as_deref(), info.release), (Some("v1.33.0-fake"), Some((1, 33))));
    let ahead = info.time.expect("it tells").duration_since(SystemClock.now()).expect("it is ahead");
    assert!(Duration::from_hours(1).abs_diff(ahead) < Duration::from_secs(30), "{ahead:?}");
    assert_eq!(check::user(&connect(&kube).await).await.expect("it answers").as_deref(), Some("fake"));
}

#[tokio::test]
async fn an_answer_that_is_not_from_a_kubernetes_api_is_not_quoted() {
    let kube = FakeKube::start().await;
    for body in ["<html>canary</html>", r#"{"gitVersion":"can ary"}"#, "[]", ""] {
        kube.answer_next(1, 200, "application/json", &[], body);
        let error = check::server_info(&connect(&kube).await).await.expect_err(body);
        assert!(error.chain().ends_with("the answer is not that of a Kubernetes API"), "{error:?}");
    }
    kube.fail_next(1, 403, "Forbidden", "canary", None);
    let info = check::server_info(&connect(&kube).await).await.expect("only that request is forbidden");
    assert_eq!((info.version, info.release, info.time.is_some()), (None, None, true));
    for (status, kind) in
        [(401, ErrorKind::Unauthenticated), (429, ErrorKind::Throttled), (503, ErrorKind::Unreachable)]
    {
        kube.answer_next(1, status, "text/plain", &[], "canary");
        let error = check::server_info(&connect(&kube).await).await.expect_err("it is not an answer");
        assert!(error.kind() == kind && !error.chain().contains("canary"), "{error:?}");
    }
    kube.answer_next(1, 404, "application/json", &[], r#"{"kind":"Status","code":404,"message":"canary"}"#);
    assert_eq!(check::user(&connect(&kube).await).await.expect("an old server does not report it"), None);
}

#[tokio::test]
async fn access_reviews_are_answered_in_the_requested_order() {
    let kube = FakeKube::start().await;
    kube.deny_named("patch", "secrets", Some("b"), "two");
    let (one, two) = (right("patch", "one"), right("patch", "two"));
    let mut wanted = vec![(Some("b"), &one), (Some("b"), &two), (Some("a"), &two), (None, &two), (None, &one)];
    wanted.extend(vec![(Some("a"), &one); 50]);
    let answers = check::may(&connect(&kube).await, &wanted).await;
    let answers = answers.into_iter().map(|answer| answer.expect("it answers")).collect::<Vec<_>>();
    assert_eq!(answers[..5], [true, false, true, false, true], "what is denied somewhere is not allowed everywhere");
    assert!(answers.len() == 55 && answers[5..].iter().all(|it| *it));
    kube.fail_next(1, 500, "InternalError", "canary", None);
    let failed = check::may(&connect(&kube).await, &[(None, &one)]).await.remove(0).expect_err("it does not tell");
    assert_eq!(failed.kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn namespaces_are_present_terminating_absent_or_unknown() {
    let kube = FakeKube::start().await;
    kube.add_namespace("a", &[]);
    kube.add_namespace("b", &[]);
    kube.terminate("b");
    let seen = async || {
        let all = check::namespaces(&connect(&kube).await, &["a", "b", "c"]).await;
        all.into_iter().map(|it| it.expect("it answers")).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, [Presence::Here, Presence::Going, Presence::Absent]);
    kube.deny("get", "namespaces", None);
    assert_eq!(seen().await, [Presence::Unknown; 3]);
}

#[tokio::test]
async fn policies_are_listed_not_served_or_unknown() {
    let kube = FakeKube::start().await;
    let policies = async || check::policies(&connect(&kube).await, Some("fake")).await.expect("it answers");
    assert_eq!(policies().await, Policies::Named(vec![]));
    kube.add_policy("guard", "fake");
    kube.add_policy("of-another", "system:serviceaccount:regcred:regcred");
    assert_eq!(policies().await, Policies::Named(vec!["guard".into()]));
    kube.fail_next(1, 404, "NotFound", "the server could not find the requested resource", None);
    assert_eq!(policies().await, Policies::NotServed);
    kube.deny("list", "validatingadmissionpolicies", None);
    assert_eq!(policies().await, Policies::Unknown);
}
