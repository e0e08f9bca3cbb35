//! The operator keeps Secrets up to date, even after an outage of the API server.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use regcred_testkit::{FakeAws, FakeKube, FaultProxy, fault::Fault};
use tokio::time::{sleep, timeout};

const CONFIG: &str = "targets: [{ namespaces: ['team-*'], region: eu-west-1 }]\n";

#[test]
fn the_operator_has_at_most_45_lines() {
    let lines = include_str!("../src/main.rs").lines().count();
    assert!((20..=45).contains(&lines), "{lines} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_deleted_during_an_api_server_restart_is_restored() {
    let (aws, kube, dir) = (FakeAws::start().await, FakeKube::start().await, tempfile::tempdir().expect("a folder"));
    kube.add_namespace("team-a", &["default"]);
    let line = FaultProxy::start(kube.address()).await;
    let (config, kubeconfig) = (dir.path().join("regcred.yaml"), dir.path().join("kubeconfig"));
    fs::write(&config, CONFIG).expect("it can be written");
    fs::write(&kubeconfig, kube.kubeconfig().replace(&kube.url(), &line.url())).expect("it can be written");
    let mut operator = Command::new(env!("CARGO_BIN_EXE_operator"));
    operator.arg(config).env_clear().env("KUBECONFIG", kubeconfig).env("AWS_ENDPOINT_URL", aws.url());
    operator.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "opens-nothing");
    let mut running = operator.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(running.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    assert_eq!(lines.next().as_deref(), Some("logs in as AWS"));
    assert_eq!(lines.next().as_deref(), Some("every target was reconciled"));
    let secret = || kube.object("secrets", "team-a", "ecr-secret");
    assert!(secret().is_some());

    // The API server closes all connections, is down for a while, and then recovers.
    line.set(Fault::Refuse);
    kube.close_watches();
    kube.remove("secrets", "team-a", "ecr-secret");
    kube.add_namespace("team-b", &["default"]);
    let tries = line.connections();
    let asked_again = async {
        while line.connections() < tries + 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), asked_again).await.expect("it asks again");
    assert!(secret().is_none());
    line.set(Fault::None);
    kube.until("it is restored", |kube| kube.object("secrets", "team-a", "ecr-secret").is_some()).await;
    kube.until("the new namespace has it", |kube| kube.object("secrets", "team-b", "ecr-secret").is_some()).await;

    let stop = Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status().expect("it is sent");
    assert!(stop.success());
    let last = lines.next().unwrap_or_default();
    assert!(last.starts_with("regcred_sync_total{sink=\"cluster\""), "{last}");
    let ended = tokio::task::spawn_blocking(move || running.wait()).await.expect("no panic").expect("it ends");
    assert!(ended.success());
}
