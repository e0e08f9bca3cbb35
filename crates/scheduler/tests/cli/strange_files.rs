//! Invalid files: regcred names the file, refuses it immediately, and quotes nothing from it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::world::{World, regcred};

const CONFIG: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";
/// Common files, each with a secret.
const SECRETS: [(&str, &str); 8] = [
    ("an AWS file", "[default]\naws_access_key_id = canary\naws_secret_access_key = canary\n"),
    (
        "a kubeconfig",
        "apiVersion: v1\nkind: Config\nusers: [{ name: canary, user: { token: canary } }]\nclusters: []\n",
    ),
    ("a token", "eyJhbGciOi.canary.canary"),
    ("a key", "-----BEGIN PRIVATE KEY-----\ncanary\ncanary=\n-----END PRIVATE KEY-----\n"),
    ("a docker config", "{\"auths\":{\"r.example\":{\"auth\":\"canary\"}}}"),
    ("an environment", "PASSWORD=canary\nTOKEN='canary'\n"),
    ("a map", "canary: canary\ncanary2: [canary, { canary: canary }]\n"),
    (
        "half a config",
        "instance: canary canary\ntargets: [{ namespace: canary canary, canary: canary }]\nschedule: canary\n",
    ),
];

fn told(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("it starts");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn check(config: &Path) -> (Option<i32>, String) {
    told(regcred(&["check", "--config"]).arg(config))
}

#[test]
fn a_file_behind_a_link_out_of_its_folder_is_never_quoted() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let link = folder.path().join("regcred.yaml");
    for (what, text) in SECRETS {
        let file = elsewhere.path().join("file");
        fs::write(&file, text).expect("it can be written");
        symlink(&file, &link).expect("a link");
        let (code, told) = check(&link);
        assert!(code == Some(2) && !told.contains("canary"), "{what}: {told}");
        assert!(told.contains("is a link to a file outside its folder"), "{what}: {told}");
        fs::remove_file(&link).expect("it is there");
    }
    fs::write(elsewhere.path().join("file"), CONFIG).expect("it can be written");
    symlink(elsewhere.path().join("file"), &link).expect("a link");
    assert_eq!(check(&link).0, Some(0), "a config may be a link");
}

#[test]
fn a_file_that_is_not_a_config_is_never_quoted() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("file");
    for (what, text) in SECRETS.into_iter().filter(|(what, _)| *what != "half a config") {
        fs::write(&file, text).expect("it can be written");
        let (code, told) = check(&file);
        assert!(code == Some(2) && !told.contains("canary"), "{what}: {told}");
    }
}

#[test]
fn a_mounted_config_map_is_quoted_like_any_other_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("..2026_01_01");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("regcred.yaml"), "targets: []\ninstnace: blue\n").expect("it can be written");
    symlink("..2026_01_01", dir.path().join("..data")).expect("a link");
    symlink("..data/regcred.yaml", dir.path().join("regcred.yaml")).expect("a link");
    let (code, told) = check(&dir.path().join("regcred.yaml"));
    assert!(code == Some(2) && told.contains("instnace") && told.contains("instance"), "{told}");
}

/// Returns paths that block a reader, or that are not regular files of a sane size.
fn endless(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let pipe = dir.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let (large, linked) = (dir.join("large"), dir.join("linked"));
    fs::write(&large, vec![b' '; 4 * 1024 * 1024 + 1]).expect("it can be written");
    symlink(&pipe, &linked).expect("a link");
    vec![
        ("a pipe", pipe),
        ("a link to a pipe", linked),
        ("a device", "/dev/zero".into()),
        ("a folder", dir.to_owned()),
        ("a large file", large),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_device_or_endless_file_is_refused_at_once() {
    let world = World::new(&["team-a"]).await;
    let good = |name: &str| world.dir.path().join(name);
    world.write("regcred.yaml", CONFIG);
    for (what, path) in endless(world.dir.path()) {
        let user =
            world.kube.kubeconfig().replace("token: bearer-of-the-fake", &format!("tokenFile: {}", path.display()));
        world.write("with-token-file", &user);
        let authority = format!("server: https://127.0.0.1:1\n    certificate-authority: {}", path.display());
        world.write(
            "with-authority",
            &world.kube.kubeconfig().replace(&format!("server: {}", world.kube.url()), &authority),
        );
        let run = |command: &str, config: &Path, kubeconfig: &Path, variable: Option<(&str, &Path)>| {
            let mut regcred = regcred(&[command, "--config"]);
            regcred.arg(config).arg("--kubeconfig").arg(kubeconfig).env("AWS_ENDPOINT_URL", world.aws.url());
            if let Some((name, path)) = variable {
                regcred.env(name, path);
            }
            let began = Instant::now();
            let (code, told) = told(&mut regcred);
            assert!(began.elapsed() < Duration::from_secs(20), "{command}, {what}: it took {:?}", began.elapsed());
            (code, told)
        };
        let (config, kubeconfig) = (good("regcred.yaml"), good("kubeconfig"));
        for command in ["once", "run", "plan"] {
            let (code, told) = run(command, &path, &kubeconfig, None);
            assert!(code == Some(2) && told.contains(&path.display().to_string()), "config, {command}, {what}: {told}");
            for named in [path.clone(), good("with-token-file"), good("with-authority")] {
                let (code, told) = run(command, &config, &named, None);
                assert!(code == Some(2) && told.contains(&path.display().to_string()), "{command}, {what}: {told}");
            }
        }
        for variable in ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "SSL_CERT_FILE"] {
            let (code, told) = run("once", &config, &kubeconfig, Some((variable, &path)));
            assert!(matches!(code, Some(1 | 2)) && told.contains("cannot"), "{variable}, {what}: {code:?} {told}");
        }
    }
}

#[test]
fn a_config_can_be_read_from_standard_input_or_a_pipe() {
    for source in ["-", "/dev/stdin"] {
        let mut shell = Command::new("sh");
        let script = format!("printf '%s' '{CONFIG}' | \"$0\" check --config {source}");
        let (code, told) = told(shell.args(["-c", &script, env!("CARGO_BIN_EXE_regcred")]));
        assert_eq!(code, Some(0), "{source}: {told}");
    }
    let mut shell = Command::new("bash");
    let script = format!("\"$0\" check --config <(printf '%s' '{CONFIG}')");
    let (code, told) = told(shell.args(["-c", &script, env!("CARGO_BIN_EXE_regcred")]));
    assert_eq!(code, Some(0), "{told}");
}

/// The author of a kubeconfig may be another person than the one who runs the pod.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_pod_a_kubeconfig_runs_no_program_and_reads_no_outside_file() {
    let world = World::new(&["team-a"]).await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let file = elsewhere.path().join("token");
    fs::write(&file, "canary").expect("it can be written");
    let (left, elsewhere) = (world.dir.path().join("left"), file.display().to_string());
    symlink(&file, world.dir.path().join("linked")).expect("a link");
    world.write("near", "bearer-of-the-fake");
    let (config, kubeconfig) = (world.write("regcred.yaml", CONFIG), world.dir.path().join("kubeconfig"));
    let user = |user: &str| world.kube.kubeconfig().replace("token: bearer-of-the-fake", user);
    let touch = left.display();
    let other = |more: &str| format!("{}\n- name: other\n  user:\n    {more}\n", "").replace("\n- name", "- name");
    let cluster = |more: &str| {
        let server = format!("server: {}", world.kube.url());
        world.kube.kubeconfig().replace(&server, &format!("{server}\n    {more}"))
    };
    let beside = |more: &str| world.kube.kubeconfig().replace("contexts:\n", &format!("{}contexts:\n", other(more)));
    let refused = [
        user(&format!("exec: {{ apiVersion: client.authentication.k8s.io/v1, command: touch, args: [{touch}] }}")),
        user(&format!(
            "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: /usr/bin/touch, args: [{touch}] }}"
        )),
        user(&format!("auth-provider: {{ name: gcp, config: {{ cmd-path: touch, cmd-args: {touch} }} }}")),
        user(&format!(
            "auth-provider: {{ name: gcp, config: {{ cmd-path: /proc/self/exe, cmd-args: '{touch}', token-key: '{{.x}}' }} }}"
        )),
        user("auth-provider: { name: oidc, config: { idp-issuer-url: https://idp.example, refresh-token: canary } }"),
        user("auth-provider: { name: azure }"),
        beside(&format!("exec: {{ apiVersion: client.authentication.k8s.io/v1, command: touch, args: [{touch}] }}")),
        user(&format!("tokenFile: {elsewhere}")),
        user("tokenFile: linked"),
        user("tokenFile: ../../../../../../../../etc/hostname"),
        user("tokenFile: /etc/hostname"),
        user(&format!("client-certificate: near\n    client-key: {elsewhere}")),
        user(&format!("client-certificate: {elsewhere}\n    client-key: near")),
        cluster(&format!("certificate-authority: {elsewhere}")),
        beside(&format!("tokenFile: {elsewhere}")),
    ];
    for text in &refused {
        fs::write(&kubeconfig, text).expect("it can be written");
        for command in ["once", "status"] {
            let mut regcred = regcred(&[command, "--config"]);
            regcred.arg(&config).arg("--kubeconfig").arg(&kubeconfig).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
            let (code, told) = told(regcred.env("PATH", "/usr/bin:/bin").env("AWS_ENDPOINT_URL", world.aws.url()));
            assert_eq!(code, Some(2), "{text}: {told}");
            assert!(told.contains("a pod") && !told.contains("canary"), "{text}: {told}");
        }
    }
    assert!(!left.exists(), "nothing was run");
    assert!(world.kube.requests().is_empty(), "nothing was sent");
    fs::write(&kubeconfig, user("tokenFile: near")).expect("it can be written");
    let mut regcred = regcred(&["status", "--config"]);
    let (code, told) =
        told(regcred.arg(&config).arg("--kubeconfig").arg(&kubeconfig).env("KUBERNETES_SERVICE_HOST", "10.0.0.1"));
    assert!(code == Some(1) && told.contains("team-a"), "a file beside it is fine: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_http_server_outside_loopback_is_refused() {
    let world = World::new(&["team-a"]).await;
    let config = world.write("regcred.yaml", CONFIG);
    let status = |server: &str| {
        let kubeconfig = world.kube.kubeconfig().replace(&world.kube.url(), server);
        let mut regcred = regcred(&["status", "--config"]);
        told(regcred.arg(&config).arg("--kubeconfig").arg(world.write("kubeconfig", &kubeconfig)))
    };
    for server in [
        "http://10.0.0.1:6443",
        "http://api.example",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://0.0.0.0:1",
        "http://[2001:db8::1]:6443",
        "http://user:canary@api.example",
        "http://169.254.169.254",
        "HTTP://api.example",
    ] {
        let (code, told) = status(server);
        assert!(code == Some(2) && told.contains("neither HTTPS nor on loopback"), "{server}: {told}");
        assert!(!told.contains("canary"), "{told}");
    }
    for server in [&world.kube.url(), &world.kube.url().replace("127.0.0.1", "localhost")] {
        assert_eq!(status(server).0, Some(1), "{server}: the Secret is missing");
    }
}
