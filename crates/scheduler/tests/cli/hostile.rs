//! Objects that tenants write affect their own targets only.

use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::world::{World, of, run};

const SELECTED: &str = "targets: [{ namespaces: ['team-*'], region: eu-west-1 }]\n";
const NAMED: &str =
    "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: eu-west-1 }\n";
const HOSTS: &str = "regcred.dev/hosts";
const LINKS: &str = "regcred.dev/links";

/// Returns a field set with this nesting depth.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "f:a": inner }))
}

fn managed(manager: &str, operation: &str, time: &str, fields: &Value) -> Value {
    json!([{ "manager": manager, "operation": operation, "apiVersion": "v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields }])
}

/// Returns metadata that a tenant can write into its own objects, and whether regcred can still decode the object.
fn poisons() -> Vec<(&'static str, Value, bool)> {
    let now = "2026-01-01T00:00:00Z";
    let long = |length: usize| "x".repeat(length);
    let labels = (0..2_000).map(|number| (format!("l-{number}"), json!(long(60)))).collect::<serde_json::Map<_, _>>();
    let annotations = |name: &str, value: String| json!({ "annotations": { name: value } });
    vec![
        ("fields nested 200 deep", json!({ "managedFields": managed("t", "Update", now, &nested(200)) }), true),
        ("fields nested 128 deep", json!({ "managedFields": managed("t", "Update", now, &nested(128)) }), true),
        ("our own manager, 200 deep", json!({ "managedFields": managed("regcred", "Apply", now, &nested(200)) }), true),
        (
            "a time beyond all times",
            json!({ "managedFields": managed("t", "Update", "9999-12-31T23:59:59Z", &json!({})) }),
            true,
        ),
        ("an invalid time", json!({ "managedFields": managed("t", "Update", "yesterday", &json!({})) }), true),
        (
            "field sets of another sort",
            json!({ "managedFields": managed("t", "Update", now, &json!([1, "x", null])) }),
            false,
        ),
        ("a manager of 20 kB", json!({ "managedFields": managed(&long(20_000), "Update", now, &json!({})) }), false),
        ("labels of 140 kB", json!({ "labels": labels }), false),
        ("an annotation of 250 kB", annotations("example.com/x", long(250_000)), true),
        ("an annotation of ours of 250 kB", annotations(HOSTS, long(250_000)), true),
        ("an annotation that looks like ours of 250 kB", annotations("regcred.dev/x1", long(250_000)), true),
        ("an object of 3 MB", json!({ "annotations": { "a": long(3_000_000) } }), false),
        (
            "owners of 20 kB",
            json!({ "ownerReferences": [{ "apiVersion": "v1", "kind": long(20_000), "name": "x", "uid": "u" }] }),
            false,
        ),
    ]
}

fn poison(kube: &FakeKube, resource: &str, namespace: &str, name: &str, metadata: &Value) {
    let mut object = kube.object(resource, namespace, name).unwrap_or_else(|| {
        let secret = json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "e30=" } });
        kube.put(resource, namespace, name, secret, "kubectl");
        kube.object(resource, namespace, name).expect("it was made")
    });
    for (key, value) in metadata.as_object().expect("a map") {
        object["metadata"][key] = value.clone();
    }
    kube.put_raw(resource, namespace, name, object);
}

async fn world() -> World {
    World::new(&["other", "team-a", "team-b"]).await
}

/// Returns the change to the Secret of a namespace.
fn done<'a>(report: &'a Value, namespace: &str) -> &'a str {
    field(report, namespace, "done")
}

fn field<'a>(report: &'a Value, namespace: &str, name: &str) -> &'a str {
    let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let it = targets.iter().find(|it| it["namespace"] == namespace).unwrap_or_else(|| panic!("{report:#}"));
    it[name].as_str().unwrap_or_default()
}

fn passes(world: &World, config: &str) -> (i32, Value, String) {
    run(&mut world.once(config, &["--output", "json", "--timeout", "5s"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_object_in_an_unserved_namespace_stops_no_target() {
    for (what, metadata, _) in poisons() {
        for (resource, name) in [("secrets", "ecr-secret"), ("serviceaccounts", "default"), ("namespaces", "other")] {
            let world = world().await;
            let namespace = if resource == "namespaces" { "" } else { "other" };
            poison(&world.kube, resource, namespace, name, &metadata);
            for config in [SELECTED, NAMED] {
                let (code, report, logs) = passes(&world, config);
                assert_eq!(code, 0, "{what} in {resource}: {report:#} {logs}");
                assert_eq!(done(&report, "team-a"), if config == SELECTED { "created" } else { "nothing" }, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_object_fails_only_its_own_target_until_it_is_removed() {
    for (what, metadata, is_readable) in poisons() {
        for config in [SELECTED, NAMED] {
            let world = world().await;
            poison(&world.kube, "secrets", "team-b", "ecr-secret", &metadata);
            let (code, report, logs) = passes(&world, config);
            assert_eq!((code, done(&report, "team-a")), (1, "created"), "{what}: {report:#} {logs}");
            let (_, why) = of(&report, "team-b");
            if !is_readable {
                assert!(why.contains("ecr-secret in namespace team-b cannot be used"), "{what}: {why}");
            }
            world.kube.remove("secrets", "team-b", "ecr-secret");
            let (code, report, logs) = passes(&world, config);
            assert_eq!((code, done(&report, "team-b")), (0, "created"), "{what}: {report:#} {logs}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_with_a_too_long_list_is_reported_and_left_unchanged() {
    let world = world().await;
    let entries = (0..501).map(|number| json!({ "name": format!("s-{number}") })).collect::<Vec<_>>();
    let mut account = world.kube.object("serviceaccounts", "team-b", "default").expect("it is there");
    account["imagePullSecrets"] = json!(entries);
    world.kube.put_raw("serviceaccounts", "team-b", "default", account);
    let (code, report, logs) = passes(&world, SELECTED);
    assert_eq!((code, done(&report, "team-a")), (1, "created"), "{report:#} {logs}");
    let (_, why) = of(&report, "team-b");
    assert!(why.contains("default in namespace team-b") && why.contains("more than 500 entries"), "{why}");
    let written = world.kube.requests().into_iter().filter(|it| it.verb == "patch" && it.resource == "serviceaccounts");
    assert!(
        written
            .into_iter()
            .all(|it| (it.namespace.as_deref(), it.name.as_deref()) != (Some("team-b"), Some("default")))
    );
    assert!(world.secret("team-b").is_some(), "the Secret itself is written");
}

/// Any user can apply with any field manager name.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_links_annotation_is_not_followed() {
    let many = |count: usize| {
        let links = (0..count).map(|number| (format!("a-{number}"), json!(["pull"])));
        Value::Object(links.collect()).to_string()
    };
    for (what, links) in [
        ("fourteen thousand", many(14_000)),
        ("a hundred", many(100)),
        ("thirty-three", many(33)),
        ("twenty", many(20)),
        ("one", r#"{"deployer":["pull","mount"]}"#.to_owned()),
        ("no names", r#"{"../../secrets":["pull"]}"#.to_owned()),
        ("no links", "[[[[[[".to_owned()),
    ] {
        let world = world().await;
        assert_eq!(passes(&world, SELECTED).0, 0);
        poison(&world.kube, "secrets", "team-b", "ecr-secret", &json!({}));
        let mut secret = world.secret("team-b").expect("it is there");
        secret["metadata"]["annotations"][LINKS] = json!(links);
        world.kube.put_raw("secrets", "team-b", "ecr-secret", secret);
        world.kube.clear_requests();
        let (_, report, logs) = passes(&world, SELECTED);
        let requests = world.kube.requests();
        let strange = |name: Option<&str>| !matches!(name, None | Some("default" | "builder" | "pipeline"));
        let followed = requests.iter().filter(|it| it.resource == "serviceaccounts" && strange(it.name.as_deref()));
        assert_eq!(followed.count(), 0, "{what}: {requests:#?}");
        assert!(requests.len() < 30, "{what}: {}", requests.len());
        assert_eq!(field(&report, "team-b", "step"), "repair", "{what} is a disturbance: {report:#} {logs}");
        let after = world.secret("team-b").expect("it is there");
        assert_eq!(
            after["metadata"]["annotations"][LINKS],
            world.secret("team-a").expect("it is there")["metadata"]["annotations"][LINKS]
        );
        assert_eq!(passes(&world, SELECTED).0, 0, "{what}: told once");
    }
}

/// Uses the rights that `regcred manifests` prints: they name the accounts of the config and the three default ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_removed_stays_recorded() {
    let world = world().await;
    let linked = |links: &str| {
        format!("targets: [{{ namespaces: ['team-*'], region: eu-west-1, service_accounts: [{links}] }}]\n")
    };
    assert_eq!(passes(&world, &linked("{ name: default, link: [pull, mount] }, { name: builder }")).0, 0);
    let holds = |world: &World| {
        let account = world.kube.object("serviceaccounts", "team-b", "default").expect("it is there");
        account["secrets"].to_string().contains("ecr-secret")
    };
    world.kube.deny_named("patch", "serviceaccounts", Some("team-b"), "default");
    for _ in 0..2 {
        let (code, report, logs) = passes(&world, &linked("{ name: builder }"));
        assert_eq!(code, 1, "{report:#} {logs}");
        assert!(holds(&world) && of(&report, "team-b").0 != "fresh", "{report:#}");
    }
    world.kube.allow_all();
    let (code, report, logs) = passes(&world, &linked("{ name: builder }"));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert!(!holds(&world));
    assert_eq!(of(&passes(&world, &linked("{ name: builder }")).1, "team-b").0, "fresh");
}
