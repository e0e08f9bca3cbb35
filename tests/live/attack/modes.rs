//! The guard fails closed. No permissions exist without a guard, for any config and any sequence of installations.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use regcred_testkit::FakeAws;
use serde_json::{Value, json};

use super::{APPLY, Actor, Expected::Guard, Row, secret_path};
use crate::{
    installed::{Installed, manifests},
    online::rows,
    rights::{PULL, project},
    world::{World, regcred, setting},
};

const TYPE: &str = "may only write Secrets of type";

/// Returns the most important attack: a token of a ServiceAccount of the platform.
fn token(namespace: &str, name: &str) -> Row {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": name, "annotations": { "kubernetes.io/service-account.name": "default" } },
    });
    let path = format!("{}?force=true", secret_path(namespace, name));
    Row::new(format!("a token in {namespace}"), "PATCH", path, APPLY, secret, Guard(TYPE))
}

fn is_guarded(world: &World, objects: &[Value]) -> bool {
    let policy = objects.iter().find(|it| it["kind"] == "ValidatingAdmissionPolicy").expect("it is guarded");
    let knows = world.knows(policy);
    if !knows {
        eprintln!("skipped: this server has no ValidatingAdmissionPolicy");
    }
    knows
}

/// The server compiles the printed guard quickly. With 187 names it refused a guard that 0.1.0 printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_a_config_of_any_length_is_guarded_or_not_printed() {
    let world = World::new().await;
    let namespace = project(&world).await;
    let label = format!("regcred.test/long={namespace}");
    world.kubectl(&["label", "namespace", &namespace, &label], "");
    let selector = format!("namespaces: {{ selector: '{label}' }}");
    let targets = |count: usize, of: &dyn Fn(usize) -> String| {
        (0..count).fold(String::from("targets:\n"), |mut yaml, number| {
            let _ = writeln!(yaml, "- {{ {}, region: {PULL} }}", of(number));
            yaml
        })
    };
    let name = |number: usize| format!("pull-{number:04}-{}", "x".repeat(60));
    let patterns = |of: &str, count: usize| {
        let all = (0..count).map(|number| format!("'{of}-{number:04}-*'")).collect::<Vec<_>>().join(", ");
        format!("[{all}]")
    };
    let configs: Vec<(&str, String, String)> = vec![
        ("250 names", targets(250, &|it| format!("{selector}, secret: {{ name: {} }}", name(it))), name(249)),
        ("600 names", targets(600, &|it| format!("{selector}, secret: {{ name: {} }}", name(it))), name(599)),
        (
            "100 selections",
            targets(100, &|it| {
                format!("namespaces: {{ selector: 'regcred.test/s{it}=x' }}, secret: {{ name: ecr-{it} }}")
            }),
            "ecr-99".into(),
        ),
        (
            "300 exclusions",
            targets(1, &|_| format!("namespaces: {{ include: ['*'], exclude: {} }}", patterns("not", 300))),
            "ecr-secret".into(),
        ),
        ("300 patterns", targets(1, &|_| format!("namespaces: {}", patterns("app", 300))), "ecr-secret".into()),
        (
            "2,000 namespaces and a selector",
            {
                let named = (0..2_000).map(|it| format!("team-{it:04}")).collect::<Vec<_>>().join(", ");
                format!("{}- {{ {selector}, region: {PULL} }}\n", targets(1, &|_| format!("namespaces: [{named}]")))
            },
            "ecr-secret".into(),
        ),
        (
            "200 labels and annotations",
            targets(1, &|_| {
                let pairs = (0..200).map(|it| format!("example.com/k{it}: v{it}")).collect::<Vec<_>>().join(", ");
                format!("{selector}, secret: {{ name: ecr-secret, labels: {{ {pairs} }}, annotations: {{ {pairs} }} }}")
            }),
            "ecr-secret".into(),
        ),
        (
            "200 ServiceAccounts",
            targets(1, &|_| {
                let accounts = (0..200).map(|it| format!("{{ name: a{it} }}")).collect::<Vec<_>>().join(", ");
                format!("{selector}, service_accounts: [{accounts}]")
            }),
            "ecr-secret".into(),
        ),
    ];
    for (what, yaml, name) in &configs {
        let start = Instant::now();
        let installed = Installed::new(&world, yaml, &["--mode", "daemon"]).await;
        if !is_guarded(&world, &installed.objects) {
            return;
        }
        eprintln!("S1: {what}: installed and in force after {:?}", start.elapsed());
        let pod = Actor::pod(&installed).await;
        pod.attacks(what, &[token("kube-system", name), token(&namespace, name)]).await;
        uninstall(&world, &installed);
    }
    // If a server would refuse the guard, regcred prints neither the guard nor the RBAC rules.
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.yaml");
    let long = (0..2_000).map(|it| format!("'a{it:04}-{}*'", "x".repeat(40))).collect::<Vec<_>>().join(", ");
    fs::write(&config, format!("targets: [{{ namespaces: [{long}], region: {PULL} }}]")).expect("it can be written");
    let mut command = Command::new(setting("REGCRED_LIVE_BINARY"));
    let printed = command.args(["manifests", "--config"]).arg(&config).env_clear().output().expect("regcred starts");
    assert!(!printed.status.success() && printed.stdout.is_empty(), "{}", String::from_utf8_lossy(&printed.stdout));
}

/// Removes the policies, because large policies slow down the tests that run at the same time.
fn uninstall(world: &World, installed: &Installed) {
    for kind in ["ClusterRoleBinding", "ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"] {
        for object in installed.objects.iter().filter(|it| it["kind"] == kind) {
            world.kubectl(&["delete", kind, object["metadata"]["name"].as_str().expect("a name")], "");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s2_two_installations_of_one_instance_are_both_guarded() {
    let world = World::new().await;
    let namespace = project(&world).await;
    let label = format!("regcred.test/twice={namespace}");
    world.kubectl(&["label", "namespace", &namespace, &label], "");
    let yaml = format!("targets: [{{ namespaces: {{ selector: '{label}' }}, region: {PULL} }}]");
    let instance = format!("twice-{namespace}");
    let first = Installed::of_instance(&world, &instance, &yaml, &["--mode", "daemon"]).await;
    if !is_guarded(&world, &first.objects) {
        return;
    }
    let second = Installed::of_instance(&world, &instance, &yaml, &["--mode", "daemon"]).await;
    assert_ne!(first.namespace, second.namespace);
    let rows = ["kube-system", "default", namespace.as_str()].map(|it| token(it, "ecr-secret"));
    for installed in [&first, &second] {
        let pod = Actor::pod(installed).await;
        pod.attacks("S2 two installations", &rows).await;
    }
    // After the second installation is removed, the first is guarded as before.
    uninstall(&world, &second);
    Actor::pod(&first).await.attacks("S2 after the second one is removed", &rows).await;
}

/// The policies are applied first, so permissions never exist without them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guard_is_applied_before_the_rights() {
    let world = World::new().await;
    let namespace = project(&world).await;
    let yaml = format!("targets: [{{ namespaces: {{ selector: 'regcred.test/order={namespace}' }}, region: {PULL} }}]");
    let installed = Installed::new(&world, &yaml, &["--mode", "daemon"]).await;
    let position = |kind: &str| installed.objects.iter().position(|it| it["kind"] == kind).expect("it is printed");
    let last = installed.objects.iter().rposition(|it| it["kind"] == "ValidatingAdmissionPolicyBinding");
    assert!(last.expect("it is printed") < position("ClusterRoleBinding"));
}

/// Applies the output of `regcred manifests`. Returns the path of the config, and whether the server knows the workload
/// kind.
fn apply(world: &World, dir: &Path, namespace: &str, yaml: &str, args: &[&str]) -> (String, bool) {
    let config = dir.join("config.yaml");
    fs::write(&config, yaml).expect("it can be written");
    let objects = manifests(&config, &[&["--no-namespace", "--namespace", namespace], args].concat());
    let known = objects.iter().filter(|it| world.knows(it)).map(Value::to_string).collect::<Vec<_>>();
    let mut runs = objects.iter().filter(|it| matches!(it["kind"].as_str(), Some("CronJob" | "Deployment")));
    let is_known = runs.all(|it| world.knows(it));
    let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, known.join(","));
    world.kubectl(&["apply", "--server-side", "--force-conflicts", "--filename", "-"], &list);
    (config.display().to_string(), is_known)
}

/// Returns what `regcred check --online` reports about leftovers of other modes: each warning with its fix.
async fn leftovers(world: &World, config: &str) -> Vec<(String, String)> {
    let aws = FakeAws::start().await;
    let output = regcred(&aws, &world.kubeconfig, &["check", "--online", "--config", config, "--output", "json"]);
    let report = serde_json::from_slice::<Value>(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let rows = rows(&report, "leftovers");
    assert!(!rows.is_empty(), "{report:#}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let wrong = rows.into_iter().filter(|it| it["result"] != "ok");
    wrong.map(|it| (text(&it["message"]), text(&it["fix"]))).collect()
}

/// A config, and the arguments of `regcred manifests`.
type Way<'a> = (&'a str, &'a [&'a str]);

/// The check finds a change of mode, and the commands in the fix remove the leftovers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn u1_leftovers_of_another_mode_are_found_and_removed_by_the_printed_commands() {
    let world = World::new().await;
    let label = |of: &str| format!("regcred.test/modes={of}");
    let selector = |of: &str| format!("targets: [{{ namespaces: {{ selector: '{}' }}, region: {PULL} }}]", label(of));
    let names = |of: &[&str]| format!("targets: [{{ namespaces: [{}], region: {PULL} }}]", of.join(", "));
    let (one, two) = (project(&world).await, project(&world).await);
    for namespace in [&one, &two] {
        world.kubectl(&["label", "namespace", namespace, &label(&one)], "");
    }
    let (chosen, both, first) = (selector(&one), names(&[&one, &two]), names(&[&one]));
    let guarded: Way<'_> = (&chosen, &[]);
    let daemon: Way<'_> = (&chosen, &["--mode", "daemon"]);
    let changes: [(&str, Way<'_>, Way<'_>, &str); 8] = [
        ("from a selector to names", daemon, (&both, &["--mode", "daemon"]), "ClusterRoleBinding"),
        (
            "from a guard to role bindings",
            daemon,
            (&both, &["--mode", "daemon", "--role-bindings"]),
            "ClusterRoleBinding",
        ),
        ("from names to a selector", (&both, &[]), guarded, "RoleBinding"),
        ("from role bindings to a guard", (&both, &["--role-bindings"]), guarded, "RoleBinding"),
        ("from a daemon to a CronJob", daemon, guarded, "several run"),
        ("from a CronJob to a daemon", guarded, daemon, "several run"),
        ("a namespace that is dropped", (&both, &[]), (&first, &[]), "RoleBinding"),
        ("nothing but the image", guarded, (&chosen, &["--image", "registry.example/regcred:2"]), ""),
    ];
    for (number, (what, (before, old), (after, new), expected)) in changes.into_iter().enumerate() {
        let (namespace, dir) = (world.namespace().await, tempfile::tempdir().expect("a folder"));
        let instance = format!("instance: modes-{number}-{one}\n");
        let (config, ran) = apply(&world, dir.path(), &namespace, &format!("{instance}{before}"), old);
        assert_eq!(leftovers(&world, &config).await, [], "{what}: before");
        let (config, runs) = apply(&world, dir.path(), &namespace, &format!("{instance}{after}"), new);
        if expected == "several run" && !(ran && runs) {
            eprintln!("{what}: this server has no CronJob of batch/v1");
            continue;
        }
        let mut found = leftovers(&world, &config).await;
        let is_found = found.iter().any(|(message, _)| message.contains(expected));
        assert_eq!(is_found, !expected.is_empty(), "{what}: {found:#?}");
        // One removal can cause another: the guard is unnecessary once the permissions are removed.
        for _ in 0..3 {
            for (_, fix) in &found {
                let commands =
                    fix.lines().map(str::trim).filter(|it| it.starts_with("kubectl") || it.starts_with("for "));
                // For "Keep one of them", keep the new one.
                let old_kind = if new.contains(&"daemon") { "cronjob/" } else { "deployment/" };
                for command in commands.filter(|it| !fix.starts_with("keep") || it.contains(old_kind)) {
                    let mut shell = Command::new("sh");
                    shell.args(["-ec", command]).env("KUBECONFIG", &world.kubeconfig).stdout(Stdio::null());
                    assert!(shell.status().expect("a shell is there").success(), "{what}: {command}");
                }
            }
            found = leftovers(&world, &config).await;
        }
        assert_eq!(found, [], "{what}: after the commands");
    }
}
