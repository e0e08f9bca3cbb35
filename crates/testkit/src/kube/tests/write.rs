//! POST, PUT, patches and DELETE.

use super::*;

fn body(value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "k": value } })
}

#[tokio::test]
async fn an_object_can_be_created_only_once() {
    let kube = cluster().await;
    let reply = kube.ask("POST", "/api/v1/namespaces/a/secrets", body("YQ==")).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(kube.get(&secret_path("s")).await.json(), reply.json());
    let object = reply.json();
    assert_eq!((&object["type"], &object["metadata"]["namespace"]), (&json!("Opaque"), &json!("a")));
    assert_eq!(managers(&object), ["curl Update"]);
    let fields = &object["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(*fields, json!({ "f:data": { ".": {}, "f:k": {} }, "f:type": {} }));
    assert_status(&kube.ask("POST", "/api/v1/namespaces/a/secrets", body("YQ==")).await, 409, "AlreadyExists");
    let reply = kube.ask("POST", "/api/v1/namespaces/b/secrets", body("YQ==")).await;
    assert_status(&reply, 404, "NotFound");
    assert_eq!(reply.json()["message"], "namespaces \"b\" not found");
}

#[tokio::test]
async fn a_replacement_is_checked_against_version_and_uid() {
    let kube = cluster().await;
    assert_status(&kube.ask("PUT", &secret_path("s"), body("YQ==")).await, 404, "NotFound");
    kube.put("secrets", "a", "s", body("YQ=="), "admin");
    let read = kube.secret("s");
    let mut new = read.clone();
    new["data"]["k"] = json!("Yg==");
    let written = kube.ask("PUT", &secret_path("s"), new.clone()).await;
    assert_eq!(written.status, 200);
    assert_eq!(managers(&written.json()), ["admin Update", "curl Update"]);
    assert_status(&kube.ask("PUT", &secret_path("s"), new).await, 409, "Conflict");
    assert_eq!(kube.ask("PUT", &secret_path("s"), body("Yw==")).await.status, 200);
    let mut foreign = body("Yw==");
    foreign["metadata"]["uid"] = json!("another");
    assert_status(&kube.ask("PUT", &secret_path("s"), foreign).await, 409, "Conflict");
    let version = kube.secret("s")["metadata"]["resourceVersion"].clone();
    assert_eq!(kube.ask("PUT", &secret_path("s"), body("Yw==")).await.json()["metadata"]["resourceVersion"], version);
}

#[tokio::test]
async fn a_stale_merge_patch_is_a_conflict() {
    let kube = cluster().await;
    let path = "/api/v1/namespaces/a/serviceaccounts/default";
    let read = kube.get(path).await.json()["metadata"]["resourceVersion"].clone();
    let link = |version: &Value| {
        json!({
            "metadata": { "resourceVersion": version },
            "imagePullSecrets": [{ "name": "default-dockercfg-abc12" }, { "name": "mine" }],
        })
    };
    let written = kube.patch(MERGE, path, link(&read)).await;
    assert_eq!(written.status, 200);
    assert_eq!(written.json()["imagePullSecrets"][1]["name"], "mine");
    // The repeated patch has an outdated version. It is a conflict, although it changes nothing.
    assert_status(&kube.patch(MERGE, path, link(&read)).await, 409, "Conflict");
    let version = written.json()["metadata"]["resourceVersion"].clone();
    let again = kube.patch(MERGE, path, link(&version)).await;
    assert_eq!((again.status, &again.json()["metadata"]["resourceVersion"]), (200, &version));
    let absent = "/api/v1/namespaces/a/serviceaccounts/absent";
    assert_status(&kube.patch(MERGE, absent, link(&version)).await, 404, "NotFound");
    let uid = json!({ "metadata": { "uid": "another" } });
    assert_status(&kube.patch(MERGE, path, uid).await, 422, "Invalid");
}

#[tokio::test]
async fn a_json_patch_can_hand_fields_to_another_manager() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", body("YQ=="), "kubectl-client-side-apply");
    let read = kube.secret("s");
    let mut entry = read["metadata"]["managedFields"][0].clone();
    entry["manager"] = json!("me");
    entry["operation"] = json!("Apply");
    let patch = json!([
        { "op": "replace", "path": "/metadata/resourceVersion", "value": read["metadata"]["resourceVersion"] },
        { "op": "replace", "path": "/metadata/managedFields", "value": [entry] },
    ]);
    let written = kube.patch(JSON, &secret_path("s"), patch.clone()).await;
    assert_eq!(written.status, 200, "{}", written.text());
    assert_eq!(managers(&written.json()), ["me Apply"]);
    assert_status(&kube.patch(JSON, &secret_path("s"), patch).await, 409, "Conflict");
    assert_eq!(kube.apply("s", "me", json!({ "data": { "k": "Yg==" } })).await.status, 200);
    let unfit = json!([{ "op": "test", "path": "/type", "value": "other" }]);
    assert_status(&kube.patch(JSON, &secret_path("s"), unfit).await, 422, "Invalid");
}

#[tokio::test]
async fn a_deletion_can_require_a_resource_version_and_a_uid() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", body("YQ=="), "one");
    let options = |preconditions: Value| json!({ "kind": "DeleteOptions", "preconditions": preconditions });
    let path = secret_path("s");
    assert_status(&kube.ask("DELETE", &path, options(json!({ "uid": "another" }))).await, 409, "Conflict");
    assert_status(&kube.ask("DELETE", &path, options(json!({ "resourceVersion": "0" }))).await, 409, "Conflict");
    let there = kube.secret("s")["metadata"].clone();
    let right = json!({ "uid": there["uid"], "resourceVersion": there["resourceVersion"] });
    let reply = kube.ask("DELETE", &path, options(right)).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("Success")));
    assert_status(&kube.ask("DELETE", &path, Value::Null).await, 404, "NotFound");
}

#[tokio::test]
async fn a_deleted_namespace_is_terminating_first() {
    let kube = cluster().await;
    let reply = kube.ask("DELETE", "/api/v1/namespaces/a", Value::Null).await;
    assert_eq!((reply.status, &reply.json()["status"]["phase"]), (200, &json!("Terminating")));
    assert!(reply.json()["metadata"]["deletionTimestamp"].is_string());
    assert_status(&kube.ask("POST", "/api/v1/namespaces/a/secrets", body("YQ==")).await, 403, "Forbidden");
    let made = kube.ask("POST", "/api/v1/namespaces", json!({ "metadata": { "name": "b" } })).await;
    assert_eq!((made.status, &made.json()["status"]["phase"]), (201, &json!("Active")));
    assert_eq!(made.json()["metadata"]["labels"]["kubernetes.io/metadata.name"], "b");
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let kube = cluster().await;
    let path = format!("{}?fieldManager=me&dryRun=All", secret_path("s"));
    let config = json!({ "apiVersion": "v1", "kind": "Secret", "data": { "k": "YQ==" } });
    assert_eq!(kube.patch(APPLY, &path, config).await.status, 201);
    assert_eq!(kube.object("secrets", "a", "s"), None);
}

#[tokio::test]
async fn an_invalid_request_gets_the_matching_status() {
    let kube = cluster().await;
    assert_status(&kube.get("/apis/apps/v1/statefulsets").await, 404, "NotFound");
    assert_status(&kube.patch("text/plain", &secret_path("s"), json!({})).await, 415, "UnsupportedMediaType");
    assert_status(&kube.ask("PUT", &secret_path("s"), json!([])).await, 404, "NotFound");
    assert_status(&kube.ask("POST", "/api/v1/namespaces/a/secrets", json!([])).await, 422, "Invalid");
    let labels = json!({ "metadata": { "name": "c", "labels": "x" } });
    assert_status(&kube.ask("POST", "/api/v1/namespaces", labels).await, 400, "BadRequest");
    let labels = json!({ "metadata": { "labels": ["x"] } });
    assert_status(&kube.patch(MERGE, "/api/v1/namespaces/a", labels).await, 400, "BadRequest");
    let nothing = json!([{ "op": "replace", "path": "", "value": 1 }]);
    assert_status(&kube.patch(JSON, "/api/v1/namespaces/a", nothing).await, 400, "BadRequest");
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_status(&kube.ask("POST", review, json!([])).await, 400, "BadRequest");
    assert_eq!(kube.get("/version").await.json()["major"], "1");
}
