//! The objects that a shell script leaves in a namespace. A CronJob runs the script, which calls `aws ecr
//! get-login-password` and `kubectl apply`.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{FakeKube, aws::ecr::password};

/// The field manager of `kubectl apply`.
const KUBECTL: &str = "kubectl-client-side-apply";

/// One script: its registry and its objects. The `Debug` form hides all secrets.
#[derive(Clone)]
pub struct Recipe {
    /// The token in the Secret `ecr-secret`.
    pub password: String,
    /// The AWS secret key of the script. It is stored in the namespace too.
    pub secret_key: String,
    host: String,
}

impl Recipe {
    /// Creates a recipe for the registry at this host, with a token that expires at `ends_at`.
    pub fn new(host: &str, ends_at: SystemTime) -> Self {
        let seconds = ends_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let secret_key = (0..40).map(|_| fastrand::alphanumeric()).collect();
        Self { password: password(seconds), secret_key, host: host.to_owned() }
    }

    /// Returns the Secret that the script creates.
    pub fn secret(&self) -> Value {
        let auth = STANDARD.encode(format!("AWS:{}", self.password));
        let entry = json!({ "username": "AWS", "password": self.password, "auth": auth });
        let config = json!({ "auths": { &self.host: entry } });
        let data = json!({ ".dockerconfigjson": STANDARD.encode(config.to_string()) });
        applied("v1", "Secret", json!({ "type": "kubernetes.io/dockerconfigjson", "data": data }))
    }

    fn keys(&self) -> Value {
        let data = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", &self.secret_key)];
        let data = data.map(|(name, value)| (name, STANDARD.encode(value)));
        applied("v1", "Secret", json!({ "data": data.into_iter().collect::<std::collections::BTreeMap<_, _>>() }))
    }

    /// Adds the objects of the script to a namespace: `ecr-secret`, the Secret with the AWS key, and the CronJob
    /// `ecr-creds-rotator`. It links `ecr-secret` to the ServiceAccounts `default` and `builder` if they exist.
    pub fn add_to(&self, cluster: &FakeKube, namespace: &str) {
        cluster.put("secrets", namespace, "ecr-secret", self.secret(), KUBECTL);
        cluster.put("secrets", namespace, "ecr-creds-rotator-secret", self.keys(), KUBECTL);
        cluster.put("cronjobs", namespace, "ecr-creds-rotator", cron_job(), KUBECTL);
        for (account, lists) in [("default", &["imagePullSecrets"][..]), ("builder", &["imagePullSecrets", "secrets"])]
        {
            let Some(mut object) = cluster.object("serviceaccounts", namespace, account) else { continue };
            for list in lists {
                if !object[*list].is_array() {
                    object[*list] = json!([]);
                }
                if let Some(items) = object[*list].as_array_mut() {
                    items.push(json!({ "name": "ecr-secret" }));
                }
            }
            cluster.put("serviceaccounts", namespace, account, object, "oc");
        }
    }
}

fn cron_job() -> Value {
    let from = json!([{ "secretRef": { "name": "ecr-creds-rotator-secret" } }]);
    let script = "aws ecr get-login-password | kubectl create secret docker-registry ecr-secret | kubectl apply -f -";
    let container = json!({
        "name": "ecr-creds-rotator", "image": "registry.example/aws-oc-cli:latest", "envFrom": from,
        "command": ["/bin/bash", "-c", script],
    });
    let pod = json!({ "restartPolicy": "Never", "containers": [container] });
    let job = json!({ "spec": { "template": { "spec": pod } } });
    let spec = json!({ "schedule": "*/5 * * * *", "suspend": false, "jobTemplate": job });
    applied("batch/v1", "CronJob", json!({ "spec": spec }))
}

/// Returns the object with the last-applied annotation of `kubectl apply`.
fn applied(version: &str, kind: &str, mut object: Value) -> Value {
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    let copy = object.to_string();
    object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = copy.into();
    object
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipe").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_recipe_creates_a_login_a_key_a_job_and_links() {
        let kube = FakeKube::start().await;
        kube.add_namespace("a", &["default"]);
        let recipe = Recipe::new("r.example", UNIX_EPOCH + std::time::Duration::from_secs(7));
        recipe.add_to(&kube, "a");
        let secret = kube.object("secrets", "a", "ecr-secret").expect("it is made");
        assert_eq!(secret["metadata"]["managedFields"][0]["manager"], KUBECTL);
        let says = STANDARD.decode(&recipe.password).expect("base64");
        assert_eq!(serde_json::from_slice::<Value>(&says).expect("JSON")["expiration"], 7);
        assert!(kube.object("cronjobs", "a", "ecr-creds-rotator").is_some_and(|it| it["apiVersion"] == "batch/v1"));
        assert!(kube.object("secrets", "a", "ecr-creds-rotator-secret").is_some_and(|it| it["type"] == "Opaque"));
        let account = kube.object("serviceaccounts", "a", "default").expect("it is there");
        assert_eq!(account["imagePullSecrets"][1]["name"], "ecr-secret");
        assert!(!format!("{recipe:?}").contains(&recipe.secret_key));
    }
}
