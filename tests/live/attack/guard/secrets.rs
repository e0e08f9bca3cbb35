//! Attacks on Secrets: type, name, ownership marks, data, labels, annotations and managedFields.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pod_token_cannot_write_a_secret_of_another_type_name_or_namespace() {
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
        // The server itself requires these keys for some types.
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
async fn s3_the_pod_token_cannot_set_or_remove_foreign_annotations() {
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

/// Adds attacks on the `managedFields` of an object that another manager partly owns. `label` is a field of that
/// manager.
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
async fn s4_the_pod_token_cannot_forge_managed_fields() {
    let Some(scene) = Scene::new().await else { return };
    let manager = format!("regcred/{}", scene.installed.instance);
    let mut rows = vec![];
    let (own, merge, adopt) = (scene.path(&scene.own), scene.path(&scene.merge), scene.path(&scene.adopt));
    // Another manager owns a label on it.
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
    // A write with another field manager adds an entry for that manager.
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
async fn s5_the_pod_token_cannot_set_or_remove_foreign_labels() {
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
        // The first write of an adoption must not change labels.
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
async fn s6_the_pod_token_cannot_adopt_or_delete_a_foreign_secret() {
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
    // Set some of the marks in the first request, and the rest in the next.
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
    // Change the marks of our own Secret so that it gets another owner.
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

    // Secrets of other owners that look like ours.
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
