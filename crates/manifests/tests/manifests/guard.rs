//! Tests which requests the guard admits, and which attacks it stops.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use regcred::plan::from_yaml;
use regcred_manifests::{Install, Mode, Workload, manifests};
use regcred_testkit::policy::{Request, judge, judge_all};
use serde_json::{Value, json};

use crate::{plan, types};

const USER: &str = "system:serviceaccount:regcred:regcred";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const MARK: &str = "merge.regcred.dev/default";

const CONFIG: &str = "
providers:
  pull: { type: ecr, region: eu-west-1, accounts: ['123456789012'] }
targets:
- namespaces: { include: [ci, openshift-ci, 'app-*'], exclude: ['app-legacy-*'], selector: 'tier in (build, run)' }
  providers: [pull]
  secret: { name: ecr-pull, labels: { example.com/team: platform }, annotations: { example.com/docs: 'https://wiki.example.com' } }
- namespaces: ['adopt-*']
  providers: [pull]
  secret: { name: ecr-pull, adopt: true }
- namespace: argocd
  providers: [pull]
  secret: { name: registries, merge: true }
  service_accounts: [{ name: argocd }]
- namespace: tekton
  providers: [pull]
  secret: { name: registries, merge: create }
  service_accounts: []
- namespace: links
  providers: [pull]
  secret: { name: ecr-link }
  service_accounts: [{ name: default, link: [pull] }, { name: robot, link: [mount] }]
";

fn policies(yaml: &str) -> Vec<Value> {
    let plan = plan(yaml);
    let mode = Mode::Daemon(Workload::default(), 1);
    let all = manifests(&plan, &Install { profiles: true, mode, ..Install::default() }).expect("they can be made");
    all.objects.into_iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy").collect()
}

fn policy(yaml: &str, suffix: &str) -> Value {
    let name = format!("regcred-{suffix}");
    policies(yaml).into_iter().find(|it| it["metadata"]["name"] == name).expect("a policy")
}

/// Returns a Secret that regcred owns.
fn secret(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": {
            "name": name,
            "labels": { "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": "default" },
            "annotations": { "regcred.dev/target": format!("{namespace}/{name}"), "regcred.dev/hosts": "{}" },
            "managedFields": [ours("Apply")],
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": "e30=" },
    })
}

fn ours(operation: &str) -> Value {
    json!({ "manager": "regcred", "operation": operation, "apiVersion": "v1", "fieldsV1": { "f:data": { "f:.dockerconfigjson": {} }, "f:type": {} } })
}

/// Returns a Secret that another manager applies.
fn foreign(name: &str) -> Value {
    let fields = json!({
        "f:data": { ".": {}, "f:.dockerconfigjson": {}, "f:url": {} },
        "f:type": {},
        "f:metadata": { "f:labels": { "f:app": {} }, "f:annotations": { ".": {}, "f:note": {}, (format!("f:{LAST_APPLIED}")): {} } },
    });
    json!({
        "metadata": {
            "name": name, "labels": { "app": "x" }, "annotations": { "note": "y", LAST_APPLIED: "{}" },
            "managedFields": [{ "manager": "argocd-controller", "operation": "Apply", "apiVersion": "v1", "time": "t", "fieldsV1": fields }],
        },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": "e30=", "url": "eA==" },
    })
}

fn merged(name: &str) -> Value {
    edited(&foreign(name), |it| it["metadata"]["annotations"][MARK] = "{}".into())
}

fn edited(object: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let mut object = object.clone();
    edit(&mut object);
    object
}

fn remove(object: &mut Value, map: &str, key: &str) {
    object.pointer_mut(map).and_then(Value::as_object_mut).expect("a map").remove(key).expect("it is there");
}

fn account(name: &str, pull: &[&str], mount: &[&str]) -> Value {
    let named = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    let fields = json!({ "f:imagePullSecrets": {}, "f:secrets": { ".": {}, "k:{\"name\":\"x\"}": {}, "k:{\"name\":\"ecr-pull\"}": {} } });
    json!({
        "metadata": {
            "name": name,
            "managedFields": [{ "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "fieldsV1": fields }],
        },
        "imagePullSecrets": named(pull), "secrets": named(mount),
    })
}

fn create(namespace: &str, object: Value) -> Request {
    Request::new(USER, "CREATE", "secrets", namespace).labelled("tier", "run").object(object)
}

fn update(namespace: &str, old: &Value, new: Value) -> Request {
    Request::new(USER, "UPDATE", "secrets", namespace).labelled("tier", "run").object(new).over(old.clone())
}

fn link(namespace: &str, before: &Value, after: Value) -> Request {
    Request::new(USER, "UPDATE", "serviceaccounts", namespace)
        .labelled("tier", "run")
        .object(after)
        .over(before.clone())
}

#[track_caller]
fn passes(request: &Request) {
    assert_eq!(judge_all(&policies(CONFIG), request), Ok(()), "{request:#?}");
}

#[track_caller]
fn refused(request: &Request, why: &str) {
    let answer = judge_all(&policies(CONFIG), request);
    assert_eq!(answer, Err(why.to_owned()), "{request:#?}");
}

const TYPE: &str = "regcred may only write Secrets of type kubernetes.io/dockerconfigjson";
const PLACE: &str = "regcred's config has no such Secret in this namespace";
const KEEP: &str = "regcred must keep its labels and its target annotation on its own Secrets";
const FOREIGN: &str = "regcred may write a foreign Secret only if its config sets adopt or merge";
const DATA: &str = "regcred may only write .dockerconfigjson in the data of a Secret";
const OWNERS: &str = "regcred may not change finalizers or owners of a Secret";
const LABELS: &str = "regcred may only set its own labels and those of its config, and may remove no other label";
const ANNOTATIONS: &str =
    "regcred may only set its own annotations and those of its config, and may remove no other annotation";
const ADDED: &str = "regcred may not add to the managedFields of other managers";
const TAKEN: &str = "regcred may only take its own fields from the managedFields of other managers";
const DEEP: &str = "regcred may not write deep managedFields";
const MANY: &str = "the Secret has too many labels, annotations, keys or managedFields for regcred";
const DELETE: &str = "regcred may only delete its own Secrets";
const LISTS: &str = "regcred may only change the lists of Secrets of a ServiceAccount";
const OTHERS: &str = "regcred must keep every entry of a ServiceAccount's lists that is not its own";
const LINK: &str = "regcred may only add links of its config to a list of a ServiceAccount, each once";
const PLATFORM: &str =
    "regcred may not remove Secrets from ServiceAccounts of the platform that its config does not name";
const MANY_ENTRIES: &str = "the ServiceAccount has too many Secrets or managedFields for regcred";

#[test]
fn own_secrets_are_created_refreshed_and_repaired() {
    for namespace in ["app-a", "ci", "openshift-ci"] {
        let made = secret(namespace, "ecr-pull");
        passes(&create(namespace, made.clone()));
        passes(&update(namespace, &made, edited(&made, |it| it["data"][".dockerconfigjson"] = "e30K".into())));
    }
    let made = secret("app-a", "ecr-pull");
    passes(&create(
        "app-a",
        edited(&made, |it| {
            it["metadata"]["labels"]["example.com/team"] = "platform".into();
            it["metadata"]["annotations"]["example.com/docs"] = "https://wiki.example.com".into();
        }),
    ));
    // A tenant wrote the data with another field manager. A forced apply takes the field back.
    let tenant = json!({ "manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:data": { "f:.dockerconfigjson": {} }, "f:metadata": { "f:labels": { "f:team": {} } } } });
    let drifted = edited(&made, |it| {
        it["metadata"]["managedFields"] = json!([ours("Apply"), tenant]);
        it["metadata"]["labels"]["team"] = "a".into();
    });
    passes(&update(
        "app-a",
        &drifted,
        edited(&drifted, |it| remove(it, "/metadata/managedFields/1/fieldsV1", "f:data")),
    ));
    // The server itself adds an entry if there was none.
    let bare = edited(&made, |it| it["metadata"]["managedFields"] = json!([]));
    let before = json!({ "manager": "before-first-apply", "operation": "Update", "apiVersion": "v1", "fieldsV1": { "f:metadata": {} } });
    passes(&update(
        "app-a",
        &bare,
        edited(&made, |it| it["metadata"]["managedFields"] = json!([ours("Apply"), before])),
    ));
}

#[test]
fn foreign_secrets_are_adopted_and_merged_only_where_the_config_allows_it() {
    // The first write of an adoption changes only managedFields, and the second write changes the rest.
    let theirs = edited(&foreign("ecr-pull"), |it| {
        it["metadata"]["managedFields"][0]["operation"] = "Update".into();
        remove(it, "/data", "url");
        remove(it, "/metadata/managedFields/0/fieldsV1/f:data", "f:url");
    });
    let taken = edited(&theirs, |it| {
        remove(it, "/metadata/managedFields/0/fieldsV1", "f:data");
        remove(it, "/metadata/managedFields/0/fieldsV1", "f:type");
        remove(it, "/metadata/managedFields/0/fieldsV1/f:metadata/f:annotations", &format!("f:{LAST_APPLIED}"));
        it["metadata"]["managedFields"].as_array_mut().expect("a list").push(ours("Apply"));
    });
    passes(&update("adopt-a", &theirs, taken.clone()));
    let adopted = edited(&taken, |it| {
        let marks = secret("adopt-a", "ecr-pull");
        for map in ["labels", "annotations"] {
            for (key, value) in marks["metadata"][map].as_object().expect("a map") {
                it["metadata"][map][key] = value.clone();
            }
        }
        remove(it, "/metadata/annotations", LAST_APPLIED);
    });
    passes(&update("adopt-a", &taken, adopted.clone()));
    refused(&update("app-a", &theirs, taken.clone()), FOREIGN);
    refused(&update("adopt-a", &taken, edited(&adopted, |it| remove(it, "/metadata/labels", "app"))), LABELS);
    refused(
        &update("adopt-a", &taken, edited(&adopted, |it| remove(it, "/metadata/annotations", "note"))),
        ANNOTATIONS,
    );
    refused(
        &update("adopt-a", &theirs, edited(&theirs, |it| it["data"][".dockerconfigjson"] = "eA==".into())),
        FOREIGN,
    );

    let (theirs, merged) = (foreign("registries"), merged("registries"));
    passes(&update("argocd", &theirs, merged.clone()));
    let refreshed = edited(&merged, |it| {
        it["metadata"]["annotations"][MARK] = "{\"r\":{}}".into();
        it["data"][".dockerconfigjson"] = "e30K".into();
        remove(it, "/metadata/managedFields/0/fieldsV1/f:data", "f:.dockerconfigjson");
        it["metadata"]["managedFields"]
            .as_array_mut()
            .expect("a list")
            .push(edited(&ours("Update"), |it| it["manager"] = "regcred-merge".into()));
    });
    passes(&update("argocd", &merged, refreshed.clone()));
    // regcred may also remove its entries if the config no longer has the namespace.
    for namespace in ["argocd", "dropped"] {
        passes(&update(namespace, &refreshed, edited(&refreshed, |it| remove(it, "/metadata/annotations", MARK))));
    }
    refused(
        &update("dropped", &refreshed, edited(&refreshed, |it| it["metadata"]["annotations"][MARK] = "x".into())),
        PLACE,
    );
    refused(&update("dropped", &theirs, edited(&theirs, |it| it["data"][".dockerconfigjson"] = "eA==".into())), PLACE);
}

#[test]
fn service_account_token_secrets_cannot_be_created() {
    for namespace in ["kube-system", "app-a", "ci"] {
        let token =
            edited(&secret(namespace, "ecr-pull"), |it| it["type"] = "kubernetes.io/service-account-token".into());
        refused(&create(namespace, token), TYPE);
    }
}

#[test]
fn secrets_are_written_only_under_names_and_namespaces_of_the_config() {
    for namespace in ["kube-system", "openshift-config", "default", "regcred", "app-legacy-a", "other", "my-app-a"] {
        refused(&create(namespace, secret(namespace, "ecr-pull")), PLACE);
        let made = secret(namespace, "ecr-pull");
        refused(&update(namespace, &made, made.clone()), PLACE);
    }
    refused(&create("app-a", secret("app-a", "ecr-pull")).labelled("tier", "test"), PLACE);
    refused(&create("app-a", secret("app-a", "registries")), PLACE);
    refused(&create("argocd", secret("argocd", "registries")), PLACE);
    refused(&create("app-a", secret("app-a", "another")), PLACE);
}

#[test]
fn a_secret_keeps_its_data_finalizers_and_owners() {
    let old = edited(&secret("app-a", "ecr-pull"), |it| it["data"]["tls.ca"] = "eA==".into());
    let update = |edit: &dyn Fn(&mut Value)| update("app-a", &old, edited(&old, edit));
    refused(&update(&|it| it["data"]["tls.ca"] = "eQ==".into()), DATA);
    refused(&update(&|it| it["data"]["url"] = "eQ==".into()), DATA);
    refused(&update(&|it| remove(it, "/data", "tls.ca")), DATA);
    refused(&update(&|it| it["immutable"] = true.into()), "regcred may not make a Secret immutable");
    refused(&update(&|it| it["metadata"]["finalizers"] = json!(["a.b/c"])), OWNERS);
    refused(&update(&|it| it["metadata"]["ownerReferences"] = json!([{ "name": "x" }])), OWNERS);
    let made = edited(&secret("app-a", "ecr-pull"), |it| it["metadata"]["ownerReferences"] = json!([{ "name": "x" }]));
    refused(&create("app-a", made), OWNERS);
}

#[test]
fn s3_only_annotations_of_regcred_and_its_config_are_set() {
    let own = secret("app-a", "ecr-pull");
    for (key, value) in [
        ("replicator.v1.mittwald.de/replicate-to", ".*"),
        ("example.com/docs", "https://evil.example"),
        ("regcred.dev.example/x", "y"),
        ("merge.regcred.dev/blue", "{}"),
    ] {
        let annotated = edited(&own, |it| it["metadata"]["annotations"][key] = value.into());
        refused(&create("app-a", annotated.clone()), ANNOTATIONS);
        refused(&update("app-a", &own, annotated), ANNOTATIONS);
    }
    let merged = merged("registries");
    let write = |edit: &dyn Fn(&mut Value)| update("argocd", &merged, edited(&merged, edit));
    refused(&write(&|it| it["metadata"]["annotations"]["note"] = "z".into()), ANNOTATIONS);
    refused(&write(&|it| remove(it, "/metadata/annotations", "note")), ANNOTATIONS);
    refused(&write(&|it| remove(it, "/metadata/annotations", LAST_APPLIED)), ANNOTATIONS);
    refused(
        &write(&|it| it["metadata"]["annotations"]["regcred.dev/target"] = "argocd/registries".into()),
        ANNOTATIONS,
    );
    refused(
        &write(&|it| it["metadata"]["annotations"]["example.com/docs"] = "https://wiki.example.com".into()),
        ANNOTATIONS,
    );
}

#[test]
fn s4_managed_fields_of_other_managers_are_neither_forged_nor_removed() {
    let argo = json!({ "manager": "argocd", "operation": "Apply", "apiVersion": "v1", "fieldsV1": { "f:metadata": { "f:labels": { "f:x": {} } } } });
    let push = |it: &mut Value, entry: &Value| {
        it["metadata"]["managedFields"].as_array_mut().expect("a list").push(entry.clone());
    };
    let rename = |name: &str, operation: &str| {
        edited(&argo, |it| (it["manager"], it["operation"]) = (name.into(), operation.into()))
    };
    let merged = merged("registries");
    let write = |edit: &dyn Fn(&mut Value)| update("argocd", &merged, edited(&merged, edit));
    let fields = "/metadata/managedFields/0/fieldsV1";
    let add =
        |at: &str, key: &str| write(&|it| it.pointer_mut(&format!("{fields}{at}")).expect("a map")[key] = json!({}));
    let take = |at: &str, key: &str| write(&|it| remove(it, &format!("{fields}{at}"), key));
    refused(&write(&|it| push(it, &argo)), ADDED);
    refused(&write(&|it| push(it, &rename("before-first-apply", "Update"))), ADDED);
    refused(&write(&|it| push(it, &rename("ancient-changes", "Update"))), ADDED);
    refused(&add("", "f:immutable"), ADDED);
    refused(&add("/f:metadata", "f:finalizers"), ADDED);
    refused(&add("/f:metadata/f:annotations", "f:other"), ADDED);
    refused(&add("/f:metadata/f:annotations/f:note", "f:deep"), ADDED);
    refused(&write(&|it| it["metadata"]["managedFields"][0]["operation"] = "Update".into()), ADDED);
    refused(&write(&|it| it["metadata"]["managedFields"][0]["manager"] = "helm".into()), ADDED);
    refused(&write(&|it| it["metadata"]["managedFields"][0]["time"] = "u".into()), ADDED);
    refused(&write(&|it| it["metadata"]["managedFields"] = json!([])), TAKEN);
    refused(&take("/f:metadata", "f:labels"), TAKEN);
    refused(&take("/f:metadata/f:annotations", "f:note"), TAKEN);
    refused(&take("/f:metadata/f:annotations", &format!("f:{LAST_APPLIED}")), TAKEN);
    refused(&take("/f:data", "f:url"), TAKEN);
    refused(&take("", "f:type"), TAKEN);
    passes(&take("/f:data", "f:.dockerconfigjson"));
    let deep = json!({ "f:a": { "f:b": { "f:c": { "f:d": {} } } } });
    refused(&write(&|it| push(it, &edited(&ours("Update"), |it| it["fieldsV1"] = deep.clone()))), DEEP);
    let many = (0..501).map(|number| (format!("f:{number}"), json!({}))).collect::<serde_json::Map<_, _>>();
    refused(&write(&|it| push(it, &edited(&ours("Update"), |it| it["fieldsV1"] = many.clone().into()))), MANY);
    refused(&create("app-a", edited(&secret("app-a", "ecr-pull"), |it| push(it, &argo))), ADDED);

    for namespace in ["app-a", "kube-system"] {
        let before = account("default", &["x"], &["x"]);
        let write = |edit: &dyn Fn(&mut Value)| link(namespace, &before, edited(&before, edit));
        refused(&write(&|it| push(it, &argo)), ADDED);
        refused(&write(&|it| it["metadata"]["managedFields"] = json!([])), TAKEN);
        refused(&write(&|it| remove(it, "/metadata/managedFields/0/fieldsV1/f:secrets", "k:{\"name\":\"x\"}")), TAKEN);
        // Fields of other managers in a list are removed only with a change of that list.
        let mount =
            |it: &mut Value| remove(it, "/metadata/managedFields/0/fieldsV1/f:secrets", "k:{\"name\":\"ecr-pull\"}");
        let pull = |it: &mut Value| remove(it, "/metadata/managedFields/0/fieldsV1", "f:imagePullSecrets");
        refused(&write(&mount), TAKEN);
        refused(&write(&pull), TAKEN);
    }
    let linked = account("default", &["x", "ecr-pull"], &["x", "ecr-pull"]);
    let write = |edit: &dyn Fn(&mut Value)| link("app-a", &linked, edited(&linked, edit));
    let fields = "/metadata/managedFields/0/fieldsV1";
    for (list, at, key) in [
        ("secrets", format!("{fields}/f:secrets"), "k:{\"name\":\"ecr-pull\"}"),
        ("imagePullSecrets", fields.to_owned(), "f:imagePullSecrets"),
    ] {
        let other = if list == "secrets" { "imagePullSecrets" } else { "secrets" };
        let unlink = |it: &mut Value, list: &str| it[list] = json!([{ "name": "x" }]);
        passes(&write(&|it| (unlink(it, list), remove(it, &at, key)).1));
        refused(&write(&|it| (unlink(it, other), remove(it, &at, key)).1), TAKEN);
    }
}

#[test]
fn s5_foreign_labels_are_kept() {
    let merged = merged("registries");
    let write = |edit: &dyn Fn(&mut Value)| update("argocd", &merged, edited(&merged, edit));
    refused(&write(&|it| remove(it, "/metadata/labels", "app")), LABELS);
    refused(&write(&|it| it["metadata"]["labels"]["app"] = "y".into()), LABELS);
    for (key, value) in [("new", "x"), ("example.com/team", "platform"), ("regcred.dev/instance", "default")] {
        refused(&write(&|it| it["metadata"]["labels"][key] = value.into()), LABELS);
    }
    let own = secret("app-a", "ecr-pull");
    for (key, value) in [("argocd.argoproj.io/secret-type", "repository"), ("example.com/team", "other")] {
        let labelled = edited(&own, |it| it["metadata"]["labels"][key] = value.into());
        refused(&create("app-a", labelled.clone()), LABELS);
        refused(&update("app-a", &own, labelled), LABELS);
    }
}

#[test]
fn s6_ownership_marks_are_set_only_by_adoption_and_kept_afterwards() {
    let theirs = edited(&foreign("ecr-pull"), |it| remove(it, "/data", "url"));
    let marked = |namespace: &str, name: &str| {
        edited(&theirs, |it| {
            it["metadata"]["name"] = name.into();
            it["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "regcred".into();
            it["metadata"]["labels"]["regcred.dev/instance"] = "default".into();
            it["metadata"]["annotations"]["regcred.dev/target"] = format!("{namespace}/{name}").into();
        })
    };
    passes(&update("adopt-a", &theirs, marked("adopt-a", "ecr-pull")));
    refused(&update("app-a", &theirs, marked("app-a", "ecr-pull")), FOREIGN);
    let named = edited(&theirs, |it| it["metadata"]["name"] = "registries".into());
    refused(&update("argocd", &named, marked("argocd", "registries")), FOREIGN);
    let own = secret("adopt-a", "ecr-pull");
    let blue = edited(&own, |it| it["metadata"]["labels"]["regcred.dev/instance"] = "blue".into());
    refused(&update("adopt-a", &blue, own.clone()), FOREIGN);
    refused(&update("adopt-a", &own, blue.clone()), KEEP);
    refused(
        &update("adopt-a", &own, edited(&own, |it| it["metadata"]["annotations"]["regcred.dev/target"] = "a/b".into())),
        KEEP,
    );
    refused(
        &update("adopt-a", &own, edited(&own, |it| remove(it, "/metadata/labels", "app.kubernetes.io/managed-by"))),
        KEEP,
    );
    refused(&create("app-a", edited(&secret("app-a", "ecr-pull"), |it| it["metadata"]["labels"] = json!({}))), KEEP);

    let delete = |object: &Value| Request::new(USER, "DELETE", "secrets", "dropped").over(object.clone());
    passes(&delete(&secret("dropped", "ecr-pull")));
    let copy = secret("app-a", "ecr-pull");
    for other in [&theirs, &merged("registries"), &blue, &copy] {
        refused(&delete(other), DELETE);
    }
}

/// Returns a Secret that regcred created in order to merge into it.
fn created() -> Value {
    let mut apply = ours("Apply");
    apply["manager"] = "regcred-merge".into();
    json!({
        "metadata": { "name": "registries", "annotations": { MARK: "{}" }, "managedFields": [apply] },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": "e30=" },
    })
}

#[test]
fn a_secret_for_a_merge_is_created_where_configured_and_may_be_deleted_again() {
    let empty = edited(&created(), |it| remove(it, "/metadata/annotations", MARK));
    passes(&create("tekton", empty.clone()));
    passes(&update("tekton", &empty, created()));
    refused(&create("argocd", empty.clone()), PLACE);
    refused(&create("tekton", edited(&empty, |it| it["metadata"]["name"] = "other".into())), PLACE);
    refused(&create("tekton", edited(&empty, |it| it["type"] = "Opaque".into())), TYPE);
    assert!(
        judge_all(
            &policies(CONFIG),
            &create("tekton", edited(&empty, |it| it["metadata"]["labels"] = json!({ "a": "b" })))
        )
        .is_err(),
        "a label that is not in the config"
    );
    let delete = |object: &Value| Request::new(USER, "DELETE", "secrets", "tekton").over(object.clone());
    passes(&delete(&created()));
    refused(&delete(&empty), DELETE);
    let operation = edited(&created(), |it| it["metadata"]["managedFields"][0]["operation"] = "Update".into());
    let manager = edited(&created(), |it| it["metadata"]["managedFields"][0]["manager"] = "kubectl".into());
    for other in [operation, manager] {
        refused(&delete(&other), DELETE);
    }
}

#[test]
fn s7_events_report_secrets_of_the_config_under_the_name_of_regcred() {
    let event = |namespace: &str, kind: &str, name: &str, edit: &dyn Fn(&mut Value)| {
        let object = edited(
            &json!({
                "metadata": { "name": "x.1" }, "reportingController": "regcred.dev/regcred", "reportingInstance": "regcred-1",
                "type": "Warning", "reason": "Refused", "action": "Refresh", "note": "foreign",
                "regarding": { "apiVersion": "v1", "kind": kind, "name": name, "namespace": namespace },
            }),
            edit,
        );
        Request::new(USER, "CREATE", "events", namespace).labelled("tier", "run").object(object)
    };
    let as_it_is = &|_: &mut Value| {};
    passes(&event("app-a", "Secret", "ecr-pull", as_it_is));
    passes(&event("argocd", "Secret", "registries", as_it_is));
    passes(&event("regcred", "Pod", "regcred-1", as_it_is));
    let about = "regcred may only report Secrets of its config, and in its own namespace its own pod";
    for (namespace, kind, name) in [
        ("other", "Secret", "ecr-pull"),
        ("kube-system", "Secret", "ecr-pull"),
        ("app-a", "Secret", "another"),
        ("app-a", "Pod", "regcred-1"),
        ("app-a", "Node", "ecr-pull"),
        ("regcred", "Secret", "ecr-pull"),
    ] {
        refused(&event(namespace, kind, name, as_it_is), about);
    }
    let name = "regcred may only report Events under its own name";
    refused(&event("app-a", "Secret", "ecr-pull", &|it| it["reportingController"] = "kubelet".into()), name);
    refused(
        &event("app-a", "Secret", "ecr-pull", &|it| it["deprecatedSource"] = json!({ "component": "kubelet" })),
        name,
    );
    refused(&event("app-a", "Secret", "ecr-pull", &|it| it["type"] = "Normal".into()), name);
    let long = "the Event is longer than those of regcred";
    refused(&event("app-a", "Secret", "ecr-pull", &|it| it["note"] = "x".repeat(1_001).into()), long);
    let metadata = "an Event of regcred has no labels, annotations, finalizers or owners";
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        refused(&event("app-a", "Secret", "ecr-pull", &|it| it["metadata"][field] = json!({ "a": "b" })), metadata);
    }
    let managed = json!([{ "operation": "Update", "fieldsV1": { "f:x": {} } }]);
    refused(
        &event("app-a", "Secret", "ecr-pull", &|it| it["metadata"]["managedFields"] = managed.clone()),
        "an Event of regcred has only the managedFields that the server writes",
    );
    refused(
        &Request::new(USER, "UPDATE", "events", "app-a").object(json!({})).over(json!({})),
        "regcred may only create Events",
    );
}

#[test]
fn s8_links_are_added_where_the_config_asks_for_them() {
    let theirs = &["dockercfg"];
    let added = |namespace: &str, name: &str, pull: &[&str], mount: &[&str]| {
        let list = |more: &[&str]| theirs.iter().chain(more).map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (pull, mount) = (list(pull), list(mount));
        let names = |list: &[String]| list.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
        let before = account(name, theirs, theirs);
        let after =
            edited(&before, |it| (it["imagePullSecrets"], it["secrets"]) = (names(&pull).into(), names(&mount).into()));
        link(namespace, &before, after)
    };
    passes(&added("app-a", "default", &["ecr-pull"], &[]));
    passes(&added("app-a", "builder", &["ecr-pull"], &["ecr-pull"]));
    passes(&added("argocd", "argocd", &["registries"], &[]));
    passes(&added("links", "robot", &[], &["ecr-link"]));
    let bare = json!({ "metadata": { "name": "builder" } });
    passes(&link("app-a", &bare, edited(&bare, |it| it["secrets"] = json!([{ "name": "ecr-pull" }]))));
    for refusal in [
        added("app-a", "default", &[], &["ecr-pull"]),
        added("app-a", "deployer", &["ecr-pull"], &[]),
        added("app-a", "default", &["registries"], &[]),
        added("argocd", "default", &["registries"], &[]),
        added("argocd", "argocd", &[], &["registries"]),
        added("links", "robot", &["ecr-link"], &[]),
        added("links", "default", &[], &["ecr-link"]),
        added("app-a", "default", &["ecr-pull", "ecr-pull"], &[]),
        added("other", "default", &["ecr-pull"], &[]),
        added("kube-system", "default", &["ecr-pull"], &[]),
    ] {
        refused(&refusal, LINK);
    }
    let mount = edited(&bare, |it| it["secrets"] = json!([{ "name": "ecr-pull", "namespace": "kube-system" }]));
    refused(&link("app-a", &bare, mount), "regcred may only write the name of a Secret into a ServiceAccount's lists");
}

#[test]
fn s8_links_are_removed_anywhere_but_on_the_platform() {
    let removed = |namespace: &str, name: &str| {
        link(namespace, &account("default", &["x", name], &[name]), account("default", &["x"], &[]))
    };
    for namespace in ["app-a", "other", "regcred", "openshift-ci"] {
        passes(&removed(namespace, "ecr-pull"));
    }
    for namespace in ["kube-system", "default", "openshift", "openshift-config", "redhat-x", "dedicated-admin"] {
        refused(&removed(namespace, "ecr-pull"), PLATFORM);
    }
    refused(&removed("openshift-ci", "registries"), PLATFORM);
    let twice = account("default", &["ecr-pull", "ecr-pull"], &[]);
    refused(&link("kube-system", &twice, account("default", &["ecr-pull"], &[])), PLATFORM);
    passes(&link("app-a", &twice, account("default", &["ecr-pull", "ecr-pull"], &[])));
}

#[test]
fn a_service_account_keeps_everything_else() {
    let before = account("default", &["theirs", "ecr-pull"], &["theirs"]);
    let lists = |pull: &[&str], mount: &[&str]| account("default", pull, mount);
    refused(&link("app-a", &before, lists(&["ecr-pull"], &["theirs"])), OTHERS);
    refused(&link("app-a", &before, lists(&["theirs", "ecr-pull"], &[])), OTHERS);
    refused(&link("app-a", &before, lists(&["theirs", "ecr-pull", "stolen"], &["theirs"])), OTHERS);
    refused(&link("app-a", &lists(&["a", "b"], &[]), lists(&["b", "a"], &[])), OTHERS);
    for (field, value) in [
        ("annotations", json!({ "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin" })),
        ("labels", json!({ "a": "b" })),
        ("finalizers", json!(["a/b"])),
        ("ownerReferences", json!([{ "name": "x" }])),
    ] {
        let after = edited(&before, |it| it["metadata"][field] = value);
        refused(&link("app-a", &before, after.clone()), LISTS);
        refused(&link("app-a", &after, before.clone()), LISTS);
    }
    refused(&link("app-a", &before, edited(&before, |it| it["automountServiceAccountToken"] = false.into())), LISTS);
    let why = "regcred may not create or delete ServiceAccounts";
    refused(&Request::new(USER, "CREATE", "serviceaccounts", "app-a").object(before.clone()), why);
    refused(&Request::new(USER, "DELETE", "serviceaccounts", "app-a").over(before.clone()), why);
    let names = (0..501).map(|number| format!("x{number}")).collect::<Vec<_>>();
    let names = names.iter().map(String::as_str).collect::<Vec<_>>();
    let many = lists(&names, &[]);
    refused(&link("app-a", &many, many.clone()), MANY_ENTRIES);
}

#[test]
fn the_guard_ignores_other_users() {
    let mut request = create("kube-system", secret("kube-system", "anything"));
    request.user = "system:serviceaccount:regcred:another".into();
    passes(&request);
}

#[test]
fn two_installations_of_one_instance_share_no_object_outside_their_namespaces() {
    let plan = plan(CONFIG);
    let names = |namespace: &str| {
        let install = Install { namespace: namespace.parse().expect("a name"), profiles: true, ..Install::default() };
        let made = manifests(&plan, &install).expect("they can be made").objects;
        let own = made.iter().filter(|it| it["metadata"]["namespace"] != namespace && it["kind"] != "Namespace");
        let name = |it: &Value| format!("{} {}/{}", it["kind"], it["metadata"]["namespace"], it["metadata"]["name"]);
        own.map(name).collect::<BTreeSet<_>>()
    };
    assert!(
        names("regcred").contains("\"ValidatingAdmissionPolicy\" null/\"regcred-guard-secrets\""),
        "{:?}",
        names("regcred")
    );
    assert!(
        names("ops").contains("\"ValidatingAdmissionPolicy\" null/\"regcred-guard-secrets.ops\""),
        "{:?}",
        names("ops")
    );
    assert_eq!(names("regcred").intersection(&names("ops")).collect::<Vec<_>>(), [] as [&String; 0]);
}

#[test]
fn expressions_with_thousands_of_names_still_compile_on_a_server() {
    let namespaces = (0..10_000).map(|number| format!("team-{number:04}-{}", "x".repeat(50))).collect::<Vec<_>>();
    let secrets = (0..1_000).map(|number| format!("pull-{number:04}-{}", "y".repeat(50))).collect::<Vec<_>>();
    let many = secrets
        .iter()
        .map(|name| format!("- {{ namespaces: ['app-*'], region: eu-west-1, secret: {{ name: {name} }} }}\n"));
    let named = format!("targets: [{{ namespaces: [{}], region: eu-west-1 }}]", namespaces.join(", "));
    for (yaml, namespace, name) in [
        (named, namespaces[9_999].as_str(), "ecr-secret"),
        (format!("targets:\n{}", many.collect::<String>()), "app-a", secrets[999].as_str()),
    ] {
        let policies = policies(&yaml);
        for policy in &policies {
            for variable in policy["spec"]["variables"].as_array().into_iter().flatten() {
                assert!(variable["expression"].as_str().expect("text").len() < 80_000, "{}", variable["name"]);
            }
        }
        assert_eq!(judge_all(&policies, &create(namespace, secret(namespace, name))), Ok(()));
        assert_eq!(judge_all(&policies, &create("team-x", secret("team-x", name))), Err(PLACE.to_owned()));
    }
}

#[test]
fn a_guard_that_a_server_would_refuse_is_not_printed() {
    let patterns =
        (0..2_000).map(|number| format!("'a{number:04}-{}*'", "x".repeat(40))).collect::<Vec<_>>().join(", ");
    let plan = plan(&format!("targets: [{{ namespaces: [{patterns}], region: eu-west-1 }}]"));
    let told = manifests(&plan, &Install::default()).expect_err("it is too long").to_string();
    assert!(told.contains("cannot print the guard regcred-guard-secrets: an expression has"), "{told}");
    assert!(told.contains("split the config into several instances"), "{told}");
}

#[test]
fn a_profile_label_is_set_only_by_users_with_the_right_to_use_it() {
    let policy = policy(CONFIG, "profiles");
    let namespace = |profile: Option<&str>| {
        let mut object = json!({ "metadata": { "name": "team-a" } });
        if let Some(profile) = profile {
            object["metadata"]["labels"] = json!({ "regcred.dev/profile": profile });
        }
        object
    };
    let request = |operation: &'static str, before: Option<&str>, after: Option<&str>, rights: &[&'static str]| {
        let request = Request::new(USER, operation, "namespaces", "").object(namespace(after));
        let request = if operation == "UPDATE" { request.over(namespace(before)) } else { request };
        judge(&policy, &Request { user: "alice".into(), rights: rights.to_vec(), ..request })
    };
    let may_pull = &["/regcred.dev/profiles/pull/use"];
    assert_eq!(request("CREATE", None, Some("pull"), may_pull), Ok(()));
    assert_eq!(request("UPDATE", None, Some("pull"), may_pull), Ok(()));
    assert!(request("CREATE", None, Some("push"), may_pull).is_err());
    assert!(request("UPDATE", Some("pull"), Some("push"), may_pull).is_err());
    assert_eq!(request("UPDATE", Some("push"), Some("push"), &[]), Ok(()), "it is as it was");
    assert_eq!(request("UPDATE", Some("push"), None, &[]), Ok(()), "to take it away takes no right");
    assert_eq!(request("CREATE", None, None, &[]), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// The guard and the daemon must select the same namespaces. Otherwise some Secrets are never written.
    #[test]
    fn the_guard_and_the_config_select_the_same_namespaces(
        include in proptest::sample::subsequence(vec!["app-*", "*", "x?", "[a-c]*", "[!a]-*", "kube-*"], 1..4),
        exclude in proptest::sample::subsequence(vec!["app-b*", "*-x", "[0-9]*"], 0..3),
        selector in proptest::sample::subsequence(vec!["tier", "!legacy", "tier in (run, build)", "team!=b", "zone=''"], 0..4),
        namespaces in proptest::collection::vec("(app|kube|openshift|a|x|1)-?[a-x1]{0,2}", 12),
        labels in proptest::collection::btree_map("tier|legacy|team|zone", "run|build|b|", 0..4),
    ) {
        let selector = selector.iter().map(|it| if *it == "zone=''" { "zone=" } else { it }).collect::<Vec<_>>().join(",");
        let selector = if selector.is_empty() { String::new() } else { format!(", selector: '{selector}'") };
        let exclude = if exclude.is_empty() { String::new() } else { format!(", exclude: {exclude:?}") };
        let yaml = format!("targets: [{{ namespaces: {{ include: {include:?}{exclude}{selector} }}, region: eu-west-1 }}]");
        let config = from_yaml(&yaml, &types()).expect("valid");
        let selection = config.targets()[0].namespaces.selection.clone().expect("it chooses");
        let policy = policy(&yaml, "guard-secrets");
        for namespace in namespaces.iter().filter(|it| !it.ends_with('-')) {
            let mut all = labels.clone();
            all.insert("kubernetes.io/metadata.name".into(), namespace.clone());
            let taken = selection.takes(namespace, &all.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>());
            let request = Request { labels: json!(all), ..create(namespace, secret(namespace, "ecr-secret")) };
            prop_assert_eq!(judge(&policy, &request).is_ok(), taken, "{} {} {:?}", yaml, namespace, labels);
        }
    }
}

/// Returns the policy for Secrets of the same config under a new instance name.
fn renamed(yaml: &str) -> Value {
    let plan = plan(&format!("instance: blue\nprevious_instance: default\n{yaml}"));
    let daemon = Mode::Daemon(Workload::default(), 1);
    let made = manifests(&plan, &Install { mode: daemon, ..Install::default() }).expect("they can be made").objects;
    let is_it = |it: &Value| {
        it["kind"] == "ValidatingAdmissionPolicy" && it["metadata"]["name"] == "regcred-blue-guard-secrets"
    };
    made.into_iter().find(is_it).expect("a policy")
}

#[test]
fn a_renamed_instance_may_take_over_only_its_own_secrets() {
    let policy = renamed(CONFIG);
    let blue = "system:serviceaccount:regcred:regcred-blue";
    let update = |namespace: &str, old: &Value, new: Value| {
        Request::new(blue, "UPDATE", "secrets", namespace).labelled("tier", "run").over(old.clone()).object(new)
    };
    let owned =
        |object: &Value| edited(object, |it| it["metadata"]["managedFields"][0]["manager"] = "regcred/blue".into());
    let labelled =
        |object: &Value| edited(object, |it| it["metadata"]["labels"]["regcred.dev/instance"] = "blue".into());
    let before = secret("ci", "ecr-pull");
    let taken = owned(&before);
    let after = edited(&labelled(&taken), |it| it["data"][".dockerconfigjson"] = "eyJhIjoxfQ==".into());
    for (what, request) in [
        ("its fields", update("ci", &before, taken.clone())),
        ("its content", update("ci", &taken, after.clone())),
        ("a refresh", update("ci", &after, edited(&after, |it| it["data"][".dockerconfigjson"] = "e30=".into()))),
    ] {
        assert_eq!(judge(&policy, &request), Ok(()), "{what}");
    }
    let green = edited(&before, |it| it["metadata"]["labels"]["regcred.dev/instance"] = "green".into());
    let copy = edited(&before, |it| it["metadata"]["annotations"]["regcred.dev/target"] = "team/ecr-pull".into());
    for (what, request) in [
        ("another instance's", update("ci", &green, owned(&green))),
        ("another instance's content", update("ci", &green, labelled(&owned(&green)))),
        ("a copy", update("ci", &copy, owned(&copy))),
        (
            "a namespace that is not chosen",
            update("other", &secret("other", "ecr-pull"), owned(&secret("other", "ecr-pull"))),
        ),
        ("a Secret that is not of the config", update("ci", &secret("ci", "token"), owned(&secret("ci", "token")))),
        (
            "data in the first write",
            update("ci", &before, edited(&taken, |it| it["data"][".dockerconfigjson"] = "eA==".into())),
        ),
        ("a foreign label", update("ci", &taken, edited(&after, |it| it["metadata"]["labels"]["x"] = "y".into()))),
        (
            "a foreign annotation",
            update("ci", &taken, edited(&after, |it| it["metadata"]["annotations"]["x"] = "y".into())),
        ),
        ("a delete", Request::new(blue, "DELETE", "secrets", "ci").labelled("tier", "run").over(before.clone())),
        ("another key", update("ci", &taken, edited(&after, |it| it["data"]["token"] = "eA==".into()))),
    ] {
        assert!(judge(&policy, &request).is_err(), "{what}");
    }
}
