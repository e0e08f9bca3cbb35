//! Lists, pages, selectors and metadata.

use super::*;

async fn many() -> FakeKube {
    let kube = FakeKube::start().await;
    for namespace in ["a", "b", "c"] {
        kube.add_namespace(namespace, &[]);
        for name in ["x", "y"] {
            let secret =
                json!({ "metadata": { "labels": { "name": name, "in": namespace } }, "data": { "k": "YQ==" } });
            kube.put("secrets", namespace, name, secret, "one");
        }
    }
    kube
}

fn names(list: &Value) -> Vec<String> {
    let name = |item: &Value| {
        let metadata = &item["metadata"];
        format!("{}/{}", metadata["namespace"].as_str().unwrap_or_default(), metadata["name"].as_str().expect("named"))
    };
    list["items"].as_array().expect("items").iter().map(name).collect()
}

#[tokio::test]
async fn a_list_covers_a_namespace_or_the_cluster() {
    let kube = many().await;
    let list = kube.get("/api/v1/namespaces/b/secrets").await.json();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("SecretList"), &json!("v1")));
    assert_eq!(names(&list), ["b/x", "b/y"]);
    assert_eq!(list["items"][0]["kind"], Value::Null);
    assert_eq!(names(&kube.get("/api/v1/secrets").await.json()), ["a/x", "a/y", "b/x", "b/y", "c/x", "c/y"]);
    assert_eq!(names(&kube.get("/api/v1/namespaces").await.json()), ["/a", "/b", "/c"]);
    assert_eq!(kube.get("/api/v1/namespaces/none/secrets").await.json()["items"], json!([]));
}

#[tokio::test]
async fn pages_follow_each_other_and_contain_the_remaining_count() {
    let kube = many().await;
    let first = kube.get("/api/v1/secrets?limit=4").await.json();
    assert_eq!(names(&first), ["a/x", "a/y", "b/x", "b/y"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().expect("there is more");
    let second = kube.get(&format!("/api/v1/secrets?limit=4&continue={token}")).await.json();
    assert_eq!(names(&second), ["c/x", "c/y"]);
    assert_eq!(
        (&second["metadata"]["continue"], &second["metadata"]["remainingItemCount"]),
        (&Value::Null, &Value::Null)
    );
    let selected = kube.get("/api/v1/secrets?limit=1&labelSelector=name%3Dy").await.json();
    assert_eq!(selected["metadata"]["remainingItemCount"], Value::Null);
    assert!(selected["metadata"]["continue"].is_string());
    assert_eq!(names(&kube.get("/api/v1/secrets?limit=4&resourceVersion=0").await.json()).len(), 6);
    assert_status(&kube.get("/api/v1/secrets?limit=4&continue=nonsense").await, 400, "BadRequest");
}

#[tokio::test]
async fn selectors_match_fields_and_labels() {
    let kube = many().await;
    for (query, found) in [
        ("fieldSelector=metadata.name%3Dx", &["a/x", "b/x", "c/x"][..]),
        ("fieldSelector=metadata.name%3Dx,metadata.namespace!%3Da", &["b/x", "c/x"]),
        ("fieldSelector=type%3Dother", &[]),
        ("fieldSelector=type%3DOpaque,metadata.name%3Dy", &["a/y", "b/y", "c/y"]),
        ("labelSelector=name%3Dx,in%3Db", &["b/x"]),
        ("labelSelector=name%3D%3Dx,in!%3Db", &["a/x", "c/x"]),
        ("labelSelector=name,!in", &[]),
    ] {
        assert_eq!(names(&kube.get(&format!("/api/v1/secrets?{query}")).await.json()), found, "{query}");
    }
    let two = kube.get("/api/v1/secrets?fieldSelector=metadata.name%3Dx,metadata.name%3Dy").await.json();
    assert_eq!(two["items"], Value::Null);
    assert_status(&kube.get("/api/v1/secrets?fieldSelector=data.k%3Dx").await, 400, "BadRequest");
    assert_status(&kube.get("/api/v1/secrets?labelSelector=a%20in%20(b,c)").await, 400, "BadRequest");
}

#[tokio::test]
async fn a_metadata_only_answer_has_managers_and_no_data() {
    let kube = many().await;
    let accept = [("accept", METADATA), ("content-type", MERGE), ("user-agent", "curl/8")];
    let one = send(&kube.url(), "GET", &secret_path("x"), &accept, "").await.json();
    assert_eq!((&one["kind"], &one["apiVersion"]), (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1")));
    assert_eq!(one["metadata"], kube.secret("x")["metadata"]);
    assert!(one["metadata"]["managedFields"].is_array());
    assert_eq!(one.as_object().map(serde_json::Map::len), Some(3));

    let list = send(&kube.url(), "GET", "/api/v1/secrets", &accept, "").await.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert!(!list.to_string().contains("YQ=="));

    let patched = send(&kube.url(), "PATCH", &secret_path("x"), &accept, "{\"data\":{\"k\":\"Yg==\"}}").await.json();
    assert_eq!((&patched["kind"], &patched["data"]), (&json!("PartialObjectMetadata"), &Value::Null));
    assert_eq!(kube.secret("x")["data"]["k"], "Yg==");

    let absent = send(&kube.url(), "GET", &secret_path("none"), &accept, "").await;
    assert_status(&absent, 404, "NotFound");
    let table = [("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")];
    assert_status(&send(&kube.url(), "GET", "/api/v1/secrets", &table, "").await, 406, "NotAcceptable");
    assert!(kube.requests()[0].metadata_only && !kube.requests()[4].metadata_only);
}

#[tokio::test]
async fn secrets_of_one_type_are_listed_in_pages() {
    let kube = many().await;
    let login = json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "e30=" } });
    for namespace in ["a", "b", "c"] {
        kube.put("secrets", namespace, "pull", login.clone(), "one");
    }
    let path = "/api/v1/secrets?limit=2&fieldSelector=type%3Dkubernetes.io/dockerconfigjson";
    let first = kube.get(path).await.json();
    assert_eq!(names(&first), ["a/pull", "b/pull"]);
    let token = first["metadata"]["continue"].as_str().expect("there is more");
    assert_eq!(names(&kube.get(&format!("{path}&continue={token}")).await.json()), ["c/pull"]);
}

#[tokio::test]
async fn cron_jobs_are_served_under_their_own_api_group() {
    let kube = many().await;
    kube.put("cronjobs", "b", "nightly", json!({ "spec": { "schedule": "@daily" } }), "one");
    let list = kube.get("/apis/batch/v1/cronjobs").await.json();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("CronJobList"), &json!("batch/v1")));
    assert_eq!(names(&list), ["b/nightly"]);
    assert_status(&kube.get("/api/v1/cronjobs").await, 404, "NotFound");
    kube.deny("list", "cronjobs", None);
    assert_status(&kube.get("/apis/batch/v1/cronjobs").await, 403, "Forbidden");
}
