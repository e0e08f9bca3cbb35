//! `regcred run` on a real API server, with exactly the RBAC rules that `regcred manifests --mode daemon` prints.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use regcred_openshift::Connection;
use regcred_testkit::{FakeAws, aws::Answer};
use serde_json::{Value, json};

use crate::{
    installed::{Installed, refused},
    rights::{OTHER, PULL, project, shared},
    world::{World, command, regcred, until},
};

/// A daemon process. It is killed if a test fails.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(aws: &FakeAws, installed: &Installed, more: &[&str]) -> Self {
        let mut run = command(aws, &installed.kubeconfig, &["run", "--config", &installed.config]);
        run.args(more).env("HOSTNAME", "regcred-0").stderr(Stdio::null());
        Self(run.spawn().expect("it starts"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn stop(mut self) {
        let sent = Command::new("kill").arg(self.0.id().to_string()).status();
        assert!(sent.expect("kill starts").success());
        assert_eq!(self.0.wait().expect("it ends").code(), Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns whether regcred's Secret exists and the ServiceAccount uses it.
fn is_served(world: &World, namespace: &str, name: &str) -> bool {
    let account = world.find(namespace, "serviceaccounts", "default").unwrap_or_default();
    world.find(namespace, "secrets", name).is_some() && account["imagePullSecrets"].to_string().contains(name)
}

/// Returns the reasons of regcred's Events in a namespace.
fn event_reasons(world: &World, namespace: &str) -> Vec<String> {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let list = serde_json::from_str::<Value>(&world.kubectl(&["get", "--raw", &path], "")).expect("JSON");
    let ours =
        list["items"].as_array().into_iter().flatten().filter(|it| it["reportingController"] == "regcred.dev/regcred");
    ours.filter_map(|it| it["reason"].as_str().map(str::to_owned)).collect()
}

/// Runs a daemon through all cases. It creates, links, carries over a login after a provider failure, restores and
/// refuses. It also sees a namespace disappear.
async fn everything(world: &World, aws: &FakeAws, installed: &Installed, namespace: &str, foreign: &str, going: &str) {
    world.delete_namespace(going).await;
    let lease = format!("{}/regcred-{}", installed.namespace, installed.instance);
    let daemon = Daemon::start(aws, installed, &["--lease", &lease]);
    until("it is served", || is_served(world, namespace, "ecr-pull")).await;
    let merged = || {
        world
            .find(namespace, "secrets", "registries")
            .is_some_and(|it| it["metadata"]["annotations"].to_string().contains("merge.regcred.dev"))
    };
    until("it is merged into", merged).await;
    until("its owner gets an Event", || event_reasons(world, foreign).contains(&"Refused".to_owned())).await;
    // One region fails while both are minted again. Its old login is carried over.
    let uid = |secret: &Value| secret["metadata"]["uid"].clone();
    let before = world.find(namespace, "secrets", "ecr-pull").expect("it is there");
    let denied =
        Answer::Error { status: 400, code: "AccessDeniedException".into(), message: "no".into(), retry_after: None };
    aws.answer_region_with(OTHER, denied);
    let sent = Command::new("kill").arg("-USR1").arg(daemon.0.id().to_string()).status();
    assert!(sent.expect("kill starts").success());
    let refreshed = || world.find(namespace, "secrets", "ecr-pull").is_some_and(|it| it["data"] != before["data"]);
    until("half of it is refreshed", refreshed).await;
    until("the daemon's namespace gets an Event", || {
        event_reasons(world, &installed.namespace).contains(&"ProviderFailed".to_owned())
    })
    .await;
    assert_eq!(uid(&world.find(namespace, "secrets", "ecr-pull").expect("it is there")), uid(&before));
    aws.answer_region_with(OTHER, Answer::Token);
    world.kubectl(&["delete", "secret", "ecr-pull", "--namespace", namespace], "");
    until("it is made again", || is_served(world, namespace, "ecr-pull")).await;
    daemon.stop();
}

fn foreign_secret(world: &World, namespace: &str) {
    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "ecr-pull", "namespace": namespace }, "stringData": { "a": "b" },
    });
    world.kubectl(&["create", "--filename", "-"], &foreign.to_string());
}

fn all_used(installed: &Installed, going: &str) {
    let asked = installed.asked();
    let refused = refused(&asked, going);
    assert!(refused.is_empty(), "{refused:#?}");
    assert_eq!(installed.unused(&asked), [].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_names_mode_a_daemon_has_exactly_the_rights_that_it_uses() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (namespace, foreign, going) = (project(&world).await, world.namespace().await, world.namespace().await);
    shared(&world, &namespace);
    foreign_secret(&world, &foreign);
    let yaml = format!(
        "resync: 2s\ntargets:\n- {{ namespaces: [{namespace}, {foreign}, {going}], region: {PULL}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespace: {namespace}, region: {OTHER}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespace: {namespace}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
    );
    let installed = Installed::new(&world, &yaml, &["--mode", "daemon", "--replicas", "2"]).await;
    everything(&world, &aws, &installed, &namespace, &foreign, &going).await;
    all_used(&installed, &going);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_selector_mode_a_daemon_has_exactly_the_rights_that_it_uses() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (namespace, foreign, going) = (project(&world).await, world.namespace().await, world.namespace().await);
    shared(&world, &namespace);
    foreign_secret(&world, &foreign);
    let label = format!("regcred.test/daemon={namespace}");
    for chosen in [&namespace, &foreign] {
        world.kubectl(&["label", "namespace", chosen, &label], "");
    }
    let yaml = format!(
        "targets:\n- {{ namespace: {going}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {PULL}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {OTHER}, secret: {{ name: ecr-pull }} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
    );
    let installed = Installed::new(&world, &yaml, &["--mode", "daemon", "--replicas", "2"]).await;
    everything(&world, &aws, &installed, &namespace, &foreign, &going).await;
    let asked = installed.asked();
    assert!(refused(&asked, &going).is_empty(), "{asked:#?}");
    // The daemon's watch shows which namespaces exist. A check in its pod reads the namespaces in the config.
    let checked = regcred(&aws, &installed.kubeconfig, &["check", "--online", "--config", &installed.config]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains(&going), "{said}");
    assert_eq!(installed.unused(&installed.asked()), [].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_of_two_daemons_takes_over_at_once() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let namespace = project(&world).await;
    let yaml = format!("targets: [{{ namespace: {namespace}, region: {PULL} }}]");
    let installed = Installed::new(&world, &yaml, &["--mode", "daemon", "--replicas", "2"]).await;
    let lease = format!("{}/regcred-{}", installed.namespace, installed.instance);
    let holder = || {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases/regcred-{}",
            installed.namespace, installed.instance
        );
        let lease = serde_json::from_str::<Value>(&world.kubectl(&["get", "--raw", &path], "")).expect("JSON");
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    };
    let first = Daemon::start(&aws, &installed, &["--lease", &lease]);
    until("it is served", || is_served(&world, &namespace, "ecr-secret")).await;
    let led = holder();
    let second = Daemon::start(&aws, &installed, &["--lease", &lease]);
    let waits = first.0.id();
    assert!(led.ends_with(&format!("_{waits}")), "{led}");
    // The leader restores the Secret once. The standby does nothing.
    world.kubectl(&["delete", "secret", "ecr-secret", "--namespace", &namespace], "");
    first.stop();
    until("the other one leads", || holder().ends_with(&format!("_{}", second.0.id()))).await;
    until("and serves", || is_served(&world, &namespace, "ecr-secret")).await;
    second.stop();
    assert_eq!(holder(), "", "it was given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unwanted_secret_is_removed_with_the_rights_of_a_pruning_daemon() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (kept, left) = (project(&world).await, project(&world).await);
    let label = format!("regcred.test/prune={kept}");
    for namespace in [&kept, &left] {
        world.kubectl(&["label", "namespace", namespace, &label], "");
    }
    for namespace in [&kept, &left] {
        shared(&world, namespace);
    }
    let yaml = format!(
        "prune: true\ntargets:\n- {{ namespaces: {{ selector: {label} }}, region: {PULL} }}\n\
         - {{ namespaces: {{ selector: {label} }}, region: {PULL}, secret: {{ name: registries, merge: true }} }}\n"
    );
    let is_merged = |namespace: &str| {
        world.get(namespace, "secrets", "registries")["metadata"]["annotations"]
            .to_string()
            .contains("merge.regcred.dev")
    };
    let installed = Installed::new(&world, &yaml, &["--mode", "daemon"]).await;
    let once =
        command(&aws, &installed.kubeconfig, &["once", "--config", &installed.config]).output().expect("it starts");
    assert_eq!(once.status.code(), Some(0), "{}", String::from_utf8_lossy(&once.stderr));
    assert!(is_served(&world, &kept, "ecr-secret") && is_served(&world, &left, "ecr-secret"));
    assert!(is_merged(&kept) && is_merged(&left));
    world.kubectl(&["label", "namespace", &left, "regcred.test/prune-"], "");

    // Prune in this process, because the daemon waits ten minutes.
    let text = std::fs::read_to_string(&installed.config).expect("text");
    let connection = Connection { kubeconfig: Some(installed.kubeconfig.clone()), context: None };
    let cluster = regcred_openshift::Cluster::connect(&connection).await.expect("there is a way");
    let clusters = regcred_openshift::Clusters::default().with("cluster".parse().expect("a name"), cluster);
    let built_in = regcred::BuiltIn::default().with_clusters(clusters.clone());
    let types = built_in.add_to(regcred::Types::default()).expect("they have different names");
    let config = regcred::plan::from_yaml(&text, &types).expect("valid");
    let plan = regcred::Plan::new(&config, &types).expect("valid").watching();
    let pruning =
        regcred::Pruning::new(&plan, &clusters).with_times(Duration::from_millis(100), Duration::from_millis(300));
    let clock = std::sync::Arc::new(regcred_core::SystemClock);
    let engine = regcred::wire::engine(&plan, &types, &mut regcred::Minters::default(), clock).await;
    let engine = engine.build().expect("it is made");
    let run = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run(std::future::pending()).await }
    });
    let prune = tokio::spawn(async move { pruning.run(&engine).await });
    until("it is removed", || world.find(&left, "secrets", "ecr-secret").is_none_or(|it| it["kind"] != "Secret")).await;
    // Entries in a merged Secret are removed too, although the namespace is no longer selected.
    until("its entries are removed", || !is_merged(&left)).await;
    assert!(is_merged(&kept));
    assert!(!is_served(&world, &left, "ecr-secret") && is_served(&world, &kept, "ecr-secret"));
    let account = world.find(&left, "serviceaccounts", "default").expect("it stays");
    assert!(
        !account["imagePullSecrets"].to_string().contains("ecr-secret")
            && account["imagePullSecrets"].to_string().contains("dockercfg")
    );
    run.abort();
    prune.abort();
    let asked = installed.asked();
    assert!(asked.iter().all(|it| it.code != 403), "{asked:#?}");
    assert!(asked.iter().any(|it| it.verb == "delete" && it.code == 200), "the right to delete is used");
}
