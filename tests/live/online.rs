//! `regcred check --online` on a real API server. It reports exactly the missing permissions.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use regcred_testkit::FakeAws;
use serde_json::Value;

use crate::{
    installed::Installed,
    once::{bind, kubeconfig_of_regcred},
    world::{World, regcred},
};

const MINIMAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/minimal.yaml");

async fn check(kubeconfig: &Path, config: &str) -> (Option<i32>, Value) {
    let aws = FakeAws::start().await;
    let output = regcred(&aws, kubeconfig, &["check", "--online", "--config", config, "--output", "json"]);
    let report = serde_json::from_slice::<Value>(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

/// Returns the rows of one check.
pub(crate) fn rows<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    report["checks"].as_array().expect("a list").iter().filter(|it| it["check"] == check).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// Returns the RBAC rules in a fix, as YAML.
fn rules(fix: &str) -> &str {
    &fix[fix.find("  - apiGroups").unwrap_or_else(|| panic!("{fix}"))..]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_mode_rights_pass_every_check_and_an_administrator_gets_an_info() {
    let world = World::new().await;
    let (_dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let (code, report) = check(&kubeconfig, MINIMAL).await;
    let checks = report["checks"].as_array().expect("a list");
    assert!(code == Some(0) && checks.len() == 9 && checks.iter().all(|it| it["result"] == "ok"), "{report:#}");
    assert_eq!(rows(&report, "namespaces")[0]["message"], "2 are there");
    assert_eq!(rows(&report, "guard")[0]["message"], "may not write Secret ecr-secret there");

    let (code, report) = check(&world.kubeconfig, MINIMAL).await;
    let guard = rows(&report, "guard")[0];
    assert!(code == Some(0) && guard["result"] == "info", "{report:#}");
    assert!(text(&guard["message"]).contains("an administrator can"), "{guard}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_account_of_selector_mode_finds_its_guard() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    let yaml = format!("targets: [{{ namespaces: [\"{namespace}*\"], region: eu-west-1 }}]\n");
    for more in [&[][..], &["--mode", "daemon"]] {
        let installed = Installed::new(&world, &yaml, more).await;
        let (code, report) = check(&installed.kubeconfig, &installed.config).await;
        let guard = rows(&report, "guard")[0];
        let is_policy = |it: &&Value| it["kind"] == "ValidatingAdmissionPolicy";
        if world.knows(installed.objects.iter().find(is_policy).expect("it is guarded")) {
            assert!(code == Some(0) && guard["result"] == "ok", "{report:#}");
        } else {
            assert!(code == Some(2) && text(&guard["message"]).contains("ValidatingAdmissionPolic"), "{report:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_command_creates_the_missing_bindings() {
    let world = World::new().await;
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let (one, two) = (world.namespace().await, world.namespace().await);
    let config = dir.path().join("config.yaml");
    let yaml =
        format!("targets:\n- {{ namespace: {one}, region: eu-west-1 }}\n- {{ namespace: {two}, region: eu-west-1 }}\n");
    fs::write(&config, yaml).expect("it can be written");
    let config = config.display().to_string();
    let (code, report) = check(&kubeconfig, &config).await;
    let rights = rows(&report, "rights");
    assert!(code == Some(2) && rights.len() == 1, "{report:#}");
    let fix = text(&rights[0]["fix"]);
    let command = fix.lines().find(|line| line.contains("kubectl")).expect("a command").trim();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("KUBECONFIG", &world.kubeconfig).stdout(Stdio::null());
    assert!(shell.status().expect("a shell is there").success(), "{command}");
    let (code, report) = check(&kubeconfig, &config).await;
    assert_eq!(code, Some(0), "{report:#}");
    let unseen = rows(&report, "namespaces");
    assert!(unseen.len() == 1 && unseen[0]["result"] == "warning", "{report:#}");
    let head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: seeing }\nrules:";
    world.kubectl(&["apply", "--filename", "-"], &format!("{head}\n{}\n", rules(text(&unseen[0]["fix"]))));
    let bind = ["create", "clusterrolebinding", "seeing", "--clusterrole=seeing", "--serviceaccount=regcred:regcred"];
    world.kubectl(&bind, "");
    let (_, report) = check(&kubeconfig, &config).await;
    assert_eq!(rows(&report, "namespaces")[0]["message"], "2 are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_rule_is_the_missing_rule() {
    let world = World::new().await;
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let namespace = world.namespace().await;
    let config = dir.path().join("config.yaml");
    fs::write(&config, format!("targets: [{{ namespace: {namespace}, region: eu-west-1 }}]"))
        .expect("it can be written");
    let config = config.display().to_string();
    let role = |rules: &str| {
        let head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n";
        let yaml = format!("{head}metadata: {{ name: partial, namespace: {namespace} }}\nrules:\n{rules}\n");
        world.kubectl(&["apply", "--filename", "-"], &yaml);
    };
    let some =
        "  - apiGroups: [\"\"]\n    resources: [secrets]\n    resourceNames: [ecr-secret]\n    verbs: [get, patch]";
    role(some);
    let bind = ["create", "rolebinding", "partial", "--role=partial", "--serviceaccount=regcred:regcred"];
    world.kubectl(&[&bind[..], &["--namespace", &namespace]].concat(), "");
    let (code, report) = check(&kubeconfig, &config).await;
    let rights = rows(&report, "rights");
    assert!(code == Some(2) && rights.len() == 1, "{report:#}");
    let told = "may not create secrets ecr-secret; get, patch serviceaccounts default, builder, pipeline";
    assert_eq!(rights[0]["message"], told);
    role(&format!("{some}\n{}", rules(text(&rights[0]["fix"]))));
    let (code, report) = check(&kubeconfig, &config).await;
    assert_eq!(code, Some(0), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_namespaces_are_checked_before_the_timeout() {
    let world = World::new().await;
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let mut yaml = String::from("targets:\n");
    for number in 0..2_000 {
        // The server answers permission reviews for namespaces that do not exist. regcred cannot see here whether they
        // exist.
        let _ = writeln!(yaml, "- {{ namespace: unbound-{number}, region: eu-west-1 }}");
    }
    let bound = world.namespace().await;
    bind(&world, &bound);
    let _ = writeln!(yaml, "- {{ namespace: {bound}, region: eu-west-1 }}");
    let config = dir.path().join("config.yaml");
    fs::write(&config, yaml).expect("it can be written");
    let began = Instant::now();
    let (code, report) = check(&kubeconfig, &config.display().to_string()).await;
    let took = began.elapsed();
    println!("2,000 namespaces, nine rights each: {took:?}");
    assert!(code == Some(2) && took < Duration::from_secs(30), "{took:?} {report:#}");
    let namespaces = rows(&report, "namespaces");
    assert_eq!(namespaces[1]["message"], "2000 of 2001 were checked: the missing rights in the others are unknown");
    let unseen = "cannot check whether they exist: a missing namespace looks like a missing right";
    assert_eq!(namespaces[0]["message"], unseen);
    let rights = rows(&report, "rights");
    assert_eq!(rights.len(), 2, "all that fail alike are one row: {report:#}");
    assert_eq!(rights[0]["namespaces"].as_array().map(Vec::len), Some(1_999));
}
