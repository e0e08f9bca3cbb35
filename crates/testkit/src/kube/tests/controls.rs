//! Tests of the methods that change the cluster directly.

use super::*;
use crate::kube::Request;

#[tokio::test]
async fn a_namespace_is_created_with_its_service_accounts() {
    let kube = cluster().await;
    let account = kube.object("serviceaccounts", "a", "builder").expect("it was asked for");
    let own = json!([{ "name": "builder-dockercfg-abc12" }]);
    assert_eq!((&account["imagePullSecrets"], &account["secrets"]), (&own, &own));
    assert_eq!(kube.objects("serviceaccounts").len(), 2);
    kube.remove("serviceaccounts", "a", "builder");
    assert_eq!(kube.object("serviceaccounts", "a", "builder"), None);
    kube.remove_namespace("a");
    assert!(kube.objects("serviceaccounts").is_empty() && kube.objects("namespaces").is_empty());
}

#[tokio::test]
async fn requests_are_recorded_with_their_answers() {
    let kube = cluster().await;
    kube.apply("s", "me", json!({})).await;
    kube.get("/api/v1/namespaces/a").await;
    kube.get("/api/v1/secrets?limit=1").await;
    kube.get("/apis/build.openshift.io/v1").await;
    let request = |verb: &str, resource: &str, namespace: Option<&str>, name: Option<&str>, status| Request {
        verb: verb.into(),
        resource: resource.into(),
        namespace: namespace.map(Into::into),
        name: name.map(Into::into),
        status,
        ..Request::default()
    };
    assert_eq!(
        kube.requests(),
        [
            Request { apply: true, ..request("patch", "secrets", Some("a"), Some("s"), 201) },
            request("get", "namespaces", Some("a"), Some("a"), 200),
            request("list", "secrets", None, None, 200),
            request("get", "/apis/build.openshift.io/v1", None, None, 404),
        ]
    );
    kube.clear_requests();
    assert!(kube.requests().is_empty());
}

#[tokio::test]
async fn a_denied_verb_is_refused_only_in_its_scope() {
    let kube = cluster().await;
    kube.add_namespace("b", &[]);
    kube.deny("get", "secrets", Some("a"));
    kube.deny("create", "secrets", None);
    let reply = kube.get(&secret_path("s")).await;
    assert_status(&reply, 403, "Forbidden");
    assert_eq!(reply.json()["details"], json!({ "kind": "secrets", "name": "s" }));
    assert_status(&kube.get("/api/v1/namespaces/b/secrets/s").await, 404, "NotFound");
    // An apply that would create an object needs both permissions.
    let reply = kube.apply("s", "me", json!({})).await;
    assert_status(&reply, 403, "Forbidden");
    assert_eq!(
        reply.json()["message"],
        "secrets \"s\" is forbidden: User \"fake\" cannot create resource \"secrets\" in API group \"\" in the \
         namespace \"a\""
    );
    kube.put("secrets", "a", "s", json!({}), "one");
    assert_eq!(kube.apply("s", "me", json!({})).await.status, 200);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review = |verb: &str| json!({ "spec": { "resourceAttributes": { "verb": verb, "resource": "secrets", "namespace": "a", "name": "s" } } });
    let reply = kube.ask("POST", path, review("get")).await;
    assert_eq!((reply.status, &reply.json()["status"]["allowed"]), (201, &json!(false)));
    assert_eq!(kube.ask("POST", path, review("patch")).await.json()["status"]["allowed"], true);
    kube.allow_all();
    assert_eq!(kube.get(&secret_path("s")).await.status, 200);
}

#[tokio::test]
async fn a_failure_lasts_for_the_given_number_of_requests() {
    let kube = cluster().await;
    kube.fail_next(2, 429, "TooManyRequests", "too many requests", Some(3));
    for _ in 0..2 {
        let reply = kube.get("/api/v1/secrets").await;
        assert_status(&reply, 429, "TooManyRequests");
        assert_eq!((reply.header("retry-after"), &reply.json()["details"]["retryAfterSeconds"]), ("3", &json!(3)));
    }
    assert_eq!(kube.get("/api/v1/secrets").await.status, 200);
}

#[tokio::test]
async fn a_hanging_server_accepts_requests_and_answers_after_recovery() {
    let kube = cluster().await;
    kube.hang(true);
    let url = kube.url();
    let asking = tokio::spawn(async move { send(&url, "GET", "/api/v1/secrets", &[], "").await });
    while kube.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!asking.is_finished());
    assert_eq!(kube.requests()[0].status, 0);
    kube.hang(false);
    assert_eq!(asking.await.expect("it is answered").status, 200);
    assert_eq!(kube.requests()[0].status, 200);
}
