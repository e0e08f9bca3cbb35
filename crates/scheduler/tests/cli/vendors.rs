//! Logins of four vendors in one Secret, in every command.

use std::process::Command;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::FakeExchange;
use serde_json::{Value, json};

use crate::{
    canary::{around, forms},
    world::{World, run},
};

const CONFIG: &str = include_str!("../../../../config/vendors.yaml");
/// The token that the kubelet mounts, long enough to be searched for in pieces.
const POD: &str = "cAnArY-of-the-pod-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789-\
                   0123456789-0123456789-0123456789-0123456789-0123456789-0123456789";
const HOSTS: [&str; 4] =
    ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "acme.azurecr.io", "europe-docker.pkg.dev", "quay.io"];

/// The fake servers of all vendors.
pub(crate) struct Vendors {
    pub(crate) world: World,
    pub(crate) exchange: FakeExchange,
}

impl Vendors {
    pub(crate) async fn new(namespaces: &[&str]) -> Self {
        let (world, exchange) = (World::new(namespaces).await, FakeExchange::start().await);
        exchange.accept(POD);
        world.write("pod-token", POD);
        Self { world, exchange }
    }

    /// Points every provider of a config at the fake servers and at the token of the pod.
    ///
    /// No registry is tried, because tests stay on loopback.
    pub(crate) fn here(&self, config: &str) -> String {
        let mut config = config.replace(", verify: true", "").replace("    verify: true\n", "");
        for kind in ["google", "azure", "quay"] {
            let url = self.exchange.url();
            config = config.replace(&format!("type: {kind},"), &format!("type: {kind}, endpoint: '{url}',"));
            config = config.replace(&format!("type: {kind}\n"), &format!("type: {kind}\n    endpoint: '{url}'\n"));
            let mounted = format!("/var/run/secrets/regcred/{kind}");
            config = config.replace(&mounted, &self.world.dir.path().join("pod-token").display().to_string());
        }
        config
    }

    /// Returns a command with the flags and the environment of `once`.
    pub(crate) fn command(&self, name: &[&str], config: &str, args: &[&str]) -> Command {
        let once = self.world.once(config, args);
        let mut command = Command::new(once.get_program());
        command.args(name).args(once.get_args().skip(1)).env_clear();
        command.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command
    }
}

/// Returns the entries of `auths` in a Secret.
pub(crate) fn auths(world: &World, namespace: &str, name: &str) -> Value {
    let secret = world.kube.object("secrets", namespace, name).expect("it is there");
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("text")).expect("base64");
    serde_json::from_slice::<Value>(&data).expect("JSON")["auths"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_secret_holds_the_logins_of_four_vendors_and_each_has_its_own_end() {
    let vendors = Vendors::new(&["app-one"]).await;
    let config = vendors.here(CONFIG);
    let (code, report, logs) = run(&mut vendors.world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let auths = auths(&vendors.world, "app-one", "registries");
    assert_eq!(auths.as_object().expect("a map").keys().collect::<Vec<_>>(), HOSTS);
    let user = |host: &str| {
        let auth = STANDARD.decode(auths[host]["auth"].as_str().expect("text")).expect("base64");
        String::from_utf8(auth).expect("text").split_once(':').expect("a pair").0.to_owned()
    };
    assert_eq!(HOSTS.map(user), ["AWS", "00000000-0000-0000-0000-000000000000", "oauth2accesstoken", "acme+puller"]);
    assert!(logs.contains("aws arn:") && !logs.contains("unknown"), "only AWS names the caller: {logs}");
    let calls = vendors.exchange.calls().len();

    let (code, report, logs) = run(&mut vendors.command(&["status"], &config, &["--output", "json"]));
    let target = &report["targets"][0];
    assert_eq!((code, &target["state"]), (0, &json!("fresh")), "{report:#} {logs}");
    let ends = target["providers"].as_object().expect("a map").values().filter_map(|it| it["expires_at"].as_str());
    let ends = ends.collect::<Vec<_>>();
    assert_eq!((ends.len(), ends.iter().min().copied()), (4, target["expires_at"].as_str()), "{target:#}");
    assert_ne!(ends.iter().min(), ends.iter().max(), "a token of ECR lives longer: {target:#}");
    let (code, report, logs) = run(&mut vendors.command(&["plan"], &config, &["--output", "json"]));
    assert_eq!((code, &report["targets"][0]["step"]), (0, &json!("leave")), "{report:#} {logs}");
    let (code, report, logs) = run(&mut vendors.world.once(&config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert_eq!((vendors.world.mints(), vendors.exchange.calls().len()), (1, calls), "nothing was due");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_online_check_tries_each_vendor_and_names_the_one_that_refuses() {
    let vendors = Vendors::new(&["app-one"]).await;
    vendors.world.kube.deny("create", "secrets", Some("kube-system"));
    let config = vendors.here(CONFIG);
    let tokens = |report: &Value| {
        let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}")).iter();
        let tokens = checks.filter(|it| it["check"] == "token");
        tokens.map(|it| (it["result"].as_str().unwrap_or_default().to_owned(), it.to_string())).collect::<Vec<_>>()
    };
    let (code, report, logs) = run(&mut vendors.command(&["check", "--online"], &config, &["--output", "json"]));
    let found = tokens(&report);
    assert_eq!((code, found.len()), (0, 4), "{report:#} {logs}");
    for host in HOSTS {
        assert!(found.iter().any(|(result, text)| result == "ok" && text.contains(host)), "{host}: {found:?}");
    }
    assert!(vendors.world.kube.objects("secrets").is_empty(), "nothing is written");

    vendors.world.write("pod-token", "another-token");
    let (code, report, _) = run(&mut vendors.command(&["check", "--online"], &config, &["--output", "json"]));
    let failed = tokens(&report).into_iter().filter(|(result, _)| result == "failed").collect::<Vec<_>>();
    assert_eq!((code, failed.len()), (2, 3), "{report:#}");
    assert!(failed.iter().all(|(_, text)| text.contains("RC05") && text.contains("fix")), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_any_vendor_is_printed() {
    let vendors = Vendors::new(&["app-one"]).await;
    let config = vendors.here(CONFIG);
    let silent = |mut command: Command, code: i32, what: &str| {
        let output = command.env("RUST_LOG", "trace").output().expect("it starts");
        let printed = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text")).join("\n");
        assert_eq!(output.status.code(), Some(code), "{what}: {printed}");
        let issued = vendors.exchange.issued().into_iter().chain([POD.to_owned()]);
        for form in issued.flat_map(|it| forms(&it)).chain([FakeExchange::canary().to_owned()]) {
            assert!(!printed.contains(&form), "{what}: {}", around(&printed, &form));
        }
        for library in ["hyper", "rustls", "tower"] {
            assert!(!printed.contains(library), "{what}: a library was logged: {}", around(&printed, library));
        }
    };
    silent(vendors.world.once(&config, &[]), 0, "a first pass");
    assert!(vendors.exchange.issued().len() >= 3, "tokens were issued");
    let json = &["--force", "--output", "json", "--log-format", "json"];
    silent(vendors.world.once(&config, json), 0, "a forced pass");
    silent(vendors.command(&["status"], &config, &[]), 0, "the status");
    silent(vendors.command(&["check", "--online"], &config, &[]), 0, "an online check");
    vendors.world.kube.deny("patch", "secrets", None);
    silent(vendors.world.once(&config, &["--force", "--timeout", "1s"]), 2, "denied writes");
    vendors.world.kube.allow_all();
    vendors.world.write("pod-token", &format!("{POD}x"));
    silent(vendors.world.once(&config, json), 1, "vendors that refuse, and quote the token");
    for secret in vendors.world.kube.objects("secrets") {
        let metadata = secret["metadata"].to_string();
        assert!(!metadata.contains(FakeExchange::canary()) && !metadata.contains(POD), "{metadata}");
    }
}
