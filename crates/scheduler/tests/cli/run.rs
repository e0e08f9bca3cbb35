//! `regcred run` as a separate process: its own actions, and its reactions to signals.

use std::time::Duration;

use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::{World, regcred},
};

const CONFIG: &str = "
targets:
- { namespaces: { include: [named, 'app-*'] }, region: eu-west-1, service_accounts: [{ name: default }] }
";

fn data(world: &World, namespace: &str) -> Value {
    world.secret(namespace).expect("it is there")["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_namespace_is_served_only_if_it_is_selected() {
    let world = World::new(&["named", "app-a", "other"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("what is there is served", |kube| has_secret("named")(kube) && is_linked("app-a")(kube)).await;
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("a new one is served", |kube| has_secret("app-b")(kube) && is_linked("app-b")(kube)).await;
    assert!(world.secret("other").is_none());
    assert_eq!(world.mints(), 1, "one token for all of them");
    daemon.stop();
}

/// Case 17: another writer edits or deletes regcred's Secret, or removes its link, while a daemon runs.
///
/// The daemon notices it immediately, and restores the Secret from the token in memory without another mint. The
/// entries of other writers in the ServiceAccount stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_or_edited_secret_is_restored_without_a_mint() {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    let before = data(&world, "app-a");
    world.kube.remove("secrets", "app-a", "ecr-secret");
    world.kube.until("it is made again", has_secret("app-a")).await;
    assert_eq!(data(&world, "app-a"), before, "from the same token");
    let mut edited = world.secret("app-a").expect("it is there");
    edited["data"][".dockerconfigjson"] = "e30=".into();
    world.kube.put("secrets", "app-a", "ecr-secret", edited, "kubectl-edit");
    world
        .kube
        .until("it is put back", |kube| {
            kube.object("secrets", "app-a", "ecr-secret").is_some_and(|it| it["data"] == before)
        })
        .await;
    let bare = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    world.kube.put("serviceaccounts", "app-a", "default", bare, "kubectl-edit");
    world.kube.until("it is linked again", is_linked("app-a")).await;
    let account = world.kube.object("serviceaccounts", "app-a", "default").expect("it is there");
    assert!(account["imagePullSecrets"].to_string().contains("theirs"), "{account:#}");
    assert_eq!(world.mints(), 1);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_many_namespaces_and_edits_does_not_delay_other_tenants() {
    let world = World::new(&["app-loud"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-loud")).await;
    world.kube.clear_requests();
    for number in 0..400 {
        world.kube.add_namespace(&format!("app-flood-{number}"), &["default"]);
        let mut edited =
            world.secret("app-loud").unwrap_or_else(|| json!({ "type": "kubernetes.io/dockerconfigjson" }));
        edited["data"] = json!({ ".dockerconfigjson": "e30=" });
        world.kube.put("secrets", "app-loud", "ecr-secret", edited, "kubectl-edit");
    }
    world.kube.add_namespace("app-quiet", &["default"]);
    world.kube.until("the quiet one is served", is_linked("app-quiet")).await;
    let served = world.kube.objects("secrets").len();
    assert!(served < 300, "it had a turn of its own, before {} of those that came earlier", 402 - served);
    world.kube.until("all are served", |kube| kube.objects("secrets").len() == 402).await;
    let loud = world.kube.requests().into_iter().filter(|it| {
        it.verb == "patch" && it.resource == "secrets" && it.namespace.as_deref() == Some("app-loud") && it.status < 300
    });
    assert!(loud.count() <= 3, "and who edits all the time is restored three times");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_writes_nothing_that_is_fresh() {
    let world = World::new(&["named", "app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("they are served", |kube| is_linked("named")(kube) && is_linked("app-a")(kube)).await;
    daemon.stop();
    world.kube.clear_requests();
    let daemon = Daemon::start(&world, CONFIG);
    // The daemon serves the last namespace last.
    world.kube.add_namespace("app-z", &["default"]);
    world.kube.until("it is served", is_linked("app-z")).await;
    let written = world.kube.requests().into_iter().filter(|it| it.verb == "patch").collect::<Vec<_>>();
    assert!(written.iter().all(|it| it.namespace.as_deref() == Some("app-z")), "{written:#?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_watches_and_expired_history_lose_no_namespace() {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    for (round, namespace) in ["app-b", "app-c", "app-d", "app-e"].into_iter().enumerate() {
        if round % 2 == 0 {
            world.kube.close_watches();
        } else {
            world.kube.forget_history();
        }
        world.kube.add_namespace(namespace, &["default"]);
        world.kube.until("it is served", |kube| has_secret(namespace)(kube)).await;
    }
    world.kube.forget_history();
    world.kube.remove("secrets", "app-a", "ecr-secret");
    world.kube.until("it is made again", has_secret("app-a")).await;
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_config_is_reported_and_the_old_config_stays_active() {
    let world = World::new(&["named", "app-a", "later"]).await;
    let mut daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    world.write("regcred.yaml", "targets: [{ namspace: later, region: eu-west-1 }]");
    daemon.signal("HUP");
    let told = daemon.told("cannot reload config");
    let hint = "hint=\"the daemon uses the previous config\"";
    assert!(told.contains("did you mean `namespace`?") && told.contains(hint), "{told}");
    assert!(daemon.get("/metrics").1.contains("regcred_config_reload_success 0"));
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("the old config stays in use", is_linked("app-b")).await;
    world.write("regcred.yaml", &format!("{CONFIG}- {{ namespace: later, region: eu-west-1 }}\n"));
    daemon.signal("HUP");
    world.kube.until("the new one is in force", has_secret("later")).await;
    assert!(daemon.get("/metrics").1.contains("regcred_config_reload_success 1"));
    assert_eq!(world.mints(), 1, "what was minted is kept");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_that_cannot_be_applied_leaves_the_old_config_active() {
    let world = World::new(&["named", "app-a"]).await;
    let mut daemon = Daemon::of_several(&world, &of_cluster(&world, "kubeconfig"));
    world.kube.until("it is served", is_linked("app-a")).await;
    world.write("regcred.yaml", &of_cluster(&world, "not-there"));
    daemon.signal("HUP");
    let told = daemon.told("cannot apply config");
    let hint = "hint=\"the daemon uses the previous config\"";
    assert!(told.contains("not-there") && told.contains(hint), "{told}");
    assert_eq!(daemon.metric("regcred_config_reload_success").to_string(), "0");
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("the old config stays in use", is_linked("app-b")).await;
    assert_eq!(world.mints(), 1, "what was minted is kept");
    daemon.stop();
}

/// Returns the config for the cluster of this kubeconfig.
fn of_cluster(world: &World, kubeconfig: &str) -> String {
    let path = world.dir.path().join(kubeconfig);
    format!("sinks: {{ cluster: {{ type: openshift, kubeconfig: {} }} }}\n{CONFIG}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_target_keeps_its_known_expiry_in_the_metrics() {
    let world = World::new(&["app-a"]).await;
    world.aws.set_life(Duration::from_hours(3));
    let mut daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    world.kube.deny("get", "secrets", None);
    let mut edited = world.secret("app-a").expect("it is there");
    edited["data"] = json!({ ".dockerconfigjson": "e30=" });
    world.kube.put("secrets", "app-a", "ecr-secret", edited, "kubectl-edit");
    daemon.told("target=app-a/ecr-secret in cluster");
    let ending =
        |within: &str| daemon.metric(&format!("regcred_targets_expiring{{sink=\"cluster\",within=\"{within}\"}}"));
    assert_eq!(["2h", "4h"].map(|it| ending(it).to_string()), ["0", "1"]);
    assert_eq!(daemon.metric("regcred_targets{sink=\"cluster\",state=\"failed\"}").to_string(), "1");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigusr1_mints_again_and_rewrites_every_secret() {
    let world = World::new(&["app-a", "app-b"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("they are served", |kube| is_linked("app-a")(kube) && is_linked("app-b")(kube)).await;
    let before = [data(&world, "app-a"), data(&world, "app-b")];
    daemon.signal("USR1");
    let other = |kube: &FakeKube, place: usize, namespace: &str| {
        kube.object("secrets", namespace, "ecr-secret").is_some_and(|it| it["data"] != before[place])
    };
    world.kube.until("both are written", |kube| other(kube, 0, "app-a") && other(kube, 1, "app-b")).await;
    assert_eq!(world.mints(), 2);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_endpoints_report_the_state() {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    for path in ["/livez", "/readyz", "/healthz/targets"] {
        assert_eq!(daemon.get(path), (200, "ok\n".into()), "{path}");
    }
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("it is served", is_linked("app-b")).await;
    let (status, metrics) = daemon.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        "regcred_build_info{version=\"0.1.0\"} 1",
        "regcred_leader 1",
        "regcred_config_reload_success 1",
        "regcred_provider_requests_total{provider=\"ecr-eu-west-1\",outcome=\"success\"} 1",
        "regcred_sync_total{sink=\"cluster\",outcome=\"created\"}",
        "regcred_targets_expiring{sink=\"cluster\",within=\"1h\"} 0",
        "target_namespace=\"app-a\"",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!metrics.contains(" namespace=") && !metrics.contains("{namespace="), "scrapers set that label themselves");
    assert_eq!(daemon.get("/else").0, 404);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_watch_each_target_is_reconciled_periodically() {
    let world = World::new(&["app-a"]).await;
    world.kube.deny("watch", "secrets", None);
    world.kube.deny("list", "secrets", None);
    let daemon = Daemon::start(&world, &format!("resync: 1s\n{CONFIG}"));
    world.kube.until("it is served", is_linked("app-a")).await;
    world.kube.remove("secrets", "app-a", "ecr-secret");
    world.kube.until("it is made again", has_secret("app-a")).await;
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_hangs_delays_no_other() {
    let (world, other) = (World::new(&["app-a"]).await, FakeKube::start().await);
    other.add_namespace("app-a", &["default"]);
    let there = world.write("there", &other.kubeconfig());
    let here = world.dir.path().join("kubeconfig");
    let config = format!(
        "sinks:\n  here: {{ type: openshift, kubeconfig: {} }}\n  there: {{ type: openshift, kubeconfig: {} }}\n\
         defaults: {{ service_accounts: [{{ name: default }}] }}\n\
         targets:\n- {{ namespaces: ['app-*'], region: eu-west-1, sink: here }}\n\
         - {{ namespaces: ['app-*'], region: eu-west-1, sink: there }}\n",
        here.display(),
        there.display()
    );
    let daemon = Daemon::of_several(&world, &config);
    world.kube.until("the one is served", is_linked("app-a")).await;
    other.until("the other is served", is_linked("app-a")).await;
    world.kube.hang(true);
    world.kube.add_namespace("app-b", &["default"]);
    for name in ["app-b", "app-c", "app-d"] {
        other.add_namespace(name, &["default"]);
        other.until("the other daemon continues", has_secret(name)).await;
    }
    assert!(world.secret("app-b").is_none(), "the one still hangs");
    world.kube.hang(false);
    world.kube.until("and is served when it answers", is_linked("app-b")).await;
    assert_eq!(world.mints(), 1, "one token for both");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_a_kubeconfig_runs_no_program() {
    let world = World::new(&["app-a"]).await;
    let left = world.dir.path().join("left");
    let exec = format!(
        "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: touch, args: [{}] }}",
        left.display()
    );
    let kubeconfig = world.kube.kubeconfig().replace("token: bearer-of-the-fake", &exec);
    world.write("kubeconfig", &kubeconfig);
    for command in ["run", "once", "plan", "status"] {
        let mut regcred = regcred(&[command, "--config"]);
        regcred.arg(world.write("regcred.yaml", CONFIG)).arg("--kubeconfig").arg(world.dir.path().join("kubeconfig"));
        let output = regcred.env("KUBERNETES_SERVICE_HOST", "10.0.0.1").output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {told}");
        assert!(told.contains("it has an exec plug-in") && told.contains("use a token or a certificate"), "{told}");
    }
    assert!(!left.exists(), "nothing was run");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_config_at_startup_is_an_error() {
    let world = World::new(&[]).await;
    let mut command = regcred(&["run", "--config"]);
    let output = command.arg(world.write("regcred.yaml", "targets: []")).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
}
