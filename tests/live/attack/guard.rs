//! What the pod's token can still do under the guard: every row is refused.

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
const FOREIGN: &str = "may only write a Secret that is not its own where";
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
const LINK: &str = "config links no such Secret to this list";
const NAME_ONLY: &str = "may only write the name of a Secret";
const PLATFORM: &str = "may not remove Secrets from ServiceAccounts of the platform";
const ABOUT: &str = "may only report Secrets of its config";
const REPORTER: &str = "may only report Events under its own name";
const LONG: &str = "the Event is longer than those of regcred";
const EVENT_METADATA: &str = "has no labels, annotations, finalizers or owners";
const EVENT_MANAGED: &str = "has only the managedFields that the server writes";

/// An installation that selects, after its first pass.
struct Scene {
    world: World,
    installed: Installed,
    pod: Actor,
    /// Holds a Secret of regcred.
    own: String,
    /// Selected like `own`. Holds a foreign Secret of the same name.
    foreign: String,
    /// Selected like `own`. Has no Secret.
    empty: String,
    /// Its foreign Secret may be adopted.
    adopt: String,
    /// Holds a Secret that regcred merges into.
    merge: String,
    /// Not selected.
    other: String,
    /// The name of the Secrets, and of a ServiceAccount that also is in kube-system: no other test uses it.
    name: String,
}

impl Scene {
    /// `None`: the server has no such policies. Offline, an interpreter judges the same attacks.
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
        // All but the foreign one and the one that is adopted later are written.
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

    /// A Secret as regcred makes it.
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

    /// Creates or forces a Secret by server-side apply.
    fn apply(&self, name: &str, namespace: &str, edit: impl FnOnce(&mut Value), expected: super::Expected) -> Row {
        let path = format!("{}?force=true", self.path(namespace));
        Row::new(name, "PATCH", path, APPLY, self.made(namespace, edit), expected)
    }

    /// Removes the objects that the scene has outside its own namespaces.
    fn clean(&self) {
        self.world.kubectl(&["delete", "serviceaccount", &self.name, "--namespace", "kube-system"], "");
    }
}

/// A Secret of another controller, which applies it with a label and annotations.
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

/// The `managedFields` of an object.
fn managed(object: &mut Value) -> &mut Vec<Value> {
    object["metadata"]["managedFields"].as_array_mut().expect("a list")
}

/// The last entry of another manager.
fn stranger(object: &mut Value) -> &mut Value {
    let others = |it: &&mut Value| !it["manager"].as_str().unwrap_or_default().starts_with("regcred");
    managed(object).iter_mut().rev().find(others).expect("another manager")
}

fn fields(object: &mut Value) -> &mut Map<String, Value> {
    stranger(object)["fieldsV1"].as_object_mut().expect("a map")
}

/// So many of something.
fn many<T: FromIterator<(String, Value)>>(count: usize, value: &Value) -> T {
    (0..count).map(|number| (format!("k{number}"), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pod_s_token_writes_no_secret_of_another_type_name_or_namespace() {
    let Some(scene) = Scene::new().await else { return };
    let empty = scene.empty.as_str();
    let kind = |kind: &'static str| {
        move |it: &mut Value| {
            it["type"] = kind.into();
            it["metadata"]["annotations"]["kubernetes.io/service-account.name"] = "default".into();
        }
    };
    let mut rows = vec![];
    for it in [
        "kubernetes.io/service-account-token",
        "Opaque",
        "kubernetes.io/dockercfg",
        "kubernetes.io/basic-auth",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/tls",
        "bootstrap.kubernetes.io/token",
        "helm.sh/release.v1",
        "kubernetes.io/dockerconfigjson.example",
        "Kubernetes.io/dockerconfigjson",
    ] {
        // Some of these lack the keys that the server itself asks for.
        let data = |edit: &mut Value| {
            for key in [".dockercfg", "username", "password", "ssh-privatekey", "tls.crt", "tls.key"] {
                edit["data"][key] = "e30=".into();
            }
        };
        for namespace in [empty, "kube-system", "kube-public"] {
            let edit = |secret: &mut Value| {
                kind(it)(secret);
                data(secret);
            };
            rows.push(scene.apply(&format!("type {it} in {namespace}"), namespace, edit, Guard(TYPE)));
        }
    }
    rows.push(scene.apply("no type", empty, |it| drop(it.as_object_mut().expect("a map").remove("type")), Guard(TYPE)));
    for namespace in [scene.other.as_str(), "kube-system", "kube-public", "default", &scene.installed.namespace] {
        rows.push(scene.apply(&format!("in {namespace}"), namespace, |_| {}, Guard(PLACE)));
    }
    rows.push(scene.apply("applied where it only merges", &scene.merge, |_| {}, Guard(FOREIGN)));
    let path = |name: &str| format!("{}?force=true", secret_path(empty, name));
    for name in ["another", "bootstrap-token-abcdef", &format!("{}x", scene.name), "default-token"] {
        let made = scene.made(empty, |it| it["metadata"]["name"] = name.into());
        rows.push(Row::new(format!("name {name}"), "PATCH", path(name), APPLY, made, Rbac));
    }
    let differs = scene.made(empty, |it| it["metadata"]["name"] = "another".into());
    rows.push(Row::new("another name in the body", "PATCH", path(&scene.name), APPLY, differs, Invalid));
    let list = format!("/api/v1/namespaces/{empty}/secrets");
    rows.push(Row::new("POST", "POST", &list, PLAIN, scene.made(empty, |_| {}), Rbac));
    let generated = scene.made(empty, |it| it["metadata"] = json!({ "generateName": scene.name }));
    rows.push(Row::new("a generated name", "POST", &list, PLAIN, generated, Rbac));
    rows.push(Row::new("PUT", "PUT", scene.path(&scene.own), PLAIN, scene.secret(&scene.own), Rbac));
    rows.push(Row::new("delete a collection", "DELETE", &list, PLAIN, Value::Null, Rbac));
    let selected = format!("{list}?fieldSelector=metadata.name%3D{}", scene.name);
    rows.push(Row::new("delete a collection by name", "DELETE", selected, PLAIN, Value::Null, Rbac));
    rows.push(Row::new("read another name", "GET", secret_path(&scene.own, "another"), PLAIN, Value::Null, Rbac));
    rows.push(Row::new("list without the name", "GET", "/api/v1/secrets", PLAIN, Value::Null, Rbac));
    for (name, edit) in [
        ("immutable", json!({ "immutable": true })),
        ("immutable and data", json!({ "immutable": true, "data": { ".dockerconfigjson": "e30=" } })),
    ] {
        rows.push(Row::new(name, "PATCH", scene.path(&scene.own), MERGE, edit, Guard(IMMUTABLE)));
    }
    rows.push(scene.apply("created immutable", empty, |it| it["immutable"] = true.into(), Guard(IMMUTABLE)));
    for (name, edit) in [
        ("another key", json!({ "data": { "url": "eA==" } })),
        ("another key as text", json!({ "stringData": { "url": "x" } })),
        ("a key of the TLS type", json!({ "data": { "tls.key": "eA==" } })),
    ] {
        rows.push(Row::new(name, "PATCH", scene.path(&scene.own), MERGE, edit, Guard(DATA)));
    }
    rows.push(scene.apply("created with another key", empty, |it| it["data"]["url"] = "eA==".into(), Guard(DATA)));
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "6f1c3b0e-0000-4000-8000-000000000000" }]);
    for namespace in [&scene.own, &scene.merge] {
        let (owner, stays) =
            (json!({ "metadata": { "ownerReferences": owner } }), json!({ "metadata": { "finalizers": ["a.b/c"] } }));
        rows.push(Row::new("an owner", "PATCH", scene.path(namespace), MERGE, owner, Guard(OWNERS)));
        rows.push(Row::new("a finalizer", "PATCH", scene.path(namespace), MERGE, stays, Guard(OWNERS)));
    }
    rows.push(scene.apply(
        "created with an owner",
        empty,
        |it| it["metadata"]["ownerReferences"] = owner,
        Guard(OWNERS),
    ));
    let retyped =
        Row::new("another type later", "PATCH", scene.path(&scene.own), MERGE, json!({ "type": "Opaque" }), Invalid);
    rows.push(retyped);
    rows.push(scene.apply("an ordinary Secret where it is asked for", empty, |_| {}, Harmless));
    scene.pod.attacks("type, name and namespace", &rows).await;
    scene.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_the_pod_s_token_sets_and_removes_no_annotation_of_others() {
    let Some(scene) = Scene::new().await else { return };
    let (own, merge) = (scene.path(&scene.own), scene.path(&scene.merge));
    let instance = &scene.installed.instance;
    let mut rows = vec![];
    for (key, value) in [
        (REPLICATE, ".*"),
        ("replicator.v1.mittwald.de/replication-allowed-namespaces", ".*"),
        ("reflector.v1.k8s.emberstack.com/reflection-auto-enabled", "true"),
        ("kubed.appscode.com/sync", ""),
        ("argocd.argoproj.io/sync-options", "Delete=false"),
        ("helm.sh/resource-policy", "keep"),
        ("meta.helm.sh/release-name", "x"),
        ("cert-manager.io/allow-direct-injection", "true"),
        (LAST_APPLIED, "{}"),
        ("example.com/docs", "elsewhere"),
        ("merge.regcred.dev/other", "{}"),
        ("regcred.dev.example.com/x", "y"),
        ("Regcred.dev/hosts", "{}"),
        ("xregcred.dev/hosts", "{}"),
        ("regcred.dev", "y"),
        ("x", ""),
    ] {
        let body = annotation(key, value);
        for content in [MERGE, STRATEGIC] {
            rows.push(Row::new(format!("{key} ({content})"), "PATCH", &own, content, body.clone(), Guard(ANNOTATIONS)));
        }
        rows.push(scene.apply(
            &format!("created with {key}"),
            &scene.empty,
            |it| it["metadata"]["annotations"][key] = value.into(),
            Guard(ANNOTATIONS),
        ));
        if key != LAST_APPLIED {
            rows.push(Row::new(format!("{key}, merged"), "PATCH", &merge, MERGE, body, Guard(ANNOTATIONS)));
        }
    }
    for (name, content, body) in [
        ("changed", MERGE, annotation("note", "ours")),
        ("emptied", MERGE, annotation("note", "")),
        ("removed", MERGE, annotation("note", Value::Null)),
        ("removed by JSON patch", JSON, remove("/metadata/annotations/note")),
        ("last-applied removed", MERGE, annotation(LAST_APPLIED, Value::Null)),
        ("last-applied changed", MERGE, annotation(LAST_APPLIED, "{\"a\":1}")),
        ("all removed", MERGE, json!({ "metadata": { "annotations": null } })),
        ("all removed by JSON patch", JSON, remove("/metadata/annotations")),
        (
            "all replaced",
            STRATEGIC,
            json!({ "metadata": { "annotations": { "$patch": "replace", "note": "theirs" } } }),
        ),
        ("all deleted", STRATEGIC, json!({ "metadata": { "annotations": { "$patch": "delete" } } })),
        ("the config's on a merged one", MERGE, annotation("example.com/docs", "there")),
        (
            "our target on a merged one",
            MERGE,
            annotation("regcred.dev/target", format!("{}/{}", scene.merge, scene.name)),
        ),
        ("our hosts on a merged one", MERGE, annotation("regcred.dev/hosts", "{}")),
        ("our links on a merged one", MERGE, annotation("regcred.dev/links", "{}")),
        ("almost our mark", MERGE, annotation(&format!("merge.regcred.dev/{instance}x"), "{}")),
        (
            "moved",
            JSON,
            json!([{ "op": "move", "from": "/metadata/annotations/note", "path": "/metadata/annotations/moved" }]),
        ),
        ("swapped", MERGE, json!({ "metadata": { "annotations": { "note": "theirs", "other": null } } })),
    ] {
        rows.push(Row::new(format!("{name}, merged"), "PATCH", &merge, content, body, Guard(ANNOTATIONS)));
    }
    let elsewhere = annotation("regcred.dev/target", format!("kube-system/{}", scene.name));
    rows.push(Row::new("another target", "PATCH", &own, MERGE, elsewhere, Guard(KEEP)));
    rows.push(Row::new("no target", "PATCH", &own, MERGE, annotation("regcred.dev/target", Value::Null), Guard(KEEP)));
    rows.push(Row::new(
        "no annotations",
        "PATCH",
        &own,
        MERGE,
        json!({ "metadata": { "annotations": null } }),
        Guard(KEEP),
    ));
    let unmark = annotation(&format!("merge.regcred.dev/{instance}"), Value::Null);
    rows.push(Row::new("our own mark removed", "PATCH", &merge, MERGE, unmark, Harmless));
    rows.push(Row::new(
        "our own annotation changed",
        "PATCH",
        &own,
        MERGE,
        annotation("regcred.dev/hosts", "{}"),
        Harmless,
    ));
    rows.push(Row::new("the config's value", "PATCH", &own, MERGE, annotation("example.com/docs", "there"), Harmless));
    scene.pod.attacks("S3 annotations", &rows).await;
    scene.clean();
}

/// What the pod's token may try with the `managedFields` of an object that another manager has fields of. `label` is one of
/// their fields.
fn forgeries(rows: &mut Vec<Row>, what: &str, path: &str, object: &Value, manager: &str) {
    let argo = json!({ "f:metadata": { "f:labels": { "f:x": {} } } });
    let mut row = |name: &str, expected, edit: &dyn Fn(&mut Value)| {
        rows.push(Row::edit(format!("{name}, {what}"), path, object, edit, expected));
    };
    row("another manager applies", Guard(ADDED), &|it| managed(it).push(entry("argocd-controller", "Apply", &argo)));
    row("another manager updates", Guard(ADDED), &|it| managed(it).push(entry("helm", "Update", &argo)));
    row("almost our name", Guard(ADDED), &|it| managed(it).push(entry(&format!("{manager}x"), "Apply", &argo)));
    row("our name in capitals", Guard(ADDED), &|it| managed(it).push(entry(&manager.to_uppercase(), "Apply", &argo)));
    row("the name of the default instance", Guard(ADDED), &|it| managed(it).push(entry("regcred", "Apply", &argo)));
    row("ancient-changes", Guard(ADDED), &|it| managed(it).push(entry("ancient-changes", "Update", &argo)));
    row("before-first-apply", Guard(ADDED), &|it| managed(it).push(entry("before-first-apply", "Update", &argo)));
    row("renamed", Guard(ADDED), &|it| stranger(it)["manager"] = "helm".into());
    row("renamed to ours", Guard(TAKEN), &|it| stranger(it)["manager"] = manager.into());
    row("another operation", Guard(ADDED), &|it| {
        let to = if stranger(it)["operation"] == "Apply" { "Update" } else { "Apply" };
        stranger(it)["operation"] = to.into();
    });
    row("another time", GuardOrWithout(ADDED, "2031-01-01"), &|it| {
        stranger(it)["time"] = "2031-01-01T00:00:00Z".into();
    });
    row("a subresource", Guard(ADDED), &|it| stranger(it)["subresource"] = "status".into());
    row("emptied", Guard(TAKEN), &|it| it["metadata"]["managedFields"] = json!([{}]));
    row("their entry removed", Guard(TAKEN), &|it| {
        let gone = stranger(it).clone();
        managed(it).retain(|it| *it != gone);
    });
    row("their entry without fields", Guard(TAKEN), &|it| stranger(it)["fieldsV1"] = json!({}));
    row("a field added", Guard(ADDED), &|it| drop(fields(it).insert("f:immutable".into(), json!({}))));
    row("a field added below metadata", Guard(ADDED), &|it| {
        let metadata = fields(it).entry("f:metadata").or_insert_with(|| json!({}));
        metadata["f:finalizers"] = json!({});
    });
    row("a field added that is deep", Guard(ADDED), &|it| {
        drop(fields(it).insert("f:x".into(), json!({ "f:a": { "f:b": { "f:c": {} } } })));
    });
    row("all of it ours", Guard(TAKEN), &|it| {
        let all = stranger(it)["fieldsV1"].clone();
        let gone = stranger(it).clone();
        managed(it).retain(|it| *it != gone);
        managed(it).push(entry(manager, "Update", &all));
    });
    row("deep fields of ours", Guard(DEEP), &|it| {
        let deep = (0..60).fold(json!({}), |inner, _| json!({ "f:a": inner }));
        managed(it).push(entry(manager, "Apply", &deep));
    });
    row("101 managers", Guard(MANY), &|it| {
        for number in 0..101 {
            managed(it).push(entry(&format!("m{number}"), "Apply", &argo));
        }
    });
    row("501 fields", Guard(MANY), &|it| {
        let fields = (0..501).map(|number| (format!("f:{number}"), json!({}))).collect::<Map<_, _>>();
        managed(it).push(entry(manager, "Apply", &fields.into()));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s4_the_pod_s_token_forges_no_managed_fields() {
    let Some(scene) = Scene::new().await else { return };
    let manager = format!("regcred/{}", scene.installed.instance);
    let mut rows = vec![];
    let (own, merge, adopt) = (scene.path(&scene.own), scene.path(&scene.merge), scene.path(&scene.adopt));
    // Another manager has a label on it.
    let args = ["label", "secret", &scene.name, "team=a", "--field-manager=helper", "--namespace", &scene.own];
    scene.world.kubectl(&args, "");
    forgeries(&mut rows, "own", &own, &scene.secret(&scene.own), &manager);
    forgeries(&mut rows, "merged", &merge, &scene.secret(&scene.merge), &manager);
    forgeries(&mut rows, "to adopt", &adopt, &scene.secret(&scene.adopt), &manager);
    for (namespace, account) in
        [(scene.own.as_str(), "builder"), (&scene.other, "builder"), ("kube-system", &scene.name)]
    {
        let path = account_path(namespace, account);
        forgeries(
            &mut rows,
            &format!("ServiceAccount in {namespace}"),
            &path,
            &scene.account(namespace, account),
            &manager,
        );
    }
    for (name, path, object) in
        [("own", &own, scene.secret(&scene.own)), ("merged", &merge, scene.secret(&scene.merge))]
    {
        let take = |what: &str, key: &'static str| {
            let edit = |it: &mut Value| {
                let metadata = fields(it)["f:metadata"].as_object_mut().expect("a map");
                metadata.remove(key).expect("it is there");
            };
            Row::edit(format!("{what} taken, {name}"), path, &object, edit, Guard(TAKEN))
        };
        rows.push(take("labels", "f:labels"));
        if name == "merged" {
            rows.push(take("annotations", "f:annotations"));
        }
    }
    // A write under another name of a field manager adds an entry for it.
    let write = json!({ "data": { ".dockerconfigjson": "e30K" } });
    for manager in ["attack", "argocd-controller", "helper", "regcred", "ancient-changes", "before-first-apply"] {
        let row = Row::new(format!("written as {manager}"), "PATCH", &own, MERGE, write.clone(), Guard(ADDED));
        rows.push(row.under(manager));
        let row = scene.apply(&format!("applied as {manager}"), &scene.own, |_| {}, Guard(ADDED));
        rows.push(row.under(manager));
    }
    rows.push(Row::new("written as itself", "PATCH", &own, MERGE, write, Harmless));
    scene.pod.attacks("S4 managedFields", &rows).await;
    scene.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_the_pod_s_token_sets_and_removes_no_label_of_others() {
    let Some(scene) = Scene::new().await else { return };
    let (own, merge, adopt) = (scene.path(&scene.own), scene.path(&scene.merge), scene.path(&scene.adopt));
    let argo = "argocd.argoproj.io/secret-type";
    let mut rows = vec![];
    for (key, value) in [
        (argo, "repository"),
        (argo, "cluster"),
        ("example.com/team", "other"),
        ("app.kubernetes.io/instance", "root"),
        ("kustomize.toolkit.fluxcd.io/name", "x"),
        ("velero.io/exclude-from-backup", "true"),
        ("owner", "helm"),
        ("regcred.dev/instance2", "x"),
        ("regcred.dev/profile", "push"),
        ("x", ""),
    ] {
        for content in [MERGE, STRATEGIC] {
            rows.push(Row::new(format!("{key} ({content})"), "PATCH", &own, content, label(key, value), Guard(LABELS)));
        }
        let set = |it: &mut Value| it["metadata"]["labels"][key] = value.into();
        rows.push(scene.apply(&format!("created with {key}"), &scene.empty, set, Guard(LABELS)));
        if value != "repository" {
            rows.push(Row::new(format!("{key}, merged"), "PATCH", &merge, MERGE, label(key, value), Guard(LABELS)));
        }
    }
    for (name, content, body) in [
        ("removed", MERGE, label(argo, Value::Null)),
        ("removed by JSON patch", JSON, remove("/metadata/labels/argocd.argoproj.io~1secret-type")),
        ("emptied", MERGE, label(argo, "")),
        ("all removed", MERGE, json!({ "metadata": { "labels": null } })),
        ("all removed by JSON patch", JSON, remove("/metadata/labels")),
        ("all replaced", STRATEGIC, json!({ "metadata": { "labels": { "$patch": "replace", "app": "x" } } })),
        ("all deleted", STRATEGIC, json!({ "metadata": { "labels": { "$patch": "delete" } } })),
        ("moved", JSON, json!([{ "op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/moved" }])),
        ("the config's", MERGE, label("example.com/team", "platform")),
        ("our mark", MERGE, label("regcred.dev/instance", scene.installed.instance.clone())),
        ("managed by us", MERGE, label("app.kubernetes.io/managed-by", "regcred")),
    ] {
        rows.push(Row::new(format!("{name}, merged"), "PATCH", &merge, content, body.clone(), Guard(LABELS)));
        // The first write of an adoption must not change a label.
        rows.push(Row::new(format!("{name}, to adopt"), "PATCH", &adopt, content, body, Guard(LABELS)));
    }
    for account in [account_path(&scene.own, "default"), account_path("kube-system", &scene.name)] {
        rows.push(Row::new("a label of a ServiceAccount", "PATCH", account, MERGE, label("a", "b"), Guard(LISTS)));
    }
    rows.push(Row::new("the config's value", "PATCH", &own, MERGE, label("example.com/team", "platform"), Harmless));
    scene.pod.attacks("S5 labels", &rows).await;
    scene.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_the_pod_s_token_takes_and_deletes_no_foreign_secret() {
    let Some(scene) = Scene::new().await else { return };
    let instance = scene.installed.instance.as_str();
    let marks = |namespace: &str| {
        json!({ "metadata": {
            "labels": { "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": instance },
            "annotations": { "regcred.dev/target": format!("{namespace}/{}", scene.name) },
        } })
    };
    let mut rows = vec![];
    for (what, namespace, why) in
        [("foreign", &scene.foreign, FOREIGN), ("merged", &scene.merge, FOREIGN), ("not selected", &scene.other, PLACE)]
    {
        let path = scene.path(namespace);
        let all = marks(namespace);
        for content in [MERGE, STRATEGIC] {
            rows.push(Row::new(
                format!("marked, {what} ({content})"),
                "PATCH",
                &path,
                content,
                all.clone(),
                Guard(why),
            ));
        }
        rows.push(Row::edit(
            format!("marked, {what} ({JSON})"),
            &path,
            &scene.secret(namespace),
            |it| {
                for map in ["labels", "annotations"] {
                    for (key, value) in all["metadata"][map].as_object().expect("a map") {
                        it["metadata"][map][key] = value.clone();
                    }
                }
            },
            Guard(why),
        ));
        rows.push(scene.apply(&format!("applied, {what}"), namespace, |_| {}, Guard(why)));
        for (query, body) in [
            ("", Value::Null),
            ("?propagationPolicy=Orphan", Value::Null),
            ("?gracePeriodSeconds=0", Value::Null),
            (
                "",
                json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": scene.secret(namespace)["metadata"]["uid"] } }),
            ),
        ] {
            rows.push(Row::new(
                format!("deleted, {what} {query}"),
                "DELETE",
                format!("{path}{query}"),
                PLAIN,
                body,
                Guard(DELETE),
            ));
        }
        let data = json!({ "data": { ".dockerconfigjson": "e30K" } });
        if what != "merged" {
            rows.push(Row::new(format!("written, {what}"), "PATCH", &path, MERGE, data, Guard(why)));
        }
    }
    // Part of the marks first, and the rest in the next request.
    let foreign = scene.path(&scene.foreign);
    for (name, body) in [
        ("managed-by first", label("app.kubernetes.io/managed-by", "regcred")),
        ("instance first", label("regcred.dev/instance", instance)),
        ("target first", annotation("regcred.dev/target", format!("{}/{}", scene.foreign, scene.name))),
        ("merge mark first", annotation(&format!("merge.regcred.dev/{instance}"), "{}")),
        ("nothing changed", json!({})),
    ] {
        rows.push(Row::new(name, "PATCH", &foreign, MERGE, body, Guard(FOREIGN)));
    }
    let adopt = scene.path(&scene.adopt);
    rows.push(Row::new(
        "data of one to adopt",
        "PATCH",
        &adopt,
        MERGE,
        json!({ "data": { ".dockerconfigjson": "e30K" } }),
        Guard(FOREIGN),
    ));
    rows.push(Row::new("delete one to adopt", "DELETE", &adopt, PLAIN, Value::Null, Guard(DELETE)));
    // Of our own, to make it another's.
    let own = scene.path(&scene.own);
    for (name, body) in [
        ("to another instance", label("regcred.dev/instance", "other")),
        ("to no instance", label("regcred.dev/instance", Value::Null)),
        ("to another tool", label("app.kubernetes.io/managed-by", "Helm")),
        ("to no tool", label("app.kubernetes.io/managed-by", Value::Null)),
        ("to no label", json!({ "metadata": { "labels": null } })),
    ] {
        rows.push(Row::new(name, "PATCH", &own, MERGE, body, Guard(KEEP)));
    }
    scene.pod.attacks("S6 marks", &rows).await;

    // Secrets that only look like ours, which others made.
    for (what, edit) in [
        ("of another instance", label("regcred.dev/instance", "other")),
        ("a copy of ours from elsewhere", annotation("regcred.dev/target", format!("{}/{}", scene.own, scene.name))),
        ("without a target", annotation("regcred.dev/target", Value::Null)),
        ("managed by another tool", label("app.kubernetes.io/managed-by", "Helm")),
    ] {
        for namespace in [&scene.foreign, &scene.adopt] {
            for patch in [marks(namespace), edit.clone()] {
                let args = ["patch", "secret", &scene.name, "--namespace", namespace, "--type=merge", "--patch"];
                scene.world.kubectl(&[&args[..], &[&patch.to_string()]].concat(), "");
            }
        }
        let mut rows = vec![];
        for namespace in [&scene.foreign, &scene.adopt] {
            rows.push(Row::new(
                format!("delete one {what}"),
                "DELETE",
                scene.path(namespace),
                PLAIN,
                Value::Null,
                Guard(DELETE),
            ));
        }
        let row = Row::new(
            format!("take one {what}"),
            "PATCH",
            scene.path(&scene.foreign),
            MERGE,
            marks(&scene.foreign),
            Guard(FOREIGN),
        );
        rows.push(row);
        if what == "of another instance" {
            let row = Row::new(
                format!("adopt one {what}"),
                "PATCH",
                scene.path(&scene.adopt),
                MERGE,
                marks(&scene.adopt),
                Guard(FOREIGN),
            );
            rows.push(row);
        }
        scene.pod.attacks("S6 look-alikes", &rows).await;
    }
    scene.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_the_pod_s_token_reports_only_its_own_secrets_under_its_own_name() {
    let Some(scene) = Scene::new().await else { return };
    let event = |namespace: &str, edit: &dyn Fn(&mut Value)| {
        let mut event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": { "name": "attack.1", "namespace": namespace },
            "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "regcred.dev/regcred",
            "reportingInstance": "regcred-0", "type": "Warning", "reason": "Refused", "action": "Refresh", "note": "foreign",
            "regarding": { "apiVersion": "v1", "kind": "Secret", "name": scene.name, "namespace": namespace },
        });
        edit(&mut event);
        event
    };
    let path = |namespace: &str| format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let post = |name: &str, namespace: &str, expected, edit: &dyn Fn(&mut Value)| {
        Row::new(name, "POST", path(namespace), PLAIN, event(namespace, edit), expected)
    };
    let own = scene.own.as_str();
    let mut rows = vec![post("as regcred reports it", own, Harmless, &|_| {})];
    for namespace in [scene.other.as_str(), "kube-system", "default", "kube-node-lease", &scene.installed.namespace] {
        rows.push(post(&format!("in {namespace}"), namespace, Guard(ABOUT), &|_| {}));
    }
    for (name, key, value) in [
        ("a Pod", "kind", json!("Pod")),
        ("a Node", "kind", json!("Node")),
        ("another Secret", "name", json!("another")),
        ("another API", "apiVersion", json!("apps/v1")),
        ("a UID", "uid", json!("6f1c3b0e-0000-4000-8000-000000000000")),
        ("a version", "resourceVersion", json!("1")),
        ("a field", "fieldPath", json!("data")),
    ] {
        rows.push(post(&format!("about {name}"), own, Guard(ABOUT), &|it| it["regarding"][key] = value.clone()));
    }
    for (name, key, value) in [
        ("from the kubelet", "reportingController", json!("kubelet")),
        ("from the scheduler", "reportingController", json!("default-scheduler")),
        ("almost from regcred", "reportingController", json!("regcred.dev/regcred2")),
        ("from regcred in a longer domain", "reportingController", json!("regcred.dev.example/regcred")),
        ("that says all is well", "type", json!("Normal")),
        ("related to another object", "related", json!({ "apiVersion": "v1", "kind": "Node", "name": "n" })),
        ("of a series", "series", json!({ "count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z" })),
        ("from a component", "deprecatedSource", json!({ "component": "kubelet" })),
        ("from a host", "deprecatedSource", json!({ "host": "node-1" })),
        ("with a count", "deprecatedCount", json!(7)),
    ] {
        let expected = if key.starts_with("deprecated") { None } else { Some(Guard(REPORTER)) };
        let row = post(name, own, expected.unwrap_or(Invalid), &|it| it[key] = value.clone());
        rows.push(row);
    }
    for (name, edit) in [
        ("an annotation", json!({ "annotations": { "a": "b" } })),
        ("a long annotation", json!({ "annotations": { "a": "x".repeat(200_000) } })),
        ("a label", json!({ "labels": { "a": "b" } })),
        ("a finalizer", json!({ "finalizers": ["a.b/c"] })),
        (
            "an owner",
            json!({ "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u" }] }),
        ),
        ("a generated name", json!({ "generateName": "x-" })),
    ] {
        let edit = |it: &mut Value| {
            for (key, value) in edit.as_object().expect("a map") {
                it["metadata"][key] = value.clone();
            }
        };
        rows.push(post(&format!("with {name}"), own, Guard(EVENT_METADATA), &edit));
    }
    rows.push(post("with a note of 1,001", own, Guard(LONG), &|it| it["note"] = "x".repeat(1_001).into()));
    rows.push(post("with a note of 250 kB", own, Invalid, &|it| it["note"] = "x".repeat(250_000).into()));
    let forged = |manager: &str, field: &str| {
        let fields = json!({ field: {} });
        json!([entry(manager, "Update", &fields)])
    };
    rows.push(post("with forged managedFields", own, GuardOrWithout(EVENT_MANAGED, "kubelet"), &|it| {
        it["metadata"]["managedFields"] = forged("kubelet", "f:metadata");
    }));
    let pod = |it: &mut Value| it["regarding"]["kind"] = "Pod".into();
    rows.push(post("about its own pod", &scene.installed.namespace, Harmless, &pod));
    let core = format!("/api/v1/namespaces/{own}/events");
    let old = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": "x" }, "involvedObject": {} });
    rows.push(Row::new("by the core API", "POST", core, PLAIN, old, Rbac));
    let one = format!("{}/attack.1", path(own));
    rows.push(Row::new("applied", "PATCH", &one, APPLY, event(own, &|_| {}), Rbac));
    rows.push(Row::new("changed", "PATCH", &one, MERGE, json!({ "note": "x" }), Rbac));
    rows.push(Row::new("replaced", "PUT", &one, PLAIN, event(own, &|_| {}), Rbac));
    rows.push(Row::new("deleted", "DELETE", &one, PLAIN, Value::Null, Rbac));
    rows.push(Row::new("all deleted", "DELETE", path(own), PLAIN, Value::Null, Rbac));
    rows.push(Row::new("read", "GET", path(own), PLAIN, Value::Null, Rbac));
    scene.pod.attacks("S7 Events", &rows).await;
    scene.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_the_pod_s_token_changes_only_its_own_entries_of_service_accounts() {
    let Some(scene) = Scene::new().await else { return };
    let name = scene.name.as_str();
    let mut rows = vec![];
    let mut edit = |what: &str, namespace: &str, account: &str, expected, edit: &dyn Fn(&mut Value)| {
        let path = account_path(namespace, account);
        let object = scene.account(namespace, account);
        rows.push(Row::edit(format!("{what} in {namespace}/{account}"), path, &object, edit, expected));
    };
    let push = |list: &'static str, entry: Value| {
        move |it: &mut Value| {
            let list = &mut it[list];
            if list.is_null() {
                *list = json!([]);
            }
            list.as_array_mut().expect("a list").push(entry.clone());
        }
    };
    let (pull, mount) = ("imagePullSecrets", "secrets");
    let without = |list: &'static str, name: &str| {
        let name = name.to_owned();
        move |it: &mut Value| it[list].as_array_mut().expect("a list").retain(|it| it["name"] != *name)
    };
    for (namespace, account) in
        [(scene.own.as_str(), "default"), (&scene.own, "builder"), (&scene.other, "default"), ("kube-system", name)]
    {
        let theirs = format!("{account}-dockercfg");
        edit("another's entry", namespace, account, Guard(OTHERS), &push(pull, json!({ "name": "stolen" })));
        edit("another's mount", namespace, account, Guard(OTHERS), &push(mount, json!({ "name": "stolen" })));
        edit("an entry without a name", namespace, account, Guard(OTHERS), &push(pull, json!({ "name": "" })));
        edit("theirs removed", namespace, account, Guard(OTHERS), &without(mount, &theirs));
        edit("all removed", namespace, account, Guard(OTHERS), &|it| it[mount] = json!([]));
        edit("no list", namespace, account, Guard(OTHERS), &|it| {
            drop(it.as_object_mut().expect("a map").remove(mount));
        });
        edit("theirs replaced by ours", namespace, account, Guard(OTHERS), &|it| it[mount] = json!([{ "name": name }]));
        edit("theirs twice", namespace, account, Guard(OTHERS), &push(mount, json!({ "name": theirs })));
        edit("a role in AWS", namespace, account, Guard(LISTS), &|it| {
            it["metadata"]["annotations"] = json!({ "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin" });
        });
        edit("a label", namespace, account, Guard(LISTS), &|it| it["metadata"]["labels"] = json!({ "a": "b" }));
        edit("a finalizer", namespace, account, Guard(LISTS), &|it| it["metadata"]["finalizers"] = json!(["a.b/c"]));
        edit("an owner", namespace, account, Guard(LISTS), &|it| {
            it["metadata"]["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "6f1c3b0e-0000-4000-8000-000000000000" }]);
        });
        edit("mounting of tokens", namespace, account, Guard(LISTS), &|it| {
            it["automountServiceAccountToken"] = true.into();
        });
    }
    // Ours, where the config does not ask for it.
    edit("a mount of ours", &scene.own, "default", Guard(LINK), &push(mount, json!({ "name": name })));
    edit("ours twice", &scene.own, "default", Guard(LINK), &push(pull, json!({ "name": name })));
    edit("ours in another list", &scene.merge, "default", Guard(LINK), &push(mount, json!({ "name": name })));
    edit("ours to another", &scene.merge, "builder", Guard(LINK), &push(pull, json!({ "name": name })));
    edit("ours to another", &scene.adopt, "default", Guard(LINK), &push(pull, json!({ "name": name })));
    edit("ours to another", &scene.own, name, Guard(LINK), &push(pull, json!({ "name": name })));
    edit("ours where nothing is selected", &scene.other, "builder", Guard(LINK), &push(pull, json!({ "name": name })));
    edit(
        "ours twice where nothing is selected",
        &scene.other,
        "default",
        Guard(LINK),
        &push(pull, json!({ "name": name })),
    );
    edit("a mount on the platform", "kube-system", name, Guard(LINK), &push(mount, json!({ "name": name })));
    edit("ours twice on the platform", "kube-system", name, Guard(LINK), &push(pull, json!({ "name": name })));
    edit("ours removed on the platform", "kube-system", name, Guard(PLATFORM), &without(pull, name));
    edit(
        "ours with a namespace",
        &scene.empty,
        "builder",
        GuardOrWithout(NAME_ONLY, "kube-system"),
        &push(mount, json!({ "name": name, "namespace": "kube-system" })),
    );
    edit(
        "ours with a kind",
        &scene.empty,
        "builder",
        GuardOrWithout(NAME_ONLY, "ConfigMap"),
        &push(mount, json!({ "name": name, "kind": "ConfigMap" })),
    );
    edit(
        "ours with a UID",
        &scene.empty,
        "builder",
        GuardOrWithout(NAME_ONLY, "attack-uid"),
        &push(mount, json!({ "name": name, "uid": "attack-uid" })),
    );
    edit(
        "ours with a field",
        &scene.empty,
        "builder",
        GuardOrWithout(NAME_ONLY, "attack-field"),
        &push(mount, json!({ "name": name, "fieldPath": "attack-field" })),
    );
    edit("ours where it is asked for", &scene.empty, "builder", Harmless, &push(mount, json!({ "name": name })));
    edit("ours removed where nothing is selected", &scene.other, "default", Harmless, &|it| {
        it[pull].as_array_mut().expect("a list").retain(|it| it["name"] != *name);
    });
    let path = account_path(&scene.own, "default");
    let list = format!("/api/v1/namespaces/{}/serviceaccounts", scene.own);
    let account = |name: &str| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } });
    for (what, content, body, expected) in [
        ("lists to null", MERGE, json!({ pull: null, mount: null }), Guard(OTHERS)),
        ("a list replaced", STRATEGIC, json!({ mount: [{ "$patch": "replace" }, { "name": name }] }), Guard(OTHERS)),
        (
            "theirs deleted",
            STRATEGIC,
            json!({ mount: [{ "$patch": "delete", "name": "default-dockercfg" }] }),
            Guard(OTHERS),
        ),
        (
            "entries in another order",
            JSON,
            json!([{ "op": "move", "from": format!("/{pull}/0"), "path": format!("/{pull}/1") }]),
            Harmless,
        ),
    ] {
        rows.push(Row::new(what, "PATCH", &path, content, body, expected));
    }
    let mut applied = account("default");
    applied[pull] = json!([{ "name": "stolen" }]);
    rows.push(Row::new("applied", "PATCH", format!("{path}?force=true"), APPLY, applied, Guard(OTHERS)));
    rows.push(Row::new("created by apply", "PATCH", account_path(&scene.empty, name), APPLY, account(name), Rbac));
    rows.push(Row::new("created", "POST", &list, PLAIN, account(name), Rbac));
    rows.push(Row::new("deleted", "DELETE", &path, PLAIN, Value::Null, Rbac));
    rows.push(Row::new("all deleted", "DELETE", &list, PLAIN, Value::Null, Rbac));
    rows.push(Row::new("replaced", "PUT", &path, PLAIN, scene.account(&scene.own, "default"), Rbac));
    let token = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    rows.push(Row::new("its token", "POST", format!("{path}/token"), PLAIN, token, Rbac));
    rows.push(Row::new("another account", "PATCH", account_path(&scene.own, "deployer"), MERGE, json!({}), Rbac));
    rows.push(Row::new("all listed", "GET", "/api/v1/serviceaccounts", PLAIN, Value::Null, Rbac));
    scene.pod.attacks("S8 links", &rows).await;
    scene.clean();
}

/// Each is refused at once: comparing long lists with each other took the API server 15 seconds per request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d3_an_object_with_many_parts_costs_the_server_little() {
    let Some(scene) = Scene::new().await else { return };
    let (mut rows, theirs) = (vec![], |namespace: &str, object: Value| {
        let patch = object.to_string();
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        (path, patch)
    });
    let entries = |count: usize| (0..count).map(|number| json!({ "name": format!("s-{number}") })).collect::<Value>();
    let write = json!([{ "op": "add", "path": "/secrets/-", "value": { "name": scene.name } }]);
    let mut namespaces = vec![];
    for (name, object) in [
        ("501 entries", json!({ "imagePullSecrets": entries(501) })),
        ("20,000 entries", json!({ "imagePullSecrets": entries(20_000) })),
        ("20,000 entries twice", json!({ "imagePullSecrets": entries(20_000), "secrets": entries(20_000) })),
        ("20,000 entries of one name", json!({ "secrets": vec![json!({ "name": scene.name }); 20_000] })),
        ("1,000 entries of one name", json!({ "imagePullSecrets": vec![json!({ "name": scene.name }); 1_000] })),
        ("500 entries", json!({ "imagePullSecrets": entries(500), "secrets": entries(499) })),
    ] {
        let namespace = project(&scene.world).await;
        let (_, patch) = theirs(&namespace, object);
        let args = [
            "patch",
            "serviceaccount",
            "default",
            "--namespace",
            &namespace,
            "--type=merge",
            "--patch-file",
            "/dev/stdin",
        ];
        scene.world.kubectl(&args, &patch);
        let why = if name == "500 entries" { LINK } else { MANY };
        rows.push(Row::new(name, "PATCH", account_path(&namespace, "default"), JSON, write.clone(), Guard(why)));
        namespaces.push(namespace);
    }
    let account = account_path(&scene.own, "default");
    for (name, body) in [
        ("20,000 labels", json!({ "metadata": { "labels": many::<Map<_, _>>(20_000, &json!("x")) } })),
        ("10,000 annotations", json!({ "metadata": { "annotations": many::<Map<_, _>>(10_000, &json!("x")) } })),
        (
            "20,000 finalizers",
            json!({ "metadata": { "finalizers": (0..20_000).map(|it| json!(format!("a.b/f{it}"))).collect::<Value>() } }),
        ),
    ] {
        rows.push(Row::new(
            format!("a ServiceAccount with {name}"),
            "PATCH",
            &account,
            MERGE,
            body.clone(),
            Guard(MANY),
        ));
        for namespace in [&scene.own, &scene.merge] {
            rows.push(Row::new(
                format!("a Secret with {name}"),
                "PATCH",
                scene.path(namespace),
                MERGE,
                body.clone(),
                Guard(MANY),
            ));
        }
    }
    for namespace in [&scene.own, &scene.merge] {
        let body = json!({ "data": many::<Map<_, _>>(20_000, &json!("eA==")) });
        rows.push(Row::new("a Secret with 20,000 keys", "PATCH", scene.path(namespace), MERGE, body, Guard(MANY)));
        rows.push(Row::edit(
            "a Secret with 5,000 managers",
            scene.path(namespace),
            &scene.secret(namespace),
            |it| {
                managed(it)
                    .extend((0..5_000).map(|number| entry(&format!("m{number}"), "Apply", &json!({ "f:a": {} }))));
            },
            Guard(MANY),
        ));
        rows.push(Row::edit(
            "a Secret with 20,000 fields",
            scene.path(namespace),
            &scene.secret(namespace),
            |it| {
                let fields = (0..20_000).map(|number| (format!("f:{number}"), json!({}))).collect::<Map<_, _>>();
                managed(it).push(entry("m", "Apply", &json!({ "f:metadata": { "f:labels": fields } })));
            },
            Guard(MANY),
        ));
    }
    scene.pod.attacks("D3 cost", &rows).await;
    scene.clean();
}
