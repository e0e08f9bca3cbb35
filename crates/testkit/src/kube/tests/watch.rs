//! Watches.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::{METADATA, cluster};
use crate::client::send;

/// Returns the events of a watch of Secrets that ends by itself.
async fn events(kube: &super::FakeKube, query: &str) -> Vec<String> {
    let path = format!("/api/v1/secrets?watch=true&timeoutSeconds=0&{query}");
    let reply = send(&kube.url(), "GET", &path, &[("accept", METADATA)], "").await;
    let lines = reply.text().lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    lines.map(|it| format!("{} {}", it["type"], it["object"]["metadata"]["name"])).collect()
}

#[tokio::test]
async fn a_watch_reports_changes_since_a_resource_version() {
    let kube = cluster().await;
    let start =
        kube.get("/api/v1/secrets").await.json()["metadata"]["resourceVersion"].as_str().expect("one").to_owned();
    for name in ["x", "y"] {
        kube.put("secrets", "a", name, json!({ "type": "Opaque" }), "kubectl");
    }
    kube.put("secrets", "a", "x", json!({ "type": "Opaque", "data": { "k": "dg==" } }), "kubectl");
    kube.remove("secrets", "a", "y");
    let all = events(&kube, &format!("resourceVersion={start}")).await;
    assert_eq!(all, ["\"ADDED\" \"x\"", "\"ADDED\" \"y\"", "\"MODIFIED\" \"x\"", "\"DELETED\" \"y\""]);
    let one = events(&kube, &format!("resourceVersion={start}&fieldSelector=metadata.name%3Dy")).await;
    assert_eq!(one, ["\"ADDED\" \"y\"", "\"DELETED\" \"y\""]);
    kube.forget_history();
    assert_eq!(events(&kube, &format!("resourceVersion={start}")).await, ["\"ERROR\" null"], "that is too long ago");
}

#[tokio::test]
async fn a_watch_stays_open_until_watches_are_closed() {
    let kube = cluster().await;
    let (url, path) = (kube.url(), "/api/v1/namespaces?watch=true&resourceVersion=0");
    let watching = tokio::spawn(async move { send(&url, "GET", path, &[], "").await.text().to_owned() });
    while kube.requests().iter().all(|it| it.status == 0) {
        tokio::task::yield_now().await;
    }
    kube.add_namespace("b", &[]);
    kube.close_watches();
    let text = timeout(Duration::from_secs(10), watching).await.expect("it ends").expect("it does not panic");
    assert!(text.contains("ADDED"), "{text}");
}
