//! Tests of refusals for one name or namespace, and of answers that are not in the format of the API.

use super::*;

const SECRETS: &str = "/api/v1/namespaces/a/secrets";

fn secret() -> Value {
    json!({ "metadata": { "name": "s" }, "data": { "k": "YQ==" } })
}

fn message(reply: &Reply) -> String {
    reply.json()["message"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn a_right_denied_for_one_name_is_refused_and_its_review_agrees() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({}), "one");
    kube.put("secrets", "a", "t", json!({}), "one");
    kube.deny_named("patch", "secrets", Some("a"), "s");
    kube.deny_named("create", "secrets", None, "new");
    assert_status(&kube.apply("s", "me", json!({})).await, 403, "Forbidden");
    assert_status(&kube.apply("new", "me", json!({})).await, 403, "Forbidden");
    assert_eq!(kube.apply("t", "me", json!({})).await.status, 200);
    assert_eq!(kube.get(SECRETS).await.status, 200);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    for (name, allowed) in [("s", false), ("t", true), ("", true)] {
        let attributes = json!({ "verb": "patch", "resource": "secrets", "namespace": "a", "name": name });
        let reply = kube.ask("POST", path, json!({ "spec": { "resourceAttributes": attributes } })).await;
        assert_eq!((reply.status, &reply.json()["status"]["allowed"]), (201, &json!(allowed)), "{name}");
    }
    kube.allow_all();
    assert_eq!(kube.apply("s", "me", json!({})).await.status, 200);
}

#[tokio::test]
async fn an_answer_without_a_status_object_is_sent_unchanged() {
    let kube = cluster().await;
    let body = "Too many requests, please try again later.";
    kube.answer_next(2, 429, "text/plain", &[("Retry-After", "1")], body);
    for _ in 0..2 {
        let reply = kube.get(SECRETS).await;
        assert_eq!((reply.status, reply.header("content-type"), reply.text()), (429, "text/plain", body));
        assert_eq!(reply.header("retry-after"), "1");
    }
    assert_eq!(kube.get(SECRETS).await.status, 200);
    assert_eq!(kube.requests()[0].status, 429);
}

#[tokio::test]
async fn a_quota_refuses_new_secrets_and_allows_updates() {
    let kube = cluster().await;
    kube.put("secrets", "a", "old", json!({}), "one");
    kube.quota("a");
    let expected = "secrets \"s\" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=0, limited: \
                    secrets=0";
    for reply in [kube.ask("POST", SECRETS, secret()).await, kube.apply("s", "me", json!({})).await] {
        assert_status(&reply, 403, "Forbidden");
        assert_eq!(message(&reply), expected);
        assert_eq!(reply.json()["details"], json!({ "kind": "secrets", "name": "s" }));
    }
    assert_eq!(kube.apply("old", "me", json!({ "data": { "k": "YQ==" } })).await.status, 200);
    let account = json!({ "metadata": { "name": "other" } });
    assert_eq!(kube.ask("POST", "/api/v1/namespaces/a/serviceaccounts", account).await.status, 201);
    kube.add_namespace("b", &[]);
    assert_eq!(kube.ask("POST", "/api/v1/namespaces/b/secrets", secret()).await.status, 201);
    // Direct writes skip admission.
    kube.put("secrets", "a", "another", json!({}), "one");
    kube.restore_namespace("a");
    assert_eq!(kube.apply("s", "me", json!({})).await.status, 201);
}

#[tokio::test]
async fn a_webhook_refuses_new_and_changed_secrets() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({}), "one");
    kube.webhook("a");
    let another = json!({ "metadata": { "name": "another" } });
    for reply in [
        kube.ask("POST", SECRETS, another).await,
        kube.apply("another", "me", json!({})).await,
        kube.ask("PUT", &secret_path("s"), secret()).await,
        kube.patch(MERGE, &secret_path("s"), secret()).await,
        kube.apply("s", "me", json!({})).await,
    ] {
        assert_status(&reply, 403, "Forbidden");
        assert_eq!(message(&reply), "admission webhook \"policy.example.com\" denied the request: because");
    }
    let account = "/api/v1/namespaces/a/serviceaccounts/builder";
    assert_eq!(kube.patch(MERGE, account, json!({ "metadata": { "labels": { "a": "b" } } })).await.status, 200);
    assert_eq!(kube.get(&secret_path("s")).await.status, 200);
    assert_eq!(kube.ask("DELETE", &secret_path("s"), Value::Null).await.status, 200);
    kube.restore_namespace("a");
    assert_eq!(kube.ask("POST", SECRETS, secret()).await.status, 201);
}

#[tokio::test]
async fn admission_is_checked_after_every_other_error() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", secret(), "one");
    kube.webhook("a");
    kube.quota("a");
    assert_status(&kube.ask("PUT", &secret_path("none"), secret()).await, 404, "NotFound");
    let stale = json!({ "metadata": { "resourceVersion": "1" } });
    assert_status(&kube.patch(MERGE, &secret_path("s"), stale).await, 409, "Conflict");
    let taken = json!({ "data": { "k": "Yg==" } });
    assert_status(&kube.apply("s", "me", taken).await, 409, "Conflict");
    kube.terminate("a");
    assert!(message(&kube.apply("new", "me", json!({})).await).contains("is being terminated"));
}

#[tokio::test]
async fn only_the_failing_namespace_fails_until_it_is_restored() {
    let kube = cluster().await;
    kube.add_namespace("b", &[]);
    kube.fail_namespace("a", 503, "ServiceUnavailable", "etcd is away");
    for path in [SECRETS, &secret_path("s"), "/api/v1/namespaces/a/serviceaccounts/builder"] {
        let reply = kube.get(path).await;
        assert_status(&reply, 503, "ServiceUnavailable");
        assert_eq!(message(&reply), "etcd is away");
    }
    assert_status(&kube.apply("s", "me", json!({})).await, 503, "ServiceUnavailable");
    for path in ["/api/v1/namespaces/a", "/api/v1/namespaces/b/secrets", "/api/v1/secrets", "/version"] {
        assert_eq!(kube.get(path).await.status, 200, "{path}");
    }
    kube.restore_namespace("a");
    assert_eq!(kube.get(SECRETS).await.status, 200);
}
