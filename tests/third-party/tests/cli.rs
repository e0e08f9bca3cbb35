//! The command line treats both types like the built-in ones.

use std::{fs, path::Path, process::Command};

use regcred_testkit::FakeKube;
use serde_json::Value;

const CONFIG: &str = "
providers:
  bot: { type: robot, host: quay.io }
  other: { type: robot, host: ghcr.io }
sinks:
  cluster: { type: kubernetes }
  shelf: { type: shelf }
targets:
  - { namespace: team-a, providers: [bot, other], sink: cluster }
  - { board: top, providers: [bot], sink: shelf }
";

/// Runs a command with the config. Returns its exit code and its output.
fn regcred(dir: &Path, line: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_their-regcred"));
    command.args(line.split(' ')).current_dir(dir).env_clear().env("KUBECONFIG", dir.join("kubeconfig"));
    let output = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn folder(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("regcred.yaml"), config).expect("it can be written");
    dir
}

#[test]
fn the_schema_describes_the_options_of_custom_types() {
    let (code, schema, _) = regcred(folder(CONFIG).path(), "schema");
    let schema = serde_json::from_str::<Value>(&schema).expect("JSON");
    assert_eq!(code, Some(0));
    assert_eq!(schema["$defs"]["Target"]["properties"]["board"]["description"], "Name of the board.");
    let text = schema["properties"]["providers"].to_string();
    assert!(text.contains(r#""const":"robot""#) && text.contains("Host of the registry."), "{text}");
}

#[test]
fn misspelt_options_and_duplicate_logins_are_refused_with_their_lines() {
    let (code, _, told) = regcred(folder(&CONFIG.replace("board: top", "bord: top")).path(), "check");
    assert!(code == Some(2) && told.contains("regcred.yaml:10: targets[1].bord: "), "{told}");
    let (code, _, told) = regcred(folder(&CONFIG.replace("ghcr.io", "quay.io")).path(), "check");
    let expected = "another of its providers already has a login for quay.io";
    assert!(code == Some(2) && told.contains(expected), "{told}");
    let (code, _, told) = regcred(folder(&CONFIG.replace("quay.io", "'not a host'")).path(), "check");
    assert!(code == Some(2) && told.contains("regcred.yaml:3: providers.bot.host: "), "{told}");
    let (code, said, told) = regcred(folder(CONFIG).path(), "check");
    assert!(code == Some(0) && said.contains("mints       2 for a full pass"), "{said}{told}");
    assert!(said.ends_with("connects    ghcr.io, quay.io\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_and_once_handle_targets_of_both_sinks() {
    let (kube, dir) = (FakeKube::start().await, folder(CONFIG));
    kube.add_namespace("team-a", &["default"]);
    fs::write(dir.path().join("kubeconfig"), kube.kubeconfig()).expect("it can be written");
    let (code, said, told) = regcred(dir.path(), "plan -o json");
    let plan = serde_json::from_str::<Value>(&said).unwrap_or_else(|_| panic!("{said}{told}"));
    let targets = plan["targets"].as_array().expect("a list");
    let row = |it: &Value| [&it["store"], &it["secret"], &it["step"]].map(|it| it.as_str().unwrap_or("").to_owned());
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(
        targets.iter().map(row).collect::<Vec<_>>(),
        [["cluster", "ecr-secret", "create"], ["shelf", "top", "create"]].map(|row| row.map(str::to_owned))
    );
    assert!(targets.iter().all(|it| it["bytes"].as_u64().is_some_and(|bytes| bytes > 40)), "{said}");
    let (code, said, told) = regcred(dir.path(), "once");
    assert_eq!(code, Some(0), "{said}{told}");
    assert!(kube.object("secrets", "team-a", "ecr-secret").is_some());
}

#[test]
fn the_manifests_grant_rights_only_for_targets_in_the_cluster() {
    let (code, said, told) = regcred(folder(CONFIG).path(), "manifests");
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains("kind: CronJob") && said.contains("- ecr-secret") && !said.contains("- top"), "{said}");
}

#[test]
fn identities_of_a_custom_type_are_flags_of_manifests() {
    let config = "providers: { b: { type: badge, host: quay.io } }\ntargets: [{ namespace: a, providers: [b] }]";
    let dir = folder(config);
    let (code, said, told) = regcred(dir.path(), "manifests --identity badge --badge-number 007 -o json");
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains(r#""name": "BADGE""#) && said.contains(r#""value": "7""#), "{said}");
    for (line, why) in [
        ("manifests --identity badge", "--badge-number <NUMBER>"),
        ("manifests --badge-number 7", "cannot use --badge-number: it needs --identity badge"),
        ("manifests --identity badge --badge-number x", "it is not a number"),
        ("manifests --identity pod-identity", "--identity pod-identity: no provider of the config supports it"),
        ("manifests --mode iam", "no type in the config has policies"),
    ] {
        let (code, _, told) = regcred(dir.path(), line);
        assert!(code == Some(2) && told.contains(why), "{line}: {told}");
    }
    let (_, help, _) = regcred(dir.path(), "manifests --help");
    assert!(help.contains("--badge-number <NUMBER>") && help.contains("- badge:"), "{help}");
}
