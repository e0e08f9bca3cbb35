//! `regcred init` on a real API server. It starts from the leftovers of the shell recipe, and ends with a pass that has
//! nothing to do.

use std::{fs, path::Path, process::Command};

use regcred_testkit::FakeAws;
use serde_json::{Value, json};

use crate::{
    once::{bind, kubeconfig_of_regcred},
    recipe::{HOST, recipe},
    world::{World, mints, regcred},
};

const PATCH: &str = r#"{"spec":{"suspend":true}}"#;

/// Creates all objects of the recipe in a namespace, as in its README.
async fn plant(world: &World, namespace: &str, password: &str) {
    for account in ["default", "builder"] {
        world.account(namespace, account).await;
    }
    recipe(world, namespace, password);
    let both = json!({ "imagePullSecrets": [{ "name": "ecr-secret" }], "secrets": [{ "name": "ecr-secret" }] });
    for (account, lists) in [("default", &["imagePullSecrets"][..]), ("builder", &["imagePullSecrets", "secrets"])] {
        let patch = lists.iter().map(|list| {
            let path = format!("/{list}/-");
            json!({ "op": "add", "path": path, "value": both[list][0] })
        });
        let patch = Value::from(patch.collect::<Vec<_>>()).to_string();
        let arguments =
            ["patch", "serviceaccount", account, "--type=json", "--patch", &patch, "--namespace", namespace];
        world.kubectl(&arguments, "");
    }
    let keys = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "ecr-creds-rotator-secret", "namespace": namespace },
        "stringData": { "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-of-aws", "AWS_ACCOUNT": "1" },
    });
    world.kubectl(&["apply", "--filename", "-"], &keys.to_string());
    world.kubectl(&["apply", "--filename", "-"], &job(world, namespace, "ecr-creds-rotator").to_string());
}

fn job(world: &World, namespace: &str, name: &str) -> Value {
    // Servers before 1.21 do not have CronJobs in batch/v1. Servers since 1.25 have them only there.
    let versions = world.kubectl(&["api-versions"], "");
    let version = if versions.contains("batch/v1beta1") { "batch/v1beta1" } else { "batch/v1" };
    let container = json!({ "name": "rotator", "image": "registry.example/aws-oc-cli", "command": ["true"] });
    let pod = json!({ "restartPolicy": "Never", "containers": [container] });
    json!({
        "apiVersion": version, "kind": "CronJob", "metadata": { "name": name, "namespace": namespace },
        "spec": { "schedule": "*/5 * * * *", "jobTemplate": { "spec": { "template": { "spec": pod } } } },
    })
}

/// Returns exit code, standard output and standard error.
fn run(aws: &FakeAws, kubeconfig: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = regcred(aws, kubeconfig, args);
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text"));
    (output.status.code(), out, err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_output_of_init_migrates_a_recipe_completely() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let namespaces = [world.namespace().await, world.namespace().await];
    for namespace in &namespaces {
        plant(&world, namespace, "canary-of-ecr").await;
        bind(&world, namespace);
    }
    let [one, two] = namespaces.each_ref().map(String::as_str);
    let init = ["init", "--namespace", one, "--namespace", two];
    let versions = || {
        namespaces.each_ref().map(|it| world.get(it, "secrets", "ecr-secret")["metadata"]["resourceVersion"].clone())
    };
    let before = versions();

    let (code, printed, told) = run(&aws, &world.kubeconfig, &init);
    assert_eq!(code, Some(0), "{printed}{told}");
    assert!(printed.contains(&format!("- namespaces: [{one}, {two}]\n")), "{printed}");
    assert!(
        printed.contains("secret: { name: ecr-secret, adopt: true }") && printed.contains(&HOST[..12]),
        "{printed}"
    );
    assert!(!printed.contains("service_accounts"), "it is linked as by default: {printed}");
    assert!(printed.contains(&format!("--type merge --patch '{PATCH}'")), "its CronJob is named: {printed}");
    assert!(told.contains("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, beside a registry login"), "{told}");
    assert!(told.contains("2 Secrets with logins that expire: 2 to adopt"), "{told}");
    assert!(![&printed, &told].iter().any(|it| it.contains("canary")), "no secret is printed");
    assert_eq!((versions(), mints(&aws)), (before, 0), "it only reads");

    for namespace in &namespaces {
        world
            .kubectl(&["patch", "cronjob", "ecr-creds-rotator", "-n", namespace, "--type=merge", "--patch", PATCH], "");
    }
    let (_, again, _) = run(&aws, &world.kubeconfig, &init);
    assert!(again.contains("its CronJob is suspended"), "{again}");
    let config = dir.path().join("regcred.yaml");
    fs::write(&config, printed).expect("it can be written");
    let config = config.display().to_string();
    let with = |command: &str| {
        let (code, report, logs) = run(&aws, &kubeconfig, &[command, "--config", &config, "--output", "json"]);
        let report = serde_json::from_str::<Value>(&report).unwrap_or_else(|_| panic!("{report}{logs}"));
        (code, report["targets"].as_array().expect("a list").iter().map(|it| it["step"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(with("plan"), (Some(0), vec![json!("adopt"), json!("adopt")]));
    assert_eq!(with("once"), (Some(0), vec![json!("adopt"), json!("adopt")]));
    assert_eq!(mints(&aws), 1, "one token for both");
    assert_eq!(with("plan"), (Some(0), vec![json!("leave"), json!("leave")]));

    let (code, kept, told) = run(&aws, &world.kubeconfig, &init);
    assert_eq!(code, Some(0));
    assert!(kept.contains("regcred owns it already") && !kept.contains("adopt: true"), "{kept}");
    assert!(told.contains("2 kept already") && !told.contains("expired"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_searches_a_whole_cluster_and_names_a_missing_right() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let namespace = world.namespace().await;
    plant(&world, &namespace, "canary-of-ecr").await;
    let (code, report, told) = run(&aws, &world.kubeconfig, &["init", "--output", "json"]);
    assert_eq!(code, Some(0), "{report}{told}");
    let report = serde_json::from_str::<Value>(&report).expect("JSON");
    let here = |list: &str| {
        let all = report[list].as_array().expect("a list").iter();
        all.filter(|it| it["namespace"] == *namespace).cloned().collect::<Vec<_>>()
    };
    assert_eq!(here("secrets")[0]["registries"], json!([HOST]));
    assert_eq!(here("secrets")[0]["expires_at_is_estimate"], true, "its token is not from ECR");
    assert_eq!((here("writers").len(), here("aws_keys").len()), (1, 1), "{report:#}");

    let (_dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let (code, printed, told) = run(&aws, &kubeconfig, &["init"]);
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{told}");
    assert!(told.contains("grant cluster-wide: apiGroups [\"\"], resources [secrets], verbs [list]"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_command_stops_the_jobs_of_many_namespaces() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (name, many) = ("ecr-creds-of-many", 9);
    let config = json!({ "auths": { HOST: { "username": "AWS", "password": "canary-of-ecr" } } }).to_string();
    let mut items = vec![];
    for _ in 0..many {
        let namespace = world.namespace().await;
        items.push(job(&world, &namespace, name));
        items.push(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
            "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": config },
        }));
    }
    let elsewhere = world.namespace().await;
    items.push(job(&world, &elsewhere, "nightly"));
    world.kubectl(
        &["apply", "--filename", "-"],
        &json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string(),
    );

    let (code, printed, told) = run(&aws, &world.kubeconfig, &["init"]);
    assert_eq!(code, Some(0), "{printed}{told}");
    assert!(printed.contains(&format!("# stop first, in each of the {many} namespaces that have it:\n")), "{printed}");
    let command =
        printed.lines().find(|it| it.contains(&format!("kubectl patch cronjob {name} "))).expect("it is there");
    let pasted = Command::new("sh")
        .args(["-c", command.trim_start_matches([' ', '#'])])
        .env("KUBECONFIG", &world.kubeconfig)
        .output();
    let pasted = pasted.expect("there is a shell");
    assert!(pasted.status.success(), "{command}: {pasted:?}");
    let path = "jsonpath={range .items[*]}{.metadata.name} {.spec.suspend}{\"\\n\"}{end}";
    let jobs = world.kubectl(&["get", "cronjobs", "--all-namespaces", "--output", path], "");
    assert_eq!(jobs.matches(&format!("{name} true\n")).count(), many, "{jobs}");
    assert!(jobs.contains("nightly false\n"), "and no other one: {jobs}");
}
