//! `regcred cleanup`: removes what an installation left, and nothing else.

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::world::{World, regcred, run};

const CONFIG: &str = "
targets:
- { namespace: team-a, region: eu-west-1 }
- { namespace: team-b, region: eu-west-1 }
- { namespace: team-a, region: us-east-1, secret: { name: registries, merge: true } }
";
const THEIRS: &str = r#"{"auths":{"quay.example":{"auth":"dTpw"}}}"#;

/// Returns a world with the Secrets of an installation, and with a foreign Secret that has entries of regcred.
async fn installed() -> World {
    let world = World::new(&["team-a", "team-b"]).await;
    let shared =
        json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": STANDARD.encode(THEIRS) } });
    world.kube.put("secrets", "team-a", "registries", shared, "platform");
    let (code, report, error) = run(&mut world.once(CONFIG, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {error}");
    world
}

fn cleanup(world: &World, args: &[&str]) -> (i32, Value, String) {
    let mut command = regcred(&["cleanup", "--output", "json", "--kubeconfig"]);
    run(command.arg(world.dir.path().join("kubeconfig")).args(args))
}

fn workload(kube: &FakeKube, resource: &str, spec: &Value) {
    let object = json!({ "metadata": { "labels": { "regcred.dev/instance": "default" } }, "spec": spec });
    kube.put(resource, "team-b", "regcred", object, "kubectl");
}

fn links(world: &World, namespace: &str, account: &str) -> String {
    let account = world.kube.object("serviceaccounts", namespace, account).expect("it is there");
    format!("{} {}", account["imagePullSecrets"], account["secrets"])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_yes_cleanup_only_lists() {
    let world = installed().await;
    let (code, listed, error) = cleanup(&world, &[]);
    assert_eq!(code, 0, "{error}");
    let found = listed["secrets"].as_array().expect("a list");
    let found =
        found.iter().map(|it| format!("{}/{} {}", it["namespace"], it["secret"], it["what"])).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            "\"team-a\"/\"ecr-secret\" \"secret\"",
            "\"team-a\"/\"registries\" \"entries\"",
            "\"team-b\"/\"ecr-secret\" \"secret\""
        ]
    );
    assert!(world.secret("team-a").is_some() && links(&world, "team-a", "default").contains("ecr-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_removes_links_then_own_secrets_and_own_merged_entries() {
    let world = installed().await;
    let foreign = json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": "e30=" } });
    world.kube.put("secrets", "team-b", "foreign", foreign.clone(), "somebody");
    let (code, report, error) = cleanup(&world, &["--yes"]);
    assert_eq!(code, 0, "{report:#} {error}");
    assert!(report["secrets"].as_array().expect("a list").iter().all(|it| it["removed"] == true), "{report:#}");
    for namespace in ["team-a", "team-b"] {
        assert!(world.secret(namespace).is_none());
        for account in ["default", "builder"] {
            assert!(!links(&world, namespace, account).contains("ecr-secret"), "{namespace}/{account}");
        }
    }
    assert!(world.kube.object("secrets", "team-b", "foreign").is_some(), "it is not ours");
    let shared = world.kube.object("secrets", "team-a", "registries").expect("it stays");
    let data = STANDARD.decode(shared["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    assert_eq!(String::from_utf8(data).expect("text"), THEIRS, "byte for byte");
    assert!(!shared["metadata"]["annotations"].to_string().contains("merge.regcred.dev"), "{shared:#}");
    let (code, report, _) = cleanup(&world, &["--yes"]);
    assert_eq!((code, &report["secrets"]), (0, &json!([])), "a second time there is nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_touches_only_the_given_namespace_or_instance() {
    let world = installed().await;
    let (code, report, _) = cleanup(&world, &["--yes", "--instance", "blue"]);
    assert_eq!((code, &report["secrets"], &report["other_instances"]), (0, &json!([]), &json!(["default"])));
    let (code, report, _) = cleanup(&world, &["--yes", "--namespace", "team-b"]);
    assert_eq!((code, report["secrets"].as_array().map(Vec::len)), (0, Some(1)), "{report:#}");
    assert!(world.secret("team-a").is_some() && world.secret("team-b").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_removes_nothing_while_an_installation_runs() {
    let world = installed().await;
    for (resource, running, stopped, command) in [
        (
            "deployments",
            json!({ "replicas": 2 }),
            json!({ "replicas": 0 }),
            "kubectl scale deployment/regcred --namespace=team-b --replicas=0",
        ),
        (
            "cronjobs",
            json!({ "schedule": "* * * * *" }),
            json!({ "schedule": "* * * * *", "suspend": true }),
            "kubectl patch cronjob/regcred --namespace=team-b --patch='{\"spec\":{\"suspend\":true}}'",
        ),
    ] {
        workload(&world.kube, resource, &running);
        for (args, expected) in [(&["--yes"][..], 2), (&[], 0), (&["--namespace", "team-a"], 0)] {
            let (code, _, told) = cleanup(&world, args);
            assert_eq!(code, expected, "{resource} {args:?}: {told}");
            assert!(told.contains("it still runs") && told.contains("team-b/regcred"), "{told}");
            assert!(told.contains(command) && told.contains("--even-if-running"), "{told}");
        }
        assert!(world.secret("team-a").is_some());
        workload(&world.kube, resource, &stopped);
    }
    world.kube.deny("list", "deployments", None);
    let (code, _, told) = cleanup(&world, &["--yes"]);
    assert!(
        code == 2 && told.contains("cannot find out whether it still runs") && told.contains("--even-if-running"),
        "{told}"
    );
    let (code, report, told) = cleanup(&world, &["--yes", "--even-if-running"]);
    assert_eq!(code, 0, "{report:#} {told}");
    assert!(world.secret("team-a").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_removal_does_not_stop_the_other_removals() {
    let world = installed().await;
    world.kube.deny("delete", "secrets", Some("team-a"));
    let (code, report, _) = cleanup(&world, &["--yes"]);
    assert_eq!(code, 1, "{report:#}");
    let of = |namespace: &str, secret: &str| {
        let all = report["secrets"].as_array().expect("a list");
        all.iter().find(|it| it["namespace"] == namespace && it["secret"] == secret).expect("it is reported").clone()
    };
    assert_eq!(of("team-a", "ecr-secret")["removed"], false);
    assert!(of("team-a", "ecr-secret")["error"].to_string().contains("delete"), "{report:#}");
    assert_eq!(of("team-b", "ecr-secret")["removed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_keeps_foreign_data_and_leaves_no_dangling_link() {
    let world = installed().await;
    let mut secret = world.secret("team-a").expect("it is there");
    secret["data"]["tls.ca"] = "eA==".into();
    world.kube.put("secrets", "team-a", "ecr-secret", secret, "tenant");
    // Another writer changes the annotation that records the links.
    let mut secret = world.secret("team-b").expect("it is there");
    secret["metadata"]["annotations"]["regcred.dev/links"] = "{}".into();
    world.kube.put("secrets", "team-b", "ecr-secret", secret, "tenant");
    let (code, report, _) = cleanup(&world, &["--yes"]);
    assert_eq!(code, 1, "{report:#}");
    assert!(report.to_string().contains("tenant has its own data in it"), "{report:#}");
    assert!(world.secret("team-a").is_some() && world.secret("team-b").is_none());
    assert!(!links(&world, "team-b", "builder").contains("ecr-secret"));
    assert!(links(&world, "team-a", "builder").contains("ecr-secret"), "what stays stays linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_without_a_known_owner_are_reported_and_kept() {
    let world = installed().await;
    let mut shared = world.kube.object("secrets", "team-a", "registries").expect("it is there");
    shared["metadata"]["annotations"]["merge.regcred.dev/default"] = "{}".into();
    world.kube.put("secrets", "team-a", "registries", shared, "tenant");
    let (code, report, _) = cleanup(&world, &["--yes"]);
    assert_eq!(code, 1, "{report:#}");
    assert!(report.to_string().contains("regcred does not know which of its logins it wrote"), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_instance_keeps_its_secrets_after_cleanup_of_the_old_name() {
    let world = installed().await;
    let uid = |namespace: &str| world.secret(namespace).expect("it is there")["metadata"]["uid"].clone();
    let before = [uid("team-a"), uid("team-b")];
    let (code, report, _) = run(&mut world.once(&format!("instance: blue\n{CONFIG}"), &["--output", "json"]));
    assert_eq!(code, 1, "{report:#}");
    assert!(report.to_string().contains("`previous_instance: default`"), "{report:#}");
    let renamed = format!("instance: blue\nprevious_instance: default\n{CONFIG}");
    let (code, report, error) = run(&mut world.once(&renamed, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {error}");
    assert_eq!([uid("team-a"), uid("team-b")], before, "no Secret was made anew");
    let (code, removed, error) = cleanup(&world, &["--instance", "default", "--yes"]);
    assert_eq!(code, 0, "{removed:#} {error}");
    let merged = world.kube.object("secrets", "team-a", "registries").expect("it is there");
    let merged = STANDARD.decode(merged["data"][".dockerconfigjson"].as_str().expect("text")).expect("base64");
    let merged = String::from_utf8(merged).expect("text");
    assert!(merged.contains("quay.example") && merged.contains("us-east-1"), "the entries of the new one stay");
    assert!(links(&world, "team-a", "default").contains("ecr-secret"));
    let (code, report, error) = run(&mut world.once(&renamed, &["--output", "json"]));
    assert_eq!(code, 0, "{error}");
    assert!(report["targets"].as_array().expect("a list").iter().all(|it| it["state"] == "fresh"), "{report:#}");
}
