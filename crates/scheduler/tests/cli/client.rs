//! The command line with the kubeconfig, the proxies and the network problems of a person.

use std::process::Command;

use regcred_testkit::ForwardProxy;

use crate::world::{World, regcred};

const CONFIG: &str = "targets: [{ namespaces: [team-a, team-b, team-c], region: eu-west-1 }]\n";

fn told(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn status(world: &World, kubeconfig: &str) -> Command {
    let mut command = regcred(&["status", "--timeout", "2s"]);
    command.arg("--config").arg(world.write("regcred.yaml", CONFIG));
    command.arg("--kubeconfig").arg(world.write("kubeconfig", kubeconfig));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_refuses_the_credentials_is_reported_once() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}"#;
    world.kube.answer_next(10_000, 401, "application/json", &[], body);
    for command in ["once", "status", "plan"] {
        let mut asked = regcred(&[command, "--config"]);
        asked.arg(world.write("regcred.yaml", CONFIG)).arg("--kubeconfig").arg(world.dir.path().join("kubeconfig"));
        let (code, table, logs) = told(&mut asked);
        assert_eq!(code, Some(2), "{command}: {table}{logs}");
        assert_eq!(
            (table.matches("log in again").count(), logs.matches("log in again").count()),
            (0, 1),
            "{table}{logs}"
        );
        assert_eq!((table.matches("HTTP 401").count(), logs.matches("HTTP 401").count()), (3, 1), "{table}{logs}");
    }
    for command in [&["cleanup"][..], &["cleanup", "--yes"], &["status", "--instance", "default"]] {
        let mut asked = regcred(command);
        let (code, _, error) = told(asked.arg("--kubeconfig").arg(world.dir.path().join("kubeconfig")));
        assert_eq!((code, error.matches("log in again").count()), (Some(2), 1), "{command:?}: {error}");
    }
    let mut init = regcred(&["init", "--kubeconfig"]);
    let (_, _, error) = told(init.arg(world.dir.path().join("kubeconfig")));
    assert!(error.contains("log in again") && !error.contains("--namespace"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_reported_with_its_cause() {
    let world = World::new(&["team-a"]).await;
    let kubeconfig = |server: &str| world.kube.kubeconfig().replace(&world.kube.url(), server);
    for (server, cause) in [
        ("http://127.0.0.1:1", "connection refused"),
        ("https://127.0.0.1:1", "connection refused"),
        ("https://nowhere.invalid:6443", "no such host"),
        (&world.kube.url().replace("http:", "https:"), "the server does not speak TLS"),
    ] {
        let (code, table, _) = told(&mut status(&world, &kubeconfig(server)));
        let expected = format!("the connection to the API server failed: {cause}");
        assert!(code == Some(3) && table.contains(&expected), "{server}: {table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_server_url_is_never_logged() {
    let (world, proxy) = (World::new(&["team-a"]).await, ForwardProxy::start().await);
    let encrypted = proxy.url().replace("http:", "https:");
    for server in [
        "https://user:canary@api.cluster.example:6443",
        "HTTPS://user:canary@API.Cluster.Example:6443",
        "https://user:canary@api.cluster.example",
        "https://user:canary@api.cluster.example:6443/k8s/clusters/c-1?x=y",
        "https://canary@api.cluster.example:6443",
        "https://:canary@api.cluster.example:6443",
        "https://canary:@api.cluster.example:6443",
        "https://us%3aer:can%61ry@api.cluster.example:6443",
        "https://us%40er:canary%2f%3a%20@api.cluster.example:6443",
        "https://user:canary%0a@api.cluster.example:6443",
        "https://user:can:ary@api.cluster.example:6443",
        "https://user:can@ary@api.cluster.example:6443",
        "https://user:canary@198.51.100.1:6443",
        "https://user:canary@[2001:db8::1]:6443",
        "https://user:canary@[2001:db8::1]",
        "http://user:canary@api.cluster.example:6443",
        "user:canary@api.cluster.example:6443",
    ] {
        let named = world.kube.kubeconfig().replace(&world.kube.url(), &format!("'{server}'"));
        for (level, proxy) in [("trace", proxy.url()), ("debug", encrypted.clone())] {
            let mut asked = status(&world, &named);
            let proxied = asked.env("HTTPS_PROXY", &proxy).env("HTTP_PROXY", &proxy).env("RUST_LOG", level);
            let (code, table, logs) = told(proxied);
            assert!(matches!(code, Some(2 | 3)), "{server}: {code:?} {table}{logs}");
            for part in ["canary", "can%61ry", "can:ary", "can@ary", "Y2FuYXJ5", "OmNhbmFye"] {
                assert!(!table.contains(part) && !logs.contains(part), "{server}: {table}{logs}");
            }
        }
    }
    let named = world.kube.kubeconfig().replace(&world.kube.url(), "https://user:canary@api.cluster.example:6443");
    let (code, table, logs) = told(status(&world, &named).env("HTTPS_PROXY", proxy.url()).env("RUST_LOG", "debug"));
    assert!(code == Some(3) && table.contains("the proxy refused to connect"), "{table}{logs}");
    assert!(logs.contains("cluster https://api.cluster.example:6443/"), "{logs}");
    assert!(proxy.connects().contains(&"api.cluster.example:6443".into()), "{:?}", proxy.connects());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socks_proxy_is_refused_by_name_for_aws_and_for_the_cluster() {
    let world = World::new(&["team-a"]).await;
    let named = world.kube.kubeconfig().replace(&world.kube.url(), "https://api.cluster.example:6443");
    let socks = "socks5://bob:canary@127.0.0.1:1";
    let words = "cannot use the proxy of HTTPS_PROXY: regcred does not support SOCKS5 proxies";
    let (code, table, error) = told(status(&world, &named).env("HTTPS_PROXY", socks));
    assert!(code == Some(2) && error.contains(words), "{table}{error}");
    // The API server is on loopback, so only AWS is behind the proxy.
    world.write("kubeconfig", &world.kube.kubeconfig());
    let mut far = world.once(CONFIG, &[]);
    let (code, table, error) = told(far.env("HTTPS_PROXY", socks).env("AWS_ENDPOINT_URL", "https://aws.example"));
    assert!(code == Some(2) && error.contains(words), "{table}{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_proxy_that_no_connection_uses_is_ignored() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    let proxies = [
        "socks5://bob:canary@127.0.0.1:1",
        "socks5h://proxy.example:1080",
        "socks4a://proxy.example",
        "SOCKS://proxy.example",
        "ftp://proxy.example",
        "tcp://proxy.example:3128",
        "://",
        ":3128",
        "http://",
        "http://bob:can ary@proxy.example",
        "http://proxy.example:99999",
    ];
    for proxy in proxies {
        for variable in ["HTTPS_PROXY", "https_proxy"] {
            let (code, table, error) = told(world.once(CONFIG, &["--force"]).env(variable, proxy));
            assert!(code == Some(0) && !error.contains("canary"), "{proxy}: {table}{error}");
        }
        let mut asked = status(&world, &world.kube.kubeconfig());
        let (code, table, error) = told(asked.env("HTTPS_PROXY", proxy));
        assert_eq!(code, Some(0), "{proxy}: {table}{error}");
    }
    // The host name causes the failure, because no proxy is used.
    let named = world.kube.kubeconfig().replace(&world.kube.url(), "https://nowhere.invalid:6443");
    let mut direct = status(&world, &named);
    let (code, table, _) = told(direct.env("HTTPS_PROXY", proxies[0]).env("NO_PROXY", "*"));
    assert!(code == Some(3) && table.contains("no such host"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_no_proxy_entry_is_skipped_with_one_warning() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    for (list, warnings) in [
        ("127.0.0.1,", 0),
        (",127.0.0.1", 0),
        ("127.0.0.1,,.svc", 0),
        ("127.0.0.1,<local>", 1),
        ("127.0.0.1 .svc", 1),
        ("\"127.0.0.1\"", 1),
        ("10.0.0.0/33,ü.example", 2),
    ] {
        let mut once = world.once(CONFIG, &["--force"]);
        let (code, table, logs) = told(once.env("HTTPS_PROXY", "http://proxy.example:3128").env("NO_PROXY", list));
        assert_eq!(code, Some(0), "{list}: {table}{logs}");
        assert_eq!(logs.matches("skipped an entry of NO_PROXY").count(), warnings, "{list}: {logs}");
    }
}

#[test]
fn the_printed_no_proxy_has_no_entry_that_regcred_would_skip() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    let print = |list: &str| {
        let proxy = ["--https-proxy", "http://proxy.example:3128", "--no-proxy", list];
        told(regcred(&["manifests", "--config", config]).args(proxy))
    };
    for (list, expected) in [
        (".example.com,", ".example.com,kubernetes.default.svc,"),
        ("", "kubernetes.default.svc,"),
        (" a.example , ,10.0.0.0/8", "a.example,10.0.0.0/8,kubernetes.default.svc,"),
    ] {
        let (code, printed, error) = print(list);
        assert!(code == Some(0) && printed.contains(&format!("value: {expected}")), "{list}: {printed}{error}");
        assert!(!printed.contains(",,"), "{printed}");
    }
    for (list, entry) in [("<local>", "<local>"), ("a.example,10.0.0.0/33", "10.0.0.0/33"), ("a b", "a b")] {
        let (code, _, error) = print(list);
        assert!(code == Some(2) && error.contains(&format!("the entry {entry:?} of NO_PROXY")), "{error}");
    }
}
