//! Server-side apply.

use super::*;

fn config(value: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "x" }, "annotations": { "note": "1" } },
        "type": "Opaque",
        "data": { "k": value },
    })
}

#[tokio::test]
async fn a_creating_apply_owns_all_its_fields() {
    let kube = cluster().await;
    let reply = kube.apply("s", "me", config("YQ==")).await;
    assert_eq!(reply.status, 201);
    let object = reply.json();
    assert_eq!(object, kube.secret("s"));
    let entry = &object["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("me"), &json!("Apply")));
    assert_eq!((&entry["apiVersion"], &entry["fieldsType"]), (&json!("v1"), &json!("FieldsV1")));
    assert_eq!(
        entry["fieldsV1"],
        json!({
            "f:data": { "f:k": {} },
            "f:metadata": { "f:annotations": { "f:note": {} }, "f:labels": { "f:app": {} } },
            "f:type": {},
        })
    );
    assert_eq!(object["metadata"]["uid"].as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn the_same_apply_again_changes_nothing() {
    let kube = cluster().await;
    let first = kube.apply("s", "me", config("YQ==")).await.json();
    let again = kube.apply("s", "me", config("YQ==")).await;
    assert_eq!((again.status, again.json()), (200, first.clone()));
    let other = kube.apply("s", "me", config("Yg==")).await.json();
    assert_ne!(other["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(other["metadata"]["uid"], first["metadata"]["uid"]);
}

#[tokio::test]
async fn a_field_of_another_manager_is_a_conflict_that_force_resolves() {
    let kube = cluster().await;
    let old = json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "e30=" } });
    kube.put("secrets", "a", "s", old, "kubectl-client-side-apply");
    let new = json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "eyJhIjoxfQ==" } });
    let reply = kube.apply("s", "me", new.clone()).await;
    assert_status(&reply, 409, "Conflict");
    assert_eq!(
        reply.json()["details"]["causes"],
        json!([{
            "reason": "FieldManagerConflict",
            "message": "conflict with \"kubectl-client-side-apply\" using v1",
            "field": ".data..dockerconfigjson",
        }])
    );
    let path = format!("{}?fieldManager=me&force=true", secret_path("s"));
    let mut forced = new.clone();
    forced["apiVersion"] = json!("v1");
    forced["kind"] = json!("Secret");
    let object = kube.patch(APPLY, &path, forced).await.json();
    assert_eq!(object["data"], new["data"]);
    assert_eq!(managers(&object), ["me Apply", "kubectl-client-side-apply Update"]);
    let theirs = &object["metadata"]["managedFields"][1]["fieldsV1"];
    assert_eq!(*theirs, json!({ "f:data": {}, "f:type": {} }));
}

#[tokio::test]
async fn a_field_applied_twice_with_the_same_value_has_two_owners() {
    let kube = cluster().await;
    kube.apply("s", "one", config("YQ==")).await;
    let object = kube.apply("s", "two", json!({ "data": { "k": "YQ==" } })).await.json();
    assert_eq!(managers(&object), ["one Apply", "two Apply"]);
    assert_status(&kube.apply("s", "two", json!({ "data": { "k": "Yg==" } })).await, 409, "Conflict");
    // A field with two owners stays if one owner leaves it out.
    let object = kube.apply("s", "two", json!({ "data": { "l": "YQ==" } })).await.json();
    assert_eq!(object["data"], json!({ "k": "YQ==", "l": "YQ==" }));
}

#[tokio::test]
async fn an_omitted_field_is_removed_unless_another_manager_owns_it() {
    let kube = cluster().await;
    kube.apply("s", "me", config("YQ==")).await;
    kube.patch(MERGE, &secret_path("s"), json!({ "metadata": { "labels": { "app": "y" } } })).await;
    let object = kube.apply("s", "me", json!({ "data": { "l": "YQ==" } })).await.json();
    assert_eq!(object["data"], json!({ "l": "YQ==" }));
    assert_eq!(object["metadata"]["annotations"], Value::Null);
    assert_eq!(object["metadata"]["labels"], json!({ "app": "y" }));
    assert_eq!(object["type"], "Opaque");
}

#[tokio::test]
async fn the_last_field_of_a_map_is_removed_without_a_conflict() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({ "data": { "k": "YQ==" } }), "one");
    kube.apply("s", "me", json!({ "data": { "l": "YQ==" } })).await;
    kube.patch(MERGE, &secret_path("s"), json!({ "data": { "k": null } })).await;
    let reply = kube.apply("s", "me", json!({ "metadata": { "labels": { "x": "y" } } })).await;
    assert_eq!((reply.status, &reply.json()["data"]), (200, &Value::Null));
}

#[tokio::test]
async fn a_manual_edit_takes_ownership_of_only_the_edited_field() {
    let kube = cluster().await;
    kube.apply("s", "me", config("YQ==")).await;
    kube.patch(MERGE, &secret_path("s"), json!({ "data": { "k": "Yg==" } })).await;
    let object = kube.secret("s");
    assert_eq!(managers(&object), ["me Apply", "curl Update"]);
    let entries = &object["metadata"]["managedFields"];
    assert_eq!(entries[0]["fieldsV1"]["f:data"], Value::Null);
    assert_eq!(entries[0]["fieldsV1"]["f:type"], json!({}));
    assert_eq!(entries[1]["fieldsV1"], json!({ "f:data": { "f:k": {} } }));
}

#[tokio::test]
async fn the_same_manager_that_updated_conflicts_with_its_own_apply() {
    let kube = cluster().await;
    kube.put("secrets", "a", "s", json!({ "data": { "k": "YQ==" } }), "me");
    let reply = kube.apply("s", "me", json!({ "data": { "k": "Yg==" } })).await;
    assert_status(&reply, 409, "Conflict");
    assert_eq!(reply.json()["details"]["causes"][0]["message"], "conflict with \"me\" using v1");
}

#[tokio::test]
async fn string_data_hides_ownership() {
    let kube = cluster().await;
    let config = json!({ "stringData": { "k": "a" } });
    kube.apply("s", "me", config.clone()).await;
    kube.patch(MERGE, &secret_path("s"), json!({ "data": { "k": "Yg==" } })).await;
    let object = kube.apply("s", "me", config).await;
    assert_eq!((object.status, &object.json()["data"]["k"]), (200, &json!("YQ==")));
    let fields = &object.json()["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(*fields, json!({ "f:stringData": { "f:k": {} } }));
}

#[tokio::test]
async fn an_apply_can_require_a_resource_version_and_a_uid() {
    let kube = cluster().await;
    let of = |name: &str, value: &str| json!({ "metadata": { name: value } });
    let uid = kube.apply("other", "me", json!({})).await.json()["metadata"]["uid"].as_str().map(str::to_owned);
    let uid = uid.expect("it has a uid");
    assert_status(&kube.apply("s", "me", of("uid", &uid)).await, 409, "Conflict");
    assert_eq!(kube.apply("s", "me", of("resourceVersion", "1")).await.status, 201);
    let stale = kube.apply("s", "me", of("resourceVersion", "1")).await;
    assert_status(&stale, 409, "Conflict");
    assert_eq!(
        stale.json()["message"],
        "Operation cannot be fulfilled on secrets \"s\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    assert_status(&kube.apply("s", "me", of("uid", &uid)).await, 422, "Invalid");
    let there = kube.secret("s")["metadata"].clone();
    let right = json!({ "metadata": { "uid": there["uid"], "resourceVersion": there["resourceVersion"] } });
    assert_eq!(kube.apply("s", "me", right).await.status, 200);
}

#[tokio::test]
async fn an_apply_without_manager_or_kind_is_refused() {
    let kube = cluster().await;
    let whole = json!({ "apiVersion": "v1", "kind": "Secret" });
    assert_status(&kube.patch(APPLY, &secret_path("s"), whole).await, 422, "Invalid");
    let path = format!("{}?fieldManager=me", secret_path("s"));
    assert_status(&kube.patch(APPLY, &path, json!({ "kind": "Secret" })).await, 400, "BadRequest");
    let fields = json!({ "metadata": { "managedFields": [{ "manager": "me" }] } });
    assert_status(&kube.apply("s", "me", fields).await, 400, "BadRequest");
    assert_status(&kube.apply("s", "me", json!({ "metadata": { "name": "t" } })).await, 400, "BadRequest");
    assert_eq!(kube.object("secrets", "a", "s"), None);
}

#[tokio::test]
async fn secrets_of_a_service_account_are_merged_by_name_and_pull_secrets_replaced() {
    let kube = cluster().await;
    let path = "/api/v1/namespaces/a/serviceaccounts/builder?fieldManager=me&force=true";
    let mine = json!([{ "name": "mine" }]);
    let config = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "secrets": mine, "imagePullSecrets": mine });
    let object = kube.patch(APPLY, path, config).await.json();
    assert_eq!(object["secrets"], json!([{ "name": "builder-dockercfg-abc12" }, { "name": "mine" }]));
    assert_eq!(object["imagePullSecrets"], mine);
    let config = json!({ "apiVersion": "v1", "kind": "ServiceAccount" });
    let object = kube.patch(APPLY, path, config).await.json();
    assert_eq!(object["secrets"], json!([{ "name": "builder-dockercfg-abc12" }]));
    assert_eq!(object["imagePullSecrets"], Value::Null);
}

#[tokio::test]
async fn nothing_is_created_in_a_missing_or_terminating_namespace() {
    let kube = cluster().await;
    kube.apply("s", "me", config("YQ==")).await;
    kube.terminate("a");
    let reply = kube.apply("t", "me", config("YQ==")).await;
    assert_status(&reply, 403, "Forbidden");
    assert_eq!(
        reply.json()["details"]["causes"],
        json!([{
            "reason": "NamespaceTerminating",
            "message": "namespace a is being terminated",
            "field": "metadata.namespace",
        }])
    );
    assert_eq!(kube.apply("s", "me", config("Yg==")).await.status, 200);
    kube.remove_namespace("a");
    let reply = kube.apply("s", "me", config("YQ==")).await;
    assert_status(&reply, 404, "NotFound");
    assert_eq!(reply.json()["message"], "namespaces \"a\" not found");
}
