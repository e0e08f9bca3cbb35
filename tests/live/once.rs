//! `regcred once` on a real API server, with exactly the RBAC rules that `regcred manifests` prints.

use std::{fmt::Write, fs, path::PathBuf};

use regcred_testkit::FakeAws;
use serde_json::{Value, json};

use crate::world::{World, mints, regcred};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/minimal.yaml");

/// Creates a kubeconfig in its own folder, for the ServiceAccount in the manifests of the minimal config.
pub(crate) fn kubeconfig_of_regcred(world: &World) -> (tempfile::TempDir, PathBuf) {
    kubeconfig_of(world, "regcred", "regcred")
}

/// Creates a kubeconfig in its own folder, with a token as in a pod of the ServiceAccount.
pub(crate) fn kubeconfig_of(world: &World, namespace: &str, account: &str) -> (tempfile::TempDir, PathBuf) {
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} }).to_string();
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let answer = world.kubectl(&["create", "--raw", &path, "--filename", "-"], &request);
    let token =
        serde_json::from_str::<Value>(&answer).expect("JSON")["status"]["token"].as_str().expect("a token").to_owned();
    let admin = fs::read_to_string(&world.kubeconfig).expect("it is there");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("kubeconfig");
    let own = admin.replace("token: admin", &format!("token: {token}"));
    assert_ne!(own, admin, "it is not the admin's");
    fs::write(&path, own).expect("it can be written");
    (dir, path)
}

/// Grants regcred its permissions in one more namespace.
pub(crate) fn bind(world: &World, namespace: &str) {
    let bind = ["create", "rolebinding", "regcred-target", "--clusterrole=regcred-target"];
    world.kubectl(&[&bind[..], &["--serviceaccount=regcred:regcred", "--namespace", namespace]].concat(), "");
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_minimal_config_works_with_the_rights_of_names_mode() {
    let world = World::new().await;
    for account in ["default", "builder"] {
        world.account("team-a", account).await;
    }
    world.without_default_account("team-b").await;
    let (_dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let aws = FakeAws::start().await;
    let once = || {
        let output = regcred(&aws, &kubeconfig, &["once", "--config", CONFIG, "--output", "json"]);
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        (output.status.code(), report, String::from_utf8(output.stderr).expect("text"))
    };

    let (code, report, logs) = once();
    assert_eq!(code, Some(0), "{report:#} {logs}");
    assert_eq!(mints(&aws), 2, "one token per region");
    let secret = world.get("team-a", "secrets", "ecr-secret");
    assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "regcred");
    assert_eq!(secret["metadata"]["managedFields"][0]["manager"], "regcred");
    assert!(secret["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].is_null());
    let (default, builder) =
        (world.get("team-a", "serviceaccounts", "default"), world.get("team-a", "serviceaccounts", "builder"));
    assert_eq!(names(&default["imagePullSecrets"]), ["default-dockercfg", "ecr-secret"]);
    assert_eq!(names(&default["secrets"]), ["default-dockercfg"], "default pulls only");
    assert_eq!(names(&builder["imagePullSecrets"]), ["builder-dockercfg", "ecr-secret"]);
    assert_eq!(names(&builder["secrets"]), ["builder-dockercfg", "ecr-secret"]);
    assert_eq!(report["targets"][1]["state"], "waiting", "team-b has no ServiceAccount default: {report:#}");
    assert!(logs.contains("https://127.0.0.1:"), "the server is named before it is written to: {logs}");

    let (code, report, logs) = once();
    assert_eq!((code, mints(&aws)), (Some(0), 2), "{report:#} {logs}");
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["step"] == "leave"), "{report:#}");
    assert_eq!(report["targets"][1]["state"], "waiting", "still: {report:#}");
    assert_eq!(world.get("team-a", "secrets", "ecr-secret"), secret, "nothing was written");

    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "ecr-secret", "namespace": "team-b" },
        "stringData": { ".dockerconfigjson": r#"{"auths":{"r.example":{"auth":"dTpw"}}}"# },
    });
    world.kubectl(&["delete", "secret", "ecr-secret", "--namespace", "team-b"], "");
    world.kubectl(&["apply", "--filename", "-"], &foreign.to_string());
    let before = world.get("team-b", "secrets", "ecr-secret");
    let (code, report, logs) = once();
    assert_eq!(code, Some(1), "{report:#} {logs}");
    assert_eq!(report["targets"][1]["state"], "refused");
    assert!(report["targets"][1]["why"][0].as_str().expect("a reason").contains("kubectl"), "{report:#}");
    assert_eq!(world.get("team-b", "secrets", "ecr-secret"), before, "what is foreign stays as it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_forbidden_namespace_stops_no_other_target() {
    let world = World::new().await;
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let forbidden = world.namespace().await;
    let config = dir.path().join("config.yaml");
    let yaml = format!(
        "targets:\n- {{ namespace: {forbidden}, region: eu-west-1 }}\n- {{ namespace: absent, region: eu-west-1 }}\n\
         - {{ namespace: terminating, region: eu-west-1 }}\n- {{ namespace: served, region: eu-west-1 }}\n"
    );
    fs::write(&config, yaml).expect("it can be written");
    for namespace in ["served", "terminating"] {
        world.kubectl(&["create", "namespace", namespace], "");
        bind(&world, namespace);
    }
    let role = ["create", "clusterrole", "gone-test", "--verb=get", "--resource=namespaces"];
    world.kubectl(&[&role[..], &["--resource-name=absent", "--resource-name=terminating"]].concat(), "");
    world.kubectl(
        &["create", "clusterrolebinding", "gone-test", "--clusterrole=gone-test", "--serviceaccount=regcred:regcred"],
        "",
    );
    world.account("served", "default").await;
    world.terminate("terminating");

    let aws = FakeAws::start().await;
    let config = config.display().to_string();
    let output = regcred(&aws, &kubeconfig, &["once", "--config", &config, "--output", "json"]);
    let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    let of = |name: &str| {
        let targets = report["targets"].as_array().expect("a list");
        targets.iter().find(|it| it["namespace"] == name).unwrap_or_else(|| panic!("{report:#}"))
    };
    assert_eq!(of("served")["state"], "fresh", "{report:#}");
    assert_eq!((&of("absent")["state"], &of("terminating")["state"]), (&json!("gone"), &json!("gone")), "{report:#}");
    assert_eq!(of(&forbidden)["state"], "failed", "{report:#}");
    let why = of(&forbidden)["why"][0].as_str().expect("a reason");
    assert!(why.contains("resources [s") && why.contains("verbs [get]") && why.contains(&forbidden), "{why}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_are_read_in_bulk_with_the_right_to_list_and_otherwise_one_by_one() {
    let world = World::new().await;
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let mut yaml = String::from("targets:\n");
    for _ in 0..10 {
        let namespace = world.namespace().await;
        world.account(&namespace, "default").await;
        bind(&world, &namespace);
        let _ = writeln!(yaml, "- {{ namespace: {namespace}, region: eu-west-1 }}");
    }
    let config = dir.path().join("config.yaml");
    fs::write(&config, yaml).expect("it can be written");
    let config = config.display().to_string();
    let aws = FakeAws::start().await;
    for (kubeconfig, done) in [(&kubeconfig, "created"), (&world.kubeconfig, "nothing"), (&kubeconfig, "nothing")] {
        let output = regcred(&aws, kubeconfig, &["once", "--config", &config, "--output", "json"]);
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        let targets = report["targets"].as_array().expect("a list");
        assert!(
            targets.len() == 10 && targets.iter().all(|it| it["done"] == done && it["state"] == "fresh"),
            "{report:#}"
        );
    }
    assert_eq!(mints(&aws), 1);
    let refreshed = regcred(&aws, &world.kubeconfig, &["once", "--config", &config, "--force"]);
    assert_eq!(refreshed.status.code(), Some(0), "what was listed is what is guarded with");
}
