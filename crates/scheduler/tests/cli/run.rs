//! `regcred run`, as a process of its own: what it does by itself, and what signals have it do.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
};

use regcred_testkit::FakeKube;
use serde_json::{Value, json};

use crate::world::{World, regcred};

const CONFIG: &str = "
targets:
- { namespaces: { include: [named, 'app-*'] }, region: eu-west-1, service_accounts: [{ name: default }] }
";

/// A daemon, which is killed if a test fails.
struct Daemon {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Daemon {
    fn start(world: &World, config: &str) -> Self {
        let mut command = regcred(&["run", "--listen", "127.0.0.1:0", "--config"]);
        command.arg(world.write("regcred.yaml", config)).arg("--kubeconfig").arg(world.dir.path().join("kubeconfig"));
        command.env("AWS_ENDPOINT_URL", world.aws.url()).env("RUST_LOG", "info");
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut daemon = Self { child, stderr, address: String::new() };
        let line = daemon.told("health and metrics at http://");
        line.split("http://").nth(1).expect("an address").trim().clone_into(&mut daemon.address);
        daemon
    }

    /// The next line that says this.
    fn told(&mut self, what: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.stderr.read_line(&mut line).expect("text"), 0, "it ended and never said {what:?}: {all}");
            if line.contains(what) {
                return line;
            }
            all += &line;
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Ends it in peace.
    fn stop(mut self) {
        self.signal("TERM");
        self.told("stopped");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }

    /// Status and text of an endpoint.
    fn get(&self, path: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: regcred\r\nConnection: close\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_secret(namespace: &'static str) -> impl Fn(&FakeKube) -> bool {
    move |kube| kube.object("secrets", namespace, "ecr-secret").is_some_and(|it| it["data"].is_object())
}

fn is_linked(namespace: &'static str) -> impl Fn(&FakeKube) -> bool {
    move |kube| {
        let account = kube.object("serviceaccounts", namespace, "default");
        account.is_some_and(|it| it["imagePullSecrets"].to_string().contains("ecr-secret"))
    }
}

fn data(world: &World, namespace: &str) -> Value {
    world.secret(namespace).expect("it is there")["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_made_is_served_and_one_that_is_not_chosen_is_left_alone() {
    let world = World::new(&["named", "app-a", "other"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("what is there is served", |kube| has_secret("named")(kube) && is_linked("app-a")(kube)).await;
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("a new one is served", |kube| has_secret("app-b")(kube) && is_linked("app-b")(kube)).await;
    assert!(world.secret("other").is_none());
    assert_eq!(world.aws.calls().len(), 1, "one token for all of them");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_or_edited_is_restored_and_nothing_is_minted() {
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
    assert_eq!(world.aws.calls().len(), 1);
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
    // A namespace that comes last is served last.
    world.kube.add_namespace("app-z", &["default"]);
    world.kube.until("it is served", is_linked("app-z")).await;
    let written = world.kube.requests().into_iter().filter(|it| it.verb == "patch").collect::<Vec<_>>();
    assert!(written.iter().all(|it| it.namespace.as_deref() == Some("app-z")), "{written:#?}");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_end_and_a_server_that_forgets_lose_nothing() {
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
async fn a_config_that_is_not_valid_is_told_and_the_old_one_goes_on() {
    let world = World::new(&["named", "app-a", "later"]).await;
    let mut daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    world.write("regcred.yaml", "targets: [{ namspace: later, region: eu-west-1 }]");
    daemon.signal("HUP");
    let told = daemon.told("is not valid, so the old one goes on");
    assert!(told.contains("did you mean `namespace`?"), "{told}");
    assert!(daemon.get("/metrics").1.contains("regcred_config_reload_success 0"));
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("the old one goes on", is_linked("app-b")).await;
    world.write("regcred.yaml", &format!("{CONFIG}- {{ namespace: later, region: eu-west-1 }}\n"));
    daemon.signal("HUP");
    world.kube.until("the new one is in force", has_secret("later")).await;
    assert!(daemon.get("/metrics").1.contains("regcred_config_reload_success 1"));
    assert_eq!(world.aws.calls().len(), 1, "what was minted is kept");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn usr1_mints_now_and_writes_everything() {
    let world = World::new(&["app-a", "app-b"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("they are served", |kube| is_linked("app-a")(kube) && is_linked("app-b")(kube)).await;
    let before = [data(&world, "app-a"), data(&world, "app-b")];
    daemon.signal("USR1");
    let other = |kube: &FakeKube, place: usize, namespace: &str| {
        kube.object("secrets", namespace, "ecr-secret").is_some_and(|it| it["data"] != before[place])
    };
    world.kube.until("both are written", |kube| other(kube, 0, "app-a") && other(kube, 1, "app-b")).await;
    assert_eq!(world.aws.calls().len(), 2);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_say_how_it_stands() {
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
async fn without_the_right_to_watch_each_target_is_looked_at_again() {
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
async fn a_bad_config_at_the_start_is_an_error() {
    let world = World::new(&[]).await;
    let mut command = regcred(&["run", "--config"]);
    let output = command.arg(world.write("regcred.yaml", "targets: []")).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
}
