//! Attacks with Events: their subject and their reporter.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_the_pod_token_reports_events_only_for_its_own_secrets() {
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
        ("of the type Normal", "type", json!("Normal")),
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
