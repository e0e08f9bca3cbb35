//! Attacks with the token of the pod. The guard must refuse every row.

mod accounts;
mod cost;
mod events;
mod secrets;

use regcred_testkit::FakeAws;
use serde_json::{Map, Value, json};

use super::{
    APPLY, Actor,
    Expected::{Guard, GuardOrWithout, Harmless, Invalid, Rbac},
    JSON, MERGE, PLAIN, Row, STRATEGIC, account_path, secret_path,
};
use crate::{
    installed::Installed,
    rights::{PULL, project},
    world::{World, regcred},
};

const DOCKER: &str = "kubernetes.io/dockerconfigjson";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const REPLICATE: &str = "replicator.v1.mittwald.de/replicate-to";

const TYPE: &str = "may only write Secrets of type";
const PLACE: &str = "has no such Secret in this namespace";
const KEEP: &str = "must keep its labels and its target annotation";
const FOREIGN: &str = "may write a foreign Secret only if";
const DATA: &str = "may only write .dockerconfigjson in the data";
const OWNERS: &str = "may not change finalizers or owners";
const IMMUTABLE: &str = "may not make a Secret immutable";
const LABELS: &str = "may remove no other label";
const ANNOTATIONS: &str = "may remove no other annotation";
const ADDED: &str = "may not add to the managedFields of other managers";
const TAKEN: &str = "may only take its own fields from the managedFields";
const DEEP: &str = "may not write deep managedFields";
const DELETE: &str = "may only delete its own Secrets";
const MANY: &str = "has too many";
const LISTS: &str = "may only change the lists of Secrets of a ServiceAccount";
const OTHERS: &str = "must keep every entry of a ServiceAccount's lists";
const LINK: &str = "may only add links of its config to a list";
const NAME_ONLY: &str = "may only write the name of a Secret";
const PLATFORM: &str = "may not remove Secrets from ServiceAccounts of the platform";
const ABOUT: &str = "may only report Secrets of its config";
const REPORTER: &str = "may only report Events under its own name";
const LONG: &str = "the Event is longer than those of regcred";
const EVENT_METADATA: &str = "has no labels, annotations, finalizers or owners";
const EVENT_MANAGED: &str = "has only the managedFields that the server writes";

/// An installation that selects namespaces, after its first pass.
struct Scene {
    world: World,
    installed: Installed,
    pod: Actor,
    /// A namespace with a Secret of regcred.
    own: String,
    /// A selected namespace with a foreign Secret of the same name.
    foreign: String,
    /// A selected namespace without a Secret.
    empty: String,
    /// A selected namespace whose foreign Secret may be adopted.
    adopt: String,
    /// A namespace with a Secret that regcred merges into.
    merge: String,
    /// A namespace that is not selected.
    other: String,
    /// The name of the Secrets, and of a ServiceAccount in kube-system. No other test uses it.
    name: String,
}

impl Scene {
    /// Creates the scene. Returns `None` if the server does not support these policies. An offline test then evaluates
    /// the same attacks.
    async fn new() -> Option<Self> {
        let (world, aws) = (World::new().await, FakeAws::start().await);
        let own = project(&world).await;
        let (foreign, empty) = (project(&world).await, project(&world).await);
        let (adopt, merge, other) = (project(&world).await, project(&world).await, project(&world).await);
        let name = format!("pull-{own}");
        let label = format!("regcred.test/attack-{own}");
        for (namespace, value) in
            [(&own, "own"), (&foreign, "own"), (&empty, "own"), (&adopt, "adopt"), (&merge, "merge"), (&other, "no")]
        {
            world.kubectl(&["label", "namespace", namespace, &format!("{label}={value}")], "");
        }
        for namespace in [&own, &foreign, &adopt, &other] {
            theirs(&world, namespace, &name, "app-team");
        }
        world.kubectl(&["delete", "secret", &name, "--namespace", &own], "");
        theirs(&world, &merge, &name, "argocd-controller");
        for namespace in [own.as_str(), "kube-system"] {
            world.account(namespace, &name).await;
        }
        let link = json!({ "imagePullSecrets": [{ "name": format!("{name}-dockercfg") }, { "name": name }] });
        for (namespace, account) in [("kube-system", name.as_str()), (&other, "default")] {
            let args = ["patch", "serviceaccount", account, "--namespace", namespace, "--type=merge", "--patch"];
            world.kubectl(&[&args[..], &[&link.to_string()]].concat(), "");
        }
        let select = |value: &str| format!("namespaces: {{ selector: '{label}={value}' }}, region: {PULL}");
        let yaml = format!(
            "prune: true\ntargets:\n\
             - {{ {}, secret: {{ name: {name}, labels: {{ example.com/team: platform }}, annotations: {{ example.com/docs: there }} }} }}\n\
             - {{ {}, secret: {{ name: {name}, adopt: true }}, service_accounts: [{{ name: {name} }}] }}\n\
             - {{ {}, secret: {{ name: {name}, merge: true }}, service_accounts: [{{ name: default }}] }}\n",
            select("own"),
            select("adopt"),
            select("merge"),
        );
        let installed = Installed::new(&world, &yaml, &["--mode", "daemon"]).await;
        let policy = installed.objects.iter().find(|it| it["kind"] == "ValidatingAdmissionPolicy").expect("a guard");
        if !world.knows(policy) {
            eprintln!("skipped: this server has no ValidatingAdmissionPolicy");
            return None;
        }
        // Write all Secrets except the foreign one and the one to adopt later.
        for namespace in [&own, &merge] {
            let args = ["once", "--config", &installed.config, "--target", namespace];
            let once = regcred(&aws, &installed.kubeconfig, &args);
            assert_eq!(once.status.code(), Some(0), "{}", String::from_utf8_lossy(&once.stderr));
        }
        let pod = Actor::pod(&installed).await;
        Some(Self { world, installed, pod, own, foreign, empty, adopt, merge, other, name })
    }

    fn secret(&self, namespace: &str) -> Value {
        self.world.get(namespace, "secrets", &self.name)
    }

    fn account(&self, namespace: &str, name: &str) -> Value {
        self.world.get(namespace, "serviceaccounts", name)
    }

    fn path(&self, namespace: &str) -> String {
        secret_path(namespace, &self.name)
    }

    /// Returns a Secret in the form that regcred creates.
    fn made(&self, namespace: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let mut made = json!({
            "apiVersion": "v1", "kind": "Secret", "type": DOCKER,
            "metadata": {
                "name": self.name, "namespace": namespace,
                "labels": { "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": self.installed.instance },
                "annotations": { "regcred.dev/target": format!("{namespace}/{}", self.name) },
            },
            "data": { ".dockerconfigjson": "e30=" },
        });
        edit(&mut made);
        made
    }

    /// Creates or overwrites a Secret by a forced server-side apply.
    fn apply(&self, name: &str, namespace: &str, edit: impl FnOnce(&mut Value), expected: super::Expected) -> Row {
        let path = format!("{}?force=true", self.path(namespace));
        Row::new(name, "PATCH", path, APPLY, self.made(namespace, edit), expected)
    }

    /// Removes the objects that the scene created outside its own namespaces.
    fn clean(&self) {
        self.world.kubectl(&["delete", "serviceaccount", &self.name, "--namespace", "kube-system"], "");
    }
}

/// Creates a Secret of another controller, by an apply with a label and annotations.
fn theirs(world: &World, namespace: &str, name: &str, manager: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": DOCKER,
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": { "argocd.argoproj.io/secret-type": "repository", "app": "x" },
            "annotations": { "note": "theirs", "other": "theirs", LAST_APPLIED: "{}" },
        },
        "data": { ".dockerconfigjson": "eyJhdXRocyI6e319" },
    });
    let path = format!("/api/v1/namespaces/{namespace}/secrets?fieldManager={manager}");
    world.kubectl(&["create", "--raw", &path, "--filename", "-"], &secret.to_string());
}

fn metadata(of: &str, key: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    json!({ "metadata": { of: { key: value } } })
}

fn annotation(key: &str, value: impl Into<Value>) -> Value {
    metadata("annotations", key, value)
}

fn label(key: &str, value: impl Into<Value>) -> Value {
    metadata("labels", key, value)
}

fn remove(op_path: &str) -> Value {
    json!([{ "op": "remove", "path": op_path }])
}

fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
    json!({
        "manager": manager, "operation": operation, "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    })
}

/// Returns the `managedFields` of an object.
fn managed(object: &mut Value) -> &mut Vec<Value> {
    object["metadata"]["managedFields"].as_array_mut().expect("a list")
}

/// Returns the last entry of a manager other than regcred.
fn stranger(object: &mut Value) -> &mut Value {
    let others = |it: &&mut Value| !it["manager"].as_str().unwrap_or_default().starts_with("regcred");
    managed(object).iter_mut().rev().find(others).expect("another manager")
}

fn fields(object: &mut Value) -> &mut Map<String, Value> {
    stranger(object)["fieldsV1"].as_object_mut().expect("a map")
}

/// Returns `count` copies of a value with different keys.
fn many<T: FromIterator<(String, Value)>>(count: usize, value: &Value) -> T {
    (0..count).map(|number| (format!("k{number}"), value.clone())).collect()
}
