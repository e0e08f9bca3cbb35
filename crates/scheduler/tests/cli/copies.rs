//! The types `secret` and `file` in every command.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::world::{World, regcred, run};

const HUB: &str = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"cm9ib3Q6Y2FuYXJ5"}}}"#;
const SECRET: &str = "providers: { hub: { type: secret, namespace: shared, name: dockerhub, registries: [docker.io] } }\n\
                      targets: [{ namespace: team-a, providers: [hub] }]\n";

fn source(annotations: &Value) -> Value {
    json!({
        "metadata": { "annotations": annotations },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": STANDARD.encode(HUB) },
    })
}

fn auths(world: &World, namespace: &str) -> Value {
    let secret = world.secret(namespace).unwrap_or_else(|| panic!("{namespace} has a Secret"));
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    serde_json::from_slice::<Value>(&data).expect("JSON")["auths"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_copied_if_its_owner_allows_it() {
    let world = World::new(&["team-a", "shared"]).await;
    world.kube.put("secrets", "shared", "dockerhub", source(&json!({})), "platform");
    let (code, report, logs) = run(&mut world.once(SECRET, &["--output", "json"]));
    assert_eq!(code, 1, "{report:#} {logs}");
    let why = report["targets"][0]["why"].to_string();
    assert!(why.contains("regcred.dev/allow-copy") && !why.contains("canary"), "{why}");
    assert!(world.secret("team-a").is_none());

    let allowed = source(&json!({ "regcred.dev/allow-copy": "default" }));
    world.kube.put("secrets", "shared", "dockerhub", allowed, "platform");
    let (code, report, logs) = run(&mut world.once(SECRET, &["--output", "json"]));
    assert_eq!((code, world.mints()), (0, 0), "{report:#} {logs}");
    let whole = serde_json::from_str::<Value>(HUB).expect("JSON");
    assert_eq!(auths(&world, "team-a"), whole["auths"], "the entry is copied unchanged");
    assert!(!format!("{report} {logs}").contains("canary"), "{report:#} {logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_copied_and_a_new_password_replaces_the_old_one() {
    let world = World::new(&["team-a"]).await;
    let file = world.write("config.json", HUB);
    let config = format!(
        "providers: {{ hub: {{ type: file, path: {} }} }}\ntargets: [{{ namespace: team-a, providers: [hub] }}]\n",
        file.display()
    );
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert_eq!(auths(&world, "team-a")["https://index.docker.io/v1/"]["auth"], "cm9ib3Q6Y2FuYXJ5");
    fs::write(&file, HUB.replace("cm9ib3Q6Y2FuYXJ5", "cm9ib3Q6b3RoZXI=")).expect("it can be written");
    let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert_eq!(auths(&world, "team-a")["https://index.docker.io/v1/"]["auth"], "cm9ib3Q6b3RoZXI=");
}

#[test]
fn the_pod_may_read_only_the_secrets_that_it_copies() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/secret.yaml");
    for (mode, verbs) in [("cronjob", json!(["get"])), ("daemon", json!(["get", "list", "watch"]))] {
        let args = ["manifests", "--identity", "pod-identity", "--output", "json", "--mode", mode, "--config", config];
        let (code, list, told) = run(&mut regcred(&args));
        assert_eq!(code, 0, "{told}");
        let items = list["items"].as_array().expect("a list");
        let of = |kind: &str| {
            let named = |it: &&Value| it["kind"] == kind && it["metadata"]["name"] == "regcred-sources";
            items.iter().find(named).unwrap_or_else(|| panic!("{kind}: {list:#}"))
        };
        let (role, binding) = (of("Role"), of("RoleBinding"));
        assert_eq!(role["metadata"]["namespace"], "shared");
        assert_eq!(
            role["rules"],
            json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["dockerhub"], "verbs": verbs }])
        );
        assert_eq!(
            (&binding["metadata"]["namespace"], &binding["roleRef"]["name"]),
            (&json!("shared"), &json!("regcred-sources"))
        );
    }
}

#[test]
fn a_cronjob_makes_a_pass_often_enough_for_the_shortest_life() {
    for (config, every) in [("minimal", "/15 "), ("google", "/10 "), ("secret", "/10 "), ("ecr-public", "/15 ")] {
        let file = format!("{}/../../config/{config}.yaml", env!("CARGO_MANIFEST_DIR"));
        let args = ["manifests", "--identity", "pod-identity", "--output", "json", "--config", &file];
        let args = if config == "google" { [&args[..1], &args[3..]].concat() } else { args.to_vec() };
        let (code, list, told) = run(&mut regcred(&args));
        assert_eq!(code, 0, "{config}: {told}");
        let mut items = list["items"].as_array().expect("a list").iter();
        let schedule = items.find_map(|it| it["spec"]["schedule"].as_str()).expect("a CronJob");
        assert!(schedule.contains(every), "{config}: {schedule}");
    }
}
