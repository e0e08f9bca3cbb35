//! A report of what happened so far, without passwords.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{FakeAws, FakeExchange, FakeKube};
use serde_json::{Value, json};

/// Returns the issued ECR tokens, the number of exchanges, the registry Secrets of the cluster, and the requests to its
/// API.
pub(crate) fn show(aws: &FakeAws, exchange: &FakeExchange, kube: &FakeKube) -> Value {
    let tokens = aws.issued();
    let requests = kube.requests();
    let accounts = kube.objects("serviceaccounts");
    let secrets = kube.objects("secrets").into_iter().filter(|it| it["type"] == "kubernetes.io/dockerconfigjson");
    json!({
        "tokens": tokens.len(),
        "tokens_by_region": count(tokens.into_iter().map(|token| token.region)),
        "exchanges": exchange.calls().len(),
        "secrets": secrets.map(|it| secret(&it, &accounts)).collect::<Vec<_>>(),
        "requests": count(requests.into_iter().map(|request| format!("{} {}", request.verb, request.resource))),
    })
}

fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn secret(secret: &Value, accounts: &[Value]) -> Value {
    let metadata = &secret["metadata"];
    let here = accounts.iter().filter(|account| account["metadata"]["namespace"] == metadata["namespace"]);
    let linked = here.filter(|account| links(account, &metadata["name"]));
    json!({
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "registries": registries(secret),
        "expires_at": metadata["annotations"]["regcred.dev/expires-at"],
        "manager": manager(metadata),
        "linked": linked.map(|account| &account["metadata"]["name"]).collect::<Vec<_>>(),
    })
}

fn links(account: &Value, name: &Value) -> bool {
    let lists = ["imagePullSecrets", "secrets"].into_iter().filter_map(|list| account[list].as_array());
    lists.flatten().any(|reference| reference["name"] == *name)
}

/// Returns the hosts in the Docker config. Returns none if the config is unreadable.
fn registries(secret: &Value) -> Vec<String> {
    let config = secret["data"][".dockerconfigjson"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let config = config.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()).unwrap_or_default();
    config["auths"].as_object().map(|auths| auths.keys().cloned().collect()).unwrap_or_default()
}

/// Returns the first manager that owns the Docker config.
fn manager(metadata: &Value) -> &Value {
    let mut entries = metadata["managedFields"].as_array().into_iter().flatten();
    let owner = entries.find(|entry| !entry["fieldsV1"]["f:data"]["f:.dockerconfigjson"].is_null());
    owner.map_or(&Value::Null, |entry| &entry["manager"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_are_shown_with_their_registries_and_without_their_passwords() {
        let (aws, kube) = (FakeAws::start().await, FakeKube::start().await);
        let exchange = FakeExchange::start().await;
        kube.add_namespace("team-a", &["default", "builder"]);
        let config = json!({ "auths": { "one.example": { "auth": "QVdTOmNhbmFyeQ==" }, "two.example": {} } });
        let object = json!({
            "metadata": { "annotations": { "regcred.dev/expires-at": "2026-01-01T12:00:00Z" } },
            "type": "kubernetes.io/dockerconfigjson",
            "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) },
        });
        kube.put("secrets", "team-a", "ecr-secret", object, "regcred");
        kube.put("secrets", "team-a", "other", json!({ "data": { "k": "YQ==" } }), "someone");
        let account = json!({ "secrets": [{ "name": "ecr-secret" }] });
        kube.put("serviceaccounts", "team-a", "builder", account, "regcred");
        assert_eq!(
            show(&aws, &exchange, &kube),
            json!({
                "tokens": 0,
                "tokens_by_region": {},
                "exchanges": 0,
                "secrets": [{
                    "namespace": "team-a",
                    "name": "ecr-secret",
                    "registries": ["one.example", "two.example"],
                    "expires_at": "2026-01-01T12:00:00Z",
                    "manager": "regcred",
                    "linked": ["builder"],
                }],
                "requests": {},
            })
        );
        assert!(!show(&aws, &exchange, &kube).to_string().contains("canary"));
    }

    #[test]
    fn names_are_counted() {
        let counts = count(["a", "b", "a"].into_iter().map(str::to_owned));
        assert_eq!(counts, BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]));
    }
}
