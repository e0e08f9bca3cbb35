//! Attacks on the lists in ServiceAccounts.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_the_pod_token_changes_only_its_own_entries_in_service_accounts() {
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
    // Our own entry, in places that the config does not name.
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
