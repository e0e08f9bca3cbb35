//! The full form of the config on a real API server.

use std::fs;

use regcred_testkit::FakeAws;
use serde_json::{Value, json};

use crate::world::{World, regcred};

const THEIRS: &str = r#"{ "auths": { "r.example": { "auth": "dTpw" } } }"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_namespace_has_several_secrets_with_different_options() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    for account in ["default", "builder"] {
        world.account(&namespace, account).await;
    }
    let shared = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "registries", "namespace": namespace }, "stringData": { ".dockerconfigjson": THEIRS },
    });
    world.kubectl(&["create", "--filename", "-"], &shared.to_string());
    let uid = world.get(&namespace, "secrets", "registries")["metadata"]["uid"].clone();

    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("regcred.yaml");
    let yaml = format!(
        "providers:\n  pull: {{ type: ecr, region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/pull' }}\n  \
         push: {{ type: ecr, region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/push', session_name: ci }}\n\
         targets:\n\
         - {{ namespaces: [{namespace}], providers: [pull], secret: {{ name: ecr-pull }}, \
         service_accounts: [{{ name: default }}] }}\n\
         - {{ namespaces: [{namespace}], providers: [push], secret: {{ name: ecr-push }}, \
         service_accounts: [{{ name: builder, link: [mount] }}] }}\n\
         - {{ namespaces: [{namespace}], providers: [pull], secret: {{ name: registries, merge: true }}, \
         service_accounts: [] }}\n"
    );
    fs::write(&config, yaml).expect("it can be written");
    let aws = FakeAws::start().await;
    let config = config.display().to_string();
    let once = || {
        let output = regcred(&aws, &world.kubeconfig, &["once", "--config", &config, "--output", "json"]);
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(0), "{report:#} {}", String::from_utf8_lossy(&output.stderr));
        report
    };
    once();
    assert_eq!((aws.issued().len(), aws.sessions().len()), (2, 2), "one token for each role");

    let names = |account: &str, list: &str| {
        let account = world.get(&namespace, "serviceaccounts", account);
        let names = account[list].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str());
        names.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("default", "imagePullSecrets"), ["default-dockercfg", "ecr-pull"]);
    assert_eq!(names("default", "secrets"), ["default-dockercfg"]);
    assert_eq!(names("builder", "imagePullSecrets"), ["builder-dockercfg"]);
    assert_eq!(names("builder", "secrets"), ["builder-dockercfg", "ecr-push"]);
    let data = |secret: &str| {
        let json =
            world.get(&namespace, "secrets", secret)["data"][".dockerconfigjson"].as_str().map(ToOwned::to_owned);
        json.expect("it has data")
    };
    assert_ne!(data("ecr-pull"), data("ecr-push"), "each opens with its own token");
    let registries = world.get(&namespace, "secrets", "registries");
    assert_eq!(registries["metadata"]["uid"], uid);
    assert!(registries["metadata"]["labels"].is_null(), "it stays theirs: {registries:#}");

    let before = ["ecr-pull", "ecr-push", "registries"].map(|secret| world.get(&namespace, "secrets", secret));
    let report = once();
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["step"] == "leave"), "{report:#}");
    assert_eq!(before, ["ecr-pull", "ecr-push", "registries"].map(|secret| world.get(&namespace, "secrets", secret)));
    assert_eq!(aws.issued().len(), 2, "nothing was minted again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_are_selected_by_name_and_label_and_their_secrets_are_labelled() {
    let world = World::new().await;
    let (build, other, named) = (world.namespace().await, world.namespace().await, world.namespace().await);
    for (namespace, tier) in [(&build, "build"), (&other, "test")] {
        world.kubectl(&["label", "namespace", namespace, &format!("tier={tier}-{named}")], "");
        world.account(namespace, "default").await;
    }
    world.account(&named, "default").await;
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("regcred.yaml");
    let write = |team: &str| {
        let yaml = format!(
            "defaults: {{ secret: {{ labels: {{ team: {team} }}, annotations: {{ example.com/docs: here }} }} }}\n\
             targets:\n- {{ namespaces: {{ include: [{named}, 'live-*'], selector: 'tier in (build-{named})' }}, region: eu-west-1 }}\n"
        );
        fs::write(&config, yaml).expect("it can be written");
    };
    let aws = FakeAws::start().await;
    let path = config.display().to_string();
    let once = || {
        let output = regcred(&aws, &world.kubeconfig, &["once", "--config", &path, "--output", "json"]);
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(0), "{report:#} {}", String::from_utf8_lossy(&output.stderr));
        let targets = report["targets"].as_array().expect("a list").iter();
        let text = |it: &Value, key: &str| it[key].as_str().expect("text").to_owned();
        targets.map(|it| (text(it, "namespace"), text(it, "step"))).collect::<Vec<_>>()
    };
    let expected = |step: &str| {
        let mut expected = [&build, &named].map(|namespace| (namespace.clone(), step.to_owned()));
        expected.sort();
        expected
    };
    write("a");
    assert_eq!(once(), expected("create"), "not {other}");
    assert_eq!(once(), expected("leave"));
    write("b");
    world.kubectl(&["label", "secret", "ecr-secret", "--namespace", &build, "theirs=yes"], "");
    assert_eq!(once(), expected("link"), "no token is needed for a label");
    assert_eq!(once(), expected("leave"));
    let metadata = world.get(&build, "secrets", "ecr-secret")["metadata"].clone();
    assert_eq!((&metadata["labels"]["team"], &metadata["labels"]["theirs"]), (&json!("b"), &json!("yes")));
    assert_eq!((&metadata["annotations"]["example.com/docs"], aws.issued().len()), (&json!("here"), 1));

    // regcred restores its label after a manual change.
    world.kubectl(&["label", "--overwrite", "secret", "ecr-secret", "--namespace", &build, "team=c"], "");
    let steps = once();
    assert!(steps.contains(&(build.clone(), "repair".into())), "{steps:?}");
    assert_eq!(world.get(&build, "secrets", "ecr-secret")["metadata"]["labels"]["team"], "b");
}
