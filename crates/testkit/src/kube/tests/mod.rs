//! Tests over the network, with one subject per file.

mod apply;
mod controls;
mod direct;
mod list;
mod refusal;
mod secret;
mod watch;
mod write;

use serde_json::{Value, json};

use super::FakeKube;
use crate::client::{Reply, send};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Starts a cluster with the namespace `a`.
async fn cluster() -> FakeKube {
    let kube = FakeKube::start().await;
    kube.add_namespace("a", &["default", "builder"]);
    kube
}

fn secret_path(name: &str) -> String {
    format!("/api/v1/namespaces/a/secrets/{name}")
}

impl FakeKube {
    async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(&self.url(), method, path, &[("content-type", "application/json"), ("user-agent", "curl/8")], &body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, Value::Null).await
    }

    async fn patch(&self, kind: &str, path: &str, body: Value) -> Reply {
        send(&self.url(), "PATCH", path, &[("content-type", kind), ("user-agent", "curl/8")], &body.to_string()).await
    }

    /// Applies a Secret in namespace `a`.
    async fn apply(&self, name: &str, manager: &str, body: Value) -> Reply {
        let mut config = body;
        config["apiVersion"] = json!("v1");
        config["kind"] = json!("Secret");
        self.patch(APPLY, &format!("{}?fieldManager={manager}", secret_path(name)), config).await
    }

    fn secret(&self, name: &str) -> Value {
        self.object("secrets", "a", name).expect("the Secret is there")
    }
}

/// Returns the managers of an object with their operations.
fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().expect("there are managers");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    entries.iter().map(|entry| format!("{} {}", text(&entry["manager"]), text(&entry["operation"]))).collect()
}

fn assert_status(reply: &Reply, status: u16, reason: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    let body = reply.json();
    assert_eq!((body["kind"].as_str(), body["status"].as_str()), (Some("Status"), Some("Failure")));
    assert_eq!((body["reason"].as_str(), body["code"].as_u64()), (Some(reason), Some(status.into())));
}
