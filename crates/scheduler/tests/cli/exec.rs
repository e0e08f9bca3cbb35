//! The type `exec` in every command. A shell replaces the credential program.

use std::process::Command;

use serde_json::json;

use crate::world::{World, regcred, run};

const CONFIG: &str = r#"
providers:
  robot:
    type: exec
    protocol: docker
    command: /bin/sh
    args: [-c, 'read host; echo "{\"ServerURL\":\"$host\",\"Username\":\"robot\",\"Secret\":\"canary\"}"']
    registries: [registry.example]
    life: LIFE
targets: [{ namespace: team-a, providers: [robot], service_accounts: [] }]
"#;

/// Returns another command with the world of `once`.
fn command(world: &World, name: &str, config: &str, args: &[&str]) -> Command {
    let once = world.once(config, args);
    let mut command = Command::new(once.get_program());
    command.arg(name).args(once.get_args().skip(1)).env_clear();
    command.envs(once.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
}

fn config(life: &str) -> String {
    CONFIG.replace("LIFE", life)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_s_login_is_written_and_renewed_by_its_life() {
    let world = World::new(&["team-a"]).await;
    let (code, report, logs) = run(&mut world.once(&config("50m"), &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    assert!(!format!("{report} {logs}").contains("canary"), "{report:#} {logs}");
    let secret = &world.kube.objects("secrets")[0];
    assert!(secret["metadata"]["annotations"].to_string().contains("registry.example"), "{secret:#}");
    let (code, report, logs) = run(&mut command(&world, "status", &config("50m"), &["--output", "json"]));
    assert_eq!((code, &report["targets"][0]["state"]), (0, &json!("fresh")), "{report:#} {logs}");
    assert!(report["targets"][0]["expires_at"].is_string(), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_an_end_is_shown_as_static() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(&config("never"), &[])).0, 0);
    let shown = command(&world, "status", &config("never"), &[]).output().expect("the binary runs");
    let table = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(table.contains("fresh") && table.contains("static"), "{table}");
    let (code, report, _) = run(&mut command(&world, "status", &config("never"), &["--output", "json"]));
    assert_eq!((code, &report["targets"][0]["expires_at"]), (0, &json!(null)), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_fails_leaves_the_secret_and_is_never_quoted() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(&config("50m"), &[])).0, 0);
    let before = world.kube.objects("secrets");
    let failing = config("50m").replace("read host; echo", "echo canary >&2; echo canary; exit 1; echo");
    let (code, report, logs) = run(&mut world.once(&failing, &["--force", "--output", "json"]));
    assert_eq!(code, 3, "{report:#} {logs}");
    assert!(!format!("{report} {logs}").contains("canary"), "{report:#} {logs}");
    assert_eq!(world.kube.objects("secrets"), before);
}

#[test]
fn the_plan_and_the_check_know_the_registries_of_a_program() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/exec.yaml");
    let (code, report, told) = run(&mut regcred(&["check", "--output", "json", "--config", example]));
    assert_eq!((code, report["providers"].as_array().map(Vec::len)), (0, Some(2)), "{told}");
}
