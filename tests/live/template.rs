//! `regcred check --template --online`. The server validates the initial objects of a requested project in a dry run.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::world::{World, setting};

fn check(world: &World, template: &Path) -> (Option<i32>, Value) {
    let mut command = Command::new(setting("REGCRED_LIVE_BINARY"));
    command.args(["check", "--online", "--output", "json", "--template"]).arg(template);
    let output = command.arg("--kubeconfig").arg(&world.kubeconfig).env_clear().output().expect("it starts");
    let verdict = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), verdict)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_accepts_generated_template_objects_and_refuses_invalid_ones() {
    let world = World::new().await;
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests/profiles/template-role-bindings.yaml");
    let (code, verdict) = check(&world, &good);
    assert_eq!(code, Some(2), "this server is not OpenShift: {verdict:#}");
    let errors = verdict["errors"].as_array().expect("a list");
    assert!(
        errors.len() == 1 && errors[0]["message"].as_str().is_some_and(|it| it.contains("it is not OpenShift")),
        "{verdict:#}"
    );
    let dir = tempfile::tempdir().expect("a folder");
    let bad = dir.path().join("bad.yaml");
    let text = fs::read_to_string(&good).expect("text");
    // Only a server knows that this value must be a number.
    let quota = "  - apiVersion: v1\n    kind: ResourceQuota\n    metadata: { name: quota }\n    spec: { hard: { pods: many } }\n";
    fs::write(&bad, text.replace("parameters:\n", &format!("{quota}parameters:\n"))).expect("it can be written");
    let (code, verdict) = check(&world, &bad);
    assert_eq!(code, Some(2), "{verdict:#}");
    assert!(verdict["errors"].to_string().contains("objects[3]"), "{verdict:#}");
    let made = world.kubectl(&["get", "rolebindings,resourcequotas", "--namespace", "default", "--output", "name"], "");
    assert!(!made.contains("regcred-target") && !made.contains("quota"), "nothing is made: {made}");
}
