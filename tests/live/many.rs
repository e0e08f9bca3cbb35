//! Failures in a few of two hundred namespaces.

use std::{fmt::Write as _, fs, time::Duration};

use k8s_openapi::api::{
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::RoleBinding,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use regcred_testkit::{FakeAws, FaultProxy, fault::Fault};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    once::kubeconfig_of_regcred,
    world::{World, command, mints, regcred},
};

const COUNT: usize = 200;
const FORBIDDEN: usize = 11;
const QUOTA: usize = 22;
const TERMINATING: usize = 33;
const OPAQUE: usize = 44;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_failing_namespaces_of_two_hundred_stop_no_other_and_report_their_reasons() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let name = |number: usize| format!("many-{number}");
    let mut work = JoinSet::new();
    for number in 0..COUNT {
        let (client, name) = (world.client.clone(), name(number));
        work.spawn(async move {
            let new = PostParams::default();
            let namespace = serde_json::from_value::<Namespace>(json!({ "metadata": { "name": name } }));
            let all = Api::<Namespace>::all(client.clone());
            all.create(&new, &namespace.expect("a Namespace")).await.expect("it can be made");
            let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
            let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &name);
            // Use an apply, because kube-controller-manager creates the account too.
            let apply = PatchParams::apply("many");
            accounts.patch("default", &apply, &Patch::Apply(account)).await.expect("it can be made");
            let binding = json!({
                "metadata": { "name": "regcred-target" },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "regcred-target" },
                "subjects": [{ "kind": "ServiceAccount", "name": "regcred", "namespace": "regcred" }],
            });
            if number != FORBIDDEN {
                let bindings = Api::<RoleBinding>::namespaced(client, &name);
                let binding = serde_json::from_value::<RoleBinding>(binding).expect("a RoleBinding");
                bindings.create(&new, &binding).await.expect("it can be made");
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no task panics");
    }
    world.quota(&name(QUOTA), "secrets");
    world.kubectl(
        &["create", "secret", "generic", "ecr-secret", "--from-literal=a=b", "--namespace", &name(OPAQUE)],
        "",
    );
    let opaque = world.get(&name(OPAQUE), "secrets", "ecr-secret");
    world.terminate(&name(TERMINATING));

    let mut yaml = String::from("targets:\n");
    for number in 0..COUNT {
        let _ = writeln!(yaml, "- {{ namespace: {}, region: eu-west-1 }}", name(number));
    }
    let config = dir.path().join("config.yaml");
    fs::write(&config, yaml).expect("it can be written");
    let output = regcred(&aws, &kubeconfig, &["once", "--config", &config.display().to_string(), "--output", "json"]);
    let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    let targets = report["targets"].as_array().expect("a list");
    let told = |number: usize| {
        let it = targets.iter().find(|it| it["namespace"] == name(number).as_str()).expect("it is reported");
        (it["state"].as_str().expect("a state").to_owned(), it["why"].to_string())
    };
    let expected = [
        (FORBIDDEN, "failed", "verbs [get]"),
        (QUOTA, "failed", "the quota none of the namespace is used up"),
        (TERMINATING, "gone", "is being deleted"),
        (OPAQUE, "refused", "wrong-type: it is of type"),
    ];
    for (number, state, why) in expected {
        let (told_state, told_why) = told(number);
        assert!(told_state == state && told_why.contains(why), "{number}: {told_state} {told_why}");
    }
    assert_eq!(targets.iter().filter(|it| it["state"] == "fresh").count(), COUNT - expected.len());
    assert_eq!((output.status.code(), mints(&aws)), (Some(1), 1));
    assert_eq!(world.get(&name(OPAQUE), "secrets", "ecr-secret"), opaque);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_silent_server_ends_after_ten_seconds() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.yaml");
    fs::write(&config, format!("targets: [{{ namespace: {namespace}, region: eu-west-1 }}]"))
        .expect("it can be written");
    let proxy = FaultProxy::start(aws.address()).await;
    proxy.set(Fault::BlackHole);
    let api = fs::read_to_string(&world.kubeconfig).expect("it is there");
    let port = api.split("https://127.0.0.1:").nth(1).and_then(|rest| rest.split('\'').next()).expect("a port");
    let silent = FaultProxy::start(format!("127.0.0.1:{port}").parse().expect("an address")).await;
    silent.set(Fault::BlackHole);
    let kubeconfig = dir.path().join("kubeconfig");
    let moved = api.replace(&format!("https://127.0.0.1:{port}"), &silent.url().replace("http:", "https:"));
    fs::write(&kubeconfig, moved).expect("it can be written");
    let config = config.display().to_string();
    let args = ["once", "--config", &config, "--output", "json", "--timeout", "11s"];
    for (kubeconfig, aws_url, why) in [
        (&world.kubeconfig, proxy.url(), "no answer in time"),
        (&kubeconfig, aws.url(), "the API server did not answer within 10 s"),
    ] {
        let began = std::time::Instant::now();
        let output = command(&aws, kubeconfig, &args).env("AWS_ENDPOINT_URL", aws_url).output().expect("it starts");
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        assert_eq!(output.status.code(), Some(3), "{report:#}");
        assert!(report["targets"][0]["why"].to_string().contains(why), "{report:#}");
        assert!((Duration::from_secs(10)..Duration::from_secs(13)).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}
