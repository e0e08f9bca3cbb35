//! Files of a machine as targets, without Kubernetes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::world::{World, regcred, run};

const EXAMPLE: &str = include_str!("../../../../config/files.yaml");
const PATHS: [&str; 4] =
    ["/root/.docker/config.json", "/run/containers/0/auth.json", "/etc/crio/auth.json", "/var/lib/kubelet/config.json"];
const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER: &str = r#"{"auths":{"quay.io":{"auth":"dTpw"}},"currentContext":"x"}"#;

/// Returns a command with an identity in AWS and without a kubeconfig.
fn command(world: &World, name: &[&str], config: &str, args: &[&str]) -> Command {
    let mut command = regcred(name);
    command.arg("--config").arg(world.write("regcred.yaml", config)).args(args);
    command.env("AWS_ENDPOINT_URL", world.aws.url());
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
    command
}

/// Returns the example with its paths below a folder, in which it creates the folders.
fn below(folder: &Path) -> String {
    PATHS.iter().fold(EXAMPLE.to_owned(), |config, path| {
        let path_here = folder.join(path.trim_start_matches('/'));
        fs::create_dir_all(path_here.parent().expect("a folder")).expect("it can be created");
        config.replace(path, &path_here.display().to_string())
    })
}

fn auths(path: &Path) -> Value {
    serde_json::from_slice::<Value>(&fs::read(path).expect("it is there")).expect("JSON")["auths"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_is_written_into_each_file_and_other_logins_stay() {
    let world = World::new(&[]).await;
    let config = below(world.dir.path());
    let at = |path: &str| world.dir.path().join(path.trim_start_matches('/'));
    fs::write(at(PATHS[0]), OTHER).expect("it can be written");
    let (code, report, logs) = run(&mut command(&world, &["plan"], &config, &["--output", "json"]));
    let steps = report["targets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["step"].as_str().unwrap_or_default())
        .collect::<Vec<_>>();
    assert_eq!((code, steps), (0, vec!["create", "refresh", "create", "create"]), "{report:#} {logs}");

    let (code, report, logs) = run(&mut command(&world, &["once"], &config, &["--output", "json"]));
    assert_eq!((code, world.mints()), (0, 1), "{report:#} {logs}");
    let login = auths(&at(PATHS[1]))[HOST].clone();
    for path in PATHS.map(at) {
        assert_eq!(auths(&path)[HOST], login, "{}", path.display());
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o7777, 0o600);
    }
    let docker = fs::read_to_string(at(PATHS[0])).expect("text");
    assert!(docker.contains(r#""quay.io":{"auth":"dTpw"}"#) && docker.contains(r#""currentContext":"x""#), "{docker}");

    let (code, report, logs) = run(&mut command(&world, &["once"], &config, &["--output", "json"]));
    let done = report["targets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["done"].as_str().unwrap_or_default())
        .collect::<Vec<_>>();
    assert_eq!((code, world.mints(), done), (0, 1, vec!["nothing"; 4]), "{report:#} {logs}");
    let (code, report, logs) = run(&mut command(&world, &["status"], &config, &["--output", "json"]));
    let target = &report["targets"][0];
    assert_eq!(
        (code, &target["state"], &target["registries"]),
        (0, &json!("fresh"), &json!([HOST])),
        "{report:#} {logs}"
    );

    fs::write(at(PATHS[2]), r#"{"auths":{}}"#).expect("it can be written");
    let (code, report, logs) = run(&mut command(&world, &["once"], &config, &["--output", "json"]));
    assert_eq!((code, auths(&at(PATHS[2]))[HOST].is_object()), (0, true), "{report:#} {logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_files_have_no_namespaces_and_no_service_accounts() {
    let world = World::new(&[]).await;
    let config = below(world.dir.path());
    for (name, args) in
        [(&["plan"][..], &[][..]), (&["once"], &[]), (&["status"], &[]), (&["next"], &["--online"]), (&["check"], &[])]
    {
        let output = command(&world, name, &config, args).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(output.status.code(), Some(0), "{name:?}: {text}");
        for word in ["NAMESPACE", "namespaces", "builder"] {
            assert!(!text.contains(word), "{name:?}: {text}");
        }
    }
    let output = command(&world, &["once"], &config, &["--output", "name"]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.lines().all(|line| line.starts_with('/')) && text.lines().count() == 4, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_file_does_not_stop_the_others() {
    let world = World::new(&[]).await;
    let config = below(world.dir.path());
    let at = |path: &str| world.dir.path().join(path.trim_start_matches('/'));
    fs::write(world.dir.path().join("real.json"), OTHER).expect("it can be written");
    symlink(world.dir.path().join("real.json"), at(PATHS[0])).expect("a link");
    fs::remove_dir(at("/etc/crio")).expect("it is empty");
    fs::write(at(PATHS[3]), "not JSON").expect("it can be written");
    let (code, report, logs) = run(&mut command(&world, &["once"], &config, &["--output", "json"]));
    let targets = report["targets"].as_array().expect("a list").iter();
    let codes = targets.map(|it| it["codes"][0].as_str().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!((code, codes), (1, vec!["RC0541", "RC0542", "", "RC0023"]), "{report:#} {logs}");
    assert!(auths(&at(PATHS[1]))[HOST].is_object());
    assert_eq!(fs::read_to_string(world.dir.path().join("real.json")).expect("text"), OTHER);
    assert_eq!(fs::read_to_string(at(PATHS[3])).expect("text"), "not JSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_target_that_cannot_be_is_refused_with_the_place() {
    let world = World::new(&[]).await;
    for (target, problem) in [
        ("path: x.json", "targets[0].path: it is not an absolute path"),
        ("path: /x/../y.json", "targets[0].path: it must name a file, without `..`"),
        ("path: /x/", "targets[0].path: it names a folder: add the name of the file"),
        ("path: /x.json, mode: '0644'", "targets[0].mode: every user of the machine could read the logins"),
        ("path: /x.json, mode: '0400'", "targets[0].mode: the owner must be able to read and write the file"),
        ("path: /x.json, mode: rw", "targets[0].mode: it is not a file mode such as \"0600\""),
        ("path: /x.json, namespace: team-a", "targets[0].namespace: a file is in no namespace: remove the key"),
        ("mode: '0600'", "targets[0].path: it is missing"),
        ("region: eu-west-1", "targets[0].namespace: it is missing, and so are the keys of its sink, such as `path`"),
        (
            "path: /x.json }, { sink: machine, providers: [ecr], path: /x.json, mode: '0640'",
            "targets[1].path: targets[0] writes the same file: unite the two entries",
        ),
    ] {
        let providers = if target.starts_with("region") { "" } else { "providers: [ecr], " };
        let config = format!(
            "providers: {{ ecr: {{ type: ecr, region: eu-west-1 }} }}\nsinks: {{ machine: {{ type: file }} }}\n\
             targets: [{{ sink: machine, {providers}{target} }}]\n"
        );
        let (code, _, told) = run(&mut command(&world, &["check"], &config, &[]));
        assert!(code == 2 && told.contains(problem), "{target}: {told}");
    }
}
